"""The compiled solver as Python sees it: one object a problem, one call an alpha."""
import numpy as np

from libc.math cimport INFINITY, NAN, fabs
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastl1._certificate cimport refresh, slot_penalty
from fastl1._cholesky cimport chol_free
from fastl1._design cimport design_stats
from fastl1._driver cimport certify, finish, null_model, start_alpha
from fastl1._ops cimport FL1_F32, FL1_F64, FL1_I32, FL1_I64, FL1_LOGISTIC, FL1_SQUARED
from fastl1._runtime cimport OPS, check_signals, resolve_threads
from fastl1._samples cimport shift_intercept, sync_eta
from fastl1._screen cimport cache_free, cache_init
from fastl1._state cimport INTERRUPTED, NO_MEMORY, candidate_t, state_t
from fastl1._sweeps cimport packed_free
from fastl1._working cimport add_slot, load_quad

# columns up to which the products of all with the working set are kept (128 MB at most)
cdef enum:
    MAX_CROSS = 4000

LOSSES = {"squared": FL1_SQUARED, "logistic": FL1_LOGISTIC}


cdef extern from *:
    """
    #include <time.h>
    static double fl1_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + 1e-9 * t.tv_nsec;
    }
    """
    double fl1_now() noexcept nogil


cdef bint poll_signals(state_t* S) noexcept nogil:
    """Look for Ctrl-C every tenth of a second; True once a signal handler has
    raised."""
    cdef double now = fl1_now()
    if not S.interrupted and now - S.last_tick > 0.1:
        S.last_tick = now
        with gil:
            try:
                check_signals()
            except BaseException as error:
                (<Solver> S.owner).pending = error
                S.interrupted = True
    return S.interrupted


cdef class Solver:
    """One problem, solved at one alpha after another from where it stands.

    Parameters
    ----------
    X : ndarray (n, p), Fortran order, float32 or float64, or CSC
        Canonical input as `fastl1._validation` makes it; kept, never written.
    y : ndarray (n,) float64; {0, 1} for the logistic loss
    loss : {"squared", "logistic"}
    l1_ratio : float in [0, 1]
    penalty_factor, lower, upper : ndarray (p,) float64 or None
    fit_intercept, standardize : bool
    sample_weight, offset : ndarray (n,) float64 or None
    n_threads : int or None
    """

    cdef state_t S
    cdef list keep
    cdef object pending

    def __cinit__(self):
        memset(&self.S, 0, sizeof(state_t))
        self.S.owner = <void*> self

    def __dealloc__(self):
        cache_free(&self.S.cache)
        chol_free(&self.S.F)
        packed_free(&self.S.packed)
        free(self.S.G)
        free(self.S.cross)
        free(self.S.slots)
        free(self.S.ws)
        free(self.S.cand)

    def __init__(self, X, y, *, loss, l1_ratio, penalty_factor, lower, upper,
                 fit_intercept, standardize, sample_weight, offset, n_threads):
        cdef state_t* S = &self.S
        cdef bint scaled = standardize
        cdef int status
        if S.alive != NULL:
            raise RuntimeError("a Solver is set up once")
        self.keep = []
        S.n_threads = resolve_threads(n_threads)
        S.loss = LOSSES[loss]
        S.l1_ratio = l1_ratio
        S.centre = fit_intercept
        S.poll = poll_signals
        self._set_design(X)
        self._set_samples(y, sample_weight, offset)
        n, p = S.n, S.p
        S.mean = self._array(np.zeros(p))
        S.scale = self._array(np.ones(p))
        S.norm = self._array(np.zeros(p))
        S.X.mean, S.X.scale = S.mean, S.scale
        with nogil:
            design_stats(&S.X, S.s, S.centre, scaled, S.mean, S.scale, S.norm,
                         S.n_threads)
        S.n_full_passes = 1
        S.pf = self._array(np.ones(p) if penalty_factor is None else penalty_factor)
        S.lo = self._array(np.full(p, -np.inf) if lower is None else lower)
        S.hi = self._array(np.full(p, np.inf) if upper is None else upper)
        self._set_columns()
        S.cand = <candidate_t*> malloc(max(p, 1) * sizeof(candidate_t))
        if S.cand == NULL or cache_init(&S.cache, n, p) < 0:
            raise MemoryError("no memory for the screening cache")
        S.cache.ops = S.q.ops = S.F.ops = OPS
        S.factor_alpha = NAN
        S.lazy_ok = (
            S.loss == FL1_SQUARED and S.n_free == 0 and not self._cancels()
        )
        S.use_gram = True
        S.covariance_ok = S.lazy_ok and not S.X.sparse and 4 * p <= n and p <= MAX_CROSS
        # Where a pass over X is cheap beside the work on the working set (dense, wide),
        # far alphas are reached in more steps and the working set grows more carefully.
        if not S.X.sparse and n < p:
            S.far, S.grow, S.grow_min = 0.6, 0.25, 50
        else:
            S.far, S.grow, S.grow_min = 0.3, 1.0, 100
        S.pass_share = 0.25
        S.last_tick = fl1_now()
        with nogil:
            status = finish(S, null_model(S))
        if status == NO_MEMORY:
            raise MemoryError("no memory for the unpenalized columns")
        if S.interrupted:
            raise self.pending

    cdef double* _array(self, values) except NULL:
        """A float64 copy of `values` that lives as long as the solver."""
        cdef double[::1] view
        array = np.array(values, dtype=np.float64, copy=True, ndmin=1)
        if array.size == 0:
            array = np.zeros(1)
        self.keep.append(array)
        view = array
        return &view[0]

    cdef ptrdiff_t* _index(self, ptrdiff_t size, ptrdiff_t fill) except NULL:
        cdef ptrdiff_t[::1] view
        array = np.full(max(size, 1), fill, dtype=np.intp)
        self.keep.append(array)
        view = array
        return &view[0]

    cdef int _set_design(self, X) except -1:
        cdef state_t* S = &self.S
        cdef const int64_t[::1] indptr
        S.X.ops = OPS
        S.X.sparse = not isinstance(X, np.ndarray)
        data = X.data if S.X.sparse else X
        S.n, S.p = X.shape
        if S.X.sparse:
            S.X.itype = FL1_I32 if X.indices.dtype == np.int32 else FL1_I64
            S.X.isize = X.indices.dtype.itemsize
            S.X.indices = <const char*> <size_t> X.indices.ctypes.data
            indptr = X.indptr
            S.X.indptr = &indptr[0]
        elif not X.flags.f_contiguous:
            raise ValueError("X must be in Fortran order")
        S.X.n, S.X.p = S.n, S.p
        S.X.vtype = FL1_F32 if data.dtype == np.float32 else FL1_F64
        S.X.vsize = data.dtype.itemsize
        S.X.data = <const char*> <size_t> data.ctypes.data
        self.keep.append(X)
        return 0

    cdef int _set_samples(self, y, sample_weight, offset) except -1:
        cdef state_t* S = &self.S
        n = S.n
        weight = np.full(n, 1.0 / n)
        if sample_weight is not None:
            weight[:] = sample_weight
            weight /= weight.max()
            weight /= weight.sum()
        S.s = self._array(weight)
        S.s_sqrt = self._array(np.sqrt(weight))
        S.y = self._array(y)
        S.eta = self._array(np.zeros(n) if offset is None else offset)
        S.v = self._array(np.zeros(n))
        S.h = self._array(weight)
        S.h_sqrt = self._array(np.sqrt(weight))
        S.g = self._array(np.zeros(n))
        S.n_work = self._array(np.zeros(n))
        return 0

    cdef int _set_columns(self) except -1:
        """Bounds on the scaled coefficients, and the columns that may enter."""
        cdef state_t* S = &self.S
        cdef ptrdiff_t j
        S.w = self._array(np.zeros(S.p))
        S.w_eta = self._array(np.zeros(S.p))
        S.p_work = self._array(np.zeros(S.p))
        S.c_work = self._array(np.zeros(S.p))
        S.c_zero = self._array(np.zeros(S.p))
        S.alive = self._index(S.p, 0)
        S.slot = self._index(S.p, -1)
        S.cols = self._index(S.p, 0)
        S.proj = self._index(S.p, 0)
        for j in range(S.p):
            S.lo[j] /= S.scale[j]
            S.hi[j] /= S.scale[j]
            if S.norm[j] > 0.0 and S.pf[j] < INFINITY and S.lo[j] < S.hi[j]:
                S.alive[S.n_alive] = j
                S.n_alive += 1
                S.n_free += S.pf[j] == 0.0
        return 0

    cdef bint _cancels(self) noexcept:
        """Whether a sparse column's mean is so large beside its deviation that Gram
        entries lose half their digits: then they must not carry the correlations."""
        cdef const state_t* S = &self.S
        cdef ptrdiff_t k, j
        if S.X.sparse:
            for k in range(S.n_alive):
                j = S.alive[k]
                if fabs(S.mean[j] * S.scale[j]) > 1e3 * S.norm[j]:
                    return True
        return False

    def solve(self, double alpha, double tol, int max_iter):
        """Solve at alpha from the present coefficients.

        Returns 0 (gap <= tol), 1 (max_iter outer iterations done), 2 (Ctrl-C; the
        coefficients are those reached) or 3 (not a finite number).  Raises MemoryError,
        and whatever a signal handler raised other than KeyboardInterrupt.
        """
        cdef int status
        check_signals()  # short solves never poll
        self.S.interrupted = False
        self.S.last_tick = fl1_now()
        with nogil:
            status = finish(
                &self.S, start_alpha(&self.S, alpha, tol, max_iter)
            )
        if status == NO_MEMORY:
            raise MemoryError(
                f"no memory for a working set of {self.S.m} columns at alpha={alpha:g}"
            )
        if status == INTERRUPTED and not isinstance(self.pending, KeyboardInterrupt):
            raise self.pending
        return status

    def certify(self, double alpha):
        """Relative gap of the present coefficients and intercept, recomputed in
        full."""
        cdef double gap
        with nogil:
            gap = certify(&self.S, alpha)
        if gap < 0.0:
            raise MemoryError("no memory for a working set of all columns")
        return gap

    def objective(self, double alpha):
        """Objective at the present coefficients and intercept."""
        cdef state_t* S = &self.S
        cdef ptrdiff_t k
        cdef double total
        with nogil:
            refresh(S)
            load_quad(S, alpha)
            total = S.loss_value
            for k in range(S.m):
                total += slot_penalty(S, k, S.q.w[k])
        return total

    def set_coef(self, coef, double intercept):
        """Start from these coefficients (p,) and this intercept, on the original
        scale."""
        cdef state_t* S = &self.S
        cdef const double[::1] w = np.ascontiguousarray(coef, dtype=np.float64)
        cdef ptrdiff_t k, j
        cdef double b = intercept
        if w.shape[0] != S.p:
            raise ValueError(f"coef has {w.shape[0]} elements, X has {S.p} columns")
        sync_eta(S)
        for k in range(S.n_alive):
            j = S.alive[k]
            S.w[j] = w[j] / S.scale[j]
            b += S.mean[j] * w[j]
            if S.w[j] != 0.0 and add_slot(S, j) < 0:
                raise MemoryError("no memory for the working set")
        shift_intercept(S, (b if S.centre else 0.0) - S.b)
        S.m_gram = 0
        S.fresh = S.restarted = True

    @property
    def coef(self):
        """(p,) float64 coefficients on the original scale."""
        out = np.zeros(self.S.p)
        indices, values = self.sparse_coef()
        out[indices] = values
        return out

    def sparse_coef(self):
        """Indices (int32) and values (float64) of the nonzero coefficients, sorted."""
        cdef state_t* S = &self.S
        columns = np.empty(S.m, dtype=np.int32)
        values = np.empty(S.m)
        cdef int32_t[::1] c = columns
        cdef double[::1] v = values
        cdef ptrdiff_t k, j, count = 0
        for k in range(S.m):
            j = S.ws[k]
            if S.w[j] != 0.0:
                c[count] = <int32_t> j
                v[count] = S.w[j] * S.scale[j]
                count += 1
        order = np.argsort(columns[:count])
        return columns[:count][order], values[:count][order]

    @property
    def intercept(self):
        """Intercept on the original scale (0 without one)."""
        cdef state_t* S = &self.S
        cdef double b = S.b
        cdef ptrdiff_t k, j
        for k in range(S.m):
            j = S.ws[k]
            b -= S.mean[j] * S.scale[j] * S.w[j]
        return b

    @property
    def alpha_max(self):
        """Least alpha at which every penalized coefficient is 0; nan for l1_ratio 0."""
        return self.S.alpha_max

    @property
    def null_objective(self):
        """Objective at w = 0 with the best intercept."""
        return self.S.null_objective

    @property
    def gap(self):
        """Relative gap of the last solve (relative gradient norm at alpha = 0)."""
        return self.S.gap

    @property
    def n_iter(self):
        """Outer iterations of the last solve."""
        return self.S.n_iter

    @property
    def force_regime(self):
        """For tests and measurements: 0 the cost model, 1 Gram, 2 residual."""
        return self.S.force_regime

    @force_regime.setter
    def force_regime(self, int regime):
        self.S.force_regime = regime

    def counters(self):
        """Work done so far."""
        cdef state_t* S = &self.S
        return {
            "n_epochs": S.n_epochs,
            "n_newton": S.n_newton,
            "n_column_products": S.n_column_products,
            "n_full_passes": S.n_full_passes,
            "n_gram_columns": S.n_gram_columns,
            "working_set": S.m,
            "regime": "gram" if S.use_gram else "residual",
        }
