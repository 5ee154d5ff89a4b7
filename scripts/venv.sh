# Sourced by the other scripts: the checkout's own virtual environment, .venv.
# shellcheck shell=bash

# Print the first Python on the PATH that Atlas runs on.
find_python() {
    local python
    for python in python3 python3.11 python3.12 python3.13 python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    echo "Atlas needs Python 3.11 or newer, and found: $(python3 --version 2>&1 || true)" >&2
    return 1
}

# Print the path of a Python of this version (`find_version 3.12`): from the PATH, or of pyenv.
find_version() {
    local python
    for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' "$1" \
            2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

# Install the checkout with what the lock of an extra names (`install explore`, `install dev`) into
# .venv, which is made if it is missing; or into another folder, with another Python. Nothing is
# done when pyproject.toml and the lock are what they were last time.
install() {
    local lock="requirements/$1.txt" venv="${2:-.venv}" python="${3:-}"
    local stamp="$venv/installed-$1.txt"
    if [ ! -x "$venv/bin/pip" ]; then
        python=${python:-$(find_python)}
        echo "Making $venv"
        "$python" -m venv "$venv"
    fi
    if ! cat pyproject.toml "$lock" | cmp -s - "$stamp"; then
        echo "Installing atlas[$1] into $venv"
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check \
            --require-hashes --requirement "$lock"
        "$venv/bin/python" -m pip install -qq --disable-pip-version-check \
            --no-deps --no-build-isolation --editable .
        cat pyproject.toml "$lock" >"$stamp"
    fi
}

# Install those of these Debian packages whose program of the same name is missing, for the tests:
# `install_programs chromium sqlite3`. Without apt or its rights it says what will be missing.
install_programs() {
    local program missing=()
    for program in "$@"; do
        PATH="$PATH:/usr/sbin" command -v "$program" >/dev/null || missing+=("$program")
    done
    if [ ${#missing[@]} = 0 ]; then
        return
    fi
    echo "Installing ${missing[*]}"
    if ! {
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"
    } >/dev/null 2>&1; then
        echo "${missing[*]} cannot be installed here; tests that need them are skipped or fail." >&2
    fi
}
