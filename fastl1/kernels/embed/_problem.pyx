"""Problems for fastl1.h, checked as fastl1.problem.problem does it for Python."""
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int32_t, int64_t

from fastl1.kernels.embed._base cimport (
    IS_DESIGN,
    checked_t,
    fail,
    fail_handle,
    is_kind,
    outside,
    take_struct,
)
from fastl1.kernels.design._design cimport design_t
from fastl1._ops cimport (
    FL1_CLOGLOG,
    FL1_F32,
    FL1_GAMMA,
    FL1_HUBER,
    FL1_LOGISTIC,
    FL1_POISSON,
    FL1_PROBIT,
    FL1_QUANTILE,
    FL1_SQUARED,
    FL1_SQUARED_HINGE,
    FL1_TWEEDIE,
)
from fastl1.capi cimport (
    FL1_E_KIND,
    FL1_E_NULL,
    FL1_E_SIZE,
    FL1_E_VALUE,
    FL1_LOSS_CLOGLOG,
    FL1_LOSS_GAMMA,
    FL1_LOSS_HUBER,
    FL1_LOSS_LOGISTIC,
    FL1_LOSS_POISSON,
    FL1_LOSS_PROBIT,
    FL1_LOSS_QUANTILE,
    FL1_LOSS_SQUARED,
    FL1_LOSS_SQUARED_HINGE,
    FL1_LOSS_TWEEDIE,
    FL1_OK,
    fl1_design,
    fl1_problem,
)


cdef int loss_of(int32_t loss) noexcept nogil:
    """The kernels' number of a loss, or -1."""
    if loss == FL1_LOSS_SQUARED:
        return FL1_SQUARED
    if loss == FL1_LOSS_LOGISTIC:
        return FL1_LOGISTIC
    if loss == FL1_LOSS_POISSON:
        return FL1_POISSON
    if loss == FL1_LOSS_GAMMA:
        return FL1_GAMMA
    if loss == FL1_LOSS_TWEEDIE:
        return FL1_TWEEDIE
    if loss == FL1_LOSS_SQUARED_HINGE:
        return FL1_SQUARED_HINGE
    if loss == FL1_LOSS_HUBER:
        return FL1_HUBER
    if loss == FL1_LOSS_QUANTILE:
        return FL1_QUANTILE
    if loss == FL1_LOSS_PROBIT:
        return FL1_PROBIT
    if loss == FL1_LOSS_CLOGLOG:
        return FL1_CLOGLOG
    return -1


cdef int _check_labels(
    ptrdiff_t n, const double* y, const double* weight
) noexcept nogil:
    """0 and 1, both on a row of positive weight."""
    cdef ptrdiff_t i
    cdef bint zeros = False, ones = False
    for i in range(n):
        if y[i] != 0.0 and y[i] != 1.0:
            return fail(FL1_E_VALUE, "y", "is neither 0 nor 1 at row %lld", i)
        if weight == NULL or weight[i] > 0.0:
            zeros |= y[i] == 0.0
            ones |= y[i] == 1.0
    if not zeros or not ones:
        return fail(
            FL1_E_VALUE, "y", "is never %lld at a row of positive weight", zeros
        )
    return FL1_OK


cdef int _check_target(int loss, ptrdiff_t n, const fl1_problem* q) noexcept nogil:
    """y and the parameter, for what the loss is defined for."""
    cdef ptrdiff_t i = outside(n, q.y, -MAX_ABS(), MAX_ABS())
    cdef double most = 0.0
    if i >= 0:
        return fail(FL1_E_VALUE, "y", "is not finite, or beyond 1e140, at row %lld", i)
    if loss == FL1_TWEEDIE and not 1.0 < q.loss_param < 2.0:
        return fail(FL1_E_VALUE, "loss_param", "(the power) is not in (1, 2)", 0)
    if loss == FL1_HUBER and not 0.0 < q.loss_param < INFINITY:
        return fail(FL1_E_VALUE, "loss_param", "(delta) is not above 0", 0)
    if loss == FL1_QUANTILE and not 0.0 < q.loss_param < 1.0:
        return fail(FL1_E_VALUE, "loss_param", "(the level) is not in (0, 1)", 0)
    if loss in (FL1_LOGISTIC, FL1_SQUARED_HINGE, FL1_PROBIT, FL1_CLOGLOG):
        return _check_labels(n, q.y, q.weight)
    if loss in (FL1_POISSON, FL1_TWEEDIE, FL1_GAMMA):
        for i in range(n):
            if q.y[i] < 0.0 or (loss == FL1_GAMMA and q.y[i] == 0.0):
                return fail(FL1_E_VALUE, "y", "is too small for the loss at %lld", i)
            most = max(most, q.y[i])
        if most == 0.0:
            return fail(FL1_E_VALUE, "y", "is 0 at every row", 0)
    return FL1_OK


cdef int _check_vectors(
    ptrdiff_t n, ptrdiff_t p, const fl1_problem* q
) noexcept nogil:
    """Weights, offset, penalty factors and bounds."""
    cdef ptrdiff_t i
    cdef double most = 0.0
    if q.weight != NULL:
        i = outside(n, q.weight, 0.0, MAX_ABS())
        if i >= 0:
            return fail(FL1_E_VALUE, "weight", "is not in [0, 1e140] at row %lld", i)
        for i in range(n):
            most = max(most, q.weight[i])
        if most == 0.0:
            return fail(FL1_E_VALUE, "weight", "is 0 at every row", 0)
    if q.offset != NULL:
        i = outside(n, q.offset, -MAX_ABS(), MAX_ABS())
        if i >= 0:
            return fail(
                FL1_E_VALUE, "offset", "is not finite, or beyond 1e140, at row %lld", i
            )
    if q.penalty_factor != NULL:
        for i in range(p):
            if not (
                0.0 <= q.penalty_factor[i] <= MAX_ABS()
                or q.penalty_factor[i] == INFINITY
            ):
                return fail(
                    FL1_E_VALUE, "penalty_factor",
                    "is neither in [0, 1e140] nor infinite at column %lld", i
                )
    if q.lower != NULL:
        i = outside(p, q.lower, -INFINITY, 0.0)
        if i >= 0:
            return fail(FL1_E_VALUE, "lower", "is NaN or above 0 at column %lld", i)
    if q.upper != NULL:
        i = outside(p, q.upper, 0.0, INFINITY)
        if i >= 0:
            return fail(FL1_E_VALUE, "upper", "is NaN or below 0 at column %lld", i)
    return FL1_OK


cdef int check_values(const design_t* X) noexcept nogil:
    """Every value of X, once the first pass has found something suspicious."""
    cdef ptrdiff_t j
    cdef int64_t e, end
    cdef double x
    for j in range(X.p):
        e = X.indptr[j] if X.sparse else j * X.n
        end = X.indptr[j + 1] if X.sparse else (j + 1) * X.n
        while e < end:
            if X.vtype == FL1_F32:
                x = (<const float*> X.data)[e]
            else:
                x = (<const double*> X.data)[e]
            if not fabs(x) <= MAX_ABS():
                return fail(
                    FL1_E_VALUE, "X", "is not finite, or beyond 1e140, in column %lld",
                    j
                )
            e += 1
    return FL1_OK


cdef int take_problem(
    fl1_problem* own, const fl1_problem* given, const fl1_design* X
) noexcept nogil:
    """own <- given, checked."""
    cdef const checked_t* D = <const checked_t*> X
    cdef int loss, status = take_struct(
        own, sizeof(fl1_problem), given, sizeof(fl1_problem), "the problem"
    )
    if status < 0:
        return status
    if X == NULL or not is_kind(X, IS_DESIGN):
        return fail_handle(X, "the design")
    if not D.X.sparse and D.stride != D.X.n * D.X.vsize:
        return fail(FL1_E_SIZE, "stride", "of a matrix to solve with is n_rows", 0)
    loss = loss_of(own.loss)
    if loss < 0:
        return fail(FL1_E_KIND, "loss", "%lld does not exist", own.loss)
    if own.n_threads < 0:
        return fail(FL1_E_SIZE, "n_threads", "is %lld", own.n_threads)
    if not 0.0 <= own.l1_ratio <= 1.0:
        return fail(FL1_E_VALUE, "l1_ratio", "is not in [0, 1]", 0)
    if own.y == NULL:
        return fail(FL1_E_NULL, "y", "is NULL", 0)
    status = _check_vectors(D.X.n, D.X.p, own)
    if status < 0:
        return status
    return _check_target(loss, D.X.n, own)
