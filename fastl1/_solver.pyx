"""One model at a time: working sets, warm starts, screening and the certificate.

    min_{w,b}  sum_i s_i loss(y_i, x_i w + b + offset_i)
               + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2),
    lower <= w <= upper,   sum_i s_i = 1

Inside, columns are centred (with an intercept) and scaled (standardize), so w and b are
those of the scaled design; v = -gradient with respect to the linear predictor eta, and
c_j = x_j' v are the correlations.

`solve` repeats: minimize on the working set; make v dual feasible; bound or compute the
correlations outside; compute the gap; add the violators.  The gap is a sum of
Fenchel-Young terms at the dual point kappa v, none of them negative:

    gap = sum_i s_i [loss + loss*](kappa) + sum_j [pen_j(w_j) + pen_j*(kappa c_j) - kappa c_j w_j]

With l2, either pen* carries it (finite for any c) or the l2 term joins the loss as p more
squares (the augmented lasso); the smaller bound counts.  The intercept and unpenalized
columns Z need Z'v = 0: v' = v - h (Z delta), with loss curvatures h, meets it exactly and
stays in the domain of the conjugate near the solution.
"""
import numpy as np

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, NAN, ceil, fabs, isfinite, log, pow, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memcpy, memset

from fastl1._cholesky cimport (
    chol_append,
    chol_delete,
    chol_free,
    chol_reserve,
    chol_solve,
    chol_t,
)
from fastl1._design cimport (
    col_nnz,
    design_add_xw,
    design_gram,
    design_means,
    design_stats,
    design_t,
    design_xtv,
)
from fastl1._ops cimport FL1_F32, FL1_F64, FL1_I32, FL1_I64, FL1_LOGISTIC, FL1_SQUARED
from fastl1._quadratic cimport dual_ratio, gram_solve, pen_young, quad_gap, quad_t
from fastl1._runtime cimport OPS, resolve_threads
from fastl1._screen cimport (
    cache_estimate,
    cache_free,
    cache_init,
    cache_project,
    cache_push,
    cache_t,
)
from fastl1._sweeps cimport (
    packed_build,
    packed_free,
    packed_t,
    residual_t,
    sweep_solve,
)

LOSSES = {"squared": FL1_SQUARED, "logistic": FL1_LOGISTIC}

cdef enum:
    CONVERGED = 0
    MAX_ITER = 1
    INTERRUPTED = 2
    FAILED = 3


cdef extern from *:
    """
    #include <time.h>
    static double fl1_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + 1e-9 * t.tv_nsec;
    }
    typedef struct { double key; ptrdiff_t column; } fl1_candidate;
    static int fl1_by_key(const void *a, const void *b) {
        const fl1_candidate *x = a, *y = b;
        if (x->key != y->key) return x->key > y->key ? -1 : 1;
        return (x->column > y->column) - (x->column < y->column);
    }
    """
    double fl1_now() noexcept nogil
    ctypedef struct fl1_candidate:
        double key
        ptrdiff_t column
    int fl1_by_key(const void*, const void*) noexcept nogil


cdef class Solver:
    """One problem, solved at one alpha after another from where it stands.

    Parameters
    ----------
    X : ndarray (n, p), Fortran order, float32 or float64, or CSC(data, indices, indptr, shape)
        Canonical input as `fastl1._validation` makes it; kept, never written.
    y : ndarray (n,) float64; {0, 1} for the logistic loss
    loss : {"squared", "logistic"}
    l1_ratio : float in [0, 1]
    penalty_factor, lower, upper : ndarray (p,) float64 or None
    fit_intercept, standardize : bool
    sample_weight, offset : ndarray (n,) float64 or None
    n_threads : int or None
    """

    cdef design_t X
    cdef list keep
    cdef ptrdiff_t n, p
    cdef int loss, n_threads
    cdef bint centre, lazy_ok
    cdef double l1_ratio
    # samples
    cdef double* y
    cdef double* s
    cdef double* s_sqrt
    cdef double* eta
    cdef double* v
    cdef double* h
    cdef double* h_sqrt
    cdef double* g
    cdef double* n_work
    # columns
    cdef double* mean
    cdef double* scale
    cdef double* norm
    cdef double* pf
    cdef double* lo
    cdef double* hi
    cdef double* w
    cdef double* w_eta
    cdef double* p_work
    cdef ptrdiff_t* alive
    cdef ptrdiff_t* proj         # free columns that v was made orthogonal to
    cdef ptrdiff_t n_alive, n_free, n_proj
    cdef fl1_candidate* cand
    # working set, by slot
    cdef ptrdiff_t m, cap
    cdef ptrdiff_t* ws
    cdef ptrdiff_t* slot
    cdef double* slots          # ten (cap,) arrays
    cdef quad_t q
    cdef double* hmean
    # Gram regime
    cdef double* G
    cdef ptrdiff_t ldg, m_gram
    cdef chol_t F
    cdef double factor_alpha
    cdef bint use_gram
    # screening
    cdef cache_t cache
    cdef double b_eta[8]
    # state
    cdef double b, loss_value, r2, alpha_prev, last_tick
    cdef bint lazy, fresh, restarted, keep_intercept, interrupted
    cdef double alpha_now
    cdef public int force_regime
    cdef public double hom_ratio, cap_frac
    cdef public ptrdiff_t cap_min
    cdef ptrdiff_t* cols
    cdef readonly double alpha_max, null_objective, gap
    cdef readonly int n_iter
    cdef object pending
    cdef packed_t packed
    cdef double c_null
    cdef ptrdiff_t n_cand
    cdef long n_epochs, n_newton, n_column_products, n_full_passes, n_gram_columns

    def __cinit__(self):
        self.cache.g = NULL
        self.F.L = NULL

    def __dealloc__(self):
        cache_free(&self.cache)
        chol_free(&self.F)
        free(self.G)
        free(self.slots)
        free(self.ws)
        free(self.cand)
        packed_free(&self.packed)

    def __init__(self, X, y, *, loss, l1_ratio, penalty_factor, lower, upper,
                 fit_intercept, standardize, sample_weight, offset, n_threads):
        cdef ptrdiff_t j
        self.keep = []
        self.n_threads = resolve_threads(n_threads)
        self.loss = LOSSES[loss]
        self.l1_ratio = l1_ratio
        self.centre = fit_intercept
        self._set_design(X)
        n, p = self.n, self.p

        weight = np.full(n, 1.0 / n)
        if sample_weight is not None:
            weight[:] = sample_weight
            weight /= weight.max()
            weight /= weight.sum()
        self.s = self._array(weight)
        self.s_sqrt = self._array(np.sqrt(weight))
        self.y = self._array(y)
        self.eta = self._array(np.zeros(n) if offset is None else offset)
        self.v = self._array(np.zeros(n))
        self.h = self._array(weight)
        self.h_sqrt = self._array(np.sqrt(weight))
        self.g = self._array(np.zeros(n))
        self.n_work = self._array(np.zeros(n))

        self.mean = self._array(np.zeros(p))
        self.scale = self._array(np.ones(p))
        self.norm = self._array(np.zeros(p))
        self.X.mean, self.X.scale = self.mean, self.scale
        cdef bint scaled = standardize
        with nogil:
            design_stats(&self.X, self.s, self.centre, scaled, self.mean, self.scale,
                         self.norm, self.n_threads)
        self.n_full_passes = 1
        self.pf = self._array(np.ones(p) if penalty_factor is None else penalty_factor)
        self.lo = self._array(np.full(p, -np.inf) if lower is None else lower)
        self.hi = self._array(np.full(p, np.inf) if upper is None else upper)
        self.w = self._array(np.zeros(p))
        self.w_eta = self._array(np.zeros(p))
        self.p_work = self._array(np.zeros(p))
        alive = np.empty(p, dtype=np.intp)
        slot = np.full(p, -1, dtype=np.intp)
        cols = np.empty(p, dtype=np.intp)
        self.keep += [alive, slot, cols]
        self.cols = <ptrdiff_t*> <size_t> cols.ctypes.data
        proj = np.empty(p, dtype=np.intp)
        self.keep.append(proj)
        self.proj = <ptrdiff_t*> <size_t> proj.ctypes.data
        self.alive = <ptrdiff_t*> <size_t> alive.ctypes.data
        self.slot = <ptrdiff_t*> <size_t> slot.ctypes.data
        self.n_alive = self.n_free = 0
        for j in range(p):
            self.lo[j] /= self.scale[j]
            self.hi[j] /= self.scale[j]
            if self.norm[j] > 0.0 and self.pf[j] < INFINITY and self.lo[j] < self.hi[j]:
                self.alive[self.n_alive] = j
                self.n_alive += 1
                self.n_free += self.pf[j] == 0.0
        self.cand = <fl1_candidate*> malloc(max(p, 1) * sizeof(fl1_candidate))
        if self.cand == NULL or cache_init(&self.cache, n, p) < 0:
            raise MemoryError("no memory for the screening cache")
        self.cache.ops = self.q.ops = self.F.ops = OPS
        self.factor_alpha = NAN
        self.lazy_ok = self.loss == FL1_SQUARED and self.n_free == 0
        self.use_gram = True
        # Where a pass over X is cheap beside the work on the working set (dense, wide),
        # far alphas are reached in more steps and the working set grows more carefully.
        if not self.X.sparse and n < p:
            self.hom_ratio, self.cap_frac, self.cap_min = 0.6, 0.25, 50
        else:
            self.hom_ratio, self.cap_frac, self.cap_min = 0.3, 1.0, 100
        self._null_model()

    # ------------------------------------------------------------------ set-up

    cdef double* _array(self, values) except NULL:
        """A float64 copy of `values` that lives as long as the solver."""
        cdef double[::1] view
        array = np.array(values, dtype=np.float64, copy=True, ndmin=1)
        if array.size == 0:
            array = np.zeros(1)
        self.keep.append(array)
        view = array
        return &view[0]

    cdef int _set_design(self, X) except -1:
        cdef const int64_t[::1] indptr
        self.X.ops = OPS
        self.X.sparse = not isinstance(X, np.ndarray)
        data = X.data if self.X.sparse else X
        if self.X.sparse:
            self.n, self.p = X.shape
            self.X.itype = FL1_I32 if X.indices.dtype == np.int32 else FL1_I64
            self.X.isize = X.indices.dtype.itemsize
            self.X.indices = <const char*> <size_t> X.indices.ctypes.data
            indptr = X.indptr
            self.X.indptr = &indptr[0]
        else:
            self.n, self.p = X.shape
            if not X.flags.f_contiguous:
                raise ValueError("X must be in Fortran order")
        self.X.n, self.X.p = self.n, self.p
        self.X.vtype = FL1_F32 if data.dtype == np.float32 else FL1_F64
        self.X.vsize = data.dtype.itemsize
        self.X.data = <const char*> <size_t> (
            X.data.ctypes.data if self.X.sparse else X.ctypes.data
        )
        self.keep.append(X)
        return 0

    cdef int _null_model(self) except -1:
        """Objective at w = 0, the fit of the unpenalized block, and alpha_max."""
        cdef ptrdiff_t k, j
        cdef double ratio
        with nogil:
            self._fit_intercept()
            self.null_objective = self.loss_value
            self._project_dual()
            self._full_pass()
            self.c_null = 0.0
            for k in range(self.n_alive):
                self.c_null = max(self.c_null, fabs(self.cache.c[self.alive[k]]))
        if self.n_free:
            for k in range(self.n_alive):
                if self.pf[self.alive[k]] == 0.0:
                    self._add_slot(self.alive[k])
            with nogil:
                self._solve_working_set(0.0, 1e-16 * self.null_objective, 50)
                self._evaluate()
                self._project_dual()
                self._full_pass()
        self.alpha_max = 0.0
        if self.null_objective > 0.0:
            for k in range(self.n_alive):
                j = self.alive[k]
                if self.pf[j] > 0.0:
                    ratio = self._signed(
                        j, self.cache.c[(self.cache.count - 1) * self.p + j]
                    )
                    self.alpha_max = max(self.alpha_max, ratio / self.pf[j])
        self.alpha_max = self.alpha_max / self.l1_ratio if self.l1_ratio > 0 else NAN
        self.alpha_prev = INFINITY
        self.gap = 0.0
        return 0

    # ------------------------------------------------------------------ samples

    cdef double _signed(self, ptrdiff_t j, double c) noexcept nogil:
        """|c| where the bounds of column j let it move that way from 0, else 0."""
        if c > 0.0:
            return c if self.hi[j] > 0.0 else 0.0
        return -c if self.lo[j] < 0.0 else 0.0

    cdef void _sync(self) noexcept nogil:
        """Bring eta to the present coefficients."""
        cdef ptrdiff_t k, j, count = 0
        cdef ptrdiff_t* cols = self.cols
        for k in range(self.m):
            j = self.ws[k]
            if self.w[j] != self.w_eta[j]:
                cols[count] = j
                self.p_work[count] = self.w[j] - self.w_eta[j]
                self.w_eta[j] = self.w[j]
                count += 1
        if count:
            design_add_xw(
                &self.X, cols, self.p_work, count, self.eta, self.n_threads
            )
            self.n_column_products += count

    cdef void _evaluate(self) noexcept nogil:
        """eta, loss, v and h at the present coefficients."""
        self._sync()
        self.loss_value = OPS.loss_eval[self.loss](
            self.n, self.y, self.eta, self.s, self.v, self.h
        )

    cdef void _shift(self, double delta) noexcept nogil:
        cdef ptrdiff_t i
        self.b += delta
        for i in range(self.n):
            self.eta[i] += delta

    cdef void _fit_intercept(self) noexcept nogil:
        """Damped Newton on the intercept alone; leaves the state evaluated."""
        cdef int it, _half
        cdef ptrdiff_t i = 0
        cdef double total, curve, step, before
        self._evaluate()
        if not self.centre:
            return
        if self.loss == FL1_SQUARED and self.b == 0.0:
            # from one residual on: exact for a constant y
            while i < self.n - 1 and self.s[i] == 0.0:
                i += 1
            self._shift(self.y[i] - self.eta[i])
            self._evaluate()
        for it in range(100):
            total = OPS.sum(self.n, self.v)
            curve = OPS.sum(self.n, self.h)
            if curve <= 0.0 or fabs(total) <= 1e-15:
                return
            step = total / curve
            if self.loss == FL1_SQUARED:
                self._shift(step)
                self._evaluate()
                if it == 1:
                    return
                continue
            step = min(max(step, -3.0), 3.0)
            before = self.loss_value
            for _half in range(30):
                self._shift(step)
                self._evaluate()
                # a short step is in the region of quadratic convergence, and its
                # decrease below the rounding of the loss
                if self.loss_value <= before or fabs(step) < 1e-4:
                    break
                self._shift(-step)
                step *= 0.5
            else:
                self._evaluate()
                return
            if fabs(step) <= 1e-13 * (1.0 + fabs(self.b)):
                return

    cdef int _project_dual(self) noexcept nogil:
        """v <- v - h (Z delta) with Z' v = 0, Z = the intercept and the free columns.

        Returns 0, or -1 when the block could not be solved.
        """
        cdef double h_sum
        if self.n_free == 0:
            if self.centre:
                h_sum = OPS.sum(self.n, self.h)
                if h_sum > 0.0:
                    OPS.axpy(self.n, -OPS.sum(self.n, self.v) / h_sum, self.h, self.v)
            return 0
        return self._project_free()

    cdef int _project_free(self) noexcept nogil:
        """_project_dual with unpenalized columns; those it made orthogonal go to proj.

        A column at its bound whose correlation points outwards needs no projection: its
        conjugate is finite there."""
        cdef ptrdiff_t i, k, j, f = 0
        cdef double h_sum, total, c, bound
        cdef chol_t F
        cdef double* A
        cdef double* x
        cdef double* means
        cdef int status
        self.n_proj = 0
        A = <double*> malloc(self.n_free * (self.n_free + 3) * sizeof(double))
        if A == NULL:
            return -1
        x = A + self.n_free * self.n_free
        means = x + self.n_free
        h_sum = OPS.sum(self.n, self.h)
        total = OPS.sum(self.n, self.v)
        for k in range(self.n_alive):
            j = self.alive[k]
            if self.pf[j] == 0.0:
                self.proj[f] = j
                f += 1
        design_xtv(&self.X, self.proj, f, self.v, x, self.n_threads)
        if self.centre:
            design_means(&self.X, self.proj, f, self.h, h_sum, means, self.n_threads)
        for k in range(f):
            j = self.proj[k]
            c = x[k] - (means[k] * total if self.centre else 0.0)
            bound = self.hi[j] if c > 0.0 else self.lo[j]
            if isfinite(bound) and fabs(bound - self.w[j]) <= 1e-6 * fabs(bound):
                continue
            self.proj[self.n_proj] = j
            x[self.n_proj] = c
            means[self.n_proj] = means[k]
            self.n_proj += 1
        f = self.n_proj
        for i in range(self.n):
            self.h_sqrt[i] = sqrt(self.h[i])
            self.n_work[i] = 0.0
        with gil:
            try:
                design_gram(
                    &self.X, self.proj, 0, f, self.h_sqrt,
                    means if self.centre else NULL, h_sum, A, self.n_free,
                    self.n_threads
                )
            except MemoryError:
                free(A)
                return -1
        memset(&F, 0, sizeof(chol_t))
        F.ops = OPS
        status = small_solve(&F, f, A, self.n_free, x)
        chol_free(&F)
        if status == 0:
            design_add_xw(&self.X, self.proj, x, f, self.n_work, self.n_threads)
            if self.centre and h_sum > 0.0:
                total -= OPS.dot(self.n, self.h, self.n_work)
                for i in range(self.n):
                    self.n_work[i] += total / h_sum
            for i in range(self.n):
                self.v[i] -= self.h[i] * self.n_work[i]
        free(A)
        return status

    cdef void _full_pass(self) noexcept nogil:
        """Correlations of every column with v: a new reference for screening."""
        cdef double* c
        self._set_g()
        c = cache_push(&self.cache, self.g)
        design_xtv(&self.X, NULL, self.p, self.v, c, self.n_threads)
        self.n_column_products += self.p
        self.n_full_passes += 1
        self._refresh_products()

    cdef void _refresh_products(self) noexcept nogil:
        """b_eta[r] = product of the residual at eta with reference r (lazy updates)."""
        cdef int r
        for r in range(self.cache.count):
            self.b_eta[r] = OPS.dot(self.n, self.g, self.cache.g + r * self.n)

    # -------------------------------------------------------------- working set

    cdef int _add_slot(self, ptrdiff_t j) except -1 nogil:
        cdef ptrdiff_t cap
        cdef void* p1
        cdef void* p2
        if self.slot[j] >= 0:
            return 0
        if self.m == self.cap:
            cap = max(64, 2 * self.cap)
            p1 = realloc(self.ws, cap * sizeof(ptrdiff_t))
            if p1 != NULL:
                self.ws = <ptrdiff_t*> p1
            p2 = malloc(13 * cap * sizeof(double))
            if p1 == NULL or p2 == NULL:
                free(p2)
                with gil:
                    raise MemoryError("no memory for the working set")
            if self.slots != NULL:
                # c is the one slot array that lives from call to call
                memcpy(<double*> p2 + cap, self.q.c, self.m * sizeof(double))
                memcpy(<double*> p2 + 2 * cap, self.q.diag, self.m * sizeof(double))
                free(self.slots)
            self.slots = <double*> p2
            self.q.w = self.slots
            self.q.c = self.slots + cap
            self.q.diag = self.slots + 2 * cap
            self.q.lam1 = self.slots + 3 * cap
            self.q.lam2 = self.slots + 4 * cap
            self.q.lo = self.slots + 5 * cap
            self.q.hi = self.slots + 6 * cap
            self.hmean = self.slots + 7 * cap
            self.q.work = self.slots + 8 * cap
            self.q.index = <ptrdiff_t*> (self.slots + 12 * cap)
            self.cap = cap
        self.ws[self.m] = j
        self.slot[j] = self.m
        self.m += 1
        return 1

    cdef void _prune(self, double limit) noexcept nogil:
        """Out of the working set: columns at zero whose correlation is below
        limit * pf.  The Gram block and the factor are compacted."""
        cdef ptrdiff_t k, a, j, new = 0, gram = 0
        cdef ptrdiff_t* to = self.q.index
        for k in range(self.m):
            j = self.ws[k]
            if (
                self.w[j] != 0.0 or self.w_eta[j] != 0.0
                or fabs(self.q.c[k]) >= limit * self.pf[j]
            ):
                to[k] = new
                self.ws[new] = j
                self.slot[j] = new
                self.q.c[new] = self.q.c[k]
                self.q.diag[new] = self.q.diag[k]
                new += 1
                gram += k < self.m_gram
            else:
                to[k] = -1
                self.slot[j] = -1
        for k in range(self.F.m - 1, -1, -1):
            if to[self.F.slot[k]] < 0:
                chol_delete(&self.F, k)
        for k in range(self.F.m):
            self.F.slot[k] = to[self.F.slot[k]]
        for k in range(self.m_gram):
            if to[k] < 0:
                continue
            for a in range(self.m_gram):
                if to[a] >= 0:
                    self.G[to[a] + to[k] * self.ldg] = self.G[a + k * self.ldg]
        self.m = new
        self.m_gram = gram

    cdef void _load_quad(self, double alpha) noexcept nogil:
        cdef ptrdiff_t k, j
        self.q.m = self.m
        for k in range(self.m):
            j = self.ws[k]
            self.q.w[k] = self.w[j]
            self.q.lam1[k] = alpha * self.l1_ratio * self.pf[j]
            self.q.lam2[k] = alpha * (1.0 - self.l1_ratio) * self.pf[j]
            self.q.lo[k] = self.lo[j]
            self.q.hi[k] = self.hi[j]

    cdef void _store_quad(self) noexcept nogil:
        cdef ptrdiff_t k
        for k in range(self.m):
            self.w[self.ws[k]] = self.q.w[k]

    cdef int _grow_gram(self) except -1 nogil:
        """Gram block of the working set under the present h."""
        cdef ptrdiff_t cap, k
        cdef double* G
        if self.m > self.ldg:
            cap = max(64, max(self.m, self.ldg + self.ldg // 2))
            G = <double*> malloc(cap * cap * sizeof(double))
            if G == NULL:
                with gil:
                    raise MemoryError(
                        f"no memory for a Gram block of {cap} x {cap} (working set)"
                    )
            for k in range(self.m_gram):
                memcpy(G + k * cap, self.G + k * self.ldg, self.m_gram * sizeof(double))
            free(self.G)
            self.G, self.ldg = G, cap
        design_gram(
            &self.X, self.ws, self.m_gram, self.m, self.h_sqrt,
            self.hmean if self.loss != FL1_SQUARED and self.centre else NULL,
            OPS.dot(self.n, self.h_sqrt, self.h_sqrt), self.G, self.ldg, self.n_threads
        )
        self.n_gram_columns += self.m - self.m_gram
        for k in range(self.m_gram, self.m):
            self.q.diag[k] = self.G[k + k * self.ldg]
        self.m_gram = self.m
        return 0

    cdef bint _choose_gram(self) noexcept nogil:
        """Whether a Gram block of the working set costs less than sweeps on it."""
        cdef ptrdiff_t k, grow = self.m - self.m_gram
        cdef double nnz = 0.0
        if self.force_regime:
            return self.force_regime == 1
        if not self.X.sparse:
            return self.m <= 8000
        for k in range(self.m):
            nnz += col_nnz(&self.X, self.ws[k])
        return grow <= 60 and self.m <= 4000

    cdef int _solve_working_set(
        self, double alpha, double tol, int rounds
    ) except -1 nogil:
        """Minimize over the working set to a gap of about tol (absolute)."""
        if self.m == 0:
            return 0
        self.use_gram = self._choose_gram()
        if self.loss == FL1_SQUARED:
            return self._solve_squared(alpha, tol, rounds)
        return self._solve_newton(alpha, tol, rounds)

    cdef int _run_quadratic(self, residual_t* r, double tol, int rounds) except -1 nogil:
        """Call the regime's solver in short turns, so that Ctrl-C is seen."""
        cdef int _, status = 1
        cdef double before = INFINITY
        # at alpha = 0 the tolerance is that of the gradient, and far from the solution the
        # gap may be infinite: then ask for a decisive decrease of the quadratic
        self.q.tol = tol
        if self.loss != FL1_SQUARED and (self.alpha_now == 0.0 or not isfinite(tol)):
            self.q.tol = 1e-6 * quad_gap(&self.q)
        self.q.n_epochs = self.q.n_newton = 0
        for _ in range(0, rounds, 5):
            if self.use_gram:
                status = gram_solve(&self.q, self.G, self.ldg, &self.F, 5)
            else:
                status = sweep_solve(&self.q, r, 5)
            if status == 0 or self._tick() or self.q.gap > 0.9 * before:
                break
            before = self.q.gap
        self.n_epochs += self.q.n_epochs
        self.n_newton += self.q.n_newton
        return status

    cdef int _solve_squared(self, double alpha, double tol, int rounds) except -1 nogil:
        cdef ptrdiff_t k, moved, m0 = self.m_gram
        cdef double delta
        cdef int status
        cdef residual_t r
        self._load_quad(alpha)
        if not self.use_gram:
            self._evaluate()
            self._pack()
            status = self._start_residual(&r)
            status = self._run_quadratic(&r, tol, rounds)
            self._store_quad()
            self.m_gram = 0   # the correlations of the slots are no longer kept
            self.F.m = 0
            return status
        if m0 < self.m:
            self._grow_gram()
            if m0 == 0:
                self.F.m = 0
        if not self.lazy:  # the slots hold the correlations of the dual point
            m0 = 0
            self._evaluate()
        if m0 < self.m:
            design_xtv(&self.X, self.ws + m0, self.m - m0, self.v, self.q.c + m0,
                       self.n_threads)
            self.n_column_products += self.m - m0
            for moved in range(m0):
                delta = self.w[self.ws[moved]] - self.w_eta[self.ws[moved]]
                if delta != 0.0:
                    for k in range(m0, self.m):
                        self.q.c[k] -= delta * self.G[k + moved * self.ldg]
        if self.l1_ratio < 1.0 and self.factor_alpha != alpha:
            self.F.m = 0
        self.factor_alpha = alpha
        self.q.r2 = self.r2
        status = self._run_quadratic(NULL, tol, rounds)
        self.r2 = max(self.q.r2, 0.0)
        self._store_quad()
        return status

    cdef int _pack(self) except -1 nogil:
        """Packed columns of the working set under the present h."""
        if packed_build(
            &self.packed, &self.X, self.ws, self.m, self.h_sqrt,
            self.hmean if self.loss != FL1_SQUARED and self.centre else NULL,
            self.q.diag, OPS.dot(self.n, self.h_sqrt, self.h_sqrt)
        ) < 0:
            with gil:
                raise MemoryError("no memory for the packed working set")
        return 0

    cdef int _start_residual(self, residual_t* r) noexcept nogil:
        cdef ptrdiff_t i
        for i in range(self.n):
            self.g[i] = self.v[i] / self.h_sqrt[i] if self.h_sqrt[i] > 0.0 else 0.0
        r.A = &self.packed.A
        r.u = self.g
        r.u_sum = OPS.sum(self.n, self.v)
        r.h_sum = OPS.dot(self.n, self.h_sqrt, self.h_sqrt)
        r.scratch = self.n_work
        if not self.centre:
            r.u_sum = 0.0
            r.h_sum = 0.0
        return 0

    # ------------------------------------------------- prox-Newton, general loss

    cdef int _solve_newton(self, double alpha, double tol, int rounds) except -1 nogil:
        """Quadratic models of the loss on the working set, with a line search."""
        cdef int it, status = 1
        cdef ptrdiff_t i
        cdef double gap, v_sum, h_sum, before = INFINITY
        cdef residual_t r
        self._evaluate()
        for it in range(rounds):
            if self._tick():
                return 1
            self._load_quad(alpha)
            v_sum = OPS.sum(self.n, self.v)
            for i in range(self.n):  # saturated samples keep the quadratic bounded
                self.h_sqrt[i] = sqrt(max(self.h[i], 1e-10 * self.s[i]))
            h_sum = max(OPS.sum(self.n, self.h), 1e-10)
            design_xtv(&self.X, self.ws, self.m, self.v, self.q.c, self.n_threads)
            self.n_column_products += self.m
            if self.centre:
                design_means(&self.X, self.ws, self.m, self.h, h_sum, self.hmean,
                             self.n_threads)
                for i in range(self.m):
                    self.q.c[i] -= self.hmean[i] * v_sum
            gap = self._newton_gap(v_sum, h_sum)
            if gap <= tol:
                return 0
            if gap >= before and it > 3 and gap <= 10.0 * tol:
                return 1
            before = gap
            self.q.r2 = -v_sum * v_sum / h_sum if self.centre else 0.0
            for i in range(self.n):
                if self.h_sqrt[i] > 0.0:
                    self.q.r2 += (self.v[i] / self.h_sqrt[i]) ** 2
            if self.use_gram:
                self.m_gram = 0
                self.F.m = 0
                self._grow_gram()
                self._run_quadratic(NULL, 0.02 * gap, 50)
            else:
                self._pack()
                self._start_residual(&r)
                self._run_quadratic(&r, 0.05 * gap, 50)
            if not self._line_search(v_sum, h_sum):
                return 1
        return status

    cdef double _newton_gap(self, double v_sum, double h_sum) noexcept nogil:
        """Duality gap of the problem on the working set at the present point, the
        intercept met by the same correction as in _project_dual; unpenalized columns
        count with the decrease that their gradient promises."""
        cdef ptrdiff_t i, k
        cdef double shift = 0.0, free_part = 0.0, norm
        if self.alpha_now == 0.0:
            return self._gradient_norm()
        for k in range(self.m):
            if self._is_interior_free(k):
                norm = self.norm[self.ws[k]]
                free_part += 0.5 * self.q.c[k] * self.q.c[k] / (norm * norm * h_sum)
        if self.centre and h_sum > 0.0:
            shift = v_sum / h_sum
        for i in range(self.n):
            self.n_work[i] = self.v[i] - shift * self.h[i]
        return free_part + self._gap_at(self.n_work, False)

    cdef bint _line_search(self, double v_sum, double h_sum) noexcept nogil:
        """Move to the quadratic's solution as far as the objective goes down."""
        cdef ptrdiff_t i, k, j, count = 0
        cdef ptrdiff_t* cols = self.cols
        cdef double t = 1.0, done = 0.0, slope, pen0 = 0.0, pen1 = 0.0, pen_t, start
        cdef double b_step = 0.0, w
        cdef int _half
        for i in range(self.n):
            self.n_work[i] = 0.0
        for k in range(self.m):
            j = self.ws[k]
            pen0 += self._pen(k, self.w[j])
            pen1 += self._pen(k, self.q.w[k])
            if self.q.w[k] != self.w[j]:
                cols[count] = j
                self.p_work[count] = self.q.w[k] - self.w[j]
                count += 1
        design_add_xw(&self.X, cols, self.p_work, count, self.n_work, self.n_threads)
        self.n_column_products += count
        slope = pen1 - pen0 - OPS.dot(self.n, self.v, self.n_work)
        if self.centre:
            b_step = (v_sum - OPS.dot(self.n, self.h, self.n_work)) / h_sum
            for i in range(self.n):
                self.n_work[i] += b_step
            slope -= b_step * v_sum
        start = self.loss_value + pen0
        for _half in range(30):
            OPS.axpy(self.n, t - done, self.n_work, self.eta)
            done = t
            self.loss_value = OPS.loss_eval[self.loss](
                self.n, self.y, self.eta, self.s, self.v, self.h
            )
            pen_t = pen1
            if t < 1.0:
                pen_t = 0.0
                for k in range(self.m):
                    w = self.w[self.ws[k]]
                    pen_t += self._pen(k, w + t * (self.q.w[k] - w))
            if self.loss_value + pen_t <= start + 1e-4 * t * slope + 1e-15 * start:
                break
            t *= 0.5
        else:
            OPS.axpy(self.n, -done, self.n_work, self.eta)
            self.loss_value = OPS.loss_eval[self.loss](
                self.n, self.y, self.eta, self.s, self.v, self.h
            )
            return False
        for k in range(self.m):
            j = self.ws[k]
            w = self.q.w[k] if t == 1.0 else self.w[j] + t * (self.q.w[k] - self.w[j])
            self.w[j] = w
            self.w_eta[j] = w
        self.b += t * b_step
        return True

    cdef double _pen(self, ptrdiff_t k, double w) noexcept nogil:
        return self.q.lam1[k] * fabs(w) + 0.5 * self.q.lam2[k] * w * w

    # ------------------------------------------------------------- certificate

    cdef double _loss_young(self, const double* v, double kappa) noexcept nogil:
        if v == NULL:  # squared loss, v = s r: known from r2
            return 0.5 * (1.0 - kappa) * (1.0 - kappa) * self.r2
        return OPS.loss_young[self.loss](self.n, self.y, self.eta, self.s, v, kappa)

    cdef double _gap_at(self, const double* v, bint outside) noexcept nogil:
        """Duality gap (absolute) at the dual direction v.

        q.c holds the correlations of the slots with v; with `outside`, the first n_cand
        entries of cand (exact correlations in p_work) are the columns outside the
        working set that may exceed their limit; all others are known not to.
        """
        cdef ptrdiff_t k, j
        cdef double ratio = 0.0, kappa, l2 = 0.0, best = INFINITY, c, total
        # the l2 term as part of the loss
        if self.l1_ratio > 0.0:
            for k in range(self.m):
                if self._is_exempt(k, outside):
                    continue
                l2 += self.q.lam2[k] * self.q.w[k] * self.q.w[k]
                c = self.q.c[k] - self.q.lam2[k] * self.q.w[k]
                ratio = max(
                    ratio, dual_ratio(c, self.q.lam1[k], 0.0, self.q.lo[k], self.q.hi[k])
                )
            if outside:
                for k in range(self.n_cand):
                    j = self.cand[k].column
                    ratio = max(ratio, dual_ratio(
                        self.p_work[k], self._lam1(j), 0.0, self.lo[j], self.hi[j]
                    ))
            kappa = 1.0 / ratio if ratio > 1.0 else 1.0
            best = self._loss_young(v, kappa) + 0.5 * (1.0 - kappa) * (1.0 - kappa) * l2
            for k in range(self.m):
                if not self._is_exempt(k, outside):
                    c = self.q.c[k] - self.q.lam2[k] * self.q.w[k]
                    best += pen_young(
                        self.q.w[k], kappa * c, self.q.lam1[k] * (1.0 + 1e-15), 0.0,
                        self.q.lo[k], self.q.hi[k]
                    )
            if outside:
                for k in range(self.n_cand):
                    j = self.cand[k].column
                    best += pen_young(
                        0.0, kappa * self.p_work[k], self._lam1(j) * (1.0 + 1e-15), 0.0,
                        self.lo[j], self.hi[j]
                    )
        if self.l1_ratio < 1.0:
            total = self._loss_young(v, 1.0)
            for k in range(self.m):
                if not self._is_exempt(k, outside):
                    total += pen_young(
                        self.q.w[k], self.q.c[k], self.q.lam1[k], self.q.lam2[k],
                        self.q.lo[k], self.q.hi[k]
                    )
            if outside:
                for k in range(self.n_cand):
                    j = self.cand[k].column
                    total += pen_young(
                        0.0, self.p_work[k], self._lam1(j), self._lam2(j),
                        self.lo[j], self.hi[j]
                    )
            best = min(best, total)
        if outside:  # the dual point 0 bounds the objective by 0
            total = 0.5 * self.r2 if v == NULL else self.loss_value
            for k in range(self.m):
                total += self._pen(k, self.q.w[k])
            best = min(best, total)
        return best

    cdef inline bint _is_exempt(self, ptrdiff_t k, bint outside) noexcept nogil:
        """Unpenalized, and orthogonal to the dual point (on the working set alone: to be
        counted by the gradient)."""
        if outside:
            return self.q.lam1[k] == 0.0 and self.q.lam2[k] == 0.0 and self.q.c[k] == 0.0
        return self._is_interior_free(k)

    cdef inline bint _is_interior_free(self, ptrdiff_t k) noexcept nogil:
        """Unpenalized and off its bounds: its correlation with a dual point is 0."""
        return (
            self.q.lam1[k] == 0.0 and self.q.lam2[k] == 0.0
            and self.q.lo[k] < self.q.w[k] < self.q.hi[k]
        )

    cdef inline double _lam1(self, ptrdiff_t j) noexcept nogil:
        return self.alpha_now * self.l1_ratio * self.pf[j]

    cdef inline double _lam2(self, ptrdiff_t j) noexcept nogil:
        return self.alpha_now * (1.0 - self.l1_ratio) * self.pf[j]

    cdef double _gradient_norm(self) noexcept nogil:
        """Largest correlation that a bound does not excuse, relative to that at w = 0."""
        cdef ptrdiff_t k, j
        cdef double worst = 0.0
        for k in range(self.m):
            j = self.ws[k]
            if self.q.c[k] > 0.0 and self.w[j] < self.hi[j]:
                worst = max(worst, self.q.c[k])
            elif self.q.c[k] < 0.0 and self.w[j] > self.lo[j]:
                worst = max(worst, -self.q.c[k])
        return worst / self.c_null if self.c_null > 0.0 else 0.0

    cdef void _measure(self) noexcept nogil:
        """v, the correlations of the slots and the projection on the references."""
        cdef ptrdiff_t k, j
        cdef int r
        cdef double delta, gg
        cdef double b[8]
        if self.lazy:
            for r in range(self.cache.count):
                b[r] = self.b_eta[r]
            for k in range(self.m):
                j = self.ws[k]
                delta = self.w[j] - self.w_eta[j]
                if delta != 0.0:
                    for r in range(self.cache.count):
                        b[r] -= delta * self.cache.c[r * self.p + j]
            gg = self.r2
        else:
            self._evaluate()
            self._fit_or_keep_intercept()
            self._project_dual()
            design_xtv(&self.X, self.ws, self.m, self.v, self.q.c, self.n_threads)
            self.n_column_products += self.m
            for k in range(self.n_proj):
                if self.slot[self.proj[k]] >= 0:
                    self.q.c[self.slot[self.proj[k]]] = 0.0
            self._set_g()
            gg = OPS.dot(self.n, self.g, self.g)
            self.r2 = gg
            self._refresh_products()
            for r in range(self.cache.count):
                b[r] = self.b_eta[r]
        cache_project(&self.cache, b, gg)

    cdef void _fit_or_keep_intercept(self) noexcept nogil:
        if self.centre and not self.keep_intercept:
            self._fit_intercept()

    cdef void _scan(self, double alpha, bint exact) noexcept nogil:
        """Columns outside the working set that may exceed their limit: cand[:n_cand].

        Their correlations are estimates, or with `exact` computed, in p_work (and the
        list then holds none but real candidates for the certificate).
        """
        cdef ptrdiff_t k, j, count = 0
        cdef double est, dev, bound
        cdef ptrdiff_t* cols
        cdef double* c
        for k in range(self.n_alive):
            j = self.alive[k]
            if self.slot[j] >= 0:
                continue
            est = cache_estimate(&self.cache, j)
            dev = self.cache.dist * self.norm[j]
            bound = max(
                est + dev if self.hi[j] > 0.0 else 0.0,
                dev - est if self.lo[j] < 0.0 else 0.0,
            )
            if bound > self._lam1(j):
                self.cand[count].column = j
                self.p_work[count] = est
                count += 1
        self.n_cand = count
        if not exact or count == 0:
            return
        if self.lazy:
            self._evaluate()
            self._set_g()
            self._refresh_products()
        if 4 * count > self.n_alive:
            self._full_pass()
            c = self.cache.c + (self.cache.count - 1) * self.p
            for k in range(count):
                self.p_work[k] = c[self.cand[k].column]
        else:
            cols = self.cols
            for k in range(count):
                cols[k] = self.cand[k].column
            design_xtv(&self.X, cols, count, self.v, self.p_work, self.n_threads)
            self.n_column_products += count

    cdef void _set_g(self) noexcept nogil:
        cdef ptrdiff_t i
        for i in range(self.n):
            self.g[i] = self.v[i] / self.s_sqrt[i] if self.s[i] > 0.0 else 0.0

    cdef int _add_candidates(self, double limit, ptrdiff_t most) except -1 nogil:
        """Into the working set: the candidates whose correlation exceeds
        limit * pf (in the direction their bounds allow), the largest first."""
        cdef ptrdiff_t k, j, count = 0
        cdef double key
        for k in range(self.n_cand):
            j = self.cand[k].column
            key = self._signed(j, self.p_work[k]) / self.pf[j]
            if key > limit:
                self.cand[count].column = j
                self.cand[count].key = key
                count += 1
        qsort(self.cand, count, sizeof(fl1_candidate), &fl1_by_key)
        for k in range(min(count, most)):
            self._add_slot(self.cand[k].column)
        return 0

    # ------------------------------------------------------------------- driver

    cdef bint _tick(self) noexcept nogil:
        """Look for Ctrl-C every tenth of a second; True once a signal has raised."""
        cdef double now = fl1_now()
        if self.interrupted:
            return True
        if now - self.last_tick > 0.1:
            self.last_tick = now
            with gil:
                try:
                    PyErr_CheckSignals()
                except BaseException as error:
                    self.pending = error
                    self.interrupted = True
        return self.interrupted

    cdef int _all_columns(self) except -1 nogil:
        cdef ptrdiff_t k
        for k in range(self.n_alive):
            self._add_slot(self.alive[k])
        return 0

    cdef int _solve(self, double alpha, double tol, int max_iter) except -1 nogil:
        """Down to alpha from the last one: far jumps go by way of a coarse path."""
        cdef double start, mid
        cdef int steps, k, status = CONVERGED
        self.n_iter = 0
        self.keep_intercept = False
        self.lazy = False
        if self.null_objective == 0.0:
            self.gap = 0.0
            return CONVERGED
        if self.loss == FL1_SQUARED and self.fresh:
            self._evaluate()
            self._fit_intercept()
            self._project_dual()
            self.m_gram = 0
            self.fresh = False
        start = alpha if self.restarted else min(self.alpha_prev, self.alpha_max)
        if self.l1_ratio > 0.0 and alpha > 0.0 and alpha < self.hom_ratio * start:
            steps = <int> ceil(log(start / alpha) / -log(self.hom_ratio))
            for k in range(1, steps):
                mid = start * pow(alpha / start, <double> k / steps)
                status = self._solve_at(mid, max(tol, 1e-3), 2)
                if status == INTERRUPTED or status == FAILED:
                    return status
                self.alpha_prev = mid
        self.n_iter = 0
        return self._solve_at(alpha, tol, max_iter)

    cdef int _solve_at(self, double alpha, double tol, int max_iter) except -1 nogil:
        cdef ptrdiff_t support, k
        cdef int _
        cdef double gap = INFINITY, strong, inner, tighten = 1.0
        cdef bint smooth = alpha == 0.0 or self.l1_ratio == 0.0
        self.alpha_now = alpha
        if smooth:
            self._all_columns()
        self.lazy = self.lazy_ok and self.m_gram == self.m and self.m > 0
        self._load_quad(alpha)
        self._measure()
        self._scan(alpha, self.restarted)
        if self.n_cand == 0 or self.restarted:
            gap = self._finish_gap(alpha)
            if gap <= tol:
                self.gap = gap
                return CONVERGED
        support = 0
        for k in range(self.m):
            support += self.w[self.ws[k]] != 0.0
        strong = alpha
        if not self.restarted:
            strong = 2.0 * alpha - min(self.alpha_prev, self.alpha_max)
        self.restarted = False
        strong = self.l1_ratio * max(strong, alpha)
        if not smooth:
            if self.m > 1.5 * support + 100:
                self._prune(strong)
            self._add_candidates(
                strong,
                max(self.cap_min, <ptrdiff_t> (self.cap_frac * support)),
            )
        for _ in range(max_iter):
            self.n_iter += 1
            if self._tick():
                return INTERRUPTED
            inner = 0.3 * tol * self.null_objective
            if alpha == 0.0:
                inner = self._gradient_tolerance(tol)
            inner *= tighten
            if alpha > 0.0 and not self.use_gram and isfinite(gap):
                inner = max(inner, 0.03 * gap * self.null_objective)
            self._solve_working_set(alpha, inner, 100)
            if self.interrupted:
                return INTERRUPTED
            self.lazy = (
                self.lazy_ok and self.use_gram and self.m > 0
                and self.loss == FL1_SQUARED
            )
            self._measure()
            self._scan(alpha, True)
            gap = self._finish_gap(alpha)
            self.gap = gap
            if not gap >= 0.0:
                return FAILED
            if gap <= tol:
                return CONVERGED
            if self.n_cand == 0:  # the working set is right, its solution is not
                tighten *= 0.1
            self._add_candidates(
                self.l1_ratio * alpha,
                max(self.cap_min, <ptrdiff_t> (self.cap_frac * self.m)),
            )
        return MAX_ITER

    cdef double _gradient_tolerance(self, double tol) noexcept nogil:
        """Inner tolerance at alpha = 0 for a relative gradient norm below tol."""
        cdef ptrdiff_t k
        cdef double norm = 0.0, target = 0.3 * tol * self.c_null
        if self.loss != FL1_SQUARED:
            return 0.3 * tol
        for k in range(self.m):
            norm = max(norm, self.norm[self.ws[k]])
        return 0.5 * target * target / (norm * norm) if norm > 0.0 else 0.0

    cdef double _finish_gap(self, double alpha) noexcept nogil:
        self._load_quad(alpha)
        if alpha == 0.0:
            return self._gradient_norm()
        return max(
            self._gap_at(NULL if self.lazy else self.v, True) / self.null_objective, 0.0
        )

    def solve(self, double alpha, double tol, int max_iter):
        """Solve at alpha from the present coefficients.

        Returns 0 (gap <= tol), 1 (max_iter outer iterations done), 2 (Ctrl-C; the
        coefficients are those reached) or 3 (not a finite number).
        """
        cdef int status
        self.interrupted = False
        self.last_tick = fl1_now()
        with nogil:
            status = self._solve(alpha, tol, max_iter)
        if status != INTERRUPTED:
            self.alpha_prev = alpha
        elif not isinstance(self.pending, KeyboardInterrupt):
            raise self.pending
        return status

    def certify(self, double alpha):
        """Relative gap of the present coefficients and intercept, recomputed in full."""
        if self.null_objective == 0.0:
            return 0.0
        with nogil:
            self.alpha_now = alpha
            self.lazy = False
            self.keep_intercept = True
            if alpha == 0.0:
                self._all_columns()
            self._load_quad(alpha)
            self._measure()
            self.m_gram = 0
            self._scan(alpha, True)
            self.gap = self._finish_gap(alpha)
            self.fresh = True
        return self.gap

    def objective(self, double alpha):
        """Objective at the present coefficients and intercept."""
        cdef ptrdiff_t k, j
        cdef double total
        with nogil:
            self._evaluate()
            total = self.loss_value
            for k in range(self.m):
                j = self.ws[k]
                total += alpha * self.pf[j] * (
                    self.l1_ratio * fabs(self.w[j])
                    + 0.5 * (1.0 - self.l1_ratio) * self.w[j] * self.w[j]
                )
        return total

    def set_coef(self, coef, double intercept):
        """Start from these coefficients (p,) and this intercept, on the original scale."""
        cdef const double[::1] w = np.ascontiguousarray(coef, dtype=np.float64)
        cdef ptrdiff_t k, j
        if w.shape[0] != self.p:
            raise ValueError(f"coef has {w.shape[0]} elements, X has {self.p} columns")
        self._sync()
        b = intercept
        for k in range(self.n_alive):
            j = self.alive[k]
            self.w[j] = w[j] / self.scale[j]
            b += self.mean[j] * w[j]
            if self.w[j] != 0.0:
                self._add_slot(j)
        self._shift((b if self.centre else 0.0) - self.b)
        self.m_gram = 0
        self.fresh = self.restarted = True

    @property
    def coef(self):
        """(p,) float64 coefficients on the original scale."""
        out = np.zeros(self.p)
        cdef double[::1] view = out
        cdef ptrdiff_t k
        for k in range(self.m):
            view[self.ws[k]] = self.w[self.ws[k]] * self.scale[self.ws[k]]
        return out

    def sparse_coef(self):
        """Indices (int32) and values (float64) of the nonzero coefficients, sorted."""
        columns = np.empty(self.m, dtype=np.int32)
        values = np.empty(self.m)
        cdef int32_t[::1] c = columns
        cdef double[::1] v = values
        cdef ptrdiff_t k, count = 0
        for k in range(self.m):
            if self.w[self.ws[k]] != 0.0:
                c[count] = <int32_t> self.ws[k]
                v[count] = self.w[self.ws[k]] * self.scale[self.ws[k]]
                count += 1
        order = np.argsort(columns[:count])
        return columns[:count][order], values[:count][order]

    @property
    def intercept(self):
        """Intercept on the original scale (0 without one)."""
        cdef double b = self.b
        cdef ptrdiff_t k, j
        for k in range(self.m):
            j = self.ws[k]
            b -= self.mean[j] * self.scale[j] * self.w[j]
        return b

    def counters(self):
        """Work done so far."""
        return {
            "n_epochs": self.n_epochs,
            "n_newton": self.n_newton,
            "n_column_products": self.n_column_products,
            "n_full_passes": self.n_full_passes,
            "n_gram_columns": self.n_gram_columns,
            "working_set": self.m,
            "regime": "gram" if self.use_gram else "residual",
        }


cdef int small_solve(
    chol_t* F, ptrdiff_t f, const double* A, ptrdiff_t lda, double* x
) noexcept nogil:
    """x <- A^{-1} x for a small symmetric A, dependent rows left at 0."""
    cdef ptrdiff_t i, k
    if chol_reserve(F, max(f, 1)) < 0:
        return -1
    for k in range(f):
        for i in range(F.m):
            F.work[i] = A[F.slot[i] + k * lda]
        chol_append(F, k, F.work, A[k + k * lda])
    for i in range(F.m):
        F.work[i] = x[F.slot[i]]
    chol_solve(F, F.work)
    for k in range(f):
        x[k] = 0.0
    for i in range(F.m):
        x[F.slot[i]] = F.work[i]
    return 0
