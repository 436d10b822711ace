"""Virtual environments of the peers: several, because their pins conflict."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

# name -> pip's arguments, one list per call
ENVS = {
    "sklearn": [
        [
            "scikit-learn==1.9.1",
            "celer==0.7.4",
            "skglm==0.5",
            "liblinear-official==2.50.0",
        ]
    ],
    "adelie": [["adelie==1.1.52", "numpy<2", "scipy"]],
    "skein": [["skein-glm==1.0.0", "numpy", "scipy"]],
    "glum": [["glum==3.4.1", "numpy", "scipy"]],
    "sksurv": [["scikit-survival==0.28.0", "numpy", "scipy"]],
    # builds Fortran with numpy.distutils: needs gfortran
    "glmnet-py": [
        ["setuptools==59.8.0", "wheel", "numpy<2", "scipy", "scikit-learn", "joblib"],
        ["--no-build-isolation", "glmnet==2.2.1"],
    ],
}
HERE = "here"  # the interpreter that runs the benchmark, where fastl1 is installed
R = "r"  # R's glmnet from the system, driven by the interpreter that runs the benchmark
R_GLMNET = ["Rscript", "-e", "suppressMessages(library(glmnet))"]


class EnvMissing(Exception):
    """A peer's environment cannot be had here; the message says why."""


def interpreter(name, root):
    """Python of environment ``name`` below ``root``, built if missing or outdated."""
    if name == HERE:
        return sys.executable
    if name == R:
        if (
            not shutil.which("Rscript")
            or subprocess.run(R_GLMNET, capture_output=True).returncode
        ):
            raise EnvMissing("R with the package glmnet (Debian: r-cran-glmnet)")
        return sys.executable
    folder = Path(root, name)
    python = folder / "bin" / "python"
    stamp = folder / "requirements.sha256"
    digest = hashlib.sha256(json.dumps(ENVS[name]).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"installing the peers of environment {name} ...", flush=True)
        steps = [[sys.executable, "-m", "venv", str(folder)]]
        steps += [
            [str(python), "-m", "pip", "install", "--quiet", *arguments]
            for arguments in ENVS[name]
        ]
        for step in steps:
            done = subprocess.run(step, capture_output=True, text=True)
            if done.returncode:
                why = (done.stderr.strip() or "no message").splitlines()[-1]
                raise EnvMissing(f"environment {name} did not install: {why}")
        stamp.write_text(digest)
    return str(python)
