"""What classes of losses say to reports, scores, criteria and conversions."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest

import fastl1
from fastl1.loss.links import LINKS
from fastl1.loss.losses import LOSSES, Loss, loss_of_link
from fastl1.metrics.metrics import METRICS
from fastl1.problem.scales import SCALES
from fastl1.workflow.kinds import MEANS, PARAMETERS, model_words

EVERY = pytest.mark.parametrize("name", LOSSES)
PACKAGE = Path(fastl1.__file__).parent


@EVERY
def test_metrics_exist_and_suit_the_loss(name):
    loss = LOSSES[name]()
    for metric in (*loss.metrics, loss.default_score):
        assert METRICS[metric].suits(loss), metric
    assert METRICS[loss.metrics[0]].larger is not None  # models are judged by it
    assert METRICS[loss.default_score].compute is not None


@EVERY
def test_scales_exist(name):
    assert set(LOSSES[name].scales) <= set(SCALES)


@EVERY
def test_link_is_one_of_labels_if_the_loss_is(name):
    loss = LOSSES[name]()
    assert LINKS[loss.link].classifies == loss.labels
    assert loss.amounts <= (loss.link == "log")
    assert loss.task == (
        "survival"
        if name == "cox"
        else "classification"
        if loss.labels
        else "regression"
    )


@EVERY
def test_every_parameter_has_an_option(name):
    loss = LOSSES[name]
    assert {field.name for field in fields(loss)} == set(loss.options)
    for parameter, option in loss.options.items():
        assert PARAMETERS[option] == (name, parameter)
    assert loss.scale_param is None or loss.scale_param in loss.options


@EVERY
def test_only_likelihoods_have_a_criterion(name):
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((40, 3)))
    y = np.r_[np.zeros(20), np.ones(20)]
    if name == "cox":
        y = np.c_[y, rng.random(40) + 0.1]
    elif not LOSSES[name].labels:
        y = rng.random(40) + 0.1
    path = fastl1.path(X, y, loss=name, n_alphas=3, tol=1e-3)
    if LOSSES[name].dispersion is None:
        with pytest.raises(ValueError, match="is not a likelihood"):
            fastl1.information_criterion(path, X, y)
        return
    found = fastl1.information_criterion(path, X, y)
    assert (found.dispersion == 1.0) == (LOSSES[name].dispersion == "one")


@pytest.mark.parametrize("link", LINKS)
def test_a_link_alone_stands_for_a_loss(link):
    assert loss_of_link(link).link == link


@pytest.mark.parametrize("link", LINKS)
def test_symmetric_links(link):
    eta = np.array([-3.0, -0.2, 0.0, 1.5])
    if not LINKS[link].probability or link == "softmax":
        assert not LINKS[link].symmetric
        return
    inverse = LINKS[link].inverse
    swaps = np.allclose(inverse(-eta), 1 - inverse(eta))
    assert LINKS[link].symmetric == swaps


def test_words_of_a_model():
    assert model_words({"name": "squared"}) == "linear regression"
    words = model_words({"name": "tweedie", "power": 1.25})
    assert words == "Tweedie regression (power = 1.25)"
    assert MEANS == ("poisson", "gamma", "tweedie")


def test_facts_of_a_new_loss_have_defaults():
    @dataclass(frozen=True)
    class Mine(Loss):
        name = "mine"

    loss = Mine()
    assert loss.task == "regression"
    assert loss.params() == {}
    assert loss.share_below is None
    assert all(METRICS[metric].suits(loss) for metric in loss.metrics)


@pytest.mark.parametrize("name", ["probit", "cloglog"])
def test_few_files_name_a_given_loss(name):
    """What adding one takes: its arithmetic, its class, its link and forms of that."""
    root = PACKAGE.parent
    files = [
        path.relative_to(root).as_posix()
        for pattern in ("fastl1/**/*.py", "fastl1/**/*.p?x", "csrc/*")
        for path in root.glob(pattern)
        if name in path.read_text()
    ]
    assert len(files) <= 8, files
