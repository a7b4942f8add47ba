# Sourced by setup.sh. `need THING ...`: the system's packages for them, installed all at once when some are missing.

OLDEST_HAPROXY=2.6

MISSING=()

need() {
    look_for "$@"
    install_missing "$@"
}

# Ends the command when something is missing that cannot be installed here.
look_for() {
    local thing
    MISSING=()
    for thing in "$@"; do
        [ "$thing" != docker ] || [ "$(id -u)" = 0 ] ||
            fail "root for a Docker engine of its own: run it with sudo, or without what takes Docker"
        mapfile -t -O ${#MISSING[@]} MISSING < <("packages_of_$thing")
    done
    [ ${#MISSING[@]} = 0 ] || can_install "${MISSING[*]}" "${MISSING[@]}"
}

install_missing() {
    [ ${#MISSING[@]} = 0 ] || apt_install "${MISSING[*]}" "${MISSING[@]}"
    # From Debian 13 on Docker's client is a package of its own.
    case " $* " in *" docker "*) has docker || apt_install "docker-cli" docker-cli ;; esac
    case " $* " in *" haproxy "*) check_haproxy ;; esac
}

has() { command -v "$1" > /dev/null || [ -x "/usr/sbin/$1" ]; }

packages_of_haproxy() { has haproxy || echo haproxy; }
packages_of_wrk() { has wrk || echo wrk; }
packages_of_ruby() { has ruby || echo ruby; }

# An ACME server for tests, and its DNS.
packages_of_pebble() { { has pebble && has pebble-challtestsrv; } || echo pebble; }

# A DNS server for tests, with the database that its zones are in.
packages_of_powerdns() {
    has pdns_server || echo pdns-server
    [ -e /usr/share/pdns-backend-sqlite3 ] || echo pdns-backend-sqlite3
    has sqlite3 || echo sqlite3
}

packages_of_postgresql() { compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || has initdb || echo postgresql; }

# What the measurements of the proxy take: a load and an upstream.
packages_of_bench_proxy() {
    has taskset || echo util-linux
    packages_of_wrk
    has nginx || echo nginx-light
}

# What the tests of install.sh, of a machine without an engine and of units take. Of systemd its tools alone.
packages_of_test_tools() {
    packages_of_curl
    has ip || echo iproute2
    has systemd-analyze || echo systemd
}

packages_of_restic() { has restic || echo restic; }

# What repositories of backups are on in tests; S3 is a library of Python's.
packages_of_storages() {
    packages_of_ssh
    has rclone || echo rclone
}

# The customer of a demo has it, for install.sh.
packages_of_curl() { has curl || echo curl; }

packages_of_debootstrap() { has debootstrap || echo debootstrap; }

# The SSH server that Kamal deploys over.
packages_of_ssh() {
    has sshd || echo openssh-server
    has ssh-keygen || echo openssh-client
}

# An engine, a registry and a base of images, for runs that have all of these of their own.
packages_of_docker() {
    has dockerd || echo docker.io
    has iptables || echo iptables
    has docker-registry || echo docker-registry
    packages_of_debootstrap
}

check_haproxy() {
    local binary version
    binary=$(PATH="$PATH:/usr/sbin" command -v haproxy)
    version=$("$binary" -v 2> /dev/null | sed -nE 's/^HA-?Proxy version ([0-9.]+).*/\1/p')
    printf '%s\n' "$OLDEST_HAPROXY" "${version:-0}" | sort -CV ||
        fail "HAProxy $OLDEST_HAPROXY or newer, and $binary is ${version:-none}"
}

# `can_install NEED PACKAGE ...`, `apt_install NEED PACKAGE ...`: NEED is what the command needs, in words.
can_install() {
    local need=$1
    shift
    has apt-get || fail "$need: install that with this system's package manager"
    [ "$(id -u)" = 0 ] || fail "$need: sudo apt-get install $*"
}

apt_install() {
    local need=$1 log why
    can_install "$@"
    shift
    say "Installing from the distribution: $*"
    log=$(mktemp)
    if without_daemons install_packages "$@" > "$log" 2>&1; then rm -f "$log"; return; fi
    why=$(sed -n 's/^E: //p' "$log" | tail -n 1)
    rm -f "$log"
    fail "$need, and apt-get cannot install $* (${why:-no reason is told})"
}

# A fresh machine has no package lists, or old ones.
install_packages() { apt_get_install "$@" || { apt-get update && apt_get_install "$@"; }; }

apt_get_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
}

# Daemons that a package brings are not started: they would take ports of this machine.
without_daemons() {
    local policy=/usr/sbin/policy-rc.d made="" status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
        made=1
    fi
    "$@" || status=$?
    [ -z "$made" ] || rm -f "$policy"
    return "$status"
}
