#!/usr/bin/env bash
# Installs the Python package as its users do, into an environment of its own in the target folder, checks its
# types and runs its tests: a real package, real server processes, and the program as cargo builds it beside
# them, if it was built. With --torch PyTorch is installed too and export is tested; with --speed the package's
# speed is compared with the program's. Needs Python 3.11 or later with venv, and the package index.
set -euo pipefail
cd "$(dirname "$0")/.."

package=$PWD/protocol/python
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
environment=$target/python
python=$environment/bin/python
requirements=$package/tests/requirements.txt

[ -x "$python" ] || python3 -m venv "$environment"
"$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
PIP_CONSTRAINT=$requirements "$python" -m pip install --quiet --disable-pip-version-check "$package"
if [[ " $* " == *" --torch "* ]]; then
    "$python" -m pip install --quiet --disable-pip-version-check --requirement models/requirements.txt
fi

# Not beside the sources: what is tested is what was installed.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export MYPY_CACHE_DIR=$target/mypy
"$python" -m mypy --config-file "$package/pyproject.toml" -p gazelle
if [ -x "$target/release/gazelle" ]; then
    export GAZELLE_PROGRAM=$target/release/gazelle
fi
if [[ " $* " == *" --speed "* ]]; then
    "$python" "$package/tests/speed.py" "${GAZELLE_PROGRAM:?build it with cargo build --release}"
fi
"$python" -m pytest --quiet -p no:cacheprovider "$package/tests"
