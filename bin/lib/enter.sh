#!/usr/bin/env bash
# The first process of the namespaces that on.sh makes: `enter.sh ROOT ARGUMENTS` makes ROOT the root, not by chroot, in
# which Docker cannot start containers, and runs bin/test there. When it ends, the kernel ends and unmounts the rest.
set -euo pipefail
base=$1
shift

# Folders with packages that pip's settings name, and what this project's variables name. An index called `simple` has
# its files beside it.
named_paths() {
    {
        python3 -m pip config list 2> /dev/null || true
        env | grep -E '^(PIP|DISCODE)_' || true
    } | grep -oE "/[^ ,:'\"\\]+" | sed 's|^/*|/|; s|/simple/*$||' | sort -u | while read -r path; do
        case $path in /etc/* | /proc/* | /dev/* | /sys/*) continue ;; esac
        [ ! -e "$path" ] || printf '%s\n' "$path"
    done
}

bind() {
    if [ -d "$1" ]; then mkdir -p "$base$1"; else install -D /dev/null "$base$1"; fi
    mount --bind "$1" "$base$1"
}

mount --make-rprivate /
mount --bind "$base" "$base"
rm -rf "$base/tmp"
mkdir -m 1777 "$base/tmp"
mount --rbind /sys "$base/sys"
mount --rbind /dev "$base/dev"
mount -t proc proc "$base/proc"
mount -t tmpfs -o mode=755 tmpfs "$base/run"
while read -r path; do bind "$path"; done < <(named_paths)
mapfile -d '' -t kept < <(env -0 | grep -zE '^(TERM|PIP_[A-Z_]+|DISCODE_[A-Z_]+|([a-z]+|[A-Z]+)_(proxy|PROXY))=')
cd "$base"
mkdir -p host
pivot_root . host
umount --lazy /host
cd /discode
# Not exec: the first process has to stay a shell, which waits for whatever loses its parent.
status=0
env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${kept[@]}" bin/test "$@" < /dev/stdin || status=$?
exit "$status"
