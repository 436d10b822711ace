from fastl1._ops cimport fl1_ops

cdef const fl1_ops* OPS
cpdef int resolve_threads(object n_threads) except -1
cdef int check_signals() except -1
cdef double seconds() noexcept nogil
