"""The compiled multinomial solver as Python sees it: as _solver.Solver, with the
coefficients of all classes as one vector, class after class."""
import numpy as np

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from fastl1.kernels.design._design cimport bind_design
from fastl1.kernels.penalty._penalty cimport elastic_net
from fastl1.kernels.softmax._engine cimport multi_objective, softmax_engine
from fastl1.kernels.solver._driver cimport (
    certify,
    clear_run,
    finish,
    null_model,
    start_alpha,
)
from fastl1._runtime cimport OPS, check_signals, resolve_threads, seconds
from fastl1.kernels.solver._screen cimport MAX_REFS
from fastl1.kernels.solver._setup cimport (
    intercept_of,
    release,
    reserve,
    set_coef,
    set_columns,
    set_samples,
)
from fastl1.kernels.softmax._softmax cimport multi_release, multi_reserve, multi_t
from fastl1.kernels.solver._state cimport INTERRUPTED, NO_MEMORY, state_t

from fastl1.kernels.solver._solver import REGIMES


cdef bint poll_signals(state_t* B) noexcept nogil:
    """Look for Ctrl-C every tenth of a second; True once a signal handler has
    raised."""
    cdef double now = seconds()
    with gil:
        solver = <MultinomialSolver> B.owner
        if not solver.M.interrupted and now - solver.last_tick > 0.1:
            solver.last_tick = now
            try:
                check_signals()
            except BaseException as error:
                solver.pending = error
                solver.M.interrupted = True
        return solver.M.interrupted


cdef class MultinomialSolver:
    """One softmax regression, solved at one alpha after another from where it stands.

    Parameters
    ----------
    X : ndarray (n, p), Fortran order, float32 or float64, or CSC
        Canonical input as `fastl1.problem.matrix` makes it; kept, never written.
    y : ndarray (n,) float64
        Classes 0, 1, ..., n_classes - 1.
    n_classes : int
    l1_ratio : float in [0, 1]
    penalty_factor, lower, upper : ndarray (p,) float64 or None
    fit_intercept, standardize : bool
    sample_weight : ndarray (n,) float64 or None
    offset : ndarray (n, n_classes) float64 or None
    n_threads : int or None
    """

    cdef multi_t M
    cdef object X
    cdef object pending
    cdef double last_tick

    def __cinit__(self):
        memset(&self.M, 0, sizeof(multi_t))

    def __dealloc__(self):
        cdef ptrdiff_t k
        if self.M.block != NULL:
            for k in range(self.M.K):
                release(&self.M.block[k])
        multi_release(&self.M)

    def __init__(self, X, y, *, n_classes, l1_ratio, penalty_factor, lower, upper,
                 fit_intercept, standardize, sample_weight, offset, n_threads):
        cdef multi_t* M = &self.M
        cdef state_t* B
        cdef ptrdiff_t k, i
        cdef int status
        cdef bint scaled = standardize
        cdef const double[::1] t = y, s = sample_weight
        cdef const double[::1] pf = penalty_factor, lo = lower, hi = upper
        cdef const double[::1, :] o = offset
        if M.block != NULL:
            raise RuntimeError("a MultinomialSolver is set up once")
        self.X = X
        M.n, M.K = X.shape[0], n_classes
        M.run.engine = softmax_engine()
        M.ops = OPS
        M.n_threads = resolve_threads(n_threads)
        if multi_reserve(M, X.shape[1]) < 0:
            raise MemoryError(f"no memory for {M.n} x {M.K} probabilities")
        for i in range(M.n):
            M.label[i] = <int32_t> t[i]
        self.last_tick = seconds()
        for k in range(M.K):
            B = &M.block[k]
            bind_design(&B.X, X)
            B.n_threads = M.n_threads
            B.traits.has_intercept = True  # nothing else holds of the softmax loss
            B.pen = elastic_net(l1_ratio)
            B.centre = fit_intercept
            B.poll = poll_signals
            B.owner = <void*> self
            if reserve(B, M.n, B.X.p, MAX_REFS, M.block if k else NULL) < 0:
                raise MemoryError(f"no memory for the vectors of class {k}")
            set_samples(B, &t[0], &s[0] if s is not None else NULL,
                        &o[0, k] if o is not None else NULL)
            memcpy(M.eta + k * M.n, B.eta, M.n * sizeof(double))
            B.eta = M.eta + k * M.n
            B.v = M.V + k * M.n
            if k == 0:
                with nogil:
                    set_columns(B, &pf[0] if pf is not None else NULL,
                                &lo[0] if lo is not None else NULL,
                                &hi[0] if hi is not None else NULL, scaled, NULL,
                                False)
            B.grow_min = max(10, B.grow_min // M.K)
        with nogil:
            clear_run(&M.run)
            status = finish(&M.run, null_model(&M.run))
        if status == NO_MEMORY:
            raise MemoryError("no memory for the unpenalized columns")
        if M.interrupted:
            raise self.pending

    def solve(self, double alpha, double tol, int max_iter):
        """Solve at alpha from the present coefficients; as `Solver.solve`."""
        cdef int status
        self.M.interrupted = False
        self.last_tick = seconds()
        with nogil:
            status = finish(
                &self.M.run, start_alpha(&self.M.run, alpha, tol, max_iter)
            )
        if status == NO_MEMORY:
            raise MemoryError(f"no memory for the working sets at alpha={alpha:g}")
        if status == INTERRUPTED and not isinstance(self.pending, KeyboardInterrupt):
            raise self.pending
        return status

    def certify(self, double alpha):
        """Relative gap of the present coefficients and intercepts, recomputed in
        full."""
        cdef double gap
        with nogil:
            gap = certify(&self.M.run, alpha)
        if gap < 0.0:
            raise MemoryError("no memory for a working set of all columns")
        return gap

    def objective(self, double alpha):
        """Objective at the present coefficients and intercepts."""
        cdef double total
        with nogil:
            total = multi_objective(&self.M, alpha)
        return total

    def set_coef(self, coef, intercept):
        """Start from these coefficients (K p,) and intercepts (K,), on the original
        scale."""
        cdef multi_t* M = &self.M
        cdef ptrdiff_t k, p = M.block[0].p
        cdef const double[::1] w = np.ascontiguousarray(coef, dtype=np.float64)
        cdef const double[::1] start = np.ascontiguousarray(intercept, np.float64)
        cdef const int32_t[::1] columns = np.arange(p, dtype=np.int32)
        if w.shape[0] != M.K * p or start.shape[0] != M.K:
            raise ValueError(
                f"{w.shape[0]} coefficients and {start.shape[0]} intercepts for {M.K} "
                f"classes and {p} columns"
            )
        for k in range(M.K):
            if set_coef(&M.block[k], p, &columns[0], &w[k * p], start[k]) < 0:
                raise MemoryError("no memory for the working set")
        M.run.restarted = True

    @property
    def coef(self):
        """(K p,) float64 coefficients on the original scale."""
        out = np.zeros(self.M.K * self.M.block[0].p)
        indices, values = self.sparse_coef()
        out[indices] = values
        return out

    def sparse_coef(self):
        """Indices (int64) and values (float64) of the nonzero coefficients, sorted."""
        cdef state_t* B
        cdef int64_t[::1] c
        cdef double[::1] v
        cdef ptrdiff_t a, j, k, count = 0
        size = sum(self.M.block[k].m for k in range(self.M.K))
        columns, values = np.empty(size, dtype=np.int64), np.empty(size)
        c, v = columns, values
        for k in range(self.M.K):
            B = &self.M.block[k]
            for a in range(B.m):
                j = B.ws[a]
                if B.w[j] != 0.0:
                    c[count] = k * B.p + j
                    v[count] = B.w[j] * B.scale[j]
                    count += 1
        order = np.argsort(columns[:count])
        return columns[:count][order], values[:count][order]

    @property
    def intercept(self):
        """(K,) intercepts on the original scale, of sum 0 (0 without intercepts)."""
        cdef ptrdiff_t k
        out = np.zeros(self.M.K)
        if self.M.block[0].centre:
            for k in range(self.M.K):
                out[k] = intercept_of(&self.M.block[k])
        return out - out.mean()

    @property
    def alpha_max(self):
        """Least alpha at which every penalized coefficient is 0; nan for l1_ratio 0."""
        return self.M.run.alpha_max

    @property
    def separated(self):
        """Whether the unpenalized columns fit some rows of y only at infinity."""
        return self.M.run.separated

    @property
    def null_objective(self):
        """Objective at W = 0 with the best intercepts."""
        return self.M.run.null_objective

    @property
    def gap(self):
        """Relative gap of the last solve (relative gradient norm at alpha = 0)."""
        return self.M.run.gap

    @property
    def n_iter(self):
        """Outer iterations of the last solve."""
        return self.M.run.n_iter

    @property
    def force_regime(self):
        """For tests and measurements: 0 the cost model, 1 Gram, 2 residual."""
        return self.M.block[0].force_regime

    @force_regime.setter
    def force_regime(self, int regime):
        cdef ptrdiff_t k
        for k in range(self.M.K):
            self.M.block[k].force_regime = regime

    @property
    def regime(self):
        """How the largest working set of the last solve was minimized, and why so."""
        cdef ptrdiff_t k, largest = 0
        for k in range(1, self.M.K):
            if self.M.block[k].m > self.M.block[largest].m:
                largest = k
        return REGIMES[self.M.block[largest].regime]

    def counters(self):
        """Work done so far, and the regime of the last solve."""
        cdef multi_t* M = &self.M
        cdef state_t* B
        cdef ptrdiff_t k
        total = dict.fromkeys((
            "n_epochs", "n_newton", "n_column_products", "n_full_passes",
            "n_gram_columns", "working_set",
        ), 0)
        for k in range(M.K):
            B = &M.block[k]
            total["n_epochs"] += B.n_epochs
            total["n_newton"] += B.n_newton
            total["n_column_products"] += B.n_column_products
            total["n_full_passes"] += B.n_full_passes
            total["n_gram_columns"] += B.n_gram_columns
            total["working_set"] += B.m
        regime, reason = self.regime
        return {
            **total,
            "n_models": M.n_newton,
            "n_cycles": M.n_cycles,
            "n_cg": M.n_cg,
            "regime": regime,
            "regime_reason": reason,
        }
