"""What the user sees: summaries and tables (rich), progress on a terminal."""

import sys
from contextlib import contextmanager

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from fastl1.cli.metrics import METRICS

WIDTH = 100  # where the output is no terminal
KINDS_OF = {
    "identity": "linear regression",
    "log": "regression with a log link",
    "logit": "logistic regression",
    "probit": "probit regression",
    "cloglog": "complementary log-log regression",
    "softmax": "multinomial regression",
    "decision": "linear classifier",
}
KINDS = {
    "number": "numbers",
    "boolean": "true/false",
    "category": "categories",
    "hashed": "hashed",
    "constant": "no information",
}


def console(stream):
    """Console on a stream, wide enough for tables when it is no terminal."""
    return Console(
        file=stream, width=None if stream.isatty() else WIDTH, highlight=False
    )


@contextmanager
def page():
    """Console whose output goes to stdout in one piece, without trailing blanks."""
    out = console(sys.stdout)
    with out.capture() as capture:
        yield out
    lines = capture.get().split("\n")
    sys.stdout.write("\n".join(line.rstrip() for line in lines))
    sys.stdout.flush()


class Stages:
    """Progress on stderr when that is a terminal, silence otherwise."""

    def __init__(self):
        err = console(sys.stderr)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *error):
        self.progress.stop()

    @contextmanager
    def stage(self, name):
        """A step of unknown length."""
        task = self.progress.add_task(name, total=None)
        try:
            yield
        finally:
            self.progress.remove_task(task)

    @contextmanager
    def steps(self):
        """Callback that shows the word it gets."""
        task = self.progress.add_task("", total=None)
        try:
            yield lambda step: self.progress.update(task, description=step)
        finally:
            self.progress.remove_task(task)

    def count(self, name):
        """Callback that counts fits; its first call says how many there will be."""
        task = self.progress.add_task(name, total=None)

        def done(count, info):
            self.progress.update(task, completed=count, total=info["total"])
            if count == info["total"]:
                self.progress.update(task, visible=False)

        return done


def show_fit(report, top=15):
    """Print the readable summary of a fit."""
    with page() as out:
        _fit_page(out, report, top)


def _fit_page(out, report, top):
    data, selection = report["data"], report["selection"]
    target, model = report["target"], report["model"]
    out.print(_heading(report))
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    split = f" ({data['train_rows']:,} train"
    split += f", {data['test_rows']:,} test" if data["test_rows"] else ""
    rows.add_row("rows", f"{data['rows']:,}{split}, {selection['split']})")
    for title, words in _column_lines(data["columns"]):
        rows.add_row(title, escape(words))
    rows.add_row("features", f"{data['features']:,} ({data['storage']})")
    rows.add_row("target", escape(_target_line(report["task"], target)))
    rows.add_row("λ", _lambda_line(selection))
    rows.add_row("certificate", _certificate_line(report["certificate"]))
    rows.add_row("kept", _kept_line(model))
    out.print(rows)
    for line in report["notes"]:
        out.print(Text("note: ", style="cyan") + Text(line))
    out.print()
    if report["test"] is not None:
        out.print(_score_table(report))
    else:
        out.print(
            f"cross-validated {selection['score']}: {_number(selection['cv_score'])} "
            f"± {_number(selection['cv_standard_error'])}, ridge "
            f"{_number(report['ridge']['cv_score'])}, null model "
            f"{_number(selection['cv_null_score'])}"
        )
    out.print()
    if report["coefficients"]:
        _print_coefficients(out, report["coefficients"], top, report["task"])
        out.print()
    for line in report["warnings"]:
        out.print(Text("warning: ", style="bold yellow") + Text(line))
    size = _bytes(model["bytes"])
    seconds = report["seconds"]
    detail = ", ".join(
        f"{name} {value:.1f}"
        for name, value in seconds.items()
        if name != "total" and value >= 0.05
    )
    folder = model["file"].rpartition("/")[0] or "."
    out.print(
        f"wrote [bold]{escape(model['file'])}[/] ({size}) and report.json in "
        f"{seconds['total']:.1f} s" + (f" ({detail})" if detail else "")
    )
    out.print(f"next: fastl1 predict {escape(folder)} NEW_DATA", style="dim")


def show_diff(diff, old, new, top):
    """Print what changed between two models."""
    with page() as out:
        out.print(Text(f"{old} → {new}", style="bold"))
        counts = {
            "came": diff.came,
            "went": diff.went,
            "changed sign": diff.flipped,
            "moved": diff.moved,
        }
        words = ", ".join(f"{len(part):,} {what}" for what, part in counts.items())
        out.print(f"{words}, {diff.same:,} equal (matched by {diff.by})")
        for what, (before, after) in diff.facts.items():
            out.print(Text(f"{what}: {before} → {after}"))
        what = {
            (c.feature, c.output): what for what, part in counts.items() for c in part
        }
        several = len({c.output for c in diff.largest(len(what))}) > 1
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("feature", overflow="ellipsis", no_wrap=True, max_width=50)
        if several:
            table.add_column("output")
        for title in ("before", "after"):
            table.add_column(title, justify="right")
        table.add_column("")
        for change in [*diff.intercepts, *diff.largest(top)]:
            ends = [_number(end) if end else "–" for end in change[2:]]
            label = [str(change.output)] if several else []
            note = what.get((change.feature, change.output), "")
            table.add_row(Text(str(change.feature)), *label, *ends, note)
        if table.row_count:
            out.print()
            out.print(table)
        if len(what) > top:
            out.print(Text(f"… {len(what) - top} more", style="dim"))


def show_audit(audit, path):
    """Print everything that is in a file."""
    with page() as out:
        out.print(Text(f"{path}: {audit['bytes']:,} bytes", style="bold"))
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for title in ("tensor", "type", "entries", "bytes", "holds", "one per"):
            right = title in ("entries", "bytes")
            table.add_column(title, justify="right" if right else "left")
        table.add_row("(header)", "", "", f"{audit['header_bytes']:,}", "metadata", "")
        for entry in audit["tensors"]:
            shape = " × ".join(f"{extent:,}" for extent in entry["shape"])
            size, sizes = f"{entry['bytes']:,}", entry["size_from"]
            table.add_row(
                Text(entry["name"]), entry["dtype"], shape, size, entry["holds"], sizes
            )
        out.print(table)
        out.print()
        for place, value in audit["metadata"]:
            words = ", ".join(map(str, value)) if isinstance(value, list) else value
            out.print(Text(f"{place}: {words}"))
        out.print()
        for line in audit["from_training_data"]:
            out.print(Text("from the training data: ", style="cyan") + Text(line))
        for line in audit["unexplained"]:
            out.print(Text("unexplained: ", style="bold red") + Text(line))
        if not audit["unexplained"]:
            out.print(
                "[green]no training rows[/]: sizes depend on features, outputs and "
                "levels of categories only"
            )


def show_model(model, path, size, effects=None, top=20):
    """Print what is in an artifact."""
    with page() as out:
        _model_page(out, model, path, size, effects, top)


def _model_page(out, model, path, size, effects, top):
    meta = model.metadata
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    out.print(Text(str(path), style="bold") + Text(f"  sparse {KINDS_OF[model.link]}"))
    if model.n_outputs > 1:
        labels = ", ".join(map(str, model.output_labels()[:12]))
        more = ", …" if model.n_outputs > 12 else ""
        rows.add_row("outputs", escape(f"{model.n_outputs}: {labels}{more}"))
    elif model.link == "decision":
        rows.add_row("predicts", escape(" or ".join(map(repr, model.classes.tolist()))))
    elif model.classes is not None:
        negative, positive = model.classes.tolist()
        rows.add_row(
            "predicts", escape(f"the probability of {positive!r} over {negative!r}")
        )
    if "target" in meta:
        source = f" from {meta['file']}" if "file" in meta else ""
        rows.add_row("target", escape(f"{meta['target']}{source}"))
    if "data_sha256" in meta:
        rows.add_row("data sha256", meta["data_sha256"])
    if "train_rows" in meta:
        rows.add_row("rows", f"{meta['train_rows']:,} for training of {meta['rows']:,}")
    if "alpha" in meta:
        line = f"{meta['alpha']:.6g}"
        if meta.get("alpha_max"):
            line += f" = λ_max × {meta['alpha'] / meta['alpha_max']:.3g}"
        if "rule" in meta:
            line += (
                f", rule {meta['rule']}, {meta['folds']} folds {meta['split']}, "
                f"l1_ratio {meta['l1_ratio']:g}, seed {meta['seed']}"
            )
        rows.add_row("λ", line)
    if meta.get("gap") is not None and {"tol", "converged"} <= set(meta):
        rows.add_row("certificate", _certificate_line(meta))
    rows.add_row(
        "kept",
        _kept_line(
            {
                "kept": len(model.features),
                "features": meta.get("features", model.n_features),
                "columns_used": None,
            }
        ),
    )
    if model.columns is not None:
        used = model.required_features()
        rows.add_row("needs columns", escape(", ".join(used)) or "none")
    intercepts = np.atleast_1d(model.intercept)
    several = ", …" if len(intercepts) > 12 else ""
    intercepts = ", ".join(f"{value:.6g}" for value in intercepts[:12])
    rows.add_row("intercept", intercepts + several)
    if "quantization" in meta:
        rows.add_row("precision", _quantization_line(meta["quantization"], model.link))
    elif model.precision != "float64":
        rows.add_row("precision", model.precision)
    if "pruning" in meta:
        done = meta["pruning"]
        rows.add_row(
            "pruned", f"{done['kept']:,} of {done['features']:,} features left"
        )
    versions = [f"{name} {meta[name]}" for name in ("fastl1", "numpy") if name in meta]
    if "created" in meta:
        rows.add_row("created", ", ".join([meta["created"], *versions]))
    rows.add_row("size", _bytes(size))
    out.print(rows)
    out.print()
    if model.nnz:
        known = effects or {}
        coefficients = [
            {"feature": name, "coefficient": value, "effect": known.get(name)}
            for name, value in _named_coefficients(model)
        ]
        key = "effect" if effects else "coefficient"
        coefficients.sort(key=lambda entry: -abs(entry[key] or 0))
        task = "regression" if model.link == "identity" else "classification"
        _print_coefficients(out, coefficients, top, task)


def _named_coefficients(model):
    """(name, value) of every coefficient; with several outputs the output is named."""
    names, labels = model.kept_names(), model.output_labels()
    slots = np.repeat(np.arange(len(names)), np.diff(model.weights.indptr))
    outputs = model.outputs.tolist()
    for k, output, value in zip(
        slots.tolist(), outputs, model.values.tolist(), strict=True
    ):
        yield (
            names[k] if model.n_outputs == 1 else f"{names[k]} → {labels[output]}",
            value,
        )


def _quantization_line(done, link):
    change = "by a factor of up to 1 +" if link == "log" else "by at most"
    where = {
        "data": "within the ranges of the data given then",
        "given": "within the ranges given then",
        "unit": "per unit of the largest |feature|",
    }[done["ranges"]]
    return (
        f"{done['precision']}; predictions changed {change} {done['bound']:.3g} {where}"
    )


def _heading(report):
    kind = "sparse linear regression"
    if report["task"] == "classification":
        kind = "sparse logistic regression"
    name = report["data"]["file"].rpartition("/")[2]
    return Text("fastl1 fit ", style="bold") + Text(f"{name}: {kind}")


def _column_lines(columns):
    """One line per kind of column."""
    for kind, title in KINDS.items():
        members = [column for column in columns if column["kind"] == kind]
        if not members:
            continue
        words = []
        for column in members:
            extra = []
            if kind == "category":
                extra.append(f"{column['levels']} levels")
            if column["missing"]:
                extra.append(f"{column['missing']:,} missing")
            words.append(column["name"] + (f" ({', '.join(extra)})" if extra else ""))
        shown = ", ".join(words[:12])
        if len(words) > 12:
            shown += f", … ({len(words) - 12} more)"
        yield title, f"{len(members)}: {shown}"
    gaps = [
        c["name"]
        for c in columns
        if c["missing"] and c["kind"] in ("number", "boolean")
    ]
    if gaps:
        yield "missing", "filled with the training mean, with an indicator feature each"


def _target_line(task, target):
    if task == "regression":
        return (
            f"{target['name']}, mean {_number(target['mean'])}, standard deviation "
            f"{_number(target['std'])}"
        )
    return (
        f"{target['name']}, P({target['positive']!s}) against "
        f"{target['classes'][0]!s}; {target['positive_share']:.1%} "
        f"{target['positive']!s} in training"
    )


def _lambda_line(selection):
    line = f"{selection['lambda']:.4g}"
    if selection["lambda_max"]:
        line += f" = λ_max × {selection['lambda'] / selection['lambda_max']:.3g}"
    line += f", by {selection['folds']}-fold cross-validation, rule {selection['rule']}"
    if selection["l1_ratio"] != 1:
        line += f", l1_ratio {selection['l1_ratio']:g}"
    return line


def _certificate_line(certificate):
    gap, tol = certificate["gap"], certificate["tol"]
    if certificate["converged"]:
        return (
            f"[green]optimal[/] to a relative duality gap of {gap:.1e} "
            f"(tolerance {tol:.0e})"
        )
    return f"[red]not optimal[/]: relative duality gap {gap:.1e}, tolerance {tol:.0e}"


def _kept_line(model):
    kept, features = model["kept"], model["features"]
    line = f"[bold]{kept:,}[/] of {features:,} features"
    share, digits = 1 - kept / features, 1
    while kept and digits < 8 and float(f"{share:.{digits + 2}f}") == 1:
        digits += 1  # never 100 % when something is kept
    line += f" ({share:.{digits}%} are zero)"
    if model["columns_used"] is not None:
        n = len(model["columns_used"])
        line += f", from {n} column" + ("s" if n != 1 else "")
    return line


def _score_table(report):
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    scores = report["test"]
    table.add_column(f"on {scores['rows']:,} test rows", no_wrap=True)
    for name in ("this model", "ridge", "null model", "vs ridge", "vs null"):
        table.add_column(name, justify="right")
    table.add_row(
        "features",
        f"{report['model']['kept']:,}",
        f"{report['ridge']['kept']:,}",
        "0",
        "",
        "",
        style="dim",
    )
    for metric, (title, larger) in METRICS[report["task"]].items():
        cells = [_number(scores[name][metric]) for name in ("model", "ridge", "null")]
        deltas = [
            _delta(scores["delta"][name][metric], scores[name][metric], larger)
            for name in ("ridge", "null")
        ]
        table.add_row(title, *cells, *deltas)
    return table


def _delta(value, base, larger):
    """A difference, green if it is an improvement."""
    if value is None:
        return "–"
    text = f"{value:+.4g}"
    if not larger and base:
        text = f"{value / abs(base):+.1%}"
    if abs(value) < 1e-12:
        return text
    return Text(text, style="green" if (value > 0) == larger else "red")


def _print_coefficients(out, coefficients, top, task):
    has_effect = any(c["effect"] is not None for c in coefficients)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    # the other columns take 45
    name = min(60, max(20, out.width - 45))
    table.add_column("feature", overflow="ellipsis", no_wrap=True, max_width=name)
    table.add_column("coefficient", justify="right", no_wrap=True)
    if has_effect:
        what = "log-odds" if task == "classification" else "target"
        table.add_column(f"{what}/std", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        largest = max(abs(c["effect"] or 0) for c in coefficients) or 1.0
    for entry in coefficients[:top]:
        style = "green" if entry["coefficient"] > 0 else "red"
        cells = [
            Text(entry["feature"]),
            Text(f"{entry['coefficient']:+.4g}", style=style),
        ]
        if has_effect:
            effect = entry["effect"] or 0.0
            bar = "▇" * max(1, round(12 * abs(effect) / largest))
            cells += [Text(f"{effect:+.4g}", style=style), Text(bar, style=style)]
        table.add_row(*cells)
    if len(coefficients) > top:
        table.add_row(Text(f"… {len(coefficients) - top} more", style="dim"))
    out.print(table)
    if has_effect:
        words = f"{what}/std: change per standard deviation of the feature"
        out.print(words, style="dim")


def _number(value):
    if value is None:
        return "–"
    return f"{value:.4g}" if not 1e4 <= abs(value) < 1e15 else f"{value:,.0f}"


def _bytes(size):
    for unit in ("bytes", "kB", "MB"):
        if size < 1000 or unit == "MB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
