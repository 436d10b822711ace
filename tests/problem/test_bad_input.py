"""Bad input is refused at once, by an error that names the place; odd input works."""

import numpy as np
import pytest
from scipy import sparse

import fastl1
from fastl1.problem.matrix import CSC, check_features, check_X
from fastl1.problem.problem import check_problem

N, P = 12, 4
RNG = np.random.default_rng(0)
X = np.asfortranarray(RNG.standard_normal((N, P)))
Y = RNG.standard_normal(N)
B = np.arange(N) % 2


def with_value(array, place, value):
    out = np.array(array, dtype=float, order="F")
    out[place] = value
    return out


def csc(data, indices, indptr, shape=(N, P)):
    return CSC(
        np.asarray(data, dtype=float), np.asarray(indices), np.asarray(indptr), shape
    )


BAD = {
    "NaN in X": (
        {"X": with_value(X, (5, 2), np.nan)},
        "X contains NaN at row 5, column 2",
    ),
    "inf in X": (
        {"X": with_value(X, (7, 1), np.inf)},
        r"X contains inf \(infinity\) at row 7, column 1",
    ),
    "-inf in X": (
        {"X": with_value(X, (7, 1), -np.inf)},
        r"X contains -inf \(infinity\) at row 7, column 1",
    ),
    "NaN in X, float32": (
        {"X": with_value(X, (5, 2), np.nan).astype(np.float32)},
        "X contains NaN at row 5, column 2",
    ),
    "inf in X, float32": (
        {"X": with_value(X, (5, 2), np.inf).astype(np.float32)},
        "at row 5, column 2",
    ),
    "NaN in X, C order": (
        {"X": np.ascontiguousarray(with_value(X, (11, 3), np.nan))},
        "X contains NaN at row 11, column 3",
    ),
    "NaN in sparse X": (
        {"X": csc([1.0, np.nan, 2.0], [3, 4, 0], [0, 1, 1, 3, 3])},
        "X contains NaN at row 4, column 2",
    ),
    "NaN in CSR X": (
        {"X": sparse.csr_array(with_value(np.eye(N, P), (6, 1), np.nan))},
        "X contains NaN at row 6, column 1",
    ),
    "1e300 in X": (
        {"X": with_value(X, (0, 3), 1e300)},
        r"1e\+300.* at row 0, column 3",
    ),
    "1e300 in sparse X": (
        {"X": csc([1e300], [3], [0, 0, 1, 1, 1])},
        r"1e\+300.* at row 3, column 1",
    ),
    "NaN in y": ({"y": with_value(Y, 4, np.nan)}, "y contains NaN at row 4"),
    "inf in y": ({"y": with_value(Y, 4, np.inf)}, "y contains inf .* at row 4"),
    "1e300 in y": ({"y": with_value(Y, 4, 1e300)}, r"y contains 1e\+300.* at row 4"),
    "NaN in labels": (
        {"y": with_value(B, 4, np.nan), "loss": "logistic"},
        "y contains NaN at row 4",
    ),
    "None in labels": (
        {"y": np.array([*"ab" * 5, "a", None], dtype=object), "loss": "logistic"},
        "y contains None at row 11",
    ),
    "NaN among text labels": (
        {"y": np.array(["a", np.nan, *"ab" * 5], dtype=object), "loss": "logistic"},
        "y contains NaN at row 1",
    ),
    "NaN in weights": (
        {"sample_weight": with_value(np.ones(N), 3, np.nan)},
        "sample_weight contains NaN at row 3",
    ),
    "inf in weights": (
        {"sample_weight": with_value(np.ones(N), 3, np.inf)},
        "sample_weight contains inf .* at row 3",
    ),
    "NaN in offset": (
        {"offset": with_value(np.ones(N), 3, np.nan)},
        "offset contains NaN at row 3",
    ),
    "short y": ({"y": Y[:-1]}, "y has 11 values, one per row of X makes 12"),
    "short labels": (
        {"y": B[:-1], "loss": "logistic"},
        "y has 11 values, one per row of X makes 12",
    ),
    "short weights": ({"sample_weight": np.ones(3)}, "sample_weight has 3 values"),
    "short offset": ({"offset": np.ones(3)}, "offset has 3 values"),
    "short penalty_factor": (
        {"penalty_factor": np.ones(3)},
        "penalty_factor has 3 values, one per column of X makes 4",
    ),
    "short bounds": ({"lower": -np.ones(3)}, "lower has 3 values"),
    "short coef_init": ({"coef_init": np.ones(3)}, "coef_init has 3 values"),
    "no rows": ({"X": np.empty((0, P)), "y": []}, r"0 sample\(s\)"),
    "no columns": ({"X": np.empty((N, 0))}, r"0 feature\(s\)"),
    "no rows, sparse": ({"X": sparse.csc_array((0, P)), "y": []}, r"0 sample\(s\)"),
    "no columns, sparse": ({"X": sparse.csc_array((N, 0))}, r"0 feature\(s\)"),
    "a vector as X": ({"X": Y}, r"Expected a 2D array for X, got shape \(12,\)"),
    "a cube as X": ({"X": np.ones((N, 2, 2))}, r"got shape \(12, 2, 2\)"),
    "a ragged X": ({"X": [[1.0, 2.0], [3.0]]}, "X is not a rectangular array"),
    "y in two dimensions": ({"y": np.c_[Y, Y]}, r"one dimension.* got shape \(12, 2\)"),
    "y as a column": ({"y": Y[:, None]}, r"got shape \(12, 1\); use y.ravel\(\)"),
    "no y": ({"y": None}, "y is None"),
    "one class": (
        {"y": np.ones(N), "loss": "logistic"},
        "y contains one class only",
    ),
    "one class of positive weight": (
        {"y": B, "loss": "logistic", "sample_weight": 1.0 - B},
        "one class only .* has rows of positive sample_weight",
    ),
    "three classes": (
        {"y": np.arange(N) % 3, "loss": "logistic"},
        r"needs two classes, y has 3 \(0, 1, 2\)",
    ),
    "numbers as classes": (
        {"y": Y, "loss": "logistic"},
        r"needs two classes, y has 12 \(.*, \.\.\.\)",
    ),
    "negative weight": (
        {"sample_weight": with_value(np.ones(N), 8, -0.5)},
        r"sample_weight is negative \(-0.5\) at row 8",
    ),
    "weights all 0": (
        {"sample_weight": np.zeros(N)},
        "sample_weight is 0 at every row",
    ),
    "negative alpha": ({"alphas": [1.0, -0.1]}, r"alphas\[1\] is negative: -0.1"),
    "NaN alpha": ({"alphas": [1.0, np.nan]}, "alphas contains NaN at position 1"),
    "infinite alpha": ({"alphas": [np.inf]}, "alphas contains inf"),
    "increasing alphas": (
        {"alphas": [0.1, 0.2]},
        r"alphas must not increase, but alphas\[1\]=0.2 follows 0.1",
    ),
    "no alphas": ({"alphas": []}, "alphas is empty"),
    "l1_ratio above 1": (
        {"l1_ratio": 1.1},
        r"l1_ratio must be in \[0.0, 1.0\], got 1.1",
    ),
    "l1_ratio below 0": ({"l1_ratio": -0.1}, r"l1_ratio must be in \[0.0, 1.0\]"),
    "l1_ratio NaN": ({"l1_ratio": np.nan}, r"l1_ratio must be in \[0.0, 1.0\]"),
    "ridge without alphas": ({"l1_ratio": 0.0}, r"l1_ratio=0 .* pass alphas"),
    "lower above 0": (
        {"lower": [0, 0.1, 0, 0]},
        "lower bound 0.1 of column 1 excludes 0",
    ),
    "upper below 0": ({"upper": -1.0}, "upper bound -1.0 of column 0 excludes 0"),
    "NaN bound": ({"upper": [1, 1, np.nan, 1]}, "upper contains NaN at column 2"),
    "negative penalty_factor": (
        {"penalty_factor": [1, 1, 1, -2]},
        r"penalty_factor is negative \(-2.0\) at column 3",
    ),
    "NaN penalty_factor": ({"penalty_factor": np.nan}, "penalty_factor contains NaN"),
    "1e300 as penalty_factor": ({"penalty_factor": 1e300}, "penalty_factor is 1e.300"),
    "complex X": ({"X": X + 1j}, "Complex data not supported: X has dtype complex128"),
    "complex y": ({"y": Y + 1j}, "Complex data not supported: y has dtype complex128"),
    "complex labels": (
        {"y": B + 1j, "loss": "logistic"},
        "Complex data not supported",
    ),
    "complex sparse X": ({"X": sparse.csc_array(X + 1j)}, "Complex data not supported"),
    "complex in object X": (
        {"X": with_value(X, (0, 0), 0).astype(object) + 1j},
        "Complex data not supported",
    ),
    "row index out of range": (
        {"X": csc([1.0, 1.0], [3, N], [0, 1, 2, 2, 2])},
        "sparse X has row index 12 in column 1, out of range for 12 rows",
    ),
    "negative row index": (
        {"X": csc([1.0, 1.0], [3, -1], [0, 1, 2, 2, 2])},
        "sparse X has row index -1 in column 1",
    ),
    "column index out of range": (
        {
            "X": sparse.csr_array(
                (np.ones(2), np.array([0, 9]), np.r_[0, 1, np.full(N - 1, 2)]),
                shape=(N, 10),
            )[:, :],
            "shrink": True,
        },
        "sparse X has column index 9 in row 1, out of range for 4 columns",
    ),
    "indptr decreases": (
        {"X": csc([1.0, 1.0], [3, 4], [0, 2, 1, 2, 2])},
        "indptr of sparse X must start at 0 and never decrease",
    ),
    "indptr too long": (
        {"X": csc([1.0, 1.0], [3, 4], [0, 1, 2, 3, 4])},
        "asks for 4 entries; indices has 2",
    ),
    "indptr of another shape": (
        {"X": csc([1.0, 1.0], [3, 4], [0, 1, 2])},
        "indptr of sparse X has 3 values, needs 5",
    ),
    "masked X": (
        {"X": np.ma.masked_array(X, mask=X > 1)},
        "X has masked entries",
    ),
    "unknown loss": ({"loss": "hinge"}, "loss must be one of squared, logistic"),
    "tol below 0": ({"tol": -1e-6}, "tol must be in"),
    "no iterations": ({"max_iter": 0}, "max_iter must be at least 1"),
    "no alphas in the grid": ({"n_alphas": 0}, "n_alphas must be at least 1"),
    "ratio 1": ({"alpha_min_ratio": 1.0}, r"alpha_min_ratio must be in \(0.0, 1.0\)"),
    "max_features below 0": ({"max_features": -1}, "max_features must be at least 0"),
    "no threads": ({"n_threads": 0}, "n_threads must be at least 1"),
}

WRONG_TYPE = {
    "object X": (
        {"X": with_value(X, (0, 0), 0).astype(object)},
        "X has dtype object; convert it",
    ),
    "text in object X": (
        {"X": [[1.0, "a"]] * N},
        "X has dtype <U",
    ),
    "an object in object X": (
        {"X": np.array([[1.0, None]] * N, dtype=object)},
        r"contains None \(NoneType\) at row 0, column 1",
    ),
    "X is None": ({"X": None}, "X must be an array of numbers, got NoneType"),
    "X is a generator": (
        {"X": (row for row in X)},
        "X must be an array of numbers, got generator",
    ),
    "y is a mapping": ({"y": {0: 1.0}}, "y must be an array of numbers, got dict"),
    "sparse y": (
        {"y": sparse.csc_array(Y[:, None])},
        "y must be an array of numbers, got csc_array",
    ),
    "text y": ({"y": ["a"] * N}, "y has dtype <U1; it must hold numbers"),
    "object y": ({"y": Y.astype(object)}, "y has dtype object"),
    "mixed labels": (
        {"y": np.array([1, "a"] * (N // 2), dtype=object), "loss": "logistic"},
        "y mixes labels of types int, str",
    ),
    "dates in X": (
        {"X": np.zeros((N, 2), dtype="datetime64[s]")},
        "X has dtype datetime64",
    ),
    "text as l1_ratio": ({"l1_ratio": "1"}, "l1_ratio must be a number, got '1'"),
    "bool as l1_ratio": ({"l1_ratio": True}, "l1_ratio must be a number"),
    "text as flag": ({"fit_intercept": "no"}, "fit_intercept must be True or False"),
    "float as max_iter": ({"max_iter": 10.0}, "max_iter must be an integer"),
    "float as n_threads": ({"n_threads": 1.5}, "n_threads must be an int or None"),
    "float indices": (
        {"X": csc([1.0], [3.0], [0, 1, 1, 1, 1])},
        "indices of sparse X has dtype float64, not integer",
    ),
    "no callback": ({"callback": 3}, "callback must be callable"),
}


def run(changes):
    arguments = {"X": X, "y": Y, **changes}
    if arguments.pop("shrink", False):
        # SciPy checks what it is given; this is how a bad index gets past it
        matrix = arguments["X"]
        matrix._shape = (N, P)
    return fastl1.path(arguments.pop("X"), arguments.pop("y"), **arguments)


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_bad_values(changes, message):
    with pytest.raises(ValueError, match=message):
        run(changes)


@pytest.mark.parametrize(("changes", "message"), WRONG_TYPE.values(), ids=WRONG_TYPE)
def test_bad_types(changes, message):
    with pytest.raises(TypeError, match=message):
        run(changes)


def test_alpha_max_refuses_the_same():
    with pytest.raises(ValueError, match="row 5, column 2"):
        fastl1.alpha_max(with_value(X, (5, 2), np.nan), Y)
    with pytest.raises(ValueError, match="l1_ratio=0"):
        fastl1.alpha_max(X, Y, l1_ratio=0)


def test_the_first_offender_in_column_order_is_named():
    broken = with_value(with_value(X, (9, 1), np.nan), (2, 3), np.nan)
    with pytest.raises(ValueError, match="row 9, column 1"):
        fastl1.path(broken, Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_but_usable_values_pass(dtype):
    # the quick check overflows, the exact one finds nothing wrong
    scale = 1e30 if dtype == np.float32 else 1e135
    checked, _ = check_X(np.asfortranarray(X * scale, dtype=dtype))
    assert np.isfinite(checked).all()
    result = fastl1.path(np.asfortranarray(X * scale, dtype=dtype), Y, n_alphas=5)
    assert result.converged.all()
    plain = fastl1.path(X, Y, n_alphas=5)
    np.testing.assert_allclose(
        result.coefs.toarray() * float(scale), plain.coefs.toarray(), atol=1e-5
    )


# What is taken as it is


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fortran_order_is_not_copied(dtype):
    A = np.asfortranarray(X, dtype=dtype)
    assert check_problem(A, Y).X is A
    A.flags.writeable = False
    assert check_problem(A, Y).X is A
    block = np.asfortranarray(np.zeros((N, 9), dtype=dtype))
    columns = block[:, 2:6]
    assert np.shares_memory(check_problem(columns, Y).X, columns)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_memory_map_is_not_copied(tmp_path, dtype):
    path = tmp_path / "X.bin"
    np.asfortranarray(X, dtype=dtype).T.tofile(path)
    A = np.memmap(path, dtype=dtype, mode="r", shape=(N, P), order="F")
    assert np.shares_memory(check_problem(A, Y).X, A)
    expected = fastl1.path(X.astype(dtype), Y, n_alphas=5)
    result = fastl1.path(A, Y, n_alphas=5)
    np.testing.assert_array_equal(result.coefs.toarray(), expected.coefs.toarray())


def test_canonical_csc_is_not_copied():
    A = sparse.csc_array(X)
    checked = check_problem(A, Y).X
    assert np.shares_memory(checked.data, A.data)
    assert np.shares_memory(checked.indices, A.indices)
    assert checked.indptr.dtype == np.int64
    again = check_problem(checked, Y).X
    assert all(
        np.shares_memory(a, b) for a, b in zip(again[:3], checked[:3], strict=True)
    )


def test_y_is_not_copied_and_nothing_is_written():
    A, y, s = X.copy(order="F"), Y.copy(), np.ones(N)
    problem = check_problem(A, y, sample_weight=s)
    assert problem.y is y
    assert problem.sample_weight is s
    for array in (A, y, s):
        array.flags.writeable = False
    fastl1.path(A, y, sample_weight=s, standardize=True, n_alphas=5)


# What is converted


def same_path(A, y=Y, atol=1e-9, **options):
    expected = fastl1.path(X, Y, n_alphas=5)
    result = fastl1.path(A, y, n_alphas=5, **options)
    np.testing.assert_allclose(
        result.coefs.toarray(), expected.coefs.toarray(), atol=atol
    )
    return result


def test_layouts():
    same_path(np.ascontiguousarray(X))
    same_path(np.repeat(X, 2, axis=0)[::2])
    same_path(np.repeat(X, 2, axis=1)[:, ::2])
    same_path(X[::-1], Y[::-1])
    same_path(X.tolist(), Y.tolist())
    same_path(X.astype(">f8"), Y.astype(">f8"))
    same_path(X, np.repeat(Y, 3)[::3])
    same_path(X.astype(np.longdouble))
    same_path(np.ma.masked_array(X))


def test_unaligned_x():
    raw = np.zeros(X.nbytes + 1, dtype=np.uint8)
    A = raw[1:].view(np.float64).reshape(X.shape, order="F")
    A[...] = X
    assert not A.flags.aligned
    same_path(A)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.int64])
def test_integer_and_boolean_x(dtype):
    A = (np.abs(X) * 3).astype(dtype)
    checked = check_problem(A, Y).X
    assert checked.dtype == np.float64
    np.testing.assert_array_equal(checked, A)
    sparse_checked = check_problem(sparse.csc_array(A), Y).X
    assert sparse_checked.data.dtype == np.float64


def test_half_precision_becomes_float32():
    assert check_problem(X.astype(np.float16), Y).dtype == np.float32


@pytest.mark.parametrize("y_type", [bool, np.int64, np.float32])
def test_y_types(y_type):
    assert check_problem(X, B.astype(y_type)).y.dtype == np.float64


@pytest.mark.parametrize(
    "make",
    [
        sparse.csc_array,
        sparse.csr_array,
        sparse.coo_array,
        sparse.lil_array,
        sparse.dok_array,
        sparse.bsr_array,
        sparse.dia_array,
        sparse.csc_matrix,
        sparse.csr_matrix,
    ],
)
def test_sparse_formats(make):
    A = make(X)
    same_path(A)
    np.testing.assert_array_equal(A.toarray(), X)


def test_int64_indices_become_int32():
    A = sparse.csc_array(X)
    A.indices, A.indptr = A.indices.astype(np.int64), A.indptr.astype(np.int64)
    checked = check_problem(A, Y).X
    assert checked.indices.dtype == np.int32
    same_path(A)


def test_int64_indices_stay_where_rows_need_them():
    rows = 2**31 + 5
    A = CSC(np.ones(2), np.array([1, rows - 1]), np.array([0, 2]), (rows, 1))
    checked, _ = check_X(A)
    assert checked.indices.dtype == np.int64
    assert checked.shape == (rows, 1)


def test_unsorted_and_duplicate_indices():
    A = sparse.csc_array(X)
    order = np.concatenate(
        [np.arange(A.indptr[j], A.indptr[j + 1])[::-1] for j in range(P)]
    )
    same_path(CSC(A.data[order], A.indices[order], A.indptr, A.shape))
    # every entry split in two halves
    halves = CSC(
        np.repeat(A.data / 2, 2), np.repeat(A.indices, 2), A.indptr * 2, A.shape
    )
    before = halves.indices.copy()
    same_path(halves)
    np.testing.assert_array_equal(halves.indices, before)
    coo = sparse.coo_array(X)
    twice = sparse.coo_array(
        (
            np.r_[coo.data / 2, coo.data / 2],
            (np.r_[coo.row, coo.row], np.r_[coo.col, coo.col]),
        ),
        shape=X.shape,
    )
    same_path(twice)
    csr = sparse.csr_array(X)
    same_path(
        sparse.csr_array(
            (np.repeat(csr.data / 2, 2), np.repeat(csr.indices, 2), csr.indptr * 2),
            shape=csr.shape,
        )
    )


def test_stale_sorted_flag_does_not_mislead():
    A = sparse.csc_array(X)
    assert A.has_sorted_indices
    A.indices[: A.indptr[1]] = A.indices[: A.indptr[1]][::-1].copy()
    A.data[: A.indptr[1]] = A.data[: A.indptr[1]][::-1].copy()
    same_path(A)


def test_explicit_zeros_and_spare_capacity():
    A = sparse.csc_array(X)
    same_path(CSC(np.r_[A.data, 9.0, 9.0], np.r_[A.indices, 0, 0], A.indptr, A.shape))
    with_zero = with_value(X, (slice(None), 0), 0.0)
    B0 = sparse.csc_array(X)
    B0.data[: B0.indptr[1]] = 0.0
    np.testing.assert_allclose(
        fastl1.path(B0, Y, n_alphas=5).coefs.toarray(),
        fastl1.path(with_zero, Y, n_alphas=5).coefs.toarray(),
        atol=1e-9,
    )


# Frames


def test_pandas_frame():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    result = same_path(frame, pd.Series(Y))
    assert result.feature_names == list("abcd")
    result.predict(frame)
    with pytest.raises(ValueError, match="column 0 of X is 'b'.* fitted with 'a'"):
        result.predict(frame[list("bacd")])
    assert same_path(pd.DataFrame(X)).feature_names is None
    mixed = frame.assign(a=frame.a.astype("float32"), d=frame.d > 0)
    assert check_problem(mixed, Y).dtype == np.float64
    nullable = pd.DataFrame({"a": pd.array(B, dtype="Int64"), "b": Y})
    np.testing.assert_array_equal(check_problem(nullable, Y).X, np.c_[B, Y])
    nullable.loc[3, "a"] = pd.NA
    with pytest.raises(ValueError, match=r"X contains NaN at row 3, column 0 \('a'\)"):
        fastl1.path(nullable, Y)
    with pytest.raises(TypeError, match=r"column 1 \('t'\) of X has dtype"):
        fastl1.path(pd.DataFrame({"a": Y, "t": ["x"] * N}), Y)
    with pytest.raises(ValueError, match="y contains NaN at row 2"):
        fastl1.path(frame, pd.Series(B, dtype="Int64").where(np.arange(N) != 2))
    labels = pd.Series(B.astype(bool), dtype="boolean").where(np.arange(N) != 2)
    with pytest.raises(ValueError, match="y contains <NA> at row 2"):
        fastl1.path(frame, labels, loss="logistic")
    fitted = fastl1.path(
        frame, pd.Series(B).map({0: "no", 1: "yes"}).astype("category"), loss="logistic"
    )
    assert list(fitted.classes) == ["no", "yes"]


def test_polars_frame():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({name: X[:, j] for j, name in enumerate("abcd")})
    result = same_path(frame, pl.Series(Y))
    assert result.feature_names == list("abcd")
    mixed = pl.DataFrame({"a": B, "b": Y, "c": B == 1})
    np.testing.assert_array_equal(check_problem(mixed, Y).X, np.c_[B, Y, B])
    with pytest.raises(ValueError, match=r"X contains NaN at row 1, column 0 \('a'\)"):
        fastl1.path(pl.DataFrame({"a": [1.0, None] + [1.0] * (N - 2)}), Y)
    with pytest.raises(TypeError, match=r"column 1 \('t'\) of X has dtype String"):
        fastl1.path(pl.DataFrame({"a": Y, "t": ["x"] * N}), Y)


# Prediction


def test_check_features():
    assert check_features(X, P) is X
    rows = np.ascontiguousarray(X)
    assert check_features(rows, P) is rows
    A = sparse.csr_array(X)
    assert check_features(A, P) is A
    assert check_features(sparse.coo_array(X), P).format in ("csr", "csc")
    assert check_features(csc([1], [3], [0, 1, 1, 1, 1]), P).shape == (N, P)
    assert check_features((X > 0).tolist(), P).dtype == np.float64
    with pytest.raises(ValueError, match="X has 3 features, the model has 4"):
        check_features(X[:, :3], P)
    with pytest.raises(ValueError, match="X contains NaN at row 5, column 2"):
        check_features(with_value(X, (5, 2), np.nan), P)
    with pytest.raises(ValueError, match="X contains NaN at row 5, column 2"):
        check_features(sparse.csr_array(with_value(X, (5, 2), np.nan)), P)
    with pytest.raises(ValueError, match="out of range"):
        check_features(csc([1], [N], [0, 1, 1, 1, 1]), P)


def test_check_input_false_skips_values_only():
    broken = with_value(X, (5, 2), np.nan)
    assert check_problem(broken, Y, check_input=False).X is broken
    with pytest.raises(ValueError, match="y has 11 values"):
        check_problem(X, Y[:-1], check_input=False)
    problem = check_problem(X, B.astype(float), loss="logistic", check_input=False)
    assert list(problem.classes) == [0.0, 1.0]


def test_more_than_2_31_entries():
    """A column behind 2^31 entries is found where it is.

    The entries in front of it are zeros that were never written, so they take addresses
    but no memory.
    """
    front, rows = 2**31 + 10, 12
    try:
        data = np.zeros(front + rows, dtype=np.float32)
        indices = np.zeros(front + rows, dtype=np.int32)
    except MemoryError:
        pytest.skip("the system does not hand out 17 GB of addresses")
    column = RNG.standard_normal(rows).astype(np.float32)
    data[front:], indices[front:] = column, np.arange(rows)
    big = CSC(data, indices, np.array([0, front, front + rows]), (rows, 2))
    result = fastl1.path(
        big, Y, alphas=[0.01], penalty_factor=[np.inf, 1.0], check_input=False
    )
    expected = fastl1.path(column[:, None], Y, alphas=[0.01])
    assert expected.coefs[0, 0] != 0
    np.testing.assert_array_equal(
        result.coefs.toarray(), [[0.0], [expected.coefs[0, 0]]]
    )
