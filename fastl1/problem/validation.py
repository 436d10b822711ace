"""Validation, once per call: what the user has becomes canonical arrays or an error.

What reaches the solver is `Problem`: X as a Fortran-ordered float array or a `CSC`
tuple with sorted, unique, in-range row indices; everything else float64 vectors.

Cost.  Fortran-ordered float32/float64 is taken as it is, and so is a canonical CSC
matrix with int32 indices; C order is copied once, in blocks of rows.  Values are
checked by one pass, a sum of squares at memory speed, or by the solver's own first
pass; the search for the offending cell runs only when that sum is suspicious.  SciPy's
sparse module is not imported unless the caller has.
"""

import sys
from collections import namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1 import _runtime
from fastl1.loss.losses import Loss, Multinomial, as_loss
from fastl1.problem.survival import Survival, check_survival

CSC = namedtuple("CSC", "data indices indptr shape")
CSC.__doc__ = """Sparse X by columns.

data float32/float64 (nnz,), indices int32/int64 (nnz,) sorted and unique in each
column, indptr int64 (p + 1,), shape (n, p).
"""

# Squares of larger values, summed over rows, may leave the range of float64.
MAX_ABS = 1e140

_BLOCK = 64


@dataclass(slots=True)
class Problem:
    """One validated problem: what the solver's constructor takes, and what comes back.

    Attributes
    ----------
    X : ndarray (n, p) in Fortran order, float32 or float64, or CSC
    y : ndarray (n,), float64; index into `classes` for losses of labels
    loss : str
        Name of `family`.
    l1_ratio : float
    penalty_factor, lower, upper : ndarray (p,), float64, or None
    fit_intercept, standardize : bool
    sample_weight, offset : ndarray (n,), float64, or None
        The offset of the multinomial loss has a column for each class.
    classes : ndarray (2,), or of any length for the multinomial loss, or None
        The labels, sorted; None for losses of numbers.
    feature_names : list of str or None
        Column names of the data frame that X was.
    dtype : numpy.dtype
        float32 or float64: that of X and of the coefficients to return.
    n_threads : int
    family : Loss
        The loss with its parameters, its link and its deviance.
    survival : Survival or None
        Times and strata, for the Cox loss; y is the event then.
    deferred : bool
        The values of X are still to be checked, by the solver's first pass.
    """

    X: Any
    y: np.ndarray
    loss: str
    l1_ratio: float
    penalty_factor: np.ndarray | None
    lower: np.ndarray | None
    upper: np.ndarray | None
    fit_intercept: bool
    standardize: bool
    sample_weight: np.ndarray | None
    offset: np.ndarray | None
    classes: np.ndarray | None
    feature_names: list[str] | None
    dtype: np.dtype
    n_threads: int
    family: Loss
    survival: Survival | None = None
    deferred: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(n, p)."""
        return self.X.shape

    def check_values(self) -> None:
        """Raise a ValueError that names the first value of X that is not finite or too
        large."""
        if isinstance(self.X, CSC):
            _check_sparse_values(self.X)
        else:
            _check_dense_values(self.X, self.feature_names)

    @property
    def n_outputs(self) -> int:
        """Linear predictors of a row: one per class if multinomial, else 1."""
        return len(self.classes) if self.loss == Multinomial.name else 1


# Scalars


def check_real(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a float inside an interval, or an error that names it."""
    if not isinstance(value, Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    value = float(value)
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if below or above or value != value:
        left, right = "(["[not open_low], ")]"[not open_high]
        raise ValueError(f"{name} must be in {left}{low}, {high}{right}, got {value}")
    return value


def check_int(name: str, value: Any, low: int) -> int:
    """`value` as an int of at least `low`, or an error that names it."""
    if not isinstance(value, Integral) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    return int(value)


def check_flag(name: str, value: Any) -> bool:
    """`value` as a bool, or an error that names it."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


# Values


def _suspicious(values: np.ndarray) -> bool:
    """Whether an array may hold NaN, infinity or a magnitude beyond MAX_ABS."""
    if values.dtype.kind != "f":
        return False
    if values.flags.c_contiguous or values.flags.f_contiguous:
        values = values.ravel(order="K")
    axes = "ij"[: values.ndim]
    with np.errstate(all="ignore"):
        total = np.einsum(f"{axes},{axes}->", values, values)
    return not float(total) < MAX_ABS**2


def _fault(value: float) -> str | None:
    if value != value:
        return "NaN"
    if np.isinf(value):
        return f"{value} (infinity)"
    if abs(value) > MAX_ABS:
        return f"{value}, beyond {MAX_ABS:g} in magnitude: rescale it"
    return None


def _first_fault(values: np.ndarray) -> int | None:
    """Position of the first offender of a vector."""
    limit = min(MAX_ABS, float(np.finfo(values.dtype).max))
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(values) <= limit)
    return int(bad.argmax()) if bad.any() else None


def _check_vector_values(name: str, values: np.ndarray, index: str = "row") -> None:
    if _suspicious(values):
        i = _first_fault(values)
        if i is not None:
            raise ValueError(f"{name} contains {_fault(values[i])} at {index} {i}")


def _column_label(j: int, names: list[str] | None) -> str:
    return f"column {j}" + (f" ({names[j]!r})" if names is not None else "")


def _check_dense_values(X: np.ndarray, names: list[str] | None) -> None:
    if not _suspicious(X):
        return
    for j in range(X.shape[1]):
        i = _first_fault(X[:, j])
        if i is not None:
            raise ValueError(
                f"X contains {_fault(X[i, j])} at row {i}, {_column_label(j, names)}"
            )


def _check_sparse_values(X: Any) -> None:
    """`X`: SciPy's CSC or CSR, or CSC."""
    if not _suspicious(X.data):
        return
    k = _first_fault(X.data)
    if k is None:
        return
    major = int(np.searchsorted(X.indptr, k, side="right")) - 1
    minor = int(X.indices[k])
    i, j = (major, minor) if getattr(X, "format", "csc") == "csr" else (minor, major)
    raise ValueError(f"X contains {_fault(X.data[k])} at row {i}, column {j}")


def _check_kind(name: str, dtype: np.dtype) -> None:
    """Refuse everything but numbers and booleans."""
    kind = dtype.kind
    if kind in "fiub":
        return
    if kind == "c":
        raise ValueError(f"Complex data not supported: {name} has dtype {dtype}")
    if kind == "O":
        raise TypeError(
            f"{name} has dtype object; convert it to numbers first, "
            f"such as {name}.astype(float)"
        )
    raise TypeError(f"{name} has dtype {dtype}; it must hold numbers")


def _check_object(name: str, values: np.ndarray, index: str = "row") -> None:
    """Name the first cell of an object array that is not a number."""
    if values.ndim == 0:
        kind = type(values.item()).__name__
        raise TypeError(f"{name} must be an array of numbers, got {kind}")
    for where in np.ndindex(values.shape):
        value = values[where]
        if isinstance(value, complex):
            raise ValueError(f"Complex data not supported: {name} contains {value!r}")
        if not isinstance(value, (Real, np.bool_)):
            place = f"{index} {where[0]}" + (
                f", column {where[1]}" if where[1:] else ""
            )
            raise TypeError(
                f"{name} has dtype object and contains {value!r} "
                f"({type(value).__name__}) at {place}; it must hold numbers"
            )


def _plain_array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{name} has masked entries; fill or drop them first")
    try:
        return np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} is not a rectangular array: {error}") from None


# Vectors


def _column_to_array(column: Any) -> np.ndarray | None:
    """Numbers of one pandas or polars column, missing ones NaN; None if it has none."""
    values = column.to_numpy()
    if values.dtype.kind in "fiub":
        return values
    if getattr(column.dtype, "kind", "O") in "fiub":  # pandas' nullable numbers
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return None


def check_vector(
    name: str,
    value: ArrayLike,
    n: int,
    *,
    of: str = "row",
    check_values: bool = True,
) -> np.ndarray:
    """A contiguous float64 vector of n finite numbers, without a copy if it is one.

    `of` says what an element belongs to: a "row" or "column" of X, or a "position".
    """
    series = hasattr(value, "to_numpy") and hasattr(value, "dtype")
    values = _column_to_array(value) if series else None
    if values is None:
        values = _plain_array(name, value)
    if values.dtype.kind == "O":
        _check_object(name, values, of)
    _check_kind(name, values.dtype)
    _check_length(name, values, n, of)
    values = np.ascontiguousarray(values, dtype=np.float64)
    if not values.flags.aligned:
        values = values.copy()
    if check_values:
        _check_vector_values(name, values, of)
    return values


def _check_length(name: str, values: np.ndarray, n: int, of: str) -> None:
    per = of if of == "position" else f"{of} of X"
    if values.ndim != 1:
        hint = f"; use {name}.ravel()" if values.shape[1:] == (1,) else ""
        raise ValueError(
            f"{name} must have one dimension, one value per {per}; "
            f"got shape {values.shape}{hint}"
        )
    if len(values) != n:
        raise ValueError(f"{name} has {len(values)} values, one per {per} makes {n}")


def _check_per_column(
    name: str, value: ArrayLike | None, p: int, default: float
) -> np.ndarray | None:
    """A float64 (p,) vector from a scalar or a vector; infinities pass, NaN not."""
    if value is None:
        return None
    values = _plain_array(name, value)
    if values.ndim == 0:
        _check_kind(name, values.dtype)
        values = np.full(p, values, dtype=np.float64)
    else:
        values = check_vector(name, values, p, of="column", check_values=False)
    bad = np.isnan(values)
    if bad.any():
        raise ValueError(f"{name} contains NaN at column {bad.argmax()}")
    return None if np.all(values == default) else values


def _check_penalty_factor(value: ArrayLike | None, p: int) -> np.ndarray | None:
    factor = _check_per_column("penalty_factor", value, p, 1.0)
    if factor is not None:
        bad = factor < 0
        if bad.any():
            j = bad.argmax()
            raise ValueError(
                f"penalty_factor is negative ({factor[j]}) at column {j}; "
                "0 leaves a column unpenalized, inf excludes it"
            )
        bad = (factor > MAX_ABS) & ~np.isinf(factor)
        if bad.any():
            j = bad.argmax()
            raise ValueError(
                f"penalty_factor is {factor[j]} at column {j}, beyond {MAX_ABS:g}; "
                "use inf to exclude a column"
            )
    return factor


def _check_bounds(
    lower: ArrayLike | None, upper: ArrayLike | None, p: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    lo = _check_per_column("lower", lower, p, -np.inf)
    up = _check_per_column("upper", upper, p, np.inf)
    for name, bound, bad in (
        ("lower", lo, lo is not None and lo > 0),
        ("upper", up, up is not None and up < 0),
    ):
        if np.any(bad):
            j = int(np.argmax(bad))
            raise ValueError(
                f"{name} bound {bound[j]} of column {j} excludes 0; "
                "every coefficient must be allowed to be 0"
            )
    return lo, up


def _check_weight(value: ArrayLike | None, n: int, check: bool) -> np.ndarray | None:
    if value is None:
        return None
    weight = check_vector("sample_weight", value, n, check_values=check)
    if check:
        bad = weight < 0
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"sample_weight is negative ({weight[i]}) at row {i}")
        if not weight.any():
            raise ValueError("sample_weight is 0 at every row")
    return weight


def _apply_class_weight(
    class_weight: Mapping[Any, float] | str,
    codes: np.ndarray,
    classes: np.ndarray | None,
    weight: np.ndarray | None,
    family: Loss,
) -> np.ndarray:
    """sample_weight times the weight of each row's label."""
    if classes is None:
        raise ValueError(f"class_weight needs labels; loss={family.name!r} has none")
    k = codes.astype(np.intp)
    base = np.ones(len(k)) if weight is None else weight
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"class_weight must be a dict or 'balanced', got {class_weight!r}"
            )
        # as in scikit-learn, which counts rows and not their weights
        return base * (len(k) / (len(classes) * np.bincount(k)))[k]
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight must be a dict or 'balanced', got {class_weight!r}"
        )
    factors = np.ones(len(classes))
    for label, factor in class_weight.items():
        (at,) = np.nonzero(classes == label)
        if not len(at):
            shown = ", ".join(str(label) for label in classes)
            raise ValueError(
                f"class_weight has label {label!r}, y has the labels {shown}"
            )
        # positive, so that no class is lost
        factors[at] = check_real(
            f"class_weight[{label!r}]", factor, 0.0, open_low=True, open_high=True
        )
    return base * factors[k]


def _check_labels(y: ArrayLike, n: int, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """(codes 0.0, 1.0, ..., the classes) from any labels: two of them, or more for the
    multinomial loss."""
    values = _plain_array("y", y.to_numpy() if hasattr(y, "to_numpy") else y)
    _check_length("y", values, n, "row")
    kind = values.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: y has dtype {values.dtype}")
    if kind == "f":
        _check_vector_values("y", values)
    elif kind == "O":
        for i, value in enumerate(values):
            # NaN, None and pandas' NA do not equal themselves or are no label at all
            if value is None or not isinstance(value == value, (bool, np.bool_)):
                raise ValueError(f"y contains {value!r} at row {i}")
            if value != value:
                raise ValueError(f"y contains NaN at row {i}")
    try:
        classes, codes = np.unique(values, return_inverse=True)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise TypeError(
            f"y mixes labels of types {', '.join(kinds)}; use one type"
        ) from None
    if len(classes) == 1:
        raise ValueError(
            f"y contains one class only ({classes[0]!r}); loss={loss!r} needs two"
        )
    if len(classes) != 2 and loss != Multinomial.name:
        shown = ", ".join(str(label) for label in classes[:5])
        shown += ", ..." if len(classes) > 5 else ""
        raise ValueError(
            f"loss={loss!r} needs two classes, y has {len(classes)} ({shown}); "
            "loss='multinomial' takes any number"
        )
    return codes.astype(np.float64), classes


def _check_table(
    name: str, value: Any, n: int, check_values: bool, check_kind: bool = True
) -> np.ndarray:
    """A two-dimensional array of n rows, a column for each target."""
    values = _plain_array(name, value.to_numpy() if _is_frame(value) else value)
    if values.ndim != 2:
        hint = "; use path for a single target" if values.ndim == 1 else ""
        raise ValueError(
            f"{name} must have two dimensions, a column for each target; "
            f"got shape {values.shape}{hint}"
        )
    if len(values) != n:
        raise ValueError(f"{name} has {len(values)} rows, X has {n}")
    if not values.shape[1]:
        raise ValueError(f"{name} has no columns")
    if not check_kind:
        return values
    if values.dtype.kind == "O":
        _check_object(name, values)
    _check_kind(name, values.dtype)
    values = np.asfortranarray(values, dtype=np.float64)
    if check_values and _suspicious(values):
        for j in range(values.shape[1]):
            i = _first_fault(values[:, j])
            if i is not None:
                raise ValueError(
                    f"{name} contains {_fault(values[i, j])} at row {i}, column {j}"
                )
    return values


def check_targets(
    Y: ArrayLike, n: int, family: Loss, *, check_input: bool = True
) -> tuple[np.ndarray, np.ndarray | None]:
    """Several targets of one loss.

    Parameters
    ----------
    Y : array-like of shape (n, k)
        Labels are the same two in every column.
    n : int
        Rows of X.
    family : Loss
    check_input : bool

    Returns
    -------
    Y : ndarray (n, k), float64, Fortran order
    classes : ndarray (2,) or None

    Raises
    ------
    ValueError, TypeError
        Naming the row and column.
    """
    if not family.labels or not check_input:
        Y = _check_table("Y", Y, n, check_input)
        if check_input:
            for j in range(Y.shape[1]):
                try:
                    family.check_values(Y[:, j])
                except ValueError as error:
                    raise ValueError(f"column {j} of Y: {error}") from None
        return Y, np.array([0.0, 1.0]) if family.labels else None
    Y = _check_table("Y", Y, n, check_input, check_kind=False)
    codes, classes = _check_labels(Y.ravel(order="F"), Y.size, family.name)
    codes = codes.reshape(Y.shape, order="F")
    single = codes.min(axis=0) == codes.max(axis=0)
    if single.any():
        j = int(single.argmax())
        raise ValueError(
            f"column {j} of Y contains one class only "
            f"({classes[int(codes[0, j])]!r}); loss={family.name!r} needs two"
        )
    return codes, classes


def check_per_target(
    name: str, value: ArrayLike | None, n: int, k: int, *, check_input: bool = True
) -> np.ndarray | None:
    """Numbers of all targets (n,) or of each (n, k), float64, Fortran order, or None.

    Those of the name ``sample_weight`` are checked to be weights.
    """
    if value is None or np.ndim(value) != 2:
        if name == "sample_weight":
            return _check_weight(value, n, check_input)
        return None if value is None else check_vector(name, value, n)
    values = _check_table(name, value, n, check_input)
    if values.shape[1] != k:
        raise ValueError(f"{name} has {values.shape[1]} columns, Y has {k}")
    if check_input and name == "sample_weight":
        for j in range(k):
            try:
                _check_weight(values[:, j], n, True)
            except ValueError as error:
                raise ValueError(f"column {j}: {error}") from None
    return values


def class_weights_per_target(
    class_weight: Mapping[Any, float] | str,
    codes: np.ndarray,
    classes: np.ndarray | None,
    weight: np.ndarray | None,
    family: Loss,
) -> np.ndarray:
    """Weights (n, k), Fortran order, of targets (n, k): those of the rows, of all
    targets or of each, times those of the labels."""
    out = np.empty(codes.shape, order="F")
    for j in range(codes.shape[1]):
        own = weight[:, j] if weight is not None and weight.ndim == 2 else weight
        out[:, j] = _apply_class_weight(class_weight, codes[:, j], classes, own, family)
    return out


def _check_weighted_classes(
    present: np.ndarray, classes: np.ndarray, family: Loss
) -> None:
    """Refuse classes without a row of positive weight: codes of these are `present`."""
    counts = np.bincount(present, minlength=len(classes))
    if np.count_nonzero(counts) == 1:
        raise ValueError(
            f"one class only ({classes[counts.argmax()]!r}) has rows of positive "
            f"sample_weight; loss={family.name!r} needs two"
        )
    if not counts.all():
        lost = classes.tolist()[counts.argmin()]
        raise ValueError(
            f"class {lost!r} has no row of positive sample_weight; drop its rows"
        )


def check_offset(
    offset: ArrayLike,
    n: int,
    classes: np.ndarray | None,
    family: Loss,
    check_values: bool = True,
) -> np.ndarray:
    """Offsets of n rows as float64 (n,), or (n, K) in Fortran order for the multinomial
    loss and its K classes; else an error."""
    if not isinstance(family, Multinomial) or classes is None:
        return check_vector("offset", offset, n, check_values=check_values)
    values = _plain_array("offset", offset)
    if values.shape != (n, len(classes)):
        raise ValueError(
            f"offset has shape {values.shape}; loss='multinomial' needs one column per "
            f"class, ({n}, {len(classes)})"
        )
    if values.dtype.kind == "O":
        _check_object("offset", values)
    _check_kind("offset", values.dtype)
    values = np.asfortranarray(values, dtype=np.float64)
    if check_values:
        for k, label in enumerate(classes.tolist()):
            _check_vector_values(f"offset of class {label!r}", values[:, k])
    return values


# X


def _is_sparse(X: Any) -> bool:
    # A SciPy matrix can only come from somebody who has imported the module.
    module = sys.modules.get("scipy.sparse")
    return module is not None and module.issparse(X)


def _is_frame(X: Any) -> bool:
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
        array = _column_to_array(column)
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
    if _is_frame(X):
        X, names = _frame_to_array(X)
    X = _plain_array("X", X)
    if X.dtype.kind == "O":
        _check_object("X", X)
    _check_kind("X", X.dtype)
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
        data, indices, indptr = (_plain_array("X", part) for part in X[:3])
        _check_kind("X", data.dtype)
        if check:
            _check_structure(data, indices, indptr, X.shape[0], X.shape[1], "column")
        nnz = int(indptr[-1])
        return sp.csc_array((data[:nnz], indices[:nnz], indptr), shape=X.shape)
    _check_shape(X.shape)
    _check_kind("X", X.dtype)
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
        data, indices, indptr = (_plain_array("X", part) for part in X[:3])
        _check_kind("X", data.dtype)
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
            _check_sparse_values(sparse)
        return sparse, None
    X, names = _to_dense(X)
    X = _to_fortran(X)
    if check_input and check_values:
        _check_dense_values(X, names)
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


def check_stack_target(
    y: ArrayLike, n: int, family: Loss
) -> tuple[np.ndarray, np.ndarray | None]:
    """(y (n,) float64, classes or None); a value that is none becomes NaN, for the
    status of its problem."""
    if not family.labels:
        return check_vector("y", y, n, check_values=False), None
    values = _plain_array("y", y.to_numpy() if hasattr(y, "to_numpy") else y)
    _check_length("y", values, n, "row")
    known = np.array([v is not None and v == v for v in values.tolist()], dtype=bool)
    classes = np.unique(values[known])
    if len(classes) > 2:
        shown = ", ".join(str(label) for label in classes[:5])
        raise ValueError(
            f"loss={family.name!r} needs two classes, y has {len(classes)} ({shown}"
            + (", ...)" if len(classes) > 5 else ")")
        )
    codes = np.full(n, np.nan)
    codes[known] = np.searchsorted(classes, values[known])
    return codes, classes


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
        _check_dense_values(X, names)
    else:
        _check_sparse_values(X)
    return X


def check_problem(
    X: Any,
    y: ArrayLike,
    *,
    loss: str | Loss = "squared",
    l1_ratio: float = 1.0,
    penalty_factor: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[Any, float] | str | None = None,
    strata: ArrayLike | None = None,
    offset: ArrayLike | None = None,
    n_threads: int | None = None,
    check_input: bool = True,
    defer_values: bool = False,
) -> Problem:
    """Validate everything that defines a problem, once.

    Parameters
    ----------
    X : array-like, SciPy sparse matrix, CSC, pandas or polars frame of shape (n, p)
        Fortran-ordered float32/float64 and canonical CSC with int32 indices are used in
        place, read-only memory maps included; anything else is converted once.
    y : array-like of shape (n,)
        Numbers in the range of the loss, or any two labels (multinomial: any number).
    loss : str or Loss
    l1_ratio : float in [0, 1]
    penalty_factor : scalar or array-like of shape (p,), >= 0
        0 never penalizes, inf excludes.
    lower, upper : scalar or array-like of shape (p,)
        Bounds of the coefficients on the original scale, lower <= 0 <= upper.
    fit_intercept, standardize : bool
    sample_weight : array-like of shape (n,), >= 0, not all 0
    class_weight : dict or "balanced", optional
        For losses of labels, as in `fastl1.path`.
    strata : array-like of shape (n,), optional
        For the Cox loss.
    offset : array-like of shape (n,), or (n, K) for K classes of the multinomial loss
    n_threads : int, optional
    check_input : bool
        False skips the passes over values and indices: the caller vouches that X and
        the vectors are finite, a sparse X canonical, and y (logistic) in {0.0, 1.0}.
    defer_values : bool
        True leaves the values of X to `fastl1.fit.paths.make_solver`, whose first pass
        over X finds what is wrong with them: for callers who do nothing else with X
        first.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError, TypeError
        Naming the argument and, where there is one, the row and column.
    """
    family = as_loss(loss)
    l1_ratio = check_real("l1_ratio", l1_ratio, 0.0, 1.0)
    fit_intercept = check_flag("fit_intercept", fit_intercept)
    standardize = check_flag("standardize", standardize)
    n_threads = _runtime.resolve_threads(n_threads)
    X, feature_names = check_X(
        X, check_input=check_input, check_values=not defer_values
    )
    n, p = X.shape
    classes = None
    if y is None:
        raise ValueError("y is None; a target is required")
    survival = None
    if strata is not None and family.name != "cox":
        raise ValueError(f"strata go with loss='cox' only, not {family.name!r}")
    if family.name == "cox":
        survival = check_survival(y, n, strata)
        y = survival.event.astype(np.float64)
        fit_intercept = False
    elif not family.labels:
        y = check_vector("y", y, n, check_values=check_input)
        if check_input:
            family.check_values(y)
    elif check_input:
        y, classes = _check_labels(y, n, family.name)
    else:
        y = check_vector("y", y, n, check_values=False)
        classes = np.arange(2.0)
        if isinstance(family, Multinomial):
            classes = np.arange(max(float(y.max()) + 1.0, 2.0))
    weight = _check_weight(sample_weight, n, check_input)
    if check_input and weight is not None and classes is not None:
        _check_weighted_classes(y[weight > 0].astype(np.intp), classes, family)
    if class_weight is not None:
        weight = _apply_class_weight(class_weight, y, classes, weight, family)
    if survival is not None and weight is not None and not (weight @ y > 0):
        raise ValueError("no event has a positive sample_weight: loss='cox' needs one")
    if offset is not None:
        offset = check_offset(offset, n, classes, family, check_input)
    lower, upper = _check_bounds(lower, upper, p)
    return Problem(
        X=X,
        y=y,
        loss=family.name,
        l1_ratio=l1_ratio,
        penalty_factor=_check_penalty_factor(penalty_factor, p),
        lower=lower,
        upper=upper,
        fit_intercept=fit_intercept,
        standardize=standardize,
        sample_weight=weight,
        offset=offset,
        classes=classes,
        feature_names=feature_names,
        dtype=X.data.dtype if isinstance(X, CSC) else X.dtype,
        n_threads=n_threads,
        family=family,
        survival=survival,
        deferred=defer_values and check_input,
    )
