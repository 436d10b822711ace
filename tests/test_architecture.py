"""The order of the rooms: imports go down, kernels behind a wall, extras at leaves."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fastl1

PACKAGE = Path(fastl1.__file__).parent
CSRC = Path(__file__).parent.parent / "csrc"

# A room imports the rooms before it, and the modules of the package's own folder.
ROOMS = (
    *(
        "kernels",
        "loss",
        "penalty",
        "data",
        "problem",
        "metrics",
        "artifact",
        "infer",
        "export",
    ),
    *("prox", "model", "fit", "select", "estimators", "workflow", "cli"),
)
# Kernels cimport those of the same room and of the rooms before; around all of them is
# the wall: from outside of `kernels` they see the ground floor only.
KERNEL_ROOMS = ("design", "penalty", "solver", "softmax", "many", "infer", "embed")
GROUND = {"_ops", "_runtime", "capi"}
# Everything else that is not the standard library or numpy, and which rooms or modules
# may import it.  scipy is a dependency, but too slow to import before it is needed.
OPTIONAL = {
    "click": {"cli"},
    "cryptography": {"artifact.seal"},
    "matplotlib": {"cli"},
    "onnx": {"cli", "export.onnx", "estimators.skl2onnx"},
    "onnxruntime": {"cli"},
    "pyarrow": {"data", "workflow", "cli"},
    "python_calamine": {"data"},
    "rich": {"cli"},
    "scipy": {*ROOMS} - {"kernels"},
    "skl2onnx": {"estimators.skl2onnx"},
    "sklearn": {"estimators", "select.scoring", "export.sklearn"},
}
# Rooms that are entered by somebody who has the optional package already.
EAGER = {"cli": {*OPTIONAL}, "estimators": {"sklearn"}}


def sources():
    return sorted(PACKAGE.rglob("*.py"))


def kernels():
    return sorted(PACKAGE.rglob("*.p[yx][xd]"))


def dotted(path):
    """A file's name below fastl1: "fit.path"; a room's `__init__` has the room's."""
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix(".__init__")


def room(name):
    """The room of a dotted name, None for a module of the package's own folder."""
    first = name.partition(".")[0]
    return first if first in ROOMS else None


def imports(path):
    """(dotted name, whether it loads with the module) of every import in a file."""
    tree = ast.parse(path.read_text())
    deferred = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        eager = id(node) not in deferred
        if isinstance(node, ast.Import):
            yield from ((alias.name, eager) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            for alias in node.names:
                inner = PACKAGE.parent.joinpath(*node.module.split("."), alias.name)
                is_module = inner.is_dir() or any(inner.parent.glob(f"{alias.name}.*"))
                whole = f"{node.module}.{alias.name}" if is_module else node.module
                yield whole, eager
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("require"):
            yield node.args[0].value, eager


def test_every_folder_is_a_room():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == {*ROOMS}
    inner = {path.parent.name for path in PACKAGE.glob("kernels/*/__init__.py")}
    assert inner == {*KERNEL_ROOMS}


@pytest.mark.parametrize("path", sources(), ids=dotted)
def test_imports_go_down(path):
    me = dotted(path)
    if path == PACKAGE / "__init__.py":
        eager = {name for name, now in imports(path) if "fastl1" in name and now}
        assert eager == {"fastl1._runtime", "fastl1._version"}
        return
    below = ROOMS[: ROOMS.index(room(me))] if room(me) else ("kernels",)
    for name, eager in imports(path):
        top, _, rest = name.partition(".")
        if top == "fastl1":
            other = room(rest)
            assert other in (None, room(me), *below), f"{me} must not import {rest}"
        elif top != "numpy" and top not in sys.stdlib_module_names:
            assert top in OPTIONAL, f"{me} imports {top}"
            allowed = {room(me), me} & OPTIONAL[top]
            assert allowed, f"{me} must not import {top}"
            known = top in EAGER.get(room(me), ())
            assert known or not eager, f"{me} imports {top} before it is needed"


def test_no_module_imports_itself_by_way_of_others():
    graph = {
        dotted(path): {
            name.removeprefix("fastl1.")
            for name, eager in imports(path)
            if eager and name.startswith("fastl1.")
        }
        for path in sources()
        if path.name != "__init__.py"
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize(
    "path", kernels(), ids=lambda path: f"{dotted(path)}{path.suffix}"
)
def test_compiled_modules_go_down_and_know_no_python_modules(path):
    me = dotted(path)
    text = path.read_text()
    used = set()
    for module, names in re.findall(
        r"^[ \t]*(?:from|cimport|import) +fastl1\.?([\w.]*)(?: +c?import +(\w+))?",
        text,
        re.MULTILINE,
    ):
        used.add(module or names)
    used -= {me}
    if room(me) is None:
        # the table of the C interface is made of kernels; the others know nothing
        allowed = GROUND | {name for name in used if name.startswith("kernels.embed.")}
        assert used <= (allowed if me == "_capi" else GROUND)
        return
    inner = me.split(".")[1]
    below = (
        KERNEL_ROOMS[: KERNEL_ROOMS.index(inner) + 1] if "." in me[8:] else KERNEL_ROOMS
    )
    for name in used - GROUND:
        assert name.startswith("kernels."), f"{me} must not know {name}"
        assert name.split(".")[1] in below, f"{me} must not cimport {name}"


def test_no_kernel_cimports_itself_by_way_of_others():
    graph = {}
    for path in kernels():
        own = graph.setdefault(dotted(path), set())
        for name in re.findall(
            r"^[ \t]*from +fastl1\.(\S+) +c?import", path.read_text(), re.MULTILINE
        ):
            own.update({name} - {dotted(path)})
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    "path",
    [path for path in kernels() if room(dotted(path)) == "kernels"],
    ids=lambda path: f"{dotted(path)}{path.suffix}",
)
def test_kernels_ask_for_traits_not_for_kinds(path):
    """Which loss it is, nobody asks; how X is stored, only the room of designs."""
    code = re.sub(r'""".*?"""|#[^\n]*', "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(r"\bloss *(?:==|!=|not in\b|in\b)[^\n]*", code)
    if not dotted(path).startswith("kernels.design."):
        assert not re.findall(r"[^\n]*\.sparse\b[^\n]*", code)


@pytest.mark.skipif(not CSRC.exists(), reason="needs the C sources")
def test_c_knows_nothing_of_python():
    names = {path.name for path in CSRC.iterdir()}
    standard = {"math.h", "stddef.h", "stdint.h", "stdlib.h", "string.h"}
    standard |= {"immintrin.h"}
    for path in CSRC.iterdir():
        included = re.findall(r'#include\s+[<"]([^>"]+)[>"]', path.read_text())
        assert set(included) <= names | standard, path.name


def test_no_two_tests_have_one_name():
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert sorted(names) == sorted({*names})
