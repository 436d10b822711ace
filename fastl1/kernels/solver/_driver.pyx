"""One problem solved at one alpha after another: warm starts, working sets, screening.

    min_{w,b}  sum_i s_i loss(y_i, x_i w + b + offset_i)
               + alpha sum_j pf_j (l1_ratio |w_j| + (1 - l1_ratio)/2 w_j^2),
    lower <= w <= upper,   sum_i s_i = 1

Inside, columns are centred (with an intercept) and scaled (standardize), and w, b are
those of that design.  At each alpha: minimize on the working set; make v dual feasible;
bound or compute the correlations outside; compute the gap; add the violators.

A solve stops wherever it wants the correlations of all columns and goes on when they
are there, so that a batch of problems shares the passes over X (_batch.pyx); `finish`
is the loop of a single problem.
"""
from libc.math cimport INFINITY, NAN, ceil, fabs, isfinite, log

from fastl1.kernels.solver._certificate cimport (
    add_candidates,
    full_pass,
    gradient_tolerance,
    measure,
    relative_gap,
    scan_outside,
    signed_correlation,
)
from fastl1.kernels.solver._coupled cimport solve_coupled
from fastl1.kernels.solver._interior cimport has_corners
from fastl1.kernels.solver._newton cimport solve_newton
from fastl1._ops cimport (
    FL1_COX,
    FL1_GAMMA,
    FL1_HUBER,
    FL1_QUANTILE,
    FL1_SQUARED,
    FL1_SQUARED_HINGE,
)
from fastl1.kernels.solver._samples cimport (
    evaluate,
    fit_intercept,
    fit_null,
    project_dual,
)
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    ENTERED,
    ENTERING,
    FAILED,
    FREE_BLOCK,
    GO_ON,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    NO_REGIME,
    NULL_MODEL,
    READY,
    WANTS_PASS,
    WORKED,
    WORKING,
    state_t,
)
from fastl1.kernels.solver._working cimport (
    add_all_columns,
    add_slot,
    choose_regime,
    extrapolate,
    load_quad,
    prune,
    solve_squared,
    start_covariance,
)

cdef double INNER = 0.3          # of the gap asked for, on the working set
cdef double LOOSE = 0.03         # ... or of the least of all columns, for sweeps ...
cdef double FAR_LOOSE = 0.1      # ... by a coarse path, which adds columns more often
cdef double FAR = 0.01           # ... and by Newton steps where it is beyond this
cdef double COARSE_TOL = 1e-2    # relative gap along a coarse path
cdef int COARSE_ITER = 2         # and its outer iterations a step, squared loss
cdef int PATH_SOLVES = 3         # alphas from which a solver is taken to run a path
# of alpha: the correlation from which the extrapolation has a column enter; in a dense
# working set a column is dear
cdef double AHEAD = 0.99
cdef double SPARSE_AHEAD = 0.95
cdef int PATIENCE = 10           # outer iterations without a lower gap


cdef int _solve_working_set(
    state_t* S, double alpha, double tol, int rounds
) noexcept nogil:
    """Minimize over the working set to a gap of about tol (absolute)."""
    if S.m == 0:
        return 0
    choose_regime(S)
    if S.loss == FL1_SQUARED:
        return solve_squared(S, alpha, tol, rounds)
    if S.loss == FL1_COX and S.use_gram:
        return solve_coupled(S, alpha, tol, rounds)
    return solve_newton(S, alpha, tol, rounds)


cdef int null_model(state_t* S) noexcept nogil:
    """The fit of the intercept; the correlations there are wanted next."""
    fit_null(S)
    if S.n_free == 0:  # else their gradient is wanted
        project_dual(S)
    S.phase = NULL_MODEL
    return WANTS_PASS


cdef bint _runs_off(const state_t* S) noexcept nogil:
    """Whether the unpenalized block leads to infinity: a Newton step that is still long
    where the gradient has vanished, of a loss that some rows have least at infinity,
    and a coefficient that no bound holds."""
    cdef ptrdiff_t k, j
    if S.move <= 0.1 or S.loss in (
        FL1_SQUARED, FL1_GAMMA, FL1_SQUARED_HINGE, FL1_HUBER, FL1_QUANTILE
    ):
        return False
    for k in range(S.m):
        j = S.ws[k]
        if S.lo[j] < S.w[j] < S.hi[j]:
            return True
    return False


cdef int _null_known(state_t* S) noexcept nogil:
    """c_null; the fit of the unpenalized block, whose correlations are wanted next."""
    cdef ptrdiff_t k
    cdef double tol
    S.c_null = 0.0
    for k in range(S.n_alive):
        S.c_null = max(S.c_null, fabs(S.cache.c[S.alive[k]]))
    S.r2 = S.r2_zero = S.q.ops.dot(S.n, S.g, S.g)
    S.cache.slack = 1e-15 * S.r2  # updates of r2 round at the scale they started from
    for k in range(S.p):
        S.c_zero[k] = S.cache.c[k]
    if S.n_free == 0:
        return _free_known(S)
    for k in range(S.n_alive):
        if S.pf[S.alive[k]] == 0.0 and add_slot(S, S.alive[k]) < 0:
            return NO_MEMORY
    # the squared loss is measured by its gap, others by their relative gradient
    tol = 1e-16 * S.null_objective if S.loss == FL1_SQUARED else 1e-12
    S.alpha_now = 0.0
    if _solve_working_set(S, 0.0, tol, 50) < 0:
        return NO_MEMORY
    S.separated = _runs_off(S)
    evaluate(S)
    project_dual(S)
    S.phase = FREE_BLOCK
    return WANTS_PASS


cdef int _free_known(state_t* S) noexcept nogil:
    """alpha_max."""
    cdef ptrdiff_t k, j
    cdef const double* last = S.cache.c + (S.cache.count - 1) * S.p
    S.alpha_max = 0.0
    if S.null_objective > 0.0:
        for k in range(S.n_alive):
            j = S.alive[k]
            if S.pf[j] > 0.0:
                S.alpha_max = max(
                    S.alpha_max, signed_correlation(S, j, last[j]) / S.pf[j]
                )
    S.alpha_max = S.alpha_max / S.l1_ratio if S.l1_ratio > 0.0 else NAN
    S.alpha_prev = S.alpha_back = INFINITY
    S.phase = READY
    return CONVERGED


cdef ptrdiff_t _support(const state_t* S) noexcept nogil:
    """Nonzero coefficients."""
    cdef ptrdiff_t k, count = 0
    for k in range(S.m):
        count += S.w[S.ws[k]] != 0.0
    return count


cdef inline bint _is_smooth(const state_t* S) noexcept nogil:
    """Whether no coefficient is held at 0: every column works."""
    return S.alpha_now == 0.0 or S.l1_ratio == 0.0


cdef bint _is_loose(const state_t* S) noexcept nogil:
    """Whether the working set holds so many zeros that it is to be pruned: soon where
    its Gram block lasts for one Newton step only."""
    cdef ptrdiff_t support = _support(S)
    if S.covariance:
        return False
    if S.loss == FL1_SQUARED or S.X.sparse:
        return S.m > 1.5 * support + 100
    return S.m > 1.1 * support + 10


cdef int _add(state_t* S, double limit) noexcept nogil:
    """Candidates beyond limit into the working set, a share of the support at most."""
    return add_candidates(
        S, limit, max(S.grow_min, <ptrdiff_t> (S.grow * _support(S)))
    )


cdef inline bint _expects_answer(const state_t* S) noexcept nogil:
    """Whether the coefficients may be the answer as they are: extrapolated along the
    path, given by the caller, or 0 from alpha_max on."""
    return S.ahead or S.restarted or S.alpha_now >= S.alpha_max


cdef int _enter(state_t* S) noexcept nogil:
    """Screen at the alpha of the present step."""
    S.sweep_work = 0.0
    S.least = S.gap = INFINITY
    S.tighten, S.stalled = 1.0, 0
    if _is_smooth(S) and add_all_columns(S) < 0:
        return NO_MEMORY
    S.lazy = S.lazy_ok and (S.m > 0 or S.covariance) and (
        S.m_gram == S.m or (S.piloted and S.covariance)  # all coefficients are 0
    )
    S.ahead = extrapolate(S)
    if S.ahead or not (S.lazy and S.estimated):
        measure(S)
    S.phase = ENTERED
    return WANTS_PASS if scan_outside(S, _expects_answer(S)) else GO_ON


cdef int _entered(state_t* S) noexcept nogil:
    """The answer may be there already; else what the extrapolation, or the strong rule,
    expects to enter."""
    cdef double limit = S.alpha_now
    if S.n_cand == 0 or _expects_answer(S):
        S.gap = relative_gap(S, S.alpha_now)
        if S.gap <= S.tol_now:
            S.restarted = False
            return CONVERGED
    if S.ahead:
        limit = (SPARSE_AHEAD if S.X.sparse else AHEAD) * S.alpha_now
    elif not S.restarted:
        limit = max(S.alpha_now, 2.0 * S.alpha_now - min(S.alpha_prev, S.alpha_max))
    S.restarted = False
    limit *= S.l1_ratio
    if S.piloted or (S.covariance and S.cross != NULL and S.m > 0):
        S.piloted = False  # correlations after the next solve are better grounds
    elif not _is_smooth(S):
        if _is_loose(S):
            prune(S, limit)
        if _add(S, limit) < 0:
            return NO_MEMORY
    S.phase = WORKING
    return GO_ON


cdef int _work(state_t* S) noexcept nogil:
    """One outer iteration: minimize on the working set, screen."""
    cdef double inner = INNER * S.tol_now * S.null_objective
    cdef double least = min(S.least, S.gap)
    if S.n_iter >= S.stop_iter or S.stalled >= PATIENCE:
        return MAX_ITER
    S.n_iter += 1
    if S.poll(S):
        return INTERRUPTED
    if S.alpha_now == 0.0:
        inner = gradient_tolerance(S, S.tol_now)
    inner *= S.tighten
    # the gap may be larger than it was, with columns pruned away: a loose solution on
    # all of them would have the same ones pruned again; the gap of a loss with corners
    # says little before its linear program is solved
    if S.alpha_now > 0.0 and isfinite(least) and not has_corners(S) and (
        not S.use_gram or least > FAR and S.loss not in (FL1_SQUARED, FL1_COX)
    ):
        inner = max(
            inner, (FAR_LOOSE if S.n_steps > 1 else LOOSE) * least * S.null_objective
        )
    if _solve_working_set(S, S.alpha_now, inner, 100) < 0:
        return NO_MEMORY
    if S.interrupted:
        return INTERRUPTED
    if S.alpha_now == 0.0 and S.loss == FL1_COX:
        S.separated = _runs_off(S)
    S.lazy = S.lazy_ok and S.use_gram and (S.m > 0 or S.covariance)
    measure(S)
    S.phase = WORKED
    return WANTS_PASS if scan_outside(S, True) else GO_ON


cdef int _worked(state_t* S) noexcept nogil:
    """The gap; columns that violate their limit enter."""
    cdef ptrdiff_t before
    S.gap = relative_gap(S, S.alpha_now)
    if not S.gap >= 0.0:
        return FAILED
    if S.gap <= S.tol_now:
        return CONVERGED
    if not _is_smooth(S) and _is_loose(S):
        prune(S, 0.9 * S.l1_ratio * S.alpha_now)
    S.stalled = 0 if S.gap < 0.99 * S.least else S.stalled + 1
    S.least = min(S.least, S.gap)
    before = S.m
    if _add(S, S.l1_ratio * S.alpha_now) < 0:
        return NO_MEMORY
    if S.m == before:  # the working set is right, its solution is not
        S.tighten *= 0.1
    S.phase = WORKING
    return GO_ON


cdef int _null_solution(state_t* S) noexcept nogil:
    """The answer where the null model fits exactly: w = 0, whatever it was."""
    cdef ptrdiff_t k
    for k in range(S.m):
        S.w[S.ws[k]] = 0.0
    evaluate(S)
    fit_intercept(S, 0.0)
    S.gap = 0.0
    return CONVERGED


cdef inline int _coarse_iter(const state_t* S) noexcept nogil:
    """An iteration of other losses takes several Newton steps, a Gram block each."""
    return COARSE_ITER if S.loss == FL1_SQUARED else 1


cdef void _next_step(state_t* S) noexcept nogil:
    """The alpha of the next step of the coarse path, or the one asked for."""
    S.step += 1
    S.phase = ENTERING
    if S.step < S.n_steps:
        S.alpha_now = S.alpha_start * (S.alpha_goal / S.alpha_start) ** (
            <double> S.step / S.n_steps
        )
        S.tol_now = max(S.tol_goal, COARSE_TOL)
        S.stop_iter = S.n_iter + _coarse_iter(S)
    else:
        S.alpha_now, S.tol_now = S.alpha_goal, S.tol_goal
        S.stop_iter = S.max_iter


cdef int _advance(state_t* S) noexcept nogil:
    """Go on from the present phase: WANTS_PASS, or the status of the solve."""
    cdef int status
    while True:
        if S.phase == ENTERING:
            status = _enter(S)
        elif S.phase == ENTERED:
            status = _entered(S)
        elif S.phase == WORKING:
            status = _work(S)
        else:
            status = _worked(S)
        if status == GO_ON:
            continue
        if status == WANTS_PASS:
            return status
        if status == CONVERGED or status == MAX_ITER:
            S.alpha_prev = S.alpha_now
            if S.step < S.n_steps:
                _next_step(S)
                continue
        S.phase = READY
        return status


cdef int resume(state_t* S) noexcept nogil:
    """Go on with the correlations that were wanted: WANTS_PASS again, or the status."""
    if S.phase == NULL_MODEL:
        return _null_known(S)
    if S.phase == FREE_BLOCK:
        return _free_known(S)
    return _advance(S)


cdef int start_alpha(state_t* S, double alpha, double tol, int max_iter) noexcept nogil:
    """Begin to solve at alpha from where the state stands; far jumps go by way of a
    coarse path.  WANTS_PASS, or the status."""
    S.n_iter = 0
    S.keep_intercept = False
    S.lazy = False
    S.regime = NO_REGIME
    if S.null_objective == 0.0:
        return _null_solution(S)
    if S.loss == FL1_SQUARED and S.fresh:
        evaluate(S)
        fit_intercept(S, 0.0)
        S.m_gram = 0
    S.fresh = False
    S.n_solves += 1
    if S.covariance_ok and not S.covariance and S.n_solves >= PATH_SOLVES:
        start_covariance(S)
    S.alpha_goal, S.tol_goal, S.max_iter = alpha, tol, max_iter
    S.alpha_start = alpha if S.restarted else min(S.alpha_prev, S.alpha_max)
    S.step, S.n_steps = 0, 1
    if S.l1_ratio > 0.0 and 0.0 < alpha < S.far * S.alpha_start and not S.piloted:
        S.n_steps = <int> ceil(log(S.alpha_start / alpha) / -log(S.far))
        if _coarse_iter(S) * S.n_steps > max_iter:
            S.n_steps = 1
    _next_step(S)
    return _advance(S)


cdef int finish(state_t* S, int status) noexcept nogil:
    """Alone with X: pass after pass, to the end."""
    while status == WANTS_PASS:
        full_pass(S)
        status = resume(S)
    return status


cdef double certify(state_t* S, double alpha) noexcept nogil:
    """Relative gap of the present coefficients and intercept, recomputed in full;
    negative without memory."""
    if S.null_objective == 0.0:
        return INFINITY if _support(S) else 0.0
    S.alpha_now = alpha
    S.lazy = False
    S.keep_intercept = True
    if alpha == 0.0 and add_all_columns(S) < 0:
        return -1.0
    load_quad(S, alpha)
    measure(S)
    S.m_gram = 0
    if scan_outside(S, True):
        full_pass(S)
    S.gap = relative_gap(S, alpha)
    S.fresh = True
    return S.gap
