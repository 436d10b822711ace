"""The ridge baseline."""

import numpy as np
import pytest
import scipy.sparse as sp

from fastl1.data.moments import moments
from fastl1.fit.path import path
from fastl1.loss.losses import as_loss
from fastl1.workflow.ridge import _reduces, _row_space


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_ridge_in_the_row_space_is_ridge(sparse, loss):
    rng = np.random.default_rng(0)
    X = sp.random_array((40, 90), density=0.3, rng=rng, format="csc")
    X = X if sparse else X.toarray(order="F")
    y = rng.normal(size=40)
    y = (y > 0).astype(float) if loss == "logistic" else y
    w = rng.random(40)
    rows, new = (X.tocsr()[:30].tocsc(), X.tocsr()[30:]) if sparse else (X[:30], X[30:])
    Z, Z_new = _row_space(rows, new, *moments(rows, w[:30]))
    common = {"loss": loss, "l1_ratio": 0.0, "alphas": [0.3], "tol": 1e-10}
    common["sample_weight"] = w[:30]
    direct = path(rows, y[:30], standardize=True, **common).predict(new, type="link")
    reduced = path(Z, y[:30], **common).predict(Z_new, type="link")
    np.testing.assert_allclose(reduced, direct, atol=1e-5)


def test_row_space_only_where_it_is_cheaper():
    rng = np.random.default_rng(0)
    thin = sp.random_array((40, 900), density=0.02, rng=rng, format="csc")
    full = sp.random_array((40, 900), density=0.2, rng=rng, format="csc")
    logistic, cox = as_loss("logistic"), as_loss("cox")
    assert not _reduces(thin, logistic)
    assert _reduces(thin, cox)
    assert _reduces(full, logistic)
    assert _reduces(full.toarray(), logistic)
    assert not _reduces(full.T, logistic)
    assert not _reduces(np.zeros((2001, 2002)), logistic)
