"""Single rows: a sparse, a dense or a named row in, a number out.

The sums are those of `_predict`, to the bit.  A call makes no NumPy array (with several
outputs: one, the result), takes no buffers and releases no lock: that would cost more
than the prediction.
"""
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsDouble, PyLong_Check
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.math cimport exp
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free, malloc

cimport numpy as cnp

import numpy as np

from fastl1._ops cimport FL1_F32, FL1_F64, FL1_I32, FL1_I64
from fastl1.kernels.infer._batch cimport Scorer
from fastl1.kernels.infer._dense cimport PACK, dense_row
from fastl1.kernels.infer._map cimport add_hit, map_t, value_type
from fastl1.kernels.infer._sparse cimport SCRATCH, csr_link, csr_t, hits_t, make_hits
from fastl1._runtime cimport OPS

cnp.import_array()

# with borrowed pointers, which Cython's own declarations would count
cdef extern from "Python.h":
    int PyDict_Next(object, Py_ssize_t*, PyObject**, PyObject**)
    PyObject* PyDict_GetItemWithError(dict, PyObject*) except? NULL
    Py_hash_t PyObject_Hash(PyObject*) except? -1
    int PyUnicode_CheckExact(PyObject*)

cdef enum:
    FEW_HITS = 64            # of a named row, kept on the stack
    NAME_BITS = 64           # of the filter, per name (a power of two) ...
    MAX_NAME_BITS = 1 << 22  # ... at most

cdef enum:
    IDENTITY
    SIGMOID
    SOFTMAX
    EXP
    OTHER


cdef class NameMap:
    """Slot of a feature by its name, for rows that are ``{name: value}``.

    Most names of a row belong to features that the model does not use.  A bitmap over
    the hashes, which Python keeps in the strings, says so for nearly all of them;
    the dict has the last word.

    Parameters
    ----------
    names : list of str
        Names of the slots, in order.
    """

    cdef dict slots
    cdef bytes owner
    cdef uint32_t* bits
    cdef Py_hash_t mask

    def __init__(self, names):
        self.slots = {str(name): slot for slot, name in enumerate(names)}
        size = min(max(32, NAME_BITS * len(self.slots)), MAX_NAME_BITS)
        size = 1 << (size - 1).bit_length()
        self.owner = bytes(size // 8)
        self.bits = <uint32_t*> PyBytes_AS_STRING(self.owner)
        self.mask = size - 1
        cdef Py_hash_t h
        for name in self.slots:
            h = hash(name) & self.mask
            self.bits[h >> 5] |= <uint32_t> 1 << (h & 31)

    def names(self):
        """Names of the slots, in order."""
        return list(self.slots)

    cdef int add(self, const map_t* M, object row, double* eta) except -1:
        """eta += the terms of a row; names of no slot are passed over."""
        if type(row) is not dict:
            row = dict(row)
        cdef PyObject* few[FEW_HITS]
        cdef int32_t few_slots[FEW_HITS]
        cdef PyObject** values = few
        cdef int32_t* slots = few_slots
        cdef ptrdiff_t room = min(len(row), len(self.slots)), k = 0, c
        cdef Py_ssize_t at = 0
        cdef Py_hash_t h
        cdef PyObject* key
        cdef PyObject* value
        cdef PyObject* slot
        cdef bint odd = False
        if room > FEW_HITS:
            values = <PyObject**> malloc(room * (sizeof(PyObject*) + sizeof(int32_t)))
            if values == NULL:
                raise MemoryError
            slots = <int32_t*> (values + room)
        try:
            # nothing in this loop runs code of others, which could change the row:
            # hash and comparison are those of str, values are only held
            while PyDict_Next(row, &at, &key, &value):
                if not PyUnicode_CheckExact(key):
                    odd = True
                    continue
                h = PyObject_Hash(key) & self.mask
                if not self.bits[h >> 5] >> (h & 31) & 1:
                    continue
                slot = PyDict_GetItemWithError(self.slots, key)
                if slot != NULL:
                    Py_INCREF(<object> value)
                    values[k] = value
                    slots[k] = <int32_t> <object> slot
                    k += 1
            for c in range(k):
                add_hit(M, slots[c], self._number(<object> values[c], slots[c]), eta)
        finally:
            for c in range(k):
                Py_DECREF(<object> values[c])
            if values != few:
                free(values)
        if odd:  # subclasses of str, such as NumPy's
            for name, cell in list(row.items()):
                if isinstance(name, str) and type(name) is not str:
                    found = self.slots.get(str(name))
                    if found is not None:
                        add_hit(M, found, self._number(cell, found), eta)
        return 0

    cdef double _number(self, object value, int32_t slot) except? -1:
        if PyFloat_Check(value):
            return PyFloat_AS_DOUBLE(value)
        if PyLong_Check(value):
            return PyLong_AsDouble(value)
        if value is None:
            return float("nan")
        if not isinstance(value, (str, bytes)):
            try:
                return float(value)
            except (TypeError, ValueError):
                pass
        raise TypeError(
            f"feature {list(self.slots)[slot]!r} is {value!r}, which is not a number"
        )

    def eta(self, Scorer scorer, rows, out):
        """Linear predictors of a sequence of dicts, into float64 `out` (n, n_outputs)

        Raises
        ------
        TypeError
            A row is not a mapping, or a feature in use not a number; names the row.
        """
        cdef const map_t* M = &scorer.map
        cdef double* eta = <double*> cnp.PyArray_DATA(out)
        cdef ptrdiff_t i, k
        if out.shape != (len(rows), M.n_outputs) or not cnp.PyArray_ISCARRAY(out):
            raise ValueError("out does not fit the rows")
        for i, row in enumerate(rows):
            if i >= out.shape[0]:
                break
            for k in range(M.n_outputs):
                eta[i * M.n_outputs + k] = 0.0
            try:
                self.add(M, row, eta + i * M.n_outputs)
            except (TypeError, ValueError, OverflowError) as error:
                raise type(error)(f"row {i}: {error}") from None
            for k in range(M.n_outputs):
                eta[i * M.n_outputs + k] += M.intercept[k]


cdef class Predictor:
    """Predict one row at a time, at a fraction of a microsecond.

    A call takes one row in one of these forms, and returns a float, an array of shape
    (n_outputs,) when there are several outputs, or a label::

        p(indices, values)   a sparse row: indices int32 or int64 in any order,
                             duplicates count as their sum; values float32 or float64
        p(row)               a dense array of shape (n_features,), a SciPy CSR row, or a
                             dict {feature name: value}, in which a feature that is not
                             there is 0 and one that is not known is ignored

    Arrays of these types that are contiguous are read in place; others are converted,
    which takes a microsecond or two.  Only features that the model uses are read; NaN
    there gives NaN.  May be called from several threads at once.

    Parameters
    ----------
    model : SparseModel or fastl1.infer.runtime.Model
    type : {"response", "link", "class"}, default="response"
        As in `SparseModel.predict`.

    Raises
    ------
    ValueError
        On a call: an index out of range, lengths that differ, a row of another width;
        names are given but the model has none.
    TypeError
        On a call: indices that are not integers, values that are not real numbers.
    """

    cdef Scorer scorer
    cdef NameMap names
    cdef int link
    cdef object inverse, labels, model
    cdef double cut
    cdef readonly str type

    def __init__(self, model, type="response"):
        if type not in ("response", "link", "class"):
            raise ValueError(
                f'type must be "response", "link" or "class"; got {type!r}'
            )
        self.model = model
        self.type = type
        self.scorer, link, self.names, classes = model._row_parts()
        self.inverse = link.inverse
        self.cut = link.cut
        self.labels = None
        self.link = IDENTITY
        if type == "class":
            if classes is None:
                raise ValueError('type="class" needs a model with classes')
            self.labels = classes.tolist()
        elif type == "response":
            self.link = {
                "identity": IDENTITY, "decision": IDENTITY, "logit": SIGMOID,
                "softmax": SOFTMAX, "log": EXP,
            }.get(model.link, OTHER)

    def __reduce__(self):
        # names the class of the model only: a compiled one cannot say it is fastl1's
        return self.model.predictor, (self.type,)

    def __repr__(self):
        return f"<Predictor of {self.model!r}, type={self.type!r}>"

    def __call__(self, row, values=None):
        cdef double one
        cdef cnp.npy_intp n_outputs = self.scorer.n_outputs
        if n_outputs == 1:
            self._score(row, values, &one)
            return self._finish(one)
        out = cnp.PyArray_EMPTY(1, &n_outputs, cnp.NPY_DOUBLE, 0)
        self._score(row, values, <double*> cnp.PyArray_DATA(out))
        return self._finish_several(out)

    cdef object _finish(self, double eta):
        if self.labels is not None:
            return self.labels[eta > self.cut]
        if self.link == SIGMOID:
            OPS.infer.sigmoid(1, 1.0, &eta, &eta)
        elif self.link == EXP:
            return exp(708.0 if eta > 708.0 else eta)
        elif self.link == OTHER:
            return float(self.inverse(np.array([eta]))[0])
        return eta

    cdef object _finish_several(self, out):
        cdef double* eta = <double*> cnp.PyArray_DATA(out)
        cdef ptrdiff_t k = self.scorer.n_outputs
        if self.labels is not None:
            return self.labels[out.argmax()]
        if self.link == SOFTMAX:
            OPS.infer.softmax(1, k, eta, eta)
        elif self.link == SIGMOID:
            OPS.infer.sigmoid(k, 1.0, eta, eta)
        elif self.link != IDENTITY:
            return self.inverse(out)
        return out

    cdef int _score(self, row, values, double* eta) except -1:
        if values is not None:
            return self._sparse(row, values, eta)
        if cnp.PyArray_Check(row):
            return self._dense(row, eta)
        if isinstance(row, dict):
            return self._named(row, eta)
        if hasattr(row, "indptr"):
            if row.format != "csr" or row.shape != (1, self.scorer.n_features):
                raise ValueError(
                    f"a sparse row must be CSR of shape {(1, self.scorer.n_features)}, "
                    f"got {row.format} of shape {row.shape}"
                )
            return self._sparse(row.indices, row.data, eta)
        if hasattr(row, "keys"):
            return self._named(dict(row), eta)
        return self._dense(np.asarray(row), eta)

    cdef int _sparse(self, indices, values, double* eta) except -1:
        cdef csr_t X
        cdef hits_t hits
        cdef int32_t room[SCRATCH]
        cdef int32_t ends32[2]
        cdef int64_t ends64[2]
        if not (_plain(indices) and _plain(values)):
            indices, values = _as_row(indices, values)
        cdef int itype = cnp.PyArray_TYPE(indices), vtype = cnp.PyArray_TYPE(values)
        if not (
            (itype == cnp.NPY_INT64 or itype == cnp.NPY_INT32)
            and (vtype == cnp.NPY_FLOAT64 or vtype == cnp.NPY_FLOAT32)
        ):
            indices, values = _as_row(indices, values)
            itype, vtype = cnp.PyArray_TYPE(indices), cnp.PyArray_TYPE(values)
        X.n = 1
        X.nnz = cnp.PyArray_DIM(indices, 0)
        if X.nnz != cnp.PyArray_DIM(values, 0):
            raise ValueError(
                f"{X.nnz} indices for {cnp.PyArray_DIM(values, 0)} values"
            )
        X.itype = FL1_I32 if itype == cnp.NPY_INT32 else FL1_I64
        X.vtype = FL1_F32 if vtype == cnp.NPY_FLOAT32 else FL1_F64
        if X.itype == FL1_I32:
            if X.nnz > 2**31 - 1:
                raise ValueError("a row of more than 2**31 - 1 entries needs int64")
            ends32[0], ends32[1] = 0, <int32_t> X.nnz
            X.indptr = <const char*> ends32
        else:
            ends64[0], ends64[1] = 0, X.nnz
            X.indptr = <const char*> ends64
        X.indices = <const char*> cnp.PyArray_DATA(indices)
        X.data = <const char*> cnp.PyArray_DATA(values)
        make_hits(&hits, room)
        if csr_link(&self.scorer.map, &X, 0, 1, &hits, eta) >= 0:
            wrong = indices[(indices < 0) | (indices >= self.scorer.n_features)]
            raise ValueError(
                f"index {wrong[0]} is not a feature; there are "
                f"{self.scorer.n_features}, counted from 0"
            )
        return 0

    cdef int _dense(self, row, double* eta) except -1:
        cdef double pack[PACK]
        if cnp.PyArray_NDIM(row) != 1 or (
            cnp.PyArray_DIM(row, 0) != self.scorer.n_features
        ):
            raise ValueError(
                f"a dense row must have shape {(self.scorer.n_features,)}, got "
                f"{row.shape}"
            )
        cdef int vtype
        try:
            vtype = value_type(row)
        except TypeError:
            if row.dtype.kind not in "fiub":
                raise TypeError(
                    f"a row must hold real numbers, got dtype {row.dtype}"
                ) from None
            row = row.astype(np.float64)
            vtype = value_type(row)
        dense_row(
            &self.scorer.map, <const char*> cnp.PyArray_DATA(row),
            cnp.PyArray_STRIDE(row, 0), vtype, pack, eta
        )
        return 0

    cdef int _named(self, row, double* eta) except -1:
        cdef const map_t* M = &self.scorer.map
        cdef ptrdiff_t k
        if self.names is None:
            raise ValueError("the model has no feature names: pass indices and values")
        for k in range(M.n_outputs):
            eta[k] = 0.0
        self.names.add(M, row, eta)
        for k in range(M.n_outputs):
            eta[k] += M.intercept[k]
        return 0


cdef inline bint _plain(object array):
    """Whether it is a vector that can be read as it lies there."""
    return (
        cnp.PyArray_Check(array) and cnp.PyArray_NDIM(array) == 1
        and cnp.PyArray_ISCARRAY_RO(array)
    )


def _as_row(indices, values):
    """Indices as int64 and values as float64, contiguous."""
    indices, values = np.asarray(indices), np.asarray(values)
    if indices.ndim != 1 or values.ndim != 1:
        raise ValueError(
            f"indices and values must be 1-d, got shapes {indices.shape} and "
            f"{values.shape}"
        )
    if indices.size and indices.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, got dtype {indices.dtype}")
    if values.size and values.dtype.kind not in "fiub":
        raise TypeError(f"values must be real numbers, got dtype {values.dtype}")
    if indices.dtype == np.uint64:
        indices = np.minimum(indices, np.uint64(2**63 - 1))
    return (
        np.ascontiguousarray(indices, np.int64),
        np.ascontiguousarray(values, np.float64),
    )
