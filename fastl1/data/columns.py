"""Column treatment: from raw columns (numbers, booleans, text) to encoded features.

Types are inferred on all rows, statistics (means, levels) learned on the training rows:

- number: its value; a missing cell becomes the training mean and sets
  ``NAME:missing``.
- boolean: the same with false = 0, true = 1.
- category: one feature ``NAME=LEVEL`` per level; with two levels only the rarer one has
  a feature; missing cells are a level ``NAME=(missing)`` if training rows had any.
- hashed, on request: ``NAME#0`` … ``NAME#(size - 1)``, chosen by CRC-32 of the text.

Text is stripped of surrounding blanks; empty text, ``NA``, ``N/A``, ``NaN`` and
``null`` are missing.  A column with the same value everywhere makes no feature.  Dates,
nested types and text with too many levels are refused with a reason.

When the treatment is applied to other rows: a category that was not seen in training
sets none of the column's features; a missing cell in a column without missing cells in
training gets the mean (number) or no feature (category); text in a number column is an
error, unless that very text stood for a missing number in training; a column that a
model uses must be there, others need not.

The encoding of one column is ``(x, codes)``: `x` is the value of its first feature or
None, and row i also has a 1 in feature ``codes[i]`` of the column unless that is -1.

The treatment is plain JSON in the artifact.  Applying it to NumPy arrays needs numpy
only.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike

from fastl1.data.table import (
    Raw,
    count_rows,
    no_such_column,
    parse_cells,
    parse_number,
    prepare,
    row_number,
)

HASH_SIZE = 4096
MAX_ABS = 1e140  # beyond it squares overflow
# text that stands for a missing number however often it occurs
MARKERS = frozenset(
    ["?", "-", "--", ".", "*", "#", "none", "None", "missing", "unknown"]
)
MISSING = "(missing)"
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
_LEADING_ZERO = re.compile(r"-?0\d")
_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


class RefusedColumns(ValueError):
    """Columns that cannot be encoded.

    Attributes
    ----------
    reasons : dict of str to str
        Why, for each such column.
    """

    def __init__(self, reasons: dict[str, str]):
        self.reasons = dict(reasons)
        lines = [f"column {name!r}: {why}" for name, why in self.reasons.items()]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reasons,)


class ColumnInUse(NamedTuple):
    """A column of which features are used.

    Attributes
    ----------
    column : Number, Category or Hashed
    start : int
        Number of its first feature.
    slots : dict of int to int
        Which of its features are used, and the place of each among all that are.
    """

    column: Any
    start: int
    slots: dict[int, int]


class ColumnTreatment:
    """How raw columns become features; made by `learn`.

    Parameters
    ----------
    columns : list of Number, Category or Hashed
        Treatment of each column that makes features, in their order.
    notes : list of str, optional
        What `learn` had to say.

    Attributes
    ----------
    columns : list
        As given.
    notes : list of str
        As given; not kept in the artifact.
    starts : ndarray of int (number of columns + 1,)
        Features of column c: ``starts[c]`` … ``starts[c + 1]``.
    """

    __slots__ = ("_names", "columns", "notes", "starts")

    def __init__(self, columns: Iterable[Any], notes: Iterable[str] = ()):
        self.columns = list(columns)
        self.notes = list(notes)
        self.starts = np.cumsum([0, *(c.width for c in self.columns)])
        self._names: list[str] | None = None
        _refuse_twins([c.name for c in self.columns])

    @property
    def feature_names(self) -> list[str]:
        """Names of the encoded features; made on first use, as they may be millions."""
        if self._names is None:
            self._names = [name for c in self.columns for name in c.features()]
        return self._names

    @property
    def n_features(self) -> int:
        """Number of encoded features."""
        return int(self.starts[-1])

    def names_of(self, features: ArrayLike) -> list[str]:
        """Names of some features, without making those of all."""
        features = np.asarray(features, np.int64)
        owner = np.searchsorted(self.starts, features, "right") - 1
        offset = features - self.starts[owner]
        return [
            self.columns[c].feature(j)
            for c, j in zip(owner.tolist(), offset.tolist(), strict=True)
        ]

    @classmethod
    def learn(
        cls,
        table: Any,
        rows: ArrayLike | None = None,
        *,
        categorical: Collection[str] = (),
        hashed: Collection[str] = (),
        hash_size: int = HASH_SIZE,
    ) -> "ColumnTreatment":
        """Infer the types of the columns and learn their statistics.

        Parameters
        ----------
        table : dict of arrays, pandas or polars frame, pyarrow table
            The feature columns (no target).
        rows : array of int, optional
            Training rows: means, levels and missing counts come from these.  Default:
            all.
        categorical : collection of str
            Columns to treat as categories though they look like numbers.
        hashed : collection of str
            Columns to treat by hashing.
        hash_size : int, default=4096
            Features per hashed column.

        Returns
        -------
        ColumnTreatment

        Raises
        ------
        RefusedColumns
            With the reason for every column that cannot be encoded.
        ValueError
            Duplicate names, lengths that differ, unknown names in `categorical` or
            `hashed`, no column left.
        """
        raw = prepare(table)
        for option, names in (("categorical", categorical), ("hashed", hashed)):
            for name in names:
                if name not in raw:
                    raise ValueError(f"{option}: {no_such_column(name, raw)}")
        columns: list[Any] = []
        notes: list[str] = []
        refused: dict[str, str] = {}
        for name, column in raw.items():
            kind = (name in hashed and "hashed") or (name in categorical and "category")
            try:
                learned = _learn(column, rows, kind or None, hash_size, notes)
            except RefusedColumns as error:
                refused |= error.reasons
            else:
                if learned is not None:
                    columns.append(learned)
        if refused:
            raise RefusedColumns(refused)
        if not columns:
            raise ValueError("no column is left that could make a feature")
        treatment = cls(columns, notes)
        _refuse_twins(treatment.feature_names)
        return treatment

    def encode(
        self,
        table: Any,
        rows: ArrayLike | None = None,
        notes: list[str] | None = None,
    ) -> Any:
        """Feature matrix of a table.

        Parameters
        ----------
        table : dict of arrays, pandas or polars frame, pyarrow table
            Must have every column of the treatment, in any order.
        rows : array of int, optional
            Rows to encode; default all.
        notes : list, optional
            Gets a sentence per column with unknown categories or unexpected gaps.

        Returns
        -------
        X : Fortran-ordered ndarray or scipy.sparse.csc_array, shape (n, p), float64
            Sparse when less than a fifth of the entries is nonzero.

        Raises
        ------
        ValueError
            Missing column, wrong type (names row and cell), infinite number.
        """
        raw = prepare(table, [c.name for c in self.columns])
        n = count_rows(raw, table) if rows is None else np.size(rows)
        encoded = [c.encode(raw[c.name].take(rows), notes) for c in self.columns]
        nnz = sum(
            (0 if x is None else np.count_nonzero(x)) + np.count_nonzero(codes >= 0)
            for x, codes in encoded
        )
        p = int(self.starts[-1])
        if nnz * 5 >= n * p:
            return self._dense(encoded, n, p)
        return self._sparse(encoded, n, p, nnz)

    def _dense(self, encoded, n, p):
        X = np.zeros((n, p), order="F")
        for start, (x, codes) in zip(self.starts, encoded, strict=False):
            if x is not None:
                X[:, start] = x
            hit = np.flatnonzero(codes >= 0)
            X[hit, start + codes[hit]] = 1.0
        return X

    def _sparse(self, encoded, n, p, nnz):
        import scipy.sparse

        indptr = np.zeros(p + 1, np.int64)
        indices = np.empty(nnz, np.int32 if n < 2**31 else np.int64)
        data = np.ones(nnz)
        at = 0
        for k, (x, codes) in enumerate(encoded):
            start, stop = self.starts[k], self.starts[k + 1]
            counts = np.bincount(codes[codes >= 0], minlength=stop - start)
            if x is not None:
                hit = np.flatnonzero(x)
                indices[at : at + len(hit)] = hit
                data[at : at + len(hit)] = x[hit]
                at += len(hit)
                counts[0] = len(hit)
            # stable, so that rows are sorted within each feature
            order = np.argsort(codes, kind="stable")[np.count_nonzero(codes < 0) :]
            indices[at : at + len(order)] = order
            at += len(order)
            indptr[start + 1 : stop + 1] = counts
        np.cumsum(indptr, out=indptr)
        if nnz < 2**31:
            indptr = indptr.astype(indices.dtype)
        return scipy.sparse.csc_array((data, indices, indptr), shape=(n, p))

    def link(
        self,
        table: Any,
        indices: np.ndarray,
        values: np.ndarray,
        intercept: ArrayLike,
        notes: list[str] | None = None,
    ) -> np.ndarray:
        """``X @ coef + intercept`` without building X.

        Parameters
        ----------
        table : dict of arrays, pandas or polars frame, pyarrow table
            Must have the columns whose features have a nonzero coefficient.
        indices : array of int, shape (n_slots,)
            Features with a nonzero coefficient, increasing.
        values : array of shape (n_slots,) or (n_slots, n_outputs)
            Their coefficients.
        intercept : float or array of shape (n_outputs,)
            Added to every row.
        notes : list, optional
            As in `encode`.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs), float64

        Raises
        ------
        ValueError
            As `encode`.
        """
        outputs = np.shape(values)[1:]
        bounds = np.searchsorted(indices, self.starts)
        used = np.flatnonzero(np.diff(bounds))
        raw = prepare(table, [self.columns[k].name for k in used])
        eta = np.full((count_rows(raw, table), *outputs), intercept, np.float64)
        for k in used:
            column = self.columns[k]
            # one more entry, which code -1 finds
            coef = np.zeros((self.starts[k + 1] - self.starts[k] + 1, *outputs))
            part = slice(bounds[k], bounds[k + 1])
            coef[indices[part] - self.starts[k]] = values[part]
            x, codes = column.encode(raw[column.name], notes)
            if x is not None:
                eta += np.multiply.outer(x, coef[0])
            if coef[x is not None :].any():
                eta += coef[codes]
        return eta

    def used_columns(self, indices: ArrayLike) -> list[str]:
        """Names of the columns behind the features `indices` (increasing)."""
        counts = np.diff(np.searchsorted(indices, self.starts))
        return [self.columns[k].name for k in np.flatnonzero(counts)]

    def in_use(self, indices: ArrayLike) -> list["ColumnInUse"]:
        """The columns behind the features `indices` (increasing).

        A treatment is never without columns: where no feature is used, the first column
        stands for the rows.
        """
        indices = np.asarray(indices)
        bounds = np.searchsorted(indices, self.starts)
        used = []
        for k, column in enumerate(self.columns):
            first, start = int(bounds[k]), int(self.starts[k])
            offsets = (indices[first : bounds[k + 1]] - start).tolist()
            slots = {offset: first + i for i, offset in enumerate(offsets)}
            used.append(ColumnInUse(column, start, slots))
        return [one for one in used if one.slots] or used[:1]

    def select(self, indices: ArrayLike) -> tuple["ColumnTreatment", np.ndarray]:
        """The treatment of those columns only whose features are used.

        Parameters
        ----------
        indices : array of int, shape (nnz,)
            Features that are used, increasing.

        Returns
        -------
        treatment : ColumnTreatment
            At least of one column.
        indices : ndarray of int, shape (nnz,)
            The same features in the new numbering.
        """
        counts = np.diff(np.searchsorted(indices, self.starts))
        used = np.flatnonzero(counts)
        chosen = ColumnTreatment(
            [self.columns[k] for k in (used if len(used) else [0])]
        )
        shift = self.starts[used] - chosen.starts[: len(used)]
        return chosen, np.asarray(indices) - np.repeat(shift, counts[used])

    def source(self, feature: int) -> "Number | Category | Hashed":
        """The column that makes feature number `feature`."""
        return self.columns[int(np.searchsorted(self.starts, feature, "right")) - 1]

    def to_dict(self) -> dict[str, Any]:
        """The treatment as JSON types."""
        return {"version": 1, "columns": [c.to_dict() for c in self.columns]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ColumnTreatment":
        """Treatment from what `to_dict` returned.

        Raises
        ------
        ValueError
            Not such a dict, or of a later version.
        """
        try:
            if data["version"] != 1:
                raise ValueError("the column treatment needs a later fastl1")
            kinds = {c.kind: c for c in (Number, Boolean, Category, Hashed)}
            columns = []
            for spec in data["columns"]:
                spec = dict(spec)
                columns.append(kinds[spec.pop("kind")](**spec))
            return cls(columns)
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a column treatment: {error!r}") from None


class Number:
    """A numeric column.

    Parameters
    ----------
    name : str
        Name of the column.
    mean : float
        Mean over the training rows, put in place of missing cells.
    missing : int
        Missing cells among the training rows; if any, there is an indicator feature.
    tokens : list of str
        Text that stands for a missing number.
    """

    __slots__ = ("mean", "missing", "name", "tokens")
    kind = "number"

    def __init__(self, name, mean, missing=0, tokens=()):
        self.name = str(name)
        self.mean = float(mean)
        self.missing = int(missing)
        self.tokens = [str(token) for token in tokens]
        if not np.isfinite(self.mean):
            raise ValueError(f"column {self.name!r}: mean is {self.mean}")

    @property
    def width(self):
        """Number of features."""
        return 2 if self.missing else 1

    def feature(self, j):
        """Name of feature j of the column."""
        return f"{self.name}:missing" if j else self.name

    def features(self):
        """Names of the features."""
        return [self.feature(j) for j in range(self.width)]

    def encode(self, raw, notes=None):
        """``(x, codes)`` of a raw column."""
        x = self.read(raw)
        gaps = np.isnan(x)
        codes = np.full(len(x), -1, np.intp)
        if gaps.any():
            x = np.where(gaps, self.mean, x)
            if self.missing:
                codes[gaps] = 1
            elif notes is not None:
                notes.append(
                    f"column {self.name!r}: {_rows(gaps.sum())} without a value (none "
                    f"in training); the training mean {self.mean:.6g} is used"
                )
        bad = np.isinf(x)
        if bad.any():
            raise ValueError(
                f"column {self.name!r}: data row {row_number(raw, bad)} holds "
                f"{x[np.argmax(bad)]}; a finite number is expected"
            )
        return x, codes

    def read(self, raw):
        """Values as float64 with NaN for missing."""
        if raw.kind == "text":
            gaps = dict.fromkeys(self.tokens, np.nan)
            return parse_cells(
                raw, lambda text: gaps.get(text, parse_number(text)), "a number"
            )
        if raw.kind in ("number", "boolean"):
            return raw.values
        raise ValueError(f"column {self.name!r} holds {raw.type}; numbers are expected")

    def to_dict(self):
        """JSON types."""
        return {
            "kind": self.kind,
            "name": self.name,
            "mean": self.mean,
            "missing": self.missing,
            "tokens": self.tokens,
        }


class Boolean(Number):
    """A column of true and false, kept as 1 and 0."""

    __slots__ = ()
    kind = "boolean"

    def read(self, raw):
        """Values as 0.0, 1.0 and NaN."""
        if raw.kind == "text":
            return parse_cells(
                raw, lambda text: _TRUTH.get(text.lower()), "true or false"
            )
        values = super().read(raw)
        bad = ~(np.isnan(values) | (values == 0) | (values == 1))
        if bad.any():
            raise ValueError(
                f"column {self.name!r}: data row {row_number(raw, bad)} holds "
                f"{values[np.argmax(bad)]:g}; true or false is expected"
            )
        return values


class Category:
    """A column of categories.

    Parameters
    ----------
    name : str
        Name of the column.
    levels : list of str
        Levels that have a feature of their own.
    reference : str or None
        The commoner of two levels, which has none.
    missing : int
        Missing cells among the training rows; if any, they are a level too.
    """

    __slots__ = ("levels", "missing", "name", "reference")
    kind = "category"

    def __init__(self, name, levels, reference=None, missing=0):
        self.name = str(name)
        self.levels = [str(level) for level in levels]
        self.reference = None if reference is None else str(reference)
        self.missing = int(missing)

    @property
    def width(self):
        """Number of features."""
        return len(self.levels) + bool(self.missing)

    def feature(self, j):
        """Name of feature j of the column."""
        level = self.levels[j] if j < len(self.levels) else MISSING
        return f"{self.name}={level}"

    def features(self):
        """Names of the features."""
        return [self.feature(j) for j in range(self.width)]

    def encode(self, raw, notes=None):
        """``(None, codes)`` of a raw column."""
        text = raw.as_text()
        if raw.kind == "number" and not np.isnan(raw.values).all():
            known = [
                *self.levels,
                *([] if self.reference is None else [self.reference]),
            ]
            if known and all(parse_number(level) is None for level in known):
                raise ValueError(
                    f"column {self.name!r} holds numbers; categories such as "
                    f"{known[0]!r} are expected"
                )
        place = {level: k for k, level in enumerate(self.levels)}
        gap = len(self.levels) if self.missing else -1
        # the reference has no feature but is not unknown; the last entry is for missing
        slots = [-1 if t == self.reference else place.get(t, -2) for t in text.labels]
        codes = np.array([*slots, gap], np.intp)[text.codes]
        unknown = codes == -2
        if unknown.any():
            if notes is not None:
                found = np.unique(text.codes[unknown])
                some = ", ".join(repr(text.labels[k]) for k in found[:3])
                more = f" and {len(found) - 3} more" if len(found) > 3 else ""
                notes.append(
                    f"column {self.name!r}: {_rows(unknown.sum())} with a category "
                    f"unknown in training ({some}{more}); none of its features is set"
                )
            codes[unknown] = -1
        return None, codes

    def to_dict(self):
        """JSON types."""
        return {
            "kind": self.kind,
            "name": self.name,
            "levels": self.levels,
            "reference": self.reference,
            "missing": self.missing,
        }


class Hashed:
    """A text column whose levels are hashed into a fixed number of features.

    Parameters
    ----------
    name : str
        Name of the column.
    size : int
        Number of features.
    missing : int
        Missing cells among the training rows; if any, they have a feature too.
    """

    __slots__ = ("missing", "name", "size")
    kind = "hashed"

    def __init__(self, name, size, missing=0):
        self.name = str(name)
        self.size = int(size)
        self.missing = int(missing)
        if not 0 < self.size <= 2**28:
            raise ValueError(f"column {self.name!r}: hash size {self.size}")

    @property
    def width(self):
        """Number of features."""
        return self.size + bool(self.missing)

    def feature(self, j):
        """Name of feature j of the column."""
        return f"{self.name}#{j}" if j < self.size else f"{self.name}:missing"

    def features(self):
        """Names of the features."""
        return [self.feature(j) for j in range(self.width)]

    def encode(self, raw, notes=None):
        """``(None, codes)`` of a raw column."""
        text = raw.as_text()
        slots = [crc32(label.encode()) % self.size for label in text.labels]
        gap = self.size if self.missing else -1
        return None, np.array([*slots, gap], np.intp)[text.codes]

    def to_dict(self):
        """JSON types."""
        return {
            "kind": self.kind,
            "name": self.name,
            "size": self.size,
            "missing": self.missing,
        }


def numbers(raw):
    """A raw column as float64; text and dates are an error that names the cell."""
    return Number(raw.name, 0.0).read(raw)


def _learn(raw, rows, kind, hash_size, notes):
    """Treatment of one column, or None if it is constant."""
    if raw.kind == "date":
        _refuse(raw, f"holds {raw.type}, which have no numeric meaning by themselves")
    if raw.kind == "other":
        _refuse(raw, f"holds {raw.type}")
    if kind == "hashed":
        text = raw.as_text()
        return Hashed(raw.name, hash_size, np.count_nonzero(text.take(rows).codes < 0))
    if kind == "category":
        return _learn_category(raw.as_text(), rows, notes)
    if raw.kind == "text":
        tokens = _text_cells(raw, notes)
        if tokens is None:
            return _learn_category(raw, rows, notes)
        read = Number(raw.name, 0.0, tokens=tokens).read(raw)
        raw = Raw(raw.name, "number", "numbers", values=read)
    else:
        tokens = []
    return _learn_number(raw, rows, tokens, notes)


def _text_cells(raw, notes):
    """None if a text column is text; else the few texts in a column of numbers."""
    counts = np.bincount(raw.codes[raw.codes >= 0], minlength=len(raw.labels))
    parsed = [parse_number(label) for label in raw.labels]
    is_number = np.array([value is not None for value in parsed], bool)
    total, numeric = counts.sum(), counts[is_number].sum() if len(counts) else 0
    if numeric == 0:
        return None
    zeros = [label for label in raw.labels if _LEADING_ZERO.match(label)]
    if zeros and not any("." in label for label in zeros):
        notes.append(
            f"column {raw.name!r} has numbers with leading zeros such as {zeros[0]!r}; "
            f"read as categories"
        )
        return None
    tokens = [raw.labels[k] for k in np.flatnonzero(~is_number & (counts > 0))]
    if not tokens:
        notes.append(
            f"column {raw.name!r} is text, but all of it numbers; read as such"
        )
        return tokens
    markers = MARKERS.issuperset(tokens)
    if numeric < (0.5 if markers else 0.9) * total:
        if numeric >= 0.1 * total:
            share = 100 * numeric / total
            notes.append(
                f"column {raw.name!r} mixes numbers ({share:.0f} %) and text; read as "
                f"categories"
            )
        return None
    is_token = np.append(~is_number, False)[raw.codes]
    where = np.flatnonzero(is_token)
    some = ", ".join(
        f"row {row + 1}: {raw.labels[raw.codes[row]]!r}" for row in where[:5]
    )
    more = ", …" if len(where) > 5 else ""
    notes.append(
        f"column {raw.name!r} is numeric but for {len(where)} of {total} cells "
        f"({some}{more}); these are treated as missing (categorical instead, if it "
        f"holds codes)"
    )
    return tokens


def _learn_number(raw, rows, tokens, notes):
    values = raw.values
    large = np.abs(values) > MAX_ABS
    if large.any():
        row = int(np.argmax(large))
        _refuse(raw, f"data row {row + 1} holds {values[row]:g}; rescale the column")
    if rows is not None:
        values = values[rows]
    seen = values[~np.isnan(values)]
    missing = len(values) - len(seen)
    if not len(seen):
        notes.append(f"column {raw.name!r} is empty; it makes no feature")
        return None
    low, high = seen.min(), seen.max()
    if low == high and not missing:
        notes.append(f"column {raw.name!r} is constant ({low:g}); it makes no feature")
        return None
    if raw.kind == "number" and not missing and _looks_like_id(raw.name, values):
        notes.append(
            f"column {raw.name!r} numbers the rows; drop it if it only identifies them"
        )
    kind = Boolean if raw.kind == "boolean" else Number
    return kind(raw.name, np.clip(seen.mean(), low, high), missing, tokens)


def _learn_category(raw, rows, notes):
    n = len(raw.codes)
    counts = np.bincount(raw.codes[raw.codes >= 0], minlength=len(raw.labels))
    distinct = np.count_nonzero(counts)
    if distinct > max(50, n // 10) or (distinct > 20 and 2 * distinct > n):
        some = ", ".join(repr(label[:30]) for label in raw.labels[:3])
        if sum(bool(_DATE.fullmatch(label)) for label in raw.labels) > 0.9 * distinct:
            _refuse(raw, f"looks like dates ({some}, …)")
        _refuse(raw, f"text with {distinct} different values in {n} rows ({some}, …)")
    codes = raw.codes if rows is None else raw.codes[rows]
    missing = int(np.count_nonzero(codes < 0))
    counts = np.bincount(codes[codes >= 0], minlength=len(raw.labels))
    count = {raw.labels[k]: int(counts[k]) for k in np.flatnonzero(counts)}
    levels = sorted(count)
    if len(levels) + bool(missing) < 2:
        what = f"constant ({levels[0]!r})" if levels else "empty"
        notes.append(f"column {raw.name!r} is {what}; it makes no feature")
        return None
    reference = None
    if len(levels) <= 2:
        reference = max(levels, key=count.get)
        levels.remove(reference)
    return Category(raw.name, levels, reference, missing)


def _looks_like_id(name, values):
    if len(values) < 50 or (values != np.floor(values)).any():
        return False
    steps = np.diff(values)
    ordered = (steps > 0).all()
    named = re.search(r"(?i)(^|_)id$|(?<=[a-z])I[dD]$", name) is not None
    return bool(ordered or (named and len(np.unique(values)) == len(values)))


def _refuse_twins(names):
    """An error for a name that occurs twice."""
    if len(set(names)) != len(names):
        seen = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise ValueError(f"the name {twice!r} occurs twice")


def _refuse(raw, why):
    raise RefusedColumns({raw.name: why})


def _rows(count):
    return f"{count} row" if count == 1 else f"{count} rows"
