"""Run scikit-learn's own coordinate-descent tests on fastl1.

    python tests/sklearn_suite/run.py [pytest options]

The two test files of the installed scikit-learn are run where they are, after the names
below have been replaced in `sklearn.linear_model`, from which they import them.  A few
tests are deselected, each with its reason; they count as not passed.  The exit status
is 0 if every other test passes and at least 95 % of all do.
"""

import os
import sys
from pathlib import Path

import pytest
import sklearn
import sklearn.linear_model

import fastl1

REPLACED = ("Lasso", "ElasticNet", "LassoCV", "ElasticNetCV", "lasso_path", "enet_path")
FILES = ("test_coordinate_descent.py", "test_sparse_coordinate_descent.py")
GOAL = 0.95

# Test (or its beginning, parameters included): why it is not asked of fastl1.
DESELECTED = {
    "test_lasso_dual_gap": (
        "wants the gap of one dual point to 7 digits; any valid gap is a certificate, "
        "and ours is at rounding level here"
    ),
    "test_enet_nonfinite_params": (
        "magnitudes of 1e308 are refused at once, by an error that names the cell"
    ),
    "test_elasticnet_precompute_incorrect_gram": "precompute is ignored",
    "test_overridden_gram_matrix": "precompute is ignored",
    "test_lassoCV_does_not_set_precompute": (
        "replaces a private name of scikit-learn and counts its calls"
    ),
    "test_enet_copy_X_False_check_input_False": (
        "wants X to be overwritten; X is never written to"
    ),
    "test_enet_sample_weight_does_not_overwrite_sample_weight[False]": (
        "passes C-ordered X with check_input=False, which another test wants refused"
    ),
    "test_1d_multioutput_enet_and_multitask_enet_cv": (
        "wants scikit-learn's multi-task solver and ours to agree to 7 digits at "
        "tol=1e-4"
    ),
    "test_1d_multioutput_lasso_and_multitask_lasso_cv": (
        "wants scikit-learn's multi-task solver and ours to agree to 7 digits at "
        "tol=1e-4"
    ),
    "test_sparse_dense_descent_paths[csr_matrix-2": "multi-task paths are refused",
    "test_sparse_dense_descent_paths[csr_array-2": "multi-task paths are refused",
    "test_enet_coordinate_descent_raises_convergence": (
        "wants a failure after one iteration; ours has converged by then"
    ),
    "test_sparse_enet_coordinate_descent": (
        "wants a failure after two iterations; ours has converged by then"
    ),
}


class Tally:
    """Deselects, and counts tests by outcome and by whether they touch fastl1."""

    def __init__(self):
        self.total = self.deselected = 0
        self.touching = set()
        self.outcomes = {}

    def pytest_collection_modifyitems(self, config, items):
        self.total = len(items)
        dropped = [item for item in items if reason(item.name)]
        self.deselected = len(dropped)
        self.touching = {item.nodeid for item in items if touches_fastl1(item)}
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome

    @property
    def passed(self):
        return [node for node, outcome in self.outcomes.items() if outcome == "passed"]

    def summary(self):
        touching = len(self.touching)
        passed = len(self.touching.intersection(self.passed))
        return (
            f"scikit-learn {sklearn.__version__}: {len(self.passed)} of {self.total} "
            f"tests pass ({len(self.passed) / self.total:.1%}), "
            f"{passed} of the {touching} that call fastl1 ({passed / touching:.1%}), "
            f"{self.deselected} deselected"
        )


def reason(name):
    """Why a test is deselected, or None."""
    for start, why in DESELECTED.items():
        if name == start or name.startswith(start + "["):
            return why
        if "[" in start and name.startswith(start):
            return why
    return None


def touches_fastl1(item):
    """Whether a test names one of the replaced objects, itself or as a parameter."""
    if set(REPLACED).intersection(item.function.__code__.co_names):
        return True
    ours = [getattr(fastl1, name) for name in REPLACED]
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return any(value is one or type(value) is one for value in values for one in ours)


def main(options=()):
    for name in REPLACED:
        setattr(sklearn.linear_model, name, getattr(fastl1, name))
    root = Path(sklearn.__file__).parent
    tally = Tally()
    status = pytest.main(
        [
            *(str(root / "linear_model" / "tests" / name) for name in FILES),
            "-q",
            f"-c{os.devnull}",
            f"--rootdir={root}",
            f"--confcutdir={root}",
            "-pno:cacheprovider",
            *options,
        ],
        plugins=[tally],
    )
    print(tally.summary())
    reached = len(tally.passed) >= GOAL * tally.total
    return int(status) or (0 if reached else 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
