"""Options of the command are keywords of the application, by one table of names."""

import inspect

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from fastl1 import workflow
from fastl1.cli.app import cli
from fastl1.cli.spelling import as_option
from fastl1.workflow.kinds import PARAMETERS


def options(command, *arguments):
    """Defaults by option, of what the application decides on."""
    context = cli.commands[command].make_context(command, [*arguments])
    return {
        param.opts[0]: context.params[param.name]
        for param in context.command.params
        if param.param_type_name == "option" and param.opts[0] != "--json"
    }


def keywords(function, *own):
    """Defaults by the option of each keyword; `own` are those of Python."""
    return {
        as_option(name): parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in own
    }


def test_fit_has_the_options_of_the_command_and_their_defaults():
    command = options("fit", "FILE")
    for name in PARAMETERS:  # in Python they are those of a loss object
        assert command.pop(as_option(name)) is None
    # the command always writes
    assert command.pop("--out") == "fastl1_model"
    python = keywords(workflow.fit, "source", "on_event", "out")
    assert python.keys() == command.keys()
    assert command.pop("--l1-ratio") == (python.pop("--l1-ratio"),)
    for option, default in command.items():
        assert (default or None) == (python[option] or None), option


def test_predict_has_the_options_of_the_command():
    command = options("predict", "DIR", "FILE")
    python = keywords(workflow.predict, "model", "source", "on_event")
    assert python.keys() == command.keys()


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("l1_ratio", None, "--l1-ratio"),
        ("n_threads", None, "--threads"),
        ("loss", "cox", "--loss cox"),
        ("use_offset", False, "--no-offset"),
        ("drop", ["a", "b_1"], "--drop a,b_1"),
        ("hash", ["first name", "b"], "--hash 'first name,b'"),
        ("drop", ["a,b", "c"], "--drop a,,b,c"),
    ],
)
def test_arguments_are_spelled_as_they_are_typed(name, value, option):
    assert as_option(name, value) == option
