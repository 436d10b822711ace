from libc.stdint cimport int32_t, int64_t, uint64_t

from fastl1._ops cimport fl1_filter

cdef enum:
    MIN_PARALLEL = 1 << 17  # multiplications below which a second thread does not pay
    NO_ROOM = -2            # no memory

# The coefficients by slot: slot s is the s-th feature that some output uses.
cdef struct map_t:
    ptrdiff_t p, m, n_outputs
    const int64_t* features   # (m,) increasing; then, unless direct, -1: no index is
    const int64_t* start      # (m + 1,) pairs (output, value) of slot s begin here;
    const int32_t* output     # one output: both may be NULL
    const double* value       # one output: of slot s
    const double* by_slot     # (m, n_outputs), or NULL where mostly zeros
    const double* by_output   # (n_outputs, m), or NULL likewise
    const double* intercept   # (n_outputs,)
    # feature -> slot (m: none), one of: an array, or a filter and a hash table
    const int32_t* slot_of    # (p,)
    const void* direct        # (p,) coefficients for one output, of ...
    int direct_type           # ... FL1_F64, or FL1_F32 where that holds all exactly
    fl1_filter filter
    const int32_t* table
    uint64_t table_mask


cdef inline void add_hit(
    const map_t* M, ptrdiff_t slot, double x, double* eta
) noexcept nogil:
    """eta += x times the coefficients of a slot."""
    cdef ptrdiff_t k
    cdef int64_t t
    cdef const double* w
    if M.n_outputs == 1:
        eta[0] += x * M.value[slot]
    elif M.by_slot != NULL:
        w = M.by_slot + slot * M.n_outputs
        for k in range(M.n_outputs):
            eta[k] += x * w[k]
    else:
        for t in range(M.start[slot], M.start[slot + 1]):
            eta[M.output[t]] += x * M.value[t]


cdef inline uint64_t hash_of(int64_t j) noexcept nogil:
    return (<uint64_t> j * <uint64_t> 0x9E3779B97F4A7C15) >> 32


cdef bint is_direct(const map_t* M) noexcept nogil

cdef size_t map_bytes(const map_t* M) noexcept nogil

cdef void arrange_map(map_t* M, void* room) noexcept nogil

cdef int value_type(object array) except -1

cdef double* output_data(object out, ptrdiff_t n, ptrdiff_t k) except? NULL
