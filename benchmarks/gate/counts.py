"""Instructions of fastl1's shared objects, by workload and function, at each level."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .workloads import WORKLOADS

HERE = Path(__file__).parent
LEVELS = ("baseline", "v3")  # valgrind knows no AVX-512
NEEDED = "valgrind is not installed (Debian, Ubuntu: apt-get install valgrind)"
VALGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
VALGRIND += ["--compress-strings=no", "--compress-pos=no"]


def toolchain():
    """What two counts must have in common to be compared; a name and a version each."""
    return {
        "gcc": _first_line("cc", "--version"),
        "valgrind": _first_line("valgrind", "--version"),
        "libc": " ".join(platform.libc_ver()),
        "processor": _processor(),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "scipy", "cython")},
        "scikit-learn": _version("scikit-learn"),
    }


def _first_line(*command):
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return found.stdout.splitlines()[0]


def _processor():
    """Its caches tell valgrind, and may tell a library, how to work."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def count(package, names=tuple(WORKLOADS), levels=LEVELS):
    """Counts of the build of fastl1 that lies in the folder `package`.

    Returns
    -------
    dict
        ``toolchain`` as above; ``counts``: instructions by level, workload and
        function; ``failed``: by level and workload, why one could not run.
    """
    package = Path(package).resolve()
    if not list(package.glob("fastl1/_runtime*.so")):
        raise SystemExit(f"{package} holds no built fastl1 (python setup.py build_ext)")
    with tempfile.TemporaryDirectory() as folder:
        stage = stage_package(package, Path(folder, "stage"))
        marks = _build_marks(folder)
        with ThreadPoolExecutor(min(len(levels), os.cpu_count() or 1)) as pool:
            found = pool.map(
                lambda level: _count_level(
                    stage, marks, package, level, names, Path(folder, level)
                ),
                levels,
            )
            found = dict(zip(levels, found, strict=True))
    return {
        "toolchain": toolchain(),
        "counts": {level: counts for level, (counts, _) in found.items()},
        "failed": {level: failed for level, (_, failed) in found.items()},
    }


def stage_package(package, stage):
    """A folder for PYTHONPATH with that build of fastl1 and these benchmarks only."""
    stage.mkdir()
    (stage / "fastl1").symlink_to(Path(package).resolve() / "fastl1")
    (stage / "benchmarks").symlink_to(HERE.parent)
    return stage


def environment(stage, level=None):
    """The same variables for every process, and no more: where the stack begins depends
    on their size, and with it the alignment of what lies there."""
    kept = ("PATH", "HOME", "LD_LIBRARY_PATH", "VALGRIND_LIB")
    fixed = {name: os.environ[name] for name in kept if name in os.environ}
    fixed |= {"PYTHONPATH": str(stage), "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    fixed |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return fixed | ({"FASTL1_ISA": level} if level else {})


def _build_marks(folder):
    target = Path(folder, "marks.so")
    command = ["cc", "-O1", "-shared", "-fPIC", HERE / "marks.c", "-o", target]
    subprocess.run(command, check=True)
    return target


def _count_level(stage, marks, package, level, names, folder):
    """(counts, failed) of one level, from a process of its own."""
    folder.mkdir()
    report = folder / "report.json"
    command = [*VALGRIND, f"--callgrind-out-file={folder / 'out'}", sys.executable]
    command += ["-P", "-m", "benchmarks.gate.worker", marks, report, *names]
    with open(folder / "log", "w+") as log:
        done = subprocess.run(
            command, stdout=log, stderr=log, cwd=folder, env=environment(stage, level)
        )
        log.seek(0)
        if done.returncode:
            tail = "".join(log.readlines()[-15:])
            raise SystemExit(f"the workloads at level {level} ended early:\n{tail}")
    report = json.loads(report.read_text())
    root = Path(report["package"])
    if root != (package / "fastl1").resolve():
        raise SystemExit(f"fastl1 came from {root}, not from {package}")
    counts = {}
    for file in folder.glob("out.*"):
        with open(file) as lines:
            name, functions = parse(lines, root)
        if name is not None:
            counts[name] = functions
    return {name: counts[name] for name in names if name in counts}, report["failed"]


def parse(lines, root):
    """(name of the dump, {function: instructions}) of callgrind's file, for the code of
    shared objects below the folder `root`.

    A line of costs belongs to the function and object named last; the one after
    ``calls=`` is the cost of what was called, which is counted where it ran.
    """
    name, function, ours, skip = None, None, False, False
    counts = Counter()
    for line in lines:
        if line[0].isdigit() or line[0] in "+-*":
            if ours and not skip:
                counts[function] += int(line.split()[1])
            skip = False
        elif line.startswith("fn="):
            function = short_name(line[3:].strip())
        elif line.startswith("ob="):
            path = Path(line[3:].strip())
            ours = path.suffix == ".so" and root in path.parents
        elif line.startswith("calls="):
            skip = True
        elif line.startswith("desc: Trigger: Client Request: "):
            name = line.split(": ", 3)[3].strip()
    return name, dict(counts.most_common())


def short_name(symbol):
    """A function's name as in the source, in whatever module it lies.

    Cython writes ``__pyx_f_6fastl1_7_design_design_xtv``: each package, module and
    class with its length in front. gcc appends ``.constprop.0``, ``._omp_fn.0`` and the
    like, and these count as the function they were made from.
    """
    symbol = re.sub(r"'\d+$", "", symbol)  # callgrind's mark of a recursion
    name = re.sub(r"(?<=\w)\..*", "", symbol)
    kind = re.match(r"__pyx_(f|fuse_\w*?|pf|pw)_(?=\d)", name)
    if kind is None:
        return name
    rest = name[kind.end() :]
    wrapper = kind[1] in ("pf", "pw")  # these have a running number before their name
    while part := re.match(r"\d+", rest):
        after = rest[part.end() + int(part[0]) :]
        if not after.startswith("_") or wrapper and not after[1:2].isdigit():
            break
        rest = after[1:]
    return rest.lstrip("0123456789")


def have_valgrind():
    return shutil.which("valgrind") is not None
