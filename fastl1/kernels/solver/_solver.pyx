"""The compiled solver as Python sees it: one object a problem, one call an alpha."""
import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport int32_t
from libc.string cimport memset

from fastl1.kernels.solver._certificate cimport pass_begin, pass_end, refresh
from fastl1.kernels.design._design cimport bind_design
from fastl1.kernels.solver._driver cimport certify, finish, null_model, resume
from fastl1.kernels.design._moments cimport Moments
from fastl1.kernels.penalty._penalty cimport elastic_net, group_norms
from fastl1.kernels.solver._pilot cimport solve_alpha
from fastl1._runtime cimport Watch, check_signals, resolve_threads
from fastl1.kernels.solver._screen cimport MAX_REFS
from fastl1.kernels.solver._setup cimport (
    give_moments,
    intercept_of,
    null_correlations,
    objective,
    poll_watch,
    release,
    reserve,
    set_coef,
    set_columns,
    set_loss,
    set_samples,
)
from fastl1.kernels.solver._state cimport NO_MEMORY, state_t
from fastl1.kernels.solver._working cimport MAX_GRAM

REGIMES = (
    ("none", "the gap was met at once"),
    ("gram", "dense columns"),
    ("gram", "a path with n >= 4 p: products of all columns are kept"),
    ("gram", "a sparse block that costs few sweeps"),
    ("gram", "the sweeps done have cost as much as a block"),
    ("gram", "forced"),
    ("gram", "rows at risk together couple the columns"),
    ("gram", "groups of columns move together"),
    ("residual", f"a working set above {MAX_GRAM} columns"),
    ("residual", "ridge, a system of rank n"),
    ("residual", "a sparse block costs more than sweeps"),
    ("residual", "forced"),
    ("interior", "a loss with corners"),
)


cdef class Solver:
    """One problem, solved at one alpha after another from where it stands.

    Parameters
    ----------
    X : ndarray (n, p), Fortran order, float32 or float64, or CSC
        Canonical input as `fastl1.problem.matrix` makes it; kept, never written.
    y : ndarray (n,) float64; {0, 1} for losses of two labels
    loss : str
    loss_params : dict of str to float
        What the loss depends on: ``power`` (tweedie), ``delta`` (huber), ``q``
        (quantile).
    l1_ratio : float in [0, 1]
    penalty_factor, lower, upper : ndarray (p,) float64 or None
    groups : ndarray (p,) intp, optional
        Number of each column's group, below p: their norms are penalized instead of
        single columns, by the factor of their columns, which is one; without bounds.
        l1_ratio is not used then.
    l2 : float
        With groups: the factor of half the squared norm.
    fit_intercept, standardize : bool
    sample_weight, offset : ndarray (n,) float64 or None
    n_threads : int or None
    moments : Moments, optional
        Of the rows and weights of this problem, and of the target less the offset:
        then nothing passes over X any more.  For the squared loss, with no column
        unpenalized.
    check : callable, optional
        Called without arguments when the first pass over X meets values that may not be
        finite or are too large; raises if they are.
    """

    cdef state_t S
    cdef object loss_params
    cdef object groups
    cdef object X
    cdef Moments moments
    cdef Watch watch
    cdef double expected         # the least alpha of the path under way

    def __cinit__(self):
        memset(&self.S, 0, sizeof(state_t))
        self.expected = INFINITY

    def __dealloc__(self):
        release(&self.S)

    def __init__(self, X, y, *, loss, l1_ratio, penalty_factor, lower, upper,
                 fit_intercept, standardize, sample_weight, offset, n_threads,
                 loss_params=None, groups=None, l2=0.0, Moments moments=None,
                 check=None):
        cdef state_t* S = &self.S
        cdef int status
        cdef ptrdiff_t doubtful
        cdef double* c = NULL
        cdef bint scaled = standardize, checked = check is None
        cdef const double[::1] t = y, s = sample_weight, o = offset
        cdef const double[::1] pf = penalty_factor, lo = lower, hi = upper
        if S.numbers != NULL:
            raise RuntimeError("a Solver is set up once")
        self.X = X
        bind_design(&S.X, X)
        S.n_threads = resolve_threads(n_threads)
        self.loss_params = loss_params
        set_loss(S, loss, loss_params)
        self._set_penalty(l1_ratio, groups, l2)
        # without an intercept no constant in eta matters
        S.centre = fit_intercept or not S.traits.has_intercept
        self.watch = Watch()
        S.poll = poll_watch
        S.owner = <void*> self.watch
        if reserve(S, S.X.n, S.X.p, MAX_REFS, NULL) < 0:
            raise MemoryError("no memory for the vectors of the problem")
        if moments is not None:
            self._give(moments)
        with nogil:
            set_samples(S, &t[0], &s[0] if s is not None else NULL,
                        &o[0] if o is not None else NULL)
            null_model(&S.run)
            if S.given == NULL:
                c = pass_begin(S)
        while True:
            with nogil:
                doubtful = set_columns(
                    S, &pf[0] if pf is not None else NULL,
                    &lo[0] if lo is not None else NULL,
                    &hi[0] if hi is not None else NULL, scaled, c, not checked
                )
            if doubtful < 0:
                break
            check()
            checked = True  # no fault after all: large values only
        with nogil:
            if S.given == NULL:
                pass_end(S)
            else:
                null_correlations(S)
            status = finish(&S.run, resume(&S.run))
        if status == NO_MEMORY:
            raise MemoryError("no memory for the unpenalized columns")
        if self.watch.interrupted:
            raise self.watch.error

    cdef int _set_penalty(self, double l1_ratio, groups, double l2) except -1:
        cdef const ptrdiff_t[::1] number
        if groups is None:
            self.S.pen = elastic_net(l1_ratio)
            return 0
        number = groups
        if len(number) != self.S.X.p or min(groups) < 0 or max(groups) >= len(groups):
            raise ValueError(f"groups need {self.S.X.p} numbers below that")
        self.groups = groups
        self.S.pen = group_norms(&number[0], l2)
        return 0

    cdef int _give(self, Moments moments) except -1:
        cdef state_t* S = &self.S
        if S.unit != NULL:
            raise ValueError("groups of columns take no moments")
        if (
            moments.size != S.p + 1 or moments.weight <= 0.0
            or not S.traits.quadratic or not S.X.blocks
        ):
            raise ValueError(
                f"the moments are not of the squared loss with {S.p} dense columns"
            )
        self.moments = moments
        give_moments(
            S, &moments.products[0, 0], &moments.mean[0], moments.weight
        )
        return 0

    def expect(self, double alpha):
        """Say that a path down to alpha begins, so that what it needs of X can be read
        in few passes."""
        self.expected = alpha

    def solve(self, double alpha, double tol, int max_iter):
        """Solve at alpha from the present coefficients.

        Returns 0 (gap <= tol), 1 (max_iter outer iterations done), 2 (Ctrl-C; the
        coefficients are those reached) or 3 (not a finite number).  Raises MemoryError,
        and whatever a signal handler raised other than KeyboardInterrupt.
        """
        cdef int status
        check_signals()  # short solves never poll
        self.S.interrupted = False
        self.watch = Watch()
        self.S.owner = <void*> self.watch
        with nogil:
            status = solve_alpha(&self.S, alpha, self.expected, tol, max_iter)
        if status == NO_MEMORY:
            raise MemoryError(
                f"no memory for a working set of {self.S.m} columns at alpha={alpha:g}"
            )
        self.watch.stopped()
        return status

    def certify(self, double alpha):
        """Relative gap of the present coefficients and intercept, recomputed in
        full."""
        cdef double gap
        with nogil:
            gap = certify(&self.S.run, alpha)
        if gap < 0.0:
            raise MemoryError("no memory for a working set of all columns")
        return gap

    def objective(self, double alpha):
        """Objective at the present coefficients and intercept."""
        cdef double total
        with nogil:
            total = objective(&self.S, alpha)
        return total

    def curvatures(self):
        """(n,) second derivatives of the loss at the present coefficients, times the
        weights."""
        cdef state_t* S = &self.S
        cdef double[::1] out
        cdef ptrdiff_t i
        refresh(S)
        values = np.empty(S.n)
        out = values
        for i in range(S.n):
            out[i] = S.h[i]
        return values

    def set_coef(self, coef, double intercept):
        """Start from these coefficients (p,) and this intercept, on the original
        scale."""
        cdef int status = 0
        w = np.ascontiguousarray(coef, dtype=np.float64)
        if len(w) != self.S.p:
            raise ValueError(f"coef has {len(w)} elements, X has {self.S.p} columns")
        cdef const int32_t[::1] columns = np.arange(len(w), dtype=np.int32)
        cdef const double[::1] values = w
        status = set_coef(&self.S, len(w), &columns[0], &values[0], intercept)
        if status == NO_MEMORY:
            raise MemoryError("no memory for the working set")

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
        return intercept_of(&self.S)

    @property
    def alpha_max(self):
        """Least alpha at which every penalized coefficient is 0; nan for l1_ratio 0."""
        return self.S.run.alpha_max

    @property
    def separated(self):
        """Whether the unpenalized columns fit some rows of y only at infinity."""
        return self.S.run.separated

    @property
    def null_objective(self):
        """Objective at w = 0 with the best intercept."""
        return self.S.run.null_objective

    @property
    def gap(self):
        """Relative gap of the last solve (relative gradient norm at alpha = 0)."""
        return self.S.run.gap

    @property
    def n_iter(self):
        """Outer iterations of the last solve."""
        return self.S.run.n_iter

    @property
    def force_regime(self):
        """For tests and measurements: 0 the cost model, 1 Gram, 2 residual."""
        return self.S.force_regime

    @force_regime.setter
    def force_regime(self, int regime):
        self.S.force_regime = regime

    @property
    def regime(self):
        """How the last solve minimized on its working set, and why: two strings."""
        return REGIMES[self.S.regime]

    def counters(self):
        """Work done so far, and the regime of the last solve."""
        cdef state_t* S = &self.S
        regime, reason = self.regime
        return {
            "n_epochs": S.n_epochs,
            "n_newton": S.n_newton,
            "n_column_products": S.n_column_products,
            "n_full_passes": S.n_full_passes,
            "n_gram_columns": S.n_gram_columns,
            "work": int(S.work),
            "working_set": S.m,
            "regime": regime,
            "regime_reason": reason,
        }
