"""The choice of the penalty."""

import numpy as np
import pytest

from fastl1.loss.losses import as_loss
from fastl1.select.cv import cross_validate_path
from fastl1.workflow.choose import choose_alpha
from fastl1.workflow.prepare import Rows
from fastl1.workflow.settings import Search


def test_grid_ends_after_the_minimum_but_never_before_it():
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.normal(size=(60, 200)))
    y = X[:, :3].sum(axis=1) + rng.normal(size=60)
    splits = [
        (np.flatnonzero(np.arange(60) % 3 != k), np.arange(k, 60, 3)) for k in (0, 1, 2)
    ]
    common = {"loss": as_loss("squared"), "n_threads": 1}
    told = []
    cv = choose_alpha(Rows(X, y), splits, Search(), told.append, **common)
    assert cv.alphas.shape[1] < 100
    for name in ("cross-validation: where to end", "cross-validation"):
        done = [event.done for event in told if event.what == name]
        total = [event.total for event in told if event.what == name][-1]
        assert list(range(1, total + 1)) == sorted(set(done))
    full = cross_validate_path(
        X, y, cv=splits, alphas=None, n_alphas=100, standardize=True, tol=1e-4
    )
    assert cv.best.alpha == pytest.approx(full.best.alpha)
