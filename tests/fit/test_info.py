"""`info` of results: a dict as it was, whose keys are attributes as well."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest

import fastl1
from fastl1.fit import info


class Own(fastl1.Loss):
    """Judged by stationarity."""

    name = "own"

    def deviance(self, y, eta):
        return 0.5 * (y - eta) ** 2

    def slope(self, y, eta):
        return eta - y

    def curvature(self, y, eta):
        return 1.0


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 6))
    return X, X[:, 0] + rng.standard_normal(40)


def results(X, y):
    """(class of `info`, result) of every kind."""
    labels = np.digitize(y, [-0.5, 0.5])
    path = fastl1.path(X, y, n_alphas=4)
    relaxed = fastl1.relaxed_path(path, X, y)
    yield info.PathInfo, path
    yield info.PathInfo, fastl1.path(X, y, penalty=fastl1.GroupL1([0, 0, 1, 1, 2, 2]))
    yield info.PathInfo, fastl1.path(X, y, loss=Own(), n_alphas=3)
    yield info.PathInfo, fastl1.path(X, labels, loss="multinomial", n_alphas=3)
    yield info.PathInfo, relaxed.refit
    yield info.PathInfo, relaxed.path(0.5)
    yield info.PathInfo, fastl1.adaptive_path(X, y, n_alphas=3)
    yield info.ManyInfo, fastl1.fit_many(X, y[:, None], alpha=0.1)
    classes = np.eye(3)[labels].argmax(axis=1)[:, None]
    yield info.ManyInfo, fastl1.fit_many(X, classes, loss="multinomial", alpha=0.1)
    yield info.RaggedInfo, fastl1.fit_ragged(X, y, [0, 20, 40], alpha=0.1)
    yield info.DrawsInfo, fastl1.bootstrap_path(X, y, n_bootstraps=3, n_alphas=3)
    yield info.DrawsInfo, fastl1.stability_selection(X, y, n_subsamples=4)


def test_every_key_is_a_field_and_every_field_is_told_by_somebody(data):
    told = {}
    for kind, result in results(*data):
        assert type(result.info) is kind
        names = {field.name for field in dataclasses.fields(kind)}
        assert result.info.keys() <= names
        for name in names:
            assert getattr(result.info, name) is result.info.get(name)
        told.setdefault(kind, set()).update(result.info)
        documented = type(result.info).__doc__
        assert all(name in documented for name in names)
    for kind, keys in told.items():
        assert keys == {field.name for field in dataclasses.fields(kind)}


def test_it_behaves_as_the_dict_it_was(data):
    result = fastl1.path(*data, n_alphas=3)
    plain = dict(result.info)
    assert isinstance(result.info, dict)
    assert result.info == plain
    assert json.loads(json.dumps(result.info))["tol"] == plain["tol"]
    assert {**result.info, "more": 1} == {**plain, "more": 1}
    assert "gamma" not in result.info
    assert result.info.gamma is None
    with pytest.raises(KeyError):
        result.info["gamma"]
    with pytest.raises(AttributeError, match="no_such_thing"):
        result.info.no_such_thing  # noqa: B018
    result.info |= {"more": 1}
    assert result.info.more == 1
    result.info.gamma = 0.5
    assert result.info["gamma"] == 0.5
    result.info.gamma = None
    assert "gamma" not in result.info
    with pytest.raises(TypeError, match="tolerance"):
        info.PathInfo(tolerance=1e-6)


def test_pickles_hold_plain_dicts_and_results_type_them(data):
    for kind, result in results(*data):
        stored = pickle.dumps(result)
        assert b"fastl1.fit.info" not in stored
        again = pickle.loads(stored)
        assert type(again.info) is kind
        np.testing.assert_equal(dict(again.info), dict(result.info))
        assert type(copy.deepcopy(result).info) is kind
        assert type(dataclasses.replace(result, info=dict(result.info)).info) is kind


def test_data_is_kept_until_it_is_forgotten(data):
    result = fastl1.path(*data, n_alphas=3)
    alpha = result.alphas[1] * 0.9
    assert result.problem.shape == (40, 6)
    assert pickle.loads(pickle.dumps(result)).problem is None
    result.coef_at(alpha, exact=True)
    assert result.forget_data() is result
    assert result.problem is None
    with pytest.raises(ValueError, match="has no data"):
        result.coef_at(alpha, exact=True)
