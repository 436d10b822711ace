"""Prox-Newton on the working set: quadratic models of the loss, with a line search.

At the present point, with curvatures h and v = -gradient (by eta), the model is the
weighted least-squares problem of _working.solve_quadratic; the intercept is profiled
out by centring the columns under h.  The model is solved to a fraction of the present
gap.
"""
from libc.math cimport INFINITY, fabs, isfinite, sqrt
from libc.string cimport memcpy

from fastl1.kernels.solver._certificate cimport correlate, working_gap
from fastl1.kernels.design._design cimport design_add_xw
from fastl1.kernels.solver._interior cimport solve_interior
from fastl1.kernels.solver._samples cimport evaluate, loss_at_eta, renew_eta
from fastl1.kernels.solver._state cimport NO_MEMORY, keeps_dual, state_t
from fastl1.kernels.solver._working cimport load_quad, penalty_along, solve_quadratic

cdef double INNER = 0.1          # of the gap asked of the quadratic ...
cdef double BOUND_INNER = 1e-3   # ... where the quadratic is a bound, of less gap
cdef double LAST_INNER = 0.5     # of the gap wanted at last, where a step may reach it
cdef double DAMPED = 0.3         # shorter steps than this raise the curvatures
cdef double DRIFT = 1e3          # steps in the size of eta, until that is summed anew
cdef int PATIENCE = 20           # Newton steps without a lower gap


cdef double line_search(state_t* S, double v_sum, double h_sum) noexcept nogil:
    """Move to the quadratic's solution as far as the objective goes down; the part of
    the way, 0 where it does not."""
    cdef ptrdiff_t i, k, j, count = 0
    cdef double t = 1.0, slope, pen0, pen1, pen_t, start, slack
    cdef double b_step = 0.0, size = 0.0, w
    cdef int _half
    pen0, pen1 = penalty_along(S, 0.0, 0.0), S.q.row.value(&S.q, S.q.w, 0.0)
    for i in range(S.n):
        S.n_work[i] = 0.0
    for k in range(S.m):
        j = S.ws[k]
        if S.q.w[k] != S.w[j]:
            S.cols[count] = j
            S.p_work[count] = S.q.w[k] - S.w[j]
            count += 1
    design_add_xw(&S.X, S.cols, S.p_work, count, S.n_work, S.n_threads)
    S.n_column_products += count
    slope = pen1 - pen0 - S.q.ops.dot(S.n, S.v, S.n_work)
    if S.centre and S.traits.has_intercept:
        b_step = (v_sum - S.q.ops.dot(S.n, S.h, S.n_work)) / h_sum
        for i in range(S.n):
            S.n_work[i] += b_step
        slope -= b_step * v_sum
    if not isfinite(slope):
        return 0.0
    start = S.loss_value + pen0
    slack = 1e-15 * (start + S.run.null_objective)  # rounding
    memcpy(S.g, S.eta, S.n * sizeof(double))
    for _half in range(30):
        # from the start each time: a far step taken back would leave its rounding
        memcpy(S.eta, S.g, S.n * sizeof(double))
        S.q.ops.axpy(S.n, t, S.n_work, S.eta)
        loss_at_eta(S)
        pen_t = penalty_along(S, t, 0.0) if t < 1.0 else pen1
        if S.loss_value + pen_t <= start + 1e-4 * t * slope + slack:
            break
        t *= 0.5
    else:
        memcpy(S.eta, S.g, S.n * sizeof(double))
        loss_at_eta(S)
        return 0.0
    S.move = 0.0
    for i in range(S.n):
        S.move = max(S.move, t * fabs(S.n_work[i]))
        size = max(size, fabs(S.eta[i]))
    S.travel += S.move
    for k in range(S.m):
        j = S.ws[k]
        w = S.q.w[k] if t == 1.0 else S.w[j] + t * (S.q.w[k] - S.w[j])
        S.w[j] = w
        S.w_eta[j] = w
    S.b += t * b_step
    if S.travel > DRIFT * size:
        renew_eta(S)
        loss_at_eta(S)
    return t


cdef void _raise_curvatures(state_t* S, double damp, double curve) noexcept nogil:
    """h to at least a share `damp` of the usual `curve`, and so much that no row is to
    move by more than 1 / damp.

    Some losses have squares above them that touch them here (iterative reweighting).
    """
    cdef ptrdiff_t i
    for i in range(S.n):
        if S.traits.reweights:
            if S.h[i] == 0.0 and S.s[i] > 0.0:
                S.h[i] = S.v[i] / (S.y[i] - S.eta[i])
        else:
            S.h[i] = max(S.h[i], damp * max(curve * S.s[i], fabs(S.v[i])))


cdef double _inner_gap(const state_t* S, double gap, double damp) noexcept nogil:
    """The gap asked of the quadratic: a share of the present one, or what the solve
    asks for where an exact step, whose error is about the square, would get there."""
    cdef double relative = gap / S.run.null_objective
    if S.traits.coupled_rows or damp > 0.0:
        return BOUND_INNER * gap
    if S.run.alpha_now > 0.0 and relative * relative <= S.run.tol_now:
        return min(INNER * gap, LAST_INNER * S.run.tol_now * S.run.null_objective)
    return INNER * gap


cdef int _descend(
    state_t* S, double alpha, double tol, int rounds, double* gap
) noexcept nogil:
    """solve_newton by Newton steps alone; `gap` is the last one known."""
    cdef int it, stalled = 0
    cdef ptrdiff_t i
    cdef double v_sum, h_sum, t, damp = 0.0, curve = 0.0
    cdef double before = INFINITY, least = INFINITY
    S.move = 0.0
    evaluate(S)
    for it in range(rounds):
        if S.poll(S):
            return 1
        load_quad(S, alpha)
        correlate(S, &v_sum, &h_sum)
        gap[0] = working_gap(S, v_sum, h_sum)
        if gap[0] <= tol:
            return 0
        stalled = 0 if gap[0] < 0.9 * least else stalled + 1
        least = min(least, gap[0])
        if stalled > PATIENCE or gap[0] >= before and it > 3 and gap[0] <= 10.0 * tol:
            return 1
        before = gap[0]
        curve = max(h_sum, 0.1 * curve)
        curve = max(curve, 0.1 * S.curve_null)
        if damp > 0.0:
            _raise_curvatures(S, damp, curve)
            correlate(S, &v_sum, &h_sum)
        for i in range(S.n):  # saturated samples keep the quadratic bounded
            S.h_sqrt[i] = sqrt(max(S.h[i], 1e-14 * S.curve_null * S.s[i]))
        S.q.r2 = -v_sum * v_sum / h_sum if S.centre else 0.0
        for i in range(S.n):
            if S.h_sqrt[i] > 0.0:
                S.q.r2 += (S.v[i] / S.h_sqrt[i]) ** 2
        S.m_gram = S.F.m = 0
        if solve_quadratic(S, _inner_gap(S, gap[0], damp), 50) < 0:
            return NO_MEMORY
        t = line_search(S, v_sum, h_sum)
        if (t == 0.0 or S.move == 0.0) and damp >= 1.0:
            return 1
        if t < DAMPED or S.move == 0.0:
            damp = max(10.0 * damp, 1e-3)
        elif t == 1.0:
            damp = 0.1 * damp if damp > 1e-6 else 0.0
    return 1


cdef int solve_newton(
    state_t* S, double alpha, double tol, int rounds
) noexcept nogil:
    """Minimize over the working set to a gap of about tol (absolute; relative gradient
    at alpha = 0).

    Where corners of the loss stop the Newton steps, the interior-point method takes
    over.
    Returns 0, 1 (rounds used up, interrupted, or no progress) or NO_MEMORY.
    """
    cdef int status = 1
    cdef double gap = INFINITY, goal = tol
    if alpha == 0.0:
        goal *= S.run.null_objective
    if not keeps_dual(S):
        status = _descend(S, alpha, tol, rounds, &gap)
        if status <= 0 or S.interrupted or gap <= 10.0 * tol or not S.traits.corners:
            return status
    # from now on a loss that sharpens keeps the dual point that this finds
    S.loss_param.sharp = S.traits.sharpens
    load_quad(S, alpha)
    status = solve_interior(S, goal)
    if status < 0 or S.interrupted or keeps_dual(S):
        return status
    return _descend(S, alpha, tol, rounds, &gap)
