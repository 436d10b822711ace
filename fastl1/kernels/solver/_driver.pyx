"""The outer loop of every solver: a run at one alpha after another.

At each alpha: minimize on the working set; make the dual point feasible; bound or
compute the correlations outside; compute the gap; add the violators.  What these mean
for one output, for the classes of softmax regression, or for groups of columns, is the
business of an engine (_engine.pxd); the loop decides what is next, and to what
tolerance.

A solve stops wherever it wants the correlations of all columns and goes on when they
are there, so that a batch of problems shares the passes over X (many/_batch.pyx);
`finish` is the loop of a single problem.
"""
from libc.math cimport INFINITY, ceil, log

from fastl1.kernels.solver._engine cimport (
    CONVERGED,
    ENTERED,
    ENTERING,
    FAILED,
    FREE_BLOCK,
    GO_ON,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    NULL_MODEL,
    READY,
    WANTS_PASS,
    WORKED,
    WORKING,
    expects_answer,
    is_smooth,
    run_t,
)

cdef double INNER = 0.3          # of the gap asked for, on the working set
cdef double COARSE_TOL = 1e-2    # relative gap along a coarse path
cdef int PATIENCE = 10           # outer iterations without a lower gap
cdef double ROUNDING = 1e-12     # relative gap that iterations would not lower


cdef void clear_run(run_t* R) noexcept nogil:
    """No solve under way, no coefficients given."""
    R.phase = READY
    R.restarted = R.separated = False
    R.n_iter = 0
    R.gap = INFINITY


cdef int null_model(run_t* R) noexcept nogil:
    """The null model; the correlations there are wanted next."""
    R.phase = NULL_MODEL
    return WANTS_PASS if R.engine.fit_null(R) == 0 else NO_MEMORY


cdef int _null_known(run_t* R) noexcept nogil:
    """The fit of the unpenalized block, whose correlations are wanted next."""
    cdef int status
    R.alpha_now = 0.0
    status = R.engine.fit_free(R)
    if status == CONVERGED:
        return _free_known(R)
    R.phase = FREE_BLOCK if status == WANTS_PASS else READY
    return status


cdef int _free_known(run_t* R) noexcept nogil:
    """alpha_max."""
    R.alpha_max = R.engine.find_alpha_max(R)
    R.alpha_prev = INFINITY
    R.phase = READY
    return CONVERGED


cdef int _scan(run_t* R, bint exact, int phase) noexcept nogil:
    """The columns outside; on with `phase` when they are known."""
    cdef int status = R.engine.scan(R, exact)
    R.phase = phase
    return status if status != 0 else GO_ON


cdef int _enter(run_t* R) noexcept nogil:
    """Screen at the alpha of the present step."""
    R.least = R.gap = INFINITY
    R.tighten, R.stalled = 1.0, 0
    if is_smooth(R) and R.engine.add_all(R) < 0:
        return NO_MEMORY
    if R.engine.enter(R) < 0:
        return NO_MEMORY
    return _scan(R, expects_answer(R), ENTERED)


cdef int _entered(run_t* R) noexcept nogil:
    """The answer may be there already; else what the extrapolation, or the strong rule,
    expects to enter."""
    cdef double limit = R.alpha_now
    if R.n_outside == 0 or expects_answer(R):
        R.gap = R.engine.find_gap(R)
        if R.gap <= R.tol_now or (
            R.alpha_now >= R.alpha_max and R.gap <= ROUNDING
        ):
            R.restarted = False
            return CONVERGED if R.gap <= R.tol_now else MAX_ITER
    if R.ahead > 0.0:
        limit = R.ahead * R.alpha_now
    elif not R.restarted:
        limit = max(R.alpha_now, 2.0 * R.alpha_now - min(R.alpha_prev, R.alpha_max))
    R.restarted = False
    if not R.engine.trusts_set(R) and not is_smooth(R):
        R.engine.prune(R, limit)
        if R.engine.add(R, limit) < 0:
            return NO_MEMORY
    R.phase = WORKING
    return GO_ON


cdef int _work(run_t* R) noexcept nogil:
    """One outer iteration: minimize on the working set, screen."""
    cdef double inner
    cdef int status
    if R.n_iter >= R.stop_iter or R.stalled >= PATIENCE:
        return MAX_ITER
    R.n_iter += 1
    if R.engine.poll(R):
        return INTERRUPTED
    if R.alpha_now == 0.0:
        inner = R.engine.gradient_tolerance(R) * R.tighten
    else:
        inner = max(
            INNER * R.tol_now * R.null_objective * R.tighten,
            # the gap may be larger than it was, with columns pruned away: a loose
            # solution on all of them would have the same ones pruned again
            R.engine.enough(R, min(R.least, R.gap)) * R.null_objective
        )
    status = R.engine.minimize(R, inner)
    if status != 0:
        return status
    if R.engine.measure(R) < 0:
        return NO_MEMORY
    return _scan(R, True, WORKED)


cdef int _worked(run_t* R) noexcept nogil:
    """The gap; columns that violate their limit enter."""
    cdef ptrdiff_t added
    R.gap = R.engine.find_gap(R)
    if not R.gap >= 0.0:
        return FAILED
    if R.gap <= R.tol_now:
        return CONVERGED
    if not is_smooth(R):
        R.engine.prune(R, 0.9 * R.alpha_now)
    R.stalled = 0 if R.gap < 0.99 * R.least else R.stalled + 1
    R.least = min(R.least, R.gap)
    added = R.engine.add(R, R.alpha_now)
    if added < 0:
        return NO_MEMORY
    if added == 0:  # the working set is right, its solution is not
        R.tighten *= 0.1
    R.phase = WORKING
    return GO_ON


cdef void _next_step(run_t* R) noexcept nogil:
    """The alpha of the next step of the coarse path, or the one asked for."""
    R.step += 1
    R.phase = ENTERING
    if R.step < R.n_steps:
        R.alpha_now = R.alpha_start * (R.alpha_goal / R.alpha_start) ** (
            <double> R.step / R.n_steps
        )
        R.tol_now = max(R.tol_goal, COARSE_TOL)
        R.stop_iter = R.n_iter + R.coarse_iter
    else:
        R.alpha_now, R.tol_now = R.alpha_goal, R.tol_goal
        R.stop_iter = R.max_iter


cdef int _advance(run_t* R) noexcept nogil:
    """Go on from the present phase: WANTS_PASS, or the status of the solve."""
    cdef int status
    while True:
        if R.phase == ENTERING:
            status = _enter(R)
        elif R.phase == ENTERED:
            status = _entered(R)
        elif R.phase == WORKING:
            status = _work(R)
        else:
            status = _worked(R)
        if status == GO_ON:
            continue
        if status == WANTS_PASS:
            return status
        if status == CONVERGED or status == MAX_ITER:
            R.alpha_prev = R.alpha_now
            if R.step < R.n_steps:
                _next_step(R)
                continue
        if status in (CONVERGED, MAX_ITER, FAILED) and R.engine.settle(R) < 0:
            status = NO_MEMORY
        R.phase = READY
        return status


cdef int resume(run_t* R) noexcept nogil:
    """Go on with the correlations that were wanted: WANTS_PASS again, or the status."""
    if R.phase == NULL_MODEL:
        return _null_known(R)
    if R.phase == FREE_BLOCK:
        return _free_known(R)
    return _advance(R)


cdef int start_alpha(run_t* R, double alpha, double tol, int max_iter) noexcept nogil:
    """Begin to solve at alpha from where the run stands; far jumps go by way of a
    coarse path.  WANTS_PASS, or the status."""
    R.n_iter = 0
    if R.null_objective == 0.0:
        R.engine.clear_coef(R)
        R.gap = 0.0
        return CONVERGED
    R.engine.start(R)
    R.alpha_goal, R.tol_goal, R.max_iter = alpha, tol, max_iter
    R.alpha_start = alpha if R.restarted else min(R.alpha_prev, R.alpha_max)
    R.step, R.n_steps = 0, 1
    if R.selects and 0.0 < alpha < R.far * R.alpha_start and not R.near:
        R.n_steps = <int> ceil(log(R.alpha_start / alpha) / -log(R.far))
        if R.coarse_iter * R.n_steps > max_iter:
            R.n_steps = 1
    _next_step(R)
    return _advance(R)


cdef int finish(run_t* R, int status) noexcept nogil:
    """Alone with X: pass after pass, to the end."""
    while status == WANTS_PASS:
        status = resume(R) if R.engine.full_pass(R) == 0 else NO_MEMORY
    return status


cdef double certify(run_t* R, double alpha) noexcept nogil:
    """Relative gap of the present coefficients and intercept, recomputed in full;
    negative without memory."""
    cdef int status
    if R.null_objective == 0.0:
        return INFINITY if R.engine.support(R) else 0.0
    R.alpha_now = alpha
    if alpha == 0.0 and R.engine.add_all(R) < 0:
        return -1.0
    R.engine.hold(R)
    if R.engine.measure(R) < 0:
        return -1.0
    status = R.engine.scan(R, True)
    if status == WANTS_PASS:
        status = R.engine.full_pass(R)
    if status < 0:
        return -1.0
    R.gap = R.engine.find_gap(R)
    return R.gap
