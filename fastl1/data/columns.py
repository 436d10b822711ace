"""Column treatment: from raw columns (numbers, booleans, text) to encoded features.

Types are inferred on all rows, statistics (means, levels) learned on the training rows:

- number: its value; a missing cell becomes the training mean and sets
  ``NAME:missing``.
- boolean: the same with false = 0, true = 1.
- category: one feature ``NAME=LEVEL`` per level; with two levels only the rarer one has
  a feature; missing cells are a level ``NAME=(missing)`` if training rows had any.
- hashed, on request: ``NAME#0`` … ``NAME#(size - 1)``, chosen by CRC-32 of the text.

Text is stripped of surrounding blanks.  What of it is missing, and how numbers are
written in it, are rules of the table (`TextRules`), which the treatment keeps: in a
file of text some words are missing, in a table with types only null is.  A column with
the same value everywhere makes no feature.  Dates, nested types and text with too many
levels are refused with a reason.

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

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastl1._unicode import check_unicode
from fastl1.data.kinds import Boolean, Category, Hashed, Number
from fastl1.data.learn import RefusedColumns, learn_column
from fastl1.data.table import (
    TYPED,
    TextRules,
    convention_of,
    count_rows,
    no_such_column,
    prepare,
)

HASH_SIZE = 4096


class ColumnInUse(NamedTuple):
    """A column of which features are used.

    Attributes
    ----------
    column : Number, Category or Hashed
    start : int
        Number of its first feature.
    slots : dict of int to int
        Which of its features are used, and the place of each among all that are.
    na : frozenset of str
        Texts that stand for a missing cell of the column.
    """

    column: Any
    start: int
    slots: dict[int, int]
    na: frozenset[str]


class ColumnTreatment:
    """How raw columns become features; made by `learn`.

    Parameters
    ----------
    columns : list of Number, Category or Hashed
        Treatment of each column that makes features, in their order.
    notes : list of str, optional
        What `learn` had to say.
    rules : TextRules, optional
        What text stands for where a table does not say it.

    Attributes
    ----------
    columns, rules
        As given.
    notes : list of str
        As given; not kept in the artifact.
    starts : ndarray of int (number of columns + 1,)
        Features of column c: ``starts[c]`` … ``starts[c + 1]``.
    std : list of list of float, or None
        Of each column the standard deviations of its features over the rows that a
        model was fitted to, of a hashed one a single number for all; see `set_std`.
    """

    __slots__ = ("_names", "columns", "notes", "rules", "starts", "std")

    def __init__(
        self,
        columns: Iterable[Any],
        notes: Iterable[str] = (),
        rules: TextRules | None = None,
    ):
        self.columns = list(columns)
        self.rules = TextRules() if rules is None else rules
        self.notes = list(notes)
        self.starts = np.cumsum([0, *(c.width for c in self.columns)])
        self.std: list[list[float]] | None = None
        self._names: list[str] | None = None
        check_unicode([c.name for c in self.columns], "name of a column")
        _refuse_twins([c.name for c in self.columns])

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        # pickles of 0.1.0 have neither; their rules were those of the default
        self.std, self.rules = None, TextRules()
        for name, value in state[1].items():
            setattr(self, name, value)

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

    def set_std(self, std: np.ndarray) -> None:
        """Keep the standard deviations of the features, to three digits.

        Parameters
        ----------
        std : ndarray of shape (n_features,)
            Over the rows that a model is fitted to.  Of a hashed column the root mean
            square of those that vary is kept.
        """
        self.std = []
        for column, part in zip(
            self.columns, np.split(std, self.starts[1:-1]), strict=True
        ):
            if isinstance(column, Hashed):
                seen = part[part > 0]
                part = np.sqrt(np.mean(seen**2, keepdims=True)) if len(seen) else seen
                part = np.resize(part, 1)  # of none: 0
            self.std.append([float(f"{value:.3g}") for value in part])

    def std_of(self, features: np.ndarray) -> np.ndarray:
        """Standard deviations of some features (increasing), NaN where unknown."""
        if self.std is None:
            return np.full(len(features), np.nan)
        kept = [
            np.full(column.width, part[0]) if isinstance(column, Hashed) else part
            for column, part in zip(self.columns, self.std, strict=True)
        ]
        return np.concatenate(kept)[features]

    @classmethod
    def learn(
        cls,
        table: Any,
        rows: ArrayLike | None = None,
        *,
        categorical: Collection[str] = (),
        hashed: Collection[str] = (),
        numeric: Collection[str] = (),
        hash_size: int = HASH_SIZE,
        rules: TextRules | None = None,
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
        numeric : collection of str
            Columns to treat as numbers though they look like codes.
        hash_size : int, default=4096
            Features per hashed column.
        rules : TextRules, optional
            What text stands for.  Default: numbers are written as most columns have
            them, and only null is missing.

        Returns
        -------
        ColumnTreatment

        Raises
        ------
        RefusedColumns
            With the reason for every column that cannot be encoded.
        ValueError
            Duplicate names, lengths that differ, unknown names in `categorical`,
            `hashed` or `numeric`, no column left.
        """
        raw = prepare(table)
        wanted = {"categorical": categorical, "hashed": hashed, "numeric": numeric}
        for option, names in wanted.items():
            for name in names:
                if name not in raw:
                    raise ValueError(f"{option}: {no_such_column(name, raw)}")
        if rules is None:
            rules = TextRules(convention_of(raw.values()), TYPED.na)
        raw = {name: column.settle(rules) for name, column in raw.items()}
        columns: list[Any] = []
        notes: list[str] = []
        refused: dict[str, str] = {}
        for name, column in raw.items():
            kind = (
                (name in hashed and "hashed")
                or (name in categorical and "category")
                or (name in numeric and "number")
            )
            try:
                learned = learn_column(column, rows, kind or None, hash_size, notes)
            except RefusedColumns as error:
                refused |= error.reasons
            else:
                if learned is not None:
                    columns.append(learned)
        if refused:
            raise RefusedColumns(refused)
        if not columns:
            raise ValueError("no column is left that could make a feature")
        treatment = cls(columns, notes, rules)
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
        encoded = [
            c.encode(self.settled(raw, c).take(rows), notes) for c in self.columns
        ]
        nnz = sum(
            (0 if x is None else np.count_nonzero(x)) + np.count_nonzero(codes >= 0)
            for x, codes in encoded
        )
        p = int(self.starts[-1])
        if nnz * 5 >= n * p:
            return self._dense(encoded, n, p)
        return self._sparse(encoded, n, p, nnz)

    def settled(self, raw, column):
        """The raw column that `column` is made of, by the rules of the treatment."""
        return raw[column.name].settle(self.rules, getattr(column, "known", ()))

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
            x, codes = column.encode(self.settled(raw, column), notes)
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
            na = self.rules.na.difference(getattr(column, "known", ()))
            used.append(ColumnInUse(column, start, slots, na))
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
        kept = used if len(used) else [0]
        chosen = ColumnTreatment([self.columns[k] for k in kept], rules=self.rules)
        if self.std is not None:
            chosen.std = [self.std[k] for k in kept]
        shift = self.starts[used] - chosen.starts[: len(used)]
        return chosen, np.asarray(indices) - np.repeat(shift, counts[used])

    def source(self, feature: int) -> "Number | Category | Hashed":
        """The column that makes feature number `feature`."""
        return self.columns[int(np.searchsorted(self.starts, feature, "right")) - 1]

    def to_dict(self) -> dict[str, Any]:
        """The treatment as JSON types."""
        known: dict[str, Any] = {} if self.std is None else {"std": self.std}
        known["text"] = self.rules.to_dict()
        return {"version": 1, "columns": [c.to_dict() for c in self.columns], **known}

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
            text = data.get("text")
            rules = None if text is None else TextRules.from_dict(text)
            treatment = cls(columns, rules=rules)
            if "std" in data:
                treatment.std = [_read_std(*one) for one in _pairs(data, columns)]
            return treatment
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a column treatment: {error!r}") from None


def _pairs(data, columns):
    if len(data["std"]) != len(columns):
        raise ValueError("the column treatment has std of other columns")
    return zip(columns, data["std"], strict=True)


def _read_std(column, part):
    """Standard deviations of a column's features, from JSON, checked."""
    kept = np.array(part, np.float64)
    width = 1 if isinstance(column, Hashed) else column.width
    if kept.shape != (width,) or not ((kept >= 0) & np.isfinite(kept)).all():
        raise ValueError(f"column {column.name!r}: std is malformed")
    return kept.tolist()


def _refuse_twins(names):
    """An error for a name that occurs twice."""
    if len(set(names)) != len(names):
        seen = set()
        twice = next(name for name in names if name in seen or seen.add(name))
        raise ValueError(f"the name {twice!r} occurs twice")
