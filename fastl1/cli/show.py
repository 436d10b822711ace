"""What the user sees: pages and their parts (rich), progress on a terminal."""

import sys
from contextlib import contextmanager

from rich.console import Console
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

from fastl1.workflow.messages import FitDone, StageFinished, StageStarted

WIDTH = 100  # where the output is no terminal
STAGES = {"read": "reading", "fit": "final fit", "write": "writing"}


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
        self.tasks = {}
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

    def __call__(self, event):
        """Show an event of the application: what it is doing, how far it is."""
        if isinstance(event, StageStarted) and event.stage in STAGES:
            task = self.progress.add_task(STAGES[event.stage], total=None)
            self.tasks[event.stage] = task
        elif isinstance(event, StageFinished) and event.stage in STAGES:
            self.progress.remove_task(self.tasks.pop(event.stage))
        elif isinstance(event, FitDone):
            self._count(event)

    def _count(self, event):
        where = "" if event.fold is None else f", fold {event.fold + 1}"
        where += "" if event.alpha is None else f", λ = {event.alpha:.3g}"
        if event.what not in self.tasks:
            self.tasks[event.what] = self.progress.add_task(event.what)
        self.progress.update(
            self.tasks[event.what],
            completed=event.done,
            total=event.total,
            description=event.what + where,
        )
        if event.done == event.total:
            self.progress.update(self.tasks.pop(event.what), visible=False)

    @contextmanager
    def steps(self):
        """Callback that shows the word it gets."""
        task = self.progress.add_task("", total=None)
        try:
            yield lambda step: self.progress.update(task, description=step)
        finally:
            self.progress.remove_task(task)


def certificate_line(certificate):
    """How far from the optimum a model is proved to be."""
    gap, tol = certificate["gap"], certificate["tol"]
    if certificate["converged"]:
        return (
            f"[green]optimal[/] to a relative duality gap of {gap:.1e} "
            f"(tolerance {tol:.0e})"
        )
    return f"[red]not optimal[/]: relative duality gap {gap:.1e}, tolerance {tol:.0e}"


def kept_line(model):
    """How many features have a coefficient."""
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


def print_coefficients(out, coefficients, top, link):
    """The first coefficients, and where effects are known their bars.

    Parameters
    ----------
    out : Console
    coefficients : list of dict
        Of "feature", "coefficient", "effect" (or None), and "class" if there are many.
    top : int
    link : str
        What the linear predictor is, in a word.
    """
    has_effect = any(c["effect"] is not None for c in coefficients)
    has_class = any("class" in c for c in coefficients)
    table = plain_table()
    # the other columns take 45
    name = min(60, max(20, out.width - 45 - 20 * has_class))
    table.add_column("feature", overflow="ellipsis", no_wrap=True, max_width=name)
    if has_class:
        table.add_column("class", overflow="ellipsis", no_wrap=True, max_width=18)
    table.add_column("coefficient", justify="right", no_wrap=True)
    if has_effect:
        table.add_column(f"{link}/std", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        largest = max(abs(c["effect"] or 0) for c in coefficients) or 1.0
    for entry in coefficients[:top]:
        style = "green" if entry["coefficient"] > 0 else "red"
        cells = [Text(entry["feature"])]
        if has_class:
            cells.append(Text(str(entry["class"])))
        cells.append(Text(f"{entry['coefficient']:+.4g}", style=style))
        if has_effect:
            effect = entry["effect"] or 0.0
            bar = "▇" * max(1, round(12 * abs(effect) / largest))
            cells += [Text(f"{effect:+.4g}", style=style), Text(bar, style=style)]
        table.add_row(*cells)
    if len(coefficients) > top:
        table.add_row(Text(f"… {len(coefficients) - top} more", style="dim"))
    out.print(table)
    if has_effect:
        words = f"{link}/std: change per standard deviation of the feature"
        out.print(words, style="dim")


def plain_table(*titles):
    """A table without lines; columns with a title, numbers on the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def number(value):
    """A number with four digits, or all those before the point."""
    if value is None:
        return "–"
    return f"{value:.4g}" if not 1e4 <= abs(value) < 1e15 else f"{value:,.0f}"


def byte_size(size):
    """A number of bytes in words."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000 or unit == "MB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
