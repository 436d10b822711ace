"""Data of the tasks: synthetic sets made from a seed, real ones read from a folder.

A data set is a folder of ``.npy`` files: ``X`` (float64, Fortran order) or ``data``,
``indices``, ``indptr``, ``shape`` of a CSC matrix, and ``y``.  Plain files, so that R
reads the same bits.  Real sets come from the folder that the environment variable
FASTL1_BENCH_DATA names.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp


class DataMissing(Exception):
    """Data cannot be had here; the message says why."""


@dataclass(frozen=True)
class Synthetic:
    """A design with a planted sparse model, signal-to-noise ratio 3."""

    n: int
    p: int
    informative: int
    density: float | None = None  # None: dense columns with correlation 0.6^|j - k|
    targets: int | None = None  # y has so many columns, a model each

    def make(self):
        rng = np.random.default_rng(0)
        if self.density is None:
            X = correlated_design(self.n, self.p, 0.6, rng)
            candidates = self.p
        else:
            X = text_design(self.n, self.p, self.density, rng)
            candidates = np.argsort(-np.diff(X.indptr))[: self.p // 5]
        if self.targets is None:
            return X, self.target(X, candidates, rng)
        ys = [self.target(X, candidates, rng) for _ in range(self.targets)]
        return X, np.asfortranarray(np.column_stack(ys))

    def target(self, X, candidates, rng):
        w = np.zeros(self.p)
        support = rng.choice(candidates, self.informative, replace=False)
        w[support] = rng.standard_normal(self.informative)
        signal = X @ w
        noise = rng.standard_normal(self.n)
        scale = np.linalg.norm(signal) / (3.0 * np.linalg.norm(noise))
        return signal + scale * noise


@dataclass(frozen=True)
class Stacked:
    """Small independent Gaussian problems, one below the other."""

    problems: int
    rows: int
    p: int
    informative: int

    def make(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.problems * self.rows, self.p))
        y = np.empty(len(X))
        for b in range(self.problems):
            at = slice(b * self.rows, (b + 1) * self.rows)
            support = rng.choice(self.p, self.informative, replace=False)
            y[at] = X[at, support] @ rng.standard_normal(self.informative)
        return X, y + rng.standard_normal(len(y))


@dataclass(frozen=True)
class Classes:
    """Correlated dense columns, and labels of a planted sparse softmax model."""

    n: int
    p: int
    classes: int
    informative: int

    def make(self):
        rng = np.random.default_rng(0)
        X = correlated_design(self.n, self.p, 0.6, rng)
        W = np.zeros((self.p, self.classes))
        for k in range(self.classes):
            support = rng.choice(self.p, self.informative, replace=False)
            W[support, k] = rng.standard_normal(self.informative)
        eta = X @ W
        noise = rng.gumbel(size=eta.shape) * eta.std() / 3
        return X, (eta + noise).argmax(axis=1).astype(np.float64)


@dataclass(frozen=True)
class Amounts:
    """Correlated dense columns, and counts or claims of mean exp(eta).

    Claims are compound Poisson, with many zeros, of the variance 2 mu^1.5.
    """

    n: int
    p: int
    informative: int
    claims: bool = False

    def make(self):
        rng = np.random.default_rng(0)
        X = correlated_design(self.n, self.p, 0.6, rng)
        mu = np.exp(planted(X, self.informative, rng) - 0.25)
        y = rng.poisson(np.sqrt(mu) if self.claims else mu).astype(np.float64)
        if self.claims:
            y[y > 0] = rng.gamma(y[y > 0])
            y *= np.sqrt(mu)
        return X, y


@dataclass(frozen=True)
class Lifetimes:
    """Times of hazard exp(eta), no two alike, some censored; y is event, time."""

    n: int
    p: int
    informative: int
    density: float | None = None  # None: dense

    def make(self):
        rng = np.random.default_rng(0)
        if self.density is None:
            X = correlated_design(self.n, self.p, 0.6, rng)
        else:
            X = text_design(self.n, self.p, self.density, rng)
        death = rng.exponential(np.exp(-2 * planted(X, self.informative, rng)))
        censored = rng.exponential(2 * np.median(death), self.n)
        time = np.minimum(death, censored)
        return X, np.column_stack([death <= censored, time]).astype(np.float64)


@dataclass(frozen=True)
class Real:
    """An ``.npz``: ``X, y``, or ``data, indices, indptr, shape, y`` (counts, CSR)."""

    file: str
    split_at_median: bool = (
        False  # many classes: the lower half of them against the rest
    )
    classes: bool = False  # y as it is

    def make(self):
        folder = os.environ.get("FASTL1_BENCH_DATA")
        if not folder:
            raise DataMissing("FASTL1_BENCH_DATA is not set")
        path = Path(folder, self.file)
        if not path.exists():
            raise DataMissing(f"FASTL1_BENCH_DATA has no {self.file}")
        with np.load(path, allow_pickle=False) as z:
            y = z["y"].astype(np.float64)
            if "X" in z.files:
                X = standardized(z["X"].astype(np.float64))
            else:
                parts = z["data"].astype(np.float64), z["indices"], z["indptr"]
                X = tf_idf(sp.csr_matrix(parts, shape=tuple(z["shape"])))
        if self.classes:
            return X, y
        if self.split_at_median or len(np.unique(y)) == 2:
            y = as_labels(y)
        else:
            y = y - y.mean()
        return X, y


SETS = {
    "wide": Synthetic(500, 20_000, 100),
    "tall": Synthetic(100_000, 500, 50),
    "text": Synthetic(20_000, 50_000, 300, density=1e-3),
    "targets": Synthetic(5000, 1000, 30, targets=200),
    "widetargets": Synthetic(500, 20_000, 30, targets=200),
    "stack": Stacked(20_000, 100, 20, 5),
    "tinytargets": Synthetic(80, 30, 5, targets=4),
    "tinystack": Stacked(6, 30, 8, 3),
    "tinydense": Synthetic(60, 90, 8),
    "tinysparse": Synthetic(200, 300, 20, density=3e-2),
    "classes": Classes(3000, 1000, 10, 20),
    "tinyclasses": Classes(60, 20, 3, 4),
    "counts": Amounts(100_000, 200, 30),
    "claims": Amounts(100_000, 200, 30, claims=True),
    "lifetimes": Lifetimes(1500, 4000, 30),
    "textlifetimes": Lifetimes(5000, 10_000, 100, density=2e-3),
    "tinycounts": Amounts(80, 12, 4),
    "tinyclaims": Amounts(80, 12, 4, claims=True),
    "tinylifetimes": Lifetimes(60, 30, 4),
    "20groups": Real("news20groups_bydate.npz", classes=True),
    "20news": Real("news20groups_bydate.npz", split_at_median=True),
    "snp": Real("mice_snp_bmi.npz"),
    "leukemia": Real("golub_leukemia.npz"),
    "arcene": Real("arcene.npz"),
}


def prepare(name, root):
    """Folder of data set ``name`` below ``root``, made if it is not there yet."""
    folder = Path(root, name)
    if folder.exists():
        return folder
    X, y = SETS[name].make()
    aside = Path(root, f".{name}.{os.getpid()}")
    store(aside, X, y)
    try:
        aside.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(aside)
    return folder


def store(folder, X, y):
    """Write a data set to a new folder."""
    folder.mkdir(parents=True)
    if sp.issparse(X):
        X = sp.csc_matrix(X)
        X.sort_indices()
        np.save(folder / "data.npy", X.data.astype(np.float64))
        np.save(folder / "indices.npy", X.indices.astype(np.int32))
        np.save(folder / "indptr.npy", X.indptr.astype(np.int32))
        np.save(folder / "shape.npy", np.array(X.shape))
    else:
        np.save(folder / "X.npy", np.asfortranarray(X))
    np.save(folder / "y.npy", y)


def load(folder):
    """``(X, y)`` with X a Fortran-ordered array or a csc_matrix with int32 indices."""
    y = np.load(folder / "y.npy")
    if (folder / "X.npy").exists():
        return np.load(folder / "X.npy"), y
    parts = tuple(np.load(folder / f"{k}.npy") for k in ("data", "indices", "indptr"))
    return sp.csc_matrix(parts, shape=tuple(np.load(folder / "shape.npy"))), y


def as_labels(y):
    """Two values as -1 and 1; more are split at the median."""
    values = np.unique(y)
    upper = y == values[1] if len(values) == 2 else y > np.median(y)
    return np.where(upper, 1.0, -1.0)


def correlated_design(n, p, rho, rng):
    """Gaussian columns with corr(x_j, x_k) = rho^|j - k|, Fortran order."""
    X = np.empty((n, p), order="F")
    X[:, 0] = rng.standard_normal(n)
    for j in range(1, p):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(n)
    return X


def planted(X, informative, rng):
    """X w, centred, of standard deviation 0.7; so many of w are not 0."""
    n, p = X.shape
    often = np.arange(p)
    if sp.issparse(X):
        often = np.argsort(-np.diff(X.indptr))[: p // 5]
    w = np.zeros(p)
    w[rng.choice(often, informative, replace=False)] = rng.standard_normal(informative)
    eta = X @ w
    return 0.7 * (eta - eta.mean()) / eta.std()


def text_design(n, p, density, rng):
    """Like tf-idf: power-law document frequencies, skewed counts, unit rows (CSC)."""
    frequency = 1.0 / (np.arange(p) + 30.0) ** 0.9
    frequency = np.minimum(frequency * density * p / frequency.sum(), 0.5)
    columns = [
        np.unique(rng.integers(0, n, max(1, rng.poisson(f * n)))) for f in frequency
    ]
    counts = np.array([len(c) for c in columns])
    indices = np.concatenate(columns)
    idf = np.repeat(np.log(n / counts), counts)
    values = (1 + np.log(1 + rng.exponential(1.0, len(indices)))) * idf
    X = sp.csc_matrix((values, indices, np.r_[0, np.cumsum(counts)]), shape=(n, p))
    return unit_rows(X[:, rng.permutation(p)])


def tf_idf(counts):
    """log(1 + count) times inverse document frequency, unit rows, no empty columns."""
    X = counts.tocsc()
    X.data = np.log1p(X.data)
    documents = np.diff(X.indptr)
    X, documents = X[:, documents > 0], documents[documents > 0]
    return unit_rows(X @ sp.diags(np.log(X.shape[0] / documents) + 1))


def unit_rows(X):
    """Rows of norm one (a row of zeros stays), as CSC with sorted indices."""
    norm = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    X = sp.csc_matrix(sp.diags(1 / np.where(norm > 0, norm, 1.0)) @ X)
    X.sort_indices()
    return X


def standardized(X):
    """Columns centred and scaled to variance one; constant ones dropped."""
    X = X - X.mean(axis=0)
    scale = X.std(axis=0)
    return X[:, scale > 1e-9] / scale[scale > 1e-9]
