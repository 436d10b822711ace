"""Newton on the working set of the Cox loss, whose Hessian couples the rows.

As _newton.pyx, but the quadratic model has the true Hessian H, not a bound with one
curvature a row: only then is convergence fast where the chances to be next are far from
small, that is near saturation.  H enters through its Gram block alone (_cox.pyx).
"""
from libc.math cimport INFINITY, isfinite, log, sqrt

from fastl1.kernels.solver._certificate cimport correlate, working_gap
from fastl1.kernels.solver._newton cimport line_search
from fastl1.kernels.solver._samples cimport evaluate
from fastl1.kernels.solver._state cimport NO_MEMORY, state_t
from fastl1.kernels.solver._working cimport grow_gram, load_quad, solve_quadratic

cdef double INNER = 0.1          # of the gap asked of the quadratic
cdef double DAMPED = 0.3         # shorter steps than this raise the curvatures
cdef double PRODUCT = 0.15       # what a multiplication in a product of blocks costs
cdef double DIGITS = 9.0         # e-folds of the gap in a Newton step
cdef int PATIENCE = 20           # Newton steps without a lower gap
cdef int TURNS = 20              # at a quadratic


cdef bint _is_kept(state_t* S, double gap, double tol, double rate) noexcept nogil:
    """Whether steps under the Hessian that G is of cost less than a new one.

    Such steps shrink the distance from the solution by `rate`, hence the gap by its
    square, where those under the Hessian at the present point gain DIGITS.
    """
    cdef double step = 2.5 * S.m + 30.0, new, digits = log(gap / tol)
    new = PRODUCT * S.m * S.m + 6.0 * S.m + <double> S.m * S.m * S.m / (6.0 * S.n)
    if rate >= 0.9 or not isfinite(digits):
        return False
    return step * digits / (-2.0 * log(max(rate, 1e-6))) <= (
        new + step * max(digits / DIGITS, 1.0)
    )


cdef int solve_coupled(
    state_t* S, double alpha, double tol, int rounds
) noexcept nogil:
    """Minimize over the working set to a gap of about tol (absolute; relative gradient
    at alpha = 0).

    The Gram block serves, as it is, for as long as that pays: for several steps, and
    alphas.  Returns 0, 1 (rounds used up, interrupted, or no progress) or NO_MEMORY.
    """
    cdef int _, _turn, solved = 1, stalled = 0
    cdef ptrdiff_t i
    cdef double gap, v_sum, h_sum, t = 1.0, damp = 0.0, rate, inner
    cdef double before = INFINITY, least = INFINITY
    cdef bint kept = False, settled = False
    S.move = 0.0
    evaluate(S)
    for _ in range(rounds):
        if S.poll(S):
            return 1
        load_quad(S, alpha)
        correlate(S, &v_sum, &h_sum)
        gap = working_gap(S, v_sum, h_sum)
        if gap <= tol and (alpha > 0.0 or settled):
            return 0
        if gap <= tol:  # one step more tells whether the solution is at infinity
            settled, S.move = True, 0.0
        stalled = 0 if gap < 0.9 * least else stalled + 1
        least = min(least, gap)
        if stalled > PATIENCE:
            return 1
        rate = 1.0
        if S.m_gram > 0 and damp == 0.0 and S.damp == 0.0 and t == 1.0:
            rate = S.q.ops.cox_drift(&S.loss_param.cox, S.n, S.eta)
            if kept and solved == 0 and gap > rate * rate * before:
                rate = sqrt(gap / before)
        before = gap
        kept = not settled and _is_kept(S, gap, tol, rate)
        if not kept:
            S.m_gram = S.F.m = 0
            S.damp = damp
            S.q.ops.cox_freeze(&S.loss_param.cox, S.n, S.eta, S.h)
        elif S.pen.l2 > 0.0 and S.factor_alpha != alpha:
            S.F.m = 0
        S.factor_alpha = alpha
        S.q.r2 = 0.0
        for i in range(S.n):
            if S.h[i] > 0.0:
                S.q.r2 += S.v[i] * S.v[i] / S.h[i]
        # the gap of the model, of which this is a part only, may be below that of the
        # loss, and is to shrink as much
        if grow_gram(S) < 0:
            return NO_MEMORY
        inner = INNER * min(gap, S.q.row.gap(&S.q))
        for _turn in range(TURNS):  # as many columns may leave before the gap falls
            solved = solve_quadratic(S, inner, 50)
            if solved < 0:
                return NO_MEMORY
            if solved == 0 or S.interrupted:
                break
        t = line_search(S, v_sum, h_sum)
        if kept:
            continue
        if t == 0.0 and damp >= 1.0:
            return 1
        if t < DAMPED:
            damp = max(10.0 * damp, 1e-3)
        elif t == 1.0:
            damp = 0.1 * damp if damp > 1e-6 else 0.0
    return 1
