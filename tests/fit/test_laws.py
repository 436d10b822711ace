"""Laws that hold between fits, whatever the numbers: no oracle needed.

Tolerances are tight (1e-10) and solutions unique, so equal problems give equal
coefficients to about the square root of that.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import fastl1
from fastl1.problem.matrix import CSC
from fastl1.problem.problem import check_problem

N, P = 40, 12
LOSSES = ("squared", "logistic")


def make(loss="squared", *, n=N, p=P, seed=0, density=1.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.3
    if density < 1:
        X = np.where(rng.random((n, p)) < density, X, 0.0)
    y = X[:, :4] @ [1.0, -1.0, 0.5, 0.25] + 0.5 * rng.standard_normal(n)
    if loss == "logistic":
        y = (y > np.median(y)) ^ (rng.random(n) < 0.15)
    return np.asfortranarray(X), y.astype(float), rng


def run(X, y, loss="squared", **options):
    options = {"tol": 1e-10, "n_alphas": 8, "alpha_min_ratio": 0.02, **options}
    result = fastl1.path(X, y, loss=loss, **options)
    assert result.converged.all()
    return result


def same(a, b, *, coefs=None, atol=1e-6):
    np.testing.assert_allclose(a.alphas, b.alphas, rtol=1e-9)
    ours = a.coefs.toarray() if coefs is None else coefs
    np.testing.assert_allclose(ours, b.coefs.toarray(), atol=atol)
    np.testing.assert_allclose(a.intercepts, b.intercepts, atol=2 * atol)


def identical(a, b):
    for name in ("alphas", "intercepts", "dual_gaps", "n_iters"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.coefs.toarray(), b.coefs.toarray())


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("standardize", [False, True])
class TestRows:
    def test_an_integer_weight_repeats_the_row(self, loss, standardize):
        X, y, rng = make(loss)
        weight = rng.integers(0, 4, N)
        a = run(X, y, loss, sample_weight=weight, standardize=standardize)
        b = run(
            np.repeat(X, weight, axis=0),
            np.repeat(y, weight),
            loss,
            standardize=standardize,
        )
        same(a, b)

    def test_weight_0_removes_the_row(self, loss, standardize):
        X, y, rng = make(loss)
        weight = np.where(rng.random(N) < 0.4, 0.0, rng.uniform(0.5, 2, N))
        keep = weight > 0
        a = run(X, y, loss, sample_weight=weight, standardize=standardize)
        b = run(
            X[keep], y[keep], loss, sample_weight=weight[keep], standardize=standardize
        )
        same(a, b)

    def test_only_the_ratios_of_weights_matter(self, loss, standardize):
        X, y, rng = make(loss)
        weight = rng.uniform(0.5, 2, N)
        a = run(X, y, loss, sample_weight=weight, standardize=standardize)
        for factor in (1e-3, 8.0, 1e6):
            b = run(X, y, loss, sample_weight=factor * weight, standardize=standardize)
            same(a, b)

    def test_equal_weights_are_no_weights(self, loss, standardize):
        X, y, _ = make(loss)
        a = run(X, y, loss, standardize=standardize)
        same(a, run(X, y, loss, sample_weight=np.ones(N), standardize=standardize))

    def test_the_order_of_rows_does_not_matter(self, loss, standardize):
        X, y, rng = make(loss)
        order = rng.permutation(N)
        a = run(X, y, loss, standardize=standardize)
        same(a, run(X[order], y[order], loss, standardize=standardize))


@pytest.mark.parametrize("loss", LOSSES)
class TestColumns:
    def test_the_order_of_columns_does_not_matter(self, loss):
        X, y, rng = make(loss)
        order = rng.permutation(P)
        a, b = run(X, y, loss), run(X[:, order], y, loss)
        same(a, b, coefs=a.coefs.toarray()[order])

    def test_a_constant_column_stays_out(self, loss):
        X, y, _ = make(loss)
        more = np.c_[X, np.full(N, 7.0), np.zeros(N)]
        for standardize in (False, True):
            a = run(X, y, loss, standardize=standardize)
            for form in (np.asfortranarray, sparse.csc_array):
                b = run(form(more), y, loss, standardize=standardize)
                same(a, b, coefs=np.r_[a.coefs.toarray(), np.zeros((2, 8))])

    def test_an_infinite_penalty_factor_removes_the_column(self, loss):
        X, y, _ = make(loss)
        factor = np.where(np.arange(P) % 3 == 1, np.inf, 1.0)
        keep = np.isfinite(factor)
        a = run(X, y, loss, penalty_factor=factor)
        b = run(X[:, keep], y, loss)
        same(a, b, coefs=a.coefs.toarray()[keep])
        assert not a.coefs.toarray()[~keep].any()

    def test_twice_the_penalty_factor_is_half_the_column(self, loss):
        X, y, _ = make(loss)
        factor = np.where(np.arange(P) % 2, 2.0, 1.0)
        a = run(X, y, loss, penalty_factor=factor)
        b = run(X / factor, y, loss)
        same(a, b, coefs=a.coefs.toarray() * factor[:, None])

    def test_standardize_is_scaling_by_hand(self, loss):
        X, y, rng = make(loss)
        weight = rng.uniform(0.5, 2, N)
        for s in (None, weight):
            mean = np.average(X, axis=0, weights=s)
            sd = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=s))
            for intercept in (True, False):
                for l1_ratio in (1.0, 0.5):
                    options = {
                        "sample_weight": s,
                        "fit_intercept": intercept,
                        "l1_ratio": l1_ratio,
                    }
                    a = run(X, y, loss, standardize=True, **options)
                    b = run(X / sd, y, loss, **options)
                    same(a, b, coefs=a.coefs.toarray() * sd[:, None])

    def test_standardize_undoes_any_scale(self, loss):
        X, y, rng = make(loss)
        scale = np.exp(rng.uniform(-5, 5, P))
        a = run(X, y, loss, standardize=True)
        b = run(X * scale, y, loss, standardize=True)
        same(a, b, coefs=a.coefs.toarray() / scale[:, None], atol=1e-4)
        np.testing.assert_allclose(
            b.coefs.toarray() * scale[:, None], a.coefs.toarray(), atol=1e-6
        )

    def test_bounds_are_on_the_original_scale(self, loss):
        X, y, rng = make(loss)
        scale = np.exp(rng.uniform(-2, 2, P))
        a = run(X, y, loss, standardize=True, lower=-0.1, upper=0.2)
        b = run(
            X * scale, y, loss, standardize=True, lower=-0.1 / scale, upper=0.2 / scale
        )
        np.testing.assert_allclose(
            b.coefs.toarray() * scale[:, None], a.coefs.toarray(), atol=1e-6
        )
        assert a.coefs.toarray().max() == 0.2

    def test_bounds_that_do_not_bind_change_nothing(self, loss):
        X, y, _ = make(loss)
        a = run(X, y, loss)
        same(a, run(X, y, loss, lower=-100.0, upper=100.0))

    def test_negated_columns(self, loss):
        X, y, _ = make(loss)
        a = run(X, y, loss, lower=0.0)
        b = run(-X, y, loss, upper=0.0)
        same(a, b, coefs=-a.coefs.toarray())

    def test_shifted_columns(self, loss):
        X, y, rng = make(loss)
        shift = rng.uniform(-5, 5, P)
        a, b = run(X, y, loss), run(X + shift, y, loss)
        np.testing.assert_allclose(a.alphas, b.alphas, rtol=1e-9)
        np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=1e-6)
        np.testing.assert_allclose(
            a.intercepts, b.intercepts + b.coefs.T @ shift, atol=1e-5
        )


class TestTarget:
    @pytest.mark.parametrize("factor", [1e-100, 1e-3, -1.0, 1e6, 1e100])
    def test_scaling_y_scales_everything(self, factor):
        X, y, _ = make()
        a, b = run(X, y), run(X, factor * y)
        np.testing.assert_allclose(b.alphas / abs(factor), a.alphas, rtol=1e-9)
        np.testing.assert_allclose(
            b.coefs.toarray() / factor, a.coefs.toarray(), atol=1e-6
        )
        np.testing.assert_allclose(b.intercepts / factor, a.intercepts, atol=1e-6)

    def test_an_offset_is_a_shift_of_y(self):
        X, y, rng = make()
        offset = rng.standard_normal(N)
        for intercept in (True, False):
            a = run(X, y, offset=offset, fit_intercept=intercept)
            same(a, run(X, y - offset, fit_intercept=intercept))

    @pytest.mark.parametrize("loss", LOSSES)
    def test_a_constant_offset_moves_the_intercept(self, loss):
        X, y, _ = make(loss)
        a, b = run(X, y, loss), run(X, y, loss, offset=np.full(N, 0.7))
        np.testing.assert_allclose(a.coefs.toarray(), b.coefs.toarray(), atol=1e-6)
        np.testing.assert_allclose(a.intercepts, b.intercepts + 0.7, atol=1e-6)

    def test_swapped_labels_swap_the_signs(self):
        X, y, _ = make("logistic")
        a, b = run(X, y, "logistic"), run(X, 1 - y, "logistic")
        np.testing.assert_allclose(a.coefs.toarray(), -b.coefs.toarray(), atol=1e-6)
        np.testing.assert_allclose(a.intercepts, -b.intercepts, atol=1e-6)

    @pytest.mark.parametrize(
        "labels", [(-1, 1), (False, True), ("no", "yes"), (3.5, 7.0), ("b", "a")]
    )
    def test_any_two_labels(self, labels):
        X, y, _ = make("logistic")
        named = np.array(labels)[y.astype(int)]
        a, b = run(X, y, "logistic"), run(X, named, "logistic")
        assert b.classes.tolist() == sorted(labels)
        sign = 1 if labels[0] < labels[1] else -1
        np.testing.assert_allclose(
            a.coefs.toarray(), sign * b.coefs.toarray(), atol=1e-6
        )
        predicted = b.predict(X, type="class")
        assert set(predicted.ravel()) <= set(labels)
        probability = b.predict(X)
        np.testing.assert_array_equal(predicted == b.classes[1], probability > 0.5)


@pytest.mark.parametrize("loss", LOSSES)
class TestStorage:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("standardize", [False, True])
    def test_dense_is_csc(self, loss, dtype, standardize):
        X, y, rng = make(loss, density=0.4)
        X = X.astype(dtype)
        options = {
            "standardize": standardize,
            "sample_weight": rng.uniform(0.5, 2, N),
            "tol": 1e-10 if dtype == np.float64 else 1e-8,
        }
        a = run(X, y, loss, **options)
        b = run(sparse.csc_array(X), y, loss, **options)
        same(a, b, atol=1e-5)
        same(a, run(sparse.csr_array(X), y, loss, **options), atol=1e-5)

    @pytest.mark.parametrize("form", [np.asfortranarray, sparse.csc_array])
    def test_float32_is_float64(self, loss, form):
        X, y, _ = make(loss)
        single = X.astype(np.float32)
        a = run(form(single), y, loss, tol=1e-7)
        b = run(form(single.astype(np.float64)), y, loss, tol=1e-7)
        assert a.coefs.dtype == np.float32
        assert b.coefs.dtype == np.float64
        same(a, b, atol=1e-3)

    def test_int64_indices_are_int32_indices(self, loss):
        """Row numbers that need 64 bits run kernels of their own."""
        from fastl1.fit.solver import make_solver

        X, y, _ = make(loss, density=0.4)
        A = sparse.csc_array(X)
        problem = check_problem(A, y, loss=loss)
        solvers = []
        for width in (np.int32, np.int64):
            problem.X = CSC(
                A.data,
                A.indices.astype(width),
                A.indptr.astype(np.int64),
                A.shape,
            )
            solvers.append(make_solver(problem))
        for fraction in (0.5, 0.1, 0.02):
            for solver in solvers:
                assert solver.solve(fraction * solver.alpha_max, 1e-8, 100) == 0
            np.testing.assert_allclose(solvers[0].coef, solvers[1].coef, atol=1e-9)

    def test_the_number_of_threads_changes_no_bit(self, loss):
        for density, n, p in ((1.0, 8000, 70), (0.1, 8000, 700)):
            X, y, _ = make(loss, n=n, p=p, density=density)
            given = X if density == 1 else sparse.csc_array(X)
            for standardize in (False, True):
                options = {"standardize": standardize, "tol": 1e-6, "n_alphas": 4}
                one = run(given, y, loss, n_threads=1, **options)
                for threads in (2, 5):
                    identical(one, run(given, y, loss, n_threads=threads, **options))

    def test_a_fit_repeats_bit_by_bit(self, loss):
        X, y, _ = make(loss)
        identical(run(X, y, loss), run(X.copy(order="F"), y.copy(), loss))


@pytest.mark.parametrize("loss", LOSSES)
class TestPath:
    def test_a_path_is_its_single_fits(self, loss):
        X, y, _ = make(loss)
        whole = run(X, y, loss)
        for k, alpha in enumerate(whole.alphas):
            alone = run(X, y, loss, alphas=[alpha])
            np.testing.assert_allclose(
                alone.coefs.toarray()[:, 0], whole.coefs.toarray()[:, k], atol=1e-6
            )

    def test_a_warm_start_finds_the_same(self, loss):
        X, y, rng = make(loss)
        whole = run(X, y, loss)
        for start in (whole.coef_at(whole.alphas[-1])[0], rng.standard_normal(P)):
            same(whole, run(X, y, loss, coef_init=start))

    def test_a_finer_grid_passes_through_the_coarse_one(self, loss):
        X, y, _ = make(loss)
        fine = run(X, y, loss, n_alphas=15)
        coarse = run(X, y, loss, n_alphas=8)
        np.testing.assert_allclose(
            fine.coefs.toarray()[:, ::2], coarse.coefs.toarray(), atol=1e-6
        )


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(
    n=st.integers(3, 25),
    p=st.integers(1, 25),
    seed=st.integers(0, 2**32 - 1),
    loss=st.sampled_from(LOSSES),
    density=st.sampled_from([1.0, 0.3]),
    standardize=st.booleans(),
    intercept=st.booleans(),
)
def test_weights_storage_and_columns_together(
    n, p, seed, loss, density, standardize, intercept
):
    rng = np.random.default_rng(seed)
    X = np.where(rng.random((n, p)) < density, rng.standard_normal((n, p)), 0.0)
    y = rng.standard_normal(n)
    if loss == "logistic":
        y = (y > 0).astype(float)
        y[:2] = 0, 1
    weight = rng.integers(0, 3, n)
    weight[:2] = 1
    order = rng.permutation(p)
    options = {"standardize": standardize, "fit_intercept": intercept, "l1_ratio": 0.8}
    a = run(sparse.csc_array(X), y, loss, sample_weight=weight, **options)
    b = run(
        np.repeat(X, weight, axis=0)[:, order], np.repeat(y, weight), loss, **options
    )
    atol = 1e-4 * max(1.0, np.abs(a.coefs.toarray()).max())
    same(a, b, coefs=a.coefs.toarray()[order], atol=atol)
