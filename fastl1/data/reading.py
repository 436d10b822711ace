"""How files are to be read, and the bytes that they have."""

import codecs
import io
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from fastl1.data.convention import Convention, candidates
from fastl1.exceptions import DataError

# What is missing in a file of text, unless it is told; see docs/reading-files.md.
NA = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "-NaN", "-nan", "#N/A"),
    *("#N/A N/A", "#NA", "-1.#IND", "1.#IND", "-1.#QNAN", "1.#QNAN"),
)
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
DELIMITERS = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "bar": "|",
    "space": " ",
}
_BOMS = (  # that of UTF-32 starts as that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class Reading:
    """How a file is read; None: as the file itself or a model says.

    Attributes
    ----------
    delimiter : str or None
        Between the cells of a line: one sign, a word of `DELIMITERS`, or "blank" for
        any number of blanks and for columns of fixed width.
    decimal : str or None
        Mark before the fraction of a number.
    thousands : str or None
        Mark between groups of three digits; "" for none.
    na : tuple of str or None
        Texts that stand for a missing cell, besides an empty one in a file of text.
    encoding : str or None
        Of text.
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    na: tuple[str, ...] | None = None
    encoding: str | None = None

    def __post_init__(self):
        if self.delimiter is not None:
            sign = DELIMITERS.get(self.delimiter, self.delimiter)
            if len(sign) != 1 and sign != "blank":
                words = ", ".join(word for word in DELIMITERS if word.isalpha())
                raise ValueError(
                    f"delimiter must be one character, or one of {words}, blank; got "
                    f"{self.delimiter!r}"
                )
            object.__setattr__(self, "delimiter", "blank" if sign == " " else sign)
        if self.encoding is not None:
            try:
                name = codecs.lookup(self.encoding).name
            except LookupError:
                raise ValueError(
                    f"encoding {self.encoding!r} is unknown; some are utf-8, utf-16, "
                    f"latin-1, cp1252"
                ) from None
            object.__setattr__(self, "encoding", name)
        if self.thousands == "none":
            object.__setattr__(self, "thousands", "")
        if self.thousands == "space":
            object.__setattr__(self, "thousands", " ")
        self.conventions()  # raises for what is none

    def conventions(self) -> list[Convention]:
        """The conventions of numbers that are left to choose from."""
        return candidates(self.decimal, self.thousands)

    def to_dict(self) -> dict[str, Any]:
        """What is told, in JSON types."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in told.items()
            if value is not None
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Reading":
        """What `to_dict` returned."""
        na = data.get("na")
        return cls(**{**data, "na": None if na is None else tuple(na)})


class Input:
    """The bytes of a file, or of the standard input, which can be read many times.

    Parameters
    ----------
    path : str or path-like
        "-" is the standard input.

    Attributes
    ----------
    path : str
    name : str
        What messages call it.
    compression : str or None
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = os.fspath(path)
        self.compression = COMPRESSIONS.get(Path(self.path).suffix.lower())
        self.name, self._data = self.path, None
        if self.path == "-":
            self.name, self._data = "the standard input", sys.stdin.buffer.read()

    @property
    def suffix(self) -> str:
        """Ending of the name, without that of a compression; "" of standard input."""
        path = Path(self.path)
        return (path.with_suffix("") if self.compression else path).suffix.lower()

    def size(self) -> int:
        """Bytes as they are stored."""
        return os.path.getsize(self.path) if self._data is None else len(self._data)

    def stored(self) -> Any:
        """The bytes as they are stored, as a file."""
        return open(self.path, "rb") if self._data is None else io.BytesIO(self._data)

    def open(self) -> Any:
        """The bytes without compression, as an input stream of pyarrow."""
        import pyarrow as pa

        source = self.path if self._data is None else pa.py_buffer(self._data)
        return pa.input_stream(source, compression=self.compression)

    def whole(self) -> Any:
        """The bytes without compression at once, for formats that are read so."""
        if self.compression is None and self._data is None:
            return self.path
        import pyarrow as pa

        with self.open() as stream:
            return pa.BufferReader(stream.read())

    def head(self, size: int) -> bytes:
        """The first bytes without compression."""
        with self.open() as stream:
            return stream.read(size)

    def text(self, encoding: str) -> "Text":
        """The text as a stream of UTF-8 without a byte order mark."""
        return Text(self.open(), encoding)


class Text(io.RawIOBase):
    """UTF-8 text of a stream in any encoding, without a byte order mark.

    Parameters
    ----------
    stream : file object
    encoding : str

    Attributes
    ----------
    scan : LeadingZeros or None
        Sees all of the text.
    """

    def __init__(self, stream: Any, encoding: str):
        self._stream = stream
        self._decoder = None
        if codecs.lookup(encoding).name != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)()
        self._rest, self._start = b"", True
        self.scan: LeadingZeros | None = None

    def readable(self) -> bool:
        """That it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Some bytes; fewer than `size` at the end only."""
        parts, count = [self._rest], len(self._rest)
        self._rest = b""
        while size < 0 or count < size:
            chunk = self._stream.read(size - count if size >= 0 else -1)
            block = self._utf8(chunk)
            parts.append(block)
            count += len(block)
            if not chunk:
                break
        found = [part for part in parts if part]
        block = found[0] if len(found) == 1 else b"".join(found)
        if 0 <= size < len(block):
            block, self._rest = block[:size], block[size:]
        if self.scan is not None:
            self.scan.see(block)
        return block

    def _utf8(self, chunk):
        if self._decoder is not None:
            text = self._decoder.decode(chunk, final=not chunk)
            chunk = text.encode("utf-8", "surrogatepass")
        if self._start and chunk:
            self._start = False
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        return chunk

    def close(self) -> None:
        """Close the stream too."""
        self._stream.close()
        super().close()


class LeadingZeros:
    """Looks for cells of digits that start with a zero, as codes do, in passing text.

    Parameters
    ----------
    delimiter : str
    first : bool
        Whether such a cell may be the first one of a line.

    Attributes
    ----------
    found : bool
    """

    SLICE = 1 << 17  # its temporary arrays stay in the cache

    def __init__(self, delimiter: str, first: bool = True):
        self._before = delimiter + "\n" * first
        self.found = False
        self._tail = b"\n"

    def see(self, block: bytes) -> None:
        """Look at the next bytes."""
        if self.found:
            return
        before = self._before + '"' * (b'"' in block)
        self._pairs = [np.uint16(ord(sign) | ord("0") << 8) for sign in before]
        # cells across the border of two blocks are in the next one
        if self._tail:
            self._look(self._tail + block[:64])
        for start in range(0, len(block), self.SLICE):
            if self.found:
                return
            self._look(block, start, min(len(block), start + self.SLICE + 64))
        self._tail = block[-64:]

    def _look(self, block, start=0, stop=None):
        stop = len(block) if stop is None else stop
        for odd in (0, 1):
            count = (stop - start - odd) // 2
            if count <= 0:
                continue
            pairs = np.frombuffer(block, np.uint16, count, start + odd)
            for pair in self._pairs:
                for at in self._candidates(block, pairs, pair, start + odd, stop):
                    if self._is_code(block, at):
                        self.found = True
                        return

    def _candidates(self, block, pairs, pair, start, stop) -> Iterator[int]:
        hits = np.flatnonzero(pairs == pair) * 2 + (start + 2)
        if not len(hits):
            return iter(())
        bytes_ = np.frombuffer(block, np.uint8, stop)
        hits = hits[hits < stop]
        digits = bytes_[hits] - np.uint8(48) < 10
        return iter(hits[digits].tolist())

    @staticmethod
    def _is_code(block, at):
        """Whether digits end with the cell."""
        end = at
        while end < len(block) and 48 <= block[end] <= 57:
            end += 1
        return end < len(block) and block[end] in b',;\t|"\r\n '


def guess_encoding(head: bytes) -> str | None:
    """The encoding that a byte order mark tells, None without one."""
    return next((name for bom, name in _BOMS if head.startswith(bom)), None)


def in_encoding(
    source: Input,
    asked: Reading,
    known: Reading,
    notes: list[str],
    read: Callable[[str], Any],
) -> Any:
    """What `read` makes of a file by the name of its encoding.

    That is the one that is asked for, or a byte order mark tells, or UTF-8; and if the
    bytes are none of that, the one that earlier files of the kind had.

    Raises
    ------
    DataError
        The bytes are not of the encoding: the message names the line.
    """
    encoding = asked.encoding or guess_encoding(source.head(4)) or "utf-8"
    try:
        return read(encoding)
    except UnicodeError:
        other = known.encoding
        if asked.encoding is None and other not in (None, encoding):
            try:
                found = read(other)
            except UnicodeError:
                pass
            else:
                notes.append(f"the text is read as {other}, as that of the training")
                return found
        refuse_encoding(source, encoding)
        raise


def likely_encoding(head: bytes) -> str:
    """The name of an encoding that text which is not UTF-8 may have."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even < odd // 4:
        return "utf-16-le"
    if even > len(head) // 8 and odd < even // 4:
        return "utf-16-be"
    try:
        head.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def refuse_encoding(source: Input, encoding: str) -> None:
    """Raise a `DataError` for the first bytes that are not of the encoding, if any."""
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with source.open() as stream:
        while chunk := stream.read(1 << 20):
            try:
                line += decoder.decode(chunk).count("\n")
            except UnicodeDecodeError as error:
                bad = error.object[error.start : error.start + 1]
                before = error.object[: error.start]
                line += before.decode(encoding, "replace").count("\n")
                hint = likely_encoding(bytes(error.object))
                start = max(0, before.rfind(b"\n") + 1, error.start - 20)
                around = bytes(error.object)[start:].partition(b"\n")[0][:40]
                shown = around.decode(hint, "replace").strip()
                raise DataError(
                    f"{source.name}, line {line}: the byte 0x{bad.hex()} is not "
                    f"{encoding.upper()}; as {hint} it reads {shown!r}: give encoding "
                    f"{hint}, or the one that the file has"
                ) from None
