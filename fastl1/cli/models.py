"""``fastl1 diff``, ``quantize`` and ``prune``: from models to models."""

import json
import os
from pathlib import Path

import click

from fastl1._atomic import write_atomic
from fastl1.artifact.weights import STORED
from fastl1.exceptions import DataError, WriteError
from fastl1.workflow.apply import load_model, read_rows, read_scored_rows

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
@click.option("--out", metavar="FILE", help=DEFAULT_OUT)
def quantize(model, precision, data, max_error, out):
    """Write MODEL with coefficients of fewer bits, and a bound on what that changes.

    The bound holds for all rows whose features are within the ranges of the rows of
    --data; without it, it is one per unit of the largest |feature|.

    \b
    Example:
      fastl1 quantize fastl1_model int8 --data houses.csv --max-error 500
    """
    loaded, path = load_model(model)
    rows = None if data is None else read_rows(loaded, data)
    try:
        small = loaded.quantize(precision, rows, max_error=max_error)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    out = out or path.with_suffix(f".{precision}.fl1")
    report = small.metadata["quantization"]
    _write(out, small, path)
    relative = "by a factor of at most 1 +" if loaded.link == "log" else "by at most"
    where = {
        "data": f"within the ranges of {data}",
        "unit": "per unit of the largest |feature|",
    }[report["ranges"]]
    click.echo(f"predictions change {relative} {report['bound']:.3g} {where}")
    if rows is not None:
        click.echo(
            f"on the {report['rows']:,} rows of {data} by {report['mean_change']:.3g} "
            f"on average and {report['largest_change']:.3g} at most"
        )
    if report["dropped"]:
        click.echo(f"{report['dropped']:,} coefficients became zero")


@click.command()
@click.argument("model")
@click.option("--threshold", type=float, help="Least importance of what stays.")
@click.option("--max-features", type=click.IntRange(0), help="At most so many stay.")
@click.option("--data", metavar="FILE", help="Rows to take importance and metric from.")
@click.option("--target", metavar="NAME", help="Target in FILE; default: the model's.")
@click.option("--out", metavar="FILE", help=DEFAULT_OUT)
def prune(model, threshold, max_features, data, target, out):
    """Write MODEL without its least important features, and say what that costs.

    Importance is |coefficient|, times the feature's standard deviation in --data.

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
    for metric, before in report.get("before", {}).items():
        after = report["after"][metric]
        click.echo(f"{metric} on {data}: {before:.6g} before, {after:.6g} after")


COMMANDS = (diff, quantize, prune)


def _write(out, model, source):
    data = model.to_bytes()
    try:
        write_atomic(out, data)
    except OSError as error:
        raise WriteError(f"{os.fspath(out)}: {error.strerror}") from None
    before = os.path.getsize(source)
    click.echo(f"wrote {Path(out)}: {len(data):,} bytes, {before:,} before")
