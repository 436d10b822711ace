"""Pickles and model files of released versions: they load, and answer as they did.

`artifacts/make.py` wrote them, once for each version; they are never written again.
"""

import io
import json
import pickle
import sys
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator, clone
from stored import check_answers, quiet

import fastl1
from fastl1 import runtime, seal

ARTIFACTS = Path(__file__).parent / "artifacts"
FOLDERS = sorted(file.parent for file in ARTIFACTS.glob("*/expected.json"))
PICKLES = [file for folder in FOLDERS for file in sorted(folder.glob("*.pkl"))]
MODELS = [file for folder in FOLDERS for file in sorted(folder.glob("*.fl1"))]
FIRST = ARTIFACTS / "0.1.0"

# Where the pickles of 0.1.0 look for what they hold, public or not: these names lead to
# the classes for ever, wherever their modules go.
NAMES = {
    "fastl1._estimators": {"ConvergenceWarning"},
    "fastl1._predictor": {"Predictor"},
    "fastl1.batch": {"FitManyResult", "FitRaggedResult"},
    "fastl1.bootstrap": {"BootstrapResult"},
    "fastl1.columns": {"Boolean", "Category", "ColumnTreatment", "Hashed", "Number"},
    "fastl1.cox": {"CoxPHRegressor"},
    "fastl1.criteria": {"CriterionResult"},
    "fastl1.cv": {"CVPathResult", "Choice"},
    "fastl1.exceptions": {"ConvergenceWarning", "FitInterrupted", "ModelFileError"},
    "fastl1.explain": {"Explanation"},
    "fastl1.glm": {
        *("GammaRegressor", "HuberRegressor", "LinearSVC", "PoissonRegressor"),
        *("QuantileRegressor", "TweedieRegressor"),
    },
    "fastl1.linear_model": {"ElasticNet", "ElasticNetCV", "Lasso", "LassoCV"},
    "fastl1.logistic": {"LogisticRegression"},
    "fastl1.logistic_cv": {"LogisticRegressionCV"},
    "fastl1.losses": {
        *("CLogLog", "Cox", "Gamma", "Huber", "Logistic", "Multinomial", "Poisson"),
        *("Probit", "Quantile", "Squared", "SquaredHinge", "Tweedie"),
    },
    "fastl1.model": {"SparseModel"},
    "fastl1.path_cv": {"PathCV"},
    "fastl1.paths": {"PathResult"},
    "fastl1.refit": {"RelaxedResult"},
    "fastl1.stability": {"StabilityResult"},
    "fastl1.survival": {"Baseline"},
    "fastl1.warm_start": {"WarmStart"},
}


class Loader(pickle.Unpickler):
    """Keeps the names that a pickle looks up."""

    def __init__(self, data):
        super().__init__(io.BytesIO(data))
        self.names = set()

    def find_class(self, module, name):
        self.names.add((module, name))
        return super().find_class(module, name)


def load(path):
    """What a pickle holds."""
    with quiet():
        return pickle.loads(path.read_bytes())


def expected(path):
    return EXPECTED[path.parent]["answers"][path.name]


EXPECTED = {
    folder: json.loads((folder / "expected.json").read_text()) for folder in FOLDERS
}
by_name = {"ids": lambda path: f"{path.parent.name}/{path.name}"}


def test_every_file_has_its_answers():
    assert FIRST in FOLDERS
    for folder in FOLDERS:
        kept = {path.name for path in [*folder.glob("*.pkl"), *folder.glob("*.fl1")]}
        assert kept == set(EXPECTED[folder]["answers"])
        assert EXPECTED[folder]["about"]["version"]["fastl1"] == folder.name


@pytest.mark.parametrize("path", PICKLES, **by_name)
def test_pickles(path):
    thing = load(path)
    check_answers(thing, expected(path))
    assert repr(thing)
    if isinstance(thing, BaseEstimator):
        assert type(clone(thing)) is type(thing)
    with quiet():
        check_answers(pickle.loads(pickle.dumps(thing)), expected(path))


@pytest.mark.parametrize("path", MODELS, **by_name)
def test_model_files(path):
    model = fastl1.SparseModel.load(path)
    check_answers(model, expected(path))
    assert model.to_bytes() == path.read_bytes()
    served = runtime.load(path)
    assert served.features.tolist() == model.features.tolist()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_public_class_is_stored(folder):
    stored = {type(load(path)) for path in folder.glob("*.pkl")}
    wanted = {getattr(fastl1, n) for n in EXPECTED[folder]["about"]["classes"]}
    assert wanted <= stored


def test_names_in_pickles():
    names = {}
    for path in sorted(FIRST.glob("*.pkl")):
        loader = Loader(path.read_bytes())
        with quiet():
            loader.load()
        for module, name in loader.names:
            if module.startswith("fastl1"):
                names.setdefault(module, set()).add(name)
    assert names == NAMES


@pytest.mark.parametrize("path", PICKLES, **by_name)
def test_new_pickles_name_public_classes_by_the_package(path):
    loader = Loader(pickle.dumps(load(path)))
    loader.load()
    for module, name in loader.names:
        public = getattr(fastl1, name, None)
        if public is not None and getattr(sys.modules[module], name) is public:
            assert (module, name) == ("fastl1", name)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_sealed_copies(folder):
    pytest.importorskip("cryptography")
    data = (folder / "two.fl1").read_bytes()
    signature = (folder / "two.fl1.sig").read_bytes()
    seal.verify(data, signature, (folder / "release.pub").read_bytes())
    secret = (folder / "customer.key").read_bytes()
    assert seal.decrypt((folder / "two.fl1.enc").read_bytes(), secret) == data
