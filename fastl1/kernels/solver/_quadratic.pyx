"""The penalized quadratic in the Gram regime: coordinate descent and Newton steps.

    min_w  1/2 (w - w0)' H (w - w0) - c0' (w - w0) + pen(w),   H a Gram block

Coordinate descent finds the support; on a fixed support and sign pattern the problem is
a linear system, so a Newton step with an updated Cholesky factor finishes it.
Coordinates that would change sign stop at zero on the way.
"""
from libc.math cimport INFINITY, fabs

from fastl1.kernels.design._cholesky cimport (
    chol_append,
    chol_backward,
    chol_delete,
    chol_reserve,
    chol_solve,
    chol_t,
)
from fastl1.kernels.penalty._penalty cimport (
    l1_descent,
    l1_is_free,
    l1_room,
    l1_slope,
    l1_stop,
    quad_t,
)


cdef double EARLY = 0.1      # of the whole Newton step
cdef double NO_PART = 1e-7  # of the largest entry: rounding in a null direction


cdef ptrdiff_t _null_step(
    quad_t* q, const double* G, ptrdiff_t ldg, chol_t* F, ptrdiff_t k, double* z
) noexcept nogil:
    """Column k depends on those of F: move along the null direction until one leaves.

    z (F.m) is L^{-1} g_k; with z <- L'^{-1} z, the direction e_k - z leaves the fit as
    it is while the penalty falls (or stays) along it.  Returns the row of F that
    reached zero or a bound, F.m when it was k itself, -1 when nothing stops the move.
    """
    cdef ptrdiff_t i, j, stop = -1
    cdef double slope, t = INFINITY, room, d, target, sign, largest = 1.0
    cdef double* hd = q.work + 2 * q.m
    chol_backward(F, z)
    # a coordinate with no part in the dependence must not set the length of the step
    for i in range(F.m):
        largest = max(largest, fabs(z[i]))
    for i in range(F.m):
        if fabs(z[i]) <= NO_PART * largest:
            z[i] = 0.0
    slope = 0.0
    for i in range(F.m + 1):
        j = F.slot[i] if i < F.m else k
        d = -z[i] if i < F.m else 1.0
        slope += d * l1_slope(q, j)
    sign = -1.0 if slope > 0.0 else 1.0
    for i in range(F.m + 1):
        j = F.slot[i] if i < F.m else k
        d = sign * (-z[i] if i < F.m else 1.0)
        if d == 0.0:
            continue
        room = l1_room(q, j, d)
        if room < t:
            t = room
            stop = i
    if stop < 0:
        return -1
    for i in range(q.m):
        hd[i] = 0.0
    for i in range(F.m + 1):
        j = F.slot[i] if i < F.m else k
        d = sign * (-z[i] if i < F.m else 1.0)
        if d == 0.0:
            continue
        target = l1_stop(q, j, d) if i == stop else q.w[j] + t * d
        d = target - q.w[j]
        if d != 0.0:
            q.ops.axpy(q.m, d, G + j * ldg, hd)
            q.w[j] = target
    # what the dependence leaves of the fit's change is put into the correlations
    q.ops.axpy(q.m, -1.0, hd, q.c)
    return stop


cdef int _sync_factor(
    quad_t* q, const double* G, ptrdiff_t ldg, chol_t* F, double* in_factor
) noexcept nogil:
    """Make F the factor of H on the free coordinates.

    Dependent columns leave the support by null steps, so at the end none is left."""
    cdef ptrdiff_t i, k, stop, gone = 0
    for k in range(q.m):
        in_factor[k] = 0.0
    for i in range(F.m):
        gone += not l1_is_free(q, F.slot[i])
    if 4 * gone > F.m:
        F.m = 0
    for i in range(F.m - 1, -1, -1):
        if l1_is_free(q, F.slot[i]):
            in_factor[F.slot[i]] = 1.0
        else:
            chol_delete(F, i)
            q.n_multiplied += 2.0 * (F.m - i) * (F.m - i)
    if chol_reserve(F, q.m) < 0:
        return -1
    for k in range(q.m):
        while in_factor[k] == 0.0 and l1_is_free(q, k):
            for i in range(F.m):
                F.work[i] = G[F.slot[i] + k * ldg]
            q.n_multiplied += 0.5 * F.m * F.m
            if chol_append(F, k, F.work, q.diag[k] + q.lam2[k], q.lam2[k]):
                break
            stop = _null_step(q, G, ldg, F, k, F.work)
            if stop < 0 or stop == F.m:
                break
            in_factor[F.slot[stop]] = 0.0
            chol_delete(F, stop)
    return 0


cdef bint _newton(
    quad_t* q, const double* G, ptrdiff_t ldg, chol_t* F
) noexcept nogil:
    """Newton step on the free coordinates, with an exact search along its projection.

    A coordinate that reaches zero or a bound stays there while the others go on; the
    objective along that broken line is a quadratic between two breaks, each of which
    costs O(m).  True where it ends early after a break, as among correlated columns,
    whose steps offset each other: then another step is due.
    """
    cdef double* d = q.work                # by row of the factor
    cdef double* hd = q.work + q.m         # H d, by slot
    cdef ptrdiff_t i, k, hit
    cdef double slope, curve, cd, dhd, t, room, next_break, end = 0.0, done = 0.0
    cdef bint broken = False
    if _sync_factor(q, G, ldg, F, hd) < 0 or F.m == 0:
        return False
    for i in range(F.m):
        k = F.slot[i]
        d[i] = l1_descent(q, k)
    chol_solve(F, d)
    q.n_newton += 1
    q.n_multiplied += <double> F.m * (F.m + q.m)
    for k in range(q.m):
        hd[k] = 0.0
    for i in range(F.m):
        q.ops.axpy(q.m, d[i], G + F.slot[i] * ldg, hd)
    while True:
        slope = curve = cd = dhd = 0.0
        next_break = INFINITY
        hit = -1
        for i in range(F.m):
            if d[i] == 0.0:
                continue
            k = F.slot[i]
            cd += d[i] * q.c[k]
            dhd += d[i] * hd[k]
            slope += d[i] * l1_slope(q, k)
            curve += q.lam2[k] * d[i] * d[i]
            room = l1_room(q, k, d[i])
            if room < next_break:
                next_break = room
                hit = i
        slope -= cd
        curve += dhd
        if not (slope < 0.0 and curve > 0.0):
            return broken and done < EARLY
        t = min(-slope / curve, next_break)
        if hit >= 0:
            end = l1_stop(q, F.slot[hit], d[hit])
        for i in range(F.m):
            q.w[F.slot[i]] += t * d[i]
        q.r2 -= t * (2.0 * cd - t * dhd)
        q.ops.axpy(q.m, -t, hd, q.c)
        if t < next_break:
            return broken and done + t < EARLY
        done += t
        broken = True
        k = F.slot[hit]
        q.w[k] = end
        q.ops.axpy(q.m, -d[hit], G + k * ldg, hd)
        d[hit] = 0.0


cdef int gram_solve(
    quad_t* q, const double* G, ptrdiff_t ldg, chol_t* F, int max_rounds
) noexcept nogil:
    """Minimize to q.gap <= q.tol.

    G (m, m) is the Gram block of the working set, F the factor kept from earlier calls
    (of the same G and lam2, or empty).  Returns 0, or 1 after max_rounds.
    """
    cdef int _, _e
    cdef ptrdiff_t changes, support, k
    for _ in range(max_rounds):
        q.gap = q.row.gap(q)
        if q.gap <= q.tol:
            return 0
        for _e in range(10):
            changes = q.row.epoch(q, G, ldg)
            support = 0
            for k in range(q.m):
                support += q.w[k] != 0.0
            if 20 * changes <= support + 20 and q.row.piecewise_quadratic:
                break
        if q.row.piecewise_quadratic:
            for _e in range(<int> q.m + 1):
                if not _newton(q, G, ldg, F):
                    break
    q.gap = q.row.gap(q)
    return 0 if q.gap <= q.tol else 1
