# Softmax regression solved at one alpha after another.
from fastl1.kernels.softmax._softmax cimport multi_t

cdef int multi_null_model(multi_t* M) noexcept nogil
cdef int multi_solve(multi_t* M, double alpha, double tol, int max_iter) noexcept nogil
cdef double multi_certify(multi_t* M, double alpha) noexcept nogil
cdef double multi_objective(multi_t* M, double alpha) noexcept nogil
