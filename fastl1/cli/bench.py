"""``fastl1 bench``: what a model costs to serve, against its dense equivalent."""

import io
import json
import os
import sys

import click
import numpy as np
from rich.table import Table
from rich.text import Text

from fastl1._atomic import write_atomic
from fastl1._extras import require
from fastl1.cli.measure import Plan, measure, synthetic_rows
from fastl1.cli.show import Stages, page
from fastl1.exceptions import DataError, WriteError
from fastl1.workflow.apply import load_model, read_rows

MAX_ROWS = 100_000  # of a data file
COLORS = ("#0072b2", "#e69f00", "#7f7f7f", "#cc79a7", "#009e73", "#56b4e9")


class IntList(click.ParamType):
    """Comma-separated positive integers."""

    name = "integers"

    def convert(self, value, param, ctx):
        """The integers as a tuple, increasing."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = {int(part) for part in value.split(",")}
        except ValueError:
            self.fail(f"{value!r} is not a list of integers", param, ctx)
        if min(numbers) < 1:
            self.fail("every number must be at least 1", param, ctx)
        return tuple(sorted(numbers))


@click.command()
@click.argument("model")
@click.option("--data", metavar="FILE", help="Rows; default: made up.")
@click.option(
    "--batches", type=IntList(), metavar="N[,N…]", help="Sizes; default 1 … 100000."
)
@click.option("--threads", type=IntList(), metavar="N[,N…]", help="Default: 1 and all.")
@click.option(
    "--seconds",
    type=click.FloatRange(0.001),
    default=0.3,
    show_default=True,
    help="Time for each number.",
)
@click.option(
    "--cold-runs",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Fresh processes per contender; 0 for none.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("--plot", metavar="FILE", help="Also draw it (.png, .svg, .pdf).")
def bench(model, data, as_json, plot, **given):
    """Measure what MODEL (a folder or a .fl1 file) costs to serve.

    Latency of one row, throughput of batches by size and threads, cold start in a fresh
    process and bytes, for fastl1, for all coefficients in NumPy, and, where they are
    installed, SciPy and ONNX Runtime (float32), on the same rows.

    \b
    Examples:
      fastl1 bench fastl1_model --data houses.csv
      fastl1 bench model.fl1 --plot bench.png
      fastl1 bench model.fl1 --batches 1,1000 --threads 1 --json
    """
    loaded, path = load_model(model)
    plan = Plan(**{name: value for name, value in given.items() if value is not None})
    if plot is not None:
        require("matplotlib", extra="plot")
    rows = synthetic_rows(loaded.n_features) if data is None else _rows(loaded, data)
    with Stages() as stages, stages.steps() as progress:
        result = measure(loaded, path, rows, plan, progress)
    result["rows"]["source"] = "made up" if data is None else os.fspath(data)
    if as_json:
        click.echo(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        show_bench(result)
    if plot is not None:
        _write_plot(result, plot)


def _rows(model, file):
    """Encoded rows of a data file: a dense array, or CSR."""
    X = read_rows(model, file)
    try:
        if isinstance(X, dict):
            X = _encode(model, X)
    except ValueError as error:
        raise DataError(f"{file}: {error}") from None
    if not X.shape[0]:
        raise DataError(f"{file}: there are no rows")
    if X.shape[1] != model.n_features:
        raise DataError(
            f"{file}: {X.shape[1]} features, the model has {model.n_features}"
        )
    X = X[:MAX_ROWS] if not hasattr(X, "tocsr") else X.tocsr()[:MAX_ROWS]
    return X if hasattr(X, "tocsr") else np.ascontiguousarray(X, np.float64)


def _encode(model, raw):
    """All features of a table; those that the model does not use may be 0."""
    sp = require("scipy.sparse", extra="cli")
    kept = sp.csr_array(model.slot_columns(raw))
    place = (np.ones(len(model.features)), (np.arange(kept.shape[1]), model.features))
    wide = kept @ sp.csr_array(place, shape=(kept.shape[1], model.n_features))
    dense = wide.nnz * 5 >= wide.shape[0] * wide.shape[1]
    return wide.toarray() if dense else wide.tocsr()


def show_bench(result):
    """Print the measurements as tables."""
    model, rows, machine = result["model"], result["rows"], result["machine"]
    with page() as out:
        out.print(Text(f"fastl1 bench {model['file']}", style="bold"))
        out.print(
            f"{model['kept']:,} of {model['features']:,} features kept, "
            f"{model['outputs']} output{'s' if model['outputs'] > 1 else ''}, "
            f"{model['link']}, {model['precision']}"
        )
        out.print(
            Text(
                f"rows: {rows['count']:,} {rows['source']}, {rows['storage']}, "
                f"{rows['nonzeros_per_row']:.1f} nonzeros each"
            )
        )
        out.print(Text(f"{machine['cpu']}, {machine['cores']} cores, {machine['isa']}"))
        out.print()
        out.print(_cost_table(result))
        out.print()
        out.print(_throughput_table(result["throughput"]))
        for name, why in result["skipped"].items():
            out.print(Text(f"{name} is missing: {why}", style="dim"))


def _cost_table(result):
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("one row, µs", no_wrap=True)
    titles = ("p50", "p95", "p99", "cold start, ms", "file", "memory", "differs by")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for name, latency in result["latency_us"].items():
        cold = result["cold_start_ms"].get(name)
        size = result["bytes"][name]
        differs = result["difference"].get(name)
        table.add_row(
            name,
            *(_digits(latency[q]) for q in ("p50", "p95", "p99")),
            "–" if cold is None else f"{cold:.1f}",
            _size(size["disk"]),
            _size(size["memory"]),
            "" if differs is None else f"{differs:.0e}" if differs else "0",
        )
    return table


def _throughput_table(entries):
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    sizes = sorted({entry["batch"] for entry in entries})
    table.add_column("rows/s by batch", no_wrap=True)
    for size in sizes:
        table.add_column(f"{size:,}", justify="right", no_wrap=True)
    for (name, threads), line in _lines(entries).items():
        label = name + ("" if threads is None else f", {_threads(threads)}")
        table.add_row(label, *(_rate(line.get(size)) for size in sizes))
    return table


def _lines(entries):
    """Rows a second by batch size, by contender and threads."""
    lines = {}
    for entry in entries:
        line = lines.setdefault((entry["contender"], entry["threads"]), {})
        line[entry["batch"]] = entry["rows_per_second"]
    return lines


def _threads(count):
    return f"{count} thread" + ("s" if count > 1 else "")


def _digits(value):
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _rate(value):
    if value is None:
        return "–"
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value:.3g}"


def _size(count):
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


def _write_plot(result, path):
    kind = os.path.splitext(path)[1].lstrip(".").lower() or "png"
    try:
        figure = draw(result)
        content = io.BytesIO()
        figure.savefig(content, format=kind, dpi=150)
        write_atomic(path, content.getvalue())
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise WriteError(f"{path}: {reason}") from None
    click.echo(f"wrote {path}", file=sys.stderr)


def draw(result):
    """The measurements as a matplotlib figure of four panels."""
    figure_module = require("matplotlib.figure", extra="plot")
    figure = figure_module.Figure(figsize=(11, 7.5), layout="constrained")
    (latency, rate), (cold, size) = figure.subplots(2, 2)
    names = list(result["latency_us"])
    color = {name: COLORS[k % len(COLORS)] for k, name in enumerate(names)}
    model = result["model"]
    figure.suptitle(
        f"{os.path.basename(model['file'])}: {model['kept']:,} of "
        f"{model['features']:,} features kept"
    )
    _draw_latency(latency, result["latency_us"], names, color)
    _draw_throughput(rate, _lines(result["throughput"]), color)
    _draw_cold_starts(cold, result["cold_start_ms"], color)
    _draw_bytes(size, result["bytes"], names, color)
    return figure


def _draw_latency(axes, latency, names, color):
    for k, name in enumerate(names):
        low, middle, high = (latency[name][q] for q in ("p50", "p95", "p99"))
        axes.plot([low, high], [k, k], color=color[name], lw=2, alpha=0.5)
        axes.plot(low, k, "o", color=color[name], ms=9)
        axes.plot([middle, high], [k, k], "|", color=color[name], ms=12, mew=2)
        axes.annotate(
            f"{_digits(low)} µs",
            (low, k),
            xytext=(-4, 8),
            textcoords="offset points",
            fontsize=9,
        )
    _name_rows(axes, names)
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_title("One row: p50 (dot), p95 and p99 (bars), µs")


def _draw_throughput(axes, lines, color):
    told = set()
    for (name, threads), line in lines.items():
        many = threads is not None and threads > 1
        axes.plot(
            list(line),
            list(line.values()),
            "o--" if many else "o-",
            color=color[name],
            mfc="white" if many else color[name],
            label=None if name in told else name,
        )
        told.add(name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows in the batch")
    axes.set_title("Throughput, rows/s (dashed: several threads)")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_cold_starts(axes, starts, color):
    names = [name for name, spent in starts.items() if spent is not None]
    spent = [starts[name] for name in names]
    bars = axes.barh(range(len(names)), spent, 0.6, color=[color[n] for n in names])
    axes.bar_label(bars, [f"{v:.0f} ms" for v in spent], padding=4, fontsize=9)
    axes.margins(x=0.2)
    _name_rows(axes, names)
    axes.set_title("Cold start, beyond import numpy, ms")


def _draw_bytes(axes, sizes, names, color):
    for k, name in enumerate(names):
        disk, memory = sizes[name]["disk"], sizes[name]["memory"]
        # both can be seen where they are equal
        axes.plot(memory, k, "o", color=color[name], mfc="white", ms=12)
        axes.plot(disk, k, "o", color=color[name], ms=7)
        axes.annotate(
            f"{_size(disk)}, {_size(memory)}",
            (max(disk, memory), k),
            xytext=(12, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_xscale("log")
    axes.margins(x=0.15)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high * (high / low) ** 0.4)  # room for the last label
    _name_rows(axes, names)
    axes.set_title("Bytes on disk (full) and in memory (empty)")


def _name_rows(axes, names):
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
