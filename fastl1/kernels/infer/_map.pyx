"""What the kernels of prediction share: coefficients by slot, and arrays of a call."""
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

cimport numpy as cnp

import numpy as np

from fastl1._ops cimport (
    FL1_F32, FL1_F64, FL1_V_F32, FL1_V_F64, FL1_V_I8, FL1_V_I16, FL1_V_I32, FL1_V_I64,
    FL1_V_U8, FL1_V_U16, FL1_V_U32, FL1_V_U64
)

cnp.import_array()

cdef enum:
    DIRECT = 1 << 15        # features up to which an array of all of them is small
    DENSE_SHARE = 8         # one feature in so many used: also an array of all
    FILTER_BITS = 64        # of the filter, per feature in use (a power of two) ...
    MAX_FILTER = 1 << 22    # ... at most; 512 KiB


cdef bint is_direct(const map_t* M) noexcept nogil:
    """Whether features are looked up in an array of all of them."""
    return M.p <= DIRECT or M.m * DENSE_SHARE >= M.p


cdef bint _is_narrow(const map_t* M) noexcept nogil:
    """Whether floats hold the coefficients exactly: they take half the cache."""
    cdef ptrdiff_t s
    for s in range(M.m):
        if <double> (<float> M.value[s]) != M.value[s]:
            return False
    return True


cdef inline bint _is_full(const map_t* M) noexcept nogil:
    """Whether the coefficients of several outputs are kept with their zeros."""
    return M.n_outputs > 1 and 4 * M.start[M.m] >= M.m * M.n_outputs


cdef uint64_t _power(uint64_t least) noexcept nogil:
    """The least power of two from `least` on."""
    cdef uint64_t power = 1
    while power < least:
        power *= 2
    return power


cdef uint64_t _filter_bits(const map_t* M) noexcept nogil:
    cdef ptrdiff_t bits = min(max(32, FILTER_BITS * M.m), MAX_FILTER)
    return _power(min(bits, max(32, M.p)))


cdef uint64_t _table_size(const map_t* M) noexcept nogil:
    return _power(2 * M.m + 2)


cdef size_t map_bytes(const map_t* M) noexcept nogil:
    """What `arrange_map` fills."""
    cdef size_t size = 0
    if _is_full(M):
        size += 2 * sizeof(double) * M.m * M.n_outputs
    if is_direct(M) and M.n_outputs == 1:
        return size + (sizeof(float) if _is_narrow(M) else sizeof(double)) * M.p
    size += _filter_bits(M) // 8
    return size + sizeof(int32_t) * (M.p if is_direct(M) else _table_size(M))


cdef void arrange_map(map_t* M, void* room) noexcept nogil:
    """Complete a model of which p to value, and intercept, are set: `room`, aligned for
    doubles and of `map_bytes`, holds what is made of them."""
    cdef double* d = <double*> room
    cdef ptrdiff_t s
    cdef int64_t t
    M.by_slot, M.by_output, M.slot_of, M.direct, M.table = NULL, NULL, NULL, NULL, NULL
    if _is_full(M):
        M.by_slot, M.by_output = d, d + M.m * M.n_outputs
        memset(d, 0, 2 * M.m * M.n_outputs * sizeof(double))
        for s in range(M.m):
            for t in range(M.start[s], M.start[s + 1]):
                d[s * M.n_outputs + M.output[t]] = M.value[t]
                d[(M.n_outputs + M.output[t]) * M.m + s] = M.value[t]
        d += 2 * M.m * M.n_outputs
    if not is_direct(M) or M.n_outputs > 1:
        _filter_features(M, d)
        return
    M.direct, M.direct_type = room, FL1_F32 if _is_narrow(M) else FL1_F64
    memset(room, 0, map_bytes(M))
    for s in range(M.m):
        if M.direct_type == FL1_F32:
            (<float*> room)[M.features[s]] = <float> M.value[s]
        else:
            d[M.features[s]] = M.value[s]


cdef void _filter_features(map_t* M, void* room) noexcept nogil:
    """The filter, and after it the array or the table of slots."""
    cdef uint64_t size = _filter_bits(M), h, count
    cdef uint32_t* bits = <uint32_t*> room
    cdef int32_t* slots = <int32_t*> (bits + size // 32)
    cdef ptrdiff_t s
    cdef int64_t j
    M.filter.n_features = M.p
    M.filter.bits, M.filter.mask = bits, <uint32_t> (size - 1)
    memset(bits, 0, size // 8)
    count = M.p if is_direct(M) else _table_size(M)
    for h in range(count):
        slots[h] = <int32_t> M.m
    if is_direct(M):
        M.slot_of = slots
    else:
        M.table, M.table_mask = slots, count - 1
    for s in range(M.m):
        j = M.features[s]
        bits[(j & M.filter.mask) >> 5] |= <uint32_t> 1 << (j & 31)
        h = j
        if M.table != NULL:
            h = hash_of(j) & M.table_mask
            while slots[h] != M.m:
                h = (h + 1) & M.table_mask
        slots[h] = <int32_t> s


# ---- arrays

cdef dict _VALUES = {
    np.dtype(name).num: kind for name, kind in (
        ("f4", FL1_V_F32), ("f8", FL1_V_F64), ("i1", FL1_V_I8), ("u1", FL1_V_U8),
        ("?", FL1_V_U8), ("i2", FL1_V_I16), ("u2", FL1_V_U16), ("i4", FL1_V_I32),
        ("u4", FL1_V_U32), ("i8", FL1_V_I64), ("u8", FL1_V_U64),
        ("longlong", FL1_V_I64), ("ulonglong", FL1_V_U64),
    )
}


cdef int value_type(object array) except -1:
    """Number of the type of an array's values; TypeError for what no kernel reads."""
    kind = _VALUES.get(cnp.PyArray_TYPE(array))
    if kind is None or not array.dtype.isnative:
        raise TypeError(f"no kernel reads dtype {array.dtype}")
    return kind


cdef double* output_data(object out, ptrdiff_t n, ptrdiff_t k) except? NULL:
    """Data of an array that results of shape (n, k) go to."""
    if not cnp.PyArray_Check(out) or cnp.PyArray_TYPE(out) != cnp.NPY_DOUBLE:
        raise TypeError("out must be an ndarray of float64")
    if out.shape != (n, k):
        raise ValueError(f"out has shape {out.shape}, {(n, k)} is expected")
    if not cnp.PyArray_ISCARRAY(out):
        raise ValueError("out must be writeable, aligned and in C order")
    return <double*> cnp.PyArray_DATA(out)
