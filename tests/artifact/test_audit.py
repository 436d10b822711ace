"""What is in a model file, and what could hold training rows."""

import numpy as np
import pytest

from fastl1.fit.path import path as fit_path
from fastl1.model.sparse_model import SparseModel


def test_audit_names_what_could_hold_rows():
    y = np.arange(1000.0)
    model = SparseModel([0], [1.0], 0.0, 2, metadata={"y": y, "note": "x" * 5000})
    assert sorted(model.audit()["unexplained"]) == [
        "lineage.note: a text of 5000 characters",
        "lineage.y: a list of 1000",
    ]
    rows = {"rows": [{"x": x} for x in range(400)]}
    (line,) = SparseModel([0], [1.0], 0.0, 2, metadata=rows).audit()["unexplained"]
    assert line == "lineage: 400 values"


@pytest.mark.parametrize("loss", ["squared", "logistic", "poisson", "squared_hinge"])
def test_artifacts_do_not_grow_with_the_rows(loss):
    """Every tensor and every metadata value of n rows and of the same rows 8 times."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 30))
    eta = X[:, 0] - X[:, 1]
    y = eta + rng.standard_normal(60)
    if loss == "poisson":
        y = rng.poisson(np.exp(eta)).astype(float)
    elif loss != "squared":
        y = (y > 0).astype(int)
    reports = []
    for times in (1, 8):
        rows = np.tile(X, (times, 1)), np.tile(y, times)
        result = fit_path(*rows, loss=loss, n_alphas=8, tol=1e-9)
        reports.append(result.model(-1).audit())
    few, many = reports
    assert few["tensors"] == many["tensors"]
    assert [place for place, _ in few["metadata"]] == [
        place for place, _ in many["metadata"]
    ]
    assert not any(isinstance(value, list) for _, value in many["metadata"][:2])
    assert few["unexplained"] == many["unexplained"] == []
    # but for the digits of numbers, the files are equally long
    assert abs(few["bytes"] - many["bytes"]) <= 32
