"""SparseModel: a fitted sparse linear model as one small, safe file.

The file has the safetensors layout: 8 bytes of header length (little-endian), a JSON
header, then the tensors, without gaps::

    values     F32 or F64 (nnz,)   coefficients that are not zero, original scale
    intercept  F64        (1,)
    indices    U32 or U64 (nnz,)   strictly increasing
    names      U8         (bytes,) JSON list of the feature names, when known

The header's ``__metadata__`` holds strings: ``format``, ``schema``, ``sha256`` and
three JSON texts, ``model`` (shape, link, classes), ``columns`` (treatment of raw
columns, when there is one) and ``lineage`` (where the model comes from).  Keys are
sorted, the header is padded so that the tensors start at a multiple of 8, and tensors
are ordered by decreasing item size, so that each is aligned and equal models give equal
bytes.  ``sha256`` is the digest of the whole file with that digest itself set to zeros.

Loading parses JSON and reads arrays: it executes nothing from the file and needs numpy
only.
"""

import errno
import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from fastl1.columns import ColumnTreatment

FORMAT = "fastl1.SparseModel"
SCHEMA = 1
MAX_HEADER = 100_000_000  # the safetensors library's own limit
_NO_DIGEST = "0" * 64
_DTYPES = {"F32": "<f4", "F64": "<f8", "U32": "<u4", "U64": "<u8", "U8": "|u1"}
_CODES = {np.dtype(name): code for code, name in _DTYPES.items()}
_LINKS = ("identity", "logit")


class SparseModel:
    """Sparse linear model that predicts, saves and loads with numpy alone.

    Parameters
    ----------
    indices : array of int, shape (nnz,)
        Features with a nonzero coefficient, strictly increasing.
    values : array of float32 or float64, shape (nnz,)
        Their coefficients on the original scale of the features (exact zeros are
        dropped).
    intercept : float
        Constant term.
    n_features : int
        Number of (encoded) features the model was trained on.
    link : {"identity", "logit"}, default="identity"
        "identity" for regression, "logit" for two classes.
    classes : array of shape (2,), optional
        Labels of a "logit" model; the second is the one whose probability is predicted.
        Default: ``[0, 1]``.
    feature_names : sequence of str, length n_features, optional
        Names of the encoded features.
    columns : ColumnTreatment, optional
        Treatment that turns raw columns into the encoded features.  With it, `predict`
        also takes raw tables.
    metadata : dict, optional
        Lineage: λ, grid, gap, hash of the data, versions, … as anything JSON can hold
        (NumPy scalars and arrays are converted, numbers that are not finite become
        None).

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Dense copy of the coefficients.
    nnz : int
        Number of nonzero coefficients.

    Raises
    ------
    ValueError
        Indices out of range or not increasing, values not finite, lengths that differ,
        unknown link, names that do not fit.

    Examples
    --------
    >>> model = SparseModel([0, 2], [1.5, -2.0], 0.5, n_features=4)
    >>> model.predict([[1.0, 9.0, 1.0, 9.0]])
    array([0.])
    """

    __slots__ = (
        "classes",
        "columns",
        "feature_names",
        "indices",
        "intercept",
        "link",
        "metadata",
        "n_features",
        "values",
    )

    def __init__(
        self,
        indices: ArrayLike,
        values: ArrayLike,
        intercept: float,
        n_features: int,
        link: Literal["identity", "logit"] = "identity",
        classes: ArrayLike | None = None,
        feature_names: Sequence[str] | None = None,
        columns: "ColumnTreatment | None" = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.n_features = int(n_features)
        self.indices, self.values = _check_coef(indices, values, self.n_features)
        self.intercept = float(intercept)
        if not np.isfinite(self.intercept):
            raise ValueError(f"intercept is not finite: {self.intercept}")
        if link not in _LINKS:
            raise ValueError(f"link must be one of {', '.join(_LINKS)}; got {link!r}")
        self.link = link
        self.classes = _check_classes(classes, link)
        self.feature_names = _check_names(feature_names, self.n_features)
        if columns is not None and len(columns.feature_names) != self.n_features:
            raise ValueError(
                f"the column treatment makes {len(columns.feature_names)} features, "
                f"the model has {self.n_features}"
            )
        self.columns = columns
        self.metadata = _plain(dict(metadata or {}))

    @property
    def nnz(self) -> int:
        """Number of nonzero coefficients."""
        return len(self.indices)

    @property
    def coef_(self) -> np.ndarray:
        """Dense copy of the coefficients, shape (n_features,)."""
        coef = np.zeros(self.n_features, self.values.dtype)
        coef[self.indices] = self.values
        return coef

    def __repr__(self) -> str:
        return (
            f"<SparseModel: {self.nnz} of {self.n_features} features, "
            f"link={self.link!r}>"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SparseModel):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def kept_names(self) -> list[str]:
        """Names of the features with a nonzero coefficient, in order."""
        names = self.feature_names
        if names is None and self.columns is not None:
            names = self.columns.feature_names
        if names is None:
            return [f"x{j}" for j in self.indices.tolist()]
        return [names[j] for j in self.indices.tolist()]

    def predict(
        self, X: Any, type: Literal["response", "link", "class"] = "response"
    ) -> np.ndarray:
        """Predict from encoded features or from a table of columns.

        Parameters
        ----------
        X : array_like or SciPy sparse matrix of shape (n, n_features), or table
            A table is a dict of arrays, a pandas or polars frame or a pyarrow table.
            It goes through `columns` when the model has that treatment; otherwise its
            columns are looked up by `feature_names`.  Either way only the columns that
            the model uses need be there, in any order.
        type : {"response", "link", "class"}, default="response"
            "link" is ``X @ coef + intercept``; "response" is the same for "identity"
            and the probability of ``classes[1]`` for "logit"; "class" is the likelier
            label ("logit" only).

        Returns
        -------
        ndarray of shape (n,)
            float64, or the labels' dtype for ``type="class"``.

        Raises
        ------
        ValueError
            Wrong number of features, missing column, NaN or infinity in a feature that
            the model uses, unknown `type`.
        TypeError
            Features that are not real numbers.
        """
        if type not in ("response", "link", "class"):
            raise ValueError(
                f'type must be "response", "link" or "class"; got {type!r}'
            )
        if type == "class" and self.classes is None:
            raise ValueError('type="class" needs a model with link="logit"')
        eta = self._table_link(X) if _is_table(X) else self._matrix_link(X)
        if type == "class":
            return self.classes[(eta > 0).astype(np.intp)]
        if type == "link" or self.link == "identity":
            return eta
        return _sigmoid(eta)

    def _matrix_link(self, X):
        if hasattr(X, "tocsr"):
            self._check_width(X)
            # a dense vector with zeros: NaN in a feature that is not used must not
            # reach the result, so only used columns are multiplied
            if not np.isfinite(X.data).all():
                X = X.tocsc()[:, self.indices]
                _check_finite(X.data, "X (in a feature that the model uses)")
                return X @ self.values.astype(np.float64) + self.intercept
            return X @ self.coef_.astype(np.float64) + self.intercept
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must have 2 dimensions, got shape {X.shape}")
        self._check_width(X)
        if X.dtype.kind not in "fiub":
            raise TypeError(f"X must hold real numbers, got dtype {X.dtype}")
        kept = X[:, self.indices].astype(np.float64, copy=False)
        finite = np.isfinite(kept)
        if not finite.all():
            row, k = np.argwhere(~finite)[0].tolist()
            j = int(self.indices[k])
            raise ValueError(f"X[{row}, {j}] is {kept[row, k]}")
        return kept @ self.values.astype(np.float64) + self.intercept

    def _check_width(self, X):
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"X has {X.shape[1]} features, the model was trained on "
                f"{self.n_features}"
            )

    def _table_link(self, table):
        if self.columns is not None:
            return self.columns.link(table, self.indices, self.values, self.intercept)
        if self.feature_names is None:
            raise ValueError(
                "the model has neither a column treatment nor feature names: pass a "
                "matrix instead of a table"
            )
        from fastl1._table import count_rows, prepare
        from fastl1.columns import numbers

        kept = self.kept_names()
        raw = prepare(table, kept)
        eta = np.full(count_rows(raw, table), self.intercept)
        for name, value in zip(kept, self.values.tolist(), strict=True):
            x = numbers(raw[name])
            _check_finite(x, f"column {name!r}")
            eta += value * x
        return eta

    def to_bytes(self) -> bytes:
        """The model as the bytes of a ``.fl1`` file; equal models give equal bytes."""
        wide = self.n_features > 2**32
        tensors = {
            "values": self.values,
            "intercept": np.array([self.intercept]),
            "indices": self.indices.astype(np.uint64 if wide else np.uint32),
        }
        if self.feature_names is not None:
            names = _json(self.feature_names).encode()
            tensors["names"] = np.frombuffer(names, np.uint8)
        classes = None if self.classes is None else self.classes.tolist()
        meta = {
            "format": FORMAT,
            "schema": str(SCHEMA),
            "sha256": _NO_DIGEST,
            "model": _json(
                {
                    "classes": classes,
                    "link": self.link,
                    "n_features": self.n_features,
                    "n_outputs": 1,
                }
            ),
            "lineage": _json(self.metadata),
        }
        if self.columns is not None:
            meta["columns"] = _json(self.columns.to_dict())
        return _pack(meta, tensors)

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "model") -> "SparseModel":
        """Model from the bytes of a ``.fl1`` file.

        Parameters
        ----------
        data : bytes
            Content of the file.
        source : str, default="model"
            What to call it in errors.

        Returns
        -------
        SparseModel

        Raises
        ------
        ValueError
            Not a model, truncated, altered, or of a later schema.
        """
        try:
            return cls._parse(bytes(data))
        except (KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ValueError(
                f"{source}: not a fastl1 model file (malformed: {error!r})"
            ) from None
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from None

    @classmethod
    def _parse(cls, data):
        meta, tensors = _unpack(data)
        model = json.loads(meta["model"])
        if model["n_outputs"] != 1:
            raise ValueError("models with several outputs need a later fastl1")
        columns = None
        if "columns" in meta:
            from fastl1.columns import ColumnTreatment

            columns = ColumnTreatment.from_dict(json.loads(meta["columns"]))
        names = None
        if "names" in tensors:
            names = json.loads(tensors["names"].tobytes().decode())
        (intercept,) = tensors["intercept"].tolist()
        return cls(
            tensors["indices"],
            tensors["values"],
            intercept,
            model["n_features"],
            link=model["link"],
            classes=model["classes"],
            feature_names=names,
            columns=columns,
            metadata=json.loads(meta["lineage"]),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to `path`, all or nothing.

        The bytes go to a file beside it, which is flushed to disk and renamed, so that
        `path` never holds half a model.

        Parameters
        ----------
        path : str or path-like
            File to write, by habit with the ending ``.fl1``.

        Raises
        ------
        OSError
            The file cannot be written (no such directory, no permission, disk full).
        """
        write_atomic(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "SparseModel":
        """Read a model that `save` wrote.  Executes no code from the file.

        Parameters
        ----------
        path : str or path-like
            File to read.

        Returns
        -------
        SparseModel

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            Not a model, truncated, altered, or of a later schema.
        """
        with open(path, "rb") as file:
            return cls.from_bytes(file.read(), os.fspath(path))


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes to a file so that it holds either all of them or its old content.

    Parameters
    ----------
    path : str or path-like
        File to write.  Devices and pipes are written to directly.
    data : bytes
        Its new content.

    Raises
    ------
    OSError
        Names `path` and the reason; nothing is left behind.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        aside = path
    else:
        folder, name = os.path.split(path)
        aside = os.path.join(folder, f".{name}.{os.urandom(4).hex()}.tmp")
    try:
        if os.path.isdir(path):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        with open(aside, "wb" if aside == path else "xb") as file:
            file.write(data)
            file.flush()
            if aside != path:
                os.fsync(file.fileno())
        if aside != path:
            os.replace(aside, path)
            _sync_directory(folder)
    except OSError as error:
        raise OSError(error.errno, f"cannot write: {error.strerror}", path) from None
    finally:
        if aside != path and os.path.exists(aside):
            os.unlink(aside)


def _sync_directory(folder):
    """Make a rename durable, where the system lets a directory be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems refuse it; the rename itself has succeeded
    finally:
        os.close(handle)


def _json(value):
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def _plain(value):
    """`value` as JSON types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"metadata cannot hold a {type(value).__name__}: {value!r}")


def _pack(meta, tensors):
    from hashlib import sha256

    order = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header, blobs, offset = {"__metadata__": meta}, [], 0
    for name in order:
        array = np.ascontiguousarray(tensors[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        blobs.append(array.tobytes())
        header[name] = {
            "dtype": _CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    head = _json(header).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > MAX_HEADER:
        raise ValueError(
            f"the model's metadata takes {len(head)} bytes, more than {MAX_HEADER}"
        )
    data = b"".join([len(head).to_bytes(8, "little"), head, *blobs])
    digest = sha256(data).hexdigest()
    mark = b'"sha256":"'
    return data.replace(mark + _NO_DIGEST.encode(), mark + digest.encode(), 1)


def _unpack(data):
    """Metadata and tensors of a file, after checking every length and the digest."""
    from hashlib import sha256

    length = int.from_bytes(data[:8], "little")
    if len(data) < 10 or length > MAX_HEADER or data[8:9] != b"{":
        raise ValueError("not a fastl1 model file")
    start = 8 + length
    if start > len(data):
        raise ValueError(
            f"truncated: the header takes {start} bytes, the file has {len(data)}"
        )
    head = data[8:start]
    try:
        header = json.loads(head.decode(), object_pairs_hook=_no_duplicates)
        meta = header.pop("__metadata__")
        if meta["format"] != FORMAT:
            raise KeyError(meta["format"])
        schema = int(meta["schema"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("not a fastl1 model file") from None
    if schema > SCHEMA:
        raise ValueError(
            f"written by a later fastl1 (schema {schema}, this one reads {SCHEMA})"
        )
    expected = start + max(spec["data_offsets"][1] for spec in header.values())
    if len(data) != expected:
        what = "truncated" if len(data) < expected else "altered"
        raise ValueError(f"{what}: {expected} bytes expected, the file has {len(data)}")
    # the quotes of a copy inside a string would be escaped, so this finds the key only
    mark = f'"sha256":"{meta["sha256"]}"'.encode()
    blank = head.replace(mark, b'"sha256":"' + _NO_DIGEST.encode() + b'"')
    digest = sha256(data[:8])
    digest.update(blank)
    digest.update(memoryview(data)[start:])
    if digest.hexdigest() != meta["sha256"]:
        raise ValueError("altered: its content does not fit its sha256")
    tensors, end = {}, 0
    for name in sorted(header, key=lambda name: header[name]["data_offsets"]):
        spec = header[name]
        dtype = np.dtype(_DTYPES[spec["dtype"]])
        (count,) = spec["shape"]
        lo, hi = spec["data_offsets"]
        if lo != end or hi - lo != count * dtype.itemsize:
            raise ValueError(f"altered: tensor {name!r} has a wrong extent")
        array = np.frombuffer(data, dtype, count, start + lo)
        tensors[name] = array.astype(dtype.newbyteorder("="), copy=False)
        end = hi
    return meta, tensors


def _no_duplicates(pairs):
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("duplicate key")
    return out


def _check_coef(indices, values, n_features):
    indices, values = np.asarray(indices), np.asarray(values)
    if n_features < 1:
        raise ValueError(f"n_features must be at least 1, got {n_features}")
    if indices.ndim != 1 or indices.shape != values.shape:
        raise ValueError(
            f"indices and values must be 1-d and equally long, got shapes "
            f"{indices.shape} and {values.shape}"
        )
    if indices.size and indices.dtype.kind not in "iu":
        raise TypeError(f"indices must be integers, got dtype {indices.dtype}")
    if values.dtype != np.float32:
        values = values.astype(np.float64)
    kept = values != 0
    indices, values = indices[kept].astype(np.int64), values[kept]
    if len(indices) and (indices[0] < 0 or indices.max() >= n_features):
        raise ValueError(f"indices must lie between 0 and {n_features - 1}")
    if (np.diff(indices) <= 0).any():
        raise ValueError("indices must be strictly increasing")
    _check_finite(values, "values")
    indices.flags.writeable = values.flags.writeable = False
    return indices, values


def _check_classes(classes, link):
    if link == "identity":
        if classes is not None:
            raise ValueError('classes go with link="logit" only')
        return None
    classes = np.array([0, 1] if classes is None else classes)
    if classes.dtype.kind == "O":
        classes = np.array([str(label) for label in classes.tolist()])
    if classes.shape != (2,) or classes.dtype.kind not in "USbiuf":
        raise ValueError(f"classes must be two numbers, strings or bools: {classes!r}")
    if classes.dtype.kind == "S":
        classes = np.char.decode(classes)
    if classes[0] == classes[1]:
        raise ValueError(f"classes must differ: {classes!r}")
    classes.flags.writeable = False
    return classes


def _check_names(names, n_features):
    if names is None:
        return None
    names = [str(name) for name in names]
    if len(names) != n_features:
        raise ValueError(f"{len(names)} feature names for {n_features} features")
    if len(set(names)) != len(names):
        seen = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise ValueError(f"feature name {twice!r} occurs twice")
    return names


def _check_finite(values, what):
    bad = ~np.isfinite(values)
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(f"{what}: entry {i} is {values[i]}")


def _is_table(X):
    """Whether X has named columns (dict, pandas, polars, pyarrow)."""
    return isinstance(X, Mapping) or hasattr(X, "columns") or hasattr(X, "column_names")


def _sigmoid(eta):
    small = np.exp(-np.abs(eta))
    return np.where(eta >= 0, 1.0, small) / (1.0 + small)
