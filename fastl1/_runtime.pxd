from fastl1._ops cimport fl1_ops

cdef const fl1_ops* OPS
cpdef int resolve_threads(object n_threads) except -1
cdef int threads_of(int asked) noexcept nogil
cdef int check_signals() except -1
cdef double seconds() noexcept nogil

cdef class Watch:
    cdef bint interrupted
    cdef double last_look
    cdef readonly object error

    cdef bint look(self) noexcept nogil
    cdef bint look_now(self) noexcept
