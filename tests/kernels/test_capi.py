"""The C interface, called through ctypes: layout, results, and what it refuses."""

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from oracles.capi import HEADER, Api, Failed, K, address, matrix, struct
from oracles.losses import TWINS, as_loss, target

import fastl1

CALL = Api()
NAN, INF = np.nan, np.inf

# Offset of every field and size of every structure, in the order of version 1.
FROZEN = {
    "fl1_matrix": (
        80,
        "struct_size 0 layout 8 value_type 12 index_type 16 zero 20 n_rows 24 n_cols 32"
        " stride 40 nnz 48 values 56 indices 64 indptr 72",
    ),
    "fl1_coefs": (
        72,
        "struct_size 0 n_features 8 n_outputs 16 n_coefs 24 features 32 outputs 40"
        " values 48 intercepts 56 link 64 zero 68",
    ),
    "fl1_problem": (
        104,
        "struct_size 0 loss 8 fit_intercept 12 standardize 16 n_threads 20"
        " loss_param 24 l1_ratio 32 y 40 weight 48 offset 56 penalty_factor 64 lower 72"
        " upper 80 poll 88 user 96",
    ),
    "fl1_solver_info": (
        56,
        "struct_size 0 alpha_max 8 null_objective 16 gap 24 intercept 32 n_nonzero 40"
        " n_iter 48",
    ),
    "fl1_path": (
        80,
        "struct_size 0 n_alphas 8 alphas 16 tol 24 max_iter 32 zero 36 coefs 40"
        " intercepts 48 gaps 56 n_iters 64 status 72",
    ),
    "fl1_api": (
        208,
        "abi_version 0 zero 4 struct_size 8 describe 16 last_error 24"
        " soft_threshold_f64 32 soft_threshold_f32 40 prox_f64 48 prox_f32 56"
        " design_create 64 design_free 72 col_dot 80 col_axpy 88 col_sqnorm 96"
        " model_create 104 model_free 112 predict 120 predict_row 128 solver_create 136"
        " solver_free 144 solver_info 152 solver_start 160 solver_solve 168"
        " solver_path 176 solver_coef 184 solver_coef_sparse 192 solver_certify 200",
    ),
}
CONSTANTS = {
    "FL1_": "OK 0 NOT_CONVERGED 1 STOPPED 2 NOT_FINITE 3 FLOAT32 0 FLOAT64 1 INT32 0"
    " INT64 1 COLUMNS 0 ROWS 1 CSC 2 CSR 3",
    "FL1_E_": "NULL -1 STRUCT -2 SIZE -3 KIND -4 VALUE -5 INDEX -6 MEMORY -7 HANDLE -8",
    "FL1_LINK_": "IDENTITY 0 LOG 1 LOGIT 2 PROBIT 3 CLOGLOG 4 SOFTMAX 5",
    "FL1_PREDICT_": "LINK 0 RESPONSE 1",
    "FL1_LOSS_": "SQUARED 0 LOGISTIC 1 POISSON 2 GAMMA 3 TWEEDIE 4 SQUARED_HINGE 5"
    " HUBER 6 QUANTILE 7 PROBIT 8 CLOGLOG 9",
}
APPEND_ONLY = (
    "programs that are compiled already rely on this: append only, count "
    "FL1_ABI_VERSION up, and add to what is stored here"
)


def pairs(text):
    words = text.split()
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


# ---- layout


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="stored for 64 bits")
@pytest.mark.parametrize("name", FROZEN)
def test_layout_is_frozen(name):
    size, fields = FROZEN[name]
    made = HEADER.structs[name]
    offsets = {field: getattr(made, field).offset for field, _ in HEADER.fields[name]}
    stored = pairs(fields)
    kept = dict(list(offsets.items())[: len(stored)])
    assert list(kept.items()) == list(stored.items()), APPEND_ONLY
    assert ctypes.sizeof(made) == size, APPEND_ONLY


def test_constants_are_frozen():
    stored = {
        prefix + name: value
        for prefix, text in CONSTANTS.items()
        for name, value in pairs(text).items()
    }
    assert {name: K[name] for name in stored} == stored, APPEND_ONLY
    assert set(K) == set(stored), "a constant is not among those stored here"
    assert HEADER.version == 1, "store the new version's layout beside version 1's"


def test_library_has_the_layout_of_its_header():
    assert CALL.table.abi_version == HEADER.version
    assert CALL.table.struct_size == ctypes.sizeof(HEADER.structs["fl1_api"])
    for name, _ in HEADER.fields["fl1_api"][3:]:
        assert ctypes.cast(getattr(CALL.table, name), ctypes.c_void_p).value, name


def test_cython_declarations_are_those_of_the_header():
    text = Path(fastl1.__file__).with_name("capi.pxd").read_text()
    text = re.sub("#.*", "", text)
    assert not re.search(r"\bcdef (?!extern)|\bc?import (?!int32_t)", text)
    for name, fields in HEADER.fields.items():
        body = text.split(f"ctypedef struct {name}:")[1].split("\n\n")[0]
        lines = re.sub(r",\s+", ", ", body).strip().splitlines()
        declared = [
            re.search(r"\(\*(\w+)\)|(\w+)$", line).group(1, 2) for line in lines
        ]
        assert [a or b for a, b in declared] == [field for field, _ in fields], name
    assert set(re.findall(r"^        (FL1_[A-Z0-9_]+)$", text, re.MULTILINE)) == {
        "FL1_ABI_VERSION",
        *K,
    }


def test_include_folder():
    assert (Path(fastl1.get_include()) / "fastl1.h").is_file()


def test_statuses_have_words():
    codes = [K[name] for name in K if pairs(CONSTANTS["FL1_"]).get(name[4:], 9) < 4]
    codes = {*range(4), *(K[name] for name in K if name.startswith("FL1_E_"))}
    words = {CALL.describe(code) for code in codes}
    assert len(words) == len(codes)
    assert CALL.describe(99) == CALL.describe(-99) == b"unknown status"


# ---- structures of other versions


def grown(name, extra, **fields):
    """A structure with `extra` as the bytes of fields to come."""
    made = HEADER.structs[name]
    size = ctypes.sizeof(made) + len(extra)
    block = ctypes.create_string_buffer(size)
    known = struct(name, **fields)
    known.struct_size = size
    ctypes.memmove(block, ctypes.addressof(known), ctypes.sizeof(made))
    block[ctypes.sizeof(made) :] = extra
    return block, known


def test_later_structures_are_taken_if_what_is_new_is_not_used():
    X = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    fields = {key: getattr(matrix(X), key) for key, _ in HEADER.fields["fl1_matrix"]}
    fields.pop("struct_size")
    block, _keep = grown("fl1_matrix", bytes(16), **fields)
    CALL.design_free(CALL.create("design", ctypes.addressof(block)))
    block, _keep = grown("fl1_matrix", bytes(7) + b"\1" + bytes(8), **fields)
    with pytest.raises(Failed, match=r"FL1_E_STRUCT: .*\(byte 87\).*does not know"):
        CALL.create("design", ctypes.addressof(block))


def test_later_info_is_cleared():
    X, y = data()
    with Solver(matrix(X), y=y, l1_ratio=1.0) as solver:
        block, _keep = grown("fl1_solver_info", b"\7" * 8)
        CALL.solver_info(solver.handle, ctypes.addressof(block))
        assert block.raw[56:] == bytes(8)
        assert int.from_bytes(block.raw[:8], "little") == 64


@pytest.mark.parametrize("size", [0, 8, 79, 1 << 20])
def test_struct_size_has_to_be_set(size):
    X = matrix(np.ones((3, 2), order="F"))
    X.struct_size = size
    with pytest.raises(Failed, match=rf"STRUCT: the matrix has struct_size {size};"):
        CALL.create("design", X)


# ---- proximal maps


@pytest.mark.parametrize("n", [0, 1, 13, 200_001])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_soft_threshold(dtype, n):
    x = np.random.default_rng(n).standard_normal(n).astype(dtype)
    call = CALL.soft_threshold_f32 if dtype == "f4" else CALL.soft_threshold_f64
    wanted = fastl1.soft_threshold(x, 0.5)
    for n_threads in (0, 1, 2):
        out = np.full(n, NAN, dtype)
        assert call(n, x, 0.5, out, n_threads) == 0
        np.testing.assert_array_equal(out, wanted)
    call(n, x, 0.5, x, 1)
    np.testing.assert_array_equal(x, wanted)


def prox(z, l1, l2, factor=None, lower=None, upper=None, n_threads=1):
    call = CALL.prox_f32 if z.dtype == np.float32 else CALL.prox_f64
    out = np.full_like(z, 7)
    call(len(z), z, l1, l2, factor, lower, upper, out, n_threads)
    return out


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", [1, 37, 100_003])
def test_prox_minimizes(dtype, n):
    rng = np.random.default_rng(n)
    z = (2 * rng.standard_normal(n)).astype(dtype)
    factor = (2 * rng.random(n)).astype(dtype)
    lower, upper = (-rng.random(n)).astype(dtype), (2 * rng.random(n)).astype(dtype)
    factor[::7], lower[::3], upper[::4] = np.inf, -np.inf, np.inf
    w = prox(z, 0.3, 0.7, factor, lower, upper)
    np.testing.assert_array_equal(w, prox(z, 0.3, 0.7, factor, lower, upper, 2))
    assert (lower <= w).all() and (w <= upper).all()  # noqa: PT018
    assert (w[::7] == 0).all()

    def objective(w):
        f = np.where(np.isinf(factor), 0, factor)
        return (w - z) ** 2 / 2 + f * (0.3 * np.abs(w) + 0.35 * w * w)

    free = np.isfinite(factor)
    for step in (-1e-2, 1e-2, -1.0, 1.0):
        other = np.clip(w + np.asarray(step, dtype), lower, upper)
        assert (objective(w)[free] <= objective(other)[free] + 1e-6).all()


def test_prox_without_ridge_and_bounds_is_the_soft_threshold():
    z = np.array([-3.0, -0.5, -0.0, 0.2, 1.0, NAN, INF, -INF])
    np.testing.assert_array_equal(prox(z, 0.5, 0.0), fastl1.soft_threshold(z, 0.5))
    ones = np.ones_like(z)
    np.testing.assert_array_equal(prox(z, 0.5, 0.1, ones), prox(z, 0.5, 0.1))
    np.testing.assert_array_equal(prox(z, 0.0, 0.0), z)


# ---- columns

STORAGES = ("dense", "strided", "int32", "int64")


def stored(X, storage):
    """A dense array as the matrix it is to be, with its structure."""
    if storage == "dense":
        X = np.asfortranarray(X)
        return matrix(X)
    if storage == "strided":
        wide = np.full((len(X) + 5, X.shape[1]), NAN, X.dtype, order="F")
        wide[: len(X)] = X
        return matrix(wide, n_rows=len(X), stride=len(wide))
    X = sp.csc_array(X)
    X.indices, X.indptr = X.indices.astype(storage), X.indptr.astype(storage)
    return matrix(X)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_columns(dtype, storage):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((91, 6)) * (rng.random((91, 6)) < 0.4)
    X[:, 2] = 0
    X = X.astype(dtype)
    design = CALL.create("design", stored(X, storage))
    v, weight = rng.standard_normal(91), rng.random(91)
    out = ctypes.c_double()
    for j in range(6):
        x = X[:, j].astype(float)
        CALL.col_dot(design, j, v, out)
        np.testing.assert_allclose(out.value, x @ v, rtol=1e-12, atol=1e-14)
        CALL.col_sqnorm(design, j, None, out)
        np.testing.assert_allclose(out.value, x @ x, rtol=1e-12)
        CALL.col_sqnorm(design, j, weight, out)
        np.testing.assert_allclose(out.value, x @ (weight * x), rtol=1e-12)
        y = v.copy()
        CALL.col_axpy(design, j, -1.5, y)
        np.testing.assert_allclose(y, v - 1.5 * x, rtol=1e-12, atol=1e-15)
        assert storage in ("dense", "strided") or (y[x == 0] == v[x == 0]).all()
    CALL.design_free(design)


# ---- prediction

LINKS = ("identity", "log", "logit", "probit", "cloglog", "softmax")


def model(p, outputs=1, link="identity", density=0.2, seed=0):
    """A SparseModel and the handle of the same."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((outputs, p)) * (rng.random((outputs, p)) < density)
    intercept = rng.standard_normal(outputs)
    made = fastl1.SparseModel.from_coef(W, intercept, link=link)
    order = rng.permutation(np.count_nonzero(W))
    output, feature = (part[order] for part in np.nonzero(W))
    coefs = struct(
        "fl1_coefs",
        n_features=p,
        n_outputs=outputs,
        n_coefs=len(order),
        features=feature.astype(np.int64),
        outputs=output.astype(np.int32),
        values=W[output, feature],
        intercepts=intercept,
        link=K[f"FL1_LINK_{link.upper()}"],
    )
    return made, CALL.create("model", coefs)


def predict(handle, X, outputs, kind="LINK", n_threads=1):
    out = np.full((X.n_rows, outputs), 7.0)
    CALL.predict(handle, X, K[f"FL1_PREDICT_{kind}"], n_threads, out)
    return out


@pytest.mark.parametrize("p", [40, 50_000])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_predict(p, outputs, dtype):
    density = 0.2 if p == 40 else 1e-3
    made, handle = model(p, outputs, density=density)
    X = sp.random_array(
        (201, p), density=min(1.0, 20 / p), format="csr", rng=1, dtype=np.float64
    ).astype(dtype)
    for index in (np.int32, np.int64):
        X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
        wanted = made.predict(X, "link").reshape(201, outputs)
        got = predict(handle, matrix(X), outputs)
        np.testing.assert_array_equal(got, wanted)
        for i in (0, 200):
            a, b = X.indptr[i : i + 2]
            out = np.empty(outputs)
            kinds = (K[f"FL1_INT{8 * X.indices.itemsize}"], X.indices[a:b].copy())
            values = (K[f"FL1_FLOAT{8 * X.data.itemsize}"], X.data[a:b].copy())
            CALL.predict_row(handle, b - a, *kinds, *values, 0, out)
            np.testing.assert_array_equal(out, wanted[i])
    dense = X.toarray()
    by_rows = made.predict(dense, "link").reshape(201, outputs)
    np.testing.assert_array_equal(predict(handle, matrix(dense), outputs), by_rows)
    by_columns = np.asfortranarray(dense), X.tocsc()
    for Z in by_columns:
        wanted = made.predict(Z, "link").reshape(201, outputs)
        np.testing.assert_array_equal(predict(handle, matrix(Z), outputs), wanted)
    first = matrix(by_columns[0], n_rows=1, stride=201)
    one = predict(handle, first, outputs)
    np.testing.assert_allclose(one, wanted[:1], rtol=1e-12, atol=1e-13)
    wide = np.full((201, p + 3), NAN, dtype)
    wide[:, :p] = dense
    padded = predict(handle, matrix(wide, n_cols=p, stride=p + 3), outputs)
    np.testing.assert_array_equal(padded, by_rows)
    CALL.model_free(handle)


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("outputs", [1, 4])
def test_responses(link, outputs):
    outputs = max(outputs, 2) if link == "softmax" else outputs
    made, handle = model(30, outputs, link)
    X = 3 * np.random.default_rng(5).standard_normal((60, 30))
    wanted = made.predict(X).reshape(60, outputs)
    got = predict(handle, matrix(X), outputs, "RESPONSE")
    np.testing.assert_allclose(got, wanted, rtol=1e-14, atol=1e-300)
    row = np.empty(outputs)
    CALL.predict_row(handle, 30, 1, np.arange(30), 1, X[7].copy(), 1, row)
    np.testing.assert_allclose(row, wanted[7], rtol=1e-13)
    CALL.model_free(handle)


def test_any_number_of_threads_predicts_the_same_bits():
    _, handle = model(3000, 2, "logit", density=0.01)
    X = sp.random_array((20_000, 3000), density=0.01, format="csr", rng=2)
    got = [predict(handle, matrix(X), 2, "RESPONSE", k) for k in (1, 2, 0)]
    np.testing.assert_array_equal(got[0], got[1])
    np.testing.assert_array_equal(got[0], got[2])
    X = X[:3000].toarray()
    got = [predict(handle, matrix(X), 2, "RESPONSE", k) for k in (1, 2)]
    np.testing.assert_array_equal(*got)
    CALL.model_free(handle)


def test_nan_matters_where_the_model_looks():
    coefs = struct(
        "fl1_coefs",
        n_features=3,
        n_outputs=1,
        n_coefs=2,
        features=np.array([2, 0]),
        values=np.array([2.0, 0.0]),
    )
    handle = CALL.create("model", coefs)
    X = np.array([[NAN, NAN, 4.0], [0.0, 0.0, NAN]])
    np.testing.assert_array_equal(predict(handle, matrix(X), 1), [[8.0], [NAN]])
    got = predict(handle, matrix(sp.csr_array(X)), 1)
    np.testing.assert_array_equal(got, [[8.0], [NAN]])
    assert predict(handle, matrix(X[:0]), 1).shape == (0, 1)
    CALL.model_free(handle)


# ---- solver


def data(n=120, p=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.7)
    return np.asfortranarray(X), X[:, :4] @ [1.0, -1.0, 0.5, 0.5]


class Solver:
    """A solver, its design and what it borrows."""

    def __init__(self, X, **problem):
        self.n, self.p = X.n_rows, X.n_cols
        self.design = CALL.create("design", X)
        self.problem = struct("fl1_problem", **problem)
        self.keep = X
        self.handle = None

    def __enter__(self):
        self.handle = CALL.create("solver", self.design, self.problem)
        return self

    def __exit__(self, *_):
        CALL.solver_free(self.handle)
        CALL.design_free(self.design)

    def info(self):
        info = struct("fl1_solver_info")
        CALL.solver_info(self.handle, info)
        return info

    def path(self, alphas, tol=1e-6, max_iter=500):
        """The status, and the arrays of a path."""
        size = len(alphas)
        out = {
            "coefs": np.full((size, self.p), NAN),
            "intercepts": np.full(size, NAN),
            "gaps": np.full(size, NAN),
            "n_iters": np.full(size, -1, np.int32),
            "status": np.full(size, -1, np.int32),
        }
        request = struct(
            "fl1_path", n_alphas=size, alphas=alphas, tol=tol, max_iter=max_iter, **out
        )
        done = ctypes.c_int64(-1)
        status = CALL.solver_path(self.handle, request, done)
        return status, done.value, out

    def coef(self):
        coef = np.full(self.p, NAN)
        CALL.solver_coef(self.handle, coef)
        return coef


LOSSES = ("squared", "logistic", *TWINS, "quantile")
PARAM = {"tweedie": "power", "huber": "delta", "quantile": "q"}


def matches(
    X, y, loss="squared", *, stored_as="dense", n_threads=1, tol=1e-6, **options
):
    """The path in C beside `fastl1.path`: the same bits, where the kernels are the
    same (Python has int32 indices)."""
    family = as_loss(loss)
    exact = stored_as != "int64"

    def same(got, wanted):
        if exact:
            np.testing.assert_array_equal(got, wanted)
        else:
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)

    wanted = fastl1.path(
        sp.csc_array(X) if stored_as.startswith("int") else X,
        y,
        loss=family,
        n_alphas=12,
        alpha_min_ratio=0.05,
        n_threads=1,
        tol=tol,
        **options,
    )
    family = wanted.family
    names = {"sample_weight": "weight"}
    given = {
        names.get(key, key): value.astype(float)
        for key, value in options.items()
        if isinstance(value, np.ndarray)
    }
    if family.name in PARAM:
        given["loss_param"] = family.params()[PARAM[family.name]]
    with Solver(
        stored(X, stored_as),
        loss=K[f"FL1_LOSS_{family.name.upper()}"],
        fit_intercept=options.get("fit_intercept", True),
        standardize=options.get("standardize", False),
        l1_ratio=options.get("l1_ratio", 1.0),
        y=y,
        n_threads=n_threads,
        **given,
    ) as solver:
        info = solver.info()
        same(info.alpha_max, wanted.info["alpha_max"])
        same(info.null_objective, wanted.info["null_objective"])
        assert info.n_nonzero == np.count_nonzero(solver.coef())
        status, done, got = solver.path(wanted.alphas, tol)
        assert done == 12
        assert (status == 0) == wanted.converged.all()
        np.testing.assert_array_equal(got["status"] == 0, wanted.converged)
        same(got["coefs"], wanted.coefs.toarray().T)
        same(got["intercepts"], wanted.intercepts)
        same(got["gaps"], wanted.dual_gaps)
        np.testing.assert_array_equal(got["n_iters"], wanted.n_iters)
        np.testing.assert_array_equal(solver.coef(), got["coefs"][-1])
    return got


@pytest.mark.parametrize("loss", LOSSES)
def test_path_of_every_loss(loss):
    X, signal = data()
    rng = np.random.default_rng(1)
    y = signal + rng.standard_normal(120) if loss in ("squared", "quantile") else None
    y = target(loss, signal, rng) if y is None else y
    tol = 1e-3 if loss == "quantile" else 1e-6
    matches(X, y, loss, tol=tol, sample_weight=rng.random(120) + 0.1)


@pytest.mark.parametrize("storage", ["dense", "int32", "int64"])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_path_with_every_option(loss, storage):
    X, signal = data(seed=2)
    rng = np.random.default_rng(2)
    factor, lower, upper = rng.random(40) + 0.5, np.full(40, -INF), np.full(40, INF)
    factor[[3, 5]] = 0.0, INF
    lower[:3], upper[1:3] = -0.1, 0.2
    matches(
        X,
        target("logistic", signal, rng) if loss == "logistic" else signal,
        loss,
        stored_as=storage,
        sample_weight=rng.integers(0, 3, 120).astype(float),
        offset=0.1 * rng.standard_normal(120),
        penalty_factor=factor,
        lower=lower,
        upper=upper,
        standardize=True,
        l1_ratio=0.7,
    )


def test_path_without_intercept_is_the_same_for_any_threads():
    X, signal = data(9000, 60)
    y = signal + np.random.default_rng(0).standard_normal(9000)
    one = matches(X, y, fit_intercept=False)
    two = matches(X, y, fit_intercept=False, n_threads=2)
    np.testing.assert_array_equal(one["coefs"], two["coefs"])


def test_float32_comes_back_unrounded():
    X, y = data()
    X = X.astype(np.float32)
    wanted = fastl1.path(X.astype(float), y, n_alphas=12, tol=1e-9)
    with Solver(matrix(X), y=y, l1_ratio=1.0, fit_intercept=1) as solver:
        status, _, got = solver.path(wanted.alphas, tol=1e-9)
    assert status == 0
    np.testing.assert_allclose(
        got["coefs"], wanted.coefs.toarray().T, rtol=1e-3, atol=1e-4
    )
    assert (got["coefs"] != got["coefs"].astype(np.float32)).any()


def test_one_alpha_after_another():
    X, y = data()
    with Solver(matrix(X), y=y, l1_ratio=1.0, fit_intercept=1) as solver:
        top = solver.info().alpha_max
        assert solver.info().gap == INF
        assert CALL.solver_solve(solver.handle, 0.3 * top, 1e-10, 500) == 0
        assert solver.info().gap <= 1e-10
        assert solver.info().n_iter > 0
        coef, intercept = solver.coef(), solver.info().intercept
        gap, objective = ctypes.c_double(), ctypes.c_double()
        CALL.solver_certify(solver.handle, 0.3 * top, gap, objective)
        assert gap.value <= 1e-9
        residual = y - X @ coef - intercept
        np.testing.assert_allclose(
            objective.value,
            residual @ residual / 240 + 0.3 * top * np.abs(coef).sum(),
        )
        count, room = ctypes.c_int64(), 40
        features, values = np.full(room, -1), np.full(room, NAN)
        CALL.solver_coef_sparse(solver.handle, room, features, values, count)
        assert count.value == solver.info().n_nonzero == np.count_nonzero(coef)
        np.testing.assert_array_equal(features[: count.value], np.flatnonzero(coef))
        np.testing.assert_array_equal(values[: count.value], coef[coef != 0])
        assert np.isnan(values[count.value :]).all()
        with pytest.raises(Failed, match=f"SIZE: room has to be {count.value}"):
            CALL.solver_coef_sparse(solver.handle, 1, features, values, count)
        assert CALL.solver_solve(solver.handle, 0.1 * top, 1e-10, 500) == 0
        # far away, and back from the answer
        answer, b = solver.coef(), solver.info().intercept
        CALL.solver_start(solver.handle, np.full(40, 3.0), 9.0)
        CALL.solver_certify(solver.handle, 0.1 * top, gap, None)
        assert gap.value > 1
        CALL.solver_start(solver.handle, answer, b)
        assert CALL.solver_solve(solver.handle, 0.1 * top, 1e-8, 500) == 0
        assert solver.info().n_iter == 0
        np.testing.assert_allclose(solver.coef(), answer, rtol=1e-12)
        CALL.solver_start(solver.handle, answer, NAN)
        np.testing.assert_allclose(solver.info().intercept, b)
        assert CALL.solver_solve(solver.handle, 0.0, 1e-10, 500) == 0
        np.testing.assert_allclose(
            solver.coef(),
            np.linalg.lstsq(X - X.mean(0), y - y.mean())[0],
            atol=1e-6,
        )


def test_start_is_moved_into_the_bounds():
    X, y = data()
    lower, upper = np.full(40, -0.25), np.full(40, 0.5)
    with Solver(matrix(X), y=y, l1_ratio=1.0, lower=lower, upper=upper) as solver:
        CALL.solver_start(solver.handle, np.linspace(-1, 1, 40), 0.0)
        np.testing.assert_array_equal(
            solver.coef(), np.clip(np.linspace(-1, 1, 40), -0.25, 0.5)
        )


def test_few_iterations_are_not_an_error():
    X, y = data()
    with Solver(matrix(X), y=y, l1_ratio=1.0, fit_intercept=1) as solver:
        alphas = solver.info().alpha_max * np.array([0.5, 0.01])
        status, done, got = solver.path(alphas, tol=0.0, max_iter=1)
        assert status == got["status"].max() == K["FL1_NOT_CONVERGED"]
        assert done == 2
        assert np.isfinite(got["gaps"]).all()


def test_poll_stops_and_the_solver_goes_on():
    X, y = data(400, 300)
    calls = []

    @HEADER.fields["fl1_problem"][-2][1]
    def poll(user):
        calls.append(user)
        return len(calls) > limit

    limit = 10**9
    with Solver(
        matrix(X), y=y, l1_ratio=1.0, fit_intercept=1, poll=poll, user=4711
    ) as solver:
        alphas = solver.info().alpha_max * np.geomspace(1, 1e-3, 30)
        limit = len(calls) + 12
        status, done, got = solver.path(alphas, tol=1e-9)
        assert status == K["FL1_STOPPED"]
        assert 0 < done < 30
        assert np.isfinite(got["coefs"][:done]).all()
        assert np.isnan(got["coefs"][done:]).all()
        assert set(calls) == {4711}
        limit = 10**9
        assert CALL.solver_solve(solver.handle, alphas[-1], 1e-9, 500) == 0
        assert solver.info().gap <= 1e-9


# ---- refusals


def test_errors_leave_the_text_of_the_last_one():
    with pytest.raises(Failed, match="FL1_E_VALUE: t is negative or NaN"):
        CALL.soft_threshold_f64(1, np.ones(1), -1.0, np.ones(1), 1)
    assert CALL.soft_threshold_f64(1, np.ones(1), 1.0, np.ones(1), 1) == 0
    assert CALL.last_error() == b"t is negative or NaN"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((-1, np.ones(2), 1.0, np.ones(2), 1), "SIZE: n is -1"),
        ((1 << 60, np.ones(2), 1.0, np.ones(2), 1), "SIZE: n is 1152921504606846976"),
        ((2, None, 1.0, np.ones(2), 1), "NULL: the input is NULL"),
        ((2, np.ones(2), 1.0, None, 1), "NULL: out is NULL"),
        ((2, np.ones(2), NAN, np.ones(2), 1), "VALUE: t is negative or NaN"),
        ((2, np.ones(2), 1.0, np.ones(2), -1), "SIZE: n_threads is -1"),
    ],
)
def test_bad_threshold(given, message):
    for call in (CALL.soft_threshold_f64, CALL.soft_threshold_f32):
        with pytest.raises(Failed, match=message):
            call(*given)


@pytest.mark.parametrize(
    ("l1", "l2", "message"),
    [
        (-1.0, 0.0, "VALUE: l1 is negative"),
        (INF, 0.0, "VALUE: l1 is negative, infinite"),
        (0.0, NAN, "VALUE: l2 is negative, infinite or NaN"),
    ],
)
def test_bad_prox(l1, l2, message):
    for z in (np.ones(3), np.ones(3, np.float32)):
        with pytest.raises(Failed, match=message):
            prox(z, l1, l2)


SPARSE = sp.csc_array(np.array([[1.0, 0.0], [2.0, 3.0], [0.0, 4.0]]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layout": 4}, "KIND: layout 4 does not exist"),
        ({"layout": -1}, "KIND: layout -1 does not exist"),
        ({"layout": K["FL1_CSR"], "n_rows": 2, "n_cols": 3}, "KIND: layout of a des"),
        ({"value_type": 2}, "KIND: value_type 2 does not exist"),
        ({"index_type": 2}, "KIND: index_type 2 does not exist"),
        ({"zero": 1}, "STRUCT: zero of the matrix is not 0"),
        ({"n_rows": 0}, "INDEX: indices of column 0 have to increase"),
        ({"n_rows": -1}, "SIZE: n_rows is -1"),
        ({"n_cols": 1 << 62}, "SIZE: n_cols is 4611686018427387904"),
        ({"nnz": -1}, "SIZE: nnz is -1"),
        ({"nnz": 3}, "INDEX: indptr has to run from 0 to at most nnz.*not so at 2"),
        ({"indptr": None}, "NULL: indptr is NULL"),
        ({"indices": None}, "NULL: indices is NULL"),
        ({"values": None}, "NULL: values is NULL"),
        ({"indptr": np.array([1, 2, 4], "i4")}, "INDEX: indptr .* not so at 0"),
        ({"indptr": np.array([0, -1, 4], "i4")}, "INDEX: indptr .* not so at 1"),
        ({"indptr": np.array([0, 3, 2], "i4")}, "INDEX: indptr .* not so at 2"),
        ({"indices": np.array([0, 1, 1, 3], "i4")}, "INDEX: .* of column 1 have"),
        ({"indices": np.array([0, -1, 1, 2], "i4")}, "INDEX: .* of column 0 have"),
        ({"indices": np.array([0, 0, 1, 2], "i4")}, "INDEX: .* of column 0 have"),
        ({"indices": np.array([0, 1, 2, 1], "i4")}, "INDEX: .* of column 1 have"),
    ],
)
def test_bad_matrix(change, message):
    X = matrix(SPARSE)
    for key, value in change.items():
        setattr(X, key, address(value))
    if "n_rows" in change and change["n_rows"] == 0:
        message = "INDEX: indices of column 0|SIZE: n_rows is 0"
    with pytest.raises(Failed, match=message):
        CALL.create("design", X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 2}, "SIZE: stride 2 makes columns overlap"),
        ({"stride": -5}, "SIZE: stride -5 makes columns overlap"),
        ({"stride": 1 << 62}, "SIZE: stride 4611686018427387904 is too large"),
        ({"values": None}, "NULL: values is NULL"),
        ({"n_cols": 0}, "SIZE: n_cols is 0, not 1 to"),
        ({"n_cols": 1 << 31}, "SIZE: n_cols is 2147483648, not 1 to"),
    ],
)
def test_bad_dense_matrix(change, message):
    X = matrix(np.ones((3, 2), order="F"))
    for key, value in change.items():
        setattr(X, key, address(value))
    with pytest.raises(Failed, match=message):
        CALL.create("design", X)


def test_bad_handles_and_columns():
    X = np.ones((3, 2), order="F")
    design, out, v = CALL.create("design", matrix(X)), ctypes.c_double(), np.ones(3)
    _, other = model(5)
    cases = [
        (lambda: CALL.col_dot(None, 0, v, out), "NULL: the design is NULL"),
        (lambda: CALL.col_dot(other, 0, v, out), "HANDLE: the design is of another"),
        (lambda: CALL.col_dot(design, 2, v, out), "INDEX: column 2 does not exist"),
        (lambda: CALL.col_dot(design, -1, v, out), "INDEX: column -1 does not"),
        (lambda: CALL.col_dot(design, 0, None, out), "NULL: a vector is NULL"),
        (lambda: CALL.col_dot(design, 0, v, None), "NULL: out is NULL"),
        (lambda: CALL.col_axpy(design, 0, 1.0, None), "NULL: a vector is NULL"),
        (lambda: CALL.col_axpy(design, 9, 1.0, v), "INDEX: column 9"),
        (lambda: CALL.col_sqnorm(design, 0, None, None), "NULL: a vector is NULL"),
        (lambda: CALL.design_create(None, out), "NULL: the matrix is NULL"),
        (lambda: CALL.design_create(matrix(X), None), "NULL: design is NULL"),
        (lambda: CALL.model_create(None, out), "NULL: the coefficients is NULL"),
        (lambda: CALL.solver_create(None, None, out), "NULL: the problem is NULL"),
        (lambda: CALL.solver_info(design, None), "HANDLE: the solver is of another"),
        (lambda: CALL.solver_coef(None, v), "NULL: the solver is NULL"),
        (lambda: CALL.predict(design, matrix(X), 0, 1, v), "HANDLE: the model is of"),
    ]
    for call, message in cases:
        with pytest.raises(Failed, match=message):
            call()
    for free in (CALL.design_free, CALL.model_free, CALL.solver_free):
        free(None)
    CALL.model_free(design)  # of another kind: nothing happens
    CALL.col_dot(design, 0, v, out)
    assert out.value == 3
    CALL.design_free(design)
    CALL.model_free(other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_features": 0}, "SIZE: n_features is 0"),
        ({"n_outputs": 0}, "SIZE: n_outputs is 0"),
        ({"n_outputs": 1 << 40}, "SIZE: n_outputs is 1099511627776"),
        ({"n_coefs": -1}, "SIZE: n_coefs is -1"),
        ({"features": None}, "NULL: features is NULL"),
        ({"values": None}, "NULL: values is NULL"),
        ({"features": np.array([0, 5, 2])}, "INDEX: features has no feature at 1"),
        ({"features": np.array([0, 1, -1])}, "INDEX: features has no feature at 2"),
        ({"features": np.array([3, 1, 3])}, "INDEX: features has feature 3 twice"),
        ({"outputs": np.array([0, 2, 0], "i4")}, "INDEX: outputs has no output at 1"),
        (
            {"values": np.array([1.0, NAN, 1])},
            "VALUE: values has no finite number at 1",
        ),
        ({"values": np.array([-INF, 1, 1])}, "VALUE: values has no finite .* at 0"),
        ({"intercepts": np.array([0, INF])}, "VALUE: intercepts has no finite .* at 1"),
        ({"link": 6}, "KIND: link 6 does not exist"),
        ({"zero": 1}, "STRUCT: zero of the coefficients"),
    ],
)
def test_bad_coefs(change, message):
    fields = {
        "n_features": 5,
        "n_outputs": 2,
        "n_coefs": 3,
        "features": np.array([3, 1, 0]),
        "values": np.ones(3),
    }
    coefs = struct("fl1_coefs", **fields | change)
    with pytest.raises(Failed, match=message):
        CALL.create("model", coefs)


def test_bad_rows():
    _, handle = model(3, 1, density=1)
    X, out = sp.csr_array(np.eye(4, 3)), np.empty(4)
    cases = [
        ({"layout": 9}, "KIND: layout 9 does not exist"),
        ({"n_cols": 4}, "SIZE: n_cols is 4, not the model's"),
        ({"indices": np.array([0, 3, 2], "i4")}, "INDEX: .* no feature in row 1"),
        ({"indices": np.array([0, 1, -7], "i4")}, "INDEX: .* no feature in row 2"),
        ({"indptr": np.array([0, 9, 2, 3, 3], "i4")}, "INDEX: indptr .* not so at 1"),
    ]
    for change, message in cases:
        rows = matrix(X)
        for key, value in change.items():
            setattr(rows, key, address(value))
        with pytest.raises(Failed, match=message):
            CALL.predict(handle, rows, 0, 1, out)
    columns = sp.csc_array(np.eye(4, 3))
    columns.indices[1] = 4
    with pytest.raises(Failed, match="INDEX: .* that is no row in column 1"):
        CALL.predict(handle, matrix(columns), 0, 1, out)
    for given, message in (
        ((2, 1, out), "KIND: kind 2 does not exist"),
        ((0, -1, out), "SIZE: n_threads is -1"),
        ((0, 1, None), "NULL: out is NULL"),
    ):
        with pytest.raises(Failed, match=message):
            CALL.predict(handle, matrix(X), *given)
    index, value = np.array([1], "i4"), np.ones(1)
    for given, message in (
        ((-1, 0, index, 1, value), "SIZE: nnz is -1"),
        ((1 << 31, 0, index, 1, value), "SIZE: nnz is 2147483648"),
        ((1, 2, index, 1, value), "KIND: index_type 2"),
        ((1, 0, index, 2, value), "KIND: value_type 2"),
        ((1, 0, None, 1, value), "NULL: indices is NULL"),
        ((1, 0, index, 1, None), "NULL: values is NULL"),
        ((1, 0, index + 2, 1, value), "INDEX: indices has one that is no feature"),
    ):
        with pytest.raises(Failed, match=message):
            CALL.predict_row(handle, *given, 0, out)
    assert CALL.predict_row(handle, 0, 0, None, 1, None, 0, out) == 0
    CALL.model_free(handle)


def changed(values, at, value):
    out = values.astype(float)
    out[at] = value
    return out


Y = data()[1]
LABELS = (Y > 0).astype(float)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": 10}, "KIND: loss 10 does not exist"),
        ({"n_threads": -1}, "SIZE: n_threads is -1"),
        ({"l1_ratio": 1.5}, r"VALUE: l1_ratio is not in \[0, 1\]"),
        ({"l1_ratio": NAN}, "VALUE: l1_ratio"),
        ({"y": None}, "NULL: y is NULL"),
        (
            {"y": changed(Y, 7, NAN)},
            "VALUE: y is not finite, or beyond 1e140, at row 7",
        ),
        (
            {"y": changed(Y, 7, 1e141)},
            "VALUE: y is not finite, or beyond 1e140, at row 7",
        ),
        ({"weight": changed(Y * 0, 3, -1)}, r"VALUE: weight is not in \[0.* at row 3"),
        ({"weight": Y * 0}, "VALUE: weight is 0 at every row"),
        (
            {"offset": changed(Y, 3, INF)},
            "VALUE: offset is not finite, or beyond 1e140, at row 3",
        ),
        ({"penalty_factor": changed(np.ones(40), 9, -1)}, "VALUE: penalty_f.* 9$"),
        ({"penalty_factor": changed(np.ones(40), 9, 1e150)}, "VALUE: penalty_f.* 9"),
        ({"lower": changed(np.zeros(40), 2, 0.1)}, "VALUE: lower is NaN or above .* 2"),
        ({"upper": changed(np.zeros(40), 2, NAN)}, "VALUE: upper is NaN or below .* 2"),
        ({"loss": 1}, "VALUE: y is neither 0 nor 1 at row 0"),
        ({"loss": 5, "y": LABELS * 0}, "VALUE: y is never 1 at a row of positive"),
        ({"loss": 8, "y": LABELS, "weight": LABELS}, "VALUE: y is never 0 at a row"),
        ({"loss": 2, "y": changed(Y * 0, 3, -1)}, "VALUE: y is too small for .* at 3"),
        ({"loss": 2, "y": Y * 0}, "VALUE: y is 0 at every row"),
        ({"loss": 3, "y": changed(Y * 0 + 1, 3, 0)}, "VALUE: y is too small .* at 3"),
        ({"loss": 4, "y": Y**2, "loss_param": 2.0}, r"VALUE: loss_param \(the power\)"),
        ({"loss": 6}, r"VALUE: loss_param \(delta\)"),
        ({"loss": 7, "loss_param": 1.0}, r"VALUE: loss_param \(the level\)"),
    ],
)
def test_bad_problem(change, message):
    X, y = data()
    given = {"y": y, "l1_ratio": 1.0} | change
    design = CALL.create("design", matrix(X))
    with pytest.raises(Failed, match=message):
        CALL.create("solver", design, struct("fl1_problem", **given))
    CALL.design_free(design)


@pytest.mark.parametrize("storage", ["dense", "int64"])
@pytest.mark.parametrize("value", [NAN, INF, -1e150])
def test_bad_values_of_X(storage, value):
    X, y = data()
    X[5, 31] = value
    with pytest.raises(
        Failed, match="VALUE: X is not finite, or beyond 1e140, in column 31"
    ):
        Solver(stored(X, storage), y=y, l1_ratio=1.0).__enter__()


def test_large_values_of_X_are_taken():
    X, y = data()
    matches(X * 1e139, y)


def test_strided_matrices_are_for_columns_only():
    X, y = data()
    with pytest.raises(Failed, match="SIZE: stride of a matrix to solve with"):
        Solver(stored(X, "strided"), y=y, l1_ratio=1.0).__enter__()


def test_bad_requests():
    X, y = data()
    with Solver(matrix(X), y=y, l1_ratio=1.0) as solver:
        good = {"n_alphas": 2, "alphas": np.array([1.0, 0.5]), "max_iter": 5}
        done = ctypes.c_int64(9)
        for change, message in (
            ({"n_alphas": 0}, "SIZE: n_alphas is 0"),
            ({"alphas": None}, "NULL: alphas is NULL"),
            ({"alphas": np.array([1.0, 2.0])}, "VALUE: alphas increases at 1"),
            ({"alphas": np.array([1.0, -2.0])}, "VALUE: alphas is not in .* at 1"),
            ({"alphas": np.array([NAN, 1.0])}, "VALUE: alphas is not in .* at 0"),
            ({"tol": -1.0}, "VALUE: tol is negative"),
            ({"max_iter": 0}, "VALUE: max_iter is 0"),
            ({"zero": 3}, "STRUCT: zero of the path"),
        ):
            with pytest.raises(Failed, match=message):
                CALL.solver_path(
                    solver.handle, struct("fl1_path", **good | change), done
                )
            assert done.value == 0
        for given, message in (
            ((-1.0, 0.0, 5), r"VALUE: alpha is not in \[0"),
            ((NAN, 0.0, 5), "VALUE: alpha is not"),
            ((1.0, NAN, 5), "VALUE: tol is negative, infinite or NaN"),
            ((1.0, 0.0, 0), "VALUE: max_iter is 0"),
        ):
            with pytest.raises(Failed, match=message):
                CALL.solver_solve(solver.handle, *given)
        with pytest.raises(
            Failed, match="VALUE: coef is not finite, or beyond 1e140, at 4"
        ):
            CALL.solver_start(solver.handle, changed(np.ones(40), 4, INF), 0.0)
        with pytest.raises(Failed, match="VALUE: intercept is infinite"):
            CALL.solver_start(solver.handle, np.ones(40), INF)
        with pytest.raises(Failed, match="VALUE: alpha is not in"):
            CALL.solver_certify(solver.handle, -1.0, None, None)
        info = struct("fl1_solver_info")
        info.struct_size = 8
        with pytest.raises(Failed, match="STRUCT: info has struct_size 8"):
            CALL.solver_info(solver.handle, info)
