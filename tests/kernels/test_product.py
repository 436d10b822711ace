"""Gram blocks, X'X_S and X'V against NumPy."""

import numpy as np
import pytest
from oracles.designs import STORAGE, make

from fastl1.kernels import _probe as _kernels

# below, at and above every block of the kernel: panels and groups of 8 columns, tiles
# of 24, panels of 256 columns, steps of 256 rows
SIZES = [(1, 1), (2, 3), (255, 8), (256, 9), (257, 24), (600, 25), (1001, 53)]


def weights(n, seed=0):
    """Square roots of weights, a third of them 0."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.3, 0.0, rng.uniform(0.1, 1.0, n))


def close(got, expected):
    size = np.abs(expected).max(initial=1.0)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12 * size)


designs = [
    pytest.mark.parametrize("dtype", [np.float32, np.float64]),
    pytest.mark.parametrize(("storage", "index"), STORAGE),
    pytest.mark.parametrize(("n", "p"), SIZES),
]


def each_design(test):
    for mark in designs:
        test = mark(test)
    return test


@each_design
def test_xtm(n, p, storage, index, dtype):
    X, Z, mean, scale = make(n, p, dtype, storage, index)
    design = _kernels.Design(X, mean, scale, 2)
    rng = np.random.default_rng(1)
    for k in (0, 1, 7, 16, 19, 33):
        V = np.asfortranarray(rng.standard_normal((n, k)))
        close(design.xtm(V), Z.T @ V)
        cols = rng.permutation(p)[: (p + 1) // 2]
        close(design.xtm(V, cols), Z[:, cols].T @ V)


@each_design
def test_gram(n, p, storage, index, dtype):
    X, Z, mean, scale = make(n, p, dtype, storage, index)
    design = _kernels.Design(X, mean, scale, 2)
    rng = np.random.default_rng(2)
    cols = rng.permutation(p)
    d = weights(n)
    h_sum = np.sum(d**2)
    if storage == "csc":  # where the design is centred, it is so under the weights
        Z += scale * mean
        mean[:] = 0.0
    expected = (d[:, None] * Z[:, cols]).T @ (d[:, None] * Z[:, cols])
    close(design.gram(cols, d), expected)
    if h_sum > 0:
        centre = d**2 @ Z[:, cols] / h_sum
        C = d[:, None] * (Z[:, cols] - centre)
        close(design.gram(cols, d, h_mean=centre), C.T @ C)


@pytest.mark.parametrize("storage", ["dense", "csc"])
@pytest.mark.parametrize("known", [1, 8, 20, 52])
def test_gram_grows_to_the_same_bits(known, storage):
    X, _, mean, scale = make(1001, 53, np.float64, storage)
    design = _kernels.Design(X, mean, scale)
    cols = np.random.default_rng(3).permutation(53)
    d = weights(1001)
    whole = design.gram(cols, d)
    grown = design.gram(cols, d, known=design.gram(cols[:known], d))
    np.testing.assert_array_equal(grown, whole)
    np.testing.assert_array_equal(whole, whole.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "p"), SIZES)
def test_cross(n, p, dtype):
    X, Z, mean, scale = make(n, p, dtype, "dense")
    design = _kernels.Design(X, mean, scale, 2)
    d = weights(n)
    for m in (0, 1, (p + 1) // 2, p):
        cols = np.random.default_rng(m).permutation(p)[:m]
        close(design.cross(cols, d), (d**2 * Z.T) @ Z[:, cols])


def test_more_columns_than_panels_hold():
    X, Z, mean, scale = make(300, 530, np.float64, "dense")
    design = _kernels.Design(X, mean, scale)
    d = weights(300)
    cols = np.arange(530)
    close(design.gram(cols, d), (d**2 * Z.T) @ Z)
    close(design.cross(cols[:300], d), (d**2 * Z.T) @ Z[:, :300])
    V = np.asfortranarray(np.random.default_rng(0).standard_normal((300, 290)))
    close(design.xtm(V), Z.T @ V)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mean_beyond_the_deviation_loses_nothing(dtype):
    rng = np.random.default_rng(5)
    far, n = (1e8 if dtype == np.float64 else 1e4), 700
    X = np.asfortranarray(far + rng.standard_normal((n, 30)), dtype=dtype)
    mean = X.astype(np.float64).mean(axis=0)
    Z = X.astype(np.float64) - mean
    design = _kernels.Design(X, mean, np.ones(30))
    ones = np.ones(n)
    np.testing.assert_allclose(design.gram(range(30), ones), Z.T @ Z, atol=1e-9 * n)
    np.testing.assert_allclose(
        design.cross([3, 4], ones), Z.T @ Z[:, [3, 4]], atol=1e-9 * n
    )
    V = np.asfortranarray(Z[:, :3])
    np.testing.assert_allclose(design.xtm(V), Z.T @ V, atol=1e-9 * n)


@pytest.mark.parametrize("storage", ["dense", "csc"])
def test_same_bits_for_any_number_of_threads(storage):
    X, _, mean, scale = make(3001, 150, np.float32, storage)
    d, cols = weights(3001), np.random.default_rng(4).permutation(150)[:70]
    V = np.asfortranarray(np.random.default_rng(0).standard_normal((3001, 37)))
    results = []
    for n_threads in (1, 2, 3):
        design = _kernels.Design(X, mean, scale, n_threads)
        one = [design.gram(cols, d), design.xtm(V), design.xtm(V, cols)]
        one += [design.cross(cols, d)] if storage == "dense" else []
        results.append(one)
    for other in results[1:]:
        for got, first in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(got, first)


def test_a_product_does_not_depend_on_the_columns_around_it():
    X, _, mean, scale = make(700, 60, np.float64, "dense")
    design = _kernels.Design(X, mean, scale)
    V = np.asfortranarray(np.random.default_rng(0).standard_normal((700, 30)))
    whole = design.xtm(V)
    for k in (1, 8, 11, 25):
        np.testing.assert_array_equal(design.xtm(V[:, :k], range(13)), whole[:13, :k])


def test_input_off_the_alignment_of_vectors_and_read_only():
    X = np.zeros(500 * 9 + 1)[1:].reshape((500, 9), order="F")
    X[:] = np.random.default_rng(0).standard_normal((500, 9))
    X.flags.writeable = False
    design = _kernels.Design(X, np.zeros(9), np.ones(9))
    close(design.gram(range(9), np.ones(500)), X.T @ X)
    close(design.xtm(X.copy(order="F")), X.T @ X)
