# Means and centred products of columns and target over a block of rows.

cdef class Moments:
    cdef readonly double weight
    cdef readonly ptrdiff_t size     # columns and the target
    cdef double[::1] mean            # (size,)
    cdef double[::1, :] products     # (size, size)
