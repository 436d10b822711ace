"""Moments of the columns of a matrix."""

import numpy as np
import pytest
import scipy.sparse as sp

from fastl1.data.moments import moments


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments(sparse, weighted):
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(50, 6)) * (rng.random((50, 6)) < 0.5)
    dense[:, 1] = 0.0
    dense += 0 if sparse else 1e8
    dense[:, 2] = 0.1
    X = sp.csc_array(dense)
    w = rng.random(50) if weighted else np.ones(50)
    mean, std = moments(X if sparse else dense, w)
    expected = np.average(dense, axis=0, weights=w)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    variance = np.average((dense - expected) ** 2, axis=0, weights=w)
    np.testing.assert_allclose(std, np.sqrt(variance), rtol=1e-6, atol=1e-12)
    assert std[1] == std[2] == 0
