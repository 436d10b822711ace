"""The path solver for fastl1.h; see there for contracts.

A problem is checked by `_problem`, then handed to the same functions that the Solver of
Python calls, in the same order: the results have the same bits.
"""
from libc.math cimport INFINITY, NAN, fabs
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memcpy, memset

from fastl1.kernels.embed._base cimport (
    IS_FREE,
    IS_SOLVER,
    checked_t,
    fail,
    fail_handle,
    is_kind,
    outside,
    take_struct,
)
from fastl1.kernels.embed._problem cimport check_values, take_problem
from fastl1.kernels.solver._certificate cimport pass_begin, pass_end
from fastl1.kernels.solver._driver cimport certify, finish, null_model, resume
from fastl1.kernels.solver._pilot cimport solve_alpha
from fastl1._ops cimport FL1_MAX_ABS, fl1_set_param
from fastl1.kernels.penalty._penalty cimport elastic_net
from fastl1._runtime cimport threads_of
from fastl1.kernels.solver._screen cimport MAX_REFS
from fastl1.kernels.solver._setup cimport (
    answer,
    intercept_of,
    objective as objective_at,
    release,
    reserve,
    set_coef,
    set_columns,
    set_samples,
    within,
)
from fastl1.kernels.solver._state cimport (
    CONVERGED,
    FAILED,
    INTERRUPTED,
    MAX_ITER,
    NO_MEMORY,
    choose_loss,
    state_t,
)
from fastl1.capi cimport (
    FL1_E_MEMORY,
    FL1_E_NULL,
    FL1_E_SIZE,
    FL1_E_STRUCT,
    FL1_E_VALUE,
    FL1_NOT_CONVERGED,
    FL1_NOT_FINITE,
    FL1_OK,
    FL1_STOPPED,
    fl1_design,
    fl1_path,
    fl1_problem,
    fl1_solver,
    fl1_solver_info,
)

# What fl1_solver stands for.
cdef struct solver_t:
    uint32_t kind            # IS_SOLVER
    state_t S
    double* bounds           # (2 p,) lower and upper on the original scale, or NULL
    double* lower            # there, or NULL
    double* upper
    int32_t (*poll)(void*) noexcept nogil
    void* user


# ---- life of a solver

cdef bint _poll(state_t* S) noexcept nogil:
    """What S.poll is where S.owner is a solver."""
    cdef solver_t* h = <solver_t*> S.owner
    if not S.interrupted and h.poll != NULL:
        S.interrupted = h.poll(h.user) != 0
    return S.interrupted


cdef int _keep_bounds(solver_t* h, const fl1_problem* q) noexcept nogil:
    """Copies of the bounds, which coefficients are moved into; 0 or NO_MEMORY."""
    cdef ptrdiff_t p = h.S.X.p
    if q.lower == NULL and q.upper == NULL:
        return 0
    h.bounds = <double*> malloc(2 * p * sizeof(double))
    if h.bounds == NULL:
        return NO_MEMORY
    if q.lower != NULL:
        h.lower = h.bounds
        memcpy(h.lower, q.lower, p * sizeof(double))
    if q.upper != NULL:
        h.upper = h.bounds + p
        memcpy(h.upper, q.upper, p * sizeof(double))
    return 0


cdef int _begin(solver_t* h, const fl1_problem* q) noexcept nogil:
    """The null model; FL1_OK, FL1_STOPPED or an error."""
    cdef state_t* S = &h.S
    cdef double* c
    cdef int status
    if _keep_bounds(h, q) < 0 or reserve(S, S.X.n, S.X.p, MAX_REFS, NULL) < 0:
        return fail(FL1_E_MEMORY, "the problem", "does not fit into memory", 0)
    set_samples(S, q.y, q.weight, q.offset)
    null_model(&S.run)
    c = pass_begin(S)
    if set_columns(
        S, q.penalty_factor, q.lower, q.upper, q.standardize != 0, c, True
    ) >= 0:
        status = check_values(&S.X)
        if status < 0:
            return status
        set_columns(
            S, q.penalty_factor, q.lower, q.upper, q.standardize != 0, c, False
        )
    pass_end(S)
    if finish(&S.run, resume(&S.run)) == NO_MEMORY:
        return fail(FL1_E_MEMORY, "the problem", "does not fit into memory", 0)
    return FL1_STOPPED if S.interrupted else FL1_OK


cdef int solver_create(
    const fl1_design* X, const fl1_problem* problem, fl1_solver** solver
) noexcept nogil:
    cdef fl1_problem own
    cdef solver_t* h
    cdef state_t* S
    cdef int status
    if solver == NULL:
        return fail(FL1_E_NULL, "solver", "is NULL", 0)
    solver[0] = NULL
    status = take_problem(&own, problem, X)
    if status < 0:
        return status
    h = <solver_t*> calloc(1, sizeof(solver_t))
    if h == NULL:
        return fail(FL1_E_MEMORY, "the problem", "does not fit into memory", 0)
    h.kind, h.poll, h.user = IS_SOLVER, own.poll, own.user
    S = &h.S
    S.X = (<const checked_t*> X).X
    S.n_threads = threads_of(own.n_threads)
    choose_loss(S, own.loss)
    fl1_set_param(&S.loss_param, &S.traits, own.loss_param)
    S.pen, S.centre = elastic_net(own.l1_ratio), own.fit_intercept != 0
    S.poll, S.owner = _poll, <void*> h
    status = _begin(h, &own)
    if status == FL1_OK:
        solver[0] = <fl1_solver*> h
    else:
        solver_free(<fl1_solver*> h)
    return status


cdef void solver_free(fl1_solver* solver) noexcept nogil:
    cdef solver_t* h = <solver_t*> solver
    if solver == NULL or not is_kind(solver, IS_SOLVER):
        return
    h.kind = IS_FREE
    release(&h.S)
    free(h.bounds)
    free(h)


cdef inline int _check_handle(const fl1_solver* solver) noexcept nogil:
    if solver == NULL or not is_kind(solver, IS_SOLVER):
        return fail_handle(solver, "the solver")
    return FL1_OK


cdef int solver_info(const fl1_solver* solver, fl1_solver_info* info) noexcept nogil:
    cdef fl1_solver_info own
    cdef const state_t* S
    cdef ptrdiff_t k
    cdef size_t theirs
    cdef int status = _check_handle(solver)
    if status < 0:
        return status
    if info == NULL:
        return fail(FL1_E_NULL, "info", "is NULL", 0)
    theirs = info.struct_size
    if theirs < sizeof(fl1_solver_info) or theirs > 1 << 16:
        return fail(FL1_E_STRUCT, "info", "has struct_size %lld; use FL1_INIT", theirs)
    S = &(<const solver_t*> solver).S
    own.struct_size = theirs
    own.alpha_max = NAN if S.run.separated else S.run.alpha_max
    own.null_objective = S.run.null_objective
    own.gap, own.n_iter = S.run.gap, S.run.n_iter
    own.intercept = intercept_of(S)
    own.n_nonzero = 0
    for k in range(S.m):
        own.n_nonzero += S.w[S.ws[k]] != 0.0
    memset(info, 0, theirs)
    memcpy(info, &own, sizeof(fl1_solver_info))
    return FL1_OK


cdef int solver_start(
    fl1_solver* solver, const double* coef, double intercept
) noexcept nogil:
    cdef solver_t* h = <solver_t*> solver
    cdef ptrdiff_t j, p
    cdef int32_t* columns
    cdef double* values
    cdef int status = _check_handle(solver)
    if status < 0:
        return status
    if coef == NULL:
        return fail(FL1_E_NULL, "coef", "is NULL", 0)
    p = h.S.p
    j = outside(p, coef, -FL1_MAX_ABS, FL1_MAX_ABS)
    if j >= 0:
        return fail(FL1_E_VALUE, "coef", "is not finite, or beyond MAX_ABS, at %lld", j)
    if intercept != intercept:
        intercept = intercept_of(&h.S)
    elif not fabs(intercept) <= FL1_MAX_ABS:
        return fail(FL1_E_VALUE, "intercept", "is infinite, or beyond MAX_ABS", 0)
    values = <double*> malloc(p * (sizeof(double) + sizeof(int32_t)))
    if values == NULL:
        return fail(FL1_E_MEMORY, "coef", "cannot be copied", 0)
    columns = <int32_t*> (values + p)
    for j in range(p):
        columns[j] = <int32_t> j
        values[j] = within(coef[j], j, h.lower, h.upper)
    if set_coef(&h.S, p, columns, values, intercept) == NO_MEMORY:
        status = fail(FL1_E_MEMORY, "the working set", "does not fit into memory", 0)
    free(values)
    return status


# ---- solutions

cdef int _outcome(int status) noexcept nogil:
    """The status of a solve as fastl1.h has it."""
    if status == CONVERGED:
        return FL1_OK
    if status == MAX_ITER:
        return FL1_NOT_CONVERGED
    if status == INTERRUPTED:
        return FL1_STOPPED
    if status == FAILED:
        return FL1_NOT_FINITE
    return fail(FL1_E_MEMORY, "the working set", "does not fit into memory", 0)


cdef int _check_request(double tol, int32_t max_iter) noexcept nogil:
    if not 0.0 <= tol < INFINITY:
        return fail(FL1_E_VALUE, "tol", "is negative, infinite or NaN", 0)
    if max_iter < 1:
        return fail(FL1_E_VALUE, "max_iter", "is %lld", max_iter)
    return FL1_OK


cdef int _solve(
    solver_t* h, double alpha, double expected, double tol, int max_iter
) noexcept nogil:
    h.S.interrupted = False
    return _outcome(solve_alpha(&h.S, alpha, expected, tol, max_iter))


cdef int solver_solve(
    fl1_solver* solver, double alpha, double tol, int32_t max_iter
) noexcept nogil:
    cdef int status = _check_handle(solver)
    if status == FL1_OK:
        status = _check_request(tol, max_iter)
    if status < 0:
        return status
    if not 0.0 <= alpha <= FL1_MAX_ABS:
        return fail(FL1_E_VALUE, "alpha", "is not in [0, MAX_ABS]", 0)
    return _solve(<solver_t*> solver, alpha, INFINITY, tol, max_iter)


cdef double* _values(solver_t* h) noexcept nogil:
    """The coefficients of the slots of the working set; scratch of the solver."""
    answer(&h.S, h.lower, h.upper, False, h.S.q.work)
    return h.S.q.work


cdef void _write_coef(solver_t* h, double* coef) noexcept nogil:
    cdef const double* values = _values(h)
    cdef ptrdiff_t k
    memset(coef, 0, h.S.p * sizeof(double))
    for k in range(h.S.m):
        coef[h.S.ws[k]] = values[k]


cdef int solver_coef(fl1_solver* solver, double* coef) noexcept nogil:
    cdef int status = _check_handle(solver)
    if status < 0:
        return status
    if coef == NULL:
        return fail(FL1_E_NULL, "coef", "is NULL", 0)
    _write_coef(<solver_t*> solver, coef)
    return FL1_OK


cdef int _by_number(const void* a, const void* b) noexcept nogil:
    cdef int64_t x = (<const int64_t*> a)[0], y = (<const int64_t*> b)[0]
    return (x > y) - (x < y)


cdef int solver_coef_sparse(
    fl1_solver* solver, int64_t room, int64_t* features, double* values, int64_t* count
) noexcept nogil:
    cdef solver_t* h = <solver_t*> solver
    cdef const double* found
    cdef ptrdiff_t k, nonzero = 0
    cdef int status = _check_handle(solver)
    if status < 0:
        return status
    if count == NULL:
        return fail(FL1_E_NULL, "count", "is NULL", 0)
    found = _values(h)
    for k in range(h.S.m):
        nonzero += found[k] != 0.0
    count[0] = nonzero
    if room < nonzero:
        return fail(FL1_E_SIZE, "room", "has to be %lld", nonzero)
    if nonzero > 0 and (features == NULL or values == NULL):
        return fail(
            FL1_E_NULL, "features" if features == NULL else "values", "is NULL", 0
        )
    nonzero = 0
    for k in range(h.S.m):
        if found[k] != 0.0:
            features[nonzero] = h.S.ws[k]
            nonzero += 1
    qsort(features, nonzero, sizeof(int64_t), _by_number)
    for k in range(nonzero):
        values[k] = found[h.S.slot[features[k]]]
    return FL1_OK


cdef int _take_path(fl1_path* own, const fl1_path* given) noexcept nogil:
    """own <- given, checked."""
    cdef ptrdiff_t k
    cdef int status = take_struct(
        own, sizeof(fl1_path), given, sizeof(fl1_path), "the path"
    )
    if status < 0:
        return status
    if own.zero != 0:
        return fail(FL1_E_STRUCT, "zero", "of the path is not 0", 0)
    if not 0 < own.n_alphas <= <int64_t> 1 << 32:
        return fail(FL1_E_SIZE, "n_alphas", "is %lld", own.n_alphas)
    if own.alphas == NULL:
        return fail(FL1_E_NULL, "alphas", "is NULL", 0)
    k = outside(own.n_alphas, own.alphas, 0.0, FL1_MAX_ABS)
    if k >= 0:
        return fail(FL1_E_VALUE, "alphas", "is not in [0, MAX_ABS] at %lld", k)
    for k in range(1, own.n_alphas):
        if own.alphas[k] > own.alphas[k - 1]:
            return fail(FL1_E_VALUE, "alphas", "increases at %lld", k)
    return _check_request(own.tol, own.max_iter)


cdef void _write(
    solver_t* h, const fl1_path* path, ptrdiff_t k, int status
) noexcept nogil:
    """Row k of the answers."""
    if path.coefs != NULL:
        _write_coef(h, path.coefs + k * h.S.p)
    if path.intercepts != NULL:
        path.intercepts[k] = intercept_of(&h.S)
    if path.gaps != NULL:
        path.gaps[k] = h.S.run.gap
    if path.n_iters != NULL:
        path.n_iters[k] = h.S.run.n_iter
    if path.status != NULL:
        path.status[k] = status


cdef int solver_path(
    fl1_solver* solver, const fl1_path* path, int64_t* n_done
) noexcept nogil:
    cdef solver_t* h = <solver_t*> solver
    cdef fl1_path own
    cdef ptrdiff_t k
    cdef double expected = INFINITY
    cdef int status = _check_handle(solver), worst = FL1_OK
    if n_done != NULL:
        n_done[0] = 0
    if status == FL1_OK:
        status = _take_path(&own, path)
    if status < 0:
        return status
    if own.n_alphas > 1:
        expected = own.alphas[own.n_alphas - 1]
    for k in range(own.n_alphas):
        status = _solve(h, own.alphas[k], expected, own.tol, own.max_iter)
        if status < 0 or status == FL1_STOPPED:
            return status
        _write(h, &own, k, status)
        worst = max(worst, status)
        if n_done != NULL:
            n_done[0] = k + 1
    return worst


cdef int solver_certify(
    fl1_solver* solver, double alpha, double* gap, double* objective
) noexcept nogil:
    cdef state_t* S
    cdef double now
    cdef int status = _check_handle(solver)
    if status < 0:
        return status
    if not 0.0 <= alpha <= FL1_MAX_ABS:
        return fail(FL1_E_VALUE, "alpha", "is not in [0, MAX_ABS]", 0)
    S = &(<solver_t*> solver).S
    if objective != NULL:
        objective[0] = objective_at(S, alpha)
    if gap != NULL:
        now = certify(&S.run, alpha)
        if now < 0.0:
            return fail(FL1_E_MEMORY, "the working set", "does not fit into memory", 0)
        gap[0] = now
    return FL1_OK
