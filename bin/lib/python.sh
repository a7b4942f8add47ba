# Sourced by setup.sh. `setup EXTRA ...`: a virtual environment in .venv with this project and the named extras, made or
# completed only when pyproject.toml has changed. Says what it installs, on stderr.

OLDEST_PYTHON=3.11
# Marks a virtual environment as made here, which may be made again without asking; has the checkout's path in it.
MARK="$VENV/.made-for"

setup() {
    begin_setup
    install_extras "$@"
    end_setup
}

# `setup_beside "EXTRA ..." THING ...`: the system's packages are installed meanwhile, for most of it is waiting.
setup_beside() {
    local extras libraries
    read -ra extras <<< "$1"
    shift
    look_for "$@"
    begin_setup
    install_extras "${extras[@]}" &
    libraries=$!
    trap 'wait "$libraries" || true' EXIT
    install_missing "$@"
    trap - EXIT
    wait "$libraries"
    end_setup
}

# Two commands at once in one checkout would install over each other.
begin_setup() {
    exec 8< "$ROOT"
    flock 8
    provide_venv
}

end_setup() { exec 8<&-; }

provide_venv() {
    local fault
    fault=$(fault_of_venv)
    [ "$fault" != none ] || return 0
    if [ -e "$VENV" ] || [ -L "$VENV" ]; then
        is_made_here || fail "$VENV for its own virtual environment, and the one there $fault: remove it with rm -r"
        must_write_venv
        say "Making .venv again: the one there $fault"
        rm -rf "$VENV"
    fi
    make_venv
}

# Why the virtual environment is of no use; `none`, or empty when there is none at all.
fault_of_venv() {
    local version made_for
    [ -e "$VENV" ] || [ -L "$VENV" ] || return 0
    version=$(version_of "$PYTHON")
    made_for=$(cat "$MARK" 2> /dev/null || path_in_venv)
    if [ -z "$version" ] || ! "$PYTHON" -m pip --version > /dev/null 2>&1; then echo "is incomplete"
    elif ! is_new_enough "$version"; then echo "is of Python $version, older than $OLDEST_PYTHON"
    elif [ "$made_for" != "$ROOT" ]; then echo "was made for $made_for"
    else echo none; fi
}

# Where it was made, from its own files.
path_in_venv() {
    sed -nE "s|^ *(export )?VIRTUAL_ENV=['\"]?(.*)/\.venv['\"]?$|\2|p" "$VENV/bin/activate" 2> /dev/null | sed -n 1p
}

must_write_venv() {
    [ -w "$VENV" ] || fail "to write to $VENV, which belongs to $(stat -c %U "$VENV"): remove it with sudo rm -r"
}

is_made_here() { [ -e "$MARK" ] || compgen -G "$VENV/.installed-*" > /dev/null; }

make_venv() {
    local python systems
    [ -x /usr/bin/python3 ] || find_python > /dev/null || apt_install "$(need_of_python)" python3 python3-venv
    python=$(find_python) || fail "$(need_of_python): install a newer one beside it"
    systems=$(readlink -f "$python")
    case $systems in
        /usr/bin/python3*) has_venv "$python" || apt_install "the module venv of Python" "${systems##*/}-venv" ;;
    esac
    has_venv "$python" || fail "the module venv of Python, and $python has none: install that, or another Python"
    say "Making a virtual environment in .venv"
    mkdir "$VENV"
    printf '%s\n' "$ROOT" > "$MARK"
    "$python" -m venv "$VENV" || fail "a virtual environment in .venv, and $python cannot make one"
}

# The first in the path that is new enough.
find_python() {
    local python
    while read -r python; do
        is_new_enough "$(version_of "$python")" && printf '%s\n' "$python" && return
    done < <(type -ap python3 python3.14 python3.13 python3.12 python3.11)
    return 1
}

need_of_python() {
    local found
    found=$(version_of python3)
    printf '%s\n' "Python $OLDEST_PYTHON or newer, and python3 here is ${found:-missing}"
}

version_of() { "$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2> /dev/null || true; }

is_new_enough() { [ -n "$1" ] && printf '%s\n' "$OLDEST_PYTHON" "$1" | sort -CV; }

has_venv() { "$1" -c 'import venv, ensurepip' 2> /dev/null; }

install_extras() {
    local extra missing=() wanted
    wanted=$(sha256sum < "$ROOT/pyproject.toml")
    for extra in "$@"; do
        [ "$(cat "$VENV/.installed-$extra" 2> /dev/null)" = "$wanted" ] || missing+=("$extra")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    must_write_venv
    say "Installing Discode and its libraries (${missing[*]}) into .venv"
    pip_install --editable "$ROOT[$(IFS=, && echo "${missing[*]}")]"
    for extra in "${missing[@]}"; do printf '%s\n' "$wanted" > "$VENV/.installed-$extra"; done
    [ -e "$MARK" ] || printf '%s\n' "$ROOT" > "$MARK"
}

# Bytecode is written by whatever imports a module first: most modules that pip would compile are never imported.
pip_install() {
    local log="$VENV/pip.log" why
    "$PYTHON" -m pip install --quiet --no-compile --disable-pip-version-check --no-warn-script-location "$@" > "$log" 2>&1 && return
    why=$(sed -nE 's/^ *ERROR: (.*[^.])\.?$/\1/p' "$log" | sed -n 1p)
    fail "packages that pip cannot install (${why:-no reason is told}; all that it says is in .venv/pip.log)"
}
