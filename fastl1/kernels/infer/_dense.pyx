"""Linear predictors of dense rows, and of dense columns.

Rows (C order and any strides): the features in use are gathered, packed as doubles and
multiplied.  Columns (Fortran order, columns of a table): one after another, over blocks
of rows.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
from libc.stdlib cimport free, llabs, malloc

from fastl1.kernels.infer._map cimport MIN_PARALLEL, NO_ROOM, add_hit, map_t
from fastl1._runtime cimport OPS

cdef enum:
    LINE = 64            # bytes of a cache line
    SIDE = 4             # rows whose features in use are gathered side by side ...
    AHEAD = 8            # ... and how many rows ahead they are fetched
    COLUMN_BLOCK = 2048  # sums of one block of rows, column by column


# ---- rows

cdef void _some_rows(
    const map_t* M, ptrdiff_t rows, const char* x, ptrdiff_t row_stride,
    ptrdiff_t stride, int vtype, ptrdiff_t ahead, double* pack, double* out
) noexcept nogil:
    """Linear predictors of `rows` rows, each of which takes PACK doubles of `pack`."""
    cdef ptrdiff_t i, k, s, lo = 0, m, K = M.n_outputs
    cdef const double* z
    cdef double* eta
    for k in range(rows * K):
        out[k] = 0.0
    while lo < M.m:
        m = min(PACK, M.m - lo)
        OPS.infer.gather[vtype](
            rows, m, x, row_stride, stride, M.features + lo, ahead, pack, PACK
        )
        for i in range(rows):
            z = pack + i * PACK
            eta = out + i * K
            if K == 1:
                eta[0] += OPS.dot(m, z, M.value + lo)
            elif M.by_output != NULL:
                for k in range(K):
                    eta[k] += OPS.dot(m, z, M.by_output + k * M.m + lo)
            else:
                for s in range(m):
                    add_hit(M, lo + s, z[s], eta)
        lo += PACK
    for i in range(rows):
        for k in range(K):
            out[i * K + k] += M.intercept[k]


cdef void dense_row(
    const map_t* M, const char* x, ptrdiff_t stride, int vtype, double* pack,
    double* eta
) noexcept nogil:
    """Linear predictors of one row; `pack` has room for PACK doubles."""
    _some_rows(M, 1, x, 0, stride, vtype, 0, pack, eta)


cdef void _dense_piece(
    const map_t* M, const char* X, ptrdiff_t n, ptrdiff_t row_stride, ptrdiff_t stride,
    int vtype, double* pack, double* out
) noexcept nogil:
    cdef ptrdiff_t i = 0, rows, side = 1, ahead = 0
    # where most lines of a row are left out, the hardware does not see what comes
    if 2 * LINE * M.m <= llabs(row_stride):
        side, ahead = SIDE, AHEAD * row_stride
    while i < n:
        rows = min(side, n - i)
        _some_rows(
            M, rows, X + i * row_stride, row_stride, stride, vtype, ahead, pack,
            out + i * M.n_outputs
        )
        i += rows


cdef int dense_scores(
    const map_t* M, const char* X, ptrdiff_t n, ptrdiff_t row_stride, ptrdiff_t stride,
    int vtype, double* out, int threads
) noexcept nogil:
    """Linear predictors of n rows, with strides in bytes; 0 or NO_ROOM."""
    cdef ptrdiff_t rows = max(1, MIN_PARALLEL // (4 * (M.m + 1)))  # of a piece
    cdef ptrdiff_t pieces = (n + rows - 1) // rows, k
    cdef double* room
    if pieces <= 4:
        threads = 1
    room = <double*> malloc(threads * SIDE * PACK * sizeof(double))
    if room == NULL:
        return NO_ROOM
    if threads == 1:
        _dense_piece(M, X, n, row_stride, stride, vtype, room, out)
    else:
        for k in prange(pieces, schedule="dynamic", num_threads=threads):
            _dense_piece(
                M, X + k * rows * row_stride, min(rows, n - k * rows), row_stride,
                stride, vtype, room + threadid() * SIDE * PACK,
                out + k * rows * M.n_outputs
            )
    free(room)
    return 0


# ---- columns

cdef class Columns:
    """Where the columns of the slots are."""

    def __cinit__(self, Py_ssize_t m):
        self.items = <column_t*> malloc(max(1, m) * sizeof(column_t))
        if self.items == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.items)

    cdef void set(
        self, ptrdiff_t s, const char* data, ptrdiff_t stride, int vtype
    ) noexcept:
        self.items[s].data = data
        self.items[s].stride = stride
        self.items[s].vtype = vtype


cdef void _column_block(
    const map_t* M, const column_t* columns, ptrdiff_t begin, ptrdiff_t rows,
    double* room, double* out
) noexcept nogil:
    """Rows begin .. begin + rows - 1, column by column."""
    cdef ptrdiff_t i, k, s, K = M.n_outputs
    cdef int64_t t
    cdef double* eta
    cdef const column_t* c
    for i in range(rows * K):
        room[i] = 0.0
    for s in range(M.m):
        c = columns + s
        if K == 1:
            OPS.infer.add_column[c.vtype](
                rows, M.value[s], c.data + begin * c.stride, c.stride, room
            )
            continue
        for t in range(M.start[s], M.start[s + 1]):
            OPS.infer.add_column[c.vtype](
                rows, M.value[t], c.data + begin * c.stride, c.stride,
                room + M.output[t] * rows
            )
    for i in range(rows):
        eta = out + (begin + i) * K
        for k in range(K):
            eta[k] = room[k * rows + i] + M.intercept[k]


cdef int column_scores(
    const map_t* M, const column_t* columns, ptrdiff_t n, double* out, int threads
) noexcept nogil:
    """Linear predictors of n rows from the columns of the slots; 0 or NO_ROOM."""
    cdef ptrdiff_t rows = max(64, COLUMN_BLOCK // M.n_outputs), k
    cdef ptrdiff_t blocks = (n + rows - 1) // rows
    cdef double* room
    if <double> n * (M.m + 1) < MIN_PARALLEL:
        threads = 1
    room = <double*> malloc(threads * rows * M.n_outputs * sizeof(double))
    if room == NULL:
        return NO_ROOM
    if threads == 1:
        for k in range(blocks):
            _column_block(M, columns, k * rows, min(rows, n - k * rows), room, out)
    else:
        for k in prange(blocks, schedule="dynamic", num_threads=threads):
            _column_block(
                M, columns, k * rows, min(rows, n - k * rows),
                room + threadid() * rows * M.n_outputs, out
            )
    free(room)
    return 0
