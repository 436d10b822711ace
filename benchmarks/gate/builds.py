"""Builds of fastl1: of this tree in place, of a commit under build/gate/."""

import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile

from .counts import HERE, count, toolchain

ROOT = HERE.parents[1]
STORE = ROOT / "build" / "gate"


def build_here():
    """Compile what changed in the working tree; its folder."""
    _compile(ROOT)
    return ROOT


def build_commit(revision):
    """The folder of a commit's build, which is made once for a toolchain."""
    commit = _git("rev-parse", f"{revision}^{{commit}}").decode().strip()
    folder = STORE / f"{commit[:12]}-{_key(toolchain())}"
    done = folder / "built"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"building {commit[:12]} in {folder} ...", flush=True)
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as archive:
            archive.extractall(folder, filter="data")
        _compile(folder)
        done.touch()
    return folder


def count_commit(revision):
    """Counts of a commit's build, kept until a workload or the toolchain changes."""
    folder = build_commit(revision)
    sources = [HERE / name for name in ("workloads.py", "worker.py", "counts.py")]
    stored = folder / f"counts-{_key([file.read_text() for file in sources])}.json"
    if not stored.exists():
        stored.write_text(json.dumps(count(folder)))
    return json.loads(stored.read_text())


def _key(value):
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def _git(*arguments):
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.decode().strip()}")
    return done.stdout


def _compile(folder):
    command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        print(done.stdout[-3000:], file=sys.stderr)
        raise SystemExit(f"the build in {folder} failed")
