"""Reading files: tables (CSV, Parquet, Arrow) and matrices (svmlight, .npz).

Everything raises `DataError` with the file's name and, where there is one, the line.
"""

import csv
import io
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np

from fastl1._extras import require
from fastl1.data.svmlight import read_svmlight
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
    ".svm": "svmlight",
    ".svmlight": "svmlight",
    ".libsvm": "svmlight",
    ".npz": "npz",
}
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_COMMA_NUMBER = re.compile(r"\s*[-+]?\d+,\d+\s*")
CSV_BLOCK = 1 << 24
# arrays of a .npz file that name the features, if as long as the matrix is wide
NAME_ARRAYS = ("feature_names", "colnames", "vocab")


class Table:
    """Rows with named columns.

    Attributes
    ----------
    columns : dict of str to column
        A column is one of pyarrow in a file, of any library in memory.
    format : str
    notes : list of str
    """

    def __init__(self, columns, format, notes):
        self.columns = columns
        self.format = format
        self.notes = notes

    @property
    def n_rows(self):
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    @property
    def named(self):
        """What can be asked for by name: the columns."""
        return self.columns


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
    """

    def __init__(self, X, arrays, format, feature_names=None, info=None, notes=()):
        self.X = X
        self.arrays = arrays
        self.format = format
        self.feature_names = feature_names
        self.info = info or {}
        self.notes = list(notes)

    @property
    def n_rows(self):
        """Number of rows."""
        return self.X.shape[0]

    @property
    def named(self):
        """What can be asked for by name: the arrays."""
        return self.arrays


def read_file(path, *, format=None, delimiter=None, info=None, n_features=None):
    """Read a data file of any supported format.

    Parameters
    ----------
    path : str
        File; ``.gz``, ``.bz2`` and ``.zst`` are decompressed.
    format : str, optional
        One of the values of `FORMATS`; default by the file's ending, else its content.
    delimiter : str, optional
        Of CSV; default: the commonest of comma, semicolon, tab and bar in the header.
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
    pa = require("pyarrow", extra="cli")
    path = os.fspath(path)
    compression = COMPRESSIONS.get(Path(path).suffix.lower())
    if os.path.isdir(path):
        raise DataError(f"{path}: is a directory, not a data file")
    try:
        if os.path.getsize(path) == 0:
            raise DataError(f"{path}: the file is empty")
        kind = format or _guess_format(path, compression)
        if kind == "npz":
            return _read_npz(path)
        if kind == "svmlight":
            info = info or {}
            with _open(path, compression) as stream:
                X, y, info = read_svmlight(
                    stream,
                    path,
                    zero_based=info.get("zero_based"),
                    n_features=n_features,
                )
            notes = []
            if info["dropped"]:
                notes.append(
                    f"{info['dropped']} entries of features unknown in training ignored"
                )
            info = {"zero_based": info["zero_based"]}
            return Matrix(X, {"y": y}, kind, None, info, notes)
        if kind == "csv":
            table = _read_csv(path, compression, delimiter)
        elif kind == "parquet":
            table = require("pyarrow.parquet", extra="cli").read_table(path)
        else:
            table = _read_arrow(path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    except (pa.ArrowException, EOFError) as error:
        raise DataError(f"{path}: {error}") from None
    return _check_table(table, path, kind)


def _open(path, compression):
    import pyarrow as pa

    return pa.input_stream(path, compression=compression)


def _guess_format(path, compression):
    name = Path(path)
    suffix = (name.with_suffix("") if compression else name).suffix.lower()
    if suffix in FORMATS and suffix != ".txt":
        return FORMATS[suffix]
    with _open(path, compression) as stream:
        start = stream.read(1 << 16)
    for magic, kind in ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"PK", "npz")):
        if start.startswith(magic):
            return kind
    first = start.split(b"\n", 1)[0].split()
    if len(first) > 1 and all(
        token.partition(b":")[0].isdigit() and b":" in token for token in first[1:]
    ):
        return "svmlight"
    if b"\0" in start:
        known = ", ".join(sorted(FORMATS))
        raise DataError(f"{path}: unknown kind of file (known endings: {known})")
    return "csv"


# --- tables ------------------------------------------------------------------------


def _read_csv(path, compression, delimiter):
    import pyarrow as pa

    with _open(path, compression) as stream:
        header = stream.read(1 << 20).split(b"\n", 1)[0]
    if not header.strip():
        with _open(path, compression) as stream:
            if not stream.read(1 << 16).strip():
                raise DataError(f"{path}: the file is empty")
    delimiter = delimiter or _guess_delimiter(header)
    try:
        table = _arrow_csv(path, compression, delimiter)
        if delimiter == ";" and _has_decimal_commas(table):
            table = _arrow_csv(path, compression, delimiter, decimal=",")
        return table
    except pa.ArrowInvalid as error:
        # Arrow knows the row but not the line (blank lines, line breaks in quotes)
        _find_malformed_line(path, compression, delimiter)
        if "straddl" in str(error) or "out of sync" in str(error):
            return _arrow_csv(
                path, compression, delimiter, block_size=1 << 29, newlines=True
            )
        raise


def _arrow_csv(
    path, compression, delimiter, *, block_size=CSV_BLOCK, newlines=False, decimal="."
):
    pc = require("pyarrow.csv", extra="cli")
    with _open(path, compression) as stream:
        table = pc.read_csv(
            stream,
            read_options=pc.ReadOptions(block_size=block_size),
            parse_options=pc.ParseOptions(
                delimiter=delimiter, newlines_in_values=newlines
            ),
            convert_options=pc.ConvertOptions(
                strings_can_be_null=True, decimal_point=decimal
            ),
        )
    if table.num_rows and any("\n" in str(cell) for cell in _last_row(table)):
        # Arrow takes an open quote at the end of the file for a closed one
        _find_malformed_line(path, compression, delimiter)
    return table


def _last_row(table):
    return [
        column[-1].as_py() for column in table.columns if str(column.type) == "string"
    ]


def _has_decimal_commas(table):
    """Whether a text column starts with numbers such as 3,14 and nothing else."""
    return any(
        all(_COMMA_NUMBER.fullmatch(str(cell)) for cell in start)
        for column in table.columns
        if str(column.type) == "string" and (start := column.slice(0, 100).to_pylist())
    )


def _guess_delimiter(header):
    counts = Counter(chr(byte) for byte in header if chr(byte) in ",;\t|")
    return max(",;\t|", key=lambda sign: counts[sign])


def _find_malformed_line(path, compression, delimiter):
    """Raise a DataError for the first malformed line, if there is one."""
    with _open(path, compression) as stream:
        text = io.TextIOWrapper(stream, "latin-1", newline="")
        rows = csv.reader(text, delimiter=delimiter, strict=True)
        csv.field_size_limit(1 << 30)
        width, line = None, 1
        try:
            for row in rows:
                if width is None:
                    width = len(row)
                elif row and len(row) != width:
                    shown = delimiter.join(row)
                    shown = shown if len(shown) <= 60 else shown[:57] + "…"
                    raise DataError(
                        f"{path}, line {line}: the header has {width} fields, this "
                        f"line {len(row)}: {shown}"
                    )
                line = rows.line_num + 1
        except csv.Error as error:
            what = str(error)
            if "end of data" in what:
                what = "a quote that starts here is never closed"
            raise DataError(f"{path}, line {line}: {what}") from None


def _read_arrow(path):
    import pyarrow as pa

    feather = require("pyarrow.feather", extra="cli")
    with open(path, "rb") as file:
        magic = file.read(6)
    if magic.startswith((b"ARROW1", b"FEA1")):
        return feather.read_table(path, memory_map=False)
    with pa.OSFile(path) as file:
        return pa.ipc.open_stream(file).read_all()


def _check_table(table, path, kind):
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
    table = table.rename_columns(names)
    index = [name for name in names if name.startswith("__index_level_")]
    if index:
        table = table.drop_columns(index)
        notes.append("the row index that pandas stored is ignored")
    if table.num_rows == 0:
        raise DataError(f"{path}: the file has a header but no rows")
    if table.num_columns == 0:
        raise DataError(f"{path}: the file has no columns")
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return Table(columns, kind, notes)


# --- matrices ----------------------------------------------------------------------


def _read_npz(path):
    import zipfile

    if not zipfile.is_zipfile(path):
        raise DataError(f"{path}: not a .npz file")
    try:
        with np.load(path, allow_pickle=False) as file:
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
