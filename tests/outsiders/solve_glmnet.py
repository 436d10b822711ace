"""glmnet's solutions of `GLMNET`: ``python tests/outsiders/solve_glmnet.py``.

It needs R with the packages glmnet and survival (Debian: r-cran-glmnet) and nothing of
fastl1.  glmnet minimizes

    mean loss + lambda k sum_j factor_j (a |w_j| + (1 - a) / (2 s) w_j^2)

where s is the standard deviation of y for the gaussian family, else 1; k makes the
factors sum to the number of columns, an excluded column counting 1.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from cases import GLMNET
from fixtures import Solutions

FAMILIES = {"squared": "gaussian", "logistic": "binomial"}
ARRAYS = {"sample_weight": "weights", "strata": "strata", "offset": "offset"}


def spread(case):
    """s of the module."""
    if case.loss != "squared":
        return 1.0
    y, weight = case.rows[1], case.options.get("sample_weight")
    r = y - case.options.get("offset", 0.0)
    return np.sqrt(np.average((r - np.average(r, weights=weight)) ** 2, weights=weight))


def factor_scale(case):
    """k of the module."""
    p = case.rows[0].shape[1]
    factors = case.options.get("penalty_factor", np.ones(p))
    return p / np.where(np.isinf(factors), 1.0, factors).sum()


def penalty(case):
    """glmnet's ``(lambda, alpha)`` for the alphas of a case."""
    l1_ratio = case.options.get("l1_ratio", 1.0)
    scaled = case.alphas / factor_scale(case)
    l1, l2 = scaled * l1_ratio, scaled * (1 - l1_ratio) * spread(case)
    return l1 + l2, (l1 / (l1 + l2))[0]


def write(case, folder):
    """The text files that glmnet.R reads."""
    folder.mkdir()
    (X, y), options, loss = case.rows, case.options, case.loss
    parts = {"X": X, "y": y, "lambda": penalty(case)[0]}
    parts |= {ARRAYS[key]: options[key] for key in ARRAYS if key in options}
    for key in ("penalty_factor", "lower", "upper"):
        if key in options:
            parts[key] = np.broadcast_to(options[key], X.shape[1])
    for name, values in parts.items():
        np.savetxt(folder / f"{name}.txt", values, fmt="%.17g")
    standardize = options.get("standardize", False)
    intercept = options.get("fit_intercept", loss != "cox")
    settings = [FAMILIES.get(loss, loss), penalty(case)[1], standardize, intercept]
    (folder / "settings.txt").write_text(" ".join(map(str, settings)))


def main():
    with tempfile.TemporaryDirectory() as root:
        for name, case in GLMNET.items():
            write(case, Path(root, name))
        script = str(Path(__file__).with_name("glmnet.R"))
        subprocess.run(["Rscript", script, root], check=True)
        versions = Path(root, "versions.txt").read_text().split()
        found = Solutions(dict(zip(versions[::2], versions[1::2], strict=True)))
        for name, case in GLMNET.items():
            folder = Path(root, name)
            intercepts = folder / "intercepts.txt"
            found.add(
                name,
                case,
                np.loadtxt(folder / "coefs.txt", ndmin=2),
                np.loadtxt(intercepts) if intercepts.exists() else None,
            )
        found.save("glmnet")


if __name__ == "__main__":
    sys.exit(main())
