"""Prediction kernels against a NumPy oracle that multiplies the features in use."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import fastl1
from fastl1.kernels.infer._batch import Scorer, link_values

DENSE = ["f4", "f8", "i1", "u1", "?", "i2", "u2", "i4", "u4", "i8", "u8"]


def coefficients(p, m, n_outputs, seed=0, share=1.0):
    """(p, n_outputs) with m rows in use, `share` of whose entries are nonzero."""
    rng = np.random.default_rng(seed)
    W = np.zeros((p, n_outputs))
    used = np.sort(rng.choice(p, m, replace=False))
    W[used] = rng.standard_normal((m, n_outputs))
    W[rng.random(W.shape) > share] = 0.0
    W[used, rng.integers(0, n_outputs, m)] = 1.5
    return W, rng.standard_normal(n_outputs)


def scorer(W, intercept):
    features = np.flatnonzero(W.any(axis=1))
    slot, output = np.nonzero(W[features])
    indptr = np.searchsorted(slot, np.arange(len(features) + 1))
    values = W[features][slot, output]
    return Scorer(len(W), features, indptr, output, values, intercept)


def oracle(X, W, intercept):
    """In extended precision, and blind to what is not in use."""
    used = np.flatnonzero(W.any(axis=1))
    X = X.tocsc()[:, used].toarray() if sp.issparse(X) else X[:, used]
    return (X.astype(np.longdouble) @ W[used] + intercept).astype(float)


def run(method, *given, n, n_outputs, n_threads=1):
    out = np.full((n, n_outputs), np.nan)
    method(*given, out, n_threads=n_threads)
    return out


# Every way a feature finds its slot: an array of all (few features; most in use), a
# filter and a hash table (few of many); every form of the coefficients.
SHAPES = [
    *((1, 0), (1, 1), (50, 7), (50, 50), (3000, 700)),
    *((70_000, 0), (70_000, 1), (70_000, 300), (70_000, 40_000)),
]
OUTPUTS = [(1, 1.0), (3, 1.0), (20, 0.05)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n_outputs", "share"), OUTPUTS)
@pytest.mark.parametrize("index", ["i4", "i8"])
@pytest.mark.parametrize("value", ["f4", "f8"])
def test_sparse(shape, n_outputs, share, index, value):
    p, m = shape
    W, intercept = coefficients(p, m, n_outputs, share=share)
    model = scorer(W, intercept)
    density = min(0.4, 60 / p)
    for n in (0, 1, 37):
        X = sp.random_array((n, p), density=density, format="csr", rng=n)
        X.data = X.data.astype(value)
        expected = oracle(X, W, intercept)
        for kind in ("csr", "csc"):
            M = X.asformat(kind)
            parts = M.indptr.astype(index), M.indices.astype(index), M.data
            got = run(getattr(model, kind), *parts, n=n, n_outputs=n_outputs)
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def dense_rows(n, p, dtype, order, seed=0):
    rng = np.random.default_rng(seed)
    if dtype in ("f4", "f8"):
        X = rng.standard_normal((n, p)).astype(dtype)
    elif dtype == "?":
        X = rng.random((n, p)) < 0.5
    else:
        info = np.iinfo(dtype)  # to the ends of the range
        X = rng.integers(info.min, info.max, (n, p), dtype, endpoint=True)
    if order == "strided":
        return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::-2, ::-3]
    if order == "unaligned":
        room = np.empty(X.nbytes + 1, np.uint8)
        there = room[1:].view(X.dtype).reshape(X.shape)
        there[...] = X
        return there
    return np.asarray(X, order=order)


@pytest.mark.parametrize("dtype", DENSE)
@pytest.mark.parametrize("order", ["C", "F", "strided", "unaligned"])
@pytest.mark.parametrize(("n_outputs", "share"), OUTPUTS)
def test_dense(dtype, order, n_outputs, share):
    for (n, p), m in (((0, 5), 2), ((1, 5), 2), ((67, 900), 17), ((67, 900), 700)):
        W, intercept = coefficients(p, m, n_outputs, share=share)
        X = dense_rows(n, p, dtype, order)
        X.flags.writeable = False
        got = run(scorer(W, intercept).dense, X, n=n, n_outputs=n_outputs)
        expected = oracle(X, W, intercept)
        size = 1e-12 * (1 + np.abs(expected).max(initial=0.0))
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=size)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_columns_of_every_type_at_once(n_outputs):
    n = 5000
    W, intercept = coefficients(len(DENSE), len(DENSE), n_outputs)
    arrays = [
        dense_rows(n, 1, dtype, "C", seed)[:, 0] for seed, dtype in enumerate(DENSE)
    ]
    arrays[3] = arrays[3][::-1]
    X = np.column_stack([array.astype(np.longdouble) for array in arrays])
    method = scorer(W, intercept).columns
    got = run(method, arrays, n, n=n, n_outputs=n_outputs)
    expected = oracle(X, W, intercept)
    size = 1e-13 * np.abs(X).max() * np.abs(W).max()
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=size)


ENTRIES = st.lists(
    st.lists(st.tuples(st.integers(0, 99_999), st.floats(-1e3, 1e3)), max_size=40),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.integers(0, 200), st.booleans())
def test_rows_of_any_length_order_and_with_duplicates(rows, m, wide):
    """The indices of the features in use are drawn often enough to be hit."""
    p = 100_000
    rng = np.random.default_rng(m)
    used = np.sort(rng.choice(p, m, replace=False)) if m else np.empty(0, int)
    W = np.zeros((p, 1))
    W[used] = rng.standard_normal((m, 1))
    near = np.append(used, p - 1)
    entries = [
        (i, int(near[j % len(near)] if k % 2 else j), x)
        for i, row in enumerate(rows)
        for k, (j, x) in enumerate(row)
    ]
    expected = np.full((len(rows), 1), 0.25)
    for i, j, x in entries:
        expected[i] += x * W[j]
    indices = np.array([j for _, j, _ in entries], np.int64 if wide else np.int32)
    data = np.array([x for _, _, x in entries], float)
    indptr = np.cumsum([0, *map(len, rows)], dtype=indices.dtype)
    model = scorer(W, np.array([0.25]))
    got = run(model.csr, indptr, indices, data, n=len(rows), n_outputs=1)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("m", [600, 30_000])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_rows_longer_than_a_block(m, n_outputs):
    p = 60_000
    W, intercept = coefficients(p, m, n_outputs)
    X = sp.random_array((5, p), density=0.5, format="csr", rng=1)
    X = sp.vstack([X, sp.csr_array((2, p)), X[:1]]).tocsr()
    parts = X.indptr.astype("i4"), X.indices.astype("i4"), X.data
    got = run(scorer(W, intercept).csr, *parts, n=8, n_outputs=n_outputs)
    np.testing.assert_allclose(got, oracle(X, W, intercept), rtol=1e-10, atol=1e-10)
    assert np.array_equal(got[7], got[0])


@pytest.mark.parametrize("m", [200, 40_000])
@pytest.mark.parametrize(("n_outputs", "share"), OUTPUTS)
def test_threads_and_the_rest_of_the_batch_change_no_bit(m, n_outputs, share):
    p = 70_000
    W, intercept = coefficients(p, m, n_outputs, share=share)
    model = scorer(W, intercept)
    X = sp.random_array((9000, p), density=30 / p, format="csr", rng=1)
    order = np.random.default_rng(0).permutation(len(X.data))  # unsorted rows
    csr = X.indptr.astype("i4"), X.indices.astype("i4"), X.data[order]
    one = run(model.csr, *csr, n=9000, n_outputs=n_outputs)
    for threads in (2, 3):
        more = run(model.csr, *csr, n=9000, n_outputs=n_outputs, n_threads=threads)
        assert np.array_equal(one, more)
    C = X.tocsc()
    csc = C.indptr.astype("i8"), C.indices.astype("i8"), C.data
    assert np.array_equal(
        *(
            run(model.csc, *csc, n=9000, n_outputs=n_outputs, n_threads=t)
            for t in (1, 3)
        )
    )
    for i in (0, 4567, 8999):
        a, b = csr[0][i], csr[0][i + 1]
        alone = np.array([0, b - a], "i4"), csr[1][a:b], csr[2][a:b]
        got = run(model.csr, *alone, n=1, n_outputs=n_outputs)
        assert np.array_equal(got[0], one[i])


# many features in use; few, whose lines are fetched ahead for several rows at a time
@pytest.mark.parametrize(("n", "p", "m"), [(20_000, 40, 25), (5003, 700, 40)])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_threads_change_no_bit_of_dense_rows(n, p, m, order, n_outputs):
    W, intercept = coefficients(p, m, n_outputs)
    model = scorer(W, intercept)
    X = dense_rows(n, p, "f8", order)
    one, two = (
        run(model.dense, X, n=n, n_outputs=n_outputs, n_threads=t) for t in (1, 2)
    )
    assert np.array_equal(one, two)
    if order == "C":
        for i in (7, n - 1):
            alone = run(model.dense, X[i : i + 1], n=1, n_outputs=n_outputs)
            assert np.array_equal(alone[0], one[i])


@pytest.mark.parametrize("p", [60, 70_000])
@pytest.mark.parametrize("index", ["i4", "i8"])
@pytest.mark.parametrize("value", ["f4", "f8"])
def test_coefficients_that_floats_hold_give_the_same_bits(p, index, value):
    """They are kept as floats; one more, which no row meets, makes them doubles."""
    rng = np.random.default_rng(p)
    w = rng.standard_normal((p, 1)).astype(np.float32).astype(float)
    w[rng.random(p) < 0.3] = 0.0
    w[[5, 6], 0] = np.float32([1e-45, -3e38])
    w[p - 1] = 0.0
    wide = w.copy()
    wide[p - 1] = 0.1
    X = sp.random_array((300, p - 1), density=min(0.5, 40 / p), format="csr", rng=1)
    X.data[::50] = np.nan
    parts = X.indptr.astype(index), X.indices.astype(index), X.data.astype(value)
    narrow, wide = (scorer(W, np.array([0.25])) for W in (w, wide))
    assert wide.nbytes - narrow.nbytes > 4 * p
    one, two = (run(model.csr, *parts, n=300, n_outputs=1) for model in (narrow, wide))
    assert 0 < np.isnan(one).sum() < 300
    assert np.array_equal(one, two, equal_nan=True)


def test_one_output_needs_no_places():
    W, intercept = coefficients(70_000, 300, 1)
    features = np.flatnonzero(W)
    model = Scorer(len(W), features, None, None, W[features, 0], intercept)
    X = sp.random_array((50, len(W)), density=1e-2, format="csr", rng=1)
    parts = X.indptr.astype("i4"), X.indices.astype("i4"), X.data
    got = run(model.csr, *parts, n=50, n_outputs=1)
    assert np.array_equal(got, run(scorer(W, intercept).csr, *parts, n=50, n_outputs=1))


@pytest.mark.parametrize("p", [60, 70_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_reaches_the_result_from_features_in_use_only(p, bad):
    W, intercept = coefficients(p, 50, 1)
    used, other = int(np.flatnonzero(W)[3]), int(np.flatnonzero(W == 0)[3])
    data, indptr = np.array([1.0, bad]), np.array([0, 2], np.int32)
    model = scorer(W, intercept)
    for j, want in ((used, True), (other, False)):
        indices = np.array([5, j], np.int32)
        got = run(model.csr, indptr, indices, data, n=1, n_outputs=1)
        assert np.isfinite(got[0, 0]) != want
        X = np.zeros((3, p))
        X[1, j] = bad
        for order in "CF":
            got = run(model.dense, np.asarray(X, order=order), n=3, n_outputs=1)
            assert np.isfinite(got[:, 0]).tolist() == [True, not want, True]


@pytest.mark.parametrize("p", [60, 70_000])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("place", [0, 9, 20, 37])
@pytest.mark.parametrize("far", [-1, 0, 2**31 - 1 - 70_000, -(2**31)])
def test_index_out_of_range_is_named(p, index, place, far):
    model = scorer(*coefficients(p, 50, 1))
    indices = np.arange(40, dtype=index)
    indices[place] = wrong = -1 if far == -1 else far if far < 0 else p + far
    data, indptr = np.ones(40), np.array([0, 15, 15, 40], index)
    row = 0 if place < 15 else 2
    match = f"row {row} of X has an entry in feature {wrong}; there are {p}"
    with pytest.raises(ValueError, match=match):
        run(model.csr, indptr, indices, data, n=3, n_outputs=1)


def test_row_of_csc_out_of_range_is_named():
    W, intercept = coefficients(3, 3, 1)
    indptr, indices = np.array([0, 1, 2, 3]), np.array([0, 4, 1])
    with pytest.raises(ValueError, match="column 1 of X has an entry in row 4; there"):
        run(scorer(W, intercept).csc, indptr, indices, np.ones(3), n=4, n_outputs=1)


@pytest.mark.parametrize(
    ("indptr", "message"),
    [
        ([0, 2, 1, 3], "indptr decreases or leaves the indices at row 1"),
        ([0, 9, 9, 3], "indptr decreases or leaves the indices at row 0"),
        ([1, 2, 2, 3], "indptr must begin with 0 and end within"),
        ([0, 2, 2, 4], "indptr must begin with 0 and end within"),
        ([], "indptr must begin with 0 and end within"),
    ],
)
@pytest.mark.parametrize("p", [50, 70_000])
def test_broken_indptr(indptr, message, p):
    model = scorer(*coefficients(p, 20, 1))
    with pytest.raises(ValueError, match=message):
        run(
            model.csr,
            np.array(indptr, np.int64),
            np.arange(3),
            np.ones(3),
            n=3,
            n_outputs=1,
        )


def test_wrong_arrays_are_refused():
    model = scorer(*coefficients(50, 20, 1))
    good = np.array([0, 1]), np.array([3]), np.ones(1)
    out = np.empty((1, 1))

    def refused(error, message, indptr=good[0], indices=good[1], data=good[2], out=out):
        with pytest.raises(error, match=message):
            model.csr(indptr, indices, data, out)

    refused(TypeError, "both be int32 or int64", indptr=good[0].astype("i4"))
    refused(TypeError, "both be int32 or int64", good[0] + 0.0, good[1] + 0.0)
    refused(TypeError, "float32 or float64", data=np.ones(1, int))
    refused(TypeError, "indices must be a 1-d ndarray", indices=[3])
    refused(ValueError, "2 indices for 1 values", indices=np.array([3, 4]))
    refused(ValueError, "contiguous", indices=np.array([3, 4, 5])[::2], data=np.ones(2))
    refused(ValueError, r"out has shape \(2, 1\)", out=np.empty((2, 1)))
    refused(TypeError, "ndarray of float64", out=np.empty((1, 1), "f4"))
    refused(TypeError, "ndarray of float64", out=[0.0])
    frozen = np.empty((1, 1))
    frozen.flags.writeable = False
    refused(ValueError, "writeable", out=frozen)
    strided = np.empty((4, 6))[::2, ::2]
    with pytest.raises(ValueError, match="C order"):
        scorer(*coefficients(50, 20, 3)).dense(np.zeros((2, 50)), strided)
    with pytest.raises(ValueError, match=r"shape \(2, 49\), the model 50 features"):
        model.dense(np.zeros((2, 49)), np.empty((2, 1)))
    for count in (19, 21):
        with pytest.raises(ValueError, match=f"{count} columns for 20 features in use"):
            model.columns([np.zeros(1)] * count, 1, out)
    with pytest.raises(ValueError, match=r"column 3 has shape \(2,\)"):
        model.columns([*[np.zeros(1)] * 3, *[np.zeros(2)] * 17], 1, out)
    with pytest.raises(TypeError, match="no kernel reads dtype complex128"):
        model.dense(np.zeros((1, 50), complex), out)
    with pytest.raises(TypeError, match="no kernel reads dtype >f8"):
        model.dense(np.zeros((1, 50), ">f8"), out)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": [3, 3]}, "strictly increasing"),
        ({"features": [3, 9]}, "between 0 and 8"),
        ({"features": [-1, 3]}, "between 0 and 8"),
        ({"outputs": [0, 2]}, "outputs must lie between 0 and 1"),
        ({"indptr": [0, 1]}, "indptr"),
        ({"indptr": [0, 3, 2]}, "do not fit"),
        ({"values": [1.0]}, "indptr"),
    ],
)
def test_broken_coefficients(changes, message):
    given = {"features": [3, 5], "indptr": [0, 1, 2], "outputs": [0, 1]}
    given = {**given, "values": [1.0, 2.0], **changes}
    with pytest.raises(ValueError, match=message):
        Scorer(9, *map(np.array, given.values()), np.zeros(2))


def test_features_far_beyond_what_an_array_could_hold():
    p = 2**60
    features = np.array([0, 5, 2**40, 2**60 - 1])
    values = np.array([1.0, 2.0, 4.0, 8.0])
    model = Scorer(p, features, np.arange(5), np.zeros(4), values, np.zeros(1))
    indices = np.array([5, 2**60 - 1, 2**40 + 2**32, 2**40, 7, 2**33 + 5] * 4)
    indptr = np.array([0, 6, 24])
    got = run(model.csr, indptr, indices, np.ones(24), n=2, n_outputs=1)
    assert got[:, 0].tolist() == [14.0, 42.0]


EDGE = [0.0, 1e-300, 1e-17, 0.5, 1.0, 36.7, 700.0, 707.0]


def test_links_are_accurate_in_the_tails():
    grid = np.concatenate([np.linspace(-705, 705, 9001), EDGE, np.negative(EDGE)])
    eta = grid[:, None]
    exact = grid.astype(np.longdouble)

    def log_p(t):
        return np.where(t < 0, t, 0) - np.log1p(np.exp(-np.abs(t)))

    for link, want in (
        ("sigmoid", 1 / (1 + np.exp(-exact))),
        ("sigmoid_minus", 1 / (1 + np.exp(exact))),
        ("log_sigmoid", log_p(exact)),
        ("log_sigmoid_minus", log_p(-exact)),
    ):
        out = np.empty_like(eta)
        link_values(link, eta, out)
        error = np.abs(out[:, 0] - want) / np.maximum(np.abs(want), 1e-300)
        assert error.max() < 1e-15, link


@pytest.mark.parametrize("k", [2, 3, 7, 40])
def test_softmax_is_accurate_in_the_tails(k):
    eta = 30 * np.random.default_rng(k).standard_normal((500, k))
    eta[0] = np.arange(k) * 50.0
    eta[1] = 1e300
    exact = eta.astype(np.longdouble) - eta.max(axis=1, keepdims=True)
    total = np.exp(exact).sum(axis=1, keepdims=True)
    out = eta.copy()
    link_values("softmax", out, out)
    want = (np.exp(exact) / total).astype(float)
    np.testing.assert_allclose(out, want, rtol=1e-13, atol=1e-300)
    link_values("log_softmax", eta, out)
    top = np.arange(len(eta)), exact.argmax(axis=1)
    rest = np.exp(exact)
    rest[top] = 0
    log_total = np.log1p(rest.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(out, (exact - log_total).astype(float), rtol=1e-14)


@pytest.mark.parametrize("link", ["sigmoid", "log_sigmoid", "softmax", "log_softmax"])
def test_links_keep_nan_where_it_is_and_saturate(link):
    eta = np.zeros((50, 2))
    eta[20, 1] = np.nan
    eta[30] = 1e308, -1e308
    out = np.empty_like(eta)
    link_values(link, eta, out)
    bad = np.isnan(out)
    assert bad[20, 1]
    assert not np.delete(bad, 20, axis=0).any()
    if "log" not in link:
        assert out[30].tolist() == [1.0, 0.0]


def test_links_with_threads_and_without_rows():
    eta = np.random.default_rng(0).standard_normal((100_000, 3))
    for link in ("sigmoid", "softmax"):
        one, two = np.empty_like(eta), np.empty_like(eta)
        link_values(link, eta, one, 1)
        link_values(link, eta, two, 2)
        assert np.array_equal(one, two)
        link_values(link, eta[:0], one[:0], 2)


FORK = """
import os, warnings
import numpy as np
from fastl1.kernels.infer._batch import Scorer

m = 1000
model = Scorer(
    m, np.arange(m), np.arange(m + 1), np.zeros(m), np.ones(m), np.zeros(1)
)
X, out = np.ones((4000, m)), np.empty((4000, 1))
model.dense(X, out, n_threads=2)
pid = os.fork()
if pid == 0:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        again = np.empty((4000, 1))
        model.dense(X, again, n_threads=2)
    os._exit(0 if np.array_equal(out, again) else 1)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_forked_child_predicts():
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]
    subprocess.run(command, check=True)


@pytest.mark.parametrize("n", [0, 1, 100, 2**20 + 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_soft_threshold_in_every_size_and_place(n, dtype):
    x = np.random.default_rng(n).standard_normal(n + 3).astype(dtype)
    expected = np.sign(x) * np.maximum(np.abs(x) - np.dtype(dtype).type(0.5), 0)
    room = np.empty(n + 3, dtype)
    for start, threads in itertools.product((0, 1, 3), (1, 3)):
        part = slice(start, start + n)
        out = fastl1.soft_threshold(x[part], 0.5, out=room[:n], n_threads=threads)
        assert np.array_equal(out, expected[part])
        inplace = x[part].copy()
        fastl1.soft_threshold(inplace, 0.5, out=inplace, n_threads=threads)
        assert np.array_equal(inplace, expected[part])
        shifted = room[start : start + n]
        fastl1.soft_threshold(x[part], 0.5, out=shifted, n_threads=threads)
        assert np.array_equal(shifted, expected[part])
