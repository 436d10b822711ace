"""Errors, structures, proximal maps and columns of fastl1.h; see there for contracts.

Everything runs without the GIL.  An error is a code, returned, and a text, kept for the
thread.  Structures come by pointer in the size their caller knew: `take_struct` makes
the present ones of them.
"""
from cython.parallel cimport prange
from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX, int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastl1._ops cimport FL1_F32, FL1_F64, FL1_I32, FL1_I64
from fastl1._runtime cimport OPS, threads_of
from fastl1.kernels.design._design cimport (
    bind_csc,
    bind_dense,
    raw_axpy,
    raw_dot,
    raw_square,
)
from fastl1.capi cimport (
    FL1_COLUMNS,
    FL1_CSC,
    FL1_CSR,
    FL1_E_HANDLE,
    FL1_E_INDEX,
    FL1_E_KIND,
    FL1_E_MEMORY,
    FL1_E_NULL,
    FL1_E_SIZE,
    FL1_E_STRUCT,
    FL1_E_VALUE,
    FL1_FLOAT32,
    FL1_INT32,
    FL1_NOT_CONVERGED,
    FL1_NOT_FINITE,
    FL1_OK,
    FL1_ROWS,
    FL1_STOPPED,
    fl1_design,
    fl1_matrix,
)

cdef extern from *:
    """
    #include <stdio.h>
    #include <string.h>
    #include "fl1_ops.h"
    static _Thread_local char fl1_text[200];
    static void fl1_write(const char *name, const char *text, long long where) {
        char whole[sizeof fl1_text];
        const char *gap = strstr(text, "MAX_ABS");
        if (gap != NULL) {
            snprintf(whole, sizeof whole, "%.*s" FL1_STRING(FL1_MAX_ABS) "%s",
                     (int)(gap - text), text, gap + strlen("MAX_ABS"));
            text = whole;
        }
        int length = snprintf(fl1_text, sizeof fl1_text, "%s ", name);
        snprintf(fl1_text + length, sizeof fl1_text - (size_t)length, text, where);
    }
    """
    const char* fl1_text
    void fl1_write(const char*, const char*, long long) noexcept nogil

cdef enum:
    MIN_PARALLEL = 1 << 16   # elements below which a second thread does not pay

cdef int64_t MAX_ROWS = <int64_t> 1 << 48
cdef int64_t MAX_BYTES = <int64_t> 1 << 62


# ---- errors

cdef int fail(
    int code, const char* name, const char* text, int64_t where
) noexcept nogil:
    """Keep "name text" for last_error, in the text %lld being `where` and MAX_ABS the
    number; the code."""
    fl1_write(name, text, where)
    return code


cdef int fail_handle(const void* handle, const char* name) noexcept nogil:
    """For a handle that is none."""
    if handle == NULL:
        return fail(FL1_E_NULL, name, "is NULL", 0)
    return fail(FL1_E_HANDLE, name, "is of another kind, or has been freed", 0)


cdef const char* last_error() noexcept nogil:
    return fl1_text


cdef const char* describe(int status) noexcept nogil:
    if status == FL1_OK:
        return "success"
    if status == FL1_NOT_CONVERGED:
        return "the gap is above tol after max_iter iterations"
    if status == FL1_STOPPED:
        return "stopped by poll"
    if status == FL1_NOT_FINITE:
        return "numbers left the range of float64"
    if status == FL1_E_NULL:
        return "a pointer that may not be is NULL"
    if status == FL1_E_STRUCT:
        return "struct_size is too small, or unknown fields are in use"
    if status == FL1_E_SIZE:
        return "a size is negative, too large, or does not fit another"
    if status == FL1_E_KIND:
        return "a constant that does not exist, or not for this use"
    if status == FL1_E_VALUE:
        return "a number is NaN, infinite, or out of its range"
    if status == FL1_E_INDEX:
        return "an index is out of range, or not in order"
    if status == FL1_E_MEMORY:
        return "no memory"
    if status == FL1_E_HANDLE:
        return "no handle of this kind, or one that has been freed"
    return "unknown status"


# ---- structures

cdef int take_struct(
    void* own, size_t size, const void* given, size_t least, const char* name
) noexcept nogil:
    """own (size bytes) <- given, which was compiled with its own idea of the size:
    version 1 had `least`, what is missing is 0, what is not known has to be."""
    cdef const char* at = <const char*> given
    cdef size_t theirs, k
    if given == NULL:
        return fail(FL1_E_NULL, name, "is NULL", 0)
    memcpy(&theirs, given, sizeof(size_t))
    if theirs < least or theirs > 1 << 16:
        return fail(FL1_E_STRUCT, name, "has struct_size %lld; use FL1_INIT", theirs)
    for k in range(size, theirs):
        if at[k] != 0:
            return fail(
                FL1_E_STRUCT, name,
                "uses fields (byte %lld) that this version of fastl1 does not know", k
            )
    memset(own, 0, size)
    memcpy(own, given, min(size, theirs))
    return FL1_OK


cdef ptrdiff_t outside(
    ptrdiff_t n, const double* x, double low, double high
) noexcept nogil:
    """The first of n numbers that is NaN or not in [low, high], or -1."""
    cdef ptrdiff_t i
    for i in range(n):
        if not (low <= x[i] <= high):
            return i
    return -1


cdef int64_t pointer_at(const fl1_matrix* X, ptrdiff_t k) noexcept nogil:
    """indptr[k]."""
    if X.index_type == FL1_INT32:
        return (<const int32_t*> X.indptr)[k]
    return (<const int64_t*> X.indptr)[k]


cdef int take_matrix(fl1_matrix* own, const fl1_matrix* given) noexcept nogil:
    """own <- given, checked but for indices and values; stride is never 0."""
    cdef ptrdiff_t k, major
    cdef int64_t inner, before, now
    cdef bint by_columns
    cdef int status = take_struct(
        own, sizeof(fl1_matrix), given, sizeof(fl1_matrix), "the matrix"
    )
    if status < 0:
        return status
    if own.zero != 0:
        return fail(FL1_E_STRUCT, "zero", "of the matrix is not 0", 0)
    if not FL1_COLUMNS <= own.layout <= FL1_CSR:
        return fail(FL1_E_KIND, "layout", "%lld does not exist", own.layout)
    if own.value_type not in (FL1_F32, FL1_F64):
        return fail(FL1_E_KIND, "value_type", "%lld does not exist", own.value_type)
    if not 0 <= own.n_rows <= MAX_ROWS:
        return fail(FL1_E_SIZE, "n_rows", "is %lld", own.n_rows)
    if not 0 <= own.n_cols <= MAX_ROWS:
        return fail(FL1_E_SIZE, "n_cols", "is %lld", own.n_cols)
    by_columns = own.layout == FL1_COLUMNS or own.layout == FL1_CSC
    major = own.n_cols if by_columns else own.n_rows
    inner = own.n_rows if by_columns else own.n_cols
    if own.layout == FL1_COLUMNS or own.layout == FL1_ROWS:
        if own.stride == 0:
            own.stride = inner
        if own.stride < inner:
            return fail(FL1_E_SIZE, "stride", "%lld makes columns overlap", own.stride)
        if major > 0 and own.stride > MAX_BYTES // (8 * major):
            return fail(FL1_E_SIZE, "stride", "%lld is too large", own.stride)
        if own.values == NULL and major > 0 and inner > 0:
            return fail(FL1_E_NULL, "values", "is NULL", 0)
        return FL1_OK
    if own.index_type not in (FL1_I32, FL1_I64):
        return fail(FL1_E_KIND, "index_type", "%lld does not exist", own.index_type)
    if not 0 <= own.nnz <= MAX_ROWS:
        return fail(FL1_E_SIZE, "nnz", "is %lld", own.nnz)
    if own.indptr == NULL:
        return fail(FL1_E_NULL, "indptr", "is NULL", 0)
    if own.nnz > 0 and (own.values == NULL or own.indices == NULL):
        return fail(
            FL1_E_NULL, "values" if own.values == NULL else "indices", "is NULL", 0
        )
    before = 0
    for k in range(major + 1):
        now = pointer_at(own, k)
        if now < before or now > own.nnz or (k == 0 and now != 0):
            return fail(
                FL1_E_INDEX, "indptr",
                "has to run from 0 to at most nnz without a decrease, but not so at "
                "%lld", k
            )
        before = now
    return FL1_OK


# ---- proximal maps

cdef int _check_vectors(
    int64_t n, const void* x, const void* out, int32_t n_threads
) noexcept nogil:
    if not 0 <= n <= MAX_ROWS:
        return fail(FL1_E_SIZE, "n", "is %lld", n)
    if n_threads < 0:
        return fail(FL1_E_SIZE, "n_threads", "is %lld", n_threads)
    if n > 0 and x == NULL:
        return fail(FL1_E_NULL, "the input", "is NULL", 0)
    if n > 0 and out == NULL:
        return fail(FL1_E_NULL, "out", "is NULL", 0)
    return FL1_OK


cdef inline ptrdiff_t _cut(ptrdiff_t n, int k, int pieces) noexcept nogil:
    """Where piece k of n elements begins."""
    return n // pieces * k + min(<ptrdiff_t> k, n % pieces)


cdef int _threads(ptrdiff_t n, int32_t asked) noexcept nogil:
    return 1 if n < MIN_PARALLEL else threads_of(asked)


cdef int soft_threshold_f64(
    int64_t n, const double* x, double t, double* out, int32_t n_threads
) noexcept nogil:
    cdef int k, threads = _threads(n, n_threads)
    cdef int status = _check_vectors(n, x, out, n_threads)
    if status < 0:
        return status
    if not t >= 0.0:
        return fail(FL1_E_VALUE, "t", "is negative or NaN", 0)
    for k in prange(threads, num_threads=threads, use_threads_if=threads > 1):
        OPS.soft_threshold_f64(
            _cut(n, k + 1, threads) - _cut(n, k, threads), x + _cut(n, k, threads), t,
            out + _cut(n, k, threads)
        )
    return FL1_OK


cdef int soft_threshold_f32(
    int64_t n, const float* x, float t, float* out, int32_t n_threads
) noexcept nogil:
    cdef int k, threads = _threads(n, n_threads)
    cdef int status = _check_vectors(n, x, out, n_threads)
    if status < 0:
        return status
    if not t >= 0.0:
        return fail(FL1_E_VALUE, "t", "is negative or NaN", 0)
    for k in prange(threads, num_threads=threads, use_threads_if=threads > 1):
        OPS.soft_threshold_f32(
            _cut(n, k + 1, threads) - _cut(n, k, threads), x + _cut(n, k, threads), t,
            out + _cut(n, k, threads)
        )
    return FL1_OK


cdef inline const void* _from(const void* x, ptrdiff_t bytes) noexcept nogil:
    """x, bytes further on, or NULL."""
    if x == NULL:
        return NULL
    return <const char*> x + bytes


cdef int _prox(
    int vtype, int64_t n, const void* z, double l1, double l2, const void* factor,
    const void* lower, const void* upper, void* out, int32_t n_threads
) noexcept nogil:
    cdef int k, threads = _threads(n, n_threads)
    cdef ptrdiff_t at, size = sizeof(float) if vtype == FL1_F32 else sizeof(double)
    cdef int status = _check_vectors(n, z, out, n_threads)
    if status < 0:
        return status
    if not 0.0 <= l1 < INFINITY:
        return fail(FL1_E_VALUE, "l1", "is negative, infinite or NaN", 0)
    if not 0.0 <= l2 < INFINITY:
        return fail(FL1_E_VALUE, "l2", "is negative, infinite or NaN", 0)
    for k in prange(threads, num_threads=threads, use_threads_if=threads > 1):
        at = _cut(n, k, threads) * size
        OPS.prox[vtype](
            _cut(n, k + 1, threads) - _cut(n, k, threads), _from(z, at), l1, l2,
            _from(factor, at), _from(lower, at), _from(upper, at), <char*> out + at
        )
    return FL1_OK


cdef int prox_f64(
    int64_t n, const double* z, double l1, double l2, const double* factor,
    const double* lower, const double* upper, double* out, int32_t n_threads
) noexcept nogil:
    return _prox(FL1_F64, n, z, l1, l2, factor, lower, upper, out, n_threads)


cdef int prox_f32(
    int64_t n, const float* z, float l1, float l2, const float* factor,
    const float* lower, const float* upper, float* out, int32_t n_threads
) noexcept nogil:
    return _prox(FL1_F32, n, z, l1, l2, factor, lower, upper, out, n_threads)


# ---- columns

cdef int _check_rows(
    const fl1_matrix* X, ptrdiff_t j, int64_t first, int64_t end
) noexcept nogil:
    """That the rows of sparse column j increase and exist."""
    cdef int64_t e, row, before = -1
    for e in range(first, end):
        row = (
            (<const int32_t*> X.indices)[e] if X.index_type == FL1_INT32
            else (<const int64_t*> X.indices)[e]
        )
        if row <= before or row >= X.n_rows:
            return fail(
                FL1_E_INDEX, "indices",
                "of column %lld have to increase, from 0 to below n_rows", j
            )
        before = row
    return FL1_OK


cdef int design_create(const fl1_matrix* X, fl1_design** design) noexcept nogil:
    cdef fl1_matrix own
    cdef checked_t* D
    cdef ptrdiff_t j
    cdef int status, vtype
    if design == NULL:
        return fail(FL1_E_NULL, "design", "is NULL", 0)
    design[0] = NULL
    status = take_matrix(&own, X)
    if status < 0:
        return status
    if own.layout == FL1_ROWS or own.layout == FL1_CSR:
        return fail(FL1_E_KIND, "layout", "of a design is FL1_COLUMNS or FL1_CSC", 0)
    if own.n_rows == 0:
        return fail(FL1_E_SIZE, "n_rows", "is 0", 0)
    if not 0 < own.n_cols <= INT32_MAX:
        return fail(FL1_E_SIZE, "n_cols", "is %lld, not 1 to 2^31 - 1", own.n_cols)
    D = <checked_t*> calloc(1, sizeof(checked_t))
    if D == NULL:
        return fail(FL1_E_MEMORY, "the design", "does not fit into memory", 0)
    vtype = FL1_F32 if own.value_type == FL1_FLOAT32 else FL1_F64
    if own.layout == FL1_CSC:
        D.indptr = <int64_t*> malloc((own.n_cols + 1) * sizeof(int64_t))
        if D.indptr == NULL:
            free(D)
            return fail(FL1_E_MEMORY, "the design", "does not fit into memory", 0)
        bind_csc(
            &D.X, own.n_rows, own.n_cols, vtype,
            FL1_I32 if own.index_type == FL1_INT32 else FL1_I64, own.values,
            own.indices, D.indptr
        )
        D.contiguous = True
        D.indptr[0] = 0
        for j in range(own.n_cols):
            D.indptr[j + 1] = pointer_at(&own, j + 1)
            status = _check_rows(&own, j, D.indptr[j], D.indptr[j + 1])
            if status < 0:
                free(D.indptr)
                free(D)
                return status
    else:
        bind_dense(&D.X, own.n_rows, own.n_cols, vtype, own.values)
        D.stride = own.stride * D.X.vsize
        D.contiguous = own.stride == own.n_rows
    D.kind = IS_DESIGN
    design[0] = <fl1_design*> D
    return FL1_OK


cdef void design_free(fl1_design* design) noexcept nogil:
    cdef checked_t* D = <checked_t*> design
    if design == NULL or not is_kind(design, IS_DESIGN):
        return
    D.kind = IS_FREE
    free(D.indptr)
    free(D)


cdef inline int _check_column(
    const fl1_design* X, int64_t j, const void* vector
) noexcept nogil:
    if X == NULL or not is_kind(X, IS_DESIGN):
        return fail_handle(X, "the design")
    if not 0 <= j < (<const checked_t*> X).X.p:
        return fail(FL1_E_INDEX, "column", "%lld does not exist", j)
    if vector == NULL:
        return fail(FL1_E_NULL, "a vector", "is NULL", 0)
    return FL1_OK


cdef int col_dot(
    const fl1_design* X, int64_t j, const double* v, double* out
) noexcept nogil:
    cdef const checked_t* D = <const checked_t*> X
    cdef int status = _check_column(X, j, v)
    if status < 0:
        return status
    if out == NULL:
        return fail(FL1_E_NULL, "out", "is NULL", 0)
    out[0] = raw_dot(&D.X, D.stride, j, v)
    return FL1_OK


cdef int col_axpy(const fl1_design* X, int64_t j, double a, double* y) noexcept nogil:
    cdef const checked_t* D = <const checked_t*> X
    cdef int status = _check_column(X, j, y)
    if status < 0:
        return status
    raw_axpy(&D.X, D.stride, j, a, y)
    return FL1_OK


cdef int col_sqnorm(
    const fl1_design* X, int64_t j, const double* weight, double* out
) noexcept nogil:
    cdef const checked_t* D = <const checked_t*> X
    cdef int status = _check_column(X, j, out)
    if status < 0:
        return status
    out[0] = raw_square(&D.X, D.stride, j, weight)
    return FL1_OK
