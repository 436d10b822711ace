# The penalized quadratic on a working set, that every loss reduces to.
from fastl1.kernels.design._cholesky cimport chol_t
from fastl1.kernels.penalty._penalty cimport quad_t

cdef int gram_solve(
    quad_t* q, const double* G, ptrdiff_t ldg, chol_t* F, int max_rounds
) noexcept nogil
