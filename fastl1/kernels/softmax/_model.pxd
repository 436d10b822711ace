# The quadratic model of a step, minimized for all classes.
from fastl1.kernels.softmax._softmax cimport multi_t

cdef int solve_model(multi_t* M, double tol, double share) noexcept nogil
