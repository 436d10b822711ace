"""``fastl1 diff``, ``quantize`` and ``prune``: from models to models."""

import json
import math
import os
from pathlib import Path

import click

from fastl1._atomic import write_atomic
from fastl1.artifact.weights import STORED
from fastl1.exceptions import DataError, WriteError
from fastl1.model.quantization import listed
from fastl1.workflow.apply import load_model, read_scored_rows

DEFAULT_OUT = "Where to write; default: a new name beside MODEL."


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--by",
    type=click.Choice(["auto", "name", "index"]),
    default="auto",
    show_default=True,
    help="How features are matched.",
)
@click.option(
    "--top", type=click.IntRange(1), default=20, show_default=True, help="Changes."
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
def diff(old, new, by, top, as_json):
    """Show what changed from the model OLD to the model NEW.

    \b
    Example:
      fastl1 diff yesterday/model.fl1 today/model.fl1
    """
    from fastl1.cli.show_model import show_diff

    before, old_path = load_model(old)
    after, new_path = load_model(new)
    try:
        changes = before.diff(after, by)
    except ValueError as error:
        raise DataError(f"{old_path}, {new_path}: {error}") from None
    if as_json:
        click.echo(json.dumps(changes.to_dict(), indent=1, ensure_ascii=False))
    else:
        show_diff(changes, old_path, new_path, top)


@click.command()
@click.argument("model")
@click.argument("precision", type=click.Choice([p for p in STORED if p != "float64"]))
@click.option("--data", metavar="FILE", help="Rows to take ranges and changes from.")
@click.option(
    "--max-error",
    type=click.FloatRange(0),
    help="Refuse if a prediction may change by more.",
)
@click.option(
    "--max-increase",
    type=click.FloatRange(0),
    default=0.01,
    show_default=True,
    help="Refuse if the deviance grows by more than this share of it.",
)
@click.option("--target", metavar="NAME", help="Target in FILE; default: the model's.")
@click.option(
    "--force", is_flag=True, help="Write the file though it is larger or much worse."
)
@click.option("--out", metavar="FILE", help=DEFAULT_OUT)
def quantize(model, precision, data, max_error, max_increase, target, force, out):
    """Write MODEL with coefficients of fewer bits, and say what that changes.

    The bound holds for all rows whose features are within the ranges of the rows of
    --data; without it, of numbers within 4 standard deviations of their means in the
    training. The deviance is that of the rows of --data; without it, or without a
    target in it, what the model loses of what it explains is judged by how much the
    linear predictor changes.

    \b
    Example:
      fastl1 quantize fastl1_model int8 --data houses.csv --max-error 500
    """
    loaded, path = load_model(model)
    rows = y = offset = None
    if data is not None:
        rows, y, offset = read_scored_rows(loaded, data, target)
    try:
        small = loaded.quantize(
            precision,
            rows,
            y=y,
            offset=offset,
            max_error=max_error,
            max_increase=math.inf if force else max_increase,
        )
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}") from None
    out = out or path.with_suffix(f".{precision}.fl1")
    report = small.metadata["quantization"]
    if not force:
        _refuse_quantized(small, path, report)
    _write(out, small, path)
    relative = "by a factor of at most 1 +" if loaded.link == "log" else "by at most"
    where = {
        "data": f"within the ranges of {data}",
        "std": "for numbers within 4 standard deviations of their means in training",
        "unit": "per unit of the largest |feature|",
    }[report["ranges"]]
    click.echo(f"predictions change {relative} {report['bound']:.3g} {where}")
    if rows is not None:
        click.echo(
            f"on the {report['rows']:,} rows of {data} by {report['mean_change']:.3g} "
            f"on average and {report['largest_change']:.3g} at most"
        )
    _show_metrics(report.get("quality_before"), report.get("quality_after"), data)
    if report["judged_by"] != "deviance" and report["increase"] is not None:
        share = f"{100 * report['increase']:.2g} %"
        click.echo(f"of what the model explains {share} is lost, to second order")
    if report["dropped"]:
        click.echo(f"{report['dropped']:,} coefficients became zero")
    if report["zeroed"]["count"]:
        click.echo(f"features that became zero: {listed(report['zeroed'])}")


def _refuse_quantized(model, source, report):
    """Refuse what nobody can judge, and what has grown."""
    if report["judged_by"] is None and report["zeroed"]["count"]:
        raise DataError(
            f"{source}: nothing is known of how much its features vary, and these "
            f"would become zero: {listed(report['zeroed'])}; give --data, or --force"
        )
    before, after = os.path.getsize(source), len(model.to_bytes())
    if after >= before:
        raise DataError(
            f"{source}: it would not get smaller ({after:,} bytes, {before:,} before); "
            f"--force writes it"
        )


@click.command()
@click.argument("model")
@click.option("--threshold", type=float, help="Least importance of what stays.")
@click.option("--max-features", type=click.IntRange(0), help="At most so many stay.")
@click.option("--data", metavar="FILE", help="Rows to take importance and metric from.")
@click.option("--target", metavar="NAME", help="Target in FILE; default: the model's.")
@click.option("--out", metavar="FILE", help=DEFAULT_OUT)
def prune(model, threshold, max_features, data, target, out):
    """Write MODEL without its least important features, and say what that costs.

    Importance is |coefficient|, times the feature's standard deviation in --data, or
    without it in the training, where the model knows it.

    \b
    Example:
      fastl1 prune fastl1_model --max-features 10 --data houses.csv
    """
    loaded, path = load_model(model)
    if (threshold is None) == (max_features is None):
        raise click.UsageError("give either --threshold or --max-features")
    rows = y = offset = None
    if data is not None:
        rows, y, offset = read_scored_rows(loaded, data, target)
    try:
        small = loaded.prune(
            threshold, max_features=max_features, X=rows, y=y, offset=offset
        )
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: {error}") from None
    out = out or path.with_suffix(".pruned.fl1")
    report = small.metadata["pruning"]
    _write(out, small, path)
    click.echo(f"kept {report['kept']:,} of {report['features']:,} features")
    _show_metrics(report.get("before"), report.get("after"), data)


COMMANDS = (diff, quantize, prune)


def _show_metrics(before, after, data):
    for metric, value in (before or {}).items():
        click.echo(f"{metric} on {data}: {value:.6g} before, {after[metric]:.6g} after")


def _write(out, model, source):
    data = model.to_bytes()
    try:
        write_atomic(out, data)
    except OSError as error:
        raise WriteError(f"{os.fspath(out)}: {error.strerror}") from None
    before = os.path.getsize(source)
    click.echo(f"wrote {Path(out)}: {len(data):,} bytes, {before:,} before")
