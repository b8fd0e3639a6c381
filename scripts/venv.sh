# Sourced by the scripts: `need EXTRAS` sets up .venv in the checkout once, and again when pyproject.toml changes.
# EXTRAS: "" to run, "test" to test, "test,check" to check.  Sets root and python.  POSIX sh.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
venv=$root/.venv
python=$venv/bin/python
lock=$venv/.lock

need() {
    wanted="$(cksum <"$root/pyproject.toml") $root"
    ready "$1" && return
    mkdir -p "$venv" || exit 1
    take_lock || exit 1
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    ready "$1" || set_up "$1" || exit 1
    trap - EXIT INT TERM HUP
    rm -rf "$lock"
}

ready() {
    [ ! -e "$venv/.unfinished" ] && [ -x "$python" ] && [ "$(cat "$venv/.ready-${1:-run}" 2>/dev/null)" = "$wanted" ]
}

set_up() {
    if [ -e "$venv/.unfinished" ] || moved || ! new_enough "$python"; then
        begin_anew || return 1
    fi
    : >"$venv/.unfinished" || return 1
    echo "installing qwenproxy${1:+[$1]} into $venv" >&2
    if ! install "$root${1:+[$1]}" </dev/null; then
        echo "could not install what qwenproxy needs: the reason is above" >&2
        return 1
    fi
    case $1 in
        '') levels='run' ;;
        test) levels='run test' ;;
        *) levels="run test $1" ;;
    esac
    for level in $levels; do
        printf '%s\n' "$wanted" >"$venv/.ready-$level" || return 1
    done
    rm "$venv/.unfinished"
}

# What an interrupted set-up, another folder or another Python left behind is not to be built on.
begin_anew() {
    found=$(find_python) || return 1
    echo "setting up $venv with $("$found" --version 2>&1), $found" >&2
    find "$venv" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} + || return 1
    : >"$venv/.unfinished" || return 1
    "$found" -m venv "$venv" </dev/null && printf '%s\n' "$root" >"$venv/.place"
}

install() {
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip >/dev/null || return 1
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip install --quiet --editable "$1"
}

moved() {
    [ -f "$venv/.place" ] && [ "$(cat "$venv/.place")" != "$root" ]
}

# Really runs, is Python 3.13 or later, and can make a virtual environment: a shim or a stub fails one of these.
new_enough() {
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))' >/dev/null 2>&1 </dev/null
}

find_python() {
    for each in python3.13 python3.14 python3 python; do
        path=$(command -v "$each" 2>/dev/null) && new_enough "$path" && echo "$path" && return
    done
    path=$(uv python find --system '>=3.13' 2>/dev/null </dev/null) && new_enough "$path" && echo "$path" && return
    for each in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[3-9]*/bin /usr/local/bin /opt/homebrew/bin /usr/bin; do
        for path in "$each/python3.13" "$each/python3.14" "$each/python3"; do
            new_enough "$path" && echo "$path" && return
        done
    done
    echo "Python 3.13 or later, with its venv module, is needed and was not found: install it (python3.13 and" >&2
    echo "python3.13-venv, or from python.org, or \`uv python install 3.13\`) and try again" >&2
    return 1
}

# One set-up at a time.  A lock whose owner is dead is taken over in place: it never vanishes in between.
take_lock() {
    waited=0
    until mkdir "$lock" 2>/dev/null; do
        owner=$(cat "$lock/pid" 2>/dev/null)
        if { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; } || { [ -z "$owner" ] && [ $waited -ge 10 ]; }; then
            take_over "$owner" && break
        fi
        [ $waited -eq 2 ] && echo "waiting for another set-up of $venv (process ${owner:-?})" >&2
        [ $waited -ge 1800 ] && echo "still locked; if nothing is being set up, remove $lock" >&2 && return 1
        sleep 1
        waited=$((waited + 1))
    done
    echo $$ >"$lock/pid"
}

# $1: the dead owner.  Only one waiter gets to look again and write its own name.
take_over() {
    mkdir "$lock/taking" 2>/dev/null || return 1
    if [ "$(cat "$lock/pid" 2>/dev/null)" = "$1" ]; then
        echo $$ >"$lock/pid"
        rmdir "$lock/taking"
        return 0
    fi
    rmdir "$lock/taking" 2>/dev/null
    return 1
}
