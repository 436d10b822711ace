"""Linear predictors of the rows of CSR and CSC matrices.

- CSR rows: most entries meet a zero coefficient.  A bitmap that stays in cache says so
  for all but a few, with no branch; only what is left meets the hash table (feature ->
  slot) and the values, which are prefetched in between.  A model that is small or uses
  most features is a plain gather instead.
- CSC: column by column, every thread for some of the rows.
"""
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc

cimport numpy as cnp

from fastl1._ops cimport (
    FL1_F32, FL1_F64, FL1_I32, FL1_I64, FL1_V_F32, FL1_V_F64, FL1_V_I32, FL1_V_I64
)
from fastl1.kernels.infer._map cimport (
    MIN_PARALLEL, NO_ROOM, add_hit, hash_of, map_t, value_type
)
from fastl1._runtime cimport OPS

cnp.import_array()

cdef extern from *:
    """
    #define fl1_prefetch(p) __builtin_prefetch(p)
    """
    void fl1_prefetch(const void*) noexcept nogil

cdef enum:
    PIECES = 8  # of work per thread


# ---- a matrix

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


cdef int borrow(csr_t* X, indptr, indices, data) except -1:
    """Fill in X; of indptr only the ends are checked."""
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


cdef str what_is_wrong(indptr, indices, start, bound, line="row"):
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


# ---- CSR

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
            h = hash_of(j) & M.table_mask
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


cdef inline double _direct(const map_t* M, int64_t j) noexcept nogil:
    if M.direct_type == FL1_F32:
        return (<const float*> M.direct)[j]
    return (<const double*> M.direct)[j]


cdef bint _direct_rows(
    const map_t* M, const csr_t* X, ptrdiff_t begin, ptrdiff_t stop, double* out
) noexcept nogil:
    """Rows against the array of all coefficients; whether their indices are right."""
    cdef int64_t e, first = _start(X, begin)
    cdef ptrdiff_t i
    cdef double s, w
    if OPS.infer.row_dots[X.vtype][X.itype](
        stop - begin, X.indptr + begin * _isize(X), X.indices + first * _isize(X),
        X.data + first * _vsize(X), M.p, M.direct, M.direct_type, out + begin
    ) >= 0:
        return False
    for i in range(begin, stop):
        s = out[i]
        if s - s != 0.0:  # perhaps of 0 * NaN or 0 * inf, which do not count
            s = 0.0
            for e in range(_start(X, i), _start(X, i + 1)):
                w = _direct(M, _index(X, e))
                if w != 0.0:
                    s += _value(X, e) * w
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


cdef void _csc_piece(
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


cdef ptrdiff_t csc_scores(
    const map_t* M, const csr_t* X, ptrdiff_t n, double* out, int threads
) noexcept nogil:
    """Linear predictors of the n rows; a column that is not valid, or -1."""
    cdef ptrdiff_t k, j
    cdef int64_t work = 0
    cdef bint increasing = True
    for k in range(M.m):
        j = M.features[k]
        if not _check_column(X, j, n, &increasing):
            return j
        work += _start(X, j + 1) - _start(X, j)
    if threads == 1 or work < MIN_PARALLEL or not increasing:
        _csc_piece(M, X, 0, n, False, out)
    else:
        for k in prange(threads, schedule="static", num_threads=threads):
            _csc_piece(M, X, n * k // threads, n * (k + 1) // threads, True, out)
    return -1
