#!/usr/bin/env bash
# The tests that are about compiled code, on the fastl1 that PYTHON finds first (never on
# the source folder beside this one).  CI runs them on every build variant.
set -euo pipefail
cd "$(dirname "$0")/../tests"
export PYTHONSAFEPATH=1
files=(kernels/test_{kernels,predict_kernels,product,isa,capi,first_pass,moments}.py)
files+=(kernels/test_{threads,certificate}.py fit/test_laws.py)
exec "${PYTHON:-python3}" -m pytest -q -p no:cacheprovider "${files[@]}" "$@"
