"""The import direction of ARCHITECTURE.md: downwards, optional packages at leaves."""

import ast
import re
import sys
from pathlib import Path

import pytest

import fastl1

PACKAGE = Path(fastl1.__file__).parent
CSRC = Path(__file__).parent.parent / "csrc"

# A module imports modules of the rows above its own, never of its own row or below.
LAYERS = (
    {
        "_version",
        "_public",
        "_extras",
        "_runtime",
        "_moments",
        "_solver",
        "_batch",
        "_ragged",
        "_multinomial_solver",
        "_capi",
    }
    | {"_atomic", "_container", "_links", "_packing"}
    | {"_predict", "_predictor"},
    {"exceptions", "explain", "losses", "_survival", "_weights"},
    {"_validation", "_parallel", "prox", "_table"},
    {"columns", "_artifact", "splits", "warm_start", "_stability_bounds"}
    | {"survival"},
    {"_inputs", "_onnx_graph", "_c_text"},
    {"_audit", "_compare", "_compress", "seal", "_onnx_columns", "_c_columns"},
    {"predict", "export_c", "export_onnx", "export_sklearn"},
    {"model", "runtime"},
    {"paths", "scales"},
    {"folds", "scoring", "_keywords", "_each"},
    {"cv", "criteria", "_resampling", "batch"},
    {"_estimators"} | {"refit", "stability", "bootstrap"},
    {"_loss_model", "linear_model", "logistic"},
    {"glm", "cox", "path_cv", "logistic_cv"},
    {"cli", "export_skl2onnx"},
)
# Compiled modules, each of which may cimport those before it.
KERNELS = (
    *("_ops", "_runtime", "_cholesky", "_design", "_rows", "_product", "_kernels"),
    *("_screen", "_quadratic", "_sweeps", "_state", "_cox", "_samples", "_working"),
    *("_certificate", "_interior", "_newton", "_coupled", "_driver", "_setup"),
    *("_pilot", "_moments"),
    *("_solver", "_batch", "_ragged"),
    *("_predict_map", "_predict_dense", "_predict_sparse", "_predict", "_predictor"),
    *("_softmax", "_softmax_model", "_multinomial", "_multinomial_solver"),
    *("capi", "_capi_base", "_capi_model", "_capi_problem", "_capi_solver", "_capi"),
)
# Everything else that is not the standard library or numpy, and who may import it;
# scipy is a dependency, but too slow to import before it is needed.
OPTIONAL = {
    "click": {"cli"},
    "cryptography": {"seal"},
    "matplotlib": {"cli"},
    "onnx": {"cli", "export_onnx", "export_skl2onnx"},
    "onnxruntime": {"cli"},
    "pyarrow": {"_table", "cli"},
    "rich": {"cli"},
    "scipy": {
        *("_validation", "batch", "cli", "columns", "losses", "model", "_estimators"),
        *("scoring", "paths", "stability", "bootstrap", "criteria", "refit"),
        *("_stability_bounds", "_each"),
        *("logistic", "cox"),
    },
    "skl2onnx": {"export_skl2onnx"},
    "sklearn": {
        *("_estimators", "_loss_model", "linear_model", "logistic"),
        *("glm", "cox", "path_cv", "logistic_cv"),
        *("scoring", "export_sklearn"),
    },
}
# Modules that are imported by somebody who has the optional package already.
EAGER = {"cli", *OPTIONAL["sklearn"]} - {"scoring", "export_sklearn"}


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def unit(path):
    """The module or subpackage of fastl1 that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    """(dotted name, whether it loads with the module) of every import in a file."""
    tree = ast.parse(path.read_text())
    deferred = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for node in ast.walk(function)
    }
    package = ["fastl1", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(tree):
        eager = id(node) not in deferred
        if isinstance(node, ast.Import):
            yield from ((alias.name, eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            if base == "fastl1":
                yield from ((f"fastl1.{alias.name}", eager) for alias in node.names)
            else:
                yield base, eager
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("require"):
            yield node.args[0].value, eager


def level(name):
    (found,) = [k for k, names in enumerate(LAYERS) if name in names]
    return found


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_imports_go_down(path):
    me = unit(path)
    if me == "__init__":
        eager = {name for name, _ in imports(path) if name.startswith("fastl1")}
        assert eager == {"fastl1._runtime", "fastl1._version"}
        return
    for name, eager in imports(path):
        top, _, rest = name.partition(".")
        if top == "fastl1":
            other = rest.partition(".")[0]
            below = other == me == "cli" or level(other) < level(me)
            assert below, f"{me} must not import {other}"
        elif top != "numpy" and top not in sys.stdlib_module_names:
            assert top in OPTIONAL, f"{me} imports {top}"
            assert me in OPTIONAL[top], f"{me} must not import {top}"
            assert me in EAGER or not eager, f"{me} imports {top} before it is needed"


def test_every_module_has_its_layer():
    names = {unit(path) for path in sources()} - {"__init__"}
    assert names <= set.union(*LAYERS)


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.glob("_*.p[yx][xd]")), ids=lambda path: path.name
)
def test_compiled_modules_go_down_and_know_no_python_modules(path):
    below = KERNELS[: KERNELS.index(path.stem)]
    text = path.read_text()
    used = re.findall(r"^\s*(?:from|c?import) fastl1\.?(\w*)", text, re.MULTILINE)
    assert set(used) <= {*below, path.stem}


@pytest.mark.skipif(not CSRC.exists(), reason="needs the C sources")
def test_c_knows_nothing_of_python():
    names = {path.name for path in CSRC.iterdir()}
    standard = {"math.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
    standard |= {"immintrin.h"}
    for path in CSRC.iterdir():
        included = re.findall(r'#include\s+[<"]([^>"]+)[>"]', path.read_text())
        assert set(included) <= names | standard, path.name
