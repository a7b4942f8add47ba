#!/bin/sh
# Installs the `discode` command for apps from @{url}
#
#   curl -fsS @{url}/install.sh | sh
#
# It needs curl or wget, tar, gzip and sha256sum. It writes to /opt/discode and /usr/local/bin as root, else to
# ~/.local; DISCODE_PREFIX names another place. It brings the vendor's root key: from then on nothing is believed that
# the vendor did not sign, whoever has this address. It starts nothing and changes nothing else.
set -eu

main() {
    url='@{url}'
    say "Discode for apps from $url"
    choose_places
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    install_command
    write_root > "$work/root.json"
    "$bin/discode" trust "$url" --root "$work/root.json" --floor @{floor} > /dev/null
    say "Installed: $bin/discode"
    case ":$PATH:" in *":$bin:"*) ;; *) say "Note: $bin is not in your PATH." ;; esac
    say "Next: discode install APP --host APP.YOUR-DOMAIN, with your license key in \$DISCODE_LICENSE or --license-file"
}

say() { printf '%s\n' "$*" >&2; }

fail() { say "Error: $1"; say "Nothing was installed. Next: $2"; exit 1; }

choose_places() {
    if [ -n "${DISCODE_PREFIX:-}" ]; then
        place=$DISCODE_PREFIX/lib bin=$DISCODE_PREFIX/bin
    elif [ "$(id -u)" = 0 ]; then
        place=/opt/discode bin=/usr/local/bin
    else
        place=$HOME/.local/lib/discode bin=$HOME/.local/bin
    fi
}

install_command() {
    name=discode-linux-$(uname -m).tar.gz
    sum=$(builds | sed -n "s/^$name //p")
    if [ -z "$sum" ]; then
        install_with_python
        return
    fi
    say "Fetching $name"
    fetch "$url/download/$name" "$work/$name" || fail "$url/download/$name did not come." "check the network, try again."
    printf '%s  %s\n' "$sum" "$work/$name" | sha256sum -c - > /dev/null 2>&1 ||
        fail "$name is not the file that this installer knows." "try again; if it stays, tell the vendor."
    mkdir -p "$place" "$bin"
    rm -rf "$place/new"
    mkdir "$place/new"
    gzip -dc "$work/$name" | tar -C "$place/new" -xf - || fail "$name could not be unpacked." "free some room on the disk."
    rm -rf "$place/discode"
    mv "$place/new/discode" "$place/discode"
    rmdir "$place/new"
    ln -sf "$place/discode/discode" "$bin/discode"
}

install_with_python() {
    say "This hub has no self-contained build for $(uname -m): Python 3.11 or newer is needed."
    python=$(command -v python3 || true)
    [ -n "$python" ] && "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2> /dev/null ||
        fail "there is no Python 3.11 with venv here." "install it (apt-get install python3-venv), then run this again."
    mkdir -p "$place" "$bin"
    "$python" -m venv "$place/venv"
    "$place/venv/bin/pip" install --quiet --upgrade discode || fail "pip could not install discode." "see its words above."
    ln -sf "$place/venv/bin/discode" "$bin/discode"
}

fetch() {
    if command -v curl > /dev/null; then curl -fsS -o "$2" "$1"; else wget -q -O "$2" "$1"; fi
}

builds() {
    cat << 'BUILDS'
@{builds}
BUILDS
}

write_root() {
    base64 -d << 'ROOT'
@{root}
ROOT
}

# Everything is read before anything is done: a connection that breaks leaves half a script, which does nothing.
main
