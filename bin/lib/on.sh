# Sourced by bin/test. `test_on SUITE ARGUMENTS` runs bin/test with them on another Debian: in a root made by debootstrap
# and kept, on this kernel. All that it starts and mounts lives in namespaces, and goes with the run.

ROOTS=/var/cache/discode/roots

test_on() {
    local suite=$1 base status=0
    shift
    [ "$suite" = trixie ] || fail "the name of a system that --on knows, which is trixie (Debian 13)"
    [ "$(id -u)" = 0 ] || fail "root to make and enter a root of $suite: run it with sudo"
    need debootstrap
    base=$ROOTS/$suite
    mkdir -p "$ROOTS"
    exec 9> "$base.lock"
    flock --nonblock 9 || { say "Another run uses $base: this one waits for its end."; flock 9; }
    make_root "$suite" "$base"
    carry_settings "$base"
    carry_checkout "$base"
    trap 'kill -KILL "$run" 2> /dev/null || true' EXIT
    trap 'exit 143' TERM
    # Without the lock, which what is left of an earlier run must not hold.
    unshare --mount --pid --fork --kill-child bash "$ROOT/bin/lib/enter.sh" "$base" "$@" 9>&- <&0 &
    run=$!
    wait "$run" || status=$?
    say "Ran on $(. "$base/etc/os-release" && echo "$PRETTY_NAME"), on this machine's kernel. NOT TRIED: Ubuntu."
    return "$status"
}

make_root() {
    local suite=$1 base=$2 log why
    [ ! -d "$base" ] || return 0
    say "Making a root of Debian's $suite in $base (about a minute; remove it when you want a new one)"
    rm -rf "$base.partial"
    log=$(mktemp)
    # Without a mirror's address debootstrap takes the one that it knows.
    # shellcheck disable=SC2046
    if ! debootstrap --variant=minbase --include=ca-certificates "$suite" "$base.partial" $(debian_mirror) > "$log" 2>&1; then
        why=$(tail -n 1 "$log")
        rm -rf "$log" "$base.partial"
        fail "a root of $suite, and debootstrap cannot make one (${why:-no reason is told})"
    fi
    rm -f "$log"
    mkdir -p "$base.partial/discode" "$base.partial/host"
    mv "$base.partial" "$base"
}

# The first mirror of Debian that apt uses here; nothing on another distribution.
debian_mirror() {
    grep -qx 'ID=debian' /etc/os-release || return 0
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2> /dev/null |
        sed -nE '/^(deb |URIs:)/ s#.* ((https?|file)://[^ ]+/debian)/?( .*)?$#\1#p' | sed -n 1p
}

# How packages are reached from here, whatever way that is: apt's proxies, pip's settings, certificates.
carry_settings() {
    local base=$1 file
    while read -r file; do cp "$file" "$base/etc/apt/apt.conf.d/"; done < <(
        grep -lisE '^ *acquire::' /etc/apt/apt.conf /etc/apt/apt.conf.d/*
    )
    mkdir -p "$base/root/.config/pip" "$base/usr/local/share/ca-certificates"
    for file in /etc/pip.conf /root/.config/pip/pip.conf /root/.pip/pip.conf; do
        [ ! -f "$file" ] || install -D -m 600 "$file" "$base$file"
    done
    if compgen -G '/usr/local/share/ca-certificates/*.crt' > /dev/null; then
        cp /usr/local/share/ca-certificates/*.crt "$base/usr/local/share/ca-certificates/"
    fi
    chroot "$base" update-ca-certificates > /dev/null 2>&1
    rm -f "$base/etc/resolv.conf"
    cp /etc/resolv.conf /etc/hosts "$base/etc/"
}

# The checkout as it is, without what belongs to this system. Its virtual environment stays from run to run.
carry_checkout() {
    local base=$1
    find "$base/discode" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
    tar -C "$ROOT" --exclude=./.git --exclude=./.venv --exclude='./.*_cache' --exclude=__pycache__ --exclude=./dist -cf - . |
        tar -C "$base/discode" --no-same-owner -xf -
}
