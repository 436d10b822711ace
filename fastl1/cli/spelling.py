"""How the command line writes arguments of the application."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from fastl1.exceptions import OptionError

# arguments whose options are not named as they are
_OPTIONS = {"use_offset": "no-offset", "random_state": "seed", "n_threads": "threads"}


def as_option(name: str, value: Any = None) -> str:
    """An argument as an option, with its value as it is typed in a shell."""
    option = "--" + _OPTIONS.get(name, name).replace("_", "-")
    if value is None or isinstance(value, bool):
        return option
    if value == "":
        return f"{option} ''"
    return f"{option} {_names(value) if isinstance(value, list | tuple) else value}"


def _names(names):
    joined = ",".join(str(name).replace(",", ",,") for name in names)
    return joined if all(c.isalnum() or c in "_,.-" for c in joined) else f"'{joined}'"


@contextmanager
def wrong_use() -> Iterator[None]:
    """Options that are wrong together end as wrong use of the command."""
    try:
        yield
    except OptionError as error:
        raise click.UsageError(str(error)) from None
