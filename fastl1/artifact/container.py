"""The safetensors container: named arrays and string metadata, sealed by a digest.

8 bytes of header length (little-endian), a JSON header padded with blanks to a multiple
of 8, then the tensors without gaps, by decreasing item size and name, so that each is
aligned and equal content gives equal bytes.  ``__metadata__`` of the header holds
strings only, among them ``sha256``: the digest of the whole file with that digest
itself set to zeros.

`unpack` trusts nothing: every extent is checked before it is used, no allocation is
sized by a number that the file states (memory stays within a small multiple of the
file's size), and whatever is wrong is one ValueError.  Imports numpy, and of the
standard library what a cold start can afford.
"""

import contextlib
import importlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

MAX_HEADER = 100_000_000  # the safetensors library's own limit
MAX_DIMENSIONS = 8
DTYPES = {
    "BOOL": "|b1",
    "I8": "|i1",
    "U8": "|u1",
    "I16": "<i2",
    "U16": "<u2",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "F32": "<f4",
    "I64": "<i8",
    "U64": "<u8",
    "F64": "<f8",
}
_CODES = {np.dtype(name): code for code, name in DTYPES.items()}
ENCRYPTED = b"FL1ENC"  # how an encrypted copy of a model file begins, see `seal`
_NO_DIGEST = "0" * 64
_LARGE = 1 << 20  # from here on OpenSSL's digest makes up for its import


def json_text(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no blanks, no NaN."""
    import json

    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def parse_json(text: str) -> Any:
    """Value of a JSON text, refusing what JSON readers differ about.

    Raises
    ------
    ValueError
        Not JSON, a duplicate key, a number that is not finite, text that is no Unicode,
        nesting that is too deep.
    """
    import json

    try:
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_not_finite,
            parse_float=_finite,
        )
        # a lone surrogate, which could not be written again, exists as an escape only
        if "\\ud" in text or "\\uD" in text:
            json_text(value).encode()
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("JSON holds text that is not Unicode") from None
    return value


def _no_duplicates(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("JSON has a duplicate key")
    return out


def _not_finite(name):
    raise ValueError(f"JSON holds {name}")


def _finite(digits):
    value = float(digits)
    if not -np.inf < value < np.inf:
        raise ValueError(f"JSON holds a number that is too large: {digits[:20]}")
    return value


def pack(metadata: Mapping[str, str], tensors: Mapping[str, np.ndarray]) -> bytes:
    """Bytes of a container.

    Parameters
    ----------
    metadata : mapping of str to str
        ``sha256`` is added.
    tensors : mapping of str to ndarray
        Of the dtypes in `DTYPES`.

    Raises
    ------
    ValueError
        The header exceeds `MAX_HEADER`.
    """
    header: dict[str, Any] = {"__metadata__": {**metadata, "sha256": _NO_DIGEST}}
    blobs, offset = [], 0
    for name in sorted(tensors, key=lambda name: (-tensors[name].itemsize, name)):
        array = np.asarray(tensors[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        header[name] = {
            "dtype": _CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        blobs.append(array.tobytes())
        offset += array.nbytes
    head = json_text(header).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > MAX_HEADER:
        raise ValueError(
            f"the model's metadata takes {len(head)} bytes, more than {MAX_HEADER}"
        )
    data = b"".join([len(head).to_bytes(8, "little"), head, *blobs])
    seal = _seal(sha256(data).hexdigest())
    return data.replace(_seal(_NO_DIGEST), seal, 1)


def unpack(data: Any) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Metadata and tensors of a container, after every check.

    Parameters
    ----------
    data : bytes-like
        The whole file; the tensors are views of it.

    Returns
    -------
    metadata : dict of str to str
        Without ``sha256``.
    tensors : dict of str to ndarray
        Read-only when `data` is.

    Raises
    ------
    ValueError
        No such container, truncated, altered, or malformed in any way.
    """
    view = memoryview(data)
    size = len(view)
    length = int.from_bytes(view[:8], "little")
    if size < 10 or length > MAX_HEADER or view[8:9] != b"{":
        raise ValueError("not a fastl1 model file")
    start = 8 + length
    if start > size:
        raise ValueError(f"truncated: the header takes {start} bytes, there are {size}")
    head = bytes(view[8:start])
    try:
        header = parse_json(head.decode())
        metadata = header.pop("__metadata__")
        digest = metadata.pop("sha256")
        sound = all(isinstance(text, str) for text in (digest, *metadata.values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError("not a fastl1 model file: its header is malformed")
    extents = {name: _extent(name, spec) for name, spec in header.items()}
    expected = start + max((hi for _, _, _, hi in extents.values()), default=0)
    if size != expected:
        what = "truncated" if size < expected else "altered"
        raise ValueError(f"{what}: {expected} bytes expected, there are {size}")
    # the quotes of a copy inside a string would be escaped, so this finds the key only
    blank = head.replace(_seal(digest), _seal(_NO_DIGEST))
    if sha256(view[:8], blank, view[start:]).hexdigest() != digest:
        raise ValueError("altered: its content does not fit its sha256")
    tensors, end = {}, 0
    for name in sorted(extents, key=lambda name: extents[name][2:]):
        dtype, shape, lo, hi = extents[name]
        if lo != end:
            raise ValueError(f"altered: tensor {name!r} overlaps or leaves a gap")
        count = (hi - lo) // dtype.itemsize
        array = np.frombuffer(view, dtype, count, start + lo).reshape(shape)
        tensors[name] = array.astype(dtype.newbyteorder("="), copy=False)
        end = hi
    return metadata, tensors


def _extent(name, spec):
    """(dtype, shape, start, stop) of a tensor whose four numbers fit each other."""
    try:
        dtype = np.dtype(DTYPES[spec["dtype"]])
        shape, (lo, hi) = spec["shape"], spec["data_offsets"]
        numbers = [*shape[: MAX_DIMENSIONS + 1], lo, hi]
        sound = (
            len(spec) == 3
            and len(shape) <= MAX_DIMENSIONS
            and all(type(number) is int and number >= 0 for number in numbers)
            and hi - lo == dtype.itemsize * math.prod(shape)
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise ValueError(f"altered: tensor {name[:40]!r} has no sound extent")
    return dtype, tuple(shape), lo, hi


def _seal(digest):
    return b'"sha256":"' + digest.encode() + b'"'


def sha256(*parts: Any) -> Any:
    """SHA-256 of the concatenated parts."""
    digest = _sha256_of(sum(map(len, parts)) >= _LARGE)()
    for part in parts:
        digest.update(part)
    return digest


def _sha256_of(large):
    """The fastest digest for much data, the one that is cheapest to import for little.

    hashlib loads OpenSSL, which takes 3 ms; CPython's own modules (3.12 and later, and
    3.11) are at hand.
    """
    for name in ("hashlib",) if large else ("_sha2", "_sha256", "hashlib"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name).sha256
