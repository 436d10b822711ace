from libc.stdint cimport int32_t, int64_t, uint64_t

from fastl1._ops cimport fl1_filter

cdef enum:
    BLOCK = 4096  # entries of CSR rows that are filtered at a time
    SPARE = 16    # what a filter may write past the entries
    SCRATCH = 3 * (BLOCK + SPARE)  # int32 that the hits of a block take
    PACK = 512    # features of one dense row packed at a time
    NO_ROOM = -2  # no memory

# The coefficients by slot: slot s is the s-th feature that some output uses.
cdef struct map_t:
    ptrdiff_t p, m, n_outputs
    const int64_t* features   # (m + 1,) increasing; the last is -1, which no index is
    const int64_t* start      # (m + 1,) pairs (output, value) of slot s begin here
    const int32_t* output
    const double* value       # one output: of slot s
    const double* by_slot     # (m, n_outputs), or NULL where mostly zeros
    const double* by_output   # (n_outputs, m), or NULL likewise
    const double* intercept   # (n_outputs,)
    # feature -> slot (m: none), one of: an array, or a filter and a hash table
    const int32_t* slot_of    # (p,)
    const double* direct      # (p,) coefficients, for one output
    fl1_filter filter
    const int32_t* table
    uint64_t table_mask

# Rows of any kind of CSR matrix.
cdef struct csr_t:
    ptrdiff_t n
    int64_t nnz
    int itype, vtype
    const char* indptr
    const char* indices
    const char* data

# Entries whose feature the model uses: row and position from those of the block.
cdef struct hits_t:
    int32_t* row
    int32_t* pos
    int32_t* slot


cdef inline void make_hits(hits_t* hits, int32_t* room) noexcept nogil:
    hits.row = room
    hits.pos = room + BLOCK + SPARE
    hits.slot = room + 2 * (BLOCK + SPARE)


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


cdef class Scorer:
    cdef map_t map
    cdef tuple owners
    cdef readonly object features, intercept
    cdef readonly Py_ssize_t n_features, n_outputs

    cdef int _add_columns(
        self, Columns columns, ptrdiff_t n, double* eta, int threads
    ) except -1


cdef size_t map_bytes(const map_t* M) noexcept nogil

cdef void arrange_map(map_t* M, void* room) noexcept nogil

cdef ptrdiff_t csr_scores(
    const map_t* M, const csr_t* X, double* out, int threads
) noexcept nogil

cdef int dense_scores(
    const map_t* M, const char* X, ptrdiff_t n, ptrdiff_t row_stride, ptrdiff_t stride,
    int vtype, double* out, int threads
) noexcept nogil

cdef ptrdiff_t csr_link(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, hits_t* hits,
    double* out
) noexcept nogil

cdef void dense_link(
    const map_t* M, const char* X, ptrdiff_t rows, ptrdiff_t row_stride,
    ptrdiff_t stride, int vtype, double* pack, double* out
) noexcept nogil

cdef void add_hit(const map_t* M, ptrdiff_t slot, double x, double* eta) noexcept nogil

cdef int value_type(object array) except -1
