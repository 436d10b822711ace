"""Losses in reports: the options that go with each, and the words for it."""

from typing import NamedTuple

from fastl1.loss.losses import LOSSES


class Kind(NamedTuple):
    """What is said of a loss: its model, its linear predictor, its metrics.

    The first of the metrics is the one that the model is judged by.
    """

    model: str
    link: str
    metrics: tuple[str, ...]


_COUNTS = ("deviance", "explained", "ratio")
_CHANCES = ("log_loss", "explained", "auc", "brier", "accuracy")
KINDS = {
    "squared": Kind("linear regression", "target", ("rmse", "r2")),
    "huber": Kind("Huber regression", "target", ("huber", "explained", "mae", "rmse")),
    "quantile": Kind(
        "quantile regression", "target", ("pinball", "explained", "coverage", "mae")
    ),
    "poisson": Kind("Poisson regression", "log-mean", _COUNTS),
    "gamma": Kind("gamma regression", "log-mean", _COUNTS),
    "tweedie": Kind("Tweedie regression", "log-mean", _COUNTS),
    "logistic": Kind("logistic regression", "log-odds", _CHANCES),
    "probit": Kind("probit regression", "probit", _CHANCES),
    "cloglog": Kind("complementary log-log regression", "cloglog", _CHANCES),
    "squared_hinge": Kind(
        "linear classifier", "decision", ("squared_hinge", "accuracy", "auc")
    ),
    "multinomial": Kind(
        "multinomial regression",
        "log-odds",
        ("log_loss", "explained", "auc", "accuracy"),
    ),
    "cox": Kind(
        "Cox regression", "log-hazard", ("deviance", "explained", "concordance")
    ),
}
# options that set a parameter of a loss: the loss and its name there
PARAMETERS = {
    "power": ("tweedie", "power"),
    "delta": ("huber", "delta"),
    "quantile": ("quantile", "q"),
    "ties": ("cox", "ties"),
}
MEANS = ("poisson", "gamma", "tweedie")  # of amounts: an exposure multiplies them


def task_of(loss):
    """What the target of a loss is: "regression", "classification" or "survival"."""
    if loss == "cox":
        return "survival"
    return "classification" if LOSSES[loss].labels else "regression"


def model_words(loss):
    """A model in words, from its loss and the parameters as a dict with "name"."""
    params = ", ".join(
        f"{name} = {value if isinstance(value, str) else format(value, '.4g')}"
        for name, value in loss.items()
        if name != "name"
    )
    return KINDS[loss["name"]].model + (f" ({params})" if params else "")
