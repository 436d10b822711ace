"""The command: choose tasks and peers, run each solver in its own process, report."""

import argparse
import json
import os
import platform
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from . import report, tasks
from .data import DataMissing, prepare
from .envs import ENVS, HERE, EnvMissing, interpreter
from .solvers import PEERS

FOLDER = Path(__file__).resolve().parent
STARTUP = 60.0  # seconds for imports and reading data, and again for compilation


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Time fastl1 and its peers to an equal, certified duality gap.",
    )
    add = parser.add_argument
    add("--tasks", nargs="+", default=[], metavar="PATTERN", help="e.g. 'lasso-wide-*'")
    add("--peers", nargs="+", metavar="NAME", help="default: all")
    add("--threads", nargs="+", type=int, default=[2], metavar="N")
    add(
        "--budget", type=float, default=30.0, help="seconds of fits per solver and task"
    )
    add("--gaps", nargs="+", type=float, default=[1e-4, 1e-6, 1e-9], metavar="GAP")
    add("--work", type=Path, default=FOLDER, help="folder of envs/ and data/")
    add("--out", type=Path, default=FOLDER / "results", help="folder of the results")
    add(
        "--here", action="store_true", help="no environments: this Python for all peers"
    )
    add(
        "--resume",
        action="store_true",
        help="keep results in --out, run what is missing",
    )
    add("--report", action="store_true", help="only report what is in --out")
    add("--setup", action="store_true", help="only make environments and data")
    add("--list", action="store_true", help="name tasks and peers")
    args = parser.parse_args(argv)
    unknown = sorted(set(args.peers or []) - set(PEERS))
    if unknown:
        parser.error(f"unknown peer {', '.join(unknown)}; --list names them")
    if not args.budget > 0 or min(args.threads) < 1 or not min(args.gaps) > 0:
        parser.error("--budget, --threads and --gaps must be positive")
    args.gaps = sorted(args.gaps, reverse=True)
    return args


def main(argv=None):
    args = parse(argv)
    chosen = tasks.select(args.tasks)
    peers = args.peers or list(PEERS)
    if args.list:
        print("tasks:", *(t.name for t in chosen), sep="\n  ")
        print("peers:", *peers, sep="\n  ")
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    log = args.out / "results.jsonl"
    if not args.report:
        pythons = find_pythons(peers, args)
        folders = find_data(chosen, args)
        if args.setup:
            return 0
        if not args.resume:
            log.unlink(missing_ok=True)
        measure(plan(chosen, peers, pythons, folders, args), pythons, log)
    records = report.read(log)
    if not records:
        print(f"nothing measured: {log} is empty", file=sys.stderr)
        return 1
    print(report.write(records, args.out))
    return 0


def find_pythons(peers, args):
    """Interpreter per environment; one that cannot be had is said and left out."""
    pythons = {}
    for env in dict.fromkeys(PEERS[name].env for name in peers):
        try:
            use = HERE if args.here and env in ENVS else env
            pythons[env] = interpreter(use, args.work.resolve() / "envs")
        except EnvMissing as why:
            names = [n for n in peers if PEERS[n].env == env]
            print(f"skipped {', '.join(names)}: {why}", flush=True)
    return pythons


def find_data(chosen, args):
    """Folder per data set; one that cannot be had is said and left out."""
    folders = {}
    for name in dict.fromkeys(task.data for task in chosen):
        try:
            folders[name] = prepare(name, args.work.resolve() / "data")
        except DataMissing as why:
            print(f"skipped data {name}: {why}", flush=True)
    return folders


def plan(chosen, peers, pythons, folders, args):
    """Configuration of every worker that is asked for and can run here."""
    for task in chosen:
        if task.data not in folders:
            continue
        folder = folders[task.data]
        sparse, shape = describe(folder)
        able = [n for n in peers if PEERS[n].env in pythons]
        able = [n for n in able if PEERS[n].does(task, sparse, shape)]
        for threads in args.threads:
            for name in able:
                yield {
                    "task": task.name,
                    "peer": name,
                    "n_threads": threads,
                    "folder": str(folder),
                    "gaps": args.gaps,
                    "budget": args.budget,
                }


def measure(configs, pythons, log):
    """Run the workers, one process at a time, appending to ``log``."""
    done = {(r["task"], r["peer"], r["threads"]) for r in report.read(log)}
    for config in configs:
        key = config["task"], config["peer"], config["n_threads"]
        if key in done:
            continue
        runs, note = run_worker(pythons[PEERS[config["peer"]].env], config)
        record = {
            "task": config["task"],
            "peer": config["peer"],
            "threads": config["n_threads"],
            "budget": config["budget"],
            "gaps": config["gaps"],
            "note": note,
            "runs": runs,
            "machine": machine(),
        }
        with log.open("a") as f:
            f.write(json.dumps(record) + "\n")
        print(report.line(record), flush=True)


def describe(folder):
    """``(sparse, shape)`` of a prepared data set, without reading it."""
    if (folder / "X.npy").exists():
        return False, np.load(folder / "X.npy", mmap_mode="r").shape
    return True, tuple(int(v) for v in np.load(folder / "shape.npy"))


def run_worker(python, config):
    """``(results, note)`` of one worker; note is None when its sweep came to an end."""
    threads = str(config["n_threads"])
    pools = ("OMP", "OPENBLAS", "MKL", "NUMBA")
    env = os.environ | {f"{pool}_NUM_THREADS": threads for pool in pools}
    env["PYTHONWARNINGS"] = "ignore"
    runs, note = [], None
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [python, "-P", str(FOLDER / "worker.py"), json.dumps(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=env,
            start_new_session=True,  # so that a solver's own children end with it
        )
        try:
            note = listen(process.stdout, runs, config["budget"])
        except BaseException:
            stop(process)
            raise
        if note is not None:
            stop(process)
        status = process.wait()
        process.stdout.close()
        if note is None and status:
            errors.seek(0)
            tail = errors.read().decode(errors="replace").strip().splitlines()[-1:]
            note = f"status {status}: {' '.join(tail)[:200]}"
    return runs, note


def stop(process):
    """End a worker and what it started (it leads a session of its own)."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def listen(stream, runs, budget):
    """Collect results until the stream ends; a note when one step takes too long."""
    limits = {
        "start": STARTUP,
        "warm-up": budget + STARTUP,
        "fit": budget,
        "judge": 300,
    }
    buffer, phase, since = b"", "start", time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=0.5):
                chunk = os.read(stream.fileno(), 1 << 16)
                if not chunk:
                    return None
                *lines, buffer = (buffer + chunk).split(b"\n")
                for text in lines:
                    record = json.loads(text)
                    event = record.pop("event")
                    if event == "result":
                        runs.append(record)
                    else:
                        phase, since = event, time.monotonic()
            elif time.monotonic() - since > limits[phase]:
                return f"stopped after {limits[phase]:.0f} s of one {phase}"


def machine():
    """What a figure depends on."""
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = text.split("model name", 1)[1].split(":", 1)[1].split("\n", 1)[0].strip()
    except (OSError, IndexError):
        pass
    try:
        ours = version("fastl1")
    except PackageNotFoundError:
        ours = None
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "fastl1": ours,
        "when": time.strftime("%Y-%m-%d"),
    }
