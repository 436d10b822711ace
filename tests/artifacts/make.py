"""Store one pickle or more of every public class, model files, and what they answer.

    python tests/artifacts/make.py

Run once for a release, by the fastl1 of that release, in the folder of its sources; it
writes ``tests/artifacts/VERSION`` beside itself, which is never written again.
`tests/test_stored.py` loads the files with all later versions.  What is in the folder:

``NAME.pkl``
    Pickles.
``NAME.fl1``, ``.sig``, ``.enc``, ``.pub``, ``.key``
    Model files, a signature and an encrypted copy, with keys that serve nothing else.
``expected.json``
    What wrote them (``version``), the public ``classes`` of that version, and of every
    file what `stored.answers` says.
"""

import csv
import json
import os
import pickle
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy
import sklearn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from fastl1.columns import ColumnTreatment  # noqa: E402
from stored import NAMES, PROBES, TABLE, answers, write_answers  # noqa: E402

import fastl1  # noqa: E402
from fastl1 import _estimators, seal  # noqa: E402
from fastl1.cli import app  # noqa: E402

N = 60
RNG = np.random.default_rng(20261130)
X = RNG.integers(-16, 17, (N, 6)) / 8
FRAME = pd.DataFrame(X, columns=NAMES)
ETA = 0.25 + X @ np.array([1.0, -0.5, 0.0, 0.0, 0.25, 0.0])
NOISE = RNG.standard_normal(N)
SQUARED = ETA + 0.5 * NOISE
COUNTS = RNG.poisson(np.exp(0.5 * ETA)).astype(float)
SIZES = np.exp(0.5 * ETA + 0.3 * NOISE)
TWO = np.where(ETA + NOISE > 0, "yes", "no")
THREE = np.array(["high", "low", "mid"])[np.digitize(ETA + 0.5 * NOISE, [-0.5, 1.0])]
SURVIVAL = np.c_[NOISE > -1.0, np.ceil(8 * np.exp(-ETA + 0.3 * NOISE))]
STRATA = np.arange(N) % 2
GRID = {"n_alphas": 5, "alpha_min_ratio": 0.02, "n_threads": 1}
LOSSES = {
    "squared": SQUARED,
    "logistic": TWO,
    "poisson": COUNTS,
    "gamma": SIZES,
    "tweedie": COUNTS,
    "squared_hinge": TWO,
    "huber": SQUARED,
    "quantile": SQUARED,
    "probit": TWO,
    "cloglog": TWO,
    "multinomial": THREE,
    "cox": SURVIVAL,
}


def estimators():
    """Estimators, fitted unless the name says otherwise."""
    f = fastl1
    yield "Lasso", f.Lasso(0.05).fit(X, SQUARED)
    yield "Lasso-unfitted", f.Lasso(0.25, positive=True)
    yield "Lasso-frame", f.Lasso(0.05).fit(FRAME, SQUARED)
    yield "Lasso-float32", f.Lasso(0.05).fit(X.astype(np.float32), SQUARED)
    yield "ElasticNet", f.ElasticNet(0.05, l1_ratio=0.5).fit(X, SQUARED)
    two = np.c_[SQUARED, -ETA]
    yield "ElasticNet-targets", f.ElasticNet(0.05).fit(X, two)
    yield "LassoCV", f.LassoCV(alphas=4, cv=3).fit(X, SQUARED)
    yield (
        "ElasticNetCV",
        f.ElasticNetCV(l1_ratio=[0.5, 1], alphas=4, cv=3).fit(X, SQUARED),
    )
    yield "LogisticRegression", f.LogisticRegression(C=0.5).fit(X, TWO)
    yield "LogisticRegression-three", f.LogisticRegression(C=0.5).fit(X, THREE)
    yield (
        "LogisticRegression-integers",
        f.LogisticRegression(C=0.5, class_weight="balanced").fit(X, (TWO == "yes") + 3),
    )
    search = {"Cs": [0.1, 1, 5], "cv": 3, "l1_ratios": [1.0]}
    search["scoring"] = "neg_log_loss"
    cv = f.LogisticRegressionCV(**search, use_legacy_attributes=False)
    yield "LogisticRegressionCV", cv.fit(X, TWO)
    cv = f.LogisticRegressionCV(**search, use_legacy_attributes=True)
    yield "LogisticRegressionCV-three", cv.fit(X, THREE)
    yield "PoissonRegressor", f.PoissonRegressor(alpha=0.05).fit(X, COUNTS)
    yield "GammaRegressor", f.GammaRegressor(alpha=0.05).fit(X, SIZES)
    yield "TweedieRegressor", f.TweedieRegressor(alpha=0.05).fit(X, COUNTS)
    yield "HuberRegressor", f.HuberRegressor(alpha=0.05).fit(X, SQUARED)
    yield "QuantileRegressor", f.QuantileRegressor(alpha=0.05).fit(X, SQUARED)
    yield "LinearSVC", f.LinearSVC().fit(X, TWO)
    yield "CoxPHRegressor", f.CoxPHRegressor(alpha=0.02).fit(X, SURVIVAL)
    cox = f.CoxPHRegressor(alpha=0.02, ties="efron")
    yield "CoxPHRegressor-strata", cox.fit(X, SURVIVAL, strata=STRATA)
    search = f.PathCV(f.PoissonRegressor(), alphas=4, cv=3)
    yield "PathCV", search.fit(X, COUNTS)
    search = f.PathCV(f.CoxPHRegressor(), alphas=4, cv=3, scoring="concordance")
    yield "PathCV-cox", search.fit(X, SURVIVAL)


def results():
    """Results of the functions."""
    f = fastl1
    for loss, y in LOSSES.items():
        yield f"PathResult-{loss}", f.path(X, y, loss=loss, **GRID)
    huber = f.path(FRAME, SQUARED, loss=f.Huber(0.5), **GRID)
    yield "PathResult-names", huber
    yield "PathResult-float32", f.path(X.astype(np.float32), SQUARED, **GRID)
    yield (
        "CVPathResult",
        f.cross_validate_path(X, TWO, loss="logistic", cv=2, return_oof=True, **GRID),
    )
    yield (
        "CVPathResult-ratios",
        f.cross_validate_path(X, SQUARED, l1_ratios=[0.5, 1], cv=2, **GRID),
    )
    targets = np.c_[SQUARED, ETA]
    yield "FitManyResult", f.fit_many(X, targets, alpha=0.05, n_threads=1)
    yield (
        "FitManyResult-three",
        f.fit_many(X, THREE[:, None], alpha=0.05, loss="multinomial", n_threads=1),
    )
    indptr = np.array([0, 20, 40, N])
    yield "FitRaggedResult", f.fit_ragged(X, SQUARED, indptr, alpha=0.05, n_threads=1)
    path = f.path(X, SQUARED, **GRID)
    yield "CriterionResult", f.information_criterion(path, X, SQUARED, kind="bic")
    yield "RelaxedResult", f.relaxed_path(path, X, SQUARED)
    seeds = {"n_threads": 1, "alphas": path.alphas}
    yield "BootstrapResult", f.bootstrap_path(X, SQUARED, n_bootstraps=9, **seeds)
    yield (
        "StabilityResult",
        f.stability_selection(X, SQUARED, n_subsamples=10, **seeds),
    )


def values():
    """Losses, models, what models make, and exceptions."""
    f = fastl1
    for loss in (
        *(f.Squared(), f.Logistic(), f.Poisson(), f.Gamma(), f.Tweedie(1.25)),
        *(f.SquaredHinge(), f.Huber(0.5), f.Quantile(0.9), f.Probit(), f.CLogLog()),
        f.Cox("efron"),
    ):
        yield type(loss).__name__, loss
    models = dict(model_files())
    for name in ("two", "three", "table"):
        yield f"SparseModel-{name}", models[name]
    yield "ColumnTreatment", models["table"].columns
    hashed = ColumnTreatment.learn(TABLE, hashed=["town"], hash_size=8)
    yield "ColumnTreatment-hashed", hashed
    for kind in ("link", "response", "class"):
        yield f"Predictor-{kind}", models["three"].predictor(kind)
    yield "Explanation", models["two"].explain(PROBES[:4] + PROBES[1:5], top=2)
    yield "WarmStart", f.warm_start_from(models["two"], ["size", "new", "age"])
    path = f.path(X, SQUARED, **GRID)
    cv = f.cross_validate_path(X, SQUARED, cv=2, **GRID)
    yield "Choice", cv.best_1se
    yield "FitInterrupted", f.FitInterrupted("stopped at alpha 5 of 9", path)
    yield "ConvergenceWarning", f.ConvergenceWarning("gap 1e-3 above tol 1e-4")
    yield "ModelFileError", f.ModelFileError("model: truncated")
    both = _estimators.ConvergenceWarning("Objective did not converge")
    yield "ConvergenceWarning-sklearn", both


def model_files():
    """Models as ``.fl1`` files: losses, names, precisions, a treatment of columns."""
    f = fastl1
    for loss, y in LOSSES.items():
        yield loss, f.path(X, y, loss=loss, **GRID).model(3)
    two = f.path(FRAME, TWO, loss="logistic", **GRID).model(3)
    three = f.path(FRAME, THREE, loss="multinomial", **GRID).model(3)
    yield "two", two
    yield "three", three
    for precision in ("float32", "float16", "int8", "int4"):
        yield f"two-{precision}", two.quantize(precision)
        yield f"three-{precision}", three.quantize(precision)
    yield "pruned", three.prune(max_features=2).trim(renumber=False)
    coef = np.array([[0.5, 0, -2.0, 0, 0, 1.0], [0, 0, 0, 4.0, 0, 0.25]])
    yield (
        "targets",
        f.SparseModel.from_coef(coef, [1.0, -0.5], output_names=["rent", "price"]),
    )
    yield "table", table_model()


def table_model():
    """What ``fastl1 fit`` writes of a file with numbers, gaps, text and truths."""
    count = 80
    rng = np.random.default_rng(7)
    size, rooms = rng.integers(1, 9, count), rng.integers(1, 5, count)
    town = np.array(["Aarhus", "Bergen", "Cork"])[rng.integers(0, 3, count)]
    garden = rng.random(count) < 0.4
    dear = size + rooms + 3 * garden + 2 * (town == "Cork") + rng.normal(0, 1, count)
    dear = np.where(dear > np.median(dear), "yes", "no")
    home = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("houses.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*TABLE, "dear"])
            for k in range(count):
                gap = "" if k % 20 == 7 else size[k]
                truth = str(garden[k]).lower()
                writer.writerow([gap, rooms[k], town[k], truth, dear[k]])
        command = "fit houses.csv --target dear --out out --n-alphas 10 --threads 1"
        if app.run(command.split()):
            raise SystemExit("fastl1 fit failed")
        (file,) = Path("out").glob("*.fl1")
        model = fastl1.SparseModel.load(file)
        os.chdir(home)
    return model


def main():
    warnings.simplefilter("error")
    folder = HERE / fastl1.__version__
    folder.mkdir()
    found = {}
    kinds = set()
    for group in (estimators, results, values):
        for name, thing in group():
            data = pickle.dumps(thing, protocol=4)
            found[f"{name}.pkl"] = answers(pickle.loads(data))
            kinds.add(type(thing))
            (folder / f"{name}.pkl").write_bytes(data)
    for name, model in model_files():
        model.save(folder / f"{name}.fl1")
        found[f"{name}.fl1"] = answers(model)
    seal_one(folder, "two.fl1")

    public = {name: getattr(fastl1, name) for name in fastl1.__all__}
    classes = sorted(n for n, value in public.items() if isinstance(value, type))
    left_out = [name for name in classes if public[name] not in kinds]
    if left_out:
        raise SystemExit(f"no pickle of {', '.join(left_out)}: add them here")
    version = {m.__name__: m.__version__ for m in (fastl1, np, scipy, sklearn)}
    about = json.dumps({"version": version, "classes": classes})
    text = f'{{\n"about": {about},\n"answers": {write_answers(found)}}}\n'
    (folder / "expected.json").write_text(text)


def seal_one(folder, name):
    """A signature and an encrypted copy of a model file, their keys beside them."""
    data = (folder / name).read_bytes()
    private, public = seal.new_signing_key()
    secret = seal.new_secret()
    (folder / f"{name}.sig").write_bytes(seal.sign(data, private))
    (folder / "release.pub").write_bytes(public)
    (folder / f"{name}.enc").write_bytes(seal.encrypt(data, secret))
    (folder / "customer.key").write_bytes(secret)


if __name__ == "__main__":
    main()
