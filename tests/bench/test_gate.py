"""The gate of instruction counts: what it parses and lets through, one real run."""

import copy
import json
import sys
from pathlib import Path

import pytest

import fastl1

sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.gate import counts, run, wall
from benchmarks.gate.compare import compare

# As callgrind writes it: costs of a function follow its line, those of a call follow
# "calls=", and lines "fi=" and "fe=" only change the source file.
DUMP = """\
# callgrind format
version: 1
pid: 1
desc: Trigger: Client Request: lasso-wide
positions: line
events: Ir
ob=/usr/bin/python3
fl=???
fn=_PyEval
0 70000
cob=/here/fastl1/kernels/_design.cpython-311-x86_64-linux-gnu.so
cfi=???
cfn=__pyx_f_6fastl1_7kernels_7_design_design_xtv
calls=3 0
0 900

ob=/here/fastl1/kernels/_design.cpython-311-x86_64-linux-gnu.so
fl=???
fn=__pyx_f_6fastl1_7kernels_7_design_design_xtv
0 100
fi=other.c
+3 20
fe=???
cob=/here/fastl1/_runtime.cpython-311-x86_64-linux-gnu.so
cfn=dense_dot_f64
calls=5 0
* 700
0 4
fn=__pyx_f_6fastl1_7kernels_7_design_design_xtv._omp_fn.0
0 6
ob=/here/fastl1/_runtime.cpython-311-x86_64-linux-gnu.so
fn=dense_dot_f64.constprop.0
0 700
ob=/elsewhere/fastl1/_runtime.cpython-311-x86_64-linux-gnu.so
fn=dense_dot_f64
0 5555
ob=/here/fastl1/data.txt
fn=nothing
0 5555
"""


def test_only_code_of_the_package_is_counted_where_it_runs():
    name, functions = counts.parse(DUMP.splitlines(True), Path("/here/fastl1"))
    assert name == "lasso-wide"
    assert functions == {"dense_dot_f64": 700, "design_xtv": 130}


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("dense_dot_f64", "dense_dot_f64"),
        ("dense_dot_f64.part.0.isra.0", "dense_dot_f64"),
        ("walk'2", "walk"),
        ("__pyx_f_6fastl1_7_design_design_xtv", "design_xtv"),
        ("__pyx_f_6fastl1_7kernels_6solver_7_driver_finish", "finish"),
        ("__pyx_pw_6fastl1_8_kernels_6Design_5xtv", "xtv"),
        ("__pyx_pw_6fastl1_7_solver_6Solver_3set_coef", "set_coef"),
        ("__pyx_pf_6fastl1_7kernels_7_solver_6Solver_12set_coef", "set_coef"),
        ("__Pyx_PyObject_Call", "__Pyx_PyObject_Call"),
        ("0x0000000000004020", "0x0000000000004020"),
    ],
)
def test_a_function_keeps_its_name_when_its_module_moves(symbol, name):
    assert counts.short_name(symbol) == name


@pytest.fixture
def base():
    functions = {"dense_dot": 600_000, "axpy": 400_000}
    named = {"path": functions, "predict": {"gather": 5_000_000}}
    return {
        "toolchain": {"gcc": "12.2", "numpy": "2.4"},
        "counts": {"baseline": named, "v3": copy.deepcopy(named)},
        "failed": {"baseline": {}, "v3": {}},
    }


def test_a_rise_above_the_limit_fails_and_names_its_function(base):
    head = copy.deepcopy(base)
    assert compare(base, head)[1] == []
    functions = head["counts"]["v3"]["path"]
    functions["dense_dot"] += 5000  # .5 % of the workload
    assert compare(base, head)[1] == []
    functions["axpy"] -= 10_000
    functions["soft_threshold"] = 10_001
    report, failed = compare(base, head)
    assert failed == ["path v3"]
    rises = [line.split()[:2] for line in report if line.startswith("    ")]
    assert rises == [["+10,001", "soft_threshold"], ["+5,000", "dense_dot"]]
    assert compare(base, head, limit=1.0)[1] == []
    assert "geometric mean at baseline: 1.0000" in report
    assert "geometric mean at v3: 1.0025" in report


def test_a_workload_that_no_longer_runs_fails(base):
    head = copy.deepcopy(base)
    del head["counts"]["baseline"]["predict"]
    head["failed"]["baseline"]["predict"] = "AttributeError: gone"
    report, failed = compare(base, head)
    assert failed == ["predict baseline"]
    assert any("DOES NOT RUN: AttributeError: gone" in line for line in report)
    # one that is new has nothing to be compared with
    report, failed = compare(head, base)
    assert failed == []
    assert any(line.endswith("not in the base") for line in report)


def test_counts_of_two_toolchains_are_not_compared(base):
    head = copy.deepcopy(base)
    head["toolchain"]["gcc"] = "13.1"
    with pytest.raises(SystemExit, match=r"gcc \(12.2, 13.1\) differ"):
        compare(base, head)


def test_the_command_compares_files(base, tmp_path, capsys):
    head = copy.deepcopy(base)
    head["counts"]["v3"]["predict"]["gather"] += 100_000
    files = [tmp_path / "base.json", tmp_path / "head.json"]
    for file, found in zip(files, (base, head), strict=True):
        file.write_text(json.dumps(found))
    command = ["compare", *map(str, files)]
    assert run.main(command) == 1
    assert "FAILED: above 0.5 % or gone: predict v3" in capsys.readouterr().out
    assert run.main([*command, "--limit", "2.5"]) == 0


def test_without_valgrind_the_gate_says_that_it_was_skipped(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert run.main(["run"]) == 0
    assert capsys.readouterr().out.startswith("SKIPPED: ")
    with pytest.raises(SystemExit, match="valgrind is not installed"):
        run.main(["count", "--package", ".", "--out", "counts.json"])


PACKAGE = Path(fastl1.__file__).parents[1]


@pytest.mark.skipif(not counts.have_valgrind(), reason=counts.NEEDED)
def test_a_real_count():
    found = counts.count(PACKAGE, ["predict-row"], ["baseline"])
    assert found["failed"] == {"baseline": {}}
    functions = found["counts"]["baseline"]["predict-row"]
    # 5000 rows of about 50 entries, each of which is looked up
    assert 1_000_000 < functions["find_i32"] < sum(functions.values()) < 20_000_000


def test_a_folder_without_a_build_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="holds no built fastl1"):
        counts.count(tmp_path)


def test_seconds_of_two_builds(capsys):
    folder = str(PACKAGE)
    command = ["wall", "--base", folder, "--head", folder, "--rounds", "1"]
    assert run.main([*command, "--tasks", "predict-row"]) == 0
    head, wall_line, cpu_line = capsys.readouterr().out.splitlines()
    assert head.split() == ["task", "clock", "base", "head", "ratio", "least"]
    assert wall_line.split()[:2] == ["predict-row", "wall"]
    assert cpu_line.split()[:2] == ["predict-row", "cpu"]


def test_table_of_seconds_has_medians_and_least():
    rounds = {"base": [[2.0, 1.0], [4.0, 1.0], [9.0, 3.0]], "head": [[8.0, 0.5]] * 3}
    _, wall_line, cpu_line = wall.table({"path": rounds})
    assert wall_line.split() == [
        *("path", "wall", "4000.00", "8000.00", "2.000", "2000.00", "8000.00")
    ]
    assert cpu_line.split()[2:5] == ["1000.00", "500.00", "0.500"]
