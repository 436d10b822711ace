"""Outsiders that build against the installed package, and against csrc alone.

What is built is the code of docs/embedding.md: a block whose info string names a file
is that file.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import fastl1

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "embedding.md"
CSRC = HERE.parent.parent / "csrc"
CC, CXX = shutil.which("cc") or shutil.which("gcc"), shutil.which("g++")
PACKAGE_PARENT = str(Path(fastl1.__file__).parent.parent)
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic")

pytestmark = [
    pytest.mark.skipif(CC is None, reason="needs a C compiler"),
    pytest.mark.skipif(not PAGE.exists(), reason="needs docs/embedding.md"),
]
needs_headers = pytest.mark.skipif(
    not Path(sysconfig.get_path("include"), "Python.h").exists(),
    reason="needs Python's headers",
)


def blocks():
    """{file: text} of the page."""
    found = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    return dict(found)


def environment(folder, **more):
    """That of a process which finds modules of the folder, and this fastl1."""
    path = [str(folder), PACKAGE_PARENT, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), **more}


def run(*command, cwd, **more):
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=environment(cwd, **more),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def load(folder, name):
    (path,) = folder.glob(f"{name}.*{sysconfig.get_config_var('EXT_SUFFIX')[-3:]}")
    spec = spec_from_file_location(name, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_extension(folder, source, header=None):
    """A module of one C file, by hand."""
    target = folder / f"{source.stem}{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = [header or fastl1.get_include(), sysconfig.get_path("include")]
    flags = ["-O1", "-shared", "-fPIC", "-pthread", *(f"-I{path}" for path in include)]
    run(CC, "-std=c99", "-Wall", "-Werror", *flags, source, "-o", target, cwd=folder)
    return target


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """The folder in which the two examples of the page have been built."""
    pytest.importorskip("Cython")
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("outside")
    for name, text in blocks().items():
        (folder / name).write_text(text)
    run(
        *(sys.executable, "setup.py", "-q", "build_ext", "--inplace"),
        cwd=folder,
        CFLAGS="-O1",
    )
    return folder


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((80, 30)))
    return X, X[:, :3] @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(80)


@needs_headers
def test_cython_package_solves_paths(outside, problem):
    paths = load(outside, "paths")
    X, y = problem
    wanted = fastl1.path(X, y, n_alphas=20)
    coefs, intercepts, gaps = paths.lasso_path(X, y, wanted.alphas)
    np.testing.assert_array_equal(coefs, wanted.coefs.toarray().T)
    np.testing.assert_array_equal(intercepts, wanted.intercepts)
    np.testing.assert_array_equal(gaps, wanted.dual_gaps)
    with pytest.raises(ValueError, match=r"^alphas increases at 1$"):
        paths.lasso_path(X, y, np.array([0.1, 0.2]))


# a path of hours, unless the signal ends it that comes after a tenth of a second of
# processor time, soon after its beginning
INTERRUPTED = """
import signal, traceback
import numpy as np, paths
X = np.asfortranarray(np.random.default_rng(0).standard_normal((300, 1000)))
signal.signal(signal.SIGPROF, signal.default_int_handler)
signal.setitimer(signal.ITIMER_PROF, 0.1)
try:
    paths.lasso_path(X, X[:, :9].sum(axis=1), np.linspace(1, 0.001, 10**5), 0.0)
except KeyboardInterrupt as error:
    print(*[frame.name for frame in traceback.extract_tb(error.__traceback__)])
"""


@needs_headers
def test_cython_package_stops_at_a_signal(outside):
    frames = run(sys.executable, "-c", INTERRUPTED, cwd=outside).split()
    assert any("lasso_path" in name for name in frames), frames


@needs_headers
def test_cython_package_scores_rows(outside):
    paths = load(outside, "paths")
    rng = np.random.default_rng(1)
    coef = rng.standard_normal(500) * (rng.random(500) < 0.1)
    model = fastl1.SparseModel.from_coef(coef, 0.3, link="logit")
    scorer = paths.Scorer(500, model.features, model.weights.values, model.intercept)
    X = sp.random_array((20, 500), density=0.1, format="csr", rng=2)
    for i, wanted in enumerate(model.predict(X)):
        a, b = X.indptr[i : i + 2]
        got = scorer.score(X.indices[a:b].astype(np.int32), X.data[a:b])
        assert got == wanted
    with pytest.raises(ValueError, match="indices has one that is no feature"):
        scorer.score(np.array([500], np.int32), np.ones(1))


@needs_headers
def test_c_extension_descends(outside, problem):
    descent = load(outside, "descent")
    X, y = problem
    w, r = np.zeros(30), y.copy()
    descent.lasso(np.ascontiguousarray(X.T), r, w, 4.0, 300)
    wanted = fastl1.path(X, y, alphas=[4.0 / 80], fit_intercept=False, tol=1e-12)
    np.testing.assert_allclose(w, wanted.coefs.toarray()[:, 0], atol=1e-7)
    np.testing.assert_allclose(r, y - X @ w, atol=1e-12)
    with pytest.raises(ValueError, match="do not fit"):
        descent.lasso(np.ascontiguousarray(X.T), r, w[:7].copy(), 4.0, 1)
    with pytest.raises(ValueError, match="l1 is negative, infinite or NaN"):
        descent.lasso(np.ascontiguousarray(X.T), r, w, -4.0, 1)


IN_THREAD = """
import numpy as np, without_gil
data = np.load("data.npz")
status, coef, eta, text = without_gil.fit_in_thread(data["columns"], data["y"])
assert status == 0, (status, text)
assert text == "", text  # that of this thread, which has made no error
np.savez("out.npz", coef=np.frombuffer(coef), eta=np.frombuffer(eta))
"""


@needs_headers
def test_no_function_needs_the_gil(tmp_path):
    compile_extension(tmp_path, HERE / "without_gil.c")
    rng = np.random.default_rng(2)
    X, y = np.asfortranarray(rng.standard_normal((60, 8))), rng.standard_normal(60)
    np.savez(tmp_path / "data.npz", columns=np.ascontiguousarray(X.T), y=y)
    run(sys.executable, "-c", IN_THREAD, cwd=tmp_path)
    out = np.load(tmp_path / "out.npz")
    wanted = fastl1.path(X, y, alphas=[0.01], fit_intercept=False, tol=1e-9)
    np.testing.assert_array_equal(out["coef"], wanted.coefs.toarray()[:, 0])
    np.testing.assert_allclose(out["eta"], X @ out["coef"], rtol=1e-12)


@needs_headers
def test_older_library_is_an_import_error(tmp_path):
    later = tmp_path / "include"
    later.mkdir()
    header = Path(fastl1.get_include(), "fastl1.h").read_text()
    now, count = re.subn(r"(#define FL1_ABI_VERSION) \d+", r"\1 99", header)
    assert count == 1
    (later / "fastl1.h").write_text(now)
    source = tmp_path / "later.c"
    source.write_text(
        "#include <Python.h>\n#include <fastl1.h>\n"
        'static PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "later"};\n'
        "PyMODINIT_FUNC PyInit_later(void) {\n"
        "    return fl1_import() < 0 ? NULL : PyModule_Create(&module);\n}\n"
    )
    compile_extension(tmp_path, source, later)
    with pytest.raises(ImportError, match=r"version 99 of fastl1's.*has version \d+:"):
        load(tmp_path, "later")


INSPECT = r"""
#include <stdio.h>
#include <fastl1.h>
#define OFFSET(type, field) printf("%zu ", offsetof(type, field))
int main(void) {
    fl1_matrix matrix;
    FL1_INIT(matrix);
    OFFSET(fl1_matrix, indptr);
    OFFSET(fl1_coefs, link);
    OFFSET(fl1_problem, poll);
    OFFSET(fl1_solver_info, n_iter);
    OFFSET(fl1_path, status);
    OFFSET(fl1_api, solver_certify);
    printf("%zu %s", matrix.struct_size, fl1_strerror(FL1_OK));
    return 0;
}
"""


@pytest.mark.parametrize("language", ["c99", "c++11"])
def test_header_is_strict_c_and_cpp(tmp_path, language):
    compiler = CXX if "+" in language else CC
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    source = tmp_path / ("inspect.cpp" if "+" in language else "inspect.c")
    source.write_text(INSPECT)
    include = f"-I{fastl1.get_include()}"
    run(
        *(compiler, f"-std={language}", *STRICT, include),
        *(source, "-o", "inspect"),
        cwd=tmp_path,
    )
    assert run(tmp_path / "inspect", cwd=tmp_path) == "72 64 88 48 72 200 80 "


def check_plain(text, level=None):
    """The three lines that the program prints."""
    first, second, third = (line.split() for line in text.splitlines())
    w = np.array([0.25, -1.0, 0.0, 2.0, 0.125])
    X = np.zeros((3, 5))
    X[0, [0, 3]], X[2, [1, 4]] = (1.0, -2.0), (0.5, 3.0)
    eta = 1 / (1 + np.exp(-X @ w))
    np.testing.assert_allclose(np.array(first, float), eta, rtol=1e-14)
    prox = fastl1.soft_threshold(w, 0.5) / 1.1
    np.testing.assert_allclose(np.array(second, float), prox, rtol=1e-15)
    column = np.array([2.0, 1.0, -1.0])
    product = column @ (eta - 2 * column)
    np.testing.assert_allclose(float(third[0]), product, rtol=1e-14)
    assert level is None or third[1] == level


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The folder in which the commands of the page have been run."""
    if not CSRC.exists():
        pytest.skip("needs the C sources")
    folder = tmp_path_factory.mktemp("plain")
    (folder / "csrc").symlink_to(CSRC)
    for name in ("plain.c", "plain.sh"):
        (folder / name).write_text(blocks()[name])
    text = run("sh", "-e", "plain.sh", cwd=folder, CC=CC, CFLAGS="-O1", LD_PRELOAD="")
    check_plain(text)
    return folder


@pytest.mark.parametrize("level", fastl1._runtime.config()["isa_available"])
def test_plain_c_program_runs_at_every_level(plain, level):
    check_plain(run("./plain", level, cwd=plain), level)


def test_plain_c_program_knows_no_other_level(plain):
    done = subprocess.run([plain / "plain", "v5"], check=False)
    assert done.returncode == 1


def test_plain_c_program_under_sanitizers(plain, tmp_path):
    flags = ["-O1", "-g", "-fopenmp-simd", "-fsanitize=address,undefined"]
    sources = [plain / "plain.c", CSRC / "level_baseline.c", CSRC / "dispatch.c"]
    command = [CC, "-std=gnu11", *flags, "-fno-sanitize-recover", f"-I{CSRC}", *sources]
    built = subprocess.run(
        [*command, "-lm", "-o", tmp_path / "plain"],
        env={**os.environ, "LD_PRELOAD": ""},
        capture_output=True,
        text=True,
    )
    if "cannot find" in built.stderr:
        pytest.skip("needs the sanitizers' libraries")
    assert built.returncode == 0, built.stderr
    check_plain(run(tmp_path / "plain", cwd=tmp_path, LD_PRELOAD=""), "baseline")


def test_flags_are_for_every_level_and_safe_to_ship():
    if not CSRC.exists():
        pytest.skip("needs the C sources")
    common, *levels = (CSRC / "flags.txt").read_text().splitlines()
    sources = [line.split()[0] for line in levels]
    assert sources[0] == "level_baseline.c"
    assert sorted(sources) == sorted(path.name for path in CSRC.glob("level_*.c"))
    for flag in " ".join([common, *levels]).split():
        assert flag not in ("-ffast-math", "-Ofast", "-march=native")
