"""What a ``.fl1`` file holds, between its bytes and its Python objects; numpy only.

In the file (schema 2 or 3), a container (`_container`) of::

    values     F64 F32 F16 (nnz,) | I8 (nnz,) | U8 ((nnz + 1) // 2,)
    intercept  F64 (n_outputs,)
    gaps       U8  (bytes,)      where the coefficients are
    scales     F32 (n_outputs,)  int8 and int4 only
    exponents  I8  (n_runs,)     schema 3 only
    runs       U8  (bytes,)      schema 3 only: where each run of exponents starts
    names      U8  (bytes,)      JSON list of the feature names, when known; or
    kept_names U8  (bytes,)      of those of the slots only

Coefficient i stands at ``place = feature * n_outputs + output``; `gaps` holds the
differences of successive places minus one as variable-length integers, 7 bits a byte,
the lowest first, the high bit set in all bytes but the last.  At 1 % kept this is 1.3
bytes.  int8 and int4 values are codes, to be multiplied by the scale of their output;
int4 packs two to a byte, two's complement, the low nibble first.  Schema 3 multiplies
them by powers of 2, too: of successive coefficients with the same power only the first
is told, by its number in the form of `gaps`.  A file that needs no powers is of schema
2, which earlier versions read.

Metadata, all strings: ``format``, ``schema``, ``minor``, and three JSON texts:
``model`` (n_features, n_outputs, precision, link, classes, output_names), ``columns``
(treatment of raw columns, when there is one) and ``lineage`` (where the model is from).

Schema 1 had one output, ``indices`` as U32 or U64 and float values; it is read, not
written.  Within a schema, what a later minor version adds is kept and written back.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastl1._incoming import PIPE_LIMIT, length, open_file, read_rest
from fastl1._unicode import check_unicode
from fastl1.artifact.container import ENCRYPTED, json_text, pack, parse_json, unpack
from fastl1.artifact.packing import (
    MAX_PLACE,
    decode_gaps,
    encode_gaps,
    pack_nibbles,
    unpack_nibbles,
)
from fastl1.artifact.weights import STORED, Weights
from fastl1.exceptions import ModelFileError
from fastl1.loss.links import LINKS

FORMAT = "fastl1.SparseModel"
SCHEMA = 3
MINOR = 0
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
_TENSORS |= {"exponents", "runs"}


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
    if classes.dtype.kind == "U":
        check_unicode(classes.tolist(), "class")
    if len(set(classes.tolist())) != count:
        raise ValueError(f"classes must differ: {classes.tolist()[:20]}")
    classes.flags.writeable = False
    return classes


def _check_names(names, count, what):
    if names is None:
        return None
    names = [str(name) for name in names]
    check_unicode(names, f"{what} name")
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
    if weights.exponents is not None:
        first = np.flatnonzero(np.diff(weights.exponents, prepend=-128))
        tensors["exponents"] = weights.exponents[first]
        tensors["runs"] = encode_gaps(first)
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
        "schema": str(2 if weights.exponents is None else SCHEMA),
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
        # numbers out of range are told by checks, also where warnings are errors
        with np.errstate(all="ignore"):
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
    return decode(read_content(path), os.fspath(path))


def read_content(path: str | os.PathLike[str]) -> Any:
    """Bytes of a file that may be a model: a file that is none is not read whole.

    Returns
    -------
    bytes or mmap
        Only the first bytes of what does not begin like a model.

    Raises
    ------
    OSError
        The file cannot be read: it is a device, or a pipe without an end.
    """
    with open_file(path) as file:
        size = length(file)
        if size is not None and size >= _MAP:
            import mmap

            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        data = file.read(9)
        if data[8:] == b"{":
            data += read_rest(file, PIPE_LIMIT, "a model that comes through a pipe")
        return data


def _decode(data):
    if bytes(data[: len(ENCRYPTED)]) == ENCRYPTED:
        raise ValueError("encrypted; fastl1 decrypt makes a model of it")
    metadata, tensors = unpack(data)
    if metadata.get("format") != FORMAT:
        raise ValueError("not a fastl1 model file")
    schema, minor = int(metadata["schema"]), int(metadata.get("minor", 0))
    if not 1 <= schema <= SCHEMA:
        raise ValueError(
            f"written by a later fastl1 (schema {schema}, this one reads {SCHEMA})"
        )
    model = parse_json(metadata["model"])
    if schema == 1:
        weights = _weights_1(model, tensors)
    else:
        weights = _weights(model, tensors, schema)
    columns = unknown = None
    if "columns" in metadata:
        columns = _expect(dict, parse_json(metadata["columns"]))
    if schema > 1 and minor > MINOR:
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
    if indices.dtype.kind != "u" or (indices > MAX_PLACE).any():
        raise ValueError("indices are malformed")
    precision = _float_name(values)
    n_features = _expect(int, model["n_features"])
    return Weights(indices.astype(np.int64), values, n_features, 1, precision)


def _weights(model, tensors, schema):
    precision, codes = model["precision"], tensors["values"]
    n_features = _expect(int, model["n_features"])
    n_outputs = _expect(int, model["n_outputs"])
    places = decode_gaps(tensors["gaps"])
    if precision not in STORED:
        raise ValueError(f"unknown precision {str(precision)[:20]!r}")
    if precision == "int4":
        codes = unpack_nibbles(codes, len(places))
    if codes.shape != places.shape or codes.dtype != STORED[precision]:
        raise ValueError(
            f"{len(places)} places, but values of {codes.dtype} {codes.shape}"
        )
    scales = tensors.get("scales")
    exponents = None if schema < 3 else _exponents(tensors, len(places))
    return Weights(places, codes, n_features, n_outputs, precision, scales, exponents)


def _exponents(tensors, count):
    """The exponent of each coefficient, from those of the runs."""
    kept, first = tensors["exponents"], decode_gaps(tensors["runs"])
    if kept.dtype != np.int8 or kept.shape != first.shape or not len(first):
        raise ValueError("exponents are malformed")
    if first[0] != 0 or first[-1] >= count:
        raise ValueError("exponents do not fit the coefficients")
    return np.repeat(kept, np.diff(first, append=count))


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


def plain(value):
    """Metadata as JSON types.

    Raises
    ------
    TypeError
        Something is none of them.
    """
    if isinstance(value, Mapping):
        check_unicode(map(str, value), "key of metadata")
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, str):
        check_unicode([value], "text in metadata")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"metadata cannot hold a {type(value).__name__}: {value!r}")
