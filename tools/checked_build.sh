#!/usr/bin/env bash
# Kernel tests on a build that checks itself:
#     tools/checked_build.sh debug      Cython's bounds checks and C asserts
#     tools/checked_build.sh sanitize   AddressSanitizer and UBSan
# PYTHON names an interpreter that has the requirements of the build and of the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=$1
python=$(realpath -s "${PYTHON:-.venv/bin/python}")
site=$PWD/build/checked-$kind

rm -rf "$site"
env "FASTL1_${kind^^}=1" "$python" -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --target "$site" .

export PYTHONPATH=$site PYTHON=$python
if [ "$kind" = sanitize ]; then
    # Python itself is not instrumented: the run-time has to be there first.  Leaks are
    # not looked for, since Python leaves memory behind at exit by design.
    export LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
    export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
fi
exec bash tools/kernel_tests.sh
