"""The main job: from rows to a certified sparse model, tested against baselines."""

import os
import warnings
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastl1._public import public_in
from fastl1.data.moments import moments
from fastl1.exceptions import ConvergenceWarning, DataError, WorkflowError
from fastl1.fit.path import path
from fastl1.fit.warm_start import warm_start_from
from fastl1.loss.losses import Loss
from fastl1.model.sparse_model import SparseModel
from fastl1.workflow.apply import MODEL, as_columns, load_model
from fastl1.workflow.choose import choose_alpha
from fastl1.workflow.messages import (
    WORKFLOW,
    Clock,
    Note,
    OnEvent,
    argument,
    counter,
    silent,
)
from fastl1.workflow.output import check_out, make_artifact, now, write_fit
from fastl1.workflow.prepare import Data, prepare_data
from fastl1.workflow.report import Fitted, make_report
from fastl1.workflow.ridge import fit_ridge
from fastl1.workflow.settings import (
    Columns,
    LossChoice,
    Plan,
    Roles,
    Search,
    Solver,
    Split,
    label_text,
    names_of,
)
from fastl1.workflow.source import Source, make_reading


@public_in(WORKFLOW)
@dataclass(frozen=True, eq=False)
class FitResult:
    """What `fastl1.workflow.fit` has made.

    Attributes
    ----------
    model : SparseModel
        The model of the training rows, with the treatment of the columns that it uses:
        it predicts from raw columns, and is what the file ``model.fl1`` holds.
    report : dict
        What was done, how good the model is and what to beware of, in JSON types: what
        the file ``report.json`` holds.  Among its keys are "selection" (the penalty and
        the scores of the cross-validation), "certificate" (the duality gap), "test"
        (the metrics of the model, of ridge and of the null model on the test rows, None
        without such rows), "coefficients", "notes" and "warnings".
    test_rows : ndarray of int, shape (m,)
        The rows that were held out, numbered from 0 as the source does.
    test_predictions : dict of str to ndarray of shape (m,)
        Predictions of the test rows, in the columns of `fastl1.workflow.predict`.
    """

    model: SparseModel
    report: dict[str, Any] = field(repr=False)
    test_rows: np.ndarray = field(repr=False)
    test_predictions: dict[str, np.ndarray] = field(repr=False)


@public_in(WORKFLOW)
def fit(
    source: Any,
    target: str | None = None,
    *,
    task: str = "auto",
    loss: str | Loss | None = None,
    positive: Any = None,
    exposure: str | None = None,
    offset: str | None = None,
    weight: str | None = None,
    time: str | None = None,
    event: str | None = None,
    entry: str | None = None,
    strata: str | None = None,
    group: str | None = None,
    order: str | None = None,
    drop: str | Iterable[str] = (),
    categorical: str | Iterable[str] = (),
    hash: str | Iterable[str] = (),
    numeric: str | Iterable[str] = (),
    drop_unusable: bool = False,
    test_size: float = 0.2,
    folds: int = 5,
    rule: str = "min",
    l1_ratio: ArrayLike = 1.0,
    n_alphas: int = 100,
    tol: float = 1e-6,
    warm_start: str | os.PathLike[str] | SparseModel | None = None,
    random_state: int = 0,
    n_threads: int | None = None,
    format: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    na: str | Iterable[str] | None = None,
    encoding: str | None = None,
    out: str | os.PathLike[str] | None = None,
    on_event: OnEvent | None = None,
) -> FitResult:
    """Fit a sparse model to a file or a table, and test it: what ``fastl1 fit`` does.

    Text columns become one feature per category, missing numbers the training mean with
    an indicator.  The penalty is chosen by cross-validation on the training rows; the
    test rows compare the model, which is the one of the training rows, with ridge and
    with the null model.

    Parameters
    ----------
    source : str, path-like, dict of arrays, pandas or polars frame, or pyarrow table
        Rows with named columns.  A path is one of a file: CSV (also .gz, .bz2, .zst),
        Parquet, Arrow or Feather, JSON lines, .xlsx (extra ``xlsx``), svmlight text, or
        the .npz of a matrix with its target; files need pyarrow (extra ``cli``).  It
        may be a pattern, or "-" for the standard input; a list of paths is one of files
        with the same columns.
    target : str, optional
        Column to predict; of a matrix file the array, by default "y".
    task : {"auto", "regression", "classification"}
        "auto": classification if the target is text, booleans or has two values.
    loss : str or Loss, optional
        As in `fastl1.path`.  By default "squared" for numbers, "logistic" for two
        classes, "multinomial" for more, "cox" with `event`.  The threshold of "huber"
        follows the spread of the target; `fastl1.Huber` sets it.
    positive : object, optional
        Class whose probability is modelled; with `event`, the value that is the event.
    exposure : str, optional
        For "poisson", "gamma" and Tweedie's loss: column that the mean is in proportion
        to.
    offset : str, optional
        Column with a known part of the linear predictor.
    weight : str, optional
        Column with row weights.
    time, event : str, optional
        Columns of a Cox model: the time to the event, or to the end of observation, and
        whether the event was seen.  Without `event`, `time` is another name of `order`.
    entry, strata : str, optional
        With `event`: column of the start of observation; rows compare within a stratum
        only.
    group : str, optional
        Column of groups, which are never split up.
    order : str, optional
        Column of times or numbers: the test rows and the held-out rows of every fold
        come after those of the training.
    drop : str or iterable of str
        Columns to leave out.
    categorical : str or iterable of str
        Columns of numbers to treat as categories.
    hash : str or iterable of str
        Columns of text to hash into 4096 features each.
    numeric : str or iterable of str
        Columns of numbers though they look like codes, with zeros in front.
    drop_unusable : bool
        Whether to leave out what cannot be used as it is: dates, and text with too many
        values; a note names each.
    test_size : float
        Share of the rows in [0, 1) that are held out for the test; 0 for none.
    folds : int
        Number of folds, at least 2.
    rule : {"min", "1se"}
        "min": the best mean score; "1se": the sparsest within one standard error of it.
    l1_ratio : float or array-like of float
        In (0, 1]; 1: lasso, less: elastic net; of several the best is taken.
    n_alphas : int
        Number of penalties that are tried, at least 2.
    tol : float
        Relative duality gap that the model is solved to.
    warm_start : str, path-like or SparseModel, optional
        Start the final fit from this model (a .fl1 file, or a folder that a fit wrote),
        matched by the names of features.
    random_state : int
        Seed of the splits.
    n_threads : int, optional
        By default all cores; the result does not depend on it.
    format : {"csv", "parquet", "arrow", "jsonl", "xlsx", "svmlight", "npz"}, optional
        Of a file; by default by its ending.
    delimiter : str, optional
        Of CSV: one character, "tab", or "blank" for any number of blanks and for fixed
        width; by default guessed.
    decimal, thousands : str, optional
        Marks in numbers that are text, before the fraction and between thousands
        ("none" for none); by default found from all columns.
    na : str or iterable of str, optional
        Texts that stand for a missing cell; by default those of
        ``docs/reading-files.md`` in CSV, and none where null can be told from text.
    encoding : str, optional
        Of text; by default by its byte order mark, else UTF-8.
    out : str or path-like, optional
        Folder to write ``model.fl1`` and ``report.json`` to; by default nothing is
        written.
    on_event : callable, optional
        Is called with an `Event` when a stage starts or is finished, a fit is done, or
        there is something to note.

    Returns
    -------
    FitResult
        A model that did not reach `tol` is returned too: see
        ``report["certificate"]``.

    Raises
    ------
    fastl1.exceptions.OptionError
        Arguments are out of range or contradict each other; a ValueError.
    fastl1.exceptions.DataError
        The rows cannot be used; the message names column, row or line; a ValueError.
    fastl1.exceptions.WriteError
        `out` cannot be written.
    fastl1.FitInterrupted
        Ctrl-C; nothing is written.

    Examples
    --------
    >>> import numpy as np
    >>> from fastl1 import workflow
    >>> rng = np.random.default_rng(0)
    >>> town = np.where(np.arange(200) % 3, "Aarhus", "Cork")
    >>> houses = {"size": rng.normal(100, 20, 200), "town": town}
    >>> price = 3 * houses["size"] + 40 * (town == "Cork") + rng.normal(0, 5, 200)
    >>> result = workflow.fit({**houses, "price": price}, "price")
    >>> [entry["feature"] for entry in result.report["coefficients"]]
    ['size', 'town=Cork']
    >>> result.report["test"]["model"]["r2"] > 0.99
    True
    >>> result.report["certificate"]["converged"]
    True
    >>> predicted = result.model.predict(houses)[result.test_rows]
    >>> np.allclose(result.test_predictions["prediction"], predicted)
    True
    """
    ratios = tuple(np.atleast_1d(np.asarray(l1_ratio, np.float64)).tolist())
    plan = Plan(
        source=Source(
            source,
            format,
            make_reading(
                delimiter=delimiter,
                decimal=decimal,
                thousands=thousands,
                na=na,
                encoding=encoding,
            ),
        ),
        roles=Roles(
            target=target,
            time=time,
            event=event,
            entry=entry,
            strata=strata,
            exposure=exposure,
            offset=offset,
            weight=weight,
            group=group,
            order=order,
        ),
        columns=Columns(
            names_of(drop),
            names_of(categorical),
            names_of(hash),
            names_of(numeric),
            drop_unusable,
        ),
        loss=LossChoice.of(loss, task=task, positive=label_text(positive)),
        split=Split(test_size, folds, random_state),
        search=Search(rule, ratios, n_alphas),
        solver=Solver(warm_start, n_threads, tol),
        out=None if out is None else os.fspath(out),
    )
    return run_plan(plan, on_event or silent)


def run_plan(plan: Plan, on_event: OnEvent) -> FitResult:
    """Fit, choose, test and, where the plan says so, write.

    Parameters
    ----------
    plan : Plan
    on_event : callable

    Raises
    ------
    DataError, WriteError, FitInterrupted
    """
    clock = Clock(on_event)
    source, out = plan.source, None if plan.out is None else Path(plan.out)
    if out is not None:
        check_out(out)
    with clock("read"):
        data = prepare_data(source, plan.roles, plan.columns, plan.loss, plan.split)
        digest = source.digest()
    start = _warm_start(data, plan)
    for note in data.notes:
        on_event(Note(note))
    with _solver_errors(source):
        fitted = _fit_all(data, plan, start, clock, on_event)
    created = now()
    model = make_artifact(plan, data, fitted, created, digest)
    content = model.to_bytes()
    report = make_report(plan, data, fitted)
    report["created"] = created
    report["data"] |= {"sha256": digest, "bytes": source.size()}
    report["model"] |= {
        "file": None if out is None else str(out / MODEL),
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    report["seconds"] = clock.seconds()
    if out is not None:
        with clock("write"):
            write_fit(out, content, report)
    return FitResult(
        model=model,
        report=report,
        test_rows=data.used[data.test],
        test_predictions=as_columns(
            model, fitted.eta + (fitted.intercept - fitted.model.intercept)
        ),
    )


def _fit_all(data, plan, start, clock, on_event):
    """Cross-validation, the chosen model, ridge and the null model."""
    rows, test = data.training(), data.testing()
    search, solver = plan.search, plan.solver
    common = {"loss": data.loss, "n_threads": solver.threads}
    splits = data.folds(plan.split)
    with clock("cross-validation"):
        cv = choose_alpha(rows, splits, search, on_event, **common)
    choice = cv.select(search.rule)
    with clock("fit"):
        fit = path(
            rows.X,
            rows.y,
            alphas=[choice.alpha],
            l1_ratio=choice.l1_ratio,
            standardize=True,
            tol=solver.tol,
            **start,
            **rows.keywords(),
            **common,
        )
    # of a feature that is 0 throughout only the intercept is left
    blank = np.zeros((len(rows.y), 1))
    null = path(blank, rows.y, alphas=[1.0], **rows.keywords(), **common)
    with clock("ridge"):
        count = counter(on_event, "baseline: ridge")
        size = 2 * null.info["null_objective"]
        ridge_eta, ridge = fit_ridge(rows, test, splits, size, count, **common)
    mean, std = moments(rows.X, rows.weight)
    model = fit.model(-1)
    eta = model.predict(test.X, type="link")
    intercept = model.intercept
    if data.loss.survival:
        # any constant is as good: the average row has risk 1
        intercept = -float(model.values @ mean[model.indices])
    return Fitted(
        cv=cv,
        choice=choice,
        fit=fit,
        model=model,
        intercept=intercept,
        eta=eta if test.offset is None else eta + test.offset,
        null=null.intercepts[..., 0],
        std=std,
        ridge=ridge,
        ridge_eta=ridge_eta,
    )


@contextmanager
def _solver_errors(source):
    """Errors of the library as errors of the rows; convergence is judged by the gap."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            yield
        except WorkflowError:
            raise
        except (ValueError, TypeError) as error:
            raise DataError(f"{source.name}: {error}") from error


# --- models ------------------------------------------------------------------------


def _warm_start(data: Data, plan: Plan) -> dict[str, Any]:
    """Keywords of `path` for the final fit: the coefficients of an earlier model."""
    given = plan.solver.warm_start
    if given is None:
        return {}
    if isinstance(given, SparseModel):
        model, name, short = given, "the earlier model", "the earlier model"
    else:
        model, file = load_model(given)
        name, short = str(file), file.name
    loss = model.metadata.get("loss", data.loss.name)
    if model.link != data.loss.link or loss != data.loss.name:
        raise DataError(
            f"{name}: a model with {argument('loss', loss)}, this fit is one with "
            f"{argument('loss', data.loss.name)}"
        )
    kind = plan.source.kind
    if model.n_outputs > 1 and model.classes is None:
        raise DataError(
            f"{name}: a model of {model.n_outputs} targets, this {kind} has one"
        )
    if model.n_outputs > 1 and model.classes.tolist() != data.classes.tolist():
        raise DataError(f"{name}: a model of other classes than those of this {kind}")
    try:
        start = warm_start_from(model, data.feature_names)
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
    if start.gone:
        shown = ", ".join(start.gone[:5]) + (", ..." if start.gone[5:] else "")
        data.notes.append(
            f"features of {short} that this {plan.source.kind} lacks: {shown}"
        )
    if data.task == "survival":
        return {"coef_init": start.coef}
    return {"coef_init": start.coef.T, "intercept_init": start.intercept}
