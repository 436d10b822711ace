"""Where rows come from: a file, or a table in memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastl1._incoming import check_kind
from fastl1.data.read import Matrix, Table, read_file
from fastl1.data.table import table_columns
from fastl1.exceptions import DataError, OptionError
from fastl1.workflow.messages import argument

FORMATS = ("csv", "parquet", "arrow", "svmlight", "npz")


@dataclass(frozen=True)
class Source:
    """Rows of data, and how to read them.

    Attributes
    ----------
    data : str, path-like, dict of arrays, pandas or polars frame, or pyarrow table
    format : str or None
        Of a file; None: by its ending, else by its content.
    delimiter : str or None
        Of CSV; None: guessed.
    """

    data: Any
    format: str | None = None
    delimiter: str | None = None

    def __post_init__(self):
        if not self.is_file and not _is_table(self.data):
            raise OptionError(
                f"the source must be a path, a data frame, an Arrow table or a dict of "
                f"columns, got {type(self.data).__name__}"
            )
        given = {"format": self.format, "delimiter": self.delimiter}
        for name, value in given.items():
            if value is not None and not self.is_file:
                raise OptionError(f"{argument(name)} is one of a file, not of a table")
        if self.format is not None and self.format not in FORMATS:
            known = ", ".join(FORMATS)
            raise OptionError(f"{argument('format', self.format)}: not one of {known}")
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise OptionError(f"{argument('delimiter')} must be one character")

    @property
    def is_file(self) -> bool:
        """Whether it is a file, not a table in memory."""
        return isinstance(self.data, (str, os.PathLike))

    @property
    def kind(self) -> str:
        """What it is, in a word."""
        return "file" if self.is_file else "table"

    @property
    def name(self) -> str:
        """What messages call it."""
        return os.fspath(self.data) if self.is_file else "the table"

    def read(
        self, info: dict[str, Any] | None = None, n_features: int | None = None
    ) -> Table | Matrix:
        """The rows; `info` and `n_features` as for `fastl1.data.read.read_file`.

        Raises
        ------
        DataError
            They cannot be read, or there are none.
        """
        if self.is_file:
            if os.path.exists(self.data):
                try:
                    check_kind(self.data)
                except OSError as error:
                    raise DataError(f"{self.name}: {error.strerror}") from None
            return read_file(
                self.data,
                format=self.format,
                delimiter=self.delimiter,
                info=info,
                n_features=n_features,
            )
        try:
            columns = table_columns(self.data)
        except ValueError as error:
            raise DataError(f"{self.name}: {error}") from None
        table = Table(columns, "memory", [])
        if not columns or not table.n_rows:
            raise DataError(f"{self.name} has no {'rows' if columns else 'columns'}")
        return table

    def to_dict(self) -> dict[str, Any]:
        """The options of a report: the file, or None for a table in memory."""
        return {
            "file": self.name if self.is_file else None,
            "format": self.format,
            "delimiter": self.delimiter,
        }

    @property
    def file_name(self) -> str | None:
        """Name of a file without folders; None of a table."""
        return Path(self.data).name if self.is_file else None

    def size(self) -> int | None:
        """Bytes of a file; None of a table."""
        return os.path.getsize(self.data) if self.is_file else None

    def digest(self) -> str | None:
        """SHA-256 of a file; None of a table."""
        if not self.is_file:
            return None
        from hashlib import file_digest

        with open(self.data, "rb") as file:
            return file_digest(file, "sha256").hexdigest()


def _is_table(data):
    if isinstance(data, Mapping):
        return True
    named = hasattr(data, "column_names") or hasattr(data, "columns")
    return named and hasattr(data, "__getitem__")
