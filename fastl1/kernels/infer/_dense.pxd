from fastl1.kernels.infer._map cimport map_t

cdef enum:
    PACK = 512  # features of one dense row packed at a time

# A dense column: of a table, or of an array in Fortran order.
cdef struct column_t:
    const char* data
    ptrdiff_t stride
    int vtype


cdef class Columns:
    cdef column_t* items

    cdef void set(
        self, ptrdiff_t s, const char* data, ptrdiff_t stride, int vtype
    ) noexcept


cdef void dense_row(
    const map_t* M, const char* x, ptrdiff_t stride, int vtype, double* pack,
    double* eta
) noexcept nogil

cdef int dense_scores(
    const map_t* M, const char* X, ptrdiff_t n, ptrdiff_t row_stride, ptrdiff_t stride,
    int vtype, double* out, int threads
) noexcept nogil

cdef int column_scores(
    const map_t* M, const column_t* columns, ptrdiff_t n, double* out, int threads
) noexcept nogil
