"""The quadratic model of a prox-Newton step of softmax regression, for all classes.

    min_D  sum_i s_i (1/2 sum_k p_ik d_ik^2 - 1/2 (sum_k p_ik d_ik)^2) - V . D + pen,

D (n, K) the change of eta.  Class after class is minimized by the solver of a weighted
quadratic (_working.solve_quadratic), with curvatures s p_k (1 - p_k) and a residual
that carries what the others have moved.  Where that converges slowly and supports are
steady, a Newton step on all coefficients at once, signs as they are, is found by
conjugate gradients with the blocks of the classes as preconditioner, and searched
exactly along its projection.
"""
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastl1.kernels.solver._certificate cimport penalty_value
from fastl1.kernels.design._cholesky cimport chol_solve
from fastl1.kernels.design._design cimport col_axpy, design_add_xw, design_xtv
from fastl1.kernels.penalty._penalty cimport l1_is_free, l1_room, l1_slope, l1_stop
from fastl1.kernels.softmax._softmax cimport curve_row, mix_rows, multi_t
from fastl1.kernels.solver._state cimport NO_MEMORY, state_t
from fastl1.kernels.solver._working cimport solve_quadratic

cdef double TURN = 0.1           # of the gap that a class has when its turn comes
cdef double ONWARD = 0.1         # of the model's gap at the start, if it would do
cdef double SLOW = 0.25          # convergence of the cycles that asks for a joint step
cdef int STEADY = 20             # supports are steady if less than 1 in 20 changed
cdef double CG_STOP = 1e-8       # of the squared gradient norm, at the least
cdef int MAX_CG = 100
cdef int MAX_BREAKS = 100        # coordinates that stop along one step
cdef int MAX_CYCLES = 50         # over the classes
cdef int MAX_JOINT = 4           # joint steps of one model
cdef int ROUNDS = 10             # of the solver of one class


cdef void _residual_row(multi_t* M, ptrdiff_t k) noexcept nogil:
    """row <- minus the gradient of the model in eta_k."""
    cdef ptrdiff_t i
    cdef const double* v = M.V + k * M.n
    curve_row(M, k, M.D, M.mix, M.row)
    for i in range(M.n):
        M.row[i] = v[i] - M.row[i]


cdef int _turn(multi_t* M, ptrdiff_t k, double tol) noexcept nogil:
    """Minimize the model over class k; M.entry grows by the gap that the class had,
    M.fall by the decrease of the model.  Returns 0 or NO_MEMORY."""
    cdef state_t* B = &M.block[k]
    cdef ptrdiff_t i, a, count = 0
    cdef double v_sum, before, r2 = 0.0, step = 0.0
    cdef const double* p = M.P + k * M.n
    cdef double* d = M.D + k * M.n
    cdef double* v = B.v
    cdef double* move = B.n_work
    cdef int status = 0
    _residual_row(M, k)
    v_sum = M.ops.sum(M.n, M.row)
    if B.m:
        design_xtv(&B.X, B.ws, B.m, M.row, B.q.c, B.n_threads)
        B.n_column_products += B.m
        for i in range(M.n):
            if B.h_sqrt[i] > 0.0:
                r2 += (M.row[i] / B.h_sqrt[i]) ** 2
        if B.centre:
            r2 -= v_sum * v_sum / M.h_sum[k]
            for a in range(B.m):
                B.q.c[a] -= B.hmean[a] * v_sum
        B.q.r2 = r2
        B.q.gap = B.q.row.gap(&B.q)
        M.entry += B.q.gap
        if B.q.gap > tol:
            before = penalty_value(B)
            for a in range(B.m):
                B.p_work[a] = B.q.w[a]
            B.v = M.row
            status = solve_quadratic(B, max(tol, TURN * B.q.gap), ROUNDS)
            B.v = v
            if status < 0:
                return NO_MEMORY
            M.fall += before - penalty_value(B)
            for a in range(B.m):
                if B.q.w[a] != B.p_work[a]:
                    M.changes += (B.q.w[a] == 0.0) != (B.p_work[a] == 0.0)
                    B.cols[count] = B.ws[a]
                    B.p_work[count] = B.q.w[a] - B.p_work[a]
                    count += 1
    memset(move, 0, M.n * sizeof(double))
    design_add_xw(&B.X, B.cols, B.p_work, count, move, B.n_threads)
    B.n_column_products += count
    if B.centre:
        step = (v_sum - M.ops.dot(M.n, B.h, move)) / M.h_sum[k]
        M.db[k] += step
        M.entry += 0.5 * v_sum * v_sum / M.h_sum[k]
    elif count == 0:
        return 0
    for i in range(M.n):
        move[i] += step
        d[i] += move[i]
        M.mix[i] += p[i] * move[i]
        M.fall += move[i] * (M.row[i] - 0.5 * B.h[i] * move[i])
    return 0


# The coefficients of the working sets and the intercepts, as one vector: that of class
# k begins at off[k], its intercept after its slots.
cdef struct joint_t:
    ptrdiff_t N
    ptrdiff_t* off
    double* may_move     # 1 for those that no sign or bound holds, else 0
    double* x            # the step
    double* r            # what is left of the gradient
    double* z
    double* d
    double* q


cdef void _products(
    multi_t* M, const joint_t* Q, ptrdiff_t k, const double* v, double* out
) noexcept nogil:
    """out <- products of v with the columns of class k that may move, and with 1."""
    cdef state_t* B = &M.block[k]
    cdef ptrdiff_t a
    cdef const double* may_move = Q.may_move + Q.off[k]
    design_xtv(&B.X, B.ws, B.m, v, out, B.n_threads)
    B.n_column_products += B.m
    for a in range(B.m):
        out[a] *= may_move[a]
    out[B.m] = M.ops.sum(M.n, v) if B.centre else 0.0


cdef void _gradient(multi_t* M, joint_t* Q) noexcept nogil:
    """Which coordinates may move, and the gradient there."""
    cdef ptrdiff_t k, a
    cdef state_t* B
    cdef double* may_move
    cdef double* r
    for k in range(M.K):
        B = &M.block[k]
        may_move, r = Q.may_move + Q.off[k], Q.r + Q.off[k]
        for a in range(B.m):
            may_move[a] = l1_is_free(&B.q, a)
        may_move[B.m] = B.centre
        _residual_row(M, k)
        _products(M, Q, k, M.row, r)
        for a in range(B.m):
            r[a] -= may_move[a] * l1_slope(&B.q, a)


cdef void _direction(multi_t* M, const joint_t* Q, const double* x) noexcept nogil:
    """Y <- columns times x; mix_step."""
    cdef ptrdiff_t i, k
    cdef state_t* B
    cdef double* y
    for k in range(M.K):
        B = &M.block[k]
        y = M.Y + k * M.n
        for i in range(M.n):
            y[i] = x[Q.off[k] + B.m]
        design_add_xw(&B.X, B.ws, x + Q.off[k], B.m, y, B.n_threads)
        B.n_column_products += B.m
    mix_rows(M, M.Y, M.mix_step)


cdef void _precondition(multi_t* M, joint_t* Q) noexcept nogil:
    """z <- r times the inverse of the blocks on the diagonal, by their factors where
    there are some, else by their diagonals."""
    cdef ptrdiff_t k, a, m
    cdef state_t* B
    cdef double* r
    cdef double* z
    cdef const double* may_move
    cdef double shift
    for k in range(M.K):
        B = &M.block[k]
        m = B.m
        r, z, may_move = Q.r + Q.off[k], Q.z + Q.off[k], Q.may_move + Q.off[k]
        shift = r[m] / M.h_sum[k]
        for a in range(m):
            z[a] = may_move[a] * (r[a] - B.hmean[a] * r[m] if B.centre else r[a])
        if B.F.m:
            for a in range(B.F.m):
                B.F.work[a] = z[B.F.slot[a]]
            chol_solve(&B.F, B.F.work)
        for a in range(m):
            if may_move[a] != 0.0:
                z[a] /= B.q.diag[a] + B.q.lam2[a]
        for a in range(B.F.m):
            z[B.F.slot[a]] = may_move[B.F.slot[a]] * B.F.work[a]
        if B.centre:
            for a in range(m):
                shift -= B.hmean[a] * z[a]
        z[m] = shift if B.centre else 0.0


cdef void _conjugate_gradients(multi_t* M, joint_t* Q, double stop) noexcept nogil:
    """x <- the minimizer of the model over the coordinates that may move, to `stop` of
    the squared gradient norm."""
    cdef ptrdiff_t k, a
    cdef state_t* B
    cdef double* q
    cdef const double* d
    cdef double rho, first, step, curve
    cdef int _
    memset(Q.x, 0, Q.N * sizeof(double))
    _precondition(M, Q)
    memcpy(Q.d, Q.z, Q.N * sizeof(double))
    rho = first = M.ops.dot(Q.N, Q.r, Q.z)
    for _ in range(MAX_CG):
        if not rho > stop * first or M.block[0].poll(&M.block[0]):
            return
        M.n_cg += 1
        _direction(M, Q, Q.d)
        for k in range(M.K):
            B = &M.block[k]
            q, d = Q.q + Q.off[k], Q.d + Q.off[k]
            curve_row(M, k, M.Y, M.mix_step, M.row)
            _products(M, Q, k, M.row, q)
            for a in range(B.m):
                q[a] += B.q.lam2[a] * d[a]
        curve = M.ops.dot(Q.N, Q.d, Q.q)
        if not curve > 0.0:
            return
        step = rho / curve
        M.ops.axpy(Q.N, step, Q.d, Q.x)
        M.ops.axpy(Q.N, -step, Q.q, Q.r)
        _precondition(M, Q)
        curve = M.ops.dot(Q.N, Q.r, Q.z)
        for k in range(Q.N):
            Q.d[k] = Q.z[k] + curve / rho * Q.d[k]
        rho = curve


cdef void _search(multi_t* M, joint_t* Q) noexcept nogil:
    """Exact search of the model along the broken line w + t x, stopped at zeros and
    bounds."""
    cdef ptrdiff_t i, k, a, hit_k, hit
    cdef double slope, curve, t, room, next_break, d, end = 0.0, shift
    cdef state_t* B
    cdef const double* x
    cdef double* y
    cdef int _
    _direction(M, Q, Q.x)
    for _ in range(MAX_BREAKS):
        slope = curve = 0.0
        next_break = INFINITY
        hit = hit_k = -1
        for k in range(M.K):
            B = &M.block[k]
            x = Q.x + Q.off[k]
            y = M.Y + k * M.n
            _residual_row(M, k)
            slope -= M.ops.dot(M.n, M.row, y)
            curve_row(M, k, M.Y, M.mix_step, M.row)
            curve += M.ops.dot(M.n, M.row, y)
            for a in range(B.m):
                d = x[a]
                if d == 0.0:
                    continue
                slope += d * l1_slope(&B.q, a)
                curve += B.q.lam2[a] * d * d
                room = l1_room(&B.q, a, d)
                if room < next_break:
                    next_break = room
                    hit_k, hit = k, a
        if not (slope < 0.0 and curve > 0.0):
            return
        t = min(-slope / curve, next_break)
        for k in range(M.K):
            B = &M.block[k]
            x = Q.x + Q.off[k]
            if hit_k == k:
                end = l1_stop(&B.q, hit, x[hit])
            for a in range(B.m):
                B.q.w[a] += t * x[a]
            M.db[k] += t * x[B.m]
        M.ops.axpy(M.n * M.K, t, M.Y, M.D)
        M.ops.axpy(M.n, t, M.mix_step, M.mix)
        if t < next_break:
            return
        # the coordinate stays where it stopped, the others go on
        B = &M.block[hit_k]
        y = M.Y + hit_k * M.n
        d = Q.x[Q.off[hit_k] + hit]
        Q.x[Q.off[hit_k] + hit] = 0.0
        B.q.w[hit] = end
        memset(M.row, 0, M.n * sizeof(double))
        shift = 0.0
        col_axpy(&B.X, B.ws[hit], -d, M.row, &shift)
        for i in range(M.n):
            M.row[i] += shift
            y[i] += M.row[i]
            M.mix_step[i] += M.P[i + hit_k * M.n] * M.row[i]


cdef int _newton_step(multi_t* M, double stop) noexcept nogil:
    """Newton step on the model for all classes at once, signs as they are."""
    cdef joint_t Q
    cdef ptrdiff_t k
    cdef double* numbers
    Q.N = 0
    Q.off = <ptrdiff_t*> malloc(M.K * sizeof(ptrdiff_t))
    if Q.off == NULL:
        return NO_MEMORY
    for k in range(M.K):
        Q.off[k] = Q.N
        Q.N += M.block[k].m + 1
    numbers = <double*> malloc(6 * Q.N * sizeof(double))
    if numbers == NULL:
        free(Q.off)
        return NO_MEMORY
    Q.may_move, Q.x, Q.r = numbers, numbers + Q.N, numbers + 2 * Q.N
    Q.z, Q.d, Q.q = numbers + 3 * Q.N, numbers + 4 * Q.N, numbers + 5 * Q.N
    _gradient(M, &Q)
    _conjugate_gradients(M, &Q, stop)
    _search(M, &Q)
    free(Q.off)
    free(numbers)
    return 0


cdef ptrdiff_t _nonzero(const multi_t* M) noexcept nogil:
    """Nonzero coefficients of the model's solution."""
    cdef ptrdiff_t k, a, count = 0
    for k in range(M.K):
        for a in range(M.block[k].m):
            count += M.block[k].q.w[a] != 0.0
    return count


cdef int solve_model(multi_t* M, double tol, double share) noexcept nogil:
    """Minimize the quadratic model to a gap of about tol, or until a cycle over the
    classes gains less than a share of what all have; its solution in q.w and db, the
    direction in D.  Returns 0 or NO_MEMORY."""
    cdef ptrdiff_t k
    cdef int _, joint = 0
    cdef double total = 0.0, before = INFINITY
    cdef bint slow
    memset(M.D, 0, M.n * M.K * sizeof(double))
    memset(M.mix, 0, M.n * sizeof(double))
    memset(M.db, 0, M.K * sizeof(double))
    for _ in range(MAX_CYCLES):
        M.entry = M.fall = 0.0
        M.changes = 0
        M.n_cycles += 1
        for k in range(M.K):
            if _turn(M, k, 0.3 * tol / M.K) < 0:
                return NO_MEMORY
            if M.interrupted:
                return 0
        total += M.fall
        if before == INFINITY and M.entry <= tol:
            # a gap far from quadratic may ask for no more than what is there already
            tol = ONWARD * M.entry
        if M.entry <= tol:
            break
        slow = M.entry > SLOW * before
        before = M.entry
        if slow and joint < MAX_JOINT and (
            STEADY * M.changes <= _nonzero(M) + STEADY
        ):
            joint += 1
            if _newton_step(M, max(CG_STOP, 0.01 * share * share)) < 0:
                return NO_MEMORY
        elif M.fall <= share * total and total > 1e-12 * M.run.null_objective:
            break  # (a decrease below rounding would say nothing)
    return 0
