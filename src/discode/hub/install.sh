#!/bin/sh
# Installs the `discode` command for apps from @{url}
#
#   curl -fsS @{url}/install.sh | sh
#
# It needs curl or wget, tar, gzip and the usual small tools. It writes to /opt/discode and /usr/local/bin as root, else to
# ~/.local; DISCODE_PREFIX names another place. It takes no code but what this hub has, whose hashes are in here, and it
# brings the vendor's root key: from then on nothing is believed that the vendor did not sign, whoever has this address.
# Run again, it brings the newest build; the command is there at every moment. It starts nothing and changes nothing
# else.
set -eu
umask 022
# The caller's environment may have variables of these names, too.
bin='' unpacked=''

main() {
    url='@{url}'
    say "Discode for apps from $url"
    choose_places
    choose_build
    work=$(mktemp -d) || fail "no temporary folder can be made in ${TMPDIR:-/tmp}." "set TMPDIR to a folder with room for it."
    trap 'rm -rf "$work" ${unpacked:+"$unpacked"}' EXIT
    [ -d "$build" ] || { fetch_build; unpack_build; }
    trust_roots
    switch_to_build
    say "Installed: $bin/discode"
    case ":$PATH:" in *":$bin:"*) ;; *) say "Note: $bin is not in your PATH." ;; esac
    say "Next: discode install APP --host APP.YOUR-DOMAIN, with your license key in \$DISCODE_LICENSE or --license-file"
}

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "Error: $1"
    if [ -n "$bin" ] && [ -e "$bin/discode" ]; then say "The discode command that is here is still the one from before."; else say "Nothing was installed."; fi
    say "Next: $2"
    exit 1
}

choose_places() {
    if [ -n "${DISCODE_PREFIX:-}" ]; then
        place=$DISCODE_PREFIX/lib bin=$DISCODE_PREFIX/bin
    elif [ "$(id -u)" = 0 ]; then
        place=/opt/discode bin=/usr/local/bin
    elif [ -n "${HOME:-}" ]; then
        place=$HOME/.local/lib/discode bin=$HOME/.local/bin
    else
        fail "HOME is not set, so there is no place for it." "set DISCODE_PREFIX to a folder."
    fi
}

choose_build() {
    name=discode-linux-$(uname -m).tar.gz
    sum=$(builds | sed -n "s/^$name //p")
    [ -n "$sum" ] || fail "$url has no build of Discode for this machine ($(uname -m))." \
        "ask the vendor for one; they add it with: discode hub build $name"
    build=$place/builds/$(printf %.16s "$sum")
}

fetch_build() {
    say "Fetching $name"
    fetch "$url/download/$name" "$work/$name" || fail "$url/download/$name did not come." "check the network and the room in $work, then try again."
    printf '%s  %s\n' "$sum" "$work/$name" | sha256sum -c - > /dev/null 2>&1 ||
        fail "$name is not the file that this installer knows." "try again; if it stays, tell the vendor."
}

# Under its own name only when it is whole.
unpack_build() {
    make_folder "$place/builds"
    unpacked=$build.new.$$
    mkdir "$unpacked" 2> /dev/null || fail "$place cannot be written." "$elsewhere"
    # -o: the files belong to who unpacks them, also when that is root.
    gzip -dc "$work/$name" | tar -C "$unpacked" -xof - 2> "$work/words" ||
        fail "$name could not be unpacked: $(tail -n 1 "$work/words")" "free some room on the disk, then try again."
    [ -d "$build" ] || mv "$unpacked/discode" "$build"
    rm -rf "$unpacked"
}

# The first root, whose fingerprint the vendor tells, and those after it. (An at sign is doubled for the hub, which fills this in.)
trust_roots() {
    set --
    number=0
    for root in $(roots); do
        number=$((number + 1))
        printf '%s' "$root" | base64 -d > "$work/$number.root.json" ||
            fail "there is no room in $work." "free some, or set TMPDIR to another folder."
        set -- "$@@" --root "$work/$number.root.json"
    done
    "$build/discode" trust "$url" "$@@" --floor @{floor} > /dev/null ||
        fail "the vendor's root key could not be kept." "see the sentence above."
}

# One rename. The build from before stays, for what was started from it may still run; older ones go.
switch_to_build() {
    make_folder "$bin"
    before=$(readlink "$bin/discode" || true)
    [ "$before" != "$build/discode" ] || return 0
    ln -s "$build/discode" "$bin/.discode.$$" 2> /dev/null || fail "$bin cannot be written." "$elsewhere"
    mv -f "$bin/.discode.$$" "$bin/discode"
    for old in "$place"/builds/*; do
        case $old in "$build" | "${before%/discode}") ;; *) rm -rf "$old" ;; esac
    done
}

elsewhere="run this as root, or set DISCODE_PREFIX to a folder that you can write to."

make_folder() { mkdir -p "$1" 2> /dev/null || fail "$1 cannot be made." "$elsewhere"; }

fetch() {
    if command -v curl > /dev/null; then curl -fsS -o "$2" "$1"; else wget -q -O "$2" "$1"; fi
}

builds() {
    cat << 'BUILDS'
@{builds}
BUILDS
}

# A line for each, the first one first.
roots() {
    cat << 'ROOTS'
@{roots}
ROOTS
}

# Everything is read before anything is done: a connection that breaks leaves half a script, which does nothing.
main
