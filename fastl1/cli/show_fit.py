"""What the user sees of a fit: the summary of its report."""

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from fastl1.cli.show import (
    byte_size,
    certificate_line,
    kept_line,
    number,
    page,
    plain_table,
    print_coefficients,
)
from fastl1.loss.losses import LOSSES
from fastl1.metrics.metrics import METRICS
from fastl1.workflow.kinds import model_words

SHOWN_CLASSES = 6  # in a line
SHOWN_CLASS_ROWS = 20  # in the table
COLUMN_KINDS = {
    "number": "numbers",
    "boolean": "true/false",
    "category": "categories",
    "hashed": "hashed",
    "constant": "no information",
}


def show_fit(report, top=15):
    """Print the readable summary of a fit."""
    with page() as out:
        _fit_page(out, report, top)


def _fit_page(out, report, top):
    data, selection = report["data"], report["selection"]
    model, kind = report["model"], LOSSES[report["loss"]["name"]]
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
    rows.add_row("target", escape(_target_line(report)))
    rows.add_row("λ", _lambda_line(selection))
    rows.add_row("certificate", certificate_line(report["certificate"]))
    rows.add_row("kept", kept_line(model))
    out.print(rows)
    for line in report["notes"]:
        out.print(Text("note: ", style="cyan") + Text(line))
    out.print()
    if report["test"] is not None:
        out.print(_score_table(report))
        for table in _calibration_tables(report):
            out.print()
            out.print(table)
        if "calibration" in report["test"]:
            out.print(
                "by tenths of the test rows, in the order of what is predicted",
                style="dim",
            )
    else:
        out.print(
            f"cross-validated {selection['score']}: {number(selection['cv_score'])} "
            f"± {number(selection['cv_standard_error'])}, ridge "
            f"{number(report['ridge']['cv_score'])}, null model "
            f"{number(selection['cv_null_score'])}"
        )
    out.print()
    if report["coefficients"]:
        print_coefficients(out, report["coefficients"], top, kind.predictor)
        out.print()
    for line in report["warnings"]:
        out.print(Text("warning: ", style="bold yellow") + Text(line))
    size = byte_size(model["bytes"])
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


def _heading(report):
    name = report["data"]["file"].rpartition("/")[2]
    return Text("fastl1 fit ", style="bold") + Text(
        f"{name}: sparse {model_words(report['loss'])}"
    )


def _column_lines(columns):
    """One line per kind of column."""
    for kind, title in COLUMN_KINDS.items():
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


def _target_line(report):
    target, options = report["target"], report["options"]
    if report["task"] == "survival":
        line = (
            f"{target['name']} until {options['event']}: {target['events']:,} events "
            f"in training ({target['event_share']:.1%} of rows), median time "
            f"{number(target['median_time'])}"
        )
        if options["entry"]:
            line += f", observed from {options['entry']}"
        if options["strata"]:
            line += f", {target['strata']} strata of {options['strata']}"
    elif report["task"] == "regression":
        line = (
            f"{target['name']}, mean {number(target['mean'])}, standard deviation "
            f"{number(target['std'])}"
        )
        if options["exposure"]:
            line += f"; {number(target['rate'])} per unit of {options['exposure']}"
    elif len(target["classes"]) == 2:
        negative, positive = target["classes"]
        line = (
            f"{target['name']}, {positive!s} against {negative!s}; "
            f"{target['positive_share']:.1%} {positive!s} in training"
        )
    else:
        pairs = zip(target["counts"], target["classes"], strict=True)
        total = sum(target["counts"])
        largest = sorted(pairs, key=lambda pair: -pair[0])[:SHOWN_CLASSES]
        line = f"{target['name']}, {len(target['classes'])} classes: " + ", ".join(
            f"{label!s} ({count / total:.1%})" for count, label in largest
        )
        line += ", …" if len(target["classes"]) > SHOWN_CLASSES else ""
    if options["offset"]:
        line += f"; offset {options['offset']}"
    return line


def _lambda_line(selection):
    line = f"{selection['lambda']:.4g}"
    if selection["lambda_max"]:
        line += f" = λ_max × {selection['lambda'] / selection['lambda_max']:.3g}"
    line += f", by {selection['folds']}-fold cross-validation, rule {selection['rule']}"
    if selection["l1_ratio"] != 1:
        line += f", l1_ratio {selection['l1_ratio']:g}"
    return line


def _score_table(report):
    table = plain_table()
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
    for metric in LOSSES[report["loss"]["name"]].metrics:
        title, larger = METRICS[metric].title, METRICS[metric].larger
        if metric == "coverage":
            title += f" (aim: {report['loss']['q']:g})"
        cells = [number(scores[name][metric]) for name in ("model", "ridge", "null")]
        deltas = [
            _delta(scores["delta"][name][metric], scores[name][metric], larger)
            for name in ("ridge", "null")
        ]
        table.add_row(title, *cells, *deltas)
    return table


def _calibration_tables(report):
    """Predictions beside observations, where the loss has a scale."""
    scores = report["test"]
    parts = scores.get("calibration")
    if parts and report["task"] == "classification":
        positive = report["target"]["classes"][1]
        table = plain_table("rows", f"predicted P({positive!s})", "observed share")
        for part in parts:
            table.add_row(
                f"{part['rows']:,}",
                f"{part['predicted']:.3f}",
                f"{part['observed']:.3f}",
            )
        yield table
    elif parts:
        exposed = report["options"]["exposure"] is not None
        titles = ("exposure",) if exposed else ()
        ends = ("predicted rate", "observed rate") if exposed else ("mean", "observed")
        table = plain_table(
            *("rows", *titles, "predicted sum", "observed sum", "ratio", *ends)
        )
        for part in parts:
            sums = part["predicted_sum"], part["observed_sum"]
            cells = (number(part["exposure"]),) if exposed else ()
            table.add_row(
                f"{part['rows']:,}",
                *cells,
                *map(number, sums),
                f"{sums[0] / sums[1]:.3f}" if sums[1] > 0 else "–",
                number(part["predicted"]),
                number(part["observed"]),
            )
        yield table
    if "by_class" in scores:
        yield _class_table(scores["by_class"])


def _class_table(classes):
    table = plain_table()
    table.add_column("class", overflow="ellipsis", no_wrap=True, max_width=40)
    for title in ("rows", "predicted", "expected", "recall", "AUC"):
        table.add_column(title, justify="right")
    for entry in sorted(classes, key=lambda e: -e["rows"])[:SHOWN_CLASS_ROWS]:
        table.add_row(
            Text(str(entry["class"])),
            f"{entry['rows']:,.0f}",
            f"{entry['predicted']:,.0f}",
            f"{entry['expected']:,.1f}",
            number(entry["recall"]),
            number(entry["auc"]),
        )
    if len(classes) > SHOWN_CLASS_ROWS:
        table.add_row(Text(f"… {len(classes) - SHOWN_CLASS_ROWS} more", style="dim"))
    return table


def _delta(value, base, larger):
    """A difference, green if it is an improvement."""
    if larger is None:
        return ""
    if value is None:
        return "–"
    text = f"{value:+.4g}"
    if not larger and base:
        text = f"{value / abs(base):+.1%}"
    if abs(value) < 1e-12:
        return text
    return Text(text, style="green" if (value > 0) == larger else "red")
