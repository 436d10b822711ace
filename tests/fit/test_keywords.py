"""Keywords of problems: signatures and docstrings tell them, one table has them."""

import inspect
import re
import subprocess
import sys
import textwrap
import typing

import numpy as np
import pytest

import fastl1
from fastl1.fit import keywords
from fastl1.fit.path import solve_path
from fastl1.problem.problem import check_problem

SPELLED_OUT = [
    name
    for name in fastl1.__all__
    if hasattr(getattr(fastl1, name), "__keywords__")
]  # fmt: skip
SECTIONS = re.compile(r"\n\n(?=[A-Z]\w+\n-{4,}\n)")
ENTRY = re.compile(r"^(\w[\w, ]*?)(?: : .*)?$", re.MULTILINE)


def described(function):
    """Names that the Parameters of a docstring describe, in order."""
    (section,) = (
        s for s in SECTIONS.split(inspect.getdoc(function)) if s.startswith("Param")
    )
    body = section.split("\n", 2)[2]
    return [name for line in ENTRY.findall(body) for name in line.split(", ")]


def test_every_function_that_takes_a_problem_takes_them_from_the_table():
    takes_problem = {
        name
        for name in fastl1.__all__
        if inspect.isfunction(getattr(fastl1, name))
        and "penalty_factor" in inspect.signature(getattr(fastl1, name)).parameters
    }
    assert takes_problem == {*SPELLED_OUT}
    assert len(SPELLED_OUT) == 10


@pytest.mark.parametrize("name", SPELLED_OUT)
def test_signature_and_docstring_tell_the_same_keywords(name):
    function = getattr(fastl1, name)
    parameters = inspect.signature(function).parameters
    names = described(function)
    assert len(names) == len(set(names))
    assert set(names) == set(parameters)
    shared = keywords.SharedKeywords.__annotations__
    assert set(shared) <= set(parameters)
    for key in function.__keywords__:
        assert parameters[key].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[key].annotation is not inspect.Parameter.empty


@pytest.mark.parametrize("name", SPELLED_OUT)
def test_unknown_keywords_are_refused_by_name(name):
    function = getattr(fastl1, name)
    X, y = np.eye(4), np.arange(4.0)
    first = {
        "fit_ragged": (X, y, [0, 4]),
        "fit_many": (X, y[:, None]),
        "relaxed_path": (fastl1.path(X, y), X, y),
        "information_criterion": (fastl1.path(X, y), X, y),
    }
    message = re.escape(f"{name}() got an unexpected keyword argument 'sample_weigth'")
    with pytest.raises(TypeError, match=message):
        function(*first.get(name, (X, y)), sample_weigth=None)


@pytest.mark.parametrize(
    ("table", "function", "own"),
    [
        (keywords.ProblemKeywords, check_problem, {"X", "y", "defer_values"}),
        (keywords.PathKeywords, solve_path, {"problem", "callback", "moments"}),
    ],
)
def test_what_passes_them_on_has_their_defaults(table, function, own):
    hints = typing.get_type_hints(table, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in own:
            _, keyword = typing.get_args(hints[parameter.name])
            assert parameter.default == keyword.default, parameter.name
    missing = {*hints} - {*inspect.signature(function).parameters}
    assert not missing or function is solve_path


def test_defaults_that_a_function_has_of_its_own_are_those_it_uses():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 8))
    y = X[:, 0] + rng.standard_normal(60)
    shown = inspect.signature(fastl1.stability_selection).parameters["alpha_min_ratio"]
    assert shown.default == 1e-2
    result = fastl1.stability_selection(X, y, n_subsamples=4, pfer=8.0)
    assert result.alphas[0] / result.alphas[-1] <= 100 * (1 + 1e-12)
    fit = inspect.signature(fastl1.relaxed_path).parameters["penalty_factor"]
    assert str(fit).endswith("= <of the fit>")
    assert "penalty_factor" in fastl1.path.__keywords__


def test_every_problem_may_have_weights_of_classes():
    X = np.random.default_rng(1).standard_normal((30, 4))
    y = np.repeat(["a", "b", "b"], 10)
    options = {"loss": "logistic", "class_weight": {"a": 3.0}}
    result = fastl1.path(X, y, n_alphas=2, **options)
    assert fastl1.alpha_max(X, y, **options) == result.alphas[0]
    assert fastl1.alpha_max(X, y, loss="logistic") != result.alphas[0]


def test_type_checkers_see_them(tmp_path):
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            """
            import numpy as np
            import fastl1

            X, y = np.eye(3), np.arange(3.0)
            fastl1.path(X, y, intercept_init=[0.0], tol=1e-8)
            fastl1.path(X, y, n_alphas="ten")
            fastl1.cross_validate_path(X, y, l1_ratio=0.5)
            fastl1.fit_ragged(X, y, [0, 3], alpha=1.0, standardise=True)
            """
        )
    )
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", "--follow-imports=silent",
         "--cache-dir", str(tmp_path / "cache"), str(program)],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    errors = [line for line in run.stdout.splitlines() if ": error: " in line]
    lines = [int(line.split(":")[1]) for line in errors]
    assert lines == [7, 8, 9], run.stdout
