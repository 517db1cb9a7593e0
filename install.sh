#!/bin/sh
# Installs hotload for one user: hotload.py in $PREFIX/share/hotload, a launcher in $PREFIX/bin (PREFIX: ~/.local).
#
#     sh install.sh                                   in a checkout
#     HOTLOAD_URL=https://.../hotload.py sh install.sh       from there: a file, or a folder that has hotload.py in it
#     curl ... | HOTLOAD_URL=... sh                   without a checkout
#     sh install.sh --uninstall                       takes both away again
#
# HOTLOAD_PYTHON names the Python that runs it, always. Without it: that of the active virtual environment, else the
# python3 (or python) of today. Needs no other rights than to write in PREFIX, and reads nothing from its input.
set -eu

URL=""    # where hotload.py is fetched from when neither a checkout nor HOTLOAD_URL says it

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

# Prints the path of the Python that is started by the command $1; fails where it cannot be started or is too old.
real_python() {
    "$1" -c 'import sys
assert sys.version_info[:2] == (2, 7) or sys.version_info >= (3, 3)
asked_for = sys.argv[1]
print(sys.executable if asked_for else getattr(sys, "_base_executable", None) or sys.executable)' \
        "${HOTLOAD_PYTHON:-}" 2>/dev/null </dev/null
}

find_python() {
    if [ -n "${HOTLOAD_PYTHON:-}" ]; then
        else_by=
        python=$(real_python "$HOTLOAD_PYTHON") ||
            fail "HOTLOAD_PYTHON=$HOTLOAD_PYTHON does not start a Python 2.7 or 3.3 or newer"
    else
        else_by=" or by that of the active environment"
        python=$(real_python python3) || python=$(real_python python) ||
            fail "neither python3 nor python starts a Python 2.7 or 3.3 or newer: name one in HOTLOAD_PYTHON"
    fi
    case $python in
        /*) ;;
        *) fail "this Python does not know where it is (sys.executable is '$python'): name another in HOTLOAD_PYTHON" ;;
    esac
    case $python in
        *[\'\\]*) fail "the path of $python has a quote or a backslash in it: name another in HOTLOAD_PYTHON" ;;
    esac
}

# Writes what is at the address $1 into the file $2.
download() {
    if command -v curl >/dev/null 2>&1; then
        curl -fsSL -o "$2" "$1" </dev/null
    elif command -v wget >/dev/null 2>&1; then
        wget -q -O "$2" "$1" </dev/null
    else
        "$python" -c 'import shutil, sys
try:
    from urllib.request import urlopen
except ImportError:
    from urllib2 import urlopen
try:
    with open(sys.argv[2], "wb") as out:
        shutil.copyfileobj(urlopen(sys.argv[1]), out)
except (EnvironmentError, ValueError) as error:
    sys.exit("python: %s" % error)' "$1" "$2" </dev/null
    fi
}

# Writes hotload.py into the file $1 and sets $origin.
get_file() {
    here=$(dirname -- "$0")
    case $0 in *.sh) ;; *) here= ;; esac    # piped into a shell, $0 is the shell: its folder is no checkout
    origin=${HOTLOAD_URL:-}
    if [ -z "$origin" ] && [ -n "$here" ] && [ -f "$0" ] && [ -f "$here/hotload.py" ]; then
        origin=$here/hotload.py
        cp -- "$origin" "$1"
        return
    fi
    [ -n "$origin" ] || origin=$URL
    [ -n "$origin" ] || fail "no hotload.py beside this script, and no address to fetch it from." \
        "Run it in a checkout, or set HOTLOAD_URL to the address of hotload.py"
    case $origin in *.py) ;; *) origin=${origin%/}/hotload.py ;; esac
    download "$origin" "$1" || fail "could not fetch $origin; nothing was installed"
}

# The launcher is sh and Python at once, because `#!` takes no path with a space in it and cannot follow an active
# virtual environment. sh sees a command named ':' and never gets past `exec`; Python sees a string, then its two lines.
# Where neither is needed `#!` names Python, which starts a millisecond sooner. So it does when nothing is collected
# while the file is loaded: there is no garbage yet.
write_launcher() {
    case "${HOTLOAD_PYTHON:+$python}" in
        '' | *[[:space:]]* | ????????????????????????????????????????????????????????????????????????????????????????????????????*) start='/bin/sh' ;;
        *) start=$python ;;
    esac
    if [ -n "${HOTLOAD_PYTHON:-}" ]; then
        pythons="'$python'"
    else
        pythons="\"\${VIRTUAL_ENV:-/-}/bin/python\" \"\${CONDA_PREFIX:-/-}/bin/python\" '$python' python3 python"
    fi
    cat >"$1" <<EOF
#!$start
# coding: utf-8 (written by install.sh: sh runs the next line, Python the last two)
''':'; for p in $pythons; do command -v "\$p" >/dev/null && exec "\$p" "\$0" "\$@"; done; exit 127 # '''
import gc, os, sys; gc.disable(); sys.path.insert(0, os.path.realpath(__file__ + '/../../share/hotload'))
import hotload; gc.enable(); del sys.path[0]; sys.exit(hotload.main())
EOF
}

is_ours() { grep -q 'written by install.sh' "$1" 2>/dev/null; }

install_it() {
    find_python
    [ ! -d "$launcher" ] || fail "$launcher is a folder; nothing was installed"
    # Made beside their places, so that the last act is a rename: another hotload never meets half a file.
    work=$folder/.new.$$
    mkdir -p -- "$work" || fail "cannot write in $prefix: name another folder in PREFIX"
    trap 'rm -rf -- "$work"; rmdir -- "$folder" 2>/dev/null || :' EXIT
    trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM

    get_file "$work/hotload.py"
    version=$(cd -- "$work" && "$python" -B hotload.py --version 2>&1 </dev/null) || version="it ended with: $version"
    case $version in                        # half a file would start too, and say nothing
        hotload\ [0-9]*) ;;
        *) fail "$origin is not a whole hotload.py; nothing was changed ($(say "$version" | tail -n 1))" ;;
    esac
    write_launcher "$work/hotload"
    chmod 644 "$work/hotload.py"
    chmod 755 "$work/hotload"

    mkdir -p -- "$prefix/bin"
    mv -f -- "$work/hotload.py" "$folder/hotload.py"
    # The byte code, so that nobody pays for compiling; where it cannot be kept, Python compiles at each start.
    "$python" -c 'import py_compile, sys; py_compile.compile(sys.argv[1])' "$folder/hotload.py" </dev/null || :
    if [ -e "$launcher" ] && ! is_ours "$launcher"; then
        mv -f -- "$launcher" "$launcher.orig"
        say "Kept the other $launcher as $launcher.orig."
    fi
    mv -f -- "$work/hotload" "$launcher"

    say "Installed $version from $origin:"
    say "  $folder/hotload.py"
    say "  $launcher, run by $python$else_by"
    say_path
}

say_path() {
    case ":$PATH:" in
        *":$prefix/bin:"* | *":$prefix/bin/:"*)
            found=$(command -v hotload || :)
            case $found in
                "$launcher" | "$prefix/bin//hotload") say "Try: hotload --help" ;;
                *) say "$prefix/bin is on your PATH, but $found comes first." ;;
            esac ;;
        *)
            say "$prefix/bin is not on your PATH. Add it, for example with this line in ~/.profile:"
            say "  export PATH=\"$prefix/bin:\$PATH\"" ;;
    esac
}

uninstall_it() {
    found=no
    if is_ours "$launcher"; then
        rm -f -- "$launcher"
        say "Removed $launcher"
        found=yes
    elif [ -e "$launcher" ]; then
        say "Left $launcher alone: it was not made by install.sh"
    fi
    if [ -d "$folder" ]; then
        rm -f -- "$folder"/hotload.py "$folder"/hotload.py[co] "$folder"/__pycache__/hotload.*
        rmdir -- "$folder/__pycache__" 2>/dev/null || :
        rmdir -- "$folder" 2>/dev/null || say "Left $folder: it holds other files"
        say "Removed $folder/hotload.py"
        found=yes
    fi
    [ "$found" = yes ] || say "hotload is not installed under $prefix"
}

main() {
    prefix=${PREFIX:-${HOME:+$HOME/.local}}
    [ -n "$prefix" ] || fail "neither PREFIX nor HOME is set"
    case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
    prefix=${prefix%/}
    folder=$prefix/share/hotload
    launcher=$prefix/bin/hotload
    case "$#:${1:-}" in
        0:) install_it ;;
        1:--uninstall) uninstall_it ;;
        1:-h | 1:--help) say "usage: [PREFIX=~/.local] [HOTLOAD_URL=...] [HOTLOAD_PYTHON=...] sh install.sh [--uninstall]" ;;
        *) printf 'install.sh: unknown argument: %s (there is only --uninstall)\n' "$*" >&2; exit 2 ;;
    esac
}

main "$@"    # at the end, so that a download that breaks off installs nothing
