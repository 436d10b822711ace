"""Losses in reports: the options that go with each, and the words for it."""

from fastl1.loss.losses import LOSSES

# options that set a parameter of a loss: the loss and its name there
PARAMETERS = {
    option: (name, parameter)
    for name, kind in LOSSES.items()
    for parameter, option in kind.options.items()
}
# of amounts: an exposure multiplies them
MEANS = tuple(name for name, kind in LOSSES.items() if kind.amounts)


def model_words(loss):
    """A model in words, from its loss and the parameters as a dict with "name"."""
    params = ", ".join(
        f"{name} = {value if isinstance(value, str) else format(value, '.4g')}"
        for name, value in loss.items()
        if name != "name"
    )
    return LOSSES[loss["name"]].title + (f" ({params})" if params else "")
