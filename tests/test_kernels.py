"""Primitives against their NumPy equivalents."""

import numpy as np
import pytest

from fastl1 import _runtime


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64, 1001])
def test_soft_threshold(n):
    x = np.random.default_rng(n).standard_normal(n)
    out = np.empty(n)
    _runtime.soft_threshold(x, 0.5, out)
    np.testing.assert_allclose(out, np.sign(x) * np.maximum(np.abs(x) - 0.5, 0))
