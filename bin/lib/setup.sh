# Sourced by the commands in bin/. `setup EXTRA ...` gives them $PYTHON, with this project and the extras' libraries, and
# `need THING ...` programs of the system. What is missing is installed; what cannot be had ends the command, with one
# sentence that says what it needs.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"
NAME="bin/$(basename "$0")"
# rig, for whatever runs from here: the engines, registries, … that demo, tests, chaos and bench share.
export PYTHONPATH="$ROOT"

say() { printf '%s\n' "$*" >&2; }
fail() { say "$NAME needs $*."; exit 1; }

# Whoever starts this may ignore signals, which a shell cannot take back, and tests send them.
[ -z "$(trap -p INT QUIT PIPE)" ] || exec env --default-signal=INT,QUIT,PIPE "$0" "$@"
# Nor do file modes, or the language of other programs' messages, depend on the caller.
umask 022
export LC_ALL=C.UTF-8
# Nor how often a module is compiled.
unset PYTHONDONTWRITEBYTECODE

[ -w "$ROOT" ] || fail "to write to its checkout, and $(id -un) cannot write to $ROOT: use a clone of your own"

source "$ROOT/bin/lib/python.sh"
source "$ROOT/bin/lib/packages.sh"
