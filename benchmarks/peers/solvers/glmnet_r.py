"""R's glmnet in a process of its own (glmnet.R), which measures its own time."""

import atexit
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from ..data import store
from . import Timed, decades
from .glmnet_scale import glmnet_scale


def build(problem, covariance=False):
    scratch = tempfile.TemporaryDirectory()
    out = Path(scratch.name, "coefs")
    folder = problem.folder
    if folder is None:
        folder = Path(scratch.name, "data")
        store(folder, problem.X, problem.y)
    y = problem.y01 if problem.loss == "logistic" else problem.y
    np.save(Path(scratch.name, "y.npy"), np.asfortranarray(y))
    lambdas, alpha = glmnet_scale(problem, np.sqrt(np.mean(problem.y**2)))
    np.save(Path(scratch.name, "lambdas.npy"), lambdas)
    family = {"squared": "gaussian", "logistic": "binomial"}.get(
        problem.loss, problem.loss
    )
    script = str(Path(__file__).with_name("glmnet.R"))
    kind = "covariance" if covariance else "default"
    arguments = [folder, scratch.name, family, alpha, kind]
    process = subprocess.Popen(
        ["Rscript", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(scratch.cleanup)
    atexit.register(process.kill)

    def fit(tol):
        process.stdin.write(f"{tol:g}\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith("seconds "):
                return Timed(read(out), *map(float, line.split()[1:]))
        raise RuntimeError(f"Rscript ended with status {process.wait()}")

    def read(path):
        n_columns, nnz = np.fromfile(path, np.int32, 2)
        indptr = np.fromfile(path, np.int32, n_columns + 1, offset=8)
        start = 8 + 4 * (n_columns + 1)
        indices = np.fromfile(path, np.int32, nnz, offset=start)
        values = np.fromfile(path, np.float64, nnz, offset=start + 4 * nnz)
        outputs = len(np.unique(y)) if problem.loss == "multinomial" else 1
        shape = problem.X.shape[1] * outputs, n_columns
        return sp.csc_matrix((values, indices, indptr), shape=shape)

    return fit, decades(3, 20)
