"""X of any container, as the kernels take it: dense in columns, or CSC."""

import sys
from collections import namedtuple
from typing import Any

import numpy as np

from fastl1.problem.vectors import (
    check_dtype,
    check_object,
    column_to_array,
    fault_of,
    first_fault,
    plain_array,
    suspicious,
)

CSC = namedtuple("CSC", "data indices indptr shape")
CSC.__doc__ = """Sparse X by columns.

data float32/float64 (nnz,), indices int32/int64 (nnz,) sorted and unique in each
column, indptr int64 (p + 1,), shape (n, p).
"""
_BLOCK = 64


def _column_label(j: int, names: list[str] | None) -> str:
    return f"column {j}" + (f" ({names[j]!r})" if names is not None else "")


def check_dense_values(X: np.ndarray, names: list[str] | None) -> None:
    if not suspicious(X):
        return
    for j in range(X.shape[1]):
        i = first_fault(X[:, j])
        if i is not None:
            raise ValueError(
                f"X contains {fault_of(X[i, j])} at row {i}, {_column_label(j, names)}"
            )


def check_sparse_values(X: Any) -> None:
    """`X`: SciPy's CSC or CSR, or CSC."""
    if not suspicious(X.data):
        return
    k = first_fault(X.data)
    if k is None:
        return
    major = int(np.searchsorted(X.indptr, k, side="right")) - 1
    minor = int(X.indices[k])
    i, j = (major, minor) if getattr(X, "format", "csc") == "csr" else (minor, major)
    raise ValueError(f"X contains {fault_of(X.data[k])} at row {i}, column {j}")


def _is_sparse(X: Any) -> bool:
    # A SciPy matrix can only come from somebody who has imported the module.
    module = sys.modules.get("scipy.sparse")
    return module is not None and module.issparse(X)


def is_frame(X: Any) -> bool:
    return hasattr(X, "to_numpy") and hasattr(X, "columns")


def _frame_to_array(X: Any) -> tuple[np.ndarray, list[str] | None]:
    """Numbers and names of a pandas or polars frame; missing values become NaN."""
    names = list(X.columns)
    feature_names = names if all(isinstance(name, str) for name in names) else None
    values = X.to_numpy()
    if values.dtype.kind in "fiub" and getattr(values, "ndim", 2) == 2:
        return values, feature_names
    out = np.empty((len(X), len(names)), order="F")
    for j, name in enumerate(names):
        column = X.iloc[:, j] if hasattr(X, "iloc") else X.to_series(j)
        array = column_to_array(column)
        if array is None:
            raise TypeError(
                f"column {j} ({name!r}) of X has dtype {column.dtype}; "
                "encode it as numbers first"
            )
        out[:, j] = array
    return out, feature_names


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        hint = (
            ". Reshape your data with X.reshape(-1, 1) if it has a single feature, or "
            "X.reshape(1, -1) if it is a single sample"
            if len(shape) == 1
            else ""
        )
        raise ValueError(f"Expected a 2D array for X, got shape {shape}{hint}")
    n, p = shape
    if n == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={shape}): X has no rows")
    if p == 0:
        raise ValueError(
            f"Found array with 0 feature(s) (shape={shape}) while a minimum of 1 is "
            "required: X has no columns"
        )


def _float_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype X is kept in: float32 for float16 and float32, else float64."""
    small = dtype.kind == "f" and dtype.itemsize <= 4
    return np.dtype(np.float32 if small else np.float64)


def _to_dense(X: Any) -> tuple[np.ndarray, list[str] | None]:
    """A two-dimensional numeric ndarray in whatever order and dtype, and names."""
    names = None
    if is_frame(X):
        X, names = _frame_to_array(X)
    X = plain_array("X", X)
    if X.dtype.kind == "O":
        check_object("X", X)
    check_dtype("X", X.dtype)
    _check_shape(X.shape)
    return X, names


def _to_fortran(X: np.ndarray) -> np.ndarray:
    dtype = _float_dtype(X.dtype)
    if X.dtype == dtype and X.flags.f_contiguous and X.flags.aligned:
        return X
    out = np.empty(X.shape, dtype=dtype, order="F")
    with np.errstate(over="ignore"):
        if X.flags.f_contiguous:
            out[...] = X
        else:
            for i in range(0, len(X), _BLOCK):
                out[i : i + _BLOCK] = X[i : i + _BLOCK]
    return out


def _check_structure(data, indices, indptr, minor: int, major: int, axis: str) -> None:
    """Refuse what would make a kernel read outside the arrays."""
    if indices.ndim != 1 or data.ndim != 1 or indptr.ndim != 1:
        raise ValueError("data, indices and indptr of sparse X must be vectors")
    for name, array in (("indices", indices), ("indptr", indptr)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"{name} of sparse X has dtype {array.dtype}, not integer")
    if len(indptr) != major + 1:
        raise ValueError(
            f"indptr of sparse X has {len(indptr)} values, needs {major + 1}"
        )
    if indptr[0] != 0 or np.any(indptr[1:] < indptr[:-1]):
        raise ValueError("indptr of sparse X must start at 0 and never decrease")
    nnz = int(indptr[-1])
    if nnz > len(indices) or nnz > len(data):
        raise ValueError(
            f"indptr of sparse X asks for {nnz} entries; "
            f"indices has {len(indices)}, data has {len(data)}"
        )
    if nnz:
        used = indices[:nnz]
        for value in (int(used.min()), int(used.max())):
            if not 0 <= value < minor:
                k = int(np.argmax(used == value))
                other = int(np.searchsorted(indptr, k, side="right")) - 1
                name, against = (
                    ("column", "row") if axis == "row" else ("row", "column")
                )
                raise ValueError(
                    f"sparse X has {name} index {value} in {against} {other}, "
                    f"out of range for {minor} {name}s"
                )


def _is_canonical(indices: np.ndarray, indptr: np.ndarray) -> bool:
    """Whether indices are strictly increasing inside every column."""
    drops = np.flatnonzero(indices[1:] <= indices[:-1]) + 1
    return bool(np.all(indptr[np.searchsorted(indptr, drops)] == drops))


def _to_scipy(X: Any, check: bool) -> Any:
    """SciPy's CSC or CSR from any sparse X, structure checked; not for writing."""
    import scipy.sparse as sp

    if isinstance(X, CSC):
        _check_shape(tuple(X.shape))
        data, indices, indptr = (plain_array("X", part) for part in X[:3])
        check_dtype("X", data.dtype)
        if check:
            _check_structure(data, indices, indptr, X.shape[0], X.shape[1], "column")
        nnz = int(indptr[-1])
        return sp.csc_array((data[:nnz], indices[:nnz], indptr), shape=X.shape)
    _check_shape(X.shape)
    check_dtype("X", X.dtype)
    if X.format in ("csr", "csc") and check:
        major, minor = X.shape if X.format == "csr" else X.shape[::-1]
        axis = "row" if X.format == "csr" else "column"
        _check_structure(X.data, X.indices, X.indptr, minor, major, axis)
    elif X.format == "bsr" and check and X.indices.size:
        blocks = X.shape[1] // X.blocksize[1]
        if X.indices.min() < 0 or X.indices.max() >= blocks:
            raise ValueError("sparse X has a column index out of range")
    return X if X.format in ("csr", "csc") else X.tocsc()


def _to_csc(X: Any, check: bool) -> CSC:
    if isinstance(X, CSC):
        _check_shape(tuple(X.shape))
        n, p = (int(size) for size in X.shape)
        data, indices, indptr = (plain_array("X", part) for part in X[:3])
        check_dtype("X", data.dtype)
        if check:
            _check_structure(data, indices, indptr, n, p, "column")
    else:
        X = _to_scipy(X, check)
        n, p = X.shape
        if X.format != "csc":
            X = X.tocsc()
        data, indices, indptr = X.data, X.indices, X.indptr
    nnz = int(indptr[-1])
    data, indices = data[:nnz], indices[:nnz]
    if check and not _is_canonical(indices, indptr):
        import scipy.sparse as sp

        # sum_duplicates works in place: on our own copy
        own = sp.csc_array(
            (data.astype(_float_dtype(data.dtype)), indices.copy(), indptr.copy()),
            shape=(n, p),
        )
        own.sum_duplicates()
        data, indices, indptr = own.data, own.indices, own.indptr
    width = np.int32 if n <= np.iinfo(np.int32).max else np.int64
    return CSC(
        np.ascontiguousarray(data, dtype=_float_dtype(data.dtype)),
        np.ascontiguousarray(indices, dtype=width),
        np.ascontiguousarray(indptr, dtype=np.int64),
        (n, p),
    )


def check_X(
    X: Any, *, check_input: bool = True, check_values: bool = True
) -> tuple[np.ndarray | CSC, list[str] | None]:
    """Canonical training X and the names of its columns.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, CSC, pandas or polars frame of shape (n, p)
    check_input : bool
        False skips the passes over the values and over sparse indices.
    check_values : bool
        False skips those over the values alone.

    Returns
    -------
    X : ndarray (n, p) in Fortran order, float32 or float64, or CSC
    feature_names : list of str or None

    Raises
    ------
    ValueError, TypeError
        With the row and column of the first offender where there is one.
    """
    if isinstance(X, CSC) or _is_sparse(X):
        sparse = _to_csc(X, check_input)
        if check_input and check_values:
            check_sparse_values(sparse)
        return sparse, None
    X, names = _to_dense(X)
    X = _to_fortran(X)
    if check_input and check_values:
        check_dense_values(X, names)
    return X, names


def check_stack(X: Any) -> tuple[Any, list[str] | None]:
    """Problems stacked by rows: structure only, values are each problem's affair.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, pandas or polars frame of shape (rows, p)

    Returns
    -------
    X : ndarray (rows, p), C order, float32 or float64, or (data, indices int32,
        indptr int64, shape) of sparse rows
    feature_names : list of str or None

    Raises
    ------
    ValueError, TypeError
        X is not a table of numbers.
    """
    if isinstance(X, CSC) or _is_sparse(X):
        X = _to_scipy(X, True).tocsr()
        data = np.ascontiguousarray(X.data, dtype=_float_dtype(X.data.dtype))
        parts = (X.indices.astype(np.int32), X.indptr.astype(np.int64), X.shape)
        return (data, *parts), None
    X, names = _to_dense(X)
    X = np.ascontiguousarray(X, dtype=_float_dtype(X.dtype))
    return (X if X.flags.aligned else X.copy()), names


def check_features(
    X: Any, n_features: int, feature_names: list[str] | None = None
) -> Any:
    """X to predict from, checked, in the layout it has.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, CSC, pandas or polars frame of shape (n, p)
    n_features : int
        The p of the model.
    feature_names : list of str, optional
        Names of the model's columns; a frame with other names or another order is
        refused.

    Returns
    -------
    ndarray of shape (n, p), float32 or float64, any order, or SciPy CSR or CSC
        Without a copy where X is one of these.

    Raises
    ------
    ValueError, TypeError
        With the row and column of the first offender where there is one.
    """
    if isinstance(X, CSC) or _is_sparse(X):
        names = None
        X = _to_scipy(X, True)
        if X.data.dtype != _float_dtype(X.data.dtype):
            X = X.astype(_float_dtype(X.data.dtype))
    else:
        X, names = _to_dense(X)
        X = X.astype(_float_dtype(X.dtype), copy=False)
    if X.shape[1] != n_features:
        raise ValueError(f"X has {X.shape[1]} features, the model has {n_features}")
    if names is not None and feature_names is not None and names != feature_names:
        j = next(k for k in range(n_features) if names[k] != feature_names[k])
        raise ValueError(
            f"column {j} of X is {names[j]!r}, the model was fitted with "
            f"{feature_names[j]!r} there"
        )
    if isinstance(X, np.ndarray):
        check_dense_values(X, names)
    else:
        check_sparse_values(X)
    return X
