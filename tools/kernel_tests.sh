#!/usr/bin/env bash
# The tests that are about compiled code, on the fastl1 that PYTHON finds first (never on
# the source folder beside this one).  CI runs them on every build variant.
set -euo pipefail
cd "$(dirname "$0")/../tests"
export PYTHONSAFEPATH=1
files=(test_kernels.py test_predict_kernels.py test_product.py test_isa.py test_laws.py)
files+=(test_capi.py test_first_pass.py test_moments.py test_threads.py)
files+=(test_certificate.py)
exec "${PYTHON:-python3}" -m pytest -q -p no:cacheprovider "${files[@]}" "$@"
