"""Python packages' solutions of `PEERS`.

``python tests/outsiders/solve_peers.py`` writes all of them; with words behind it only
those whose name holds one of the words, and the others stay as they are.  It needs
statsmodels, scikit-learn, glum, lifelines, scikit-survival and skglm, and nothing of
fastl1.  Each function below says the problem in one package's words.
"""

import sys
from functools import partial
from importlib.metadata import version

import numpy as np
import pandas as pd
import statsmodels.api as sm
from cases import PEERS
from fixtures import Solutions
from glum import GeneralizedLinearRegressor
from glum import TweedieDistribution as GlumTweedie
from lifelines import CoxPHFitter
from skglm.datafits import Cox
from skglm.penalties import L1
from skglm.solvers import ProxNewton
from sklearn import linear_model, svm
from sksurv.linear_model import CoxnetSurvivalAnalysis, CoxPHSurvivalAnalysis
from sksurv.util import Surv
from statsmodels.genmod import families

PACKAGES = ("statsmodels", "scikit-learn", "glum", "lifelines", "scikit-survival")


# statsmodels: no penalty


def statsmodels_glm(case, family):
    X, y = case.rows
    model = sm.GLM(
        y,
        sm.add_constant(X),
        family,
        freq_weights=case.options.get("sample_weight"),
        offset=case.options.get("offset"),
    )
    found = model.fit(tol=1e-14, maxiter=500, tol_criterion="params").params
    return {"coefs": found[1:, None], "intercepts": found[:1]}


def statsmodels_huber(case):
    """Its scale is estimated along with the rest, and makes the delta of ours."""
    X, y = case.rows
    norm = sm.robust.norms.HuberT()
    found = sm.RLM(y, sm.add_constant(X), norm).fit(tol=1e-13, maxiter=1000)
    return {
        "coefs": found.params[1:, None],
        "intercepts": found.params[:1],
        "delta": norm.t * found.scale,
    }


def statsmodels_cox(case):
    """It has a row at risk at its entry, ours only after it: half a week decides."""
    X, y = case.rows
    model = sm.PHReg(
        y[:, 1],
        X,
        status=y[:, 0],
        entry=y[:, 2] + 0.5 if y.shape[1] == 3 else None,
        strata=case.options.get("strata"),
        ties=case.params.get("ties", "breslow"),
    )
    return {"coefs": model.fit(tol=1e-14, maxiter=200).params[:, None]}


# scikit-learn


def sklearn_path(case, make):
    """One fit an alpha; `make` has the package's parameters at an alpha."""
    X, y = case.rows
    weight = case.options.get("sample_weight")
    models = [make(len(y), alpha) for alpha in case.alphas]
    for model in models:
        model.fit(X, y, **({} if weight is None else {"sample_weight": weight}))
    outputs = len(np.atleast_2d(models[0].coef_))
    intercepts = np.array([np.resize(model.intercept_, outputs) for model in models])
    return {
        "coefs": np.column_stack([np.ravel(model.coef_) for model in models]),
        "intercepts": intercepts.T if outputs > 1 else intercepts.ravel(),
        "scales": np.array([getattr(model, "scale_", 0.0) for model in models]),
    }


def sklearn_logistic(n, alpha, l1_ratio=1.0, solver="saga", **more):
    return linear_model.LogisticRegression(
        C=1 / (alpha * n),
        l1_ratio=l1_ratio,
        solver=solver,
        tol=1e-13,
        max_iter=10**6,
        random_state=0,
        **more,
    )


def sklearn_squared_hinge(n, alpha):
    return svm.LinearSVC(
        C=1 / (2 * alpha * n),
        penalty="l1",
        dual=False,
        fit_intercept=False,
        tol=1e-10,
        max_iter=10**6,
        random_state=0,
    )


def sklearn_quantile(n, alpha, q):
    return linear_model.QuantileRegressor(quantile=q, alpha=alpha, solver="highs")


def sklearn_huber(case):
    """It minimizes sum sigma h(r / sigma) + a w.w, sigma included, h being twice ours.

    At its sigma: the mean of Huber's loss of delta = epsilon sigma, and an alpha of
    a sigma / n.
    """
    a, epsilon = 50.0, 1.35
    model = partial(
        linear_model.HuberRegressor, epsilon=epsilon, tol=1e-12, max_iter=10**5
    )
    found = sklearn_path(case, lambda n, _: model(alpha=a))
    (sigma,) = found.pop("scales")
    return found | {"delta": epsilon * sigma, "alpha": a * sigma / len(case.rows[1])}


def sklearn_tweedie(n, alpha, power):
    return linear_model.TweedieRegressor(
        power=power,
        alpha=alpha,
        link="log",
        solver="newton-cholesky",
        tol=1e-10,
        max_iter=1000,
    )


# glum


def glum(case, family):
    X, y = case.rows
    model = GeneralizedLinearRegressor(
        family=family,
        link="log",
        l1_ratio=case.options.get("l1_ratio", 1.0),
        P1=case.options.get("penalty_factor", "identity"),
        P2=case.options.get("penalty_factor", "identity"),
        alpha=case.alphas,
        alpha_search=True,
        solver="irls-cd",
        gradient_tol=1e-9,
        max_iter=300,
    )
    model.fit(
        X,
        y,
        sample_weight=case.options.get("sample_weight"),
        offset=case.options.get("offset"),
    )
    return {
        "coefs": np.array(model.coef_path_).T,
        "intercepts": np.array(model.intercept_path_),
    }


# Cox


def lifelines_cox(case):
    X, y = case.rows
    table = pd.DataFrame(X).rename(columns=str)
    table[["event", "time"]] = y[:, :2]
    more = {}
    if y.shape[1] == 3:
        table["entry"], more["entry_col"] = y[:, 2], "entry"
    if "strata" in case.options:
        table["stratum"], more["strata"] = case.options["strata"], "stratum"
    model = CoxPHFitter().fit(
        table, "time", "event", fit_options={"precision": 1e-12}, **more
    )
    coefs = model.params_.reindex([str(j) for j in range(X.shape[1])])
    return {"coefs": coefs.to_numpy()[:, None]}


def sksurv_y(case):
    event, time = case.rows[1].T
    return Surv.from_arrays(event > 0, time)


def sksurv_path(case):
    model = CoxnetSurvivalAnalysis(
        alphas=case.alphas,
        l1_ratio=case.options.get("l1_ratio", 1.0),
        tol=1e-16,
        max_iter=10**7,
    )
    return {"coefs": model.fit(case.rows[0], sksurv_y(case)).coef_}


def sksurv_ridge(case):
    """The sum of the losses plus half of its alpha times w.w."""
    X, y = case.rows
    (alpha,) = len(y) * case.alphas
    model = CoxPHSurvivalAnalysis(alpha=alpha, ties="efron", n_iter=1000, tol=1e-14)
    return {"coefs": model.fit(X, sksurv_y(case)).coef_[:, None]}


def skglm_cox(case):
    X, y = case.rows
    solver = ProxNewton(fit_intercept=False, tol=1e-12, max_iter=1000)
    columns = [
        solver.solve(X, y[:, ::-1].copy(), Cox(use_efron=True), L1(alpha))[0]
        for alpha in case.alphas
    ]
    return {"coefs": np.column_stack(columns)}


LOG, BINOMIAL = families.links.Log(), families.Binomial
SOLVERS = {
    "statsmodels logit": partial(statsmodels_glm, family=BINOMIAL()),
    "statsmodels probit": partial(
        statsmodels_glm, family=BINOMIAL(families.links.Probit())
    ),
    "statsmodels cloglog": partial(
        statsmodels_glm, family=BINOMIAL(families.links.CLogLog())
    ),
    "statsmodels poisson": partial(statsmodels_glm, family=families.Poisson()),
    "statsmodels gamma": partial(statsmodels_glm, family=families.Gamma(LOG)),
    "statsmodels tweedie": partial(
        statsmodels_glm, family=families.Tweedie(LOG, var_power=1.5)
    ),
    "statsmodels huber": statsmodels_huber,
    "statsmodels cox": statsmodels_cox,
    "sklearn logistic": partial(
        sklearn_path,
        make=partial(sklearn_logistic, solver="liblinear", fit_intercept=False),
    ),
    "sklearn logistic enet": partial(
        sklearn_path, make=partial(sklearn_logistic, l1_ratio=0.5)
    ),
    "sklearn multinomial": partial(sklearn_path, make=sklearn_logistic),
    "sklearn squared hinge": partial(sklearn_path, make=sklearn_squared_hinge),
    "sklearn huber ridge": sklearn_huber,
    "sklearn poisson ridge": partial(
        sklearn_path, make=partial(sklearn_tweedie, power=1)
    ),
    "sklearn gamma ridge": partial(
        sklearn_path, make=partial(sklearn_tweedie, power=2)
    ),
    "sklearn tweedie ridge": partial(
        sklearn_path, make=partial(sklearn_tweedie, power=1.3)
    ),
    "glum poisson": partial(glum, family="poisson"),
    "glum gamma": partial(glum, family="gamma"),
    "glum tweedie": partial(glum, family=GlumTweedie(1.5)),
    "glum tweedie enet": partial(glum, family=GlumTweedie(1.8)),
    "lifelines cox": lifelines_cox,
    "sksurv cox": sksurv_path,
    "sksurv cox efron ridge": sksurv_ridge,
    "skglm cox efron": skglm_cox,
} | {
    f"sklearn quantile {q}": partial(sklearn_path, make=partial(sklearn_quantile, q=q))
    for q in (0.25, 0.5, 0.9)
}


def main(words):
    found = Solutions({name: version(name) for name in (*PACKAGES, "skglm")})
    if words:
        found.keep("peers")
    for name, case in PEERS.items():
        if words and not any(word in name for word in words):
            continue
        print(name, flush=True)
        # its own, or that of the longest name that this one begins with
        own = max((one for one in SOLVERS if name.startswith(one)), key=len)
        solution = SOLVERS[own](case)
        solution.pop("scales", None)
        found.add(name, case, **solution)
    found.save("peers")


if __name__ == "__main__":
    main(sys.argv[1:])
