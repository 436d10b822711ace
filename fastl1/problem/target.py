"""y of every loss, with what goes along with its rows: labels, weights, offsets."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1.loss.losses import Loss
from fastl1.problem.matrix import is_frame
from fastl1.problem.scalars import check_real
from fastl1.problem.vectors import (
    check_dtype,
    check_length,
    check_object,
    check_vector,
    check_vector_values,
    fault_of,
    first_fault,
    plain_array,
    suspicious,
)


def check_row_weight(value: ArrayLike | None, n: int, check: bool) -> np.ndarray | None:
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


def apply_class_weight(
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


def check_labels(y: ArrayLike, n: int, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """(codes 0.0, 1.0, ..., the classes) from any labels: two of them, or more for the
    multinomial loss."""
    values = plain_array("y", y.to_numpy() if hasattr(y, "to_numpy") else y)
    check_length("y", values, n, "row")
    kind = values.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported: y has dtype {values.dtype}")
    if kind == "f":
        check_vector_values("y", values)
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
            f"y contains one class only ({classes[0]!r}); loss={loss.name!r} needs two"
        )
    if len(classes) != 2 and not loss.by_class:
        shown = ", ".join(str(label) for label in classes[:5])
        shown += ", ..." if len(classes) > 5 else ""
        raise ValueError(
            f"loss={loss.name!r} needs two classes, y has {len(classes)} ({shown}); "
            "loss='multinomial' takes any number"
        )
    return codes.astype(np.float64), classes


def _check_table(
    name: str, value: Any, n: int, check_values: bool, check_kind: bool = True
) -> np.ndarray:
    """A two-dimensional array of n rows, a column for each target."""
    values = plain_array(name, value.to_numpy() if is_frame(value) else value)
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
        check_object(name, values)
    check_dtype(name, values.dtype)
    values = np.asfortranarray(values, dtype=np.float64)
    if check_values and suspicious(values):
        for j in range(values.shape[1]):
            i = first_fault(values[:, j])
            if i is not None:
                raise ValueError(
                    f"{name} contains {fault_of(values[i, j])} at row {i}, column {j}"
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
    codes, classes = check_labels(Y.ravel(order="F"), Y.size, family)
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
            return check_row_weight(value, n, check_input)
        return None if value is None else check_vector(name, value, n)
    values = _check_table(name, value, n, check_input)
    if values.shape[1] != k:
        raise ValueError(f"{name} has {values.shape[1]} columns, Y has {k}")
    if check_input and name == "sample_weight":
        for j in range(k):
            try:
                check_row_weight(values[:, j], n, True)
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
        out[:, j] = apply_class_weight(class_weight, codes[:, j], classes, own, family)
    return out


def check_weighted_classes(
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
    if not family.by_class or classes is None:
        return check_vector("offset", offset, n, check_values=check_values)
    values = plain_array("offset", offset)
    if values.shape != (n, len(classes)):
        raise ValueError(
            f"offset has shape {values.shape}; loss='multinomial' needs one column per "
            f"class, ({n}, {len(classes)})"
        )
    if values.dtype.kind == "O":
        check_object("offset", values)
    check_dtype("offset", values.dtype)
    values = np.asfortranarray(values, dtype=np.float64)
    if check_values:
        for k, label in enumerate(classes.tolist()):
            check_vector_values(f"offset of class {label!r}", values[:, k])
    return values


def check_stack_target(
    y: ArrayLike, n: int, family: Loss
) -> tuple[np.ndarray, np.ndarray | None]:
    """(y (n,) float64, classes or None); a value that is none becomes NaN, for the
    status of its problem."""
    if not family.labels:
        return check_vector("y", y, n, check_values=False), None
    values = plain_array("y", y.to_numpy() if hasattr(y, "to_numpy") else y)
    check_length("y", values, n, "row")
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
