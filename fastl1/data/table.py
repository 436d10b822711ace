"""Tables of any library as columns of numbers or of text.

A table is a dict of arrays, a pandas or polars frame or a pyarrow table.  Text is kept
as codes into its distinct values, so that work on it is per value, not per cell.  Text
is stripped of surrounding blanks; what `MISSING_TEXT` lists is missing.
"""

from collections.abc import Mapping

import numpy as np

MISSING_TEXT = frozenset(["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL"])


class Raw:
    """A column as found: numbers with NaN, or text as codes into labels.

    Attributes
    ----------
    kind : {"number", "boolean", "text", "date", "other"}
    type : str
        The type in words, for errors.
    values : ndarray of float64, shape (n,)
        For numbers and booleans; NaN is missing.
    codes : ndarray of int, shape (n,); labels : list of str
        For text; -1 is missing.
    rows : ndarray of int or None
        Where the rows come from, for errors; None if they are 0 … n - 1.
    """

    __slots__ = ("codes", "kind", "labels", "name", "rows", "type", "values")

    def __init__(self, name, kind, type, values=None, codes=None, labels=None):
        self.name = name
        self.kind = kind
        self.type = type
        self.values = values
        self.codes = codes
        self.labels = labels
        self.rows = None

    def __len__(self):
        return len(self.codes if self.values is None else self.values)

    def take(self, rows):
        """The column restricted to some rows."""
        if rows is None:
            return self
        values = None if self.values is None else self.values[rows]
        codes = None if self.codes is None else self.codes[rows]
        out = Raw(self.name, self.kind, self.type, values, codes, self.labels)
        out.rows = rows
        return out

    def as_text(self):
        """The column as text; numbers are written the shortest way (3.0 as "3")."""
        if self.kind == "text":
            return self
        if self.values is None:
            raise ValueError(
                f"column {self.name!r} holds {self.type}; categories are expected"
            )
        unique, codes = np.unique(self.values, return_inverse=True)
        if len(unique) and np.isnan(unique[-1]):
            unique = unique[:-1]
            codes = np.where(codes == len(unique), -1, codes)
        if self.kind == "boolean":
            labels = ["true" if value else "false" for value in unique]
        else:
            labels = [_shortest(value) for value in unique.tolist()]
        out = Raw(self.name, "text", self.type, codes=codes, labels=labels)
        out.rows = self.rows
        return out


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


def raw_column(column, name):
    """A NumPy, pandas, polars or pyarrow column, or a list, as `Raw`."""
    module = type(column).__module__.partition(".")[0]
    if module == "pyarrow":
        return _from_arrow(column, name)
    if module in ("pandas", "polars"):
        column = column.to_numpy()
    if isinstance(column, (list, tuple)):
        return _from_objects(column, name)
    column = np.asarray(column)
    if column.ndim != 1:
        raise ValueError(f"column {name!r} has shape {column.shape}, not (n,)")
    if column.dtype.kind == "T":
        column = column.astype(object)
    if column.dtype.kind == "O":
        return _from_objects(column.tolist(), name)
    if column.dtype.kind in "US":
        if column.dtype.kind == "S":
            column = np.char.decode(column)
        return _from_objects(column.tolist(), name)
    if column.dtype.kind in "fiu":
        return Raw(name, "number", "numbers", values=column.astype(np.float64))
    if column.dtype.kind == "b":
        return Raw(name, "boolean", "booleans", values=column.astype(np.float64))
    if column.dtype.kind in "mM":
        kind = "date"
        return Raw(name, kind, "dates or times", codes=np.zeros(len(column), np.intp))
    return Raw(name, "other", f"{column.dtype} values", codes=np.zeros(len(column)))


def _from_objects(cells, name):
    cells = [None if _is_gap(cell) else cell for cell in cells]
    kinds = set(map(type, cells)) - {type(None)}
    boolean = all(issubclass(t, (bool, np.bool_)) for t in kinds)
    if boolean or all(
        issubclass(t, (int, float, np.number)) or t.__name__ == "Decimal" for t in kinds
    ):
        cells = [np.nan if cell is None else float(cell) for cell in cells]
        kind = "boolean" if boolean and kinds else "number"
        return Raw(name, kind, f"{kind}s", values=np.array(cells, np.float64))
    if any(hasattr(t, "isoformat") or hasattr(t, "total_seconds") for t in kinds):
        return Raw(name, "date", "dates or times", codes=np.zeros(len(cells), np.intp))
    if any(issubclass(t, (bytes, Mapping, list, tuple, np.ndarray)) for t in kinds):
        return Raw(name, "other", "nested or binary values", codes=np.zeros(len(cells)))
    lookup = {}
    code = lookup.setdefault
    codes = np.fromiter(
        (code(cell, len(lookup)) for cell in cells), np.intp, len(cells)
    )
    return _text(name, codes, [None if cell is None else str(cell) for cell in lookup])


def _is_gap(cell):
    """Whether a cell is None, NaN or pandas' NA."""
    if isinstance(cell, float):
        return cell != cell
    return cell is None or type(cell).__name__ in ("NAType", "NaTType")


def _from_arrow(column, name):
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8()).cast(pa.float64())
        values = column.fill_null(np.nan).to_numpy(zero_copy_only=False)
        return Raw(name, "boolean", "booleans", values=values)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = column.cast(pa.float64(), safe=False).fill_null(np.nan)
        return Raw(name, "number", "numbers", values=_numpy(values))
    if pa.types.is_decimal(kind):
        values = column.cast(pa.float64(), safe=False).fill_null(np.nan)
        return Raw(name, "number", "numbers", values=_numpy(values))
    if pa.types.is_null(kind):
        return Raw(name, "number", "nothing", values=np.full(len(column), np.nan))
    if pa.types.is_temporal(kind):
        return Raw(name, "date", "dates or times", codes=np.zeros(len(column), np.intp))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        coded = column.dictionary_encode()
        if isinstance(coded, pa.ChunkedArray):
            coded = coded.combine_chunks() if coded.num_chunks != 1 else coded.chunk(0)
            if isinstance(coded, pa.ChunkedArray):  # no chunks at all
                return _text(name, np.empty(0, np.intp), [])
        codes = coded.indices.cast(pa.int64()).fill_null(-1)
        return _text(name, _numpy(codes), coded.dictionary.to_pylist())
    if pa.types.is_binary(kind):
        return Raw(name, "other", "text that is not UTF-8", codes=np.zeros(len(column)))
    return Raw(name, "other", f"{kind} values", codes=np.zeros(len(column)))


def _numpy(column):
    if hasattr(column, "chunks"):  # a ChunkedArray, which copies by itself
        return column.to_numpy()
    return column.to_numpy(zero_copy_only=False)


def _text(name, codes, labels):
    """Text column with labels stripped, equal ones merged, missing ones -1."""
    merged = {}
    slots = np.full(len(labels) + 1, -1, np.intp)
    for k, label in enumerate(labels):
        label = None if label is None else label.strip()
        if label is not None and label not in MISSING_TEXT:
            slots[k] = merged.setdefault(label, len(merged))
    return Raw(name, "text", "text", codes=slots[codes], labels=list(merged))


def count_rows(raw, table):
    """Number of rows of a table whose columns `raw` (perhaps none) were taken."""
    columns = raw or (table if isinstance(table, Mapping) else None)
    if columns is None:
        return len(table)
    if not columns:
        raise ValueError("a table without columns has no known number of rows")
    return len(next(iter(columns.values())))


def parse_number(text):
    """The number a text stands for (NaN for missing), or None."""
    if text in MISSING_TEXT:
        return np.nan
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None


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
    import difflib

    folded = {other.casefold(): other for other in there}
    close = difflib.get_close_matches(name, list(there), 3)
    close = close or [
        folded[other]
        for other in difflib.get_close_matches(name.casefold(), list(folded), 3)
    ]
    hint = f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
    return f"there is no column {name!r}{hint}"
