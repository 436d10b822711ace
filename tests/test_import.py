"""What `import fastl1` loads, and what it costs."""

import ast
import dataclasses
import doctest
import importlib
import inspect
import json
import pickle
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest

import fastl1
from fastl1 import workflow

# All of fastl1 that `import fastl1` may load: the package and what chooses the level.
MODULES = {"fastl1", "fastl1._runtime", "fastl1._version"}

LOADED = """
import json, sys
import numpy
before = set(sys.modules)
import fastl1
print(json.dumps(sorted(set(sys.modules) - before)))
"""

TIMED = """
import time
start = time.process_time()
import numpy
middle = time.process_time()
import fastl1
print(middle - start, time.process_time() - middle)
"""


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def test_import_loads_the_compiled_core_only():
    loaded = set(json.loads(python(LOADED)))
    assert {name for name in loaded if name.startswith("fastl1")} == MODULES
    others = {name.partition(".")[0] for name in loaded} - {"fastl1", "numpy"}
    # Cython registers its run-time (cython_runtime, _cython_3_x_y) as modules
    others = {name for name in others if "cython" not in name}
    assert others <= set(sys.stdlib_module_names), others


def test_import_costs_at_most_a_tenth_of_numpys():
    # Processor times, and the least of several: every other process on the machine can
    # only add; beside numpy's: the machine may be slow.
    costs = np.array([python(TIMED).split() for _ in range(7)], float)
    numpys, ours = costs.min(axis=0)
    assert ours <= 0.1 * numpys, costs


def test_every_public_name_resolves():
    for door in (fastl1, workflow):
        assert set(door.__all__) <= set(dir(door))
        for name in door.__all__:
            getattr(door, name)


def test_unknown_name_is_an_attribute_error():
    for door in (fastl1, workflow):
        with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
            door.no_such_name  # noqa: B018


def test_stub_names_what_the_package_exports():
    stub = Path(fastl1.__file__).with_name("__init__.pyi")
    imported = {
        alias.asname: node.module
        for node in ast.walk(ast.parse(stub.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    exported = {name: f"fastl1.{m}" for name, m in fastl1._EXPORTS.items()}
    rooms = {"workflow": "fastl1"}
    assert imported == {"__version__": "fastl1._version", **rooms, **exported}


def test_stub_names_what_the_workflow_exports():
    stub = Path(workflow.__file__).with_name("__init__.pyi")
    imported = {
        alias.asname: node.module
        for node in ast.parse(stub.read_text()).body
        for alias in node.names
    }
    exported = {n: f"fastl1.workflow.{m}" for n, m in workflow._EXPORTS.items()}
    assert imported == exported
    # a module of a function's name would hide the function once it is loaded
    assert not {*workflow._EXPORTS} & {*workflow._EXPORTS.values()}


# A compiled class cannot name another module than its own.
COMPILED = {"Predictor"}
PUBLIC = {
    f"{door.__name__}.{name}": getattr(door, name)
    for door in (fastl1, workflow)
    for name in door.__all__
    if name not in ("__version__", *COMPILED)
}


def public_functions():
    """(name, function) of everything public, the methods of public classes included."""
    for name, value in PUBLIC.items():
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for key, member in vars(value).items():
                member = getattr(member, "__func__", getattr(member, "fget", member))
                public = key == "__init__" or not key.startswith("_")
                if public and inspect.isfunction(member):
                    yield f"{name}.{key}", member


@pytest.mark.parametrize(("name", "function"), [*public_functions()])
def test_everything_public_is_typed(name, function):
    signature = inspect.signature(function)
    untyped = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is parameter.empty
        and parameter.name not in ("self", "cls")
    ]
    assert not untyped
    assert signature.return_annotation is not signature.empty


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_say_where_they_are_from(name):
    value = PUBLIC[name]
    assert f"{value.__module__}.{value.__qualname__}" == name
    assert pickle.loads(pickle.dumps(value)) is value
    door = name.rpartition(".")[0].encode()
    assert door + b"." not in pickle.dumps(value)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_can_be_looked_into(name):
    value = PUBLIC[name]
    assert inspect.getdoc(value)
    if inspect.isclass(value):
        # the lines of another file are no source
        with pytest.raises(OSError, match="source|class definition"):
            inspect.getsource(value)
        if dataclasses.is_dataclass(value):
            hints = typing.get_type_hints(value)
            assert {field.name for field in dataclasses.fields(value)} <= hints.keys()
    else:
        assert f"def {value.__name__}(" in inspect.getsource(value)
        assert "return" in typing.get_type_hints(value)


def test_examples_of_the_docstrings():
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    # without a module the finder takes every method too, wherever it says it is from
    for name, value in PUBLIC.items():
        for example in finder.find(value, name, module=False, globs={}):
            runner.run(example)
    assert runner.failures == 0
    assert runner.tries > 100


@pytest.mark.parametrize(
    "code",
    [
        "from fastl1.model import SparseModel",
        "from fastl1.prox import soft_threshold",
        "import fastl1.model; fastl1.model.SparseModel",
        "import fastl1; fastl1.runtime.load, fastl1.seal.sign, fastl1.prox",
        "from fastl1.runtime import load",
        "from fastl1.losses import Poisson",
        "from fastl1.paths import PathResult, lasso_path",
        "from fastl1.columns import ColumnTreatment, Number, RefusedColumns",
    ],
)
def test_documented_modules_of_0_1_0_open_in_a_fresh_interpreter(code):
    python(code)


def test_unknown_names_behind_old_doors_are_errors():
    import fastl1.losses

    import fastl1.model

    for module in (fastl1.losses, fastl1.model, fastl1.prox):
        with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
            module.no_such_name  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importlib.import_module("fastl1.no_such_module")
