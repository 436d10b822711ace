"""What the user sees of models: one, the way from one to another, every byte."""

import numpy as np
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
from fastl1.loss.links import LINKS
from fastl1.loss.losses import LOSSES
from fastl1.workflow.kinds import model_words


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
        table = plain_table()
        table.add_column("feature", overflow="ellipsis", no_wrap=True, max_width=50)
        if several:
            table.add_column("output")
        for title in ("before", "after"):
            table.add_column(title, justify="right")
        table.add_column("")
        for change in [*diff.intercepts, *diff.largest(top)]:
            ends = [number(end) if end else "–" for end in change[2:]]
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
        table = plain_table()
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
    loss, words = meta.get("loss"), LINKS[model.link].title
    if loss in LOSSES:
        words = model_words({"name": loss, **meta.get("loss_params", {})})
    out.print(Text(str(path), style="bold") + Text(f"  sparse {words}"))
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
    target = meta.get("target")
    if "survival" in meta:
        survival = meta["survival"]
        target = f"{survival['time']} until {survival['event']}"
        if "event_label" in survival:
            target += f" = {survival['event_label']}"
        rows.add_row("predicts", "the risk relative to the average row of the training")
    if target is not None:
        source = f" from {meta['file']}" if "file" in meta else ""
        rows.add_row("target", escape(f"{target}{source}"))
    for role in ("exposure", "offset"):
        if role in meta:
            rows.add_row(role, escape(meta[role]))
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
        rows.add_row("certificate", certificate_line(meta))
    rows.add_row(
        "kept",
        kept_line(
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
    rows.add_row("size", byte_size(size))
    out.print(rows)
    out.print()
    if model.nnz:
        coefficients = list(_coefficients(model, effects or {}))
        key = "effect" if effects else "coefficient"
        coefficients.sort(key=lambda entry: -abs(entry[key] or 0))
        link = LOSSES[loss].predictor if loss in LOSSES else "link"
        print_coefficients(out, coefficients, top, link)


def _coefficients(model, effects):
    """Every coefficient with its effect, and with several outputs its class."""
    names, labels = model.kept_names(), model.output_labels()
    slots = np.repeat(np.arange(len(names)), np.diff(model.weights.indptr))
    outputs = model.outputs.tolist()
    for k, output, value in zip(
        slots.tolist(), outputs, model.values.tolist(), strict=True
    ):
        several = {"class": labels[output]} if model.n_outputs > 1 else {}
        yield {
            "feature": names[k],
            **several,
            "coefficient": value,
            "effect": effects.get((names[k], several.get("class"))),
        }


def _quantization_line(done, link):
    change = "by a factor of up to 1 +" if link == "log" else "by at most"
    where = {
        "data": "within the ranges of the data given then",
        "given": "within the ranges given then",
        "std": "for numbers within 4 standard deviations of their means in training",
        "unit": "per unit of the largest |feature|",
    }[done["ranges"]]
    return (
        f"{done['precision']}; predictions changed {change} {done['bound']:.3g} {where}"
    )
