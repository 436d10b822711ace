from libc.stdint cimport int32_t, int64_t

from fastl1.kernels.infer._map cimport map_t

cdef enum:
    BLOCK = 4096  # entries of CSR rows that are filtered at a time
    SPARE = 16    # what a filter may write past the entries
    SCRATCH = 3 * (BLOCK + SPARE)  # int32 that the hits of a block take

# Rows of any kind of CSR matrix, or columns of a CSC one.
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


cdef ptrdiff_t csr_link(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, hits_t* hits,
    double* out
) noexcept nogil

cdef ptrdiff_t csr_scores(
    const map_t* M, const csr_t* X, double* out, int threads
) noexcept nogil

cdef ptrdiff_t csc_scores(
    const map_t* M, const csr_t* X, ptrdiff_t n, double* out, int threads
) noexcept nogil

cdef int borrow(csr_t* X, indptr, indices, data) except -1

cdef str what_is_wrong(indptr, indices, start, bound, line=*)
