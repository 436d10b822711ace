"""Tables of any library as columns of numbers or of text.

A table is a dict of arrays, a pandas or polars frame or a pyarrow table.  Text is kept
as codes into its distinct values, so that work on it is per value, not per cell.  Text
is stripped of surrounding blanks; what it stands for is told by `TextRules`.
"""

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastl1.data.convention import (
    CANDIDATES,
    PLAIN,
    Convention,
    find_convention,
    looks_like_number,
)

# What is missing by models that do not say it, and in a column of numbers anyway.
MISSING_TEXT = frozenset(["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL"])
# Whole numbers up to this one are the same as floating-point numbers.
EXACT = 2**53


@dataclass(frozen=True)
class TextRules:
    """What text stands for in a table.

    Attributes
    ----------
    convention : Convention
        How numbers are written.
    na : frozenset of str
        Texts that stand for a missing cell; blanks around them do not count.
    """

    convention: Convention = PLAIN
    na: frozenset[str] = MISSING_TEXT

    @cached_property
    def sentinels(self) -> list[float]:
        """Numbers that stand for a missing cell."""
        found = (PLAIN.number(text) for text in self.na)
        return [x for x in found if x is not None and math.isfinite(x)]

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {**vars_of(self.convention), "na": sorted(self.na)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "TextRules":
        """Rules from what `to_dict` returned."""
        convention = Convention(data["decimal"], data["thousands"])
        return cls(convention, frozenset(map(str, data["na"])))


def vars_of(convention: Convention) -> dict[str, str]:
    """The marks of a convention, by their names."""
    return {"decimal": convention.decimal, "thousands": convention.thousands}


# What a table with types has: null is missing, and text is text.
TYPED = TextRules(na=frozenset())


class Raw:
    """A column as found: numbers with NaN, or text as codes into labels.

    Attributes
    ----------
    name : str
    kind : str
        "number", "boolean", "text", "date" or "other".
    type : str
        What the column holds, in words.
    values : ndarray of float64, shape (n,)
        For numbers and booleans.
    exact : ndarray of integers or None
        Values that are whole numbers above 2**53, some of them; any number where
        `values` is NaN.
    codes : ndarray of int, shape (n,); labels : list of str
        For text; -1 is missing.
    eaten : (list of str, ndarray of int) or None
        Texts that stand for missing, and codes into them, -1 elsewhere.
    convention : Convention or None
        How numbers are written in text, if that is known.
    typed : bool
        Whether its numbers were such before they were read: not text without units.
    rows : ndarray of int or None
        Where the rows come from, for errors; None if they are 0 … n - 1.
    """

    __slots__ = (
        "codes",
        "convention",
        "eaten",
        "exact",
        "kind",
        "labels",
        "name",
        "rows",
        "type",
        "typed",
        "values",
    )

    def __init__(
        self, name, kind, type, values=None, codes=None, labels=None, exact=None
    ):
        self.name = name
        self.kind = kind
        self.type = type
        self.values = values
        self.exact = exact
        self.codes = codes
        self.labels = labels
        self.eaten = None
        self.convention = None
        self.typed = True
        self.rows = None

    def __len__(self):
        return len(self.codes if self.values is None else self.values)

    def _like(self, **parts):
        """A column like this one with other parts."""
        out = Raw.__new__(Raw)
        for slot in Raw.__slots__:
            setattr(out, slot, parts.get(slot, getattr(self, slot)))
        return out

    def take(self, rows):
        """The column restricted to some rows."""
        if rows is None:
            return self

        def part(values):
            return None if values is None else values[rows]

        eaten = self.eaten and (self.eaten[0], self.eaten[1][rows])
        return self._like(
            values=part(self.values),
            exact=part(self.exact),
            codes=part(self.codes),
            eaten=eaten,
            rows=rows,
        )

    def settle(self, rules, known=()):
        """The column by the rules of a model.

        Parameters
        ----------
        rules : TextRules
            Their convention holds where the table has none of its own, and what is
            missing by them is so besides what is by the table's.
        known : collection of str
            Texts that a model knows as values: these are never missing.
        """
        if self.kind != "text":
            return self._like(values=without(self.values, rules.sentinels))
        convention = self.convention or rules.convention
        eaten, lost = self.eaten or ([], None)
        gone = rules.na.difference(known)
        if gone.isdisjoint(self.labels) and not set(eaten).intersection(known):
            return self._like(convention=convention)
        codes = self.codes
        if lost is not None:
            codes = np.where(lost >= 0, lost + len(self.labels), codes)
        labels = []
        slots = np.full(len(self.labels) + len(eaten) + 1, -1, np.intp)
        for k, label in enumerate([*self.labels, *eaten]):
            if label in known or (k < len(self.labels) and label not in gone):
                slots[k] = len(labels)
                labels.append(label)
        return self._like(
            codes=slots[codes], labels=labels, eaten=None, convention=convention
        )

    def counts(self):
        """How often each text occurs: a dict without those that do not."""
        counts = np.bincount(self.codes[self.codes >= 0], minlength=len(self.labels))
        there = np.flatnonzero(counts)
        return {self.labels[k]: int(counts[k]) for k in there}

    def as_text(self):
        """The column as text; numbers are written the shortest way (3.0 as "3")."""
        if self.kind == "text":
            return self
        if self.values is None:
            raise ValueError(
                f"column {self.name!r} holds {self.type}; categories are expected"
            )
        gaps = np.isnan(self.values)
        cells = self.values if self.exact is None else self.exact
        unique, found = np.unique(cells[~gaps], return_inverse=True)
        codes = np.full(len(self), -1, np.intp)
        codes[~gaps] = found
        if self.kind == "boolean":
            labels = ["true" if value else "false" for value in unique]
        elif self.exact is not None:
            labels = [str(value) for value in unique.tolist()]
        else:
            labels = [_shortest(value) for value in unique.tolist()]
        return self._like(
            kind="text", values=None, exact=None, codes=codes, labels=labels
        )


def without(values, sentinels):
    """Numbers with NaN in place of those that stand for missing."""
    if values is None or not sentinels:
        return values
    return np.where(np.isin(values, sentinels), np.nan, values)


def convention_of(columns, among=tuple(CANDIDATES), known=None):
    """The convention of the numbers in the text of a table.

    Parameters
    ----------
    columns : iterable of Raw
    among, known
        As for `find_convention`.
    """
    texts = [
        raw.counts()
        for raw in columns
        if raw.kind == "text" and may_be_numbers(raw.labels)
    ]
    return find_convention(texts, among=among, known=known)[0]


def may_be_numbers(labels):
    """Whether some of a thousand texts out of all look like numbers."""
    step = max(1, len(labels) // 1000)
    some = [label.strip() for label in labels[::step] if label]
    return 4 * sum(map(looks_like_number, some)) >= len(some) > 0


def prepare(table, names=None):
    """Raw columns of a table.

    Parameters
    ----------
    table : dict of arrays, pandas or polars frame, pyarrow table
        What `prepare` returned is passed through.
    names : list of str, optional
        The columns that are needed; default all.

    Returns
    -------
    dict of str to Raw

    Raises
    ------
    ValueError
        Duplicate or missing names, lengths that differ.
    """
    columns = table_columns(table, names)
    return {
        name: column if isinstance(column, Raw) else raw_column(column, name)
        for name, column in columns.items()
    }


def table_columns(table, names=None):
    """Columns of a table by name, as the table holds them.

    Parameters
    ----------
    table : dict of arrays, pandas or polars frame, pyarrow table
    names : list of str, optional
        The columns that are needed; default all.

    Returns
    -------
    dict of str to column

    Raises
    ------
    ValueError
        Duplicate or missing names, lengths that differ.
    """
    there = column_names(table)
    found = {str(name): name for name in there}
    if len(found) != len(there):
        seen = set()
        twice = next(n for n in map(str, there) if n in seen or seen.add(n))
        raise ValueError(f"duplicate column name {twice!r}")
    names = list(found) if names is None else names
    absent = [name for name in names if name not in found]
    if absent:
        raise ValueError("; ".join(no_such_column(name, found) for name in absent[:5]))
    columns = {name: table[found[name]] for name in names}
    lengths = {len(column): name for name, column in columns.items()}
    if len(lengths) > 1:
        (n, a), (m, b) = list(lengths.items())[:2]
        raise ValueError(f"column {a!r} has {n} rows, column {b!r} has {m}")
    return columns


def column_names(table):
    """Names of the columns of a table, as it has them."""
    if isinstance(table, Mapping):
        return list(table)
    return list(getattr(table, "column_names", None) or table.columns)


def raw_column(column, name, rules=TYPED):
    """A NumPy, pandas, polars or pyarrow column, or a list, as `Raw`.

    Parameters
    ----------
    column : column, list or Raw
    name : str
    rules : TextRules
        What is missing.
    """
    if isinstance(column, Raw):
        return column
    raw = _raw_column(column, name, rules.na)
    raw.values = without(raw.values, rules.sentinels)
    return raw


def _raw_column(column, name, na):
    module = type(column).__module__.partition(".")[0]
    if module == "pyarrow":
        return _from_arrow(column, name, na)
    if module == "polars" and column.dtype.is_integer() and column.null_count():
        gaps = column.is_null().to_numpy()
        return _integers(column.fill_null(0).to_numpy(), name, gaps)
    if module in ("pandas", "polars"):
        column = column.to_numpy()
    if isinstance(column, (list, tuple)):
        return _from_objects(column, name, na)
    column = np.asarray(column)
    if column.ndim != 1:
        raise ValueError(f"column {name!r} has shape {column.shape}, not (n,)")
    if column.dtype.kind == "T":
        column = column.astype(object)
    if column.dtype.kind == "O":
        return _from_objects(column.tolist(), name, na)
    if column.dtype.kind in "US":
        if column.dtype.kind == "S":
            column = np.char.decode(column)
        return _from_objects(column.tolist(), name, na)
    if column.dtype.kind in "iu":
        return _integers(column, name)
    if column.dtype.kind == "f":
        return Raw(name, "number", "numbers", values=column.astype(np.float64))
    if column.dtype.kind == "b":
        return Raw(name, "boolean", "booleans", values=column.astype(np.float64))
    if column.dtype.kind in "mM":
        kind = "date"
        return Raw(name, kind, "dates or times", codes=np.zeros(len(column), np.intp))
    return Raw(name, "other", f"{column.dtype} values", codes=np.zeros(len(column)))


def _integers(column, name, gaps=None):
    """Integers, with gaps where a mask says so."""
    values = column.astype(np.float64)
    if gaps is not None:
        values[gaps] = np.nan
    size = column.dtype.itemsize == 8 and len(column)
    large = size and (column.max() > EXACT or column.min() < -EXACT)
    return Raw(
        name, "number", "numbers", values=values, exact=column if large else None
    )


def _from_objects(cells, name, na):
    cells = [None if _is_gap(cell) else cell for cell in cells]
    kinds = set(map(type, cells)) - {type(None)}
    boolean = all(issubclass(t, (bool, np.bool_)) for t in kinds)
    if boolean or all(
        issubclass(t, (int, float, np.number)) or t.__name__ == "Decimal" for t in kinds
    ):
        values = np.array(
            [np.nan if cell is None else float(cell) for cell in cells], np.float64
        )
        kind = "boolean" if boolean and kinds else "number"
        exact = _exact_objects(cells, values)
        return Raw(name, kind, f"{kind}s", values=values, exact=exact)
    if any(hasattr(t, "isoformat") or hasattr(t, "total_seconds") for t in kinds):
        return Raw(name, "date", "dates or times", codes=np.zeros(len(cells), np.intp))
    if any(issubclass(t, (bytes, Mapping, list, tuple, np.ndarray)) for t in kinds):
        return Raw(name, "other", "nested or binary values", codes=np.zeros(len(cells)))
    lookup = {}
    code = lookup.setdefault
    codes = np.fromiter(
        (code(cell, len(lookup)) for cell in cells), np.intp, len(cells)
    )
    labels = [None if cell is None else str(cell) for cell in lookup]
    return _text(name, codes, labels, na)


def _exact_objects(cells, values):
    """Whole numbers of Python as they are, if some of them are large."""
    if not (np.abs(values) >= EXACT).any():
        return None
    finite = [0 if cell is None else cell for cell in cells]
    if not all(math.isfinite(cell) and cell == int(cell) for cell in finite):
        return None
    return np.array([int(cell) for cell in finite], object)


def _is_gap(cell):
    """Whether a cell is None, NaN or pandas' NA."""
    if isinstance(cell, float):
        return cell != cell
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


def _from_arrow(column, name, na):
    import pyarrow as pa

    if pa.types.is_run_end_encoded(column.type):
        from pyarrow import compute

        column = compute.run_end_decode(column)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _from_dictionary(column, name, na)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8()).cast(pa.float64())
        values = column.fill_null(np.nan).to_numpy(zero_copy_only=False)
        return Raw(name, "boolean", "booleans", values=values)
    if pa.types.is_integer(kind) and kind.bit_width == 64 and _is_large(column):
        gaps = _numpy(column.is_null())
        return _integers(_numpy(column.fill_null(0)), name, gaps)
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        values = _numpy(column.cast(pa.float64(), safe=False).fill_null(np.nan))
        exact = None
        if pa.types.is_decimal(kind) and (np.abs(values) >= EXACT).any():
            exact = _exact_objects(column.to_pylist(), values)
        return Raw(name, "number", "numbers", values=values, exact=exact)
    if pa.types.is_null(kind):
        return Raw(name, "number", "nothing", values=np.full(len(column), np.nan))
    if pa.types.is_temporal(kind):
        return Raw(name, "date", "dates or times", codes=np.zeros(len(column), np.intp))
    if _is_string(kind):
        return _from_dictionary(column.dictionary_encode(), name, na)
    if pa.types.is_binary(kind):
        return Raw(name, "other", "text that is not UTF-8", codes=np.zeros(len(column)))
    return Raw(name, "other", f"{kind} values", codes=np.zeros(len(column)))


def _is_string(kind):
    import pyarrow as pa

    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )


def _is_large(column):
    from pyarrow import compute

    ends = compute.min_max(column).as_py()
    return ends["max"] is not None and max(ends["max"], -ends["min"]) > EXACT


def _from_dictionary(column, name, na):
    """Categories of Arrow: text as codes, anything else as what it stands for."""
    import pyarrow as pa

    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    if not _is_string(column.type.value_type):
        decoded = [chunk.dictionary_decode() for chunk in chunks]
        return _from_arrow(pa.chunked_array(decoded, column.type.value_type), name, na)
    labels, codes = {}, [np.empty(0, np.intp)]
    for chunk in chunks:
        # -1 finds the last one
        places = [
            labels.setdefault(label, len(labels))
            for label in (*chunk.dictionary.to_pylist(), None)
        ]
        indices = chunk.indices.cast(pa.int64()).fill_null(-1)
        codes.append(np.array(places, np.intp)[_numpy(indices)])
    return _text(name, np.concatenate(codes), list(labels), na)


def _numpy(column):
    if hasattr(column, "chunks"):  # a ChunkedArray, which copies by itself
        return column.to_numpy()
    return column.to_numpy(zero_copy_only=False)


def _text(name, codes, labels, na):
    """Text column with labels stripped, equal ones merged, missing ones -1."""
    merged, eaten = {}, {}
    slots = np.full(len(labels) + 1, -1, np.intp)
    lost = slots.copy()
    for k, label in enumerate(labels):
        label = None if label is None else label.strip()
        if label in na:
            # an empty cell is no value to anybody who takes it for missing
            lost[k] = eaten.setdefault(label, len(eaten)) if label else -1
        elif label is not None:
            slots[k] = merged.setdefault(label, len(merged))
    raw = Raw(name, "text", "text", codes=slots[codes], labels=list(merged))
    if eaten:
        raw.eaten = (list(eaten), lost[codes])
    return raw


def count_rows(raw, table):
    """Number of rows of a table whose columns `raw` (perhaps none) were taken."""
    columns = raw or (table if isinstance(table, Mapping) else None)
    if columns is None:
        return len(table)
    if not columns:
        raise ValueError("a table without columns has no known number of rows")
    return len(next(iter(columns.values())))


def parse_number(text, convention=PLAIN):
    """The number a text stands for (NaN for missing), or None."""
    return np.nan if text in MISSING_TEXT else convention.number(text)


def parse_cells(raw, parse, expected):
    """Values of a text column by `parse`, which sees each label once.

    A None from it is an error that names the row and what was expected there.
    """
    parsed = [parse(label) for label in raw.labels]
    wrong = np.array([value is None for value in parsed] + [False])
    if wrong[raw.codes].any():
        i = int(np.argmax(wrong[raw.codes]))
        raise ValueError(
            f"column {raw.name!r}: data row {row_number(raw, wrong[raw.codes])} holds "
            f"{raw.labels[raw.codes[i]]!r}; {expected} is expected"
        )
    values = [np.nan if value is None else value for value in parsed]
    return np.array([*values, np.nan])[raw.codes]


def row_number(raw, mask):
    """Number (from 1) of the first row in `mask`, in the table it came from."""
    i = int(np.argmax(mask))
    return (i if raw.rows is None else int(raw.rows[i])) + 1


def _shortest(value):
    return str(int(value)) if value.is_integer() else repr(value)


def no_such_column(name, there):
    """That there is no such column, and which ones have a similar name."""
    import difflib

    there = list(map(str, there))
    same = [other for other in there if _folded(other) == _folded(name)]
    if same:
        if all(other.casefold() == name.casefold() for other in same):
            shown, how = " or ".join(map(repr, same)), ""
        else:
            shown = " or ".join(map(ascii, same))
            how = " Blanks or the form of Unicode characters differ: this is " + ascii(
                name
            )
        return f"there is no column {name!r} (did you mean {shown}?{how})"
    folded = {other.casefold(): other for other in there}
    close = difflib.get_close_matches(name, there, 3)
    close = close or [
        folded[other]
        for other in difflib.get_close_matches(name.casefold(), list(folded), 3)
    ]
    hint = f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
    return f"there is no column {name!r}{hint}"


def _folded(name):
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
