"""A column treatment of every kind, a table of hard cells, and models of them."""

from zlib import crc32

import numpy as np

from fastl1.data.columns import ColumnTreatment
from fastl1.data.kinds import Boolean, Category, Hashed, Number
from fastl1.model.sparse_model import SparseModel

TREATMENT = ColumnTreatment(
    [
        Number("age", 41.5, missing=3),
        Number("sum", -2e8, tokens=["?"]),
        Boolean("member", 0.25, missing=1),
        Category("job", ["clerk", "cook", "nurse", "ünïcode\n*/"], missing=2),
        Category("sex", ["m"], reference="f"),
        Category("zip", ["150", "151", "152.5"]),
        Hashed("device", 16, missing=4),
        Hashed("site", 1 << 20),
    ]
)
ROWS = 40
RNG = np.random.default_rng(0)
TABLE = {
    "age": np.where(np.arange(ROWS) % 5 == 0, np.nan, RNG.integers(0, 90, ROWS)),
    "sum": np.where(np.arange(ROWS) % 7 == 0, np.nan, 1e9 * RNG.random(ROWS)),
    "member": [None, True, False, True] * (ROWS // 4),
    "job": np.resize(["cook", " nurse ", "", "NA", "pilot", "ünïcode\n*/", None], ROWS),
    "sex": np.resize(np.array(["m", "f", None, "x"], object), ROWS),
    "zip": np.resize([150.0, 151, 152.5, np.nan, 7], ROWS),
    "device": np.resize(np.array(["a", "bb", "NaN", "é", None], object), ROWS),
    "site": np.resize(["s1", "s2", "s3"], ROWS),
}


def make(link="identity", outputs=1, density=1.0, seed=1):
    """A model of some of the features of TREATMENT."""
    rng = np.random.default_rng(seed)
    n_features, start = TREATMENT.n_features, int(TREATMENT.starts[-2])
    coef = np.zeros((outputs, n_features))
    few = rng.standard_normal((outputs, start)) * (
        rng.random((outputs, start)) < density
    )
    coef[:, :start] = few
    if density:  # two of a million hashes
        coef[
            :, start + np.array([crc32(site) % (1 << 20) for site in (b"s1", b"s3")])
        ] = 1
    coef[:, :2] *= 1e-2
    coef[:, 2] *= 1e-9  # of "sum"
    coef = coef if outputs > 1 else coef[0]
    intercept = rng.standard_normal(outputs)
    return SparseModel.from_coef(coef, intercept, link=link, columns=TREATMENT)
