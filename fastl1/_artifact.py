"""What a ``.fl1`` file holds, between its bytes and its Python objects; numpy only.

In memory: `Weights`, the nonzero coefficients by slot.  A *slot* is a feature with a
nonzero coefficient for any output; inference touches slots only::

    features  int64 (n_slots,)      strictly increasing: slot -> feature
    indptr    int64 (n_slots + 1,)  coefficients of slot k: indptr[k] … indptr[k + 1]
    outputs   int32 (nnz,)          output of each coefficient, increasing in a slot
    values    float (nnz,)          float64, or float32 for every other precision

With one output this is ``features[k], values[k]``; `Weights.matrix` is the same as a
dense (n_slots, n_outputs) array in C order, the better form when most of it is filled.

In the file (schema 2), a container (`_container`) of::

    values     F64 F32 F16 (nnz,) | I8 (nnz,) | U8 ((nnz + 1) // 2,)
    intercept  F64 (n_outputs,)
    gaps       U8  (bytes,)      where the coefficients are
    scales     F32 (n_outputs,)  int8 and int4 only
    names      U8  (bytes,)      JSON list of the feature names, when known; or
    kept_names U8  (bytes,)      of those of the slots only

Coefficient i stands at ``place = feature * n_outputs + output``; `gaps` holds the
differences of successive places minus one as variable-length integers, 7 bits a byte,
the lowest first, the high bit set in all bytes but the last.  At 1 % kept this is 1.3
bytes.  int8 and int4 values are codes, to be multiplied by the scale of their output;
int4 packs two to a byte, two's complement, the low nibble first.

Metadata, all strings: ``format``, ``schema``, ``minor``, and three JSON texts:
``model`` (n_features, n_outputs, precision, link, classes, output_names), ``columns``
(treatment of raw columns, when there is one) and ``lineage`` (where the model is from).

Schema 1 had one output, ``indices`` as U32 or U64 and float values; it is read, not
written.  Within a schema, what a later minor version adds is kept and written back.
"""

import os
from typing import Any

import numpy as np

from fastl1._container import json_text, pack, parse_json, unpack
from fastl1._links import LINKS
from fastl1.exceptions import ModelFileError

FORMAT = "fastl1.SparseModel"
SCHEMA = 2
MINOR = 0
MAX_OUTPUTS = 2**31 - 1
_MAX_PLACE = 2**62
_MAP = 1 << 20  # larger files are mapped, smaller ones read
_METADATA = {"format", "schema", "minor", "model", "columns", "lineage"}
_MODEL = {
    "n_features",
    "n_outputs",
    "precision",
    "link",
    "classes",
    "output_names",
}
_TENSORS = {"values", "intercept", "gaps", "scales", "names", "kept_names"}
STORED: dict[str, np.dtype[Any]] = {
    "float64": np.dtype(np.float64),
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "int8": np.dtype(np.int8),
    "int4": np.dtype(np.int8),
}
LARGEST_CODE = {"int8": 127, "int4": 7}


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

    Raises
    ------
    ValueError
        Sizes or places that do not fit, values that are not finite.
    """

    __slots__ = (
        "_indptr",
        "codes",
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
    ) -> None:
        if n_features < 1:
            raise ValueError(f"n_features must be at least 1, got {n_features}")
        if not 1 <= n_outputs <= MAX_OUTPUTS or n_features * n_outputs > _MAX_PLACE:
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
        elif scales is not None:
            raise ValueError(f"{precision} values have no scales")
        kept = codes != 0
        if not kept.all():
            places, codes = places[kept], codes[kept]
        self.codes = codes
        if n_outputs == 1:
            self.features = places
            self.outputs = np.broadcast_to(np.int32(0), len(places))
        else:
            feature = places // n_outputs
            first = np.flatnonzero(np.diff(feature, prepend=-1))
            self.features = feature[first]
            self._indptr = np.append(first, len(places))
            self.outputs = (places - feature * n_outputs).astype(np.int32)
        self.values = self._decode()
        bad = ~np.isfinite(self.values)
        if bad.any():
            i = int(bad.argmax())
            raise ValueError(f"values: entry {i} is {self.values[i]}")
        for array in (self.features, self.outputs, codes, self.values):
            array.flags.writeable = False

    def _decode(self):
        if self.scales is not None:
            return self.codes.astype(np.float32) * self.scales[self.outputs]
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
    ) -> "Weights":
        """The same places with other codes."""
        return Weights(
            self.places,
            codes,
            self.n_features,
            self.n_outputs,
            precision or self.precision,
            self.scales if precision is None else scales,
        )


class Content:
    """Everything in a ``.fl1`` file, checked.

    Parameters
    ----------
    weights : Weights
    intercept : float64 array (n_outputs,)
    link : str
        A key of `LINKS`.
    classes : array or sequence, optional
        Labels of a link that classifies: two for one output, else one an output.
        Default: 0, 1, ….
    names : list of str (n_features,), optional
        Names of the features.
    kept_names : list of str (n_slots,), optional
        Instead of `names`: names of the slots only.
    output_names : list of str (n_outputs,), optional
    columns : dict, optional
        `ColumnTreatment.to_dict`.
    lineage : dict, optional
    unknown : dict, optional
        What a later minor version of the schema added: ``minor``, and the extra
        ``metadata``, ``model`` entries and ``tensors``.

    Raises
    ------
    ValueError
        Sizes that do not fit, an unknown link, numbers that are not finite, duplicate
        names or classes.
    """

    __slots__ = (
        "classes",
        "columns",
        "intercept",
        "kept_names",
        "lineage",
        "link",
        "names",
        "output_names",
        "unknown",
        "weights",
    )

    def __init__(
        self,
        weights: Weights,
        intercept: np.ndarray,
        link: str = "identity",
        *,
        classes: Any = None,
        names: Any = None,
        kept_names: Any = None,
        output_names: Any = None,
        columns: dict[str, Any] | None = None,
        lineage: dict[str, Any] | None = None,
        unknown: dict[str, Any] | None = None,
    ) -> None:
        n_outputs = weights.n_outputs
        if intercept.shape != (n_outputs,) or intercept.dtype != np.float64:
            raise ValueError(
                f"intercept: {n_outputs} numbers expected, got shape {intercept.shape}"
            )
        if not np.isfinite(intercept).all():
            raise ValueError(f"intercept is not finite: {intercept}")
        if link not in LINKS:
            raise ValueError(f"link must be one of {', '.join(LINKS)}; got {link!r}")
        if link == "softmax" and n_outputs < 2:
            raise ValueError("link='softmax' needs at least 2 outputs")
        self.weights = weights
        self.intercept = intercept
        intercept.flags.writeable = False
        self.link = link
        self.classes = _check_classes(classes, link, n_outputs)
        self.names = _check_names(names, weights.n_features, "feature")
        if self.names is not None:
            if kept_names is not None:
                raise ValueError("both names and kept_names are given")
            kept_names = [self.names[j] for j in weights.features.tolist()]
        self.kept_names = _check_names(kept_names, len(weights.features), "feature")
        self.output_names = _check_names(output_names, n_outputs, "output")
        self.columns = columns
        self.lineage = lineage or {}
        self.unknown = unknown or {}


def _check_classes(classes, link, n_outputs):
    if not LINKS[link].classifies:
        if classes is not None:
            able = ", ".join(name for name, row in LINKS.items() if row.classifies)
            raise ValueError(f"classes go with a link that classifies only: {able}")
        return None
    count = 2 if n_outputs == 1 else n_outputs
    classes = np.array(range(count) if classes is None else classes)
    if classes.dtype.kind == "O":
        classes = np.array([str(label) for label in classes.tolist()])
    if classes.shape != (count,) or classes.dtype.kind not in "USbiuf":
        raise ValueError(
            f"classes must be {'two' if count == 2 else count} numbers, strings or "
            f"bools, got {classes.dtype} {classes.shape}"
        )
    if classes.dtype.kind == "S":
        classes = np.char.decode(classes)
    if classes.dtype.kind == "f" and not np.isfinite(classes).all():
        raise ValueError("classes must be finite")
    if len(set(classes.tolist())) != count:
        raise ValueError(f"classes must differ: {classes.tolist()[:20]}")
    classes.flags.writeable = False
    return classes


def _check_names(names, count, what):
    if names is None:
        return None
    names = [str(name) for name in names]
    if len(names) != count:
        plural = "" if count == 1 else "s"
        raise ValueError(f"{len(names)} {what} names for {count} {what}{plural}")
    if len(set(names)) != count:
        seen = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise ValueError(f"{what} name {twice!r} occurs twice")
    return names


def encode(content: Content) -> bytes:
    """Bytes of a ``.fl1`` file; equal content gives equal bytes."""
    weights, unknown = content.weights, content.unknown
    codes = weights.codes
    if weights.precision == "int4":
        codes = pack_nibbles(codes)
    tensors = {
        "values": codes,
        "intercept": content.intercept,
        "gaps": encode_gaps(weights.places),
        **unknown.get("tensors", {}),
    }
    if weights.scales is not None:
        tensors["scales"] = weights.scales
    if content.names is not None:
        tensors["names"] = _as_bytes(content.names)
    elif content.kept_names is not None:
        tensors["kept_names"] = _as_bytes(content.kept_names)
    model = {
        "classes": None if content.classes is None else content.classes.tolist(),
        "link": content.link,
        "n_features": weights.n_features,
        "n_outputs": weights.n_outputs,
        "output_names": content.output_names,
        "precision": weights.precision,
        **unknown.get("model", {}),
    }
    metadata = {
        "format": FORMAT,
        "schema": str(SCHEMA),
        "minor": str(unknown.get("minor", MINOR)),
        "model": json_text(model),
        "lineage": json_text(content.lineage),
        **unknown.get("metadata", {}),
    }
    if content.columns is not None:
        metadata["columns"] = json_text(content.columns)
    return pack(metadata, tensors)


def decode(data: Any, source: str = "model") -> Content:
    """Content of the bytes of a ``.fl1`` file.

    Parameters
    ----------
    data : bytes-like
        The whole file.
    source : str
        What to call it in errors.

    Raises
    ------
    ModelFileError
        Not a model, truncated, altered, malformed, or of a later schema.
    """
    try:
        return _decode(data)
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ModelFileError(
            f"{source}: not a fastl1 model file (malformed: {error!r})"
        ) from None
    except ValueError as error:
        raise ModelFileError(f"{source}: {error}") from None


def read(path: str | os.PathLike[str]) -> Content:
    """Content of a ``.fl1`` file.

    A file of a megabyte and more is mapped into memory: its values are not copied, and
    processes that load it share them.  Replace such a file by renaming, as `save` does;
    cutting it short while it is mapped ends the process, as with any map.

    Raises
    ------
    OSError
        The file cannot be read.
    ModelFileError
        As `decode`.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _MAP:
            data: Any = file.read(9)
            if data[8:] == b"{":  # a device may have no end
                data += file.read()
        else:
            import mmap

            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return decode(data, os.fspath(path))


def _decode(data):
    metadata, tensors = unpack(data)
    if metadata.get("format") != FORMAT:
        raise ValueError("not a fastl1 model file")
    schema, minor = int(metadata["schema"]), int(metadata.get("minor", 0))
    if not 1 <= schema <= SCHEMA:
        raise ValueError(
            f"written by a later fastl1 (schema {schema}, this one reads {SCHEMA})"
        )
    model = parse_json(metadata["model"])
    weights = _weights_1(model, tensors) if schema == 1 else _weights(model, tensors)
    columns = unknown = None
    if "columns" in metadata:
        columns = _expect(dict, parse_json(metadata["columns"]))
    if schema == SCHEMA and minor > MINOR:
        unknown = {
            "minor": minor,
            "metadata": {k: v for k, v in metadata.items() if k not in _METADATA},
            "model": {k: v for k, v in model.items() if k not in _MODEL},
            "tensors": {k: v for k, v in tensors.items() if k not in _TENSORS},
        }
    return Content(
        weights,
        tensors["intercept"],
        _expect(str, model["link"]),
        classes=_expect_list(model["classes"], (bool, int, float, str)),
        names=_read_names(tensors.get("names")),
        kept_names=_read_names(tensors.get("kept_names")),
        output_names=_expect_list(model.get("output_names"), (str,)),
        columns=columns,
        lineage=_expect(dict, parse_json(metadata["lineage"])),
        unknown=unknown,
    )


def _weights_1(model, tensors):
    """Weights of schema 1: one output, plain indices."""
    values, indices = tensors["values"], tensors["indices"]
    if model["n_outputs"] != 1:
        raise ValueError("schema 1 has one output")
    if values.ndim != 1 or values.shape != indices.shape:
        raise ValueError("indices and values must be equally long")
    if indices.dtype.kind != "u" or (indices > _MAX_PLACE).any():
        raise ValueError("indices are malformed")
    precision = _float_name(values)
    n_features = _expect(int, model["n_features"])
    return Weights(indices.astype(np.int64), values, n_features, 1, precision)


def _weights(model, tensors):
    precision, codes = model["precision"], tensors["values"]
    n_features = _expect(int, model["n_features"])
    n_outputs = _expect(int, model["n_outputs"])
    places = decode_gaps(tensors["gaps"])
    if precision not in STORED:
        raise ValueError(f"unknown precision {str(precision)[:20]!r}")
    if precision == "int4":
        codes = _unpack_nibbles(codes, len(places))
    if codes.shape != places.shape or codes.dtype != STORED[precision]:
        raise ValueError(
            f"{len(places)} places, but values of {codes.dtype} {codes.shape}"
        )
    scales = tensors.get("scales")
    return Weights(places, codes, n_features, n_outputs, precision, scales)


def _expect(kind, value):
    if type(value) is not kind:
        raise TypeError(f"{kind.__name__} expected, not {type(value).__name__}")
    return value


def _as_bytes(names):
    return np.frombuffer(json_text(names).encode(), np.uint8)


def _read_names(raw):
    if raw is None:
        return None
    return _expect_list(_expect(list, parse_json(raw.tobytes().decode())), (str,))


def _expect_list(value, kinds):
    """`value`, which is None or a list of members of one of these types."""
    if value is not None and len({type(item) for item in _expect(list, value)}) > 1:
        raise TypeError("a list of one type expected")
    if value and type(value[0]) not in kinds:
        raise TypeError(f"a list of {kinds[-1].__name__} expected")
    return value


def _float_name(values):
    if values.dtype.name not in ("float32", "float64"):
        raise ValueError(f"values have dtype {values.dtype}")
    return values.dtype.name


def _check_scales(scales, n_outputs):
    if scales is None or scales.shape != (n_outputs,) or scales.dtype != np.float32:
        raise ValueError(f"one float32 scale for each of {n_outputs} outputs expected")
    if not (np.isfinite(scales) & (scales > 0)).all():
        raise ValueError("scales must be positive and finite")
    return scales


def encode_gaps(places: np.ndarray) -> np.ndarray:
    """Variable-length form, uint8, of strictly increasing places (int64, >= 0)."""
    gaps = np.diff(places, prepend=-1) - 1
    parts, present = [gaps & 127], [np.ones(len(gaps), bool)]
    rest = gaps >> 7
    while rest.any():
        parts.append(rest & 127)
        present.append(rest > 0)
        rest = rest >> 7
    table = np.stack(parts, axis=1).astype(np.uint8)
    kept = np.stack(present, axis=1)
    table[:, :-1][kept[:, 1:]] |= 128
    return table[kept]


def decode_gaps(raw: np.ndarray) -> np.ndarray:
    """Places, int64, from what `encode_gaps` made.

    Raises
    ------
    ValueError
        Not such bytes: they end inside an integer, are not the shortest form, or lead
        beyond 2**62.
    """
    if raw.dtype != np.uint8 or raw.ndim != 1:
        raise ValueError("gaps must be bytes")
    last = raw < 128
    if not len(raw):
        return np.zeros(0, np.int64)
    if last.all():
        gaps = raw.astype(np.int64)
    else:
        if not last[-1]:
            raise ValueError("gaps end inside an integer")
        ends = np.flatnonzero(last)
        starts = np.append(0, ends[:-1] + 1)
        lengths = ends - starts + 1
        if lengths.max() > 9 or (raw[ends[lengths > 1]] == 0).any():
            raise ValueError("gaps are malformed")
        shift = 7 * (np.arange(len(raw)) - np.repeat(starts, lengths))
        gaps = np.add.reduceat((raw & 127).astype(np.int64) << shift, starts)
    if gaps.sum(dtype=np.float64) + len(gaps) > _MAX_PLACE:
        raise ValueError("gaps lead out of range")
    gaps[1:] += 1
    return np.cumsum(gaps)


def pack_nibbles(codes: np.ndarray) -> np.ndarray:
    """Two int8 codes of 4 bits to a byte, uint8, the low nibble first."""
    nibbles = np.zeros(len(codes) + len(codes) % 2, np.uint8)
    nibbles[: len(codes)] = codes & 15
    return nibbles[::2] | (nibbles[1::2] << 4)


def _unpack_nibbles(raw, count):
    if raw.dtype != np.uint8 or raw.shape != ((count + 1) // 2,):
        raise ValueError(f"{count} places, but {raw.shape} bytes of 4-bit values")
    nibbles = np.stack([raw & 15, raw >> 4], axis=1).ravel()
    if nibbles[count:].any():
        raise ValueError("the last 4-bit value is not empty")
    codes = nibbles[:count].astype(np.int8)
    return np.where(codes > 7, codes - 16, codes).astype(np.int8)
