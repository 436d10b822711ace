"""scikit-learn's own coordinate-descent tests, run on fastl1 in a subprocess."""

import os
import re
import subprocess
import sys
from pathlib import Path

import fastl1

RUN = Path(__file__).with_name("run.py")


def test_at_least_95_percent_of_scikit_learns_tests_pass():
    result = subprocess.run(
        [sys.executable, RUN, "-W", "ignore", "--tb", "line"],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            # the fastl1 of this process, small problems on one thread each
            "PYTHONPATH": str(Path(fastl1.__file__).parents[1]),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        },
    )
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-2000:]
    passed, total = re.search(r"(\d+) of (\d+) tests pass", result.stdout).groups()
    assert int(passed) >= 0.95 * int(total), result.stdout[-6000:]
