# Eigenvectors of small symmetric matrices.

cdef void symmetric_eigen(
    ptrdiff_t d, double* A, double* Q, double* values
) noexcept nogil
