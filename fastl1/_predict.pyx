"""Linear predictors of a sparse model for batches of rows.

    eta_ik = b_k + sum over the features j that the model uses of x_ij w_jk

Nothing else of X is read, so that a NaN in another feature is of no consequence.

- CSR rows: most entries meet a zero coefficient.  A bitmap that stays in cache says so
  for all but a few, with no branch; only what is left meets the hash table (feature ->
  slot) and the values, which are prefetched in between.  A model that is small or uses
  most features is a plain gather instead.
- Dense rows (C order and any strides): the features in use are gathered, packed as
  doubles and multiplied.
- Dense columns (Fortran order, columns of a table) and CSC: column by column, over
  blocks of rows.

The sum of a row runs in an order that depends on the row and the storage alone, so that
neither threads nor the rest of the batch change a bit.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, llabs, malloc
from libc.string cimport memset

cimport numpy as cnp

import numpy as np

from fastl1._ops cimport (
    FL1_F32, FL1_F64, FL1_I32, FL1_I64, FL1_V_F32, FL1_V_F64, FL1_V_I8, FL1_V_I16,
    FL1_V_I32, FL1_V_I64, FL1_V_U8, FL1_V_U16, FL1_V_U32, FL1_V_U64
)
from fastl1._runtime cimport OPS, resolve_threads

cnp.import_array()

cdef extern from *:
    """
    #define fl1_prefetch(p) __builtin_prefetch(p)
    """
    void fl1_prefetch(const void*) noexcept nogil

cdef enum:
    DIRECT = 1 << 15        # features up to which an array of all of them is small
    DENSE_SHARE = 8         # one feature in so many used: also an array of all
    FILTER_BITS = 64        # of the filter, per feature in use (a power of two) ...
    MAX_FILTER = 1 << 22    # ... at most; 512 KiB
    LINE = 64               # bytes of a cache line
    AHEAD = 8               # rows whose features in use are fetched ahead
    COLUMN_BLOCK = 2048     # sums of one block of rows, column by column
    PIECES = 8              # of work per thread
    MIN_PARALLEL = 1 << 17  # multiplications below which a second thread does not pay

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


cdef inline uint64_t _hash(int64_t j) noexcept nogil:
    return (<uint64_t> j * <uint64_t> 0x9E3779B97F4A7C15) >> 32


cdef class Scorer:
    """A sparse model arranged for prediction.

    Parameters
    ----------
    n_features : int
    features : ndarray of int64, shape (n_slots,)
        The features in use, increasing.
    indptr : ndarray of int64, shape (n_slots + 1,)
    outputs : ndarray of int32, shape (nnz,)
    values : ndarray of float64 or float32, shape (nnz,)
        Outputs and coefficients of slot s at ``indptr[s]:indptr[s + 1]``; with one
        output, one of each slot.
    intercept : ndarray of float64, shape (n_outputs,)

    Raises
    ------
    ValueError
        Lengths that differ, features or outputs out of range, features not increasing.
    """

    def __init__(self, n_features, features, indptr, outputs, values, intercept):
        intercept = np.array(intercept, np.float64, ndmin=1)
        features = np.ascontiguousarray(features, np.int64)
        indptr = np.ascontiguousarray(indptr, np.int64)
        outputs = np.ascontiguousarray(outputs, np.int32)
        values = np.ascontiguousarray(values, np.float64)
        _check_coefficients(n_features, features, indptr, outputs, values, intercept)
        self.n_features = n_features
        self.n_outputs = len(intercept)
        self.features = features
        self.intercept = intercept
        cdef map_t* M = &self.map
        ended = np.append(features, -1)
        self.owners = (ended, indptr, outputs, values, intercept)
        M.p, M.m, M.n_outputs = n_features, len(features), self.n_outputs
        M.features = <const int64_t*> cnp.PyArray_DATA(ended)
        M.start = <const int64_t*> cnp.PyArray_DATA(indptr)
        M.output = <const int32_t*> cnp.PyArray_DATA(outputs)
        M.value = <const double*> cnp.PyArray_DATA(values)
        M.intercept = <const double*> cnp.PyArray_DATA(intercept)
        room = np.empty(map_bytes(M), np.uint8)
        self.owners += (room,)
        arrange_map(M, cnp.PyArray_DATA(room))

    @property
    def nbytes(self):
        """Bytes of the arrays that prediction reads."""
        return sum(array.nbytes for array in self.owners)

    def csr(self, indptr, indices, data, out, n_threads=None):
        """Linear predictors of CSR rows.

        Parameters
        ----------
        indptr, indices : ndarray of int32 or int64, both the same, contiguous
            Indices in any order; duplicates count as their sum.
        data : ndarray of float32 or float64, contiguous
        out : ndarray of float64, shape (n, n_outputs), C order
        n_threads : int, optional

        Raises
        ------
        ValueError
            An index outside the features, an indptr that is not one, lengths that
            differ.
        """
        cdef csr_t X
        _borrow(&X, indptr, indices, data)
        cdef double* eta = _output(out, X.n, self.n_outputs)
        cdef int threads = resolve_threads(n_threads)
        cdef ptrdiff_t bad
        with nogil:
            bad = csr_scores(&self.map, &X, eta, threads)
        if bad == NO_ROOM:
            raise MemoryError
        if bad >= 0:
            raise ValueError(_what_is_wrong(indptr, indices, bad, self.n_features))

    def dense(self, X, out, n_threads=None):
        """Linear predictors of dense rows in any order and with any strides.

        Parameters
        ----------
        X : ndarray of shape (n, n_features), any integer, bool, float32 or float64
        out : ndarray of float64, shape (n, n_outputs), C order
        n_threads : int, optional
        """
        cdef int vtype = value_type(X)
        cdef ptrdiff_t n = X.shape[0], row_stride = X.strides[0], stride = X.strides[1]
        cdef double* eta = _output(out, n, self.n_outputs)
        cdef const map_t* M = &self.map
        cdef const char* x = <const char*> cnp.PyArray_DATA(X)
        if n > 1 and row_stride == X.itemsize:
            columns = Columns(M.m)
            for s in range(M.m):
                columns.set(s, x + M.features[s] * stride, row_stride, vtype)
            self._add_columns(columns, n, eta, resolve_threads(n_threads))
            return
        cdef int threads = resolve_threads(n_threads), status
        with nogil:
            status = dense_scores(M, x, n, row_stride, stride, vtype, eta, threads)
        if status < 0:
            raise MemoryError

    def columns(self, arrays, n, out, n_threads=None):
        """Linear predictors from the columns of the features in use.

        Parameters
        ----------
        arrays : list of ndarray of shape (n,), any integer, bool, float32 or float64
            Column of each of `features`, in order.
        n : int
            Number of rows.
        out : ndarray of float64, shape (n, n_outputs), C order
        n_threads : int, optional
        """
        cdef double* eta = _output(out, n, self.n_outputs)
        columns = Columns(self.map.m)
        for s, array in enumerate(arrays):
            if array.shape != (n,):
                raise ValueError(
                    f"column {s} has shape {array.shape}, {(n,)} is expected"
                )
            columns.set(
                s, <const char*> cnp.PyArray_DATA(array), array.strides[0],
                value_type(array)
            )
        self._add_columns(columns, n, eta, resolve_threads(n_threads))

    cdef int _add_columns(
        self, Columns columns, ptrdiff_t n, double* eta, int threads
    ) except -1:
        cdef const map_t* M = &self.map
        cdef ptrdiff_t rows = max(64, COLUMN_BLOCK // M.n_outputs), k
        cdef ptrdiff_t blocks = (n + rows - 1) // rows
        if <double> n * (M.m + 1) < MIN_PARALLEL:
            threads = 1
        scratch = np.empty(threads * rows * M.n_outputs)
        cdef double* room = <double*> cnp.PyArray_DATA(scratch)
        cdef const column_t* column = columns.items
        with nogil:
            if threads == 1:
                for k in range(blocks):
                    _column_block(
                        M, column, k * rows, min(rows, n - k * rows), room, eta
                    )
            else:
                for k in prange(blocks, schedule="dynamic", num_threads=threads):
                    _column_block(
                        M, column, k * rows, min(rows, n - k * rows),
                        room + threadid() * rows * M.n_outputs, eta
                    )
        return 0

    def csc(self, indptr, indices, data, out, n_threads=None):
        """Linear predictors of the rows of a CSC matrix.

        Parameters
        ----------
        indptr, indices : ndarray of int32 or int64, both the same, contiguous
            Rows in any order within a column; duplicates count as their sum.
        data : ndarray of float32 or float64, contiguous
        out : ndarray of float64, shape (n, n_outputs), C order
        n_threads : int, optional

        Raises
        ------
        ValueError
            A row outside the matrix, an indptr that is not one, lengths that differ.
        """
        cdef csr_t X
        _borrow(&X, indptr, indices, data)
        if X.n != self.n_features:
            raise ValueError(f"X has {X.n} columns, the model {self.n_features}")
        cdef ptrdiff_t n = out.shape[0], k, bad = -1, lo, hi
        cdef double* eta = _output(out, n, self.n_outputs)
        cdef const map_t* M = &self.map
        cdef int threads = resolve_threads(n_threads)
        cdef int64_t work = 0
        cdef bint increasing = True
        cdef ptrdiff_t pieces
        with nogil:
            for k in range(M.m):
                if not _check_column(&X, M.features[k], n, &increasing):
                    bad = M.features[k]
                    break
                work += _start(&X, M.features[k] + 1) - _start(&X, M.features[k])
        if bad >= 0:
            raise ValueError(_what_is_wrong(indptr, indices, bad, n, "column"))
        if work < MIN_PARALLEL or not increasing:
            threads = 1
        pieces = threads
        with nogil:
            if threads == 1:
                _csc_rows(M, &X, 0, n, False, eta)
            else:
                for k in prange(pieces, schedule="static", num_threads=threads):
                    lo = n * k // pieces
                    hi = n * (k + 1) // pieces
                    _csc_rows(M, &X, lo, hi, True, eta)


def total(const double[:, ::1] eta):
    """Sum of all elements: NaN or infinite if one of them is."""
    return OPS.sum(eta.shape[0] * eta.shape[1], &eta[0, 0]) if eta.size else 0.0


def link_values(str link, cnp.ndarray eta, cnp.ndarray out, n_threads=None):
    """Apply a link to linear predictors.

    Parameters
    ----------
    link : {"sigmoid", "sigmoid_minus", "log_sigmoid", "log_sigmoid_minus", "softmax",
            "log_softmax"}
        "minus" takes -eta: the probability of the other class.
    eta : ndarray of float64, shape (n, k), C order
    out : like `eta`, or `eta` itself
    n_threads : int, optional
    """
    cdef ptrdiff_t n = eta.shape[0], k = eta.shape[1], b, rows
    cdef double* x = _output(eta, n, k)
    cdef double* p = _output(out, n, k)
    cdef double sign = -1.0 if link.endswith("_minus") else 1.0
    cdef bint log = link.startswith("log_")
    cdef bint rowwise = link.endswith("softmax")
    cdef int threads = resolve_threads(n_threads)
    if n * k < MIN_PARALLEL // 4:
        threads = 1
    if not n * k:
        return
    rows = max(1, 4096 // k)
    cdef ptrdiff_t blocks = (n + rows - 1) // rows
    with nogil:
        if threads == 1:
            _link_block(rowwise, log, sign, n, k, x, p)
        else:
            for b in prange(blocks, schedule="static", num_threads=threads):
                _link_block(
                    rowwise, log, sign, min(rows, n - b * rows), k, x + b * rows * k,
                    p + b * rows * k
                )


cdef void _link_block(
    bint rowwise, bint log, double sign, ptrdiff_t n, ptrdiff_t k, const double* eta,
    double* p
) noexcept nogil:
    if rowwise and log:
        OPS.infer.log_softmax(n, k, eta, p)
    elif rowwise:
        OPS.infer.softmax(n, k, eta, p)
    elif log:
        OPS.infer.log_sigmoid(n * k, sign, eta, p)
    else:
        OPS.infer.sigmoid(n * k, sign, eta, p)


# ---- a model

cdef inline bint _is_direct(const map_t* M) noexcept nogil:
    """Whether features are looked up in an array of all of them."""
    return M.p <= DIRECT or M.m * DENSE_SHARE >= M.p


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
    if _is_direct(M) and M.n_outputs == 1:
        return size + sizeof(double) * M.p
    size += _filter_bits(M) // 8
    return size + sizeof(int32_t) * (M.p if _is_direct(M) else _table_size(M))


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
    if not _is_direct(M) or M.n_outputs > 1:
        _filter_features(M, d)
        return
    M.direct = d
    memset(d, 0, M.p * sizeof(double))
    for s in range(M.m):
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
    count = M.p if _is_direct(M) else _table_size(M)
    for h in range(count):
        slots[h] = <int32_t> M.m
    if _is_direct(M):
        M.slot_of = slots
    else:
        M.table, M.table_mask = slots, count - 1
    for s in range(M.m):
        j = M.features[s]
        bits[(j & M.filter.mask) >> 5] |= <uint32_t> 1 << (j & 31)
        h = j
        if M.table != NULL:
            h = _hash(j) & M.table_mask
            while slots[h] != M.m:
                h = (h + 1) & M.table_mask
        slots[h] = <int32_t> s


# ---- CSR

cdef inline int64_t _start(const csr_t* X, ptrdiff_t i) noexcept nogil:
    if X.itype == FL1_I32:
        return (<const int32_t*> X.indptr)[i]
    return (<const int64_t*> X.indptr)[i]


cdef inline int64_t _index(const csr_t* X, int64_t e) noexcept nogil:
    if X.itype == FL1_I32:
        return (<const int32_t*> X.indices)[e]
    return (<const int64_t*> X.indices)[e]


cdef inline double _value(const csr_t* X, int64_t e) noexcept nogil:
    if X.vtype == FL1_F32:
        return (<const float*> X.data)[e]
    return (<const double*> X.data)[e]


cdef inline int _isize(const csr_t* X) noexcept nogil:
    return 4 if X.itype == FL1_I32 else 8


cdef inline int _vsize(const csr_t* X) noexcept nogil:
    return 4 if X.vtype == FL1_F32 else 8


cdef ptrdiff_t _row_of_work(const csr_t* X, int64_t work) noexcept nogil:
    """First row with indptr[i] + i >= work (of a valid indptr)."""
    cdef ptrdiff_t lo = 0, hi = X.n, mid
    while lo < hi:
        mid = lo + (hi - lo) // 2
        if _start(X, mid) + mid < work:
            lo = mid + 1
        else:
            hi = mid
    return lo


cdef void add_hit(const map_t* M, ptrdiff_t slot, double x, double* eta) noexcept nogil:
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


cdef ptrdiff_t _find_hits(
    const map_t* M, const csr_t* X, ptrdiff_t n, const void* indptr, int64_t first,
    hits_t* hits
) noexcept nogil:
    """Entries of n rows whose feature the model uses; -1: an index out of range.

    `indptr` is that of the rows, `first` their first entry.
    """
    cdef ptrdiff_t c, k = 0
    cdef int64_t j
    cdef uint64_t h
    cdef int32_t slot, none = <int32_t> M.m
    cdef int32_t pos
    cdef ptrdiff_t found = OPS.infer.find[X.itype](
        &M.filter, n, indptr, X.indices + first * _isize(X), hits.row, hits.pos
    )
    for c in range(found):
        pos = hits.pos[c]
        j = _index(X, first + pos)
        if M.slot_of != NULL:
            slot = M.slot_of[j]
        else:
            h = _hash(j) & M.table_mask
            slot = M.table[h]
            # one branch that is almost never taken: features[m] is no index
            while (slot != none) & (M.features[slot] != j):
                h = (h + 1) & M.table_mask
                slot = M.table[h]
        hits.row[k] = hits.row[c]
        hits.pos[k] = pos
        hits.slot[k] = slot
        fl1_prefetch(X.data + (first + pos) * _vsize(X))
        k += slot != none
    return found if found < 0 else k


cdef void _add_hits(
    const map_t* M, const csr_t* X, int64_t first, ptrdiff_t k, const hits_t* hits,
    double* out
) noexcept nogil:
    cdef ptrdiff_t c
    if M.n_outputs == 1:
        for c in range(k):
            out[hits.row[c]] += (
                _value(X, first + hits.pos[c]) * M.value[hits.slot[c]]
            )
        return
    for c in range(k):
        add_hit(
            M, hits.slot[c], _value(X, first + hits.pos[c]),
            out + hits.row[c] * M.n_outputs
        )


cdef bint _direct_rows(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, double* out
) noexcept nogil:
    """Rows against the array of all coefficients; whether their indices are right."""
    cdef int64_t e, first = _start(X, begin)
    cdef ptrdiff_t i
    cdef double s
    if OPS.infer.row_dots[X.vtype][X.itype](
        stop - begin, X.indptr + begin * _isize(X), X.indices + first * _isize(X),
        X.data + first * _vsize(X), M.p, M.direct, out + begin
    ) >= 0:
        return False
    for i in range(begin, stop):
        s = out[i]
        if s - s != 0.0:  # perhaps of 0 * NaN or 0 * inf, which do not count
            s = 0.0
            for e in range(_start(X, i), _start(X, i + 1)):
                if M.direct[_index(X, e)] != 0.0:
                    s += _value(X, e) * M.direct[_index(X, e)]
        out[i] = s + M.intercept[0]
    return True


cdef ptrdiff_t csr_link(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, hits_t* hits,
    double* out
) noexcept nogil:
    """Linear predictors of rows begin .. stop - 1; a row that is not valid, or -1."""
    cdef ptrdiff_t i = begin, j, r, k, K = M.n_outputs
    cdef int64_t first, end, after, e
    cdef int64_t piece64[2]
    cdef int32_t piece32[2]
    while i < stop:
        # rows i .. j - 1 of at most BLOCK entries, or one row of more
        first = _start(X, i)
        if first < 0 or first > X.nnz:
            return i
        end = first
        j = i
        while j < stop and j - i < BLOCK:
            after = _start(X, j + 1)
            if after < end or after > X.nnz:
                return j
            if after - first > BLOCK and j > i:
                break
            end = after
            j += 1
        if M.direct != NULL:
            if not _direct_rows(M, X, i, j, out):
                return i
            i = j
            continue
        for r in range(i * K, j * K):
            out[r] = 0.0
        if end - first <= BLOCK:
            k = _find_hits(M, X, j - i, X.indptr + i * _isize(X), first, hits)
            if k < 0:
                return i
            _add_hits(M, X, first, k, hits, out + i * K)
        else:
            e = first
            while e < end:
                piece64[0] = piece32[0] = 0
                piece64[1] = piece32[1] = <int32_t> min(BLOCK, end - e)
                k = _find_hits(
                    M, X, 1,
                    <void*> piece32 if X.itype == FL1_I32 else <void*> piece64, e, hits
                )
                if k < 0:
                    return i
                _add_hits(M, X, e, k, hits, out + i * K)
                e += BLOCK
        for r in range(i, j):
            for k in range(K):
                out[r * K + k] += M.intercept[k]
        i = j
    return -1


cdef ptrdiff_t _csr_piece(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, int32_t* room,
    double* out
) noexcept nogil:
    cdef hits_t hits
    make_hits(&hits, room)
    return csr_link(M, X, begin, stop, &hits, out)


cdef ptrdiff_t csr_scores(
    const map_t* M, const csr_t* X, double* out, int threads
) noexcept nogil:
    """Linear predictors of all rows; a row that is not valid, -1, or NO_ROOM."""
    cdef int64_t work = X.nnz + X.n
    cdef ptrdiff_t pieces, k, bad = -1
    cdef ptrdiff_t* cut
    cdef ptrdiff_t* status
    cdef int32_t* room
    cdef hits_t hits
    if work < MIN_PARALLEL:
        threads = 1
    pieces = 1 if threads == 1 else PIECES * threads
    # bounds and status of the pieces, lists of hits of the threads
    cut = <ptrdiff_t*> malloc(
        (2 * pieces + 2) * sizeof(ptrdiff_t) + threads * SCRATCH * sizeof(int32_t)
    )
    if cut == NULL:
        return NO_ROOM
    status = cut + pieces + 1
    room = <int32_t*> (status + pieces + 1)
    if threads == 1:
        make_hits(&hits, room)
        bad = csr_link(M, X, 0, X.n, &hits, out)
    else:
        for k in range(pieces + 1):
            cut[k] = _row_of_work(X, work // pieces * k) if k < pieces else X.n
        for k in prange(pieces, schedule="dynamic", num_threads=threads):
            status[k] = _csr_piece(
                M, X, cut[k], cut[k + 1], room + threadid() * SCRATCH, out
            )
        for k in range(pieces):
            if status[k] >= 0:
                bad = status[k]
                break
    free(cut)
    return bad


# ---- CSC

cdef bint _check_column(
    const csr_t* X, ptrdiff_t j, ptrdiff_t n, bint* increasing
) noexcept nogil:
    """Whether the rows of column j are in range; clears `increasing` if not so."""
    cdef int64_t e, row, last = 0, first = _start(X, j), end = _start(X, j + 1)
    if first < 0 or end < first or end > X.nnz:
        return False
    for e in range(first, end):
        row = _index(X, e)
        if row < 0 or row >= n:
            return False
        if row < last:
            increasing[0] = False
        last = row
    return True


cdef void _csc_rows(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, bint search,
    double* out
) noexcept nogil:
    """Rows begin .. stop - 1; `search` when they are some of the rows, increasing."""
    cdef ptrdiff_t s, i, k, K = M.n_outputs
    cdef int64_t e, lo, hi, mid, end, row
    for i in range(begin * K, stop * K):
        out[i] = 0.0
    for s in range(M.m):
        lo = _start(X, M.features[s])
        end = _start(X, M.features[s] + 1)
        if search:
            hi = end
            while lo < hi:
                mid = lo + (hi - lo) // 2
                if _index(X, mid) < begin:
                    lo = mid + 1
                else:
                    hi = mid
        for e in range(lo, end):
            row = _index(X, e)
            if row >= stop:
                break
            add_hit(M, s, _value(X, e), out + row * K)
    for i in range(begin, stop):
        for k in range(K):
            out[i * K + k] += M.intercept[k]


# ---- dense

cdef void dense_link(
    const map_t* M, const char* X, ptrdiff_t rows, ptrdiff_t row_stride,
    ptrdiff_t stride, int vtype, double* pack, double* out
) noexcept nogil:
    """Linear predictors of `rows` dense rows; `pack` has room for PACK doubles."""
    cdef ptrdiff_t i, k, s, lo, m, ahead, K = M.n_outputs
    cdef const char* x
    cdef double* eta
    # where most lines of a row are left out, the hardware does not see what comes
    ahead = AHEAD * row_stride if 2 * LINE * M.m <= llabs(row_stride) else 0
    for i in range(rows):
        x = X + i * row_stride
        eta = out + i * K
        for k in range(K):
            eta[k] = 0.0
        lo = 0
        while lo < M.m:
            m = min(PACK, M.m - lo)
            OPS.infer.gather[vtype](m, x, stride, M.features + lo, ahead, pack)
            if K == 1:
                eta[0] += OPS.dot(m, pack, M.value + lo)
            elif M.by_output != NULL:
                for k in range(K):
                    eta[k] += OPS.dot(m, pack, M.by_output + k * M.m + lo)
            else:
                for s in range(m):
                    add_hit(M, lo + s, pack[s], eta)
            lo += PACK
        for k in range(K):
            eta[k] += M.intercept[k]


cdef int dense_scores(
    const map_t* M, const char* X, ptrdiff_t n, ptrdiff_t row_stride, ptrdiff_t stride,
    int vtype, double* out, int threads
) noexcept nogil:
    """Linear predictors of n dense rows; 0 or NO_ROOM."""
    cdef ptrdiff_t rows = max(1, MIN_PARALLEL // (4 * (M.m + 1)))  # of a piece
    cdef ptrdiff_t pieces = (n + rows - 1) // rows, k
    cdef double* room
    if pieces <= 4:
        threads = 1
    room = <double*> malloc(threads * PACK * sizeof(double))
    if room == NULL:
        return NO_ROOM
    if threads == 1:
        dense_link(M, X, n, row_stride, stride, vtype, room, out)
    else:
        for k in prange(pieces, schedule="dynamic", num_threads=threads):
            dense_link(
                M, X + k * rows * row_stride, min(rows, n - k * rows), row_stride,
                stride, vtype, room + threadid() * PACK, out + k * rows * M.n_outputs
            )
    free(room)
    return 0


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


# ---- what a call brings

cdef double* _output(object out, ptrdiff_t n, ptrdiff_t k) except? NULL:
    if not cnp.PyArray_Check(out) or cnp.PyArray_TYPE(out) != cnp.NPY_DOUBLE:
        raise TypeError("out must be an ndarray of float64")
    if out.shape != (n, k):
        raise ValueError(f"out has shape {out.shape}, {(n, k)} is expected")
    if not cnp.PyArray_ISCARRAY(out):
        raise ValueError("out must be writeable, aligned and in C order")
    return <double*> cnp.PyArray_DATA(out)


cdef int _borrow(csr_t* X, indptr, indices, data) except -1:
    for name, array in (("indptr", indptr), ("indices", indices), ("data", data)):
        if not cnp.PyArray_Check(array) or array.ndim != 1:
            raise TypeError(f"{name} must be a 1-d ndarray")
        if not cnp.PyArray_ISCARRAY_RO(array):
            raise ValueError(f"{name} must be contiguous, aligned and native")
    cdef int itype = value_type(indices), vtype = value_type(data)
    if value_type(indptr) != itype or itype not in (FL1_V_I32, FL1_V_I64):
        raise TypeError(
            f"indptr and indices must both be int32 or int64, got {indptr.dtype} and "
            f"{indices.dtype}"
        )
    if vtype not in (FL1_V_F32, FL1_V_F64):
        raise TypeError(f"data must be float32 or float64, got {data.dtype}")
    if len(indices) != len(data):
        raise ValueError(f"{len(indices)} indices for {len(data)} values")
    if len(indptr) < 1 or indptr[0] != 0 or indptr[len(indptr) - 1] > len(data):
        raise ValueError(
            f"indptr must begin with 0 and end within the {len(data)} values"
        )
    X.n = len(indptr) - 1
    X.nnz = indptr[X.n]
    X.itype = FL1_I32 if itype == FL1_V_I32 else FL1_I64
    X.vtype = FL1_F32 if vtype == FL1_V_F32 else FL1_F64
    X.indptr = <const char*> cnp.PyArray_DATA(indptr)
    X.indices = <const char*> cnp.PyArray_DATA(indices)
    X.data = <const char*> cnp.PyArray_DATA(data)
    return 0


def _what_is_wrong(indptr, indices, start, bound, line="row"):
    """Message for the first index out of range at or after row `start`."""
    for i in range(start, len(indptr) - 1):
        lo, hi = int(indptr[i]), int(indptr[i + 1])
        if not 0 <= lo <= hi <= len(indices):
            return f"indptr decreases or leaves the indices at {line} {i}"
        wrong = indices[lo:hi]
        wrong = wrong[(wrong < 0) | (wrong >= bound)]
        if len(wrong):
            other = "feature" if line == "row" else "row"
            return (
                f"{line} {i} of X has an entry in {other} {wrong[0]}; there are "
                f"{bound}, counted from 0"
            )
    raise AssertionError("nothing is wrong with the indices")


def _check_coefficients(n_features, features, indptr, outputs, values, intercept):
    m = len(features)
    if len(indptr) != m + 1 or indptr[0] != 0 or indptr[m] != len(values):
        raise ValueError("indptr must run from 0 to the number of coefficients")
    if (np.diff(indptr) < 0).any() or len(outputs) != len(values):
        raise ValueError(f"{len(values)} coefficients do not fit indptr and outputs")
    if m >= 2**31 - 1:
        raise ValueError("a model of more than 2**31 - 2 features in use")
    if (np.diff(features) <= 0).any():
        raise ValueError("features must be strictly increasing")
    if m and (features[0] < 0 or features[m - 1] >= n_features):
        raise ValueError(f"features must lie between 0 and {n_features - 1}")
    if m and (outputs.min() < 0 or outputs.max() >= len(intercept)):
        raise ValueError(f"outputs must lie between 0 and {len(intercept) - 1}")
    if len(intercept) == 1 and len(values) != m:
        raise ValueError(f"{len(values)} coefficients for {m} features and one output")
