# Memory and start of a problem.
from fastl1._state cimport state_t

cdef int reserve(
    state_t* S, ptrdiff_t n, ptrdiff_t p, int refs, const state_t* lender
) noexcept nogil
cdef void release(state_t* S) noexcept nogil
cdef void give_moments(
    state_t* S, const double* products, const double* mean, double weight
) noexcept nogil
cdef void null_correlations(state_t* S) noexcept nogil
cdef void set_columns(
    state_t* S, const double* pf, const double* lo, const double* hi, bint standardize
) noexcept nogil
cdef void set_samples(
    state_t* S, const double* y, const double* weight, const double* offset
) noexcept nogil
cdef size_t state_bytes(
    ptrdiff_t n, ptrdiff_t p, int refs, bint borrows
) noexcept nogil
