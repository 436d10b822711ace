"""A pilot: which columns are likely to enter, from a sample of the rows.

Where rows are many, the problem on a few thousand of them has nearly the same support
and costs next to nothing.  Its support is only a first working set: what it misses the
screening of all rows finds, and what it adds stays at zero.  Losses other than the
squared one, whose Newton steps cost most far away, start from its coefficients too.  It
is trusted as far down as correlations on the sample stand out of their noise, of
standard deviation |x_j| sigma / sqrt(rows).
"""
from libc.math cimport INFINITY, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastl1.kernels.design._design cimport bind_dense, design_take_rows
from fastl1.kernels.solver._driver cimport finish, null_model, start_alpha
from fastl1.kernels.solver._samples cimport shift_intercept
from fastl1.kernels.solver._screen cimport MAX_REFS
from fastl1.kernels.solver._setup cimport release, reserve, set_samples
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    share_loss,
    state_t,
)
from fastl1.kernels.solver._working cimport add_slot, start_covariance

cdef enum:
    BLOCK = 256          # neighbouring rows of the sample ...
    BLOCKS = 16          # ... and how many such blocks, spread evenly
    SHARE = 8            # the sample is at most one row in so many
    STEPS = 20

cdef double NOISE = 2.5  # standard deviations of a correlation that stands out
cdef double STEP = 0.4   # of alpha, along the sample's path
cdef double TOL = 1e-3


cdef bint _pilot_pays(const state_t* S, double alpha) noexcept nogil:
    """Whether a first solve at alpha is far enough from the null model."""
    cdef bint sampled = not S.traits.coupled_rows and not S.traits.dual_is_variable
    return (
        (S.lazy_ok if S.traits.quadratic else sampled)
        and S.X.consecutive
        and S.given == NULL and S.shared == NULL
        and S.n >= SHARE * BLOCK * BLOCKS and S.n >= 4 * S.p
        and S.n_solves == 0 and S.m == 0 and not S.fresh
        and S.pen.row.piecewise_quadratic
        and S.pen.l1 > 0.0 and 0.0 < alpha < S.run.far * S.run.alpha_max
    )


cdef void _take(
    const state_t* S, char* data, double* y, double* s, double* offset
) noexcept nogil:
    """The sampled rows of X (in the same layout), y, s and eta."""
    cdef ptrdiff_t b, row, at
    for b in range(BLOCKS):
        row = (S.n - BLOCK) * b // (BLOCKS - 1)
        at = b * BLOCK
        memcpy(y + at, S.y + row, BLOCK * sizeof(double))
        memcpy(s + at, S.s + row, BLOCK * sizeof(double))
        memcpy(offset + at, S.eta + row, BLOCK * sizeof(double))
        design_take_rows(&S.X, row, BLOCK, at, BLOCKS * BLOCK, data)


cdef double _noise_level(const state_t* P) noexcept nogil:
    """The alpha at which correlations with the residual are NOISE deviations."""
    cdef ptrdiff_t k, j
    cdef double squares = 0.0, factors = 0.0
    for k in range(P.n_alive):
        j = P.alive[k]
        squares += P.norm[j] * P.norm[j]
        factors += P.pf[j] * P.pf[j]
    return NOISE * sqrt(squares / factors * P.r2 / P.n) / P.pen.l1


cdef int _run(state_t* P, double alpha) noexcept nogil:
    """Down to alpha, or to the noise."""
    cdef double at, goal
    cdef int _, status = finish(&P.run, null_model(&P.run))
    at = P.run.alpha_max
    for _ in range(STEPS):
        goal = max(alpha, _noise_level(P))
        if status < 0 or P.interrupted or not goal < at:
            break
        at = max(goal, STEP * at)
        status = finish(&P.run, start_alpha(&P.run, at, TOL, 20))
        if status != CONVERGED and status != MAX_ITER:
            break
    return NO_MEMORY if status == NO_MEMORY else 0


cdef int _pilot(state_t* S, double alpha) noexcept nogil:
    """The sample's support near alpha becomes the working set of S, with coefficients
    but for the squared loss; 0 or NO_MEMORY."""
    cdef ptrdiff_t k, j, rows = BLOCKS * BLOCK
    cdef int status = NO_MEMORY
    cdef state_t P
    cdef char* data = <char*> malloc(rows * S.p * S.X.vsize)
    cdef double* y = <double*> malloc(3 * rows * sizeof(double))
    memset(&P, 0, sizeof(state_t))
    bind_dense(&P.X, rows, S.p, S.X.vtype, data)
    share_loss(&P, S)
    P.pen, P.centre, P.n_threads = S.pen, S.centre, S.n_threads
    P.poll, P.owner = S.poll, S.owner
    if data != NULL and y != NULL and reserve(&P, rows, S.p, MAX_REFS, S) == 0:
        _take(S, data, y, y + rows, y + 2 * rows)
        set_samples(&P, y, NULL if S.uniform else y + rows, y + 2 * rows)
        P.covariance_ok = False
        status = _run(&P, alpha)
        S.interrupted = P.interrupted
    if status == 0:
        for k in range(P.m):
            j = P.ws[k]
            if P.w[j] == 0.0:
                continue
            if add_slot(S, j) < 0:
                status = NO_MEMORY
            elif not S.traits.quadratic:
                S.w[j] = P.w[j]
        if S.traits.quadratic:
            S.piloted = S.m > 0
        elif S.m > 0:
            shift_intercept(S, P.b)
            S.run.restarted = True
    release(&P)
    free(data)
    free(y)
    return status


cdef int _first_look(state_t* S, double alpha, double expected) noexcept nogil:
    """The pilot, where it pays; 0, NO_MEMORY or INTERRUPTED."""
    cdef int status
    if not _pilot_pays(S, alpha):
        return 0
    status = _pilot(S, alpha)
    if S.covariance_ok and expected < INFINITY:
        start_covariance(S)
    return INTERRUPTED if status == 0 and S.interrupted else status


cdef int solve_alpha(
    state_t* S, double alpha, double expected, double tol, int max_iter
) noexcept nogil:
    """Solve at alpha from where the state stands, alone with X; `expected` is the least
    alpha of the path under way, or infinite.  The status."""
    cdef int status = _first_look(
        # of a path the products are computed at once
        S, min(alpha, expected) if S.traits.quadratic else alpha, expected
    )
    if status == 0:
        status = finish(&S.run, start_alpha(&S.run, alpha, tol, max_iter))
    return status
