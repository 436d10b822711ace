"""Where rows come from: a file, or a table in memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastl1._incoming import check_kind
from fastl1.data.read import KINDS, Matrix, Table, inputs, read_file
from fastl1.data.reading import Input, Reading
from fastl1.data.table import table_columns
from fastl1.exceptions import DataError, OptionError
from fastl1.workflow.messages import argument

FORMATS = KINDS


@dataclass(frozen=True)
class Source:
    """Rows of data, and how to read them.

    Attributes
    ----------
    data : str, path-like, dict of arrays, pandas or polars frame, or pyarrow table
        A name may be a pattern, "-" is the standard input; a list or tuple of names is
        one of files whose rows follow each other.
    format : str or None
        Of a file; None: by its ending, else by its content.
    reading : Reading
        How text is read.
    """

    data: Any
    format: str | None = None
    reading: Reading = Reading()

    def __post_init__(self):
        if not self.is_file and not _is_table(self.data):
            raise OptionError(
                f"the source must be a path, a data frame, an Arrow table or a dict of "
                f"columns, got {type(self.data).__name__}"
            )
        given = {"format": self.format, **vars(self.reading)}
        for name in ("format", "delimiter", "encoding"):
            if given[name] is not None and not self.is_file:
                raise OptionError(f"{argument(name)} is one of a file, not of a table")
        if self.format is not None and self.format not in FORMATS:
            known = ", ".join(FORMATS)
            raise OptionError(f"{argument('format', self.format)}: not one of {known}")

    @property
    def is_file(self) -> bool:
        """Whether it is a file, not a table in memory."""
        several = isinstance(self.data, (list, tuple)) and self.data
        paths = self.data if several else [self.data]
        return all(isinstance(path, (str, os.PathLike)) for path in paths)

    @cached_property
    def files(self) -> list[Input]:
        """The files.

        Raises
        ------
        DataError
            No file matches a pattern.
        """
        return inputs(self.data)

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return "file" if self.is_file else "table"

    @property
    def name(self) -> str:
        """What messages call it."""
        if not self.is_file:
            return "the table"
        first, *more = [file.name for file in self.files]
        return f"{first} and {len(more)} more" if more else first

    def read(
        self,
        known: Reading | None = None,
        info: dict[str, Any] | None = None,
        n_features: int | None = None,
    ) -> Table | Matrix:
        """The rows; the parameters are those of `fastl1.data.read.read_file`.

        Raises
        ------
        DataError
            They cannot be read, or there are none.
        """
        if self.is_file:
            for file in self.files:
                try:
                    if os.path.exists(file.path):
                        check_kind(file.path)
                except OSError as error:
                    raise DataError(f"{file.name}: {error.strerror}") from None
            return read_file(
                self.files,
                format=self.format,
                reading=self.reading,
                known=known,
                info=info,
                n_features=n_features,
            )
        try:
            columns = table_columns(self.data)
        except ValueError as error:
            raise DataError(f"{self.name}: {error}") from None
        table = Table(columns, "memory", [], asked=self.reading, known=known)
        if not columns or not table.n_rows:
            raise DataError(f"{self.name} has no {'rows' if columns else 'columns'}")
        return table

    def to_dict(self) -> dict[str, Any]:
        """The options of a report: the file, or None for a table in memory."""
        return {
            "file": self.name if self.is_file else None,
            "format": self.format,
            **vars(self.reading),
        }

    @property
    def file_name(self) -> str | None:
        """Name of a file without folders; None of a table."""
        if not self.is_file:
            return None
        return ", ".join(Path(file.name).name for file in self.files)

    def size(self) -> int | None:
        """Bytes of a file; None of a table."""
        return sum(file.size() for file in self.files) if self.is_file else None

    def digest(self) -> str | None:
        """SHA-256 of a file, or of several in a row; None of a table."""
        if not self.is_file:
            return None
        total = sha256()
        for file in self.files:
            with file.stored() as stream:
                while block := stream.read(1 << 20):
                    total.update(block)
        return total.hexdigest()


def make_reading(**given: Any) -> Reading:
    """How text is to be read, from the arguments that say it.

    Raises
    ------
    OptionError
    """
    if isinstance(given.get("na"), str):
        given["na"] = (given["na"],)
    elif given.get("na") is not None:
        given["na"] = tuple(map(str, given["na"]))
    try:
        return Reading(
            **{field.name: given.get(field.name) for field in fields(Reading)}
        )
    except ValueError as error:
        name, _, words = str(error).partition(" ")
        raise OptionError(f"{argument(name)} {words}") from None


def _is_table(data):
    if isinstance(data, Mapping):
        return True
    named = hasattr(data, "column_names") or hasattr(data, "columns")
    return named and hasattr(data, "__getitem__")
