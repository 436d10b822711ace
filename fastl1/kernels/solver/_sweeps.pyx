"""The penalized quadratic in the residual regime: sweeps and conjugate gradients.

    min_w  1/2 |u0 - A (w - w0)|^2 + pen(w)

A holds the packed columns sqrt(h) z of the working set.  Where the intercept is
profiled out, the columns are centred implicitly: with u_sum = sum sqrt(h) u,

    c_k = a_k' u - mean_k u_sum,    u -= delta a_k,    u_sum -= delta mean_k h_sum,

which leaves a sparse update at O(nnz_k).  Once sweeps no longer change the support, the
linear system on it is solved by conjugate gradients (Jacobi preconditioner) and the
step projected on the signs and bounds.
"""
from libc.math cimport INFINITY, fabs

from fastl1.kernels.design._design cimport col_axpy, col_dot, col_nnz
from fastl1.kernels.penalty._penalty cimport (
    l1_descent,
    l1_is_free,
    l1_minimizer,
    l1_room,
    l1_slope,
    l1_stop,
    quad_t,
)

cdef int MAX_SWEEPS = 2          # over the support, after one over all
cdef double SWEEP_STOP = 0.1     # ... or until they move that much less
cdef int STEADY = 20             # a support is steady if less than 1 in 20 changed
cdef double CG_STOP = 1e-5       # of the squared gradient norm ...
cdef double CG_SLACK = 0.5       # ... or of the gap asked for


cdef inline double _update(
    quad_t* q, residual_t* r, ptrdiff_t k, double new
) noexcept nogil:
    """Move coordinate k to `new`; returns the decrease bound diag * delta^2."""
    cdef double delta = new - q.w[k], shift = 0.0
    q.w[k] = new
    col_axpy(r.A, k, -delta, r.u, &shift)
    r.u_sum -= shift * r.h_sum
    return delta * delta * q.diag[k]


cdef double _sweep(
    quad_t* q, residual_t* r, bint support_only, ptrdiff_t* changes
) noexcept nogil:
    """One sweep; returns the sum of diag * delta^2."""
    cdef ptrdiff_t k, touched = 0
    cdef double new, moved = 0.0
    changes[0] = 0
    for k in range(q.m):
        if q.diag[k] <= 0.0 or (
            support_only and q.w[k] == 0.0 and q.lam1[k] > 0.0
        ):
            continue
        q.c[k] = col_dot(r.A, k, r.u, r.u_sum)
        touched += col_nnz(r.A, k)
        if q.w[k] == 0.0 and fabs(q.c[k]) <= q.lam1[k]:
            continue
        new = l1_minimizer(q, k)
        if new == q.w[k]:
            continue
        changes[0] += (new == 0.0) != (q.w[k] == 0.0)
        moved += _update(q, r, k, new)
        touched += col_nnz(r.A, k)
    q.n_epochs += 1
    q.n_multiplied += touched
    return moved


cdef void _correlations(quad_t* q, residual_t* r) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(q.m):
        q.c[k] = col_dot(r.A, k, r.u, r.u_sum)
    q.n_multiplied += r.A.indptr[q.m]
    q.r2 = q.ops.dot(r.A.n, r.u, r.u)
    if r.A.implicit_mean and r.h_sum > 0.0:
        q.r2 = max(q.r2 - r.u_sum * r.u_sum / r.h_sum, 0.0)


cdef void _matvec(
    const quad_t* q, residual_t* r, const ptrdiff_t* S, ptrdiff_t s, const double* d,
    double* out
) noexcept nogil:
    """out = (A_S' A_S + diag(lam2)) d; r.scratch is left at A_S d."""
    cdef ptrdiff_t i
    cdef double shift = 0.0
    for i in range(r.A.n):
        r.scratch[i] = 0.0
    for i in range(s):
        col_axpy(r.A, S[i], d[i], r.scratch, &shift)
    for i in range(s):
        out[i] = col_dot(r.A, S[i], r.scratch, -shift * r.h_sum) + q.lam2[S[i]] * d[i]


cdef double _excess(
    const quad_t* q, const ptrdiff_t* S, ptrdiff_t s, const double* g
) noexcept nogil:
    """By how much g widens a limit, relatively: times the penalty, what it costs in the
    gap, which is of first order in g where the objective is of second."""
    cdef ptrdiff_t i
    cdef double worst = 0.0, lam1
    for i in range(s):
        lam1 = q.lam1[S[i]]
        if lam1 == 0.0:
            return INFINITY
        worst = max(worst, fabs(g[i]) / lam1)
    return worst


cdef bint _newton_cg(quad_t* q, residual_t* r, ptrdiff_t* S) noexcept nogil:
    """Newton step on the support by conjugate gradients, with the search of
    _quadratic._newton along its projection; False when there was no way down."""
    cdef ptrdiff_t i, k, s = 0
    cdef double* d = q.work
    cdef double* g = q.work + q.m
    cdef double* p = q.work + 2 * q.m
    cdef double* hp = q.work + 3 * q.m
    cdef double rho = 0.0, rho_new, alpha, stop, php, nnz = 0.0, pen = 0.0
    cdef int _
    for k in range(q.m):
        if l1_is_free(q, k):
            S[s] = k
            s += 1
            nnz += col_nnz(r.A, k)
    for i in range(s):
        k = S[i]
        g[i] = l1_descent(q, k)
        d[i] = 0.0
        p[i] = g[i] / (q.diag[k] + q.lam2[k])
        rho += g[i] * p[i]
        pen += q.lam1[k] * fabs(q.w[k])
    stop = rho * CG_STOP
    for _ in range(q.max_cg):
        if rho <= stop or rho == 0.0 or _excess(q, S, s, g) * pen <= CG_SLACK * q.tol:
            break
        q.n_epochs += 1
        _matvec(q, r, S, s, p, hp)
        q.n_multiplied += 2.0 * nnz
        php = q.ops.dot(s, p, hp)
        if php <= 0.0:
            break
        alpha = rho / php
        q.ops.axpy(s, alpha, p, d)
        q.ops.axpy(s, -alpha, hp, g)
        rho_new = 0.0
        for i in range(s):
            rho_new += g[i] * g[i] / (q.diag[S[i]] + q.lam2[S[i]])
        for i in range(s):
            p[i] = g[i] / (q.diag[S[i]] + q.lam2[S[i]]) + rho_new / rho * p[i]
        rho = rho_new
    q.n_newton += 1
    return _search(q, r, S, s, d)


cdef bint _search(
    quad_t* q, residual_t* r, const ptrdiff_t* S, ptrdiff_t s, double* d
) noexcept nogil:
    """Exact search along the broken line w + t d, stopped at zeros and bounds."""
    cdef ptrdiff_t i, k, hit
    cdef double slope, curve, t, room, next_break, y_sum, shift = 0.0, end = 0.0
    cdef double* y = r.scratch             # A d
    cdef bint moved = False
    for i in range(r.A.n):
        y[i] = 0.0
    for i in range(s):
        col_axpy(r.A, S[i], d[i], y, &shift)
    while True:
        y_sum = -shift * r.h_sum
        slope = -q.ops.dot(r.A.n, y, r.u)
        curve = q.ops.dot(r.A.n, y, y)
        if r.h_sum > 0.0:
            slope += y_sum * r.u_sum / r.h_sum
            curve -= y_sum * y_sum / r.h_sum
        next_break = INFINITY
        hit = -1
        for i in range(s):
            if d[i] == 0.0:
                continue
            k = S[i]
            slope += d[i] * l1_slope(q, k)
            curve += q.lam2[k] * d[i] * d[i]
            room = l1_room(q, k, d[i])
            if room < next_break:
                next_break = room
                hit = i
        if not (slope < 0.0 and curve > 0.0):
            return moved
        moved = True
        t = min(-slope / curve, next_break)
        if hit >= 0:
            end = l1_stop(q, S[hit], d[hit])
        for i in range(s):
            q.w[S[i]] += t * d[i]
        q.ops.axpy(r.A.n, -t, y, r.u)
        r.u_sum -= t * y_sum
        if t < next_break:
            return True
        k = S[hit]
        q.w[k] = end
        col_axpy(r.A, k, -d[hit], y, &shift)
        d[hit] = 0.0


cdef int sweep_solve(
    quad_t* q, residual_t* r, int max_rounds
) noexcept nogil:
    """Minimize to q.gap <= q.tol; q.c and q.r2 are right at return.

    Returns 0, or 1 after max_rounds.
    """
    cdef int _, _e
    cdef ptrdiff_t changes, k, support
    cdef double first
    _correlations(q, r)
    q.gap = q.row.gap(q)
    for _ in range(max_rounds):
        if q.gap <= q.tol:
            return 0
        first = _sweep(q, r, False, &changes)
        for _e in range(MAX_SWEEPS):
            if _sweep(q, r, True, &changes) <= SWEEP_STOP * first:
                break
        _correlations(q, r)
        q.gap = q.row.gap(q)
        support = 0
        for k in range(q.m):
            support += q.w[k] != 0.0
        if q.gap > q.tol and STEADY * changes <= support + STEADY:
            if _newton_cg(q, r, q.index):
                _correlations(q, r)
                q.gap = q.row.gap(q)
    return 0 if q.gap <= q.tol else 1
