"""Text with halves of characters, which no file can hold, is refused in words."""

import numpy as np
import pytest

from fastl1.data.columns import ColumnTreatment
from fastl1.model.sparse_model import SparseModel

BAD = "a\udc80"
NUMBERS = np.arange(60.0)


def column(*labels):
    return np.array(labels, object)[np.arange(60) % len(labels)]


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"feature_names": [BAD]}, "feature name"),
        ({"link": "logit", "classes": ["no", BAD]}, "class"),
        ({"metadata": {"note": BAD}}, "text in metadata"),
        ({"metadata": {"notes": {BAD: 1}}}, "key of metadata"),
        ({"output_names": [BAD]}, "output name"),
    ],
)
def test_models(given, what):
    with pytest.raises(ValueError, match=rf"^{what} 'a\\udc80' holds a lone surrogate"):
        SparseModel([0], [1.0], 0.0, 1, **given)


@pytest.mark.parametrize(
    "table", [{BAD: NUMBERS}, {"x": NUMBERS, "k": column("a", BAD, "c")}]
)
def test_columns(table):
    with pytest.raises(ValueError, match=r"'a\\udc80' holds a lone surrogate"):
        ColumnTreatment.learn(table)


def test_rows_are_predicted():
    """Text of rows is only compared or hashed: it is one more unknown category."""
    table = {"x": NUMBERS, "k": column("a", "b", "c")}
    rows = {"x": [1.0, 1.0], "k": [BAD, "z"]}
    for hashed in ((), ("k",)):
        treatment = ColumnTreatment.learn(table, hashed=hashed, hash_size=8)
        coef = np.arange(1.0, treatment.n_features + 1)
        model = SparseModel.from_coef(coef, 0.0, columns=treatment)
        got = model.predict(rows)
        assert np.isfinite(got).all()
        if not hashed:
            assert got[0] == got[1]
    named = SparseModel([0], [1.0], 0.0, 1, feature_names=["a"])
    assert named.predict([{BAD: 1.0}]).tolist() == [0.0]
