"""Linear predictors of a sparse model for batches of rows, and links.

    eta_ik = b_k + sum over the features j that the model uses of x_ij w_jk

Nothing else of X is read, so that a NaN in another feature is of no consequence.  The
kernels are in `_predict_sparse` (CSR, CSC) and `_predict_dense` (rows, columns).

The sum of a row runs in an order that depends on the row and the storage alone, so that
neither threads nor the rest of the batch change a bit.
"""
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp

import numpy as np

from fastl1.kernels.infer._dense cimport Columns, column_scores, dense_scores
from fastl1.kernels.infer._map cimport (
    MIN_PARALLEL, NO_ROOM, arrange_map, is_direct, map_bytes, map_t, output_data,
    value_type
)
from fastl1.kernels.infer._sparse cimport (
    borrow,
    csc_scores,
    csr_scores,
    csr_t,
    what_is_wrong,
)
from fastl1._runtime cimport OPS, resolve_threads

cnp.import_array()

cdef enum:
    HUGE_PAGE = 1 << 21  # bytes


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
        Outputs and coefficients of slot s at ``indptr[s]:indptr[s + 1]``.  With one
        output there is one value a slot; `indptr` and `outputs` may be None.
    intercept : ndarray of float64, shape (n_outputs,)

    Raises
    ------
    ValueError
        Lengths that differ, features or outputs out of range, features not increasing.
    """

    def __init__(self, n_features, features, indptr, outputs, values, intercept):
        intercept = np.array(intercept, np.float64, ndmin=1)
        features = np.ascontiguousarray(features, np.int64)
        values = np.ascontiguousarray(values, np.float64)
        _check_features(n_features, features)
        self.n_features = n_features
        self.n_outputs = len(intercept)
        self.features = features
        self.intercept = intercept
        cdef map_t* M = &self.map
        M.p, M.m, M.n_outputs = n_features, len(features), self.n_outputs
        M.value = <const double*> cnp.PyArray_DATA(values)
        M.intercept = <const double*> cnp.PyArray_DATA(intercept)
        M.start, M.output = NULL, NULL
        self.owners = (values, intercept)
        if M.n_outputs > 1:
            indptr = np.ascontiguousarray(indptr, np.int64)
            outputs = np.ascontiguousarray(outputs, np.int32)
            _check_places(M.m, M.n_outputs, indptr, outputs, values)
            M.start = <const int64_t*> cnp.PyArray_DATA(indptr)
            M.output = <const int32_t*> cnp.PyArray_DATA(outputs)
            self.owners += (indptr, outputs)
        elif len(values) != M.m:
            raise ValueError(
                f"{len(values)} coefficients for {M.m} features and one output"
            )
        if not is_direct(M):
            features = np.append(features, -1)
        M.features = <const int64_t*> cnp.PyArray_DATA(features)
        room = _whole_pages(map_bytes(M))
        self.owners += (features, room)
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
        borrow(&X, indptr, indices, data)
        cdef double* eta = output_data(out, X.n, self.n_outputs)
        cdef int threads = resolve_threads(n_threads)
        cdef ptrdiff_t bad
        with nogil:
            bad = csr_scores(&self.map, &X, eta, threads)
        if bad == NO_ROOM:
            raise MemoryError
        if bad >= 0:
            raise ValueError(what_is_wrong(indptr, indices, bad, self.n_features))

    def dense(self, X, out, n_threads=None):
        """Linear predictors of dense rows in any order and with any strides.

        Parameters
        ----------
        X : ndarray of shape (n, n_features), any integer, bool, float32 or float64
        out : ndarray of float64, shape (n, n_outputs), C order
        n_threads : int, optional

        Raises
        ------
        ValueError
            X of another shape.
        """
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise ValueError(
                f"X has shape {X.shape}, the model {self.n_features} features"
            )
        cdef int vtype = value_type(X), threads = resolve_threads(n_threads), status
        cdef ptrdiff_t n = X.shape[0], row_stride = X.strides[0], stride = X.strides[1]
        cdef double* eta = output_data(out, n, self.n_outputs)
        cdef const map_t* M = &self.map
        cdef const char* x = <const char*> cnp.PyArray_DATA(X)
        cdef Columns columns
        cdef ptrdiff_t s
        if n > 1 and row_stride == X.itemsize:
            columns = Columns(M.m)
            for s in range(M.m):
                columns.set(s, x + M.features[s] * stride, row_stride, vtype)
            with nogil:
                status = column_scores(M, columns.items, n, eta, threads)
        else:
            with nogil:
                status = dense_scores(M, x, n, row_stride, stride, vtype, eta, threads)
        if status == NO_ROOM:
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

        Raises
        ------
        ValueError
            Too few or too many columns, or one of another length.
        """
        cdef double* eta = output_data(out, n, self.n_outputs)
        cdef Columns columns = Columns(self.map.m)
        cdef int threads = resolve_threads(n_threads), status
        cdef ptrdiff_t rows = n
        if len(arrays) != self.map.m:
            raise ValueError(f"{len(arrays)} columns for {self.map.m} features in use")
        for s, array in enumerate(arrays):
            if array.shape != (n,):
                raise ValueError(
                    f"column {s} has shape {array.shape}, {(n,)} is expected"
                )
            columns.set(
                s, <const char*> cnp.PyArray_DATA(array), array.strides[0],
                value_type(array)
            )
        with nogil:
            status = column_scores(&self.map, columns.items, rows, eta, threads)
        if status == NO_ROOM:
            raise MemoryError

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
        borrow(&X, indptr, indices, data)
        if X.n != self.n_features:
            raise ValueError(f"X has {X.n} columns, the model {self.n_features}")
        cdef ptrdiff_t n = out.shape[0], bad
        cdef double* eta = output_data(out, n, self.n_outputs)
        cdef int threads = resolve_threads(n_threads)
        with nogil:
            bad = csc_scores(&self.map, &X, n, eta, threads)
        if bad >= 0:
            raise ValueError(what_is_wrong(indptr, indices, bad, n, "column"))


def _check_features(n_features, features):
    m = len(features)
    if m >= 2**31 - 1:
        raise ValueError("a model of more than 2**31 - 2 features in use")
    if (np.diff(features) <= 0).any():
        raise ValueError("features must be strictly increasing")
    if m and (features[0] < 0 or features[m - 1] >= n_features):
        raise ValueError(f"features must lie between 0 and {n_features - 1}")


def _check_places(m, n_outputs, indptr, outputs, values):
    if len(indptr) != m + 1 or indptr[0] != 0 or indptr[m] != len(values):
        raise ValueError("indptr must run from 0 to the number of coefficients")
    if (np.diff(indptr) < 0).any() or len(outputs) != len(values):
        raise ValueError(f"{len(values)} coefficients do not fit indptr and outputs")
    if m and (outputs.min() < 0 or outputs.max() >= n_outputs):
        raise ValueError(f"outputs must lie between 0 and {n_outputs - 1}")


cdef object _whole_pages(ptrdiff_t nbytes):
    """Room that begins where a huge page does, if it fills one: NumPy asks the system
    for such pages, and fewer translations of addresses are missed."""
    if nbytes < HUGE_PAGE:
        return np.empty(nbytes, np.uint8)
    room = np.empty(nbytes + HUGE_PAGE, np.uint8)
    cdef ptrdiff_t skip = -<ptrdiff_t> cnp.PyArray_DATA(room) & (HUGE_PAGE - 1)
    return room[skip:skip + nbytes]


# ---- links

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
    cdef double* x = output_data(eta, n, k)
    cdef double* p = output_data(out, n, k)
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
