"""Delimited text: its layout, its numbers, and the table that Arrow makes of it.

Arrow reads the file once by what the first lines show.  What it cannot tell by itself
is looked at again, and only that: columns of digits where some start with a zero, whole
numbers beyond float64, and numbers with a point where it may stand between thousands.
"""

import csv
import io
import re
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np

from fastl1._extras import require
from fastl1.data.convention import PLAIN, Convention, find_convention
from fastl1.data.reading import (
    NA,
    Input,
    LeadingZeros,
    Reading,
    in_encoding,
    likely_encoding,
)
from fastl1.data.table import EXACT, may_be_numbers
from fastl1.exceptions import DataError

CSV_BLOCK = 1 << 24
HEAD = 1 << 20
SAMPLE = 200  # lines that the layout is taken from
_SEP = re.compile(r'"?sep=(.|\\t)"?\s*', re.IGNORECASE)
_NEWLINE = re.compile(r"\r\n|\n|\r")
_TOKEN = re.compile(rb'"(?:[^"]|"")*"|\S+')
_POINTED = re.compile(r"[-+]?\d*\.\d*(?:[eE][-+]?\d+)?")
_GROUPED = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+")


class Layout(NamedTuple):
    """How the lines of a file are made.

    Attributes
    ----------
    delimiter : str
        "blank" for any number of blanks.
    start : int
        Bytes of UTF-8 before the header.
    names : list of str or None
        Names of the columns where the header does not have them as they are.
    row_names : bool
        Whether the first column has no name and only names the rows.
    comments : bool
        Whether lines that begin with # are no rows.
    spans : list of (int, int) or None
        Places of the columns of fixed width.
    rows : list of list of str
        Cells of the first lines after the header.
    """

    delimiter: str
    start: int
    names: list[str] | None
    row_names: bool
    comments: bool
    spans: list[tuple[int, int]] | None
    rows: list[list[str]]


class Found(NamedTuple):
    """A table with how it was read.

    Attributes
    ----------
    table : pyarrow.Table
    reading : Reading
        The marks of numbers are None where there are none.
    convention : Convention
    evident : bool
        Whether the text speaks for the convention.
    notes : list of str
    """

    table: object
    reading: Reading
    convention: Convention
    evident: bool
    notes: list[str]


def read_delimited(
    source: Input, asked: Reading, known: Reading, text: frozenset[str] = frozenset()
) -> Found:
    """Read delimited text.

    Parameters
    ----------
    source : Input
    asked : Reading
        What is to be taken as given.
    known : Reading
        What earlier files of the kind were: it decides where this one leaves it open.
    text : set of str
        Columns to leave as text.

    Raises
    ------
    DataError
        The file is no such text: the message names the line.
    """
    notes: list[str] = []
    return in_encoding(
        *(source, asked, known, notes),
        lambda encoding: _read(source, encoding, asked, known, text, notes),
    )


def _read(source, encoding, asked, known, text, notes):
    with source.text(encoding) as stream:
        block = stream.read(HEAD)
    if not block.strip():
        raise DataError(f"{source.name}: the file is empty")
    if b"\0" in block:
        raise DataError(
            f"{source.name}: not text in {encoding}; give encoding "
            f"{likely_encoding(source.head(HEAD))}, or the one that the file has"
        )
    head = block.decode("utf-8", "strict" if len(block) < HEAD else "ignore")
    layout = find_layout(head, len(block) < HEAD, asked.delimiter, known.delimiter)
    if layout.row_names:
        notes.append(
            "the header has one name less than the rows have cells: the first column "
            "names the rows, and is left out"
        )
    if layout.comments:
        notes.append("lines that begin with # are left out")
    na = asked.na if asked.na is not None else known.na
    na = NA if na is None else ("", *na)
    file = _File(source, encoding, layout, na)
    among = asked.conventions()
    decimal = asked.decimal or ("," if all(c.decimal == "," for c in among) else ".")
    table = file.read(decimal, text)
    convention, evident, unsure = among[0], asked.decimal is not None, False
    unique = len(set(table.column_names)) == table.num_columns  # else it is refused
    if len(among) > 1 and unique:
        marks = (known.decimal, known.thousands)
        before = None if None in marks else Convention(*marks)
        columns, pointed, unsure = _evidence(file, table, among, before)
        convention, evident = find_convention(
            columns.values(),
            pointed=pointed,
            among=among,
            known=before,
            delimiter=layout.delimiter,
        )
        if convention.decimal != decimal:
            table = file.read(convention.decimal, text)
        if convention != PLAIN:
            notes.append(
                f"numbers are read with {convention.describe()}"
                f"{_example(columns, convention)}; other marks can be given as decimal "
                f"and thousands"
            )
    if unique:
        table = _exact(file, table, text)
    if layout.row_names:
        table = table.drop_columns([table.column_names[0]])
    reading = Reading(
        delimiter=layout.delimiter,
        decimal=convention.decimal if evident or unsure else None,
        thousands=convention.thousands if evident or unsure else None,
        na=tuple(dict.fromkeys(na)),
        encoding=encoding,
    )
    return Found(table, reading, convention, evident, notes)


# --- layout ------------------------------------------------------------------------


def find_layout(
    head: str, whole: bool, delimiter: str | None = None, known: str | None = None
) -> Layout:
    """The layout of text, from its start.

    Parameters
    ----------
    head : str
    whole : bool
        Whether that is all of the text.
    delimiter : str, optional
        What it is, if that is given.
    known : str, optional
        That of earlier files, taken if nothing speaks for another.
    """
    ends = [match.end() for match in islice(_NEWLINE.finditer(head), 2 * SAMPLE)]
    lines = [head[a:b].rstrip("\r\n") for a, b in pairwise([0, *ends])]
    if (whole and len(ends) < 2 * SAMPLE) or not lines:
        lines.append(head[ends[-1] if ends else 0 :])
    first, comments = 0, False
    while first < len(lines) - 1:
        line = lines[first]
        sep = _SEP.fullmatch(line)
        if sep and delimiter is None:
            delimiter = sep[1].replace("\\t", "\t")
        if line.startswith("#"):
            comments = True
        elif line.strip() and not sep:
            break
        first += 1
    body = [line for line in lines[first : first + SAMPLE] if line.strip()]
    if comments:
        body = [line for line in body if not line.startswith("#")]
    delimiter = delimiter or _find_delimiter(body, known)
    names, spans = None, None
    if delimiter == "blank":
        spans = _find_spans(body)
    rows = _split(body, delimiter, spans)
    header, rows = (rows[0], rows[1:]) if rows else ([], [])
    if comments and lines[first - 1].startswith("#"):
        for above in _split([lines[first - 1].lstrip("# ")], delimiter, None):
            alike = len(above) == len(header) > 1
            if alike and _has_number(header) and not _has_number(above):
                names, rows = above, [header, *rows]
    last = [row[-1] for row in rows if row]
    row_names = (
        names is None
        and bool(rows)
        and all(len(row) == len(header) + 1 for row in rows)
        and any(last)
        and len({row[0] for row in rows}) == len(rows)
    )
    if row_names:
        names = ["(row names)", *header]
    start = ends[first - 1] if first else 0
    return Layout(
        delimiter,
        len(head[:start].encode()),
        names,
        row_names,
        comments,
        spans,
        rows,
    )


def _has_number(cells):
    return any(PLAIN.number(cell.strip()) is not None for cell in cells)


def _find_delimiter(lines, known):
    """The sign that splits all lines alike, into most cells."""
    best, found = (0.0, 1), None
    for sign in ",;\t|":
        widths = [len(row) for row in _split(lines, sign, None)]
        if not widths or widths[0] < 2:
            continue
        agree = sum(width in (widths[0], widths[0] + 1) for width in widths)
        score = (agree / len(widths), widths[0] + (sign == known) / 2)
        if score > best:
            best, found = score, sign
    if found is not None:
        return found
    if lines and len(lines[0].split()) > 1 and not re.search(r"\S \S", lines[0]):
        return "blank"
    words = [len(_TOKEN.findall(line.encode())) for line in lines]
    if words and words[0] > 1 and set(words) <= {words[0], words[0] + 1}:
        return "blank" if len(words) > 1 else known or ","
    return known or ","


def _find_spans(lines):
    """Places of columns of fixed width, if blanks alone do not tell cells apart."""
    words = [len(_TOKEN.findall(line.encode())) for line in lines]
    if set(words[1:]) <= {words[0], words[0] + 1} and len(set(words[1:])) < 2:
        return None
    width = max(map(len, lines))
    full = np.array([list(line.ljust(width)) for line in lines])
    filled = np.append((full != " ").any(axis=0), False)
    starts = np.flatnonzero(filled & ~np.append(False, filled[:-1]))
    ends = np.flatnonzero(~filled & np.append(False, filled[:-1]))
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _split(lines, delimiter, spans):
    """Cells of lines."""
    if spans is not None:
        return [[line[a:b].strip() for a, b in _open_ended(spans)] for line in lines]
    if delimiter == "blank":
        tokens = (_TOKEN.findall(line.encode()) for line in lines)
        return [[cell.decode().strip('"') for cell in row] for row in tokens]
    csv.field_size_limit(1 << 30)
    text = io.StringIO("\n".join(lines), newline="")
    try:
        return [row for row in csv.reader(text, delimiter=delimiter) if row]
    except csv.Error:
        return []


def _open_ended(spans):
    """The same places, the last one up to the end of the line."""
    return [*spans[:-1], (spans[-1][0], None)]


class _Tabbed(io.RawIOBase):
    """Text with blanks between its cells as text with tabs between them."""

    def __init__(self, stream, spans):
        self._stream, self._spans = stream, spans
        self._rest = self._ready = b""

    def readable(self):
        return True

    def read(self, size=-1):
        while size < 0 or len(self._ready) < size:
            chunk = self._stream.read(1 << 22)
            text = self._rest + chunk
            cut = text.rfind(b"\n") + 1 if chunk else len(text)
            lines, self._rest = text[:cut].splitlines(), text[cut:]
            self._ready += b"".join(map(self._line, lines))
            if not chunk:
                break
        size = len(self._ready) if size < 0 else size
        block, self._ready = self._ready[:size], self._ready[size:]
        return block

    def _line(self, line):
        if self._spans is None:
            cells = _TOKEN.findall(line) if b'"' in line else line.split()
        else:
            text = line.decode()
            cells = [text[a:b].strip().encode() for a, b in _open_ended(self._spans)]
            cells = [_quoted(cell) if b'"' in cell else cell for cell in cells]
        return b"\t".join(cells) + b"\n"

    def close(self):
        self._stream.close()
        super().close()


def _quoted(cell):
    return b'"' + cell.replace(b'"', b'""') + b'"'


# --- Arrow -------------------------------------------------------------------------


class _File:
    """A file of known layout, which Arrow can read several times."""

    def __init__(self, source, encoding, layout, na):
        self.source, self.encoding = source, encoding
        self.layout, self.na = layout, na
        self.sign = "\t" if layout.delimiter == "blank" else layout.delimiter
        self.codes = False  # whether digits start with a zero somewhere

    def open(self):
        """The text from the header on."""
        stream = self.source.text(self.encoding)
        stream.read(self.layout.start)
        if self.layout.delimiter == "blank":
            return _Tabbed(stream, self.layout.spans)
        return stream

    def read(self, decimal=".", text=()):
        """The table, by types that Arrow finds."""
        return self._arrow(decimal, text, null=False)

    def texts(self, names):
        """Some columns as text; what is missing is null."""
        return self._arrow(".", names, only=names, null=True)

    def _arrow(self, decimal, text, only=None, null=False):
        pa, pc = require("pyarrow", extra="cli"), require("pyarrow.csv", extra="cli")
        given = {"decimal": decimal, "text": text, "only": only, "null": null}
        try:
            return self._parse(pa, pc, **given)
        except pa.ArrowInvalid as error:
            # Arrow knows the row but not the line (blank lines, breaks in quotes)
            self.find_malformed_line()
            if "straddl" in str(error) or "out of sync" in str(error):
                return self._parse(pa, pc, block=1 << 29, newlines=True, **given)
            raise

    def _parse(
        self, pa, pc, decimal, text, only, null, block=CSV_BLOCK, newlines=False
    ):
        names, comments = self.layout.names, self.layout.comments

        def handle(row):
            text = row.text or ""
            return "skip" if comments and text.startswith("#") else "error"

        skip = names is not None and self.layout.row_names
        with self.open() as stream:
            scan = None
            if only is None and not self.codes and hasattr(stream, "scan"):
                cells = [row[0].strip() for row in self.layout.rows]
                first = all(cell.isdigit() or cell in self.na for cell in cells)
                scan = stream.scan = LeadingZeros(self.sign, first)
            table = pc.read_csv(
                pa.PythonFile(stream, mode="r"),
                read_options=pc.ReadOptions(
                    block_size=block, column_names=names, skip_rows=int(skip)
                ),
                parse_options=pc.ParseOptions(
                    delimiter=self.sign,
                    newlines_in_values=newlines,
                    invalid_row_handler=handle if comments else None,
                ),
                convert_options=pc.ConvertOptions(
                    null_values=list(self.na),
                    strings_can_be_null=null,
                    decimal_point=decimal,
                    column_types=dict.fromkeys(text, pa.string()),
                    include_columns=only,
                ),
            )
        self.codes |= scan is None or scan.found
        if any(pa.types.is_binary(kind) for kind in table.schema.types):
            raise UnicodeError("bytes that are not text")
        if table.num_rows and any("\n" in str(cell) for cell in _last_row(table)):
            # Arrow takes an open quote at the end of the file for a closed one
            self.find_malformed_line()
        return table

    def find_malformed_line(self):
        """Raise a DataError for the first malformed line, if there is one."""
        with self.open() as stream:
            text = io.TextIOWrapper(stream, "utf-8", "replace", newline="")
            rows = csv.reader(text, delimiter=self.sign, strict=True)
            csv.field_size_limit(1 << 30)
            before = self.source.text(self.encoding).read(self.layout.start)
            first = before.count(b"\n") + 1
            width, line, name = None, first, self.source.name
            if self.layout.names is not None:
                width = len(self.layout.names)
                if self.layout.row_names:
                    next(rows)
            try:
                for row in rows:
                    comment = self.layout.comments and row and row[0].startswith("#")
                    if width is None:
                        width = len(row)
                    elif row and len(row) != width and not comment:
                        shown = self.sign.join(row)
                        shown = shown if len(shown) <= 60 else shown[:57] + "…"
                        raise DataError(
                            f"{name}, line {line}: the header has {width} fields, this "
                            f"line {len(row)}: {shown}"
                        )
                    line = first + rows.line_num
            except csv.Error as error:
                what = str(error)
                if "end of data" in what:
                    what = "a quote that starts here is never closed"
                raise DataError(f"{name}, line {line}: {what}") from None


def _last_row(table):
    return [
        column[-1].as_py() for column in table.columns if str(column.type) == "string"
    ]


# --- numbers -----------------------------------------------------------------------


def _evidence(file, table, among, known):
    """What columns say on marks in numbers.

    Returns
    -------
    columns : dict of dict of str to int
        How often each text occurs, in columns that may be numbers.
    pointed : int
        Columns with a point before the fraction beyond doubt.
    unsure : bool
        Whether there are columns with a point that may be another one.
    """
    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if str(column.type) == "string" and _may_be_numbers(column, file.na):
            columns[name] = _counts(column, file.na)
    pointed, doubtful, mixed = _pointed(file, table)
    groups = any(c.thousands == "." for c in among)
    commas = any("," in text for texts in columns.values() for text in texts)
    expected = known is not None and known.decimal == ","
    if doubtful and groups and (commas or mixed or expected):
        texts = file.texts(doubtful)
        columns |= {name: _counts(texts[name], file.na) for name in doubtful}
    return columns, pointed, bool(doubtful)


def _may_be_numbers(column, na):
    places = np.linspace(0, len(column) - 1, min(len(column), 1000)).astype(np.int64)
    cells = [cell.strip() for cell in column.take(places).to_pylist() if cell]
    return may_be_numbers([cell for cell in cells if cell not in na])


def _counts(column, na):
    from pyarrow import compute

    counts: dict[str, int] = {}
    for pair in compute.value_counts(column).to_pylist():
        text = (pair["values"] or "").strip()
        if text not in na:
            counts[text] = counts.get(text, 0) + pair["counts"]
    return counts


def _pointed(file, table):
    """How numbers with a point have it.

    Returns
    -------
    pointed : int
        Columns where it is before the fraction beyond doubt.
    doubtful : list of str
        Columns where three digits follow it.
    mixed : bool
        Whether some of these have numbers without it too.
    """
    pointed, doubtful, mixed = 0, [], False
    for k, name in enumerate(table.column_names):
        if str(table[name].type) != "double":
            continue
        cells = [row[k].strip() for row in file.layout.rows if len(row) > k]
        marked = [cell for cell in cells if _POINTED.fullmatch(cell)]
        if any(_GROUPED.fullmatch(cell) is None for cell in marked):
            pointed += 1
            continue
        values = table[name].to_numpy()
        values = values[~np.isnan(values)]
        if not len(values) or (np.abs(values) >= 1000).any():
            pointed += bool(marked)
            continue
        thousandths = values * 1000
        if (np.abs(thousandths - np.rint(thousandths)) > 1e-6).any():
            pointed += 1
            continue
        doubtful.append(name)
        whole = values == np.floor(values)
        fixed = any(cell.endswith(".000") for cell in marked)
        mixed |= bool(whole.any() and not whole.all() and not fixed)
    return pointed, doubtful, mixed


def _example(columns, convention):
    """What one number in the file is taken for."""
    for name, texts in columns.items():
        for text in texts:
            value = convention.number(text)
            if value is not None and PLAIN.number(text) != value:
                return f", as in {name!r}: {text!r} is {value:.15g}"
    return ""


def _exact(file, table, text):
    """The table with codes as text, and whole numbers beyond float64 as they are."""
    from pyarrow import compute

    def suspect(name):
        kind = str(table[name].type)
        if kind == "double":
            ends = compute.min_max(table[name]).as_py()
            return ends["max"] is not None and max(ends["max"], -ends["min"]) >= EXACT
        return kind == "int64" and file.codes

    names = [name for name in table.column_names if name not in text and suspect(name)]
    if not names:
        return table
    texts = file.texts(names)
    for name in names:
        place, column = table.column_names.index(name), texts[name]
        if str(table[name].type) == "int64":
            coded = compute.match_substring_regex(column, r"^\s*[-+]?0[0-9]")
            if compute.any(coded).as_py():
                table = table.set_column(place, name, column)
        elif compute.all(compute.match_substring_regex(column, r"^-?[0-9]+$")).as_py():
            table = table.set_column(place, name, _whole(column))
    return table


def _whole(column):
    """Whole numbers of text as integers of 64 bits, or as the text that they are."""
    import pyarrow as pa

    for kind in (pa.int64(), pa.uint64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column
