"""The inference benchmark: small tasks in this process, and the command."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.inference import measure, run, tasks


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    monkeypatch.setattr(measure, "PAUSE", 0.0)


@pytest.mark.parametrize(
    "task", ["row", "batch", "batch-all", "dense", "threshold", "onnx"]
)
def test_figures_are_consistent(task):
    for figure in tasks.TASKS[task](1, True):
        values = [figure["ours"], *figure["peers"].values(), figure["bytes"]]
        assert np.isfinite(values).all()
        assert min(values) > 0
        text = "\n".join(run.lines(figure))
        assert figure["figure"] in text
        for what, bound, value, sign in figure["must"]:
            assert value > 0
            holds = value >= (bound or 0) if sign == ">=" else value <= bound
            word = "" if bound is None else "met " if holds else "SHORT"
            assert f"{word} {run.number(value)} {what}" in text


def test_a_wrong_answer_is_no_figure():
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        tasks.check(np.ones(3), np.array([[1.0], [1.0], [1.1]]))


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    out = tmp_path / "figures.json"
    arguments = ["row", "--quick", "--threads", "1", "--out", str(out)]
    assert run.main(arguments) == 0
    assert "one CSR row of 50 nonzeros" in capsys.readouterr().out
    (figure,) = json.loads(out.read_text())["figures"]
    assert figure["unit"] == "µs"
    with pytest.raises(SystemExit):
        run.main(["no-such-task"])
    assert "no task" in capsys.readouterr().err
