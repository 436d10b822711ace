"""Reading files."""

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from fastl1.data.read import read_file


def test_svmlight_text_with_every_freedom(tmp_path):
    text = b"# head\n+1 qid:3 1:1e-1 7:2 # note 5:5\n\n -1\t3:.5\r\n0\n1 4:1 2:3"
    file = tmp_path / "a.svm"
    file.write_bytes(text)
    got = read_file(file)
    assert got.arrays["y"].tolist() == [1, -1, 0, 1]
    expected = np.zeros((4, 7))
    expected[0, [0, 6]] = 0.1, 2
    expected[1, 2] = 0.5
    expected[3, [3, 1]] = 1, 3
    assert got.X.toarray().tolist() == expected.tolist()
