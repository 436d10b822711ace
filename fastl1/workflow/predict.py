"""``fastl1 predict`` and reading models for ``fastl1 inspect``."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np

from fastl1._atomic import write_atomic
from fastl1._extras import require
from fastl1.data.read import Table, read_file
from fastl1.data.table import no_such_column, raw_column
from fastl1.exceptions import DataError, WriteError
from fastl1.loss.links import LINKS, labels
from fastl1.model.sparse_model import SparseModel
from fastl1.workflow.target import exposures, offsets


def load_model(where):
    """Model from a folder that ``fastl1 fit`` wrote, or from a ``.fl1`` file.

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
        path = path / "model.fl1"
    try:
        return SparseModel.load(path), path
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DataError(str(error)) from None


def read_effects(path, model):
    """Effects by feature and class, from the report that belongs to a model."""
    try:
        report = json.loads((path.parent / "report.json").read_text())
        from hashlib import sha256

        if report["model"]["sha256"] != sha256(path.read_bytes()).hexdigest():
            return None
        return {
            (c["feature"], c.get("class")): c["effect"] for c in report["coefficients"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return None


def predict_file(
    model, file, *, format=None, delimiter=None, use_offset=True, proba=False
):
    """Predictions for a file.

    Parameters
    ----------
    model : SparseModel
    file : str
    format, delimiter : str, optional
        As for `read_file`.
    use_offset : bool
        Whether to add the offset and the exposure that the training had.
    proba : bool
        The probabilities of all classes, and nothing else.

    Returns
    -------
    columns : dict of str to ndarray
        "prediction", and for classes the probability of the positive one, or of each
        when there are several outputs; "prediction_NAME" for several targets; "risk"
        of a Cox model.
    notes : list of str

    Raises
    ------
    DataError
        The file cannot be read or does not fit the model.
    """
    if proba and not LINKS[model.link].probability:
        raise DataError(f"--proba: a model with the link {model.link} predicts none")
    source = read_file(
        file,
        format=format,
        delimiter=delimiter,
        info=model.metadata.get("file_info"),
        n_features=model.n_features,
    )
    notes = list(source.notes)
    is_table = isinstance(source, Table)
    try:
        if is_table:
            eta = _table_link(model, source.columns, notes)
        elif model.columns is not None:
            raise ValueError(
                f"the model was trained on a table with named columns, this is a "
                f"matrix ({source.format})"
            )
        else:
            eta = model.predict(source.X, type="link")
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: {error}") from None
    if use_offset:
        try:
            shift = offset_of(model, source, np.arange(source.n_rows))
        except DataError as error:
            raise DataError(f"{file}: {error}") from None
        eta = eta if shift is None else eta + shift
    return _as_columns(model, eta, proba), notes


def offset_of(model, source, rows):
    """Offset of some rows of a file, from the columns that the training took it from.

    Parameters
    ----------
    model : SparseModel
    source : Table or Matrix
    rows : ndarray of int

    Returns
    -------
    ndarray of shape (len(rows),) or None

    Raises
    ------
    DataError
        The file has no such column, or a row no such number.
    """
    there = source.columns if isinstance(source, Table) else source.arrays
    names = there.column_names if isinstance(source, Table) else list(there)
    total = None
    for role, read in (("offset", offsets), ("exposure", exposures)):
        name = model.metadata.get(role)
        if name is None:
            continue
        if name not in names:
            raise DataError(
                f"{no_such_column(name, names)}, which was the {role} of the training; "
                f"--no-offset predicts without"
            )
        values = read(raw_column(there[name], name), rows)
        values = np.log(values) if role == "exposure" else values
        total = values if total is None else total + values
    return total


def _as_columns(model, eta, proba):
    """Columns of predictions from the linear predictor."""
    link = LINKS[model.link]
    response = link.inverse(eta)
    if model.metadata.get("loss") == "cox":
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


def _table_link(model, columns, notes):
    if model.columns is None:
        return model.predict(columns, type="link")
    weights = model.weights
    coef = model.values if weights.n_outputs == 1 else weights.matrix()
    return model.columns.link(columns, model.features, coef, model.intercept, notes)


def write_predictions(columns, out, stdout):
    """Write predictions as CSV, Parquet, Arrow or JSON lines, by the file's ending.

    Raises
    ------
    WriteError
    """
    if out is None or out == "-":
        stdout.write(_csv(columns))
        stdout.flush()
        return
    suffix = Path(out).suffix.lower()
    if suffix in (".parquet", ".pq", ".arrow", ".feather"):
        pa = require("pyarrow", extra="cli")
        table = pa.table({name: pa.array(column) for name, column in columns.items()})
        sink = pa.BufferOutputStream()
        if suffix in (".parquet", ".pq"):
            require("pyarrow.parquet", extra="cli").write_table(table, sink)
        else:
            require("pyarrow.feather", extra="cli").write_feather(table, sink)
        content = sink.getvalue().to_pybytes()
    elif suffix in (".json", ".jsonl"):
        names = list(columns)
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        content = ("\n".join(lines) + "\n").encode()
    else:
        content = _csv(columns).encode()
    try:
        write_atomic(out, content)
    except OSError as error:
        raise WriteError(f"{os.fspath(out)}: {error.strerror}") from None


def _csv(columns):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(
        zip(*(column.tolist() for column in columns.values()), strict=True)
    )
    return text.getvalue()
