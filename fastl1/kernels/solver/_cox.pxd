# The Hessian of the Cox loss on some columns.
from fastl1.kernels.solver._state cimport state_t

cdef int cox_gram(
    state_t* S, const ptrdiff_t* cols, ptrdiff_t m0, ptrdiff_t m, double damp,
    double* G, ptrdiff_t ldg
) noexcept nogil
