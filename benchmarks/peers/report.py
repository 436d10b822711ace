"""From results.jsonl to tables (Markdown), results.json and a plot."""

import json
import math
from collections import defaultdict

OURS = "fastl1"
LEAST_GAP = 1e-12  # smaller ones, down to rounding, are drawn here


def read(log):
    """Records of a results file; a later one replaces an earlier one of its run."""
    if not log.exists():
        return []
    records = {}
    for text in log.read_text().splitlines():
        record = json.loads(text)
        records[record["task"], record["threads"], record["peer"]] = record
    return list(records.values())


def label(gap):
    """1e-4 rather than 0.0001."""
    return f"{gap:.0e}".replace("e-0", "e-")


def seconds_to(record, gap):
    """Least time of a fit whose certified gap is at most ``gap``, or None."""
    return min((r["seconds"] for r in record["runs"] if r["gap"] <= gap), default=None)


def summarize(records):
    """One row per (task, threads): times per peer and gap, and best peer over fastl1.

    A solver that did not reach the gap counts with its budget: the ratio is a bound.
    """
    groups = defaultdict(list)
    for record in records:
        groups[record["task"], record["threads"]].append(record)
    rows = []
    for (task, threads), group in groups.items():
        gaps = group[0]["gaps"]
        row = {"task": task, "threads": threads, "budget": group[0]["budget"]}
        row["peers"] = {
            r["peer"]: {
                "seconds": {label(g): seconds_to(r, g) for g in gaps},
                "least_gap": min((run["gap"] for run in r["runs"]), default=None),
                "nnz": r["runs"][-1]["nnz"] if r["runs"] else None,
                "note": r["note"],
            }
            for r in group
        }
        row["best"] = {label(g): best_peer(row, label(g)) for g in gaps}
        rows.append(row)
    return rows


def best_peer(row, gap):
    """``{"peer", "seconds", "ratio", "bound"}`` at one gap, or None without peers."""
    times = {
        name: p["seconds"][gap] for name, p in row["peers"].items() if name != OURS
    }
    if not times:
        return None
    name = min(times, key=lambda n: math.inf if times[n] is None else times[n])
    best = {"peer": name, "seconds": times[name], "ratio": None, "bound": ""}
    if times[name] is None:
        best["peer"] = None
    if OURS in row["peers"]:
        ours = row["peers"][OURS]["seconds"][gap]
        if ours is None and times[name] is None:
            return best
        best["bound"] = "≥" if times[name] is None else "≤" if ours is None else ""
        budget = row["budget"]
        best["ratio"] = (times[name] or budget) / (ours or budget)
    return best


def write(records, out):
    """Write report.md, results.json and the plot to ``out``; returns the text."""
    rows = summarize(records)
    machine = records[0]["machine"]
    text = "\n".join(
        [
            "# fastl1 and its peers at equal certified gap",
            "",
            f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
            f"fastl1 {machine['fastl1']}, {machine['when']}. Seconds (median of the "
            "repeats) to a relative duality gap judged outside the solver; ≥: not "
            "reached in the budget, which counts. No intercept, float64.",
            "",
            *overview(rows),
            *(line for row in rows for line in detail(row)),
        ]
    )
    (out / "report.md").write_text(text + "\n")
    document = {"machine": machine, "tasks": rows, "records": records}
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    image = plot(records, out / "gap_against_time.png")
    return f"{text}\n\nWritten to {out}: report.md, results.json, {image}"


def overview(rows):
    """The table of ratios: one line per task and number of threads."""
    gaps = sorted({g for row in rows for g in row["best"]}, key=float, reverse=True)
    cells = [f"{g}: fastl1 | best peer | ratio" for g in gaps]
    lines = [
        "## Best peer / fastl1",
        "",
        f"| task | threads | {' | '.join(cells)} |",
        "|---" * (2 + 3 * len(gaps)) + "|",
    ]
    for row in rows:
        line = [row["task"], str(row["threads"])]
        for gap in gaps:
            best, ours = row["best"].get(gap), row["peers"].get(OURS)
            line.append(cell(ours and ours["seconds"].get(gap), row, ours))
            line.append(
                f"{best['peer'] or ''} {cell(best['seconds'], row)}" if best else ""
            )
            known = best and best["ratio"] is not None
            line.append(f"{best['bound']}{best['ratio']:.2g}" if known else "")
        lines.append(f"| {' | '.join(line)} |")
    return [*lines, ""]


def detail(row):
    """All solvers of one task."""
    gaps = list(row["best"])
    lines = [
        f"## {row['task']}, {row['threads']} threads",
        "",
        f"| solver | {' | '.join(gaps)} | least gap | nonzeros | note |",
        "|---" * (4 + len(gaps)) + "|",
    ]

    def order(item):
        times = [item[1]["seconds"][g] for g in gaps]
        return [math.inf if t is None else t for t in times[1::-1] + times]

    for name, peer in sorted(row["peers"].items(), key=order):
        times = [cell(peer["seconds"][g], row) for g in gaps]
        least = "" if peer["least_gap"] is None else f"{peer['least_gap']:.1e}"
        nnz = "" if peer["nnz"] is None else str(peer["nnz"])
        rest = [least, nnz, peer["note"] or ""]
        lines.append(f"| {' | '.join([name, *times, *rest])} |")
    return [*lines, ""]


def cell(seconds, row, present=True):
    """A time, or the budget marked as a bound; empty where nothing ran."""
    if not present:
        return ""
    return f"≥{row['budget']:g}" if seconds is None else f"{seconds:.3g}"


def line(record):
    """One line for the terminal while measuring."""
    times = [(label(g), seconds_to(record, g)) for g in record["gaps"]]
    shown = "  ".join(f"{g}: {cell(t, record):>7}" for g, t in times)
    note = f"  ({record['note']})" if record["note"] else ""
    head = f"{record['task']:24} {record['peer']:13} {record['threads']} threads"
    return f"{head}  {shown}{note}"


def plot(records, path):
    """Gap against time, a panel per task and number of threads; returns what to say."""
    try:
        import matplotlib
    except ImportError:
        return 'no plot (needs matplotlib: pip install "fastl1[bench]")'
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    panels = defaultdict(list)
    for record in records:
        panels[record["task"], record["threads"]].append(record)
    names = sorted({r["peer"] for r in records} - {OURS})
    styles = {
        name: {"color": f"C{i % 10}", "linestyle": "-" if i < 10 else "--"}
        for i, name in enumerate(names)
    }
    styles[OURS] = {"color": "black", "linewidth": 2.5, "zorder": 5}
    columns = min(4, len(panels))
    n_rows = math.ceil(len(panels) / columns)
    figure, axes = plt.subplots(
        n_rows, columns, figsize=(4.2 * columns, 3.4 * n_rows + 0.6), squeeze=False
    )
    lines = {}
    for axis, ((task, threads), group) in zip(axes.flat, panels.items(), strict=False):
        axis.set(xscale="log", yscale="log", title=f"{task}, {threads} threads")
        axis.set(xlabel="seconds", ylabel="certified relative gap")
        axis.grid(alpha=0.3)
        seconds = [r["seconds"] for record in group for r in record["runs"]]
        if seconds:  # whole decades, so that every panel has labels
            ends = (
                math.floor(math.log10(min(seconds))),
                math.ceil(math.log10(max(seconds))),
            )
            axis.set_xlim(10.0 ** ends[0], 10.0 ** max(ends[1], ends[0] + 1))
        axis.xaxis.set_minor_formatter(NullFormatter())
        for record in group:
            (lines[record["peer"]],) = axis.plot(
                [r["seconds"] for r in record["runs"]],
                [max(r["gap"], LEAST_GAP) for r in record["runs"]],
                marker=".",
                **styles[record["peer"]],
            )
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    figure.legend(lines.values(), lines.keys(), loc="lower center", ncols=8)
    figure.tight_layout(rect=(0, 0.6 / (3.4 * n_rows + 0.6), 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path.name
