#!/bin/sh
# Make .venv ready and say nothing when it already is:  .ci/venv.sh run|dev
#
# "run" installs the placer, "dev" adds what its tests need. What was installed is remembered in a stamp inside
# .venv, keyed on everything that decides the installation; while it matches, pip is not even started. The stamp is
# written last, so an installation that died half-way is repaired by the next call.
set -eu

kind=${1:?usage: .ci/venv.sh run|dev}
cd "$(dirname "$0")/.."
root=$(pwd -P)
venv=.venv
python=$venv/bin/python

say() { printf '%s\n' "$*" >&2; }
die() { say "placer: $*"; exit 1; }

# The folder is part of the key: an editable installation points at it, so a moved checkout must be installed again.
key() { { printf '%s %s\n' "$root" "$kind"; cat pyproject.toml constraints.txt .ci/venv.sh; } | sha256sum | cut -d' ' -f1; }

ready() { # ready KIND: was KIND installed with today's key?
    kind=$1
    [ -f "$venv/.placer-$1" ] && [ "$(cat "$venv/.placer-$1")" = "$(key)" ] && "$python" -c '' 2>/dev/null
}

find_python() { # sets $base to an interpreter that can make environments, or explains what is missing
    version_ok='import sys; sys.exit(not (3, 11) <= sys.version_info[:2])'
    without_venv=
    for base in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        "$base" -c "$version_ok" 2>/dev/null || continue
        "$base" -c 'import ensurepip, venv' 2>/dev/null && return
        without_venv=${without_venv:-$base}
    done
    if [ -n "$without_venv" ]; then
        name=python$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
        die "$without_venv cannot make virtual environments. Install Debian's package: sudo apt install python3-venv (or $name)"
    fi
    if [ -n "${PYTHON:-}" ]; then
        die "PYTHON=$PYTHON is not a Python 3.11 or newer"
    fi
    die "Python 3.11 or newer was not found. Install it (Debian 12 or newer: sudo apt install python3 python3-venv)," \
        "or name one: make PYTHON=/path/to/python3 ..."
}

wanted=$kind
if ready "$wanted" || { [ "$wanted" = run ] && ready dev; }; then exit 0; fi
kind=$wanted

if command -v flock >/dev/null 2>&1; then # two makes at once: the second waits, then finds the stamp
    exec 9<pyproject.toml
    flock 9 || :
    if ready "$wanted" || { [ "$wanted" = run ] && ready dev; }; then exit 0; fi
    kind=$wanted
fi

if ! "$python" -m pip --version >/dev/null 2>&1; then # absent, half made, or its interpreter is gone
    find_python
    say "placer: making $venv with $("$base" --version 2>&1)"
    rm -rf "$venv"
    "$base" -m venv "$venv"
fi

if [ -f "$venv/.placer-installing" ]; then
    # pip writes INSTALLER after a package's last file; without it the package is incomplete, but pip would trust it.
    say "placer: the last installation did not finish; repairing it"
    for info in "$venv"/lib/python*/site-packages/*.dist-info; do
        if [ -d "$info" ] && [ ! -f "$info/INSTALLER" ]; then rm -rf "$info"; fi
    done
    rm -rf "$venv"/lib/python*/site-packages/~*
fi

say "placer: installing into $venv (once; the first time takes minutes)"
: >"$venv/.placer-installing"
rm -f "$venv/.placer-run" "$venv/.placer-dev"
case $kind in dev) what='.[dev]' ;; *) what=. ;; esac
quiet=-qq
if [ -t 2 ]; then quiet=; fi # pip's progress bars are for people, not for logs
# shellcheck disable=SC2086 - $quiet may be empty
"$python" -m pip install $quiet --disable-pip-version-check -c constraints.txt -e "$what" ||
    die "the installation did not finish (see pip's message above); the next run of make goes on from here"
key >"$venv/.placer-$kind"
rm -f "$venv/.placer-installing"
