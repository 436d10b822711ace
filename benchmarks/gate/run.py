"""The command: count, compare, both for a commit and this tree, and seconds."""

import argparse
import json
import sys
from pathlib import Path

from . import builds, wall
from .compare import LIMIT, compare
from .counts import LEVELS, NEEDED, count, have_valgrind
from .workloads import WORKLOADS


def main(argv=None):
    args = make_parser().parse_args(argv)
    return args.run(args)


def make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate",
        description="Does fastl1 execute more instructions than it did?",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    limit = argparse.ArgumentParser(add_help=False)
    limit.add_argument(
        "--limit", type=float, default=LIMIT, metavar="PERCENT",
        help="what a workload may rise by (default %(default)s)",
    )  # fmt: skip

    one = commands.add_parser("count", help="count a build")
    one.add_argument("--package", type=Path, required=True, metavar="DIR",
                     help="folder that holds a built fastl1")  # fmt: skip
    one.add_argument("--out", type=Path, required=True, metavar="FILE")
    one.add_argument("--workloads", nargs="+", choices=WORKLOADS, metavar="NAME",
                     default=list(WORKLOADS),
                     help=f"of {', '.join(WORKLOADS)}; default all")  # fmt: skip
    one.add_argument("--levels", nargs="+", choices=LEVELS, default=LEVELS)
    one.set_defaults(run=count_one)

    two = commands.add_parser("compare", parents=[limit], help="compare two counts")
    two.add_argument("base", type=Path)
    two.add_argument("head", type=Path)
    two.set_defaults(run=compare_two)

    both = commands.add_parser("run", parents=[limit], help="a commit and this tree")
    both.add_argument("--base", default="HEAD^", metavar="REV",
                      help="default %(default)s")  # fmt: skip
    both.set_defaults(run=run_both)

    seconds = commands.add_parser("wall", help="seconds of two builds, taking turns")
    seconds.add_argument("--base", type=Path, required=True, metavar="DIR")
    seconds.add_argument("--head", type=Path, required=True, metavar="DIR")
    seconds.add_argument("--rounds", type=int, default=9, metavar="N")
    seconds.add_argument("--tasks", nargs="+", choices=wall.TASKS, metavar="NAME",
                         default=list(wall.TASKS),
                         help=f"of {', '.join(wall.TASKS)}; default all")  # fmt: skip
    seconds.set_defaults(run=wall.compare_seconds)
    return parser


def count_one(args):
    if not have_valgrind():
        raise SystemExit(NEEDED)
    found = count(args.package, args.workloads, args.levels)
    args.out.write_text(json.dumps(found, indent=1) + "\n")
    failed = [
        f"{name} at {level} does not run: {why}"
        for level, reasons in found["failed"].items()
        for name, why in reasons.items()
    ]
    print(*failed, sep="\n", end="\n" if failed else "", file=sys.stderr)
    return 1 if failed else 0


def compare_two(args):
    base, head = (json.loads(path.read_text()) for path in (args.base, args.head))
    return tell(base, head, args.limit)


def run_both(args):
    if not have_valgrind():
        print(f"SKIPPED: the gate did not run, {NEEDED}")
        return 0
    base = builds.count_commit(args.base)
    head = count(builds.build_here())
    return tell(base, head, args.limit)


def tell(base, head, limit):
    """Print the comparison; the status of the command."""
    report, failed = compare(base, head, limit)
    print(*report, sep="\n")
    if failed:
        print(f"FAILED: above {limit} % or gone: {', '.join(failed)}")
    return 1 if failed else 0
