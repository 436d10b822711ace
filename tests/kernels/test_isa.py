"""The instruction-set level: chosen at import, overridable, same results."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fastl1 import _runtime

LEVELS = ("baseline", "v3", "v4")
CSRC = Path(__file__).parents[2] / "csrc"

FIT = """
import sys
import numpy as np
from fastl1 import _runtime
from fastl1.kernels.solver._solver import Solver

rng = np.random.default_rng(0)
X = np.asfortranarray(rng.standard_normal((83, 37)) @ rng.standard_normal((37, 37)))
eta = X[:, :3].sum(axis=1) + rng.standard_normal(83)
results = []
for loss, y in (("squared", eta), ("logistic", (eta > 0).astype(float))):
    solver = Solver(
        X, y, loss=loss, l1_ratio=1.0, penalty_factor=None, lower=None, upper=None,
        fit_intercept=True, standardize=False, sample_weight=None, offset=None,
        n_threads=1,
    )
    assert solver.solve(0.1 * solver.alpha_max, 1e-12, 10_000) == 0
    results += [solver.alpha_max, solver.intercept, *solver.coef]
print(_runtime.isa)
np.savetxt(sys.stdout, results)
"""


def python(code, isa):
    env = {key: value for key, value in os.environ.items() if key != "FASTL1_ISA"}
    if isa is not None:
        env["FASTL1_ISA"] = isa
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True
    )


@pytest.mark.parametrize("isa", _runtime.config()["isa_available"])
def test_level_is_honoured_and_changes_rounding_only(isa):
    asked = python(FIT, isa)
    assert asked.returncode == 0, asked.stderr
    level, *results = asked.stdout.split()
    assert level == isa
    best = python(FIT, None).stdout.split()
    assert best[0] == _runtime.config()["isa_available"][-1]
    np.testing.assert_allclose(
        np.array(results, float), np.array(best[1:], float), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("isa", ["v5", "V3", "avx2", "base", "baselines"])
def test_unknown_level_is_an_import_error(isa):
    asked = python("import fastl1", isa)
    assert asked.returncode != 0
    assert f"ImportError: FASTL1_ISA={isa!r} is not a level" in asked.stderr
    assert "choose one of baseline" in asked.stderr


def test_empty_level_means_the_best():
    asked = python("from fastl1 import _runtime; print(_runtime.isa)", "")
    assert asked.stdout.strip() == _runtime.config()["isa_available"][-1]


@pytest.mark.parametrize(
    ("lacks", "runs"),
    [("avx512", LEVELS[:2]), ("avx512dq", LEVELS[:2]), ("bmi2", LEVELS[:1])],
)
def test_level_above_the_cpu_is_refused(lacks, runs, tmp_path):
    """The choice itself, compiled for a CPU that lacks a feature."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not CSRC.exists():
        pytest.skip("needs a C compiler and the C sources")
    source = tmp_path / "choice.c"
    source.write_text(
        f"""
        #include <string.h>
        #define FL1_X86_LEVELS
        #define __builtin_cpu_supports(feature) (!strstr(feature, "{lacks}"))
        #include "dispatch.c"
        const fl1_ops fl1_ops_baseline = {{.level = "baseline"}};
        const fl1_ops fl1_ops_v3 = {{.level = "v3"}};
        const fl1_ops fl1_ops_v4 = {{.level = "v4"}};
        const char *chosen(const char *asked) {{
            const fl1_ops *ops = fl1_ops_select(asked);
            return ops ? ops->level : NULL;
        }}
        """
    )
    library = tmp_path / "choice.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", f"-I{CSRC}", "-o", library, source], check=True
    )
    chosen = ctypes.CDLL(str(library)).chosen
    chosen.restype = ctypes.c_char_p
    for level in LEVELS:
        assert chosen(level.encode()) == (level.encode() if level in runs else None)
    assert chosen(b"") == runs[-1].encode()
    assert chosen(None) == runs[-1].encode()


def test_show_config(capsys):
    import fastl1

    fastl1.show_config()
    shown = dict(
        line.split(":", 1) for line in capsys.readouterr().out.strip().splitlines()
    )
    shown = {key.strip(): value.strip() for key, value in shown.items()}
    assert shown["fastl1"] == fastl1.__version__
    assert shown["isa"] == _runtime.isa
    assert shown["openmp"] in ("True", "False")
    assert int(shown["threads"]) >= 1
    assert shown["compiler"]
