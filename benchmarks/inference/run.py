"""The command: a process for each task, then one table."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from .peers import environment, versions
from .tasks import TASKS

SIGNS = {"<=": "≤", ">=": "≥"}


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inference",
        description="Time prediction beside its peers, with the bytes it moves.",
    )
    add = parser.add_argument
    add("tasks", nargs="*", metavar="TASK", help=f"of {', '.join(TASKS)}; default all")
    add("--threads", type=int, default=2, metavar="N")
    add("--quick", action="store_true", help="small data: a trial, not a measurement")
    add("--out", type=Path, metavar="FILE", help="write the figures as JSON, too")
    add("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    unknown = sorted(set(args.tasks) - set(TASKS))
    if unknown or args.threads < 1:
        parser.error(f"no task {unknown}" if unknown else "--threads must be positive")
    if args.worker:
        for figure in TASKS[args.tasks[0]](args.threads, args.quick):
            print(json.dumps(figure), flush=True)
        return 0
    print(heading(), flush=True)
    figures = []
    for task in args.tasks or TASKS:
        for figure in work(task, args):
            figures.append(figure)
            print("\n".join(lines(figure)), flush=True)
    if args.out:
        report = {"versions": versions(), "threads": args.threads, "figures": figures}
        args.out.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def work(task, args):
    """Figures of a task, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.inference", task, "--worker"]
    command += ["--threads", str(args.threads), *(["--quick"] if args.quick else [])]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(args.threads)
    )
    with process:
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        sys.exit(f"task {task} ended with status {process.returncode}")


def heading():
    found = [f"{name} {number}" for name, number in versions().items() if number]
    missing = [name for name, number in versions().items() if not number]
    text = f"{time.strftime('%Y-%m-%d %H:%M')}, {platform.machine()}, "
    text += f"load {os.getloadavg()[0]:.1f}\n{', '.join(found)}"
    return text + (f"\nnot installed: {', '.join(missing)}" if missing else "")


def lines(figure):
    """A figure as text."""
    yield f"\n{figure['figure']}"
    tails = figure.get("p99", {})
    rows = {"fastl1": figure["ours"], **figure["peers"]}
    for k, (name, value) in enumerate(rows.items()):
        tail = tails.get(name if k else next(iter(tails), None))
        more = f" ({number(tail)})" if tail is not None else ""
        yield f"  {name:<28} {number(value):>10}{more} {figure['unit']}"
    moved = f"  bytes moved {number(figure['bytes'])}"
    speed = figure["GBs"]
    yield moved + (f", {speed:.1f} GB/s" if speed is not None else "")
    for what, bound, value, sign in figure["must"]:
        if bound is None:
            yield f"  {number(value)} {what}"
            continue
        holds = value >= bound if sign == ">=" else value <= bound
        yield (
            f"  {'met ' if holds else 'SHORT'} {number(value)} {what} "
            f"(must be {SIGNS[sign]} {bound:g})"
        )


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
