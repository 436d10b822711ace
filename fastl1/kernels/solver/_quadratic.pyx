"""The penalized quadratic in the Gram regime: coordinate descent and Newton steps.

    min_w  1/2 (w - w0)' H (w - w0) - c0' (w - w0) + pen(w),   H a Gram block

Coordinate descent finds the support; on a fixed support and sign pattern the problem is
a linear system, so a Newton step with an updated Cholesky factor finishes it.
Coordinates that would change sign stop at zero on the way.

Certificate.  With c = c0 - H (w - w0) and kappa r a dual point, the duality gap
is a sum of Fenchel-Young terms, none negative:

    gap(kappa) = (1 - kappa)^2 / 2 r'r
                 + sum_k pen_k(w_k) + pen_k*(kappa c_k) - kappa c_k w_k
"""
from libc.math cimport INFINITY, fabs, sqrt

from fastl1.kernels.design._cholesky cimport (
    chol_append,
    chol_backward,
    chol_delete,
    chol_reserve,
    chol_solve,
    chol_t,
)


cdef double pen_young(
    double w, double c, double lam1, double lam2, double lo, double hi
) noexcept nogil:
    """pen(w) + pen*(c) - c w for pen = lam1 |w| + lam2/2 w^2 on [lo, hi]."""
    cdef double z, best
    z = c - lam1 if c > lam1 else (c + lam1 if c < -lam1 else 0.0)
    if z == 0.0:
        best = 0.0
    elif lam2 > 0.0:
        best = min(max(z / lam2, lo), hi)
    else:
        best = hi if z > 0.0 else lo
        if best == INFINITY or best == -INFINITY:
            return INFINITY
    return (
        lam1 * fabs(w) + 0.5 * lam2 * w * w - c * w
        + c * best - lam1 * fabs(best) - 0.5 * lam2 * best * best
    )


cdef double dual_ratio(
    double c, double lam1, double lam2, double lo, double hi
) noexcept nogil:
    """The factor by which c exceeds what pen* allows; 0 where pen* is finite anyway."""
    if lam2 > 0.0 or c == 0.0:
        return 0.0
    if (c > 0.0 and hi < INFINITY) or (c < 0.0 and lo > -INFINITY):
        return 0.0
    return fabs(c) / lam1 if lam1 > 0.0 else 0.0


cdef double quad_gap(const quad_t* q) noexcept nogil:
    """Duality gap of the quadratic at w; unpenalized coordinates count with the
    decrease that their gradient still promises."""
    cdef ptrdiff_t k
    cdef double ratio = 0.0, kappa, gap, c, lam2, l2 = 0.0
    for k in range(q.m):
        c, lam2 = q.c[k], q.lam2[k]
        if q.augmented:
            c -= lam2 * q.w[k]
            l2 += lam2 * q.w[k] * q.w[k]
            lam2 = 0.0
        ratio = max(ratio, dual_ratio(c, q.lam1[k], lam2, q.lo[k], q.hi[k]))
    kappa = 1.0 / ratio if ratio > 1.0 else 1.0
    gap = 0.5 * (1.0 - kappa) * (1.0 - kappa) * (q.r2 + l2)
    gap += (1.0 - kappa) * q.elsewhere
    for k in range(q.m):
        c, lam2 = q.c[k], q.lam2[k]
        if q.lam1[k] == 0.0 and lam2 == 0.0:
            if (c > 0.0 and q.w[k] < q.hi[k]) or (c < 0.0 and q.w[k] > q.lo[k]):
                if q.diag[k] > 0.0:
                    gap += 0.5 * c * c / q.diag[k]
            continue
        if q.augmented:
            c -= lam2 * q.w[k]
            lam2 = 0.0
        # a few ulp: c at the ratio's own coordinate must not round to outside
        gap += pen_young(
            q.w[k], kappa * c, q.lam1[k] * (1.0 + 1e-15), lam2, q.lo[k], q.hi[k]
        )
    return gap


cdef inline double _pen(const quad_t* q, ptrdiff_t k, double w) noexcept nogil:
    return q.lam1[k] * fabs(w) + 0.5 * q.lam2[k] * w * w


cdef ptrdiff_t _epoch(quad_t* q, const double* G, ptrdiff_t ldg) noexcept nogil:
    """One sweep of coordinate descent; returns how often the support changed.

    Moves too small to matter for the gap are left out: after a Newton step the support
    is stationary up to rounding, and only the columns that enter cost anything."""
    cdef ptrdiff_t k, changes = 0, moves = 0
    cdef double new, delta, pen = q.elsewhere, negligible
    # an excess of |c_k| over lam1_k by a share e costs e pen + e^2 r2 / 2 by the
    # scaling of the dual
    for k in range(q.m):
        pen += q.lam1[k] * fabs(q.w[k])
    pen += sqrt(0.01 * q.tol * max(q.r2, 0.0))
    negligible = 0.01 * q.tol / pen if pen > 0.0 else 0.0
    for k in range(q.m):
        if q.diag[k] <= 0.0:
            continue
        if q.w[k] == 0.0 and fabs(q.c[k]) <= q.lam1[k]:
            continue
        new = quad_prox(q, k)
        delta = new - q.w[k]
        if delta == 0.0 or (
            fabs(delta) * q.diag[k] <= negligible * q.lam1[k] and new != 0.0
        ):
            continue
        changes += (new == 0.0) != (q.w[k] == 0.0)
        q.r2 -= delta * (2.0 * q.c[k] - delta * q.diag[k])
        q.w[k] = new
        q.ops.axpy(q.m, -delta, G + k * ldg, q.c)
        moves += 1
    q.n_epochs += 1
    q.n_multiplied += <double> moves * q.m
    return changes


cdef inline bint _is_free(const quad_t* q, ptrdiff_t k) noexcept nogil:
    """Whether the Newton step may move coordinate k."""
    if q.diag[k] <= 0.0 or not q.lo[k] < q.w[k] < q.hi[k]:
        return False
    return q.w[k] != 0.0 or q.lam1[k] == 0.0


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
        slope += d * (q.lam1[j] * sign_of(q.w[j]) + q.lam2[j] * q.w[j])
    sign = -1.0 if slope > 0.0 else 1.0
    for i in range(F.m + 1):
        j = F.slot[i] if i < F.m else k
        d = sign * (-z[i] if i < F.m else 1.0)
        if d == 0.0:
            continue
        room = room_along(q, j, d)
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
        target = stop_along(q, j, d) if i == stop else q.w[j] + t * d
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
        gone += not _is_free(q, F.slot[i])
    if 4 * gone > F.m:
        F.m = 0
    for i in range(F.m - 1, -1, -1):
        if _is_free(q, F.slot[i]):
            in_factor[F.slot[i]] = 1.0
        else:
            chol_delete(F, i)
            q.n_multiplied += 2.0 * (F.m - i) * (F.m - i)
    if chol_reserve(F, q.m) < 0:
        return -1
    for k in range(q.m):
        while in_factor[k] == 0.0 and _is_free(q, k):
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
    costs O(m).  False when there was no way down.
    """
    cdef double* d = q.work                # by row of the factor
    cdef double* hd = q.work + q.m         # H d, by slot
    cdef ptrdiff_t i, k, hit
    cdef double slope, curve, cd, dhd, t, room, next_break, sign, end = 0.0
    cdef bint moved = False
    if _sync_factor(q, G, ldg, F, hd) < 0 or F.m == 0:
        return False
    for i in range(F.m):
        k = F.slot[i]
        d[i] = q.c[k] - q.lam1[k] * sign_of(q.w[k]) - q.lam2[k] * q.w[k]
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
            sign = sign_of(q.w[k])
            cd += d[i] * q.c[k]
            dhd += d[i] * hd[k]
            slope += d[i] * (q.lam1[k] * sign + q.lam2[k] * q.w[k])
            curve += q.lam2[k] * d[i] * d[i]
            room = room_along(q, k, d[i])
            if room < next_break:
                next_break = room
                hit = i
        slope -= cd
        curve += dhd
        if not (slope < 0.0 and curve > 0.0):
            return moved
        moved = True
        t = min(-slope / curve, next_break)
        if hit >= 0:
            end = stop_along(q, F.slot[hit], d[hit])
        for i in range(F.m):
            q.w[F.slot[i]] += t * d[i]
        q.r2 -= t * (2.0 * cd - t * dhd)
        q.ops.axpy(q.m, -t, hd, q.c)
        if t < next_break:
            return True
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
        q.gap = quad_gap(q)
        if q.gap <= q.tol:
            return 0
        for _e in range(10):
            changes = _epoch(q, G, ldg)
            support = 0
            for k in range(q.m):
                support += q.w[k] != 0.0
            if 20 * changes <= support + 20:
                break
        _newton(q, G, ldg, F)
    q.gap = quad_gap(q)
    return 0 if q.gap <= q.tol else 1
