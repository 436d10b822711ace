"""Reading files: tables (CSV, Parquet, Arrow, …) and matrices (svmlight, .npz).

Everything raises `DataError` with the file's name and, where there is one, the line.
"""

import glob
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from fastl1._extras import require
from fastl1.data.convention import PLAIN, Convention
from fastl1.data.delimited import read_delimited
from fastl1.data.reading import Input, Reading, guess_encoding, in_encoding
from fastl1.data.svmlight import read_svmlight
from fastl1.data.table import TYPED, Raw, TextRules, convention_of, raw_column
from fastl1.exceptions import DataError

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".svm": "svmlight",
    ".svmlight": "svmlight",
    ".libsvm": "svmlight",
    ".npz": "npz",
}
KINDS = tuple(dict.fromkeys(FORMATS.values()))
# arrays of a .npz file that name the features, if as long as the matrix is wide
NAME_ARRAYS = ("feature_names", "colnames", "vocab")


class Table(Mapping):
    """Rows with named columns: a mapping of their names to `Raw`.

    Parameters
    ----------
    columns : dict of str to column
        A column is one of pyarrow in a file, of any library in memory.
    format : str
    notes : list of str
    asked, known : Reading, optional
        What text in a table with types stands for, and what earlier ones decided.
    rules : TextRules, optional
        The same for a file of text, where it was found.
    reading : Reading, optional
        How the file was read.
    evident : bool
        Whether its text speaks for the convention of the numbers.

    Attributes
    ----------
    columns, format, notes, evident
        As given.
    """

    def __init__(
        self,
        columns: dict[str, Any],
        format: str,
        notes: list[str],
        *,
        asked: Reading | None = None,
        known: Reading | None = None,
        rules: TextRules | None = None,
        reading: Reading | None = None,
        evident: bool = False,
    ):
        self.evident = evident
        self.columns = columns
        self.format = format
        self.notes = notes
        self._asked, self._known = asked or Reading(), known or Reading()
        self._is_text = rules is not None
        self._made: dict[str, Raw] = {}
        if rules is not None:
            self.rules = rules
        self.reading = self._asked if reading is None else reading

    @cached_property
    def rules(self) -> TextRules:
        """What text stands for."""
        asked, known = self._asked, self._known
        na = TYPED.na if asked.na is None else frozenset(asked.na)
        before = None
        if None not in (known.decimal, known.thousands):
            before = Convention(known.decimal, known.thousands)
        text = (
            raw_column(column, name, TextRules(na=na))
            for name, column in self.columns.items()
            if _may_be_text(column)
        )
        convention = convention_of(text, asked.conventions(), before)
        if convention != PLAIN:
            self.notes.append(
                f"numbers in text are read with {convention.describe()}; other marks "
                f"can be given as decimal and thousands"
            )
        return TextRules(convention, na)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    @property
    def named(self) -> dict[str, Any]:
        """What can be asked for by name: the columns."""
        return self.columns

    def __getitem__(self, name: str) -> Raw:
        if name not in self._made:
            raw = raw_column(self.columns[name], name, self.rules)
            raw.convention = self.rules.convention
            raw.typed = not self._is_text
            if self._asked.na is not None:
                raw.eaten = None  # what the caller calls missing is so
            self._made[name] = raw
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


class Matrix:
    """Rows as a feature matrix.

    Attributes
    ----------
    X : ndarray or scipy.sparse array of shape (n, p)
    arrays : dict of str to ndarray
        What else the file holds, the target among it.
    feature_names : list of str or None
    format : str
    info : dict
        What a later `read_file` has to know to read alike files alike.
    notes : list of str
    reading : Reading
    """

    def __init__(self, X, arrays, format, feature_names=None, info=None, notes=()):
        self.X = X
        self.arrays = arrays
        self.format = format
        self.feature_names = feature_names
        self.info = info or {}
        self.notes = list(notes)
        self.reading = Reading()

    @property
    def n_rows(self):
        """Number of rows."""
        return self.X.shape[0]

    @property
    def named(self):
        """What can be asked for by name: the arrays."""
        return self.arrays

    def __getitem__(self, name: str) -> Raw:
        return raw_column(self.arrays[name], name)


def read_file(
    path,
    *,
    format=None,
    reading=None,
    known=None,
    info=None,
    n_features=None,
):
    """Read a data file of any supported format, or several of one schema.

    Parameters
    ----------
    path : str, Input, or list of such
        Files; ``.gz``, ``.bz2`` and ``.zst`` are decompressed.  "-" is the standard
        input, and a name with ``*``, ``?`` or ``[`` that no file has a pattern.
    format : str, optional
        One of `KINDS`; default by the file's ending, else its content.
    reading : Reading, optional
        How text is read; default as the file itself says.
    known : Reading, optional
        `Table.reading` of the training, which decides where the file leaves it open.
    info : dict, optional
        `Matrix.info` of the training file.
    n_features : int, optional
        Width that an svmlight file must have.

    Returns
    -------
    Table or Matrix

    Raises
    ------
    DataError
        The file cannot be read or has no rows.
    """
    reading, known = reading or Reading(), known or Reading()
    sources = inputs(path)
    parts = [
        _read_one(one, format, reading, known, info, n_features) for one in sources
    ]
    if len(parts) == 1:
        return parts[0]
    for source, part in zip(sources, parts, strict=True):
        if isinstance(part, Matrix):
            raise DataError(f"{source.name}: a matrix is read from one file only")
    return _join(sources, parts, format, reading, known)


def inputs(path):
    """The files that a path, a pattern, or a list of such means.

    Raises
    ------
    DataError
        No file matches a pattern.
    """
    found = []
    for one in path if isinstance(path, (list, tuple)) else [path]:
        if isinstance(one, Input):
            found.append(one)
            continue
        name = os.fspath(one)
        matches = [name]
        if glob.has_magic(name) and not os.path.exists(name):
            matches = sorted(glob.glob(name, recursive=True))
            if not matches:
                raise DataError(f"{name}: no file matches this pattern")
        found += map(_input, matches)
    return found


def _input(path):
    try:
        return Input(path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None


def _read_one(source, format, reading, known, info, n_features, text=frozenset()):
    pa = require("pyarrow", extra="cli")
    name = source.name
    if os.path.isdir(source.path):
        raise DataError(f"{name}: is a directory, not a data file")
    try:
        if source.size() == 0:
            raise DataError(f"{name}: the file is empty")
        kind = format or _guess_format(source)
        if kind == "npz":
            return _read_npz(source)
        if kind == "svmlight":
            return _read_svmlight(source, reading, known, info or {}, n_features)
        if kind == "csv":
            found = read_delimited(source, reading, known, text)
            columns, notes = _check_table(found.table, name)
            na = frozenset(found.reading.na)
            rules = TextRules(found.convention, na)
            notes = [*found.notes, *notes]
            return Table(
                columns,
                kind,
                notes,
                asked=reading,
                rules=rules,
                reading=found.reading,
                evident=found.evident,
            )
        table, notes = _READERS[kind](source, reading, known)
    except OSError as error:
        raise DataError(f"{name}: {error.strerror or error}") from None
    except (pa.ArrowException, EOFError) as error:
        raise DataError(f"{name}: {error}") from None
    columns, more = _check_table(table, name)
    return Table(columns, kind, [*notes, *more], asked=reading, known=known)


def _guess_format(source):
    suffix = source.suffix
    if suffix in FORMATS and suffix != ".txt":
        return FORMATS[suffix]
    start = source.head(1 << 16)
    for magic, kind in ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"PK", "npz")):
        if start.startswith(magic):
            if kind == "npz" and b"xl/" in start:
                return "xlsx"
            return kind
    if start.startswith(b"\xff\xff\xff\xff"):  # a message of an Arrow stream
        return "arrow"
    first = start.split(b"\n", 1)[0].split()
    if len(first) > 1 and all(
        token.partition(b":")[0].isdigit() and b":" in token for token in first[1:]
    ):
        return "svmlight"
    if start.lstrip().startswith(b'{"'):
        return "jsonl"
    if b"\0" in start and suffix != ".txt" and guess_encoding(start) is None:
        known = ", ".join(sorted(FORMATS))
        raise DataError(f"{source.name}: unknown kind of file (known endings: {known})")
    return "csv"


# --- tables ------------------------------------------------------------------------


def _read_parquet(source, reading, known):
    parquet = require("pyarrow.parquet", extra="cli")
    return parquet.ParquetFile(source.whole()).read(), []


def _read_arrow(source, reading, known):
    pa = require("pyarrow", extra="cli")
    feather = require("pyarrow.feather", extra="cli")
    magic = source.head(6)
    if magic.startswith((b"ARROW1", b"FEA1")):
        return feather.read_table(source.whole(), memory_map=False), []
    with source.open() as stream:
        return pa.ipc.open_stream(stream).read_all(), []


def _read_jsonl(source, reading, known):
    pa, json = require("pyarrow", extra="cli"), require("pyarrow.json", extra="cli")
    options, notes = json.ReadOptions(block_size=1 << 24), []

    def read(encoding):
        with source.text(encoding) as stream:
            table = json.read_json(pa.PythonFile(stream, mode="r"), options)
        try:
            table.validate(full=True)
        except pa.ArrowInvalid as error:
            raise UnicodeError(str(error)) from None
        return table

    return in_encoding(source, reading, known, notes, read), notes


def _read_xlsx(source, reading, known):
    """The first sheet of a workbook: its first row that is not empty has the names."""
    pa = require("pyarrow", extra="cli")
    calamine = require("python_calamine", extra="xlsx")
    with source.stored() as file:
        try:
            book = calamine.CalamineWorkbook.from_filelike(file)
            names = book.sheet_names
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
        except (calamine.CalamineError, ValueError) as error:
            raise DataError(
                f"{source.name}: not a readable workbook ({error})"
            ) from None
    rows = [row for row in rows if any(cell != "" for cell in row)]
    if not rows:
        raise DataError(f"{source.name}: the sheet {names[0]!r} is empty")
    notes = []
    if len(names) > 1:
        notes.append(f"the sheet {names[0]!r} is read, the first of {len(names)}")
    header, *body = rows
    cells = zip(*body, strict=True) if body else ([] for _ in header)
    columns = [_sheet_column(column) for column in cells]
    return pa.Table.from_arrays(columns, [_sheet_text(name) for name in header]), notes


def _sheet_column(cells):
    """Cells as Arrow; whole floats are integers, and mixed cells text."""
    import pyarrow as pa

    cells = [None if cell == "" else cell for cell in cells]
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds <= {int, float}:
        there = [cell for cell in cells if cell is not None]
        if all(float(cell).is_integer() and abs(cell) <= 2**53 for cell in there):
            cells = [None if cell is None else int(cell) for cell in cells]
        else:
            cells = [None if cell is None else float(cell) for cell in cells]
        return pa.array(cells)
    if len(kinds) > 1:
        cells = [None if cell is None else _sheet_text(cell) for cell in cells]
    return pa.array(cells)


def _sheet_text(cell):
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


_READERS = {
    "parquet": _read_parquet,
    "arrow": _read_arrow,
    "jsonl": _read_jsonl,
    "xlsx": _read_xlsx,
}


def _check_table(table, path):
    """Columns of a table by names that differ, and notes on them."""
    notes = []
    names = [name.strip() for name in table.column_names]
    for k, name in enumerate(names):
        if not name:
            names[k] = f"column_{k + 1}"
            notes.append(f"column {k + 1} has no name; it is called {names[k]!r}")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        where = [k + 1 for k, name in enumerate(names) if name == twice[0]]
        raise DataError(
            f"{path}: the column name {twice[0]!r} occurs {len(where)} times (columns "
            f"{', '.join(map(str, where))}); names must differ"
        )
    columns = dict(zip(names, table.columns, strict=True))
    index = [name for name in names if name.startswith("__index_level_")]
    if index:
        columns = {name: columns[name] for name in names if name not in index}
        notes.append("the row index that pandas stored is ignored")
    if table.num_rows == 0:
        raise DataError(f"{path}: the file has a header but no rows")
    if not columns:
        raise DataError(f"{path}: the file has no columns")
    return columns, notes


# types that numbers of several files have in common
_NUMBERS = ("int64", "double", "uint64", "null")


def _may_be_text(column):
    """Whether a column of any library may hold text, told by its type alone."""
    kind = str(getattr(column, "type", getattr(column, "dtype", "object"))).lower()
    return any(word in kind for word in ("str", "object", "dict", "cat", "enum", "<u"))


def _join(sources, parts, format, reading, known):
    """One table of several, whose rows follow each other."""
    pa = require("pyarrow", extra="cli")
    first, names = parts[0], list(parts[0])
    for source, part in zip(sources, parts, strict=True):
        odd = set(names).symmetric_difference(part)
        if odd:
            raise DataError(
                f"{source.name}: the columns are not those of {sources[0].name}; one "
                f"of them only has {', '.join(map(repr, sorted(odd)[:5]))}"
            )
    kinds = {part.format for part in parts}
    if len(kinds) > 1:
        raise DataError(f"files of one format are expected, not of {sorted(kinds)}")

    def again(reading, text=frozenset()):
        return [
            _read_one(one, "csv", reading, known, None, None, text) for one in sources
        ]

    told = _common(sources, parts)
    if kinds == {"csv"}:
        if any(part.rules != told.rules for part in parts):
            # an empty mark between thousands is one that no number has shown
            reading = replace(
                reading,
                decimal=told.rules.convention.decimal,
                thousands=told.rules.convention.thousands or reading.thousands,
            )
            parts = again(reading)
        text = _mixed(parts)
        if text:
            parts = again(reading, text)
        told = _common(sources, parts)
    tables = [pa.table({n: part.columns[n] for n in names}) for part in parts]
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(f"{sources[0].name} and others: {error}") from None
    columns = dict(zip(names, table.columns, strict=True))
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    if first.format != "csv":
        return Table(columns, first.format, notes, asked=reading, known=known)
    return Table(
        columns,
        "csv",
        notes,
        asked=reading,
        rules=told.rules,
        reading=told.reading,
        evident=told.evident,
    )


def _mixed(parts):
    """Columns that some files have numbers in and others something else."""
    types = {
        name: {str(part.columns[name].type) for part in parts} for name in parts[0]
    }
    return frozenset(
        name
        for name, found in types.items()
        if len(found - {"null"}) > 1 and not found <= set(_NUMBERS)
    )


def _common(sources, parts):
    """How all files are read: marks of numbers that some show hold for all."""
    told = next((part for part in parts if part.evident), parts[0])
    for source, part in zip(sources, parts, strict=True):
        if not part.evident:
            continue
        this, others = part.rules.convention, told.rules.convention
        both = this.thousands and others.thousands
        if this.decimal != others.decimal or (both and this != others):
            raise DataError(
                f"{source.name}: numbers are written with {this.describe()}, unlike "
                f"those of the files before"
            )
        if this.thousands:
            told = part
    return told


# --- matrices ----------------------------------------------------------------------


def _read_svmlight(source, reading, known, info, n_features):
    notes = []

    def read(encoding):
        with source.text(encoding) as stream:
            return read_svmlight(
                stream,
                source.name,
                zero_based=info.get("zero_based"),
                n_features=n_features,
            )

    X, y, info = in_encoding(source, reading, known, notes, read)
    if info["dropped"]:
        notes.append(
            f"{info['dropped']} entries of features unknown in training ignored"
        )
    info = {"zero_based": info["zero_based"]}
    return Matrix(X, {"y": y}, "svmlight", None, info, notes)


def _read_npz(source):
    import zipfile

    path = source.name
    try:
        with source.stored() as stored:
            if not zipfile.is_zipfile(stored):
                raise DataError(f"{path}: not a .npz file")
            stored.seek(0)
            with np.load(stored, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise DataError(f"{path}: not a readable .npz file ({error})") from None
    if "X" in arrays:
        X = arrays.pop("X")
        if X.ndim != 2 or X.dtype.kind not in "fiub":
            raise DataError(
                f"{path}: X must be a matrix of numbers, got {X.dtype} {X.shape}"
            )
    elif {"data", "shape"} <= set(arrays):
        X = _sparse_from(arrays, path)
    else:
        raise DataError(
            f"{path}: neither a dense 'X' nor a SciPy sparse matrix (data, indices, "
            f"indptr, shape) among {', '.join(sorted(arrays)) or 'no arrays'}"
        )
    if 0 in X.shape:
        raise DataError(f"{path}: the matrix has shape {X.shape}")
    names, notes = None, []
    for key in NAME_ARRAYS:
        if key in arrays and arrays[key].shape == (X.shape[1],):
            names = [str(name) for name in arrays[key].tolist()]
            if len(set(names)) == len(names):
                break
            notes.append(f"the names in {key!r} are not unique, so they are not used")
            names = None
    return Matrix(X, arrays, "npz", names, notes=notes)


def _sparse_from(arrays, path):
    """The matrix of `scipy.sparse.save_npz`, or such arrays without their format."""
    import scipy.sparse

    kind = arrays.pop("format", b"csr").item() if "format" in arrays else b"csr"
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    arrays.pop("_is_array", None)
    shape = tuple(arrays.pop("shape").tolist())
    data = arrays.pop("data")
    try:
        if kind in ("csr", "csc"):
            make = scipy.sparse.csr_array if kind == "csr" else scipy.sparse.csc_array
            X = make((data, arrays.pop("indices"), arrays.pop("indptr")), shape=shape)
            X.check_format(full_check=True)
        elif kind == "coo":
            where = (arrays.pop("row"), arrays.pop("col"))
            X = scipy.sparse.coo_array((data, where), shape=shape).tocsr()
        else:
            raise ValueError(f"sparse format {kind!r} is not csr, csc or coo")
        X.sum_duplicates()
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not a sound sparse matrix ({error})") from None
    return X
