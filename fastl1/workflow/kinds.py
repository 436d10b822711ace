"""Losses on the command line: the options that go with each, and the words for it."""

from typing import NamedTuple

from fastl1.exceptions import OptionError
from fastl1.loss.losses import LOSSES, as_loss


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


def make_loss(name, options):
    """The loss object, with the parameters that `options` give.

    Raises
    ------
    OptionError
        A parameter is out of range.
    """
    given = {
        field: getattr(options, option)
        for option, (loss, field) in PARAMETERS.items()
        if loss == name and getattr(options, option) is not None
    }
    try:
        return as_loss(LOSSES[name](**given))
    except ValueError as error:
        raise OptionError(f"--loss {name}: {error}") from None


def check_options(options):
    """Refuse options that contradict each other.

    Parameters
    ----------
    options : Options

    Raises
    ------
    OptionError
    """
    loss = "cox" if options.is_survival else options.loss
    _check_survival(options)
    for option, (needed, _) in PARAMETERS.items():
        if getattr(options, option) is not None and loss != needed:
            raise OptionError(f"--{option} goes with --loss {needed}{_not(loss)}")
    if loss is not None:
        make_loss(loss, options)
        task = task_of(loss)
        if options.task not in ("auto", task):
            raise OptionError(
                f"--loss {loss} and --task {options.task} exclude each other"
            )
    if options.exposure is not None and loss not in MEANS:
        raise OptionError(
            f"--exposure multiplies a mean: it goes with --loss {', '.join(MEANS[:-1])}"
            f" or {MEANS[-1]}{_not(loss)}"
        )
    if options.offset is not None and loss == "multinomial":
        raise OptionError(
            "--offset is one number a row, and --loss multinomial has a linear "
            "predictor for each class"
        )
    for option in ("order", "time"):
        if options.order_by and options.group and getattr(options, option):
            raise OptionError(f"--group and --{option} exclude each other")


def _check_survival(options):
    if not options.is_survival:
        for option in ("entry", "strata"):
            if getattr(options, option) is not None:
                raise OptionError(
                    f"--{option} goes with --time and --event (--loss cox)"
                    f"{_not(options.loss)}"
                )
        if options.time and options.order:
            raise OptionError(
                "without --event, --time is another name of --order: give one of them"
            )
        return
    if options.loss not in (None, "cox"):
        raise OptionError(f"--event goes with --loss cox, not with {options.loss}")
    if options.event is None:
        raise OptionError("--loss cox needs --event COL: whether the event was seen")
    if options.time is None:
        raise OptionError(
            "--event needs --time COL: the time to the event, or to the end of "
            "observation"
        )
    if options.target is not None:
        raise OptionError(
            "the target of a Cox model is --time and --event: leave --target out"
        )


def _not(loss):
    return "" if loss is None else f", not with {loss}"
