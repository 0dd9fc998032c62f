#!/bin/sh
# Make the virtual environment $1 and install exactly what requirements.lock names, each file checked by its hash.
set -eu
venv=$1
python=${PYTHON:-python3}

fail() { printf 'setup: %s\n' "$1" >&2; exit 1; }

command -v "$python" >/dev/null 2>&1 || fail "no $python on this machine; install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; watchfloor needs Python 3.11 or newer (make PYTHON=/path/to/python3.12 ...)"

if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    if ! "$python" -m venv --clear "$venv" 2>/dev/null; then
        # Debian keeps venv in a package of its own
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            apt-get update -q && apt-get install -y -q python3-venv
            "$python" -m venv --clear "$venv"
        else
            fail "python cannot make a virtual environment; on Debian and Ubuntu: sudo apt-get install python3-venv"
        fi
    fi
fi

printf 'setup: installing what requirements.lock pins into %s (once; about a minute)\n' "$venv" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .
