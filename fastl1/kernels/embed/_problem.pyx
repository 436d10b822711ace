"""Problems for fastl1.h, checked as fastl1.problem.problem does it for Python."""
from libc.math cimport INFINITY
from libc.stdint cimport int32_t

from fastl1.kernels.embed._base cimport (
    IS_DESIGN,
    checked_t,
    fail,
    fail_handle,
    is_kind,
    outside,
    take_struct,
)
from fastl1.kernels.design._design cimport design_t, design_unfit
from fastl1._ops cimport (
    FL1_MAX_ABS,
    FL1_N_LOSSES,
    FL1_Y_ABOVE_0,
    FL1_Y_LABELS,
    FL1_Y_REAL,
    fl1_traits,
)
from fastl1.capi cimport (
    FL1_E_KIND,
    FL1_E_NULL,
    FL1_E_SIZE,
    FL1_E_VALUE,
    FL1_OK,
    fl1_design,
    fl1_problem,
)


cdef const fl1_traits* _traits_of(const design_t* X, int32_t loss) noexcept nogil:
    """What is known of a loss; NULL where this interface has none of that number: a
    loss of coupled rows wants more than y."""
    cdef const fl1_traits* traits
    if not 0 <= loss < FL1_N_LOSSES:
        return NULL
    traits = X.ops.loss_traits[loss]
    return NULL if traits.coupled_rows or traits.own else traits


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


cdef int _check_target(
    const fl1_traits* traits, ptrdiff_t n, const fl1_problem* q
) noexcept nogil:
    """y and the parameter, for what the loss is defined for."""
    cdef ptrdiff_t i = outside(n, q.y, -FL1_MAX_ABS, FL1_MAX_ABS)
    cdef double most = 0.0
    if i >= 0:
        return fail(
            FL1_E_VALUE, "y", "is not finite, or beyond MAX_ABS, at row %lld", i
        )
    if traits.param != NULL and not (
        traits.param_lo < q.loss_param < traits.param_hi
    ):
        return fail(FL1_E_VALUE, "loss_param", traits.param_refused, 0)
    if traits.target == FL1_Y_LABELS:
        return _check_labels(n, q.y, q.weight)
    if traits.target != FL1_Y_REAL:
        for i in range(n):
            if q.y[i] < 0.0 or (traits.target == FL1_Y_ABOVE_0 and q.y[i] == 0.0):
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
        i = outside(n, q.weight, 0.0, FL1_MAX_ABS)
        if i >= 0:
            return fail(FL1_E_VALUE, "weight", "is not in [0, MAX_ABS] at row %lld", i)
        for i in range(n):
            most = max(most, q.weight[i])
        if most == 0.0:
            return fail(FL1_E_VALUE, "weight", "is 0 at every row", 0)
    if q.offset != NULL:
        i = outside(n, q.offset, -FL1_MAX_ABS, FL1_MAX_ABS)
        if i >= 0:
            return fail(
                FL1_E_VALUE, "offset",
                "is not finite, or beyond MAX_ABS, at row %lld", i
            )
    if q.penalty_factor != NULL:
        for i in range(p):
            if not (
                0.0 <= q.penalty_factor[i] <= FL1_MAX_ABS
                or q.penalty_factor[i] == INFINITY
            ):
                return fail(
                    FL1_E_VALUE, "penalty_factor",
                    "is neither in [0, MAX_ABS] nor infinite at column %lld", i
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
    cdef ptrdiff_t j = design_unfit(X, FL1_MAX_ABS)
    if j >= 0:
        return fail(
            FL1_E_VALUE, "X",
            "is not finite, or beyond MAX_ABS, in column %lld", j
        )
    return FL1_OK


cdef int take_problem(
    fl1_problem* own, const fl1_problem* given, const fl1_design* X
) noexcept nogil:
    """own <- given, checked."""
    cdef const checked_t* D = <const checked_t*> X
    cdef const fl1_traits* traits
    cdef int status = take_struct(
        own, sizeof(fl1_problem), given, sizeof(fl1_problem), "the problem"
    )
    if status < 0:
        return status
    if X == NULL or not is_kind(X, IS_DESIGN):
        return fail_handle(X, "the design")
    if not D.contiguous:
        return fail(FL1_E_SIZE, "stride", "of a matrix to solve with is n_rows", 0)
    traits = _traits_of(&D.X, own.loss)
    if traits == NULL:
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
    return _check_target(traits, D.X.n, own)
