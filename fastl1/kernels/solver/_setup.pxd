# Memory and start of a problem.
from libc.stdint cimport int32_t

from fastl1.kernels.solver._state cimport state_t

# A bound on the scaled column, scaled back, may be off by rounding.
cdef inline double within(
    double value, ptrdiff_t j, const double* lo, const double* hi
) noexcept nogil:
    if lo != NULL:
        value = max(value, lo[j])
    if hi != NULL:
        value = min(value, hi[j])
    return value


cdef bint poll_watch(state_t* S) noexcept nogil
cdef double rounded_within(
    double value, ptrdiff_t j, const double* lo, const double* hi
) noexcept nogil
cdef double objective(state_t* S, double alpha) noexcept nogil
cdef double answer(
    state_t* S, const double* lo, const double* hi, bint float32, double* values
) noexcept nogil
cdef int set_loss(state_t* S, loss, params) except -1
cdef int reserve(
    state_t* S, ptrdiff_t n, ptrdiff_t p, int refs, const state_t* lender
) noexcept nogil
cdef void release(state_t* S) noexcept nogil
cdef void give_moments(
    state_t* S, const double* products, const double* mean, double weight
) noexcept nogil
cdef void null_correlations(state_t* S) noexcept nogil
cdef ptrdiff_t set_columns(
    state_t* S, const double* pf, const double* lo, const double* hi, bint standardize,
    double* c, bint check
) noexcept nogil
cdef void set_samples(
    state_t* S, const double* y, const double* weight, const double* offset
) noexcept nogil
cdef size_t state_bytes(
    ptrdiff_t n, ptrdiff_t p, int refs, bint borrows
) noexcept nogil
cdef int set_coef(
    state_t* S, ptrdiff_t count, const int32_t* columns, const double* values,
    double intercept
) noexcept nogil
cdef double intercept_of(const state_t* S) noexcept nogil
cdef size_t working_bytes(const state_t* S) noexcept nogil
cdef void clear_memory(state_t* S) noexcept nogil
