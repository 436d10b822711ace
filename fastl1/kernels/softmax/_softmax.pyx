"""Samples of softmax regression: probabilities, intercepts, the dual point.

With p_i = softmax(eta_i), V_ik = s_i (y_ik - p_ik) is minus the gradient, and the
Hessian takes a direction D (n, K) to s_i p_ik (d_ik - m_i), m_i = sum_k p_ik d_ik.  Any
q_i in the simplex gives a dual point V_ik = s_i (y_ik - q_ik); intercepts and
unpenalized columns Z need Z' V_k = 0 for every class k.  A Newton step D in their span
that makes it so moves p_ik to p_ik (1 + d_ik - m_i): rows still sum to 1, and none is
negative while no d_ik is below m_i - 1.
"""
from cython.parallel cimport prange
from libc.math cimport fabs, sqrt
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastl1.kernels.design._cholesky cimport (
    chol_append,
    chol_free,
    chol_reserve,
    chol_solve,
    chol_solve_small,
    chol_t,
)
from fastl1.kernels.design._design cimport design_add_xw, design_means, design_xtv
from fastl1.kernels.design._product cimport design_gram
from fastl1.kernels.solver._samples cimport renew_eta, sync_eta
from fastl1.kernels.solver._state cimport NO_MEMORY, state_t

cdef enum:
    ROWS = 2048          # rows of one unit of work
    MAX_CG = 300

cdef double CG_STOP = 1e-28   # of the squared residual


cdef int multi_reserve(multi_t* M, ptrdiff_t p) noexcept nogil:
    """Arrays for n samples, p columns and K classes; 0 or NO_MEMORY."""
    cdef ptrdiff_t n = M.n, K = M.K, units = (n + ROWS - 1) // ROWS
    cdef double* at
    M.block = <state_t*> malloc(K * sizeof(state_t))
    M.wanted = <bint*> malloc(K * sizeof(bint))
    M.label = <int32_t*> malloc(max(n, 1) * sizeof(int32_t))
    M.numbers = <double*> malloc(
        ((5 * n + p) * K + 3 * n + K * (K + 4) + units) * sizeof(double)
    )
    if M.block != NULL:
        memset(M.block, 0, K * sizeof(state_t))
    if (
        M.block == NULL or M.wanted == NULL or M.label == NULL or M.numbers == NULL
    ):
        return NO_MEMORY
    at = M.numbers
    M.eta, M.P, M.V, M.D = at, at + n * K, at + 2 * n * K, at + 3 * n * K
    M.Y = at + 4 * n * K
    M.products = at + 5 * n * K
    at += (5 * n + p) * K
    M.row, M.mix, M.mix_step = at, at + n, at + 2 * n
    at += 3 * n
    M.db, M.h_sum, M.v_sum, M.t = at, at + K, at + 2 * K, at + 3 * K
    M.A = at + 4 * K
    M.part = M.A + K * K
    M.F.ops = M.ops
    return 0


cdef void multi_release(multi_t* M) noexcept nogil:
    chol_free(&M.F)
    free(M.block)
    free(M.wanted)
    free(M.label)
    free(M.numbers)


cdef void softmax_losses(multi_t* M) noexcept nogil:
    """The loss, P and V at eta."""
    cdef ptrdiff_t u, a, units = (M.n + ROWS - 1) // ROWS
    cdef int n_threads = M.n_threads if units > 1 else 1
    for u in prange(
        units, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1
    ):
        a = u * ROWS
        M.part[u] = M.ops.softmax_eval(
            min(<ptrdiff_t> ROWS, M.n - a), M.K, M.n, M.label + a, M.eta + a,
            M.block[0].s + a, M.P + a, M.V + a
        )
    M.loss_value = M.ops.sum(units, M.part)


cdef double softmax_gap(multi_t* M, double kappa) noexcept nogil:
    """Fenchel-Young gap of the loss at the dual point kappa V."""
    cdef ptrdiff_t u, a, units = (M.n + ROWS - 1) // ROWS
    cdef int n_threads = M.n_threads if units > 1 else 1
    for u in prange(
        units, schedule="static", num_threads=n_threads, use_threads_if=n_threads > 1
    ):
        a = u * ROWS
        M.part[u] = M.ops.softmax_young(
            min(<ptrdiff_t> ROWS, M.n - a), M.K, M.n, M.label + a, M.eta + a,
            M.block[0].s + a, M.V + a, kappa
        )
    return M.ops.sum(units, M.part)


cdef void softmax_evaluate(multi_t* M) noexcept nogil:
    """eta, the loss, P and V at the present coefficients."""
    cdef ptrdiff_t k
    for k in range(M.K):
        sync_eta(&M.block[k])
    softmax_losses(M)


cdef void softmax_renew(multi_t* M) noexcept nogil:
    """As softmax_evaluate, with eta summed anew."""
    cdef ptrdiff_t k
    for k in range(M.K):
        renew_eta(&M.block[k])
    softmax_losses(M)


cdef void mix_rows(const multi_t* M, const double* D, double* mix) noexcept nogil:
    """mix_i = sum_k p_ik d_ik."""
    cdef ptrdiff_t i, k
    cdef const double* p
    cdef const double* d
    memset(mix, 0, M.n * sizeof(double))
    for k in range(M.K):
        p, d = M.P + k * M.n, D + k * M.n
        for i in range(M.n):
            mix[i] += p[i] * d[i]


cdef void curve_row(
    const multi_t* M, ptrdiff_t k, const double* D, const double* mix, double* out
) noexcept nogil:
    """out_i = s_i p_ik (d_ik - mix_i): the Hessian times D, for class k."""
    cdef ptrdiff_t i
    cdef const double* p = M.P + k * M.n
    cdef const double* d = D + k * M.n
    cdef const double* s = M.block[0].s
    for i in range(M.n):
        out[i] = s[i] * p[i] * (d[i] - mix[i])


cdef int _newton_intercepts(multi_t* M) noexcept nogil:
    """t <- the Newton step of the intercepts at P and V; -1 without memory."""
    cdef ptrdiff_t i, k, a
    cdef double total
    for k in range(M.K):
        for i in range(M.n):
            M.row[i] = M.block[0].s[i] * M.P[i + k * M.n]
        for a in range(k + 1):
            total = M.ops.dot(M.n, M.row, M.P + a * M.n)
            M.A[a + k * M.K] = M.A[k + a * M.K] = -total
        M.A[k + k * M.K] += M.ops.sum(M.n, M.row)
        M.t[k] = M.ops.sum(M.n, M.V + k * M.n)
    M.F.m = 0
    return chol_solve_small(&M.F, M.K, M.A, M.K, M.t)


cdef void _shift(multi_t* M, double step) noexcept nogil:
    """Intercepts and eta by step * t."""
    cdef ptrdiff_t i, k
    cdef double move
    for k in range(M.K):
        move = step * M.t[k]
        M.block[k].b += move
        for i in range(M.n):
            M.eta[i + k * M.n] += move


cdef int fit_intercepts(multi_t* M) noexcept nogil:
    """Damped Newton on the intercepts alone, from the evaluated state, which is left
    evaluated.  Returns 0 or NO_MEMORY."""
    cdef int _, _half
    cdef ptrdiff_t k
    cdef double largest, step, before
    if not M.block[0].centre:
        return 0
    for _ in range(100):
        largest = 0.0
        for k in range(M.K):
            largest = max(largest, fabs(M.ops.sum(M.n, M.V + k * M.n)))
        if largest <= 1e-15:
            return 0
        if _newton_intercepts(M) < 0:
            return NO_MEMORY
        largest = 0.0
        for k in range(M.K):
            largest = max(largest, fabs(M.t[k]))
        step = min(1.0, 3.0 / largest) if largest > 0.0 else 0.0
        before = M.loss_value
        for _half in range(30):
            _shift(M, step)
            softmax_losses(M)
            # a short step is in the region of quadratic convergence, and its decrease
            # below the rounding of the loss
            if M.loss_value <= before or step * largest < 1e-4:
                break
            _shift(M, -step)
            step *= 0.5
        else:
            softmax_losses(M)
            return 0
        if step * largest <= 1e-8:
            return 0
    return 0


# The unpenalized columns (block.proj[:n_proj]) and the intercepts of all classes, as
# one vector: that of block k begins at off[k], its intercept after its columns.
cdef struct free_t:
    ptrdiff_t N
    ptrdiff_t* off
    double* x
    double* r
    double* z
    double* d
    double* q
    double* mean         # of the columns under the block's h
    double* h_sum        # (K,)
    chol_t* F            # (K,) factors of the blocks' Gram matrices


cdef void _free_columns(multi_t* M, double* c) noexcept nogil:
    """The unpenalized columns of every block that V has to be made orthogonal to.

    As for one block of coefficients, columns at a bound whose correlation points
    outwards are left out; but not of one class alone, for the correlations of all
    classes sum to 0.  c (p,) is scratch.
    """
    cdef ptrdiff_t k, a, j, f, kept
    cdef double bound
    cdef double* absent = M.block[1].p_work  # of how many classes
    memset(absent, 0, M.block[1].p * sizeof(double))
    cdef state_t* B
    for k in range(M.K):
        B = &M.block[k]
        f = 0
        for a in range(B.n_alive):
            j = B.alive[a]
            if B.pf[j] == 0.0:
                B.proj[f] = j
                f += 1
        design_xtv(&B.X, B.proj, f, B.v, c, B.n_threads)
        B.n_proj = 0
        for a in range(f):
            j = B.proj[a]
            bound = B.hi[j] if c[a] > 0.0 else B.lo[j]
            if fabs(bound) < 1e300 and fabs(bound - B.w[j]) <= 1e-6 * fabs(bound):
                absent[j] += 1.0
                continue
            B.proj[B.n_proj] = j
            B.n_proj += 1
    for k in range(M.K):
        B = &M.block[k]
        kept, f = B.n_proj, 0
        for a in range(B.n_alive):
            j = B.alive[a]
            if f < kept and B.proj[f] == j:
                f += 1
            elif B.pf[j] == 0.0 and absent[j] == 1.0:
                B.proj[B.n_proj] = j
                B.n_proj += 1


cdef void _free_residual(
    multi_t* M, free_t* Q, ptrdiff_t k, const double* v, double* out
) noexcept nogil:
    """out <- products of v with the columns of block k and with 1."""
    cdef state_t* B = &M.block[k]
    design_xtv(&B.X, B.proj, B.n_proj, v, out, B.n_threads)
    out[B.n_proj] = M.ops.sum(M.n, v) if B.centre else 0.0


cdef void _free_direction(multi_t* M, free_t* Q, const double* x) noexcept nogil:
    """D <- columns times x; mix."""
    cdef ptrdiff_t i, k
    cdef state_t* B
    cdef double* d
    for k in range(M.K):
        B = &M.block[k]
        d = M.D + k * M.n
        for i in range(M.n):
            d[i] = x[Q.off[k] + B.n_proj] if B.centre else 0.0
        design_add_xw(&B.X, B.proj, x + Q.off[k], B.n_proj, d, B.n_threads)
    mix_rows(M, M.D, M.mix)


cdef void _free_precondition(multi_t* M, free_t* Q) noexcept nogil:
    """z <- r times the inverse of the blocks on the diagonal."""
    cdef ptrdiff_t k, a, m
    cdef double* r
    cdef double* z
    cdef double* mean
    cdef double shift
    for k in range(M.K):
        m = M.block[k].n_proj
        r, z, mean = Q.r + Q.off[k], Q.z + Q.off[k], Q.mean + Q.off[k]
        for a in range(Q.F[k].m):
            Q.F[k].work[a] = r[Q.F[k].slot[a]] - mean[Q.F[k].slot[a]] * r[m]
        chol_solve(&Q.F[k], Q.F[k].work)
        for a in range(m):
            z[a] = 0.0
        shift = r[m] / Q.h_sum[k] if Q.h_sum[k] > 0.0 else 0.0
        for a in range(Q.F[k].m):
            z[Q.F[k].slot[a]] = Q.F[k].work[a]
            shift -= mean[Q.F[k].slot[a]] * Q.F[k].work[a]
        z[m] = shift


cdef int _free_factor(multi_t* M, free_t* Q, ptrdiff_t k) noexcept nogil:
    """The factor of the Gram matrix of block k's columns under its curvatures."""
    cdef state_t* B = &M.block[k]
    cdef ptrdiff_t i, a, m = B.n_proj
    cdef const double* p = M.P + k * M.n
    cdef double* G
    for i in range(M.n):
        B.h[i] = B.s[i] * p[i] * (1.0 - p[i])
        B.h_sqrt[i] = sqrt(B.h[i])
    Q.h_sum[k] = M.ops.sum(M.n, B.h) if B.centre else 0.0
    memset(Q.mean + Q.off[k], 0, m * sizeof(double))
    if B.centre and Q.h_sum[k] > 0.0:
        design_means(
            &B.X, B.proj, m, B.h, Q.h_sum[k], Q.mean + Q.off[k], B.n_threads
        )
    Q.F[k].ops = M.ops
    G = <double*> malloc(max(m * m, 1) * sizeof(double))
    if G == NULL or chol_reserve(&Q.F[k], max(m, 1)) < 0 or design_gram(
        &B.X, NULL, B.proj, 0, m, B.h_sqrt, Q.mean + Q.off[k] if B.centre else NULL,
        Q.h_sum[k], G, m, B.n_threads
    ) < 0:
        free(G)
        return NO_MEMORY
    for a in range(m):
        for i in range(Q.F[k].m):
            Q.F[k].work[i] = G[Q.F[k].slot[i] + a * m]
        chol_append(&Q.F[k], a, Q.F[k].work, G[a + a * m], 0.0)
    free(G)
    return 0


cdef void _free_cg(multi_t* M, free_t* Q) noexcept nogil:
    """x: the Newton step of the free block, by preconditioned conjugate gradients."""
    cdef ptrdiff_t k
    cdef int _
    cdef double rho, first, beta, step, curve
    memset(Q.x, 0, Q.N * sizeof(double))
    for k in range(M.K):
        _free_residual(M, Q, k, M.block[k].v, Q.r + Q.off[k])
    _free_precondition(M, Q)
    memcpy(Q.d, Q.z, Q.N * sizeof(double))
    rho = first = M.ops.dot(Q.N, Q.r, Q.z)
    for _ in range(MAX_CG):
        if not rho > CG_STOP * first:
            return
        _free_direction(M, Q, Q.d)
        for k in range(M.K):
            curve_row(M, k, M.D, M.mix, M.row)
            _free_residual(M, Q, k, M.row, Q.q + Q.off[k])
        curve = M.ops.dot(Q.N, Q.d, Q.q)
        if not curve > 0.0:
            return
        step = rho / curve
        M.ops.axpy(Q.N, step, Q.d, Q.x)
        M.ops.axpy(Q.N, -step, Q.q, Q.r)
        _free_precondition(M, Q)
        curve = M.ops.dot(Q.N, Q.r, Q.z)
        beta = curve / rho
        rho = curve
        for k in range(Q.N):
            Q.d[k] = Q.z[k] + beta * Q.d[k]


cdef int _project_free(multi_t* M) noexcept nogil:
    """dual_point with unpenalized columns."""
    cdef free_t Q
    cdef ptrdiff_t k, i
    cdef double* numbers
    cdef int status = 0
    cdef double* v
    memset(&Q, 0, sizeof(free_t))
    _free_columns(M, M.block[0].p_work)
    Q.off = <ptrdiff_t*> malloc(M.K * sizeof(ptrdiff_t))
    Q.F = <chol_t*> malloc(M.K * sizeof(chol_t))
    if Q.off == NULL or Q.F == NULL:
        free(Q.off)
        free(Q.F)
        return NO_MEMORY
    memset(Q.F, 0, M.K * sizeof(chol_t))
    for k in range(M.K):
        Q.off[k] = Q.N
        Q.N += M.block[k].n_proj + 1
    numbers = <double*> malloc((6 * Q.N + M.K) * sizeof(double))
    if numbers == NULL:
        status = NO_MEMORY
    Q.x, Q.r, Q.z, Q.d = numbers, numbers + Q.N, numbers + 2 * Q.N, numbers + 3 * Q.N
    Q.q, Q.mean, Q.h_sum = numbers + 4 * Q.N, numbers + 5 * Q.N, numbers + 6 * Q.N
    for k in range(M.K):
        if status == 0:
            status = _free_factor(M, &Q, k)
    if status == 0:
        _free_cg(M, &Q)
        _free_direction(M, &Q, Q.x)
        for k in range(M.K):
            curve_row(M, k, M.D, M.mix, M.row)
            v = M.V + k * M.n
            for i in range(M.n):
                v[i] -= M.row[i]
    for k in range(M.K):
        chol_free(&Q.F[k])
    free(Q.off)
    free(Q.F)
    free(numbers)
    return status


cdef int dual_point(multi_t* M) noexcept nogil:
    """V <- V - H (Z delta) with Z' V_k = 0 for every class, from the evaluated state.

    Z are the unpenalized columns, and the constant where intercepts are fitted.
    Returns 0; NO_MEMORY leaves V = 0, a dual point too.
    """
    cdef ptrdiff_t i, k
    cdef double* v
    cdef int status
    for k in range(M.K):
        M.block[k].n_proj = 0
    if M.block[0].n_free:
        status = _project_free(M)
    elif M.block[0].centre:
        status = _newton_intercepts(M)
        if status == 0:
            for k in range(M.K):
                for i in range(M.n):
                    M.D[i + k * M.n] = M.t[k]
            mix_rows(M, M.D, M.mix)
            for k in range(M.K):
                curve_row(M, k, M.D, M.mix, M.row)
                v = M.V + k * M.n
                for i in range(M.n):
                    v[i] -= M.row[i]
    else:
        return 0
    if status < 0:
        memset(M.V, 0, M.n * M.K * sizeof(double))
    return status
