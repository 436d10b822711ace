"""fastl1 beside other packages, on real data: their stored solutions of `cases`.

Coefficients agree, and where a package stopped early its objective is above ours: by
formulas of this file, which shares none with either.
"""

import numpy as np
import pytest
from cases import GLMNET, PEERS
from fixtures import load
from oracles.cox import twin
from oracles.losses import TWINS, tweedie
from oracles.multinomial import MultinomialReference
from oracles.reference import Reference
from scipy import special
from solve_glmnet import factor_scale, penalty, spread

import fastl1
from fastl1.loss.losses import LOSSES

GLMNET_VERSIONS, GLMNET_FOUND = load("glmnet")
PEER_VERSIONS, PEERS_FOUND = load("peers")

# of standardized coefficients; what is not here agrees to 1e-5
LOOSE = {"sklearn huber ridge": 1e-4}


def row_loss(loss, params):
    """f(y, eta)."""
    if loss == "squared":
        return lambda y, eta: 0.5 * (y - eta) ** 2
    if loss == "logistic":
        return lambda y, eta: np.logaddexp(0, eta) - y * eta
    if loss == "tweedie":
        return tweedie(params["power"])[0]
    if loss == "huber":
        return lambda y, eta: special.huber(params["delta"], y - eta)
    if loss == "quantile":
        q = params["q"]
        return lambda y, eta: np.maximum(q * (y - eta), (q - 1) * (y - eta))
    return TWINS[loss].value


def objective_of(case, params):
    """P(coefs, intercept, alpha)."""
    X, y = case.rows
    options = {k: v for k, v in case.options.items() if k != "strata"}
    if case.loss == "multinomial":
        p, classes = X.shape[1], len(np.unique(y))
        joint = MultinomialReference(X, y, classes, **options)

        def softmax(w, b, alpha):
            return joint.objective(w.reshape(classes, p).T, b, alpha)

        return softmax
    terms = Reference(X, np.zeros(len(y)), **options)
    weight = options.get("sample_weight", np.ones(len(y)))
    offset = options.get("offset", 0.0)
    if case.loss == "cox":
        strata, ties = case.options.get("strata"), params.get("ties", "breslow")

        def smooth(eta):
            return twin(eta, y, ties, weight, strata)

    else:
        value = row_loss(case.loss, params)

        def smooth(eta):
            return np.average(value(y, eta), weights=weight)

    return lambda w, b, alpha: smooth(X @ w + b + offset) + terms.penalty(w, alpha)


def compare(name, case, found):
    assert found["checksum"] == case.checksum, "the data is not that of the fixture"
    X, y = case.rows
    params = dict(case.params)
    if "delta" in found:
        params["delta"] = float(found["delta"])
    alphas = np.atleast_1d(found.get("alpha", case.alphas))
    result = fastl1.path(
        X,
        y,
        loss=LOSSES[case.loss](**params),
        alphas=alphas,
        tol=1e-13,
        n_threads=1,
        **case.options,
    )
    assert result.converged.all()
    ours = np.vstack([part.toarray() for part in result.outputs])
    theirs = found["coefs"]
    intercepts = found.get("intercepts", np.zeros_like(result.intercepts))
    objective = objective_of(case, params)
    null = result.info["null_objective"]
    for k, alpha in enumerate(alphas):
        own = objective(ours[:, k], result.intercepts[..., k], alpha)
        other = objective(theirs[:, k], intercepts[..., k], alpha)
        assert own <= other + 1e-9 * null
        assert other - own <= 1e-7 * null, "their optimum is of another problem"
    scale = np.resize(X.std(axis=0), len(ours))[:, None]
    limit = LOOSE.get(name, 1e-5)
    assert (np.abs(ours - theirs) <= limit * np.maximum(1, np.abs(ours))).all()
    assert (scale * np.abs(ours - theirs)).max() <= limit
    return result


@pytest.mark.parametrize("name", GLMNET)
def test_glmnet(name):
    case = GLMNET[name]
    result = compare(name, case, GLMNET_FOUND[name])
    counts = result.n_nonzero
    assert 0 < counts[0] < counts.max()


@pytest.mark.parametrize("name", PEERS)
def test_python_packages(name):
    compare(name, PEERS[name], PEERS_FOUND[name])


def test_every_fixture_is_of_a_case():
    assert GLMNET_FOUND.keys() == GLMNET.keys()
    assert PEERS_FOUND.keys() == PEERS.keys()
    assert GLMNET_VERSIONS.keys() == {"R", "glmnet"}
    assert {"statsmodels", "glum", "lifelines"} < PEER_VERSIONS.keys()


@pytest.mark.parametrize("name", GLMNET)
def test_convert_lambda_is_what_glmnet_was_asked_for(name):
    case = GLMNET[name]
    lambdas, mix = penalty(case)
    for value, alpha in zip(lambdas, case.alphas, strict=True):
        converted = fastl1.convert_lambda(
            value,
            frm="glmnet",
            to="fastl1",
            loss=case.loss,
            l1_ratio=mix,
            y_std=spread(case),
            penalty_scale=factor_scale(case),
            return_l1_ratio=True,
        )
        assert converted == pytest.approx((alpha, case.options.get("l1_ratio", 1.0)))
