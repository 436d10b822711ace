"""Models from files: their predictions for rows, and rows to judge them by."""

import csv
import io
import json
import os
from collections.abc import Iterable
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastl1._atomic import write_atomic
from fastl1._extras import require
from fastl1._incoming import open_file, read_bounded
from fastl1._public import public_in
from fastl1.data.kinds import numbers
from fastl1.data.learn import large_labels
from fastl1.data.read import Matrix, Table
from fastl1.data.reading import Reading
from fastl1.data.table import TYPED, no_such_column, prepare
from fastl1.exceptions import DataError, OptionError, WriteError
from fastl1.loss.links import LINKS, labels
from fastl1.metrics.quality import loss_of
from fastl1.model.sparse_model import SparseModel
from fastl1.workflow.messages import WORKFLOW, Note, OnEvent, argument, silent
from fastl1.workflow.source import Source, make_reading
from fastl1.workflow.target import exposures, offsets, read_event

MODEL, REPORT = "model.fl1", "report.json"  # what a fit writes to its folder
MAX_REPORT = 1 << 28  # bytes

# --- models ------------------------------------------------------------------------


def load_model(where: str | os.PathLike[str]) -> tuple[SparseModel, Path]:
    """Model from a folder that a fit wrote, or from a ``.fl1`` file.

    Returns
    -------
    model : SparseModel
    path : Path

    Raises
    ------
    DataError
        There is none, or the file is truncated or altered.
    """
    path = Path(where)
    if path.is_dir():
        path = path / MODEL
    try:
        return SparseModel.load(path), path
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DataError(str(error)) from None


def read_effects(path: Path) -> dict[tuple[str, Any], float] | None:
    """Effects by feature and class, from the report that belongs to a model."""
    report, belongs = _report(path)
    if not belongs:
        return None
    try:
        return {
            (c["feature"], c.get("class")): c["effect"] for c in report["coefficients"]
        }
    except (KeyError, TypeError):
        return None


def report_note(path: Path) -> str | None:
    """A sentence where the report beside a model is that of another one."""
    report, belongs = _report(path)
    if report is None or belongs:
        return None
    return f"{path.parent / REPORT} tells of another model than {path.name}"


def _report(path):
    """The report beside a model, None without one, and whether it is the model's."""
    if path.name != MODEL:
        return None, False
    try:
        report = json.loads(read_bounded(path.parent / REPORT, MAX_REPORT, "a report"))
        digest = report["model"]["sha256"]
        with open_file(path) as file:
            return report, digest == file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        return None, False


# --- predictions -------------------------------------------------------------------


@public_in(WORKFLOW)
class Predictions(NamedTuple):
    """What `fastl1.workflow.predict` returns.

    Attributes
    ----------
    columns : dict of str to ndarray of shape (n,)
        "prediction", and for classes the probability of the positive one,
        "probability_NAME", or of each when there are more than two ("decision_NAME" of
        support-vector machines, which has no probabilities);
        "prediction_NAME" for several targets; "risk" of a Cox model: the hazard, 1 for
        the average row of the training.
    notes : list of str
        What a careful reader wants to know, such as categories that are unknown.
    """

    columns: dict[str, np.ndarray]
    notes: list[str]


@public_in(WORKFLOW)
def predict(
    model: SparseModel | str | os.PathLike[str],
    source: Any,
    *,
    proba: bool = False,
    use_offset: bool = True,
    format: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    na: str | Iterable[str] | None = None,
    encoding: str | None = None,
    escape_formulas: bool = False,
    out: str | os.PathLike[str] | None = None,
    on_event: OnEvent | None = None,
) -> Predictions:
    """Predict every row of a file or a table: what ``fastl1 predict`` does.

    Columns get the treatment that the training learned.  Only the columns that the
    model uses are needed, in any order.  A category unknown in training sets no
    feature, a missing number gets the training mean; both are noted.

    Parameters
    ----------
    model : SparseModel, str or path-like
        The model, its .fl1 file, or the folder that a fit wrote.
    source : str, path-like, dict of arrays, pandas or polars frame, or pyarrow table
        Rows, as for `fastl1.workflow.fit`.
    proba : bool
        Only probabilities, one of each class.
    use_offset : bool
        Whether to add the offset and the exposure that the training had; without, a
        mean is one per unit of exposure.
    format : {"csv", "parquet", "arrow", "jsonl", "xlsx", "svmlight", "npz"}, optional
        Of a file; by default by its ending.
    delimiter, decimal, thousands, na, encoding : optional
        How text is read, as for `fastl1.workflow.fit`.  By default the file itself
        tells, and where it leaves something open it is as in the training.
    escape_formulas : bool
        Whether to write, in CSV, an apostrophe before labels that spreadsheets execute:
        those that begin with "=", "+", "-", "@", a tab or a line break.
    out : str or path-like, optional
        File to write the predictions to: .csv (or no ending), .tsv, .parquet, .arrow or
        .jsonl.
    on_event : callable, optional
        Is called with a `Note` for each of the notes.

    Returns
    -------
    Predictions

    Raises
    ------
    fastl1.exceptions.DataError
        The model or the rows cannot be read, or do not fit each other: a column is
        missing, or holds text where a number belongs; a ValueError.
    fastl1.exceptions.OptionError
        Arguments are out of range; a ValueError.
    fastl1.exceptions.WriteError
        `out` cannot be written.

    Examples
    --------
    >>> from fastl1 import SparseModel, workflow
    >>> model = SparseModel([0], [2.0], 1.0, 1, feature_names=["age"])
    >>> workflow.predict(model, {"age": [1.0, 3.0]}).columns["prediction"].tolist()
    [3.0, 7.0]
    """
    notes: list[str] = []
    if out is not None:
        _ending(out)
    if not isinstance(model, SparseModel):
        model, path = load_model(model)
        notes += filter(None, [report_note(path)])
    reading = make_reading(
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        na=na,
        encoding=encoding,
    )
    where = Source(source, format, reading)
    if proba and not LINKS[model.link].probability:
        raise DataError(
            f"{argument('proba')}: a model with the link {model.link} predicts none"
        )
    content = _read(model, where)
    notes += content.notes
    try:
        eta = _link(model, content, notes)
        shift = None
        if use_offset:
            shift = offset_of(model, content, np.arange(content.n_rows))
    except (ValueError, TypeError) as error:
        raise DataError(f"{where.name}: {error}") from None
    columns = as_columns(model, eta if shift is None else eta + shift, proba)
    for note in notes:
        (on_event or silent)(Note(note))
    if out is not None:
        write_predictions(columns, out, escape_formulas)
    return Predictions(columns, notes)


def _link(model, content, notes):
    """The linear predictor of every row, without the offset."""
    if isinstance(content, Matrix):
        if model.columns is not None:
            raise ValueError(
                f"the model was trained on a table with named columns, this is a "
                f"matrix ({content.format})"
            )
        return model.predict(content.X, type="link")
    if model.columns is None:
        return model.predict(content, type="link")
    weights = model.weights
    coef = model.values if weights.n_outputs == 1 else weights.matrix()
    link = model.columns.link
    return link(content, model.features, coef, model.intercept, notes)


def offset_of(
    model: SparseModel, content: Table | Matrix, rows: np.ndarray
) -> np.ndarray | None:
    """Offset of some rows, from the columns that the training took it from.

    Parameters
    ----------
    model : SparseModel
    content : Table or Matrix
    rows : ndarray of int

    Returns
    -------
    ndarray of shape (len(rows),) or None

    Raises
    ------
    DataError
        The file has no such column, or a row no such number.
    """
    there, total = content.named, None
    for role, read in (("offset", offsets), ("exposure", exposures)):
        name = model.metadata.get(role)
        if name is None:
            continue
        if name not in there:
            raise DataError(
                f"{no_such_column(name, there)}, which was the {role} of the training; "
                f"{argument('use_offset', False)} predicts without"
            )
        values = read(content[name], rows)
        values = np.log(values) if role == "exposure" else values
        total = values if total is None else total + values
    return total


def as_columns(
    model: SparseModel, eta: np.ndarray, proba: bool = False
) -> dict[str, np.ndarray]:
    """Columns of predictions from the linear predictor."""
    link = LINKS[model.link]
    response = link.inverse(eta)
    if loss_of(model.link, model.metadata).survival:
        return {"risk": response}
    if not link.classifies:
        if eta.ndim == 1:
            return {"prediction": response}
        names = [f"prediction_{label}" for label in model.output_labels()]
        return dict(zip(names, response.T, strict=True))
    classes = model.classes.tolist()
    out = {} if proba else {"prediction": labels(model.link, eta, model.classes)}
    kind = "probability" if link.probability else "decision"
    if eta.ndim == 1 and not proba:
        return {**out, f"{kind}_{classes[1]}": response}
    if eta.ndim == 1:
        response = np.column_stack([1 - response, response])
    names = [f"{kind}_{label}" for label in classes]
    return {**out, **dict(zip(names, response.T, strict=True))}


def write_predictions(
    columns: dict[str, np.ndarray],
    out: str | os.PathLike[str],
    escape_formulas: bool = False,
) -> None:
    """Write predictions as CSV, Parquet, Arrow or JSON lines, by the file's ending.

    Raises
    ------
    OptionError
        Another ending.
    WriteError
    """
    kind = _ending(out)
    if kind in ("parquet", "arrow"):
        pa = require("pyarrow", extra="cli")
        table = pa.table({name: pa.array(column) for name, column in columns.items()})
        sink = pa.BufferOutputStream()
        if kind == "parquet":
            require("pyarrow.parquet", extra="cli").write_table(table, sink)
        else:
            require("pyarrow.feather", extra="cli").write_feather(table, sink)
        content = sink.getvalue().to_pybytes()
    elif kind == "jsonl":
        names = list(columns)
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        content = ("\n".join(lines) + "\n").encode()
    else:
        text = csv_text(columns, escape_formulas, "\t" if kind == "tsv" else ",")
        content = text.encode("utf-8", "backslashreplace")
    try:
        write_atomic(out, content)
    except OSError as error:
        raise WriteError(f"{os.fspath(out)}: {error.strerror}") from None


_ENDINGS = {
    **{"": "csv", ".csv": "csv", ".txt": "csv", ".tsv": "tsv"},
    **{".parquet": "parquet", ".pq": "parquet"},
    **{".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow"},
    **{".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"},
}


def _ending(out):
    """The format that a file's ending asks for."""
    suffix = Path(out).suffix.lower()
    if suffix not in _ENDINGS:
        known = ", ".join(filter(None, _ENDINGS))
        raise OptionError(
            f"{argument('out', os.fspath(out))}: predictions are written as {known}, "
            f"not as {suffix}"
        )
    return _ENDINGS[suffix]


def csv_text(
    columns: dict[str, np.ndarray], escape_formulas: bool = False, delimiter: str = ","
) -> str:
    """Columns as CSV with a header."""
    cells = [column.tolist() for column in columns.values()]
    if escape_formulas:
        cells = [[_no_formula(cell) for cell in column] for column in cells]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*cells, strict=True))
    return text.getvalue()


def _no_formula(cell):
    """Text as spreadsheets show it instead of executing it."""
    risky = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return "'" + cell if risky else cell


# --- rows to judge a model by ------------------------------------------------------


def read_rows(model: SparseModel, file: str) -> Any:
    """What a model needs of the rows of a data file: dict of Raw, ndarray or matrix.

    Raises
    ------
    DataError
    """
    content = _read(model, Source(file))
    return _features(model, content, file, np.arange(content.n_rows))


def read_scored_rows(
    model: SparseModel, file: str, target: str | None = None
) -> tuple[Any, np.ndarray | None, np.ndarray | None]:
    """Rows of a data file with what is to be predicted of them.

    Parameters
    ----------
    model : SparseModel
    file : str
    target : str, optional
        Its column; by default that of the training.

    Returns
    -------
    X : dict of Raw, ndarray or SciPy matrix
        What the model needs of the rows that have a target; of all if there is none.
    y : ndarray (n,), (n, 2) or (n, 3), or None
        None too for a Cox model with strata: its risks compare within one only.
    offset : ndarray (n,) or None
        What the offset and the exposure of the training add to the linear predictor.

    Raises
    ------
    DataError
    """
    content = _read(model, Source(file))
    there = content.named
    if target is not None and target not in there:
        raise DataError(f"{file}: {no_such_column(target, there)}")
    survival = None if target is not None else model.metadata.get("survival")
    target = target or model.metadata.get("target")
    y = offset = None
    rows = np.arange(content.n_rows)
    try:
        if survival is not None:
            names = [survival[k] for k in ("event", "time", "entry") if k in survival]
            if "strata" not in survival and set(names) <= set(there):
                raw = [content[name] for name in names]
                y, rows = _times(*raw, label=survival.get("event_label"))
        elif target in there:
            y, rows = _target(model, content[target])
        if y is not None:
            offset = offset_of(model, content, rows)
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: {error}") from None
    return _features(model, content, file, rows), y, offset


def _read(model, source):
    info = model.metadata.get("file_info")
    known = Reading.from_dict(model.metadata.get("reading", {}))
    return source.read(known, info, model.n_features)


def _features(model, content, file, rows):
    if isinstance(content, Matrix):
        X = content.X.tocsr() if hasattr(content.X, "tocsr") else content.X
        return X[rows]
    try:
        if not model.has_names:
            raise ValueError("the model takes a matrix, this is a table")
        raw = prepare(content, model.required_features())
    except ValueError as error:
        raise DataError(f"{file}: {error}") from None
    return {name: column.take(rows) for name, column in raw.items()}


def _target(model, raw):
    """The target where it is known, as the model has it, and the rows where it is."""
    if model.classes is not None and model.classes.dtype.kind == "U":
        rules = TYPED if model.columns is None else model.columns.rules
        text = raw.settle(rules, model.classes.tolist()).as_text()
        rows = np.flatnonzero(text.codes >= 0)
        return np.array(text.labels)[text.codes[rows]], rows
    values = numbers(raw)
    rows = np.flatnonzero(~np.isnan(values))
    exact = large_labels(raw, values) if raw.kind == "text" else raw.exact
    return (values if exact is None else exact)[rows], rows


def _times(event, *times, label):
    """Event, time and perhaps entry where they are known, and the rows where."""
    y = np.column_stack([read_event(event, label)[0], *map(numbers, times)])
    rows = np.flatnonzero(~np.isnan(y).any(axis=1))
    return y[rows], rows
