"""What a model predicts from, read in place: one small class for each form of rows.

Each has the number of rows `n` and three methods, all of which touch the features in
use only: `score` writes linear predictors, `entries` lists the cells that are not 0,
for errors and explanations, and `place` names one.  NumPy only; SciPy, pandas, polars
and pyarrow objects are recognized by what they offer.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fastl1.data.table import (
    column_names,
    count_rows,
    no_such_column,
    raw_column,
    table_columns,
)
from fastl1.kernels.infer._batch import Scorer

_BLOCK = 1 << 20  # cells of an explanation that are in memory at a time

# rows, slots and values of cells
Entries = Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]


class DenseRows:
    """An array (n, n_features)."""

    def __init__(self, X: Any, scorer: Scorer) -> None:
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"X must have 2 dimensions, got shape {X.shape}")
        check_width(X, scorer)
        check_real(X)
        self.n = X.shape[0]
        self.X = X

    def score(self, scorer: Scorer, out: np.ndarray, n_threads: int | None) -> None:
        if readable(self.X):
            scorer.dense(self.X, out, n_threads)
        else:
            kept = self.X[:, scorer.features].astype(np.float64)
            scorer.columns(list(kept.T), self.n, out, n_threads)

    def place(self, row: int, slot: int, scorer: Scorer) -> str:
        return f"X[{row}, {scorer.features[slot]}]"

    def entries(self, scorer: Scorer) -> Entries:
        for lo, hi in blocks(self.n, len(scorer.features)):
            yield cells(self.X[lo:hi, scorer.features], lo)


class SparseRows:
    """A SciPy matrix (n, n_features); CSR and CSC as they are, others as CSR."""

    def __init__(self, X: Any, scorer: Scorer) -> None:
        if len(X.shape) != 2:
            raise ValueError(f"X must have 2 dimensions, got shape {X.shape}")
        check_width(X, scorer)
        check_real(X)
        if X.format not in ("csr", "csc"):
            X = X.tocsr()
        self.n = X.shape[0]
        self.format = X.format
        indptr, indices, data = X.indptr, X.indices, X.data
        if data.dtype not in (np.float32, np.float64) or not data.dtype.isnative:
            data = data.astype(np.float64)
        if indptr.dtype != indices.dtype or indices.dtype not in (np.int32, np.int64):
            indptr, indices = indptr.astype(np.int64), indices.astype(np.int64)
        self.parts = [np.ascontiguousarray(a) for a in (indptr, indices, data)]

    def score(self, scorer: Scorer, out: np.ndarray, n_threads: int | None) -> None:
        method = scorer.csr if self.format == "csr" else scorer.csc
        indptr, indices, data = self.parts
        method(indptr, indices, data, out, n_threads)

    def place(self, row: int, slot: int, scorer: Scorer) -> str:
        return f"X[{row}, {scorer.features[slot]}]"

    def entries(self, scorer: Scorer) -> Entries:
        """Duplicates are added up; the indices have been checked by `score`."""
        indptr, indices, values = self.parts
        indices, values = indices[: indptr[-1]], values[: indptr[-1]]
        line = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        rows, columns = (line, indices) if self.format == "csr" else (indices, line)
        features = scorer.features
        slots = np.searchsorted(features, columns)
        used = slots < len(features)
        used[used] = features[slots[used]] == columns[used]
        key = rows[used] * np.int64(max(1, len(features))) + slots[used]
        key, where = np.unique(key, return_inverse=True)
        total = np.bincount(where, values[used], len(key))
        yield *np.divmod(key, max(1, len(features))), total


class NamedRows:
    """A list of ``{feature name: value}``; what is not there is 0, what is not known
    is ignored, as scikit-learn's DictVectorizer has it."""

    def __init__(self, rows: Any, names: Any) -> None:
        self.n = len(rows)
        self.rows = rows
        self.names = names

    def score(self, scorer: Scorer, out: np.ndarray, n_threads: int | None) -> None:
        self.names.eta(scorer, self.rows, out)

    def place(self, row: int, slot: int, scorer: Scorer) -> str:
        return f"row {row}: feature {self.names.names()[slot]!r}"

    def entries(self, scorer: Scorer) -> Entries:
        slot_of = {name: slot for slot, name in enumerate(self.names.names())}
        for i, row in enumerate(self.rows):
            found = [
                (slot_of[name], np.nan if value is None else float(value))
                for name, value in row.items()
                if name in slot_of
            ]
            found.sort()
            slots = np.array([slot for slot, _ in found], np.int64)
            values = np.array([value for _, value in found], np.float64)
            yield np.full(len(found), i), slots, values


class ColumnRows:
    """Columns of a table, by the names of the features in use."""

    def __init__(self, table: Any, names: list[str]) -> None:
        columns = table_columns(table, names)
        self.n = count_rows(columns, table)
        self.names = names
        self.arrays = [column_array(columns[name], name) for name in names]

    def score(self, scorer: Scorer, out: np.ndarray, n_threads: int | None) -> None:
        scorer.columns(self.arrays, self.n, out, n_threads)

    def place(self, row: int, slot: int, scorer: Scorer) -> str:
        return f"column {self.names[slot]!r}: entry {row}"

    def entries(self, scorer: Scorer) -> Entries:
        for lo, hi in blocks(self.n, len(self.arrays)):
            kept = [array[lo:hi].astype(np.float64) for array in self.arrays]
            yield cells(np.stack(kept, axis=1) if kept else np.empty((hi - lo, 0)), lo)


class TreatedRows:
    """A table of raw columns, which the model's column treatment encodes."""

    def __init__(
        self,
        table: Any,
        treatment: Any,
        coef: np.ndarray,
        scorer: Scorer,
        impute: bool = False,
    ) -> None:
        if are_named(table):
            used = treatment.used_columns(scorer.features)
            if not impute:
                for i, row in enumerate(table):
                    if not all(name in row for name in used):
                        raise ValueError(f"row {i}: {_absent(used, row)}")
            table = {name: [row.get(name) for row in table] for name in used}
        elif impute:
            table = _completed(table, treatment.used_columns(scorer.features))
        self.table = table
        self.treatment = treatment
        intercept = scorer.intercept if coef.ndim == 2 else scorer.intercept[0]
        self.eta = treatment.link(table, scorer.features, coef, intercept)
        self.n = len(self.eta)

    def score(self, scorer: Scorer, out: np.ndarray, n_threads: int | None) -> None:
        out[...] = self.eta.reshape(out.shape)

    def place(self, row: int, slot: int, scorer: Scorer) -> str:
        name = self.treatment.names_of(scorer.features[slot : slot + 1])[0]
        return f"row {row}: feature {name!r}"

    def entries(self, scorer: Scorer) -> Entries:
        chosen, place = self.treatment.select(scorer.features)
        X = chosen.encode(self.table)
        if not isinstance(X, np.ndarray):
            X = X[:, place].tocoo()
            yield X.row, X.col, X.data
            return
        for lo, hi in blocks(self.n, len(place)):
            yield cells(X[lo:hi, place], lo)


def _absent(used: list[str], row: Mapping[str, Any]) -> str:
    """What is wrong with a row that lacks some of the columns in use."""
    gone = [name for name in used if name not in row]
    told = "; ".join(no_such_column(name, map(str, row)) for name in gone[:5])
    return f'{told}; None says that a cell is missing, missing="impute" that all are'


def _completed(table: Any, used: list[str]) -> dict[str, Any]:
    """The columns in use of a table, empty ones for those that it lacks."""
    there = {str(name): name for name in column_names(table)}
    found = {name: table[there[name]] for name in used if name in there}
    n = count_rows(found, table)
    return {name: found.get(name, [None] * n) for name in used}


def blocks(n: int, width: int) -> Iterator[tuple[int, int]]:
    """Bounds of blocks of rows with a bounded number of cells."""
    step = max(1, _BLOCK // max(1, width))
    return ((lo, min(n, lo + step)) for lo in range(0, n, step))


def cells(kept: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Those of a dense block that are not 0."""
    rows, slots = np.nonzero(kept)
    return rows + first, slots, kept[rows, slots].astype(np.float64)


def check_width(X: Any, model: Any) -> None:
    """Whether X has the features of a model or `Scorer`."""
    if X.shape[1] != model.n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, the model was trained on {model.n_features}"
        )


def check_real(X: Any) -> None:
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must hold real numbers, got dtype {X.dtype}")


def readable(array: np.ndarray) -> bool:
    """Whether the kernels read its dtype."""
    return array.dtype.isnative and array.dtype.str[1:] not in ("f2", "f16", "f12")


def column_array(column: Any, name: str) -> np.ndarray:
    """A column as a vector that kernels read; in place where it is one."""
    array = in_place(column)
    if array is not None and array.dtype.kind in "fiub" and readable(array):
        return array
    from fastl1.data.kinds import numbers

    return numbers(raw_column(column, name))


def in_place(column: Any) -> np.ndarray | None:
    """The vector behind a column, where there is one."""
    module = type(column).__module__.partition(".")[0]
    if isinstance(column, np.ndarray):
        return column if column.ndim == 1 else None
    if module == "pandas" and isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    if module == "polars" and column.dtype.is_numeric() and not column.null_count():
        return column.to_numpy()
    if module == "pyarrow" and not column.null_count:
        chunk = column.chunk(0) if getattr(column, "num_chunks", 0) == 1 else column
        try:
            return chunk.to_numpy(zero_copy_only=True)
        except (TypeError, ValueError):  # several chunks, bits, text
            return None
    return None


def is_table(X: Any) -> bool:
    """Whether X has named columns (dict, pandas, polars, pyarrow)."""
    if hasattr(X, "tocsr"):  # SciPy's DOK matrices are mappings
        return False
    return isinstance(X, Mapping) or hasattr(X, "columns") or hasattr(X, "column_names")


def are_named(X: Any) -> bool:
    """Whether X is a sequence of mappings."""
    return isinstance(X, (list, tuple)) and len(X) > 0 and isinstance(X[0], Mapping)
