"""The working set and its penalized quadratic, in the regime that costs least.

The Gram regime keeps the Gram block of the columns that ever entered (squared loss) or
builds it under the present curvatures (other losses); the residual regime sweeps over
packed columns.
"""
from libc.math cimport INFINITY, fabs, isfinite, sqrt
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from fastl1.kernels.design._cholesky cimport chol_delete
from fastl1.kernels.solver._cox cimport cox_gram
from fastl1.kernels.design._design cimport design_xtv
from fastl1.kernels.design._eigen cimport symmetric_eigen
from fastl1.kernels.design._packed cimport packed_build
from fastl1.kernels.design._product cimport (
    cross_work,
    design_cross,
    design_gram,
    entries,
    gram_work,
)
from fastl1.kernels.solver._quadratic cimport gram_solve
from fastl1.kernels.penalty._penalty cimport fl1_augments
from fastl1.kernels.solver._samples cimport evaluate, gram_in_turns, shift_intercept
from fastl1.kernels.solver._state cimport (
    GRAM_COUPLED,
    GRAM_COVARIANCE,
    GRAM_DENSE,
    GRAM_FEW_SWEEPS,
    GRAM_FORCED,
    GRAM_GROUPS,
    GRAM_SWEEPS_SPENT,
    NO_MEMORY,
    RESIDUAL_FORCED,
    RESIDUAL_LARGE,
    RESIDUAL_RANK,
    RESIDUAL_SWEEPS,
    state_t,
    unit_size,
)
from fastl1.kernels.solver._sweeps cimport residual_t, sweep_solve

cdef double SMALL_BLOCK = 1e5    # multiplications that nobody would notice
cdef double FACTOR_REACH = 0.6
cdef double ONWARD = 0.1         # of the quadratic's gap at the start, if it would do
cdef double STEEP = 1e-3         # of the gap: a decrease that is progress
cdef double FARTHEST = 2.0       # of the last step in alpha, to extrapolate
cdef int SMALL_FACTOR = 200
cdef double MOST = 0.4           # of all columns: then their whole Gram matrix
cdef double SWEEP = 1.5          # multiplications at an entry: 1 if w_k = 0, else 2

cdef enum:
    TURN = 5             # rounds between two looks for Ctrl-C
    MAX_COUPLED = 4000   # columns of a Gram block that is needed for convergence alone
    MAX_CG = 100         # conjugate gradient steps where signs may still change


cdef int add_slot(state_t* S, ptrdiff_t j) noexcept nogil:
    """Column j into the working set; 0 or NO_MEMORY."""
    cdef ptrdiff_t cap
    cdef void* p1
    cdef void* p2
    if S.slot[j] >= 0:
        return 0
    if S.m == S.cap:
        cap = max(64, 2 * S.cap)
        p1 = realloc(S.ws, cap * sizeof(ptrdiff_t))
        if p1 != NULL:
            S.ws = <ptrdiff_t*> p1
        p2 = malloc((15 * cap + 1) * sizeof(double))
        if p1 == NULL or p2 == NULL:
            free(p2)
            return NO_MEMORY
        if S.slots != NULL:
            # c is the one slot array that lives from call to call
            memcpy(<double*> p2 + cap, S.q.c, S.m * sizeof(double))
            memcpy(<double*> p2 + 2 * cap, S.q.diag, S.m * sizeof(double))
            free(S.slots)
        S.slots = <double*> p2
        S.q.w = S.slots
        S.q.c = S.slots + cap
        S.q.diag = S.slots + 2 * cap
        S.q.lam1 = S.slots + 3 * cap
        S.q.lam2 = S.slots + 4 * cap
        S.q.lo = S.slots + 5 * cap
        S.q.hi = S.slots + 6 * cap
        S.hmean = S.slots + 7 * cap
        S.q.work = S.slots + 8 * cap
        S.q.index = <ptrdiff_t*> (S.slots + 12 * cap)
        S.q.place = <ptrdiff_t*> (S.slots + 13 * cap)
        S.q.first = <ptrdiff_t*> (S.slots + 14 * cap) if S.unit else NULL
        S.cap = cap
    S.ws[S.m] = j
    S.slot[j] = S.m
    S.m += 1
    return 0


cdef int add_unit(state_t* S, ptrdiff_t j) noexcept nogil:
    """Column j and those that enter with it, into slots next to each other."""
    cdef ptrdiff_t k
    if S.unit == NULL:
        return add_slot(S, j)
    for k in range(S.unit_first[S.unit[j]], S.unit_first[S.unit[j] + 1]):
        if add_slot(S, S.unit_columns[k]) < 0:
            return NO_MEMORY
    return 0


cdef int add_all_columns(state_t* S) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(S.n_alive):
        if add_unit(S, S.alive[k]) < 0:
            return NO_MEMORY
    return 0


cdef bint _is_kept(const state_t* S, ptrdiff_t k, double limit) noexcept nogil:
    """Whether pruning leaves the unit that begins at slot k."""
    cdef ptrdiff_t i, d = unit_size(S, S.ws[k])
    cdef double squares = 0.0
    for i in range(k, k + d):
        if S.w[S.ws[i]] != 0.0 or S.w_eta[S.ws[i]] != 0.0:
            return True
        squares += S.q.c[i] * S.q.c[i]
    limit *= S.pf[S.ws[k]]
    return (fabs(S.q.c[k]) if d == 1 else sqrt(squares)) >= limit


cdef void prune(state_t* S, double limit) noexcept nogil:
    """Drop the units at zero whose correlations are below limit * pf.

    The Gram block and the factor are compacted.
    """
    cdef ptrdiff_t k, a, j, end = 0, new = 0, gram = 0
    cdef ptrdiff_t* to = S.q.index
    cdef bint kept = False
    S.m_basis = 0
    for k in range(S.m):
        j = S.ws[k]
        if k == end:
            end += unit_size(S, j)
            kept = _is_kept(S, k, limit)
        if kept:
            to[k] = new
            S.ws[new] = j
            S.slot[j] = new
            S.q.c[new] = S.q.c[k]
            S.q.diag[new] = S.q.diag[k]
            new += 1
            gram += k < S.m_gram
        else:
            to[k] = -1
            S.slot[j] = -1
            S.w_back[j] = 0.0
    for k in range(S.F.m - 1, -1, -1):
        if to[S.F.slot[k]] < 0:
            chol_delete(&S.F, k)
    for k in range(S.F.m):
        S.F.slot[k] = to[S.F.slot[k]]
    for k in range(S.m_gram):
        if to[k] < 0:
            continue
        for a in range(S.m_gram):
            if to[a] >= 0:
                S.G[to[a] + to[k] * S.ldg] = S.G[a + k * S.ldg]
    S.m = new
    S.m_gram = gram
    S.rows.m = 0


cdef void load_quad(state_t* S, double alpha) noexcept nogil:
    cdef ptrdiff_t k = 0, j
    S.q.m = S.m
    S.q.n_units = 0
    while S.unit != NULL and k < S.m:
        S.q.first[S.q.n_units] = k
        k += unit_size(S, S.ws[k])
        S.q.n_units += 1
        S.q.first[S.q.n_units] = k
    for k in range(S.m):
        j = S.ws[k]
        S.q.w[k] = S.w[j]
        S.q.lam1[k] = alpha * S.pen.l1 * S.pf[j]
        S.q.lam2[k] = alpha * S.pen.l2 * S.ridge[j]
        S.q.lo[k] = S.lo[j]
        S.q.hi[k] = S.hi[j]


cdef void store_quad(state_t* S) noexcept nogil:
    cdef ptrdiff_t k
    for k in range(S.m):
        S.w[S.ws[k]] = S.q.w[k]


cdef double penalty_along(
    const state_t* S, double t, double total
) noexcept nogil:
    """`total` plus the penalty of the working set t of the way from where it is to
    where the quadratic is."""
    cdef ptrdiff_t k
    cdef double w
    cdef double* at = S.q.work
    for k in range(S.m):
        w = S.w[S.ws[k]]
        at[k] = w + t * (S.q.w[k] - w) if t > 0.0 else w
    return S.q.row.value(&S.q, at, total)


cdef void _drop_turned(state_t* S) noexcept nogil:
    """Put the units at 0 that an extrapolation has brought past it."""
    cdef ptrdiff_t u, k, j
    cdef double product
    for u in range(S.q.n_units):
        product = 0.0
        for k in range(S.q.first[u], S.q.first[u + 1]):
            j = S.ws[k]
            product += S.w[j] * S.w_back[j]
        if product <= 0.0:
            for k in range(S.q.first[u], S.q.first[u + 1]):
                S.w[S.ws[k]] = 0.0


cdef bint extrapolate(state_t* S) noexcept nogil:
    """Load the quadratic at alpha_now, and start from the line through the solutions at
    the last two alphas.

    On a constant support the path of the squared loss is linear in alpha, that of the
    others nearly so.  Kept only where it lowers the objective at alpha.
    """
    cdef ptrdiff_t k, j
    cdef double t, w, new, before, b = S.b, alpha = S.run.alpha_now
    cdef double last = S.run.alpha_prev
    cdef bint usable = last < S.alpha_back < INFINITY and not S.run.restarted
    t = (last - alpha) / (S.alpha_back - last) if usable else 0.0
    # lazy: the quadratic is solved at once anyway
    usable = 0.0 < t <= FARTHEST and not S.lazy
    load_quad(S, alpha)
    if usable and S.lazy_ok:  # eta may lag
        evaluate(S)
    before = S.loss_value + penalty_along(S, 0.0, 0.0)
    for k in range(S.m):
        j = S.ws[k]
        w = S.w[j]
        new = w + t * (w - S.w_back[j])
        S.w_back[j] = w
        if usable and w != 0.0:
            S.w[j] = min(max(new, S.lo[j]), S.hi[j])
            if S.unit == NULL and new * w <= 0.0:
                S.w[j] = 0.0
    if usable and S.unit != NULL:
        _drop_turned(S)
    S.alpha_back = INFINITY if S.run.restarted else last
    if usable:
        shift_intercept(S, t * (b - S.b_back))
    S.b_back = b
    if not usable:
        return False
    evaluate(S)
    if S.loss_value + penalty_along(S, 0.0, 0.0) <= before:
        return True
    for k in range(S.m):
        S.w[S.ws[k]] = S.w_back[S.ws[k]]
    shift_intercept(S, b - S.b)
    evaluate(S)
    return False


cdef const double* _centring(const state_t* S) noexcept nogil:
    """Means to subtract on top of the design's own, which suit the squared loss."""
    return S.hmean if not S.traits.quadratic and S.centre else NULL


cdef void _copy_cross(state_t* S) noexcept nogil:
    """cross for the new slots, from the products that were given."""
    cdef ptrdiff_t a, k, j
    cdef double x
    for k in range(S.m_gram, S.m):
        j = S.ws[k]
        for a in range(S.p):
            x = S.given[a + j * (S.p + 1)] / S.given_weight
            if not S.centre:
                x += S.given_mean[a] * S.given_mean[j]
            S.cross[a + k * S.p] = S.scale[a] * S.scale[j] * x


cdef inline const double* _cross_of(const state_t* S, ptrdiff_t k) noexcept nogil:
    """(p,) products of all columns with that of slot k."""
    return S.shared + S.ws[k] * S.p if S.shared else S.cross + k * S.p


cdef int _multiply_all(state_t* S) noexcept nogil:
    """The Gram matrix of all columns, in place of `cross`."""
    cdef ptrdiff_t j
    cdef double* whole = <double*> malloc(S.p * S.p * sizeof(double))
    if whole == NULL:
        return NO_MEMORY
    for j in range(S.p):
        S.cols[j] = j
    if design_gram(
        &S.X, NULL, S.cols, 0, S.p, S.h_sqrt, NULL, 1.0, whole, S.p, S.n_threads
    ) < 0:
        free(whole)
        return NO_MEMORY
    free(S.cross)
    S.cross = whole
    S.shared = whole
    return 0


cdef int _grow_cross(state_t* S) noexcept nogil:
    """cross and G for the new slots.  By symmetry all products cost as much as those of
    half of the columns: where so many work, the others are likely to follow."""
    cdef ptrdiff_t a, k
    cdef const double* of_k
    if S.given == NULL and S.shared == NULL and S.m > MOST * S.p:
        if _multiply_all(S) < 0:
            return NO_MEMORY
    if S.given != NULL:
        _copy_cross(S)
    elif S.shared == NULL and design_cross(
        &S.X, S.ws + S.m_gram, S.m - S.m_gram, S.h_sqrt, S.cross + S.p * S.m_gram,
        S.n_threads
    ) < 0:
        return NO_MEMORY
    for k in range(S.m_gram, S.m):
        of_k = _cross_of(S, k)
        for a in range(S.m):
            S.G[a + k * S.ldg] = of_k[S.ws[a]]
            S.G[k + a * S.ldg] = S.G[a + k * S.ldg]
    return 0


cdef void covariance_correlations(state_t* S, double* c) noexcept nogil:
    """c (p,): correlations of every column at w; sets r2."""
    cdef ptrdiff_t k, j
    memcpy(c, S.c_zero, S.p * sizeof(double))
    S.r2 = S.r2_zero
    for k in range(S.m_gram):
        j = S.ws[k]
        if S.w[j] != 0.0:
            S.q.ops.axpy(S.p, -S.w[j], _cross_of(S, k), c)
    for k in range(S.m_gram):
        j = S.ws[k]
        S.r2 -= (S.c_zero[j] + c[j]) * S.w[j]
    S.r2 = max(S.r2, 0.0)


cdef void start_covariance(state_t* S) noexcept nogil:
    """From now on keep the products of all columns with the working set."""
    S.covariance = True
    S.m_gram = S.F.m = 0
    if S.shared == NULL:  # cross grows with G
        free(S.G)
        S.G, S.ldg = NULL, 0


cdef double _gram_work(const state_t* S) noexcept nogil:
    """Work of the Gram columns that are missing."""
    cdef ptrdiff_t kept = S.m_gram if S.traits.quadratic else 0
    if S.covariance:
        return cross_work(&S.X, S.m - kept)
    return gram_work(&S.X, S.ws, kept, S.m)


cdef int grow_gram(state_t* S) noexcept nogil:
    """Gram block of the working set under the present h; NO_MEMORY also where Ctrl-C
    came first (S.interrupted)."""
    cdef ptrdiff_t cap, k
    cdef double* G
    cdef double* cross
    if S.m > S.ldg:
        cap = max(S.m, min(max(64, S.ldg + S.ldg // 2), S.n_alive))
        G = <double*> malloc(cap * cap * sizeof(double))
        if G == NULL:
            return NO_MEMORY
        for k in range(S.m_gram):
            memcpy(G + k * cap, S.G + k * S.ldg, S.m_gram * sizeof(double))
        free(S.G)
        if S.covariance and S.shared == NULL:
            cross = <double*> realloc(S.cross, S.p * cap * sizeof(double))
            if cross == NULL:
                free(G)
                S.G = NULL
                S.ldg = S.m_gram = 0
                return NO_MEMORY
            S.cross = cross
        S.G, S.ldg = G, cap
    if S.covariance:
        if _grow_cross(S) < 0:
            return NO_MEMORY
    elif S.traits.coupled_rows:
        if cox_gram(S, S.ws, S.m_gram, S.m, S.damp, S.G, S.ldg) < 0:
            return NO_MEMORY
    elif gram_in_turns(
        S, &S.rows, S.ws, S.m_gram, S.m, _centring(S),
        S.q.ops.dot(S.n, S.h_sqrt, S.h_sqrt), S.G, S.ldg
    ) < 0:
        return NO_MEMORY
    S.work += _gram_work(S)
    S.n_gram_columns += S.m - S.m_gram
    for k in range(S.m_gram, S.m):
        S.q.diag[k] = S.G[k + k * S.ldg]
    S.m_gram = S.m
    return 0


cdef double _factor_work(const state_t* S) noexcept nogil:
    """Work on the Cholesky factor for a Newton step and its few solves: new rows where
    it is kept, else all of the support (guessed at half the working set at least)."""
    cdef double m = S.m, support = 0.0
    cdef ptrdiff_t k
    if S.traits.quadratic and S.m_gram > 0:
        return (m - S.m_gram + 4.0) * m * m
    for k in range(S.m):
        support += S.w[S.ws[k]] != 0.0
    support = max(support, 0.5 * m)
    return support * support * support / 3.0


cdef int _regime(const state_t* S) noexcept nogil:
    """Whether a Gram block of the working set costs less than sweeps on it, and why.

    Dense columns: yes, up to a size that fits memory; a Gram column costs as much as a
    few sweeps, and a Newton step then saves hundreds.  Not for ridge with more columns
    than rows, a system of rank n that conjugate gradients solve.  Sparse columns:
    sweeps are cheap, so the block is built when it and its factor cost no more than the
    EASY_SWEEPS of a well-conditioned working set, or than those already spent (at most
    twice the cost of the better choice), or next to nothing.  Only the squared loss
    keeps its block; for others it is good for one Newton step.
    """
    cdef bint kept = S.traits.quadratic
    cdef double cost
    if S.unit != NULL:  # sweeps over a group's block need its eigenvectors
        return GRAM_GROUPS
    if S.force_regime:
        return GRAM_FORCED if S.force_regime == 1 else RESIDUAL_FORCED
    if S.m > (MAX_COUPLED if S.traits.coupled_rows else MAX_GRAM):
        return RESIDUAL_LARGE
    if S.traits.coupled_rows:
        return GRAM_COUPLED
    if S.pen.l1 == 0.0 and S.m > (2 * S.n if kept else S.n):
        return RESIDUAL_RANK
    if S.X.blocks:
        return GRAM_COVARIANCE if S.covariance else GRAM_DENSE
    cost = (_gram_work(S) + _factor_work(S)) / (SWEEP * S.X.entry_cost)
    if kept and cost <= SMALL_BLOCK:
        return GRAM_FEW_SWEEPS
    if cost <= EASY_SWEEPS * entries(&S.X, S.ws, 0, S.m):
        return GRAM_FEW_SWEEPS
    if cost <= S.sweep_work:
        return GRAM_SWEEPS_SPENT
    return RESIDUAL_SWEEPS


cdef void choose_regime(state_t* S) noexcept nogil:
    S.regime = _regime(S)
    S.use_gram = S.regime < RESIDUAL_LARGE


cdef int pack_columns(state_t* S) noexcept nogil:
    """Packed columns of the working set under the present h."""
    if packed_build(
        &S.packed, &S.X, S.ws, S.m, S.h_sqrt, _centring(S), S.q.diag,
        S.q.ops.dot(S.n, S.h_sqrt, S.h_sqrt)
    ) < 0:
        return NO_MEMORY
    return 0


cdef int _find_basis(state_t* S) noexcept nogil:
    """The eigenvectors of each unit's block of G; those that are there are kept."""
    cdef ptrdiff_t u, k, i, d, size = 0, widest = 0
    cdef double* block
    for u in range(S.q.n_units):
        d = S.q.first[u + 1] - S.q.first[u]
        S.q.place[u] = size
        size += d * (d + 1)
        widest = max(widest, d)
    if size + widest * widest > S.basis_room:
        S.basis_room = 2 * size + widest * widest
        block = <double*> realloc(S.basis, S.basis_room * sizeof(double))
        if block == NULL:
            S.basis_room = size = 0
            return NO_MEMORY
        S.basis = block
    S.q.basis = S.basis
    block = S.basis + S.basis_room - widest * widest
    for u in range(S.q.n_units):
        k = S.q.first[u]
        d = S.q.first[u + 1] - k
        if k < S.m_basis:
            continue
        for i in range(d):
            memcpy(block + i * d, S.G + k + (k + i) * S.ldg, d * sizeof(double))
        symmetric_eigen(
            d, block, S.basis + S.q.place[u], S.basis + S.q.place[u] + d * d
        )
    S.m_basis = S.m if S.traits.quadratic else 0
    return 0


cdef int solve_quadratic(state_t* S, double tol, int rounds) noexcept nogil:
    """Minimize the loaded quadratic (S.q, at the curvatures h_sqrt^2 and correlations
    v) in the chosen regime; in short turns, so that Ctrl-C is seen.

    Returns 0, 1 (rounds used up, interrupted, or no progress) or NO_MEMORY.
    """
    cdef int _, status = 1
    cdef double before = INFINITY, value, last = INFINITY
    cdef ptrdiff_t i
    cdef residual_t r
    if S.use_gram:
        if grow_gram(S) < 0 or (S.unit != NULL and _find_basis(S) < 0):
            return NO_MEMORY
    else:
        if pack_columns(S) < 0:
            return NO_MEMORY
        for i in range(S.n):
            S.g[i] = S.v[i] / S.h_sqrt[i] if S.h_sqrt[i] > 0.0 else 0.0
        r.A = &S.packed.A
        r.u = S.g
        r.scratch = S.n_work
        r.u_sum = S.q.ops.sum(S.n, S.v) if S.centre else 0.0
        r.h_sum = S.q.ops.dot(S.n, S.h_sqrt, S.h_sqrt) if S.centre else 0.0
    # at alpha = 0 the tolerance is that of the gradient, and far from the solution the
    # gap may be infinite: then ask for a decisive decrease of the quadratic
    S.q.tol = tol
    if not S.traits.quadratic and (S.run.alpha_now == 0.0 or not isfinite(tol)):
        S.q.tol = 1e-6 * S.q.row.gap(&S.q)
    S.q.max_cg = MAX_CG if S.pen.l1 > 0.0 else S.n + MAX_CG
    S.q.augmented = fl1_augments(&S.pen)
    if not S.traits.quadratic:
        # a gap far from quadratic may ask for no more than what is there already
        value = S.q.row.gap(&S.q)
        if value <= S.q.tol:
            S.q.tol = ONWARD * value
    S.q.n_epochs = S.q.n_newton = 0
    S.q.n_multiplied = 0.0
    for _ in range((rounds + TURN - 1) // TURN):
        if S.use_gram:
            status = gram_solve(&S.q, S.G, S.ldg, &S.F, TURN)
        else:
            status = sweep_solve(&S.q, &r, TURN)
        if status == 0 or S.poll(S):
            break
        # correlated columns raise the gap on the way down
        value = 0.5 * S.q.r2 + S.q.row.value(&S.q, S.q.w, 0.0)
        if S.q.gap > 0.9 * before and not value < last - STEEP * S.q.gap:
            break
        before, last = min(before, S.q.gap), value
    S.n_epochs += S.q.n_epochs
    S.n_newton += S.q.n_newton
    S.work += (1.0 if S.use_gram else S.X.entry_cost) * S.q.n_multiplied
    if not S.use_gram:
        S.sweep_work += <double> S.q.n_epochs * S.packed.indptr[S.m]
    return status


cdef int solve_squared(
    state_t* S, double alpha, double tol, int rounds
) noexcept nogil:
    """The working set of the squared loss: one quadratic, its Gram block kept."""
    cdef ptrdiff_t k, moved, m0 = S.m_gram
    cdef double delta
    cdef int status
    load_quad(S, alpha)
    if not S.use_gram:
        evaluate(S)
        status = solve_quadratic(S, tol, rounds)
        store_quad(S)
        S.m_gram = S.F.m = 0  # the correlations of the slots are no longer kept
        return status
    if m0 == 0:
        S.F.m = 0
    if grow_gram(S) < 0:
        return NO_MEMORY
    if S.covariance:
        m0 = S.m
        covariance_correlations(S, S.p_work)
        for k in range(S.m):
            S.q.c[k] = S.p_work[S.ws[k]]
    elif not S.lazy:  # the slots hold the correlations of the dual point
        m0 = 0
        evaluate(S)
        S.r2 = 2.0 * S.loss_value
    if m0 < S.m:
        design_xtv(&S.X, S.ws + m0, S.m - m0, S.v, S.q.c + m0, S.n_threads)
        S.n_column_products += S.m - m0
        for moved in range(m0):
            delta = S.w[S.ws[moved]] - S.w_eta[S.ws[moved]]
            if delta != 0.0:
                for k in range(m0, S.m):
                    S.q.c[k] -= delta * S.G[k + moved * S.ldg]
    # a factor at another l2 is close enough to the Newton step's for a while: each step
    # shrinks the error by the relative change of l2, at the cost of a solve; a small
    # factor is cheaper to make anew, and exact
    if S.pen.l2 > 0.0 and S.factor_alpha != alpha and (
        S.F.m < SMALL_FACTOR
        or not FACTOR_REACH * S.factor_alpha < alpha < S.factor_alpha / FACTOR_REACH
    ):
        S.F.m = 0
    if S.F.m == 0:
        S.factor_alpha = alpha
    S.q.r2 = S.r2
    status = solve_quadratic(S, tol, rounds)
    S.r2 = max(S.q.r2, 0.0)
    store_quad(S)
    return status
