"""The nonzero coefficients of a model in memory, by slot; numpy only.

A *slot* is a feature with a nonzero coefficient for any output; inference touches slots
only::

    features  int64 (n_slots,)      strictly increasing: slot -> feature
    indptr    int64 (n_slots + 1,)  coefficients of slot k: indptr[k] … indptr[k + 1]
    outputs   int32 (nnz,)          output of each coefficient, increasing in a slot
    values    float (nnz,)          float64, or float32 for every other precision

With one output this is ``features[k], values[k]``; `Weights.matrix` is the same as a
dense (n_slots, n_outputs) array in C order, the better form when most of it is filled.
"""

from typing import Any

import numpy as np

from fastl1.artifact.packing import MAX_PLACE

MAX_OUTPUTS = 2**31 - 1
STORED: dict[str, np.dtype[Any]] = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "int8": np.dtype(np.int8),
    "int4": np.dtype(np.int8),
}
LARGEST_CODE = {"int8": 127, "int4": 7}
LARGEST_EXPONENT = 100


class Weights:
    """Nonzero coefficients of a linear model, by slot; see the module.

    Parameters
    ----------
    places : int64 array (nnz,)
        ``feature * n_outputs + output``, strictly increasing.
    codes : array (nnz,) of the dtype ``STORED[precision]``
        What is stored of each coefficient; those whose value is 0 are dropped.
    n_features, n_outputs : int
    precision : {"float64", "float32", "float16", "int8", "int4"}
    scales : float32 array (n_outputs,), optional
        Of int8 and int4: value = code * scale of the output, in float32.
    exponents : int8 array (nnz,), optional
        Of int8 and int4: the value is times 2 to this power, which is the same for all
        coefficients of a feature; where features are of scales so different that one
        for all would lose the coefficients of some.

    Raises
    ------
    ValueError
        Sizes or places that do not fit, values that are not finite.
    """

    __slots__ = (
        "_indptr",
        "codes",
        "exponents",
        "features",
        "n_features",
        "n_outputs",
        "outputs",
        "precision",
        "scales",
        "values",
    )

    def __init__(
        self,
        places: np.ndarray,
        codes: np.ndarray,
        n_features: int,
        n_outputs: int = 1,
        precision: str = "float64",
        scales: np.ndarray | None = None,
        exponents: np.ndarray | None = None,
    ) -> None:
        if n_features < 1:
            raise ValueError(f"n_features must be at least 1, got {n_features}")
        if not 1 <= n_outputs <= MAX_OUTPUTS or n_features * n_outputs > MAX_PLACE:
            raise ValueError(f"a model of {n_features} × {n_outputs} is too large")
        if len(places) and (places[0] < 0 or places[-1] >= n_features * n_outputs):
            raise ValueError(f"indices must lie between 0 and {n_features - 1}")
        if (np.diff(places) <= 0).any():
            raise ValueError("indices must be strictly increasing")
        self.n_features = n_features
        self.n_outputs = n_outputs
        self.precision = precision
        self.scales = None
        if precision in LARGEST_CODE:
            self.scales = _check_scales(scales, n_outputs)
            if np.abs(codes.astype(np.int16)).max(initial=0) > LARGEST_CODE[precision]:
                raise ValueError(f"a code exceeds the range of {precision}")
        elif scales is not None or exponents is not None:
            raise ValueError(f"{precision} values have no scales")
        _check_exponents(exponents, len(codes))
        if exponents is not None and not exponents.any():
            exponents = None
        kept = codes != 0
        if not kept.all():
            places, codes = places[kept], codes[kept]
            exponents = None if exponents is None else exponents[kept]
        self.codes = codes
        self.exponents = exponents
        if n_outputs == 1:
            self.features = places
            self.outputs = np.broadcast_to(np.int32(0), len(places))
        else:
            feature = places // n_outputs
            first = np.flatnonzero(np.diff(feature, prepend=-1))
            self.features = feature[first]
            self._indptr = np.append(first, len(places))
            self.outputs = (places - feature * n_outputs).astype(np.int32)
        if exponents is not None and n_outputs > 1:
            at = self._indptr[:-1]
            if (exponents != np.repeat(exponents[at], np.diff(self._indptr))).any():
                raise ValueError("exponents differ within a feature")
        self.values = self._decode()
        bad = ~np.isfinite(self.values)
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"values: entry {i} is {self.values[i]}")
        for array in (self.features, self.outputs, codes, exponents, self.values):
            if array is not None:
                array.flags.writeable = False

    def _decode(self):
        if self.scales is not None:
            values = self.codes.astype(np.float32) * self.scales[self.outputs]
            if self.exponents is None:
                return values
            with np.errstate(over="ignore"):  # refused as infinite
                return np.ldexp(values, self.exponents.astype(np.intc))
        narrow = self.precision == "float16"
        return self.codes.astype(np.float32) if narrow else self.codes

    @property
    def nnz(self) -> int:
        """Number of nonzero coefficients."""
        return len(self.codes)

    @property
    def indptr(self) -> np.ndarray:
        """Where the coefficients of each slot start, int64 (n_slots + 1,)."""
        return np.arange(self.nnz + 1) if self.n_outputs == 1 else self._indptr

    @property
    def feature_of(self) -> np.ndarray:
        """Feature of each coefficient, int64 (nnz,)."""
        if self.n_outputs == 1:
            return self.features
        return np.repeat(self.features, np.diff(self.indptr))

    @property
    def places(self) -> np.ndarray:
        """``feature * n_outputs + output`` of each coefficient, int64 (nnz,)."""
        return self.feature_of * self.n_outputs + self.outputs

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take in memory."""
        arrays = {id(array): array.nbytes for array in (self.codes, self.values)}
        if self.n_outputs > 1:
            arrays |= {id(a): a.nbytes for a in (self._indptr, self.outputs)}
        if self.exponents is not None:
            arrays[id(self.exponents)] = self.exponents.nbytes
        return sum(arrays.values()) + self.features.nbytes

    def matrix(self, dtype: Any = np.float64) -> np.ndarray:
        """Dense coefficients of the slots, (n_slots, n_outputs) in C order."""
        out = np.zeros((len(self.features), self.n_outputs), dtype)
        out[np.repeat(np.arange(len(out)), np.diff(self.indptr)), self.outputs] = (
            self.values
        )
        return out

    def replace(
        self,
        codes: np.ndarray,
        precision: str | None = None,
        scales: np.ndarray | None = None,
        exponents: np.ndarray | None = None,
    ) -> "Weights":
        """The same places with other codes."""
        return Weights(
            self.places,
            codes,
            self.n_features,
            self.n_outputs,
            precision or self.precision,
            self.scales if precision is None else scales,
            self.exponents if precision is None else exponents,
        )


def _check_exponents(exponents, count):
    if exponents is None:
        return
    if exponents.shape != (count,) or exponents.dtype != np.int8:
        raise ValueError(f"one int8 exponent for each of {count} coefficients expected")
    if (np.abs(exponents.astype(np.int16)) > LARGEST_EXPONENT).any():
        raise ValueError(f"exponents must lie within ±{LARGEST_EXPONENT}")


def _check_scales(scales, n_outputs):
    if scales is None or scales.shape != (n_outputs,) or scales.dtype != np.float32:
        raise ValueError(f"one float32 scale for each of {n_outputs} outputs expected")
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise ValueError("scales must be positive and finite")
    return scales


def make_weights(indices, values, outputs, n_features, n_outputs):
    """Weights of coefficients as a user gives them, see `SparseModel`.

    Raises
    ------
    ValueError, TypeError
        Shapes that do not fit, indices that are no numbers or out of range.
    """
    if n_features < 1:
        raise ValueError(f"n_features must be at least 1, got {n_features}")
    indices, values = np.asarray(indices), np.asarray(values)
    if values.ndim == 2 and outputs is None:
        if values.shape[1:] != (n_outputs,):
            raise ValueError(
                f"values has shape {values.shape}, but there are {n_outputs} intercepts"
            )
        if (np.diff(indices) <= 0).any():
            raise ValueError("indices must be strictly increasing")
        outputs = np.tile(np.arange(n_outputs), len(values))
        indices, values = np.repeat(indices, n_outputs), values.ravel()
    elif outputs is None:
        if n_outputs > 1:
            raise ValueError(
                f"there are {n_outputs} intercepts: give values with {n_outputs} "
                "columns, or the output of each coefficient as outputs"
            )
        outputs = np.zeros(len(indices), np.int64)
    outputs = np.asarray(outputs)
    if indices.ndim != 1 or not indices.shape == values.shape == outputs.shape:
        raise ValueError(
            f"indices and values must be 1-d and equally long, got shapes "
            f"{indices.shape} and {values.shape}"
        )
    for name, array, count in (
        ("indices", indices, n_features),
        ("outputs", outputs, n_outputs),
    ):
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers, got dtype {array.dtype}")
        if array.size and (array.min() < 0 or array.max() >= count):
            raise ValueError(f"{name} must lie between 0 and {count - 1}")
    places = indices.astype(np.int64) * n_outputs + outputs.astype(np.int64)
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    values = values.astype(dtype)
    return Weights(places, values, n_features, n_outputs, np.dtype(dtype).name)
