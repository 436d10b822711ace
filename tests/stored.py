"""What stored objects and models answer, for the script that stores them
(`artifacts/make.py`) and for the test that loads them (`test_stored.py`).

Rows to predict have one entry that is not 0, a power of 2: its product with any
coefficient is exact, whatever the order of a sum and whether it is fused, so that the
linear predictor has the same bits on every processor.  Means pass through an exp or a
log of the C library or of NumPy, whose last bit is the processor's own.
"""

import dataclasses
import json
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

import fastl1
from fastl1 import losses
from fastl1.data.columns import ColumnTreatment

NAMES = ["age", "dose", "grade", "size", "speed", "weight"]
ULP = 4  # how far a mean may be, where a linear predictor is the same to the bit

PROBES = np.zeros((13, 6))
PROBES[np.arange(12), np.arange(12) % 6] = [1, 2, 4, 0.5, 1, 2, -1, -2, -0.5, -4, -1, 8]
STRATA = np.arange(13) % 2

TABLE = {
    "size": [1.0, None, 4.0, 0.0, 2.0, 0.0],
    "rooms": [0, 0, 0, 4, 0, 0],
    "town": ["Cork", "Cork", "Aarhus", "Bergen", None, "Dublin"],
    "garden": [False, True, False, False, None, True],
}


class Answers(dict):
    """Arrays by name; "~" begins the names of those that are kept to `ULP` only."""

    def exact(self, name, value):
        """Keep what has the same bits everywhere."""
        self[name] = np.asarray(value)

    def rounded(self, name, value):
        """Keep what an exp, a log or a sum of products has rounded."""
        self["~" + name] = np.asarray(value)

    def of_parts(self, name, value):
        """Every array, number and text in nested containers, sparse matrices dense."""
        if value is None or callable(value):
            return
        if hasattr(value, "toarray"):
            self.exact(name, value.toarray())
        elif isinstance(value, dict):
            for key in sorted(value):
                self.of_parts(f"{name}.{key}", value[key])
        elif isinstance(value, (list, tuple)):
            for k, part in enumerate(value):
                self.of_parts(f"{name}.{k}", part)
        elif dataclasses.is_dataclass(value):
            self.exact(f"{name}.type".lstrip("."), type(value).__name__)
            for field in dataclasses.fields(value):
                # the counters of the solver are not what a result is kept for
                if not field.name.startswith("_") and field.name != "info":
                    self.of_parts(
                        f"{name}.{field.name}".lstrip("."), getattr(value, field.name)
                    )
        else:
            self.exact(name, value)


def answers(thing):
    """All that a stored object tells of itself and of `PROBES`.

    Returns
    -------
    Answers
    """
    out = Answers()
    out.exact("type", type(thing).__name__)
    if isinstance(thing, BaseEstimator):
        _estimator(thing, out)
    elif isinstance(thing, (fastl1.SparseModel, fastl1.Predictor)):
        _model(thing, out)
    elif isinstance(thing, ColumnTreatment):
        out.exact("names", thing.feature_names)
        out.exact("encoded", _dense(thing.encode(TABLE)))
    elif isinstance(thing, fastl1.Explanation):
        out.of_parts("table", thing.to_dict())
        out.of_parts("rest", [thing.rest, thing.intercept, thing.decision])
    elif isinstance(thing, BaseException):
        out.exact("args", [str(part) for part in thing.args])
        if getattr(thing, "result", None) is not None:
            _path(thing.result, out)
    elif dataclasses.is_dataclass(thing):
        out.of_parts("", thing)
        _result(thing, out)
    else:
        out.of_parts("parts", tuple(thing))
    return out


def _dense(X):
    return X.toarray() if hasattr(X, "toarray") else X


def _estimator(model, out):
    if not hasattr(model, "n_features_in_"):
        return
    strata = {"strata": STRATA} if getattr(model, "strata_", None) is not None else {}
    out.exact("coef_", model.coef_)
    out.exact("intercept_", model.intercept_)
    out.exact("dual_gap_", getattr(model, "dual_gap_", np.nan))
    out.exact("sparse_coef_", model.sparse_coef_.toarray())
    X = PROBES
    if hasattr(model, "feature_names_in_"):
        X = pd.DataFrame(X, columns=model.feature_names_in_)
    out.rounded("predict", model.predict(X))
    if hasattr(model, "decision_function"):
        out.exact("decision_function", model.decision_function(X))
    if hasattr(model, "predict_proba"):
        out.rounded("predict_proba", model.predict_proba(X))
    for name in ("predict_cumulative_hazard_function", "predict_survival_function"):
        if hasattr(model, name):
            out.rounded(name, getattr(model, name)(X, **strata))
    for name in ("alpha_", "alphas_", "mse_path_", "scores_", "classes_", "C_"):
        if hasattr(model, name):
            out.of_parts(name, getattr(model, name))


def _model(model, out):
    if isinstance(model, fastl1.Predictor):
        kind = "exact" if model.type == "link" else "rounded"
        getattr(out, kind)("predictions", [model(row) for row in PROBES])
        return
    X = PROBES if model.columns is None else TABLE
    out.exact("coef_", model.coef_)
    out.exact("link", model.predict(X, "link"))
    out.rounded("response", model.predict(X))
    if model.classes is not None:
        out.exact("class", model.predict(X, "class"))
    out.exact("metadata", json.dumps(model.metadata, sort_keys=True))
    out.exact("required", model.required_features())


def _path(path, out):
    out.exact("link", path.predict(PROBES, type="link"))
    out.rounded("response", path.predict(PROBES))
    if path.classes is not None:
        out.exact("class", path.predict(PROBES, type="class"))
    out.exact("n_nonzero", path.n_nonzero)
    out.exact("tol", path.info["tol"])
    out.exact("alpha_max", path.info["alpha_max"])
    coef, intercept = path.coef_at(float(path.alphas[1:3].mean()))
    out.rounded("coef_at", coef)
    out.rounded("intercept_at", intercept)
    _model(path.model(2), out)


def _result(result, out):
    if isinstance(result, fastl1.PathResult):
        _path(result, out)
    elif isinstance(result, fastl1.CVPathResult):
        out.rounded("best", dataclasses.astuple(result.best))
        out.rounded("best_1se", dataclasses.astuple(result.best_1se))
        out.exact("gaps", result.dual_gaps)
    elif isinstance(result, fastl1.RelaxedResult):
        _path(result.path(0.0), out)
        blend = result.path(0.5)
        out.rounded("blend", blend.coefs.toarray())
    elif isinstance(result, (fastl1.FitManyResult, fastl1.FitRaggedResult)):
        out.exact("converged", result.converged)
    elif isinstance(result, fastl1.BootstrapResult):
        out.exact("interval", result.interval(2))
    elif isinstance(result, fastl1.StabilityResult):
        out.exact("select", result.select(0.75))
        out.rounded("error_bound", result.error_bound(0.9))
    elif isinstance(result, fastl1.CriterionResult):
        out.exact("best_alpha", result.best_alpha)
    elif isinstance(result, losses.Loss):
        out.of_parts("params", result.params())
        out.rounded("inverse_link", result.inverse_link(PROBES[:, 1]))


def write_answers(found):
    """JSON of {name: Answers}: Python writes and reads a float to the bit."""
    plain = {
        name: {key: [value.dtype.str, value.tolist()] for key, value in one.items()}
        for name, one in found.items()
    }
    lines = [f" {json.dumps(n)}: {json.dumps(a)}" for n, a in sorted(plain.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def check_answers(thing, expected):
    """Assert that the thing answers as it did when it was stored.

    Parameters
    ----------
    thing : object
    expected : dict of str to (dtype, value)
    """
    found = answers(thing)
    assert sorted(found) == sorted(expected)
    for key, (dtype, value) in expected.items():
        wanted, got = np.array(value, dtype), found[key]
        assert (got.dtype.kind, got.shape) == (wanted.dtype.kind, wanted.shape), key
        if wanted.dtype.kind != "f":
            assert got.tolist() == wanted.tolist(), key
            continue
        assert got.dtype == wanted.dtype, key
        if key.startswith("~"):
            np.testing.assert_array_max_ulp(got, wanted, ULP)
        else:
            assert got.tobytes() == wanted.tobytes(), key


@contextmanager
def quiet():
    """Let estimators be unpickled that another version of scikit-learn pickled: it
    warns of them, and its own part of them is not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        yield
