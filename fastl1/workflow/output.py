"""What a fit leaves: the model with its lineage, the files of a folder."""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from fastl1._atomic import check_writable, write_together
from fastl1._version import __version__
from fastl1.data.read import Matrix
from fastl1.exceptions import WriteError
from fastl1.model.sparse_model import SparseModel
from fastl1.workflow.apply import MODEL, REPORT
from fastl1.workflow.prepare import Data
from fastl1.workflow.report import Fitted
from fastl1.workflow.settings import Plan


def make_artifact(
    plan: Plan, data: Data, fitted: Fitted, created: str, digest: str | None
) -> SparseModel:
    """The chosen model with the treatment of the columns it uses, and its lineage."""
    base, choice = fitted.model, fitted.choice
    grid = fitted.cv.alphas[choice.ratio].tolist()
    lineage = {
        **base.metadata,
        "created": created,
        "fastl1": __version__,
        "numpy": np.__version__,
        "task": data.task,
        **_roles(data, plan.roles),
        **_known(
            file=plan.source.file_name,
            format=data.content.format,
            data_sha256=digest,
        ),
        **_known(reading=data.content.reading.to_dict() or None),
        "rows": data.content.n_rows,
        "train_rows": len(data.train),
        "features": base.n_features,
        "l1_ratio": choice.l1_ratio,
        "rule": plan.search.rule,
        "folds": plan.split.folds,
        "split": data.split,
        "seed": plan.split.seed,
        "grid": {"first": grid[0], "last": grid[-1], "length": len(grid)},
    }
    indices, n_features = base.indices, base.n_features
    columns, names = data.treatment, None
    if isinstance(data.content, Matrix):
        lineage["file_info"] = data.content.info
        names = data.content.feature_names
    else:
        columns.set_std(fitted.std)
        columns, slots = columns.select(base.features)
        indices = np.repeat(slots, np.diff(base.weights.indptr))
        n_features = columns.n_features
    model = SparseModel(
        indices,
        base.values,
        fitted.intercept,
        n_features,
        link=base.link,
        classes=data.classes,
        feature_names=names,
        columns=columns,
        metadata=lineage,
        outputs=base.outputs,
    )
    return model.trim(renumber=False)


def _roles(data, roles):
    """The columns that a row needs beside its features, for prediction and scores."""
    named = _known(exposure=roles.exposure, offset=roles.offset)
    if data.task != "survival":
        return {"target": data.target, **named}
    survival = _known(
        time=roles.time,
        event=roles.event,
        event_label=data.event,
        entry=roles.entry,
        strata=roles.strata,
    )
    return {"survival": survival, **named}


def _known(**values):
    return {name: value for name, value in values.items() if value is not None}


def now() -> str:
    """UTC time, to the second; SOURCE_DATE_EPOCH makes it, and the artifact, fixed."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    seconds = int(fixed) if fixed else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# --- writing -----------------------------------------------------------------------


def check_out(out: Path) -> None:
    """Make a folder for output: a fit fails before the work, not after it.

    Raises
    ------
    WriteError
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        check_writable(out)
    except OSError as error:
        raise WriteError(f"{error.filename or out}: {error.strerror}") from None


def write_fit(out: Path, content: bytes, report: dict[str, Any]) -> None:
    """Write a model and its report to a folder: both, or neither.

    Raises
    ------
    WriteError
    """
    text = json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {MODEL: content, REPORT: text.encode("utf-8", "backslashreplace")}
    try:
        write_together(out, files)
    except OSError as error:
        raise WriteError(f"{error.filename or out}: {error.strerror}") from None
