"""What a call costs through fastl1's C table, and from Python.

python -m benchmarks.embedding        needs a C compiler and Python's headers

CPU time of one thread; the contenders take turns, and the best turn counts.
"""

import tempfile
import time

import numpy as np

import fastl1

from .extension import build

TURNS = 15


def timed(function, times):
    """Seconds of CPU per call, and the last result."""
    value = None
    start = time.thread_time()
    for _ in range(times):
        value = function()
    return (time.thread_time() - start) / times, value


def best(contenders):
    """{name: seconds of the best turn}; the values have to agree."""
    least = dict.fromkeys(contenders, np.inf)
    for _ in range(TURNS):
        values = []
        for name, run in contenders.items():
            seconds, value = run()
            least[name] = min(least[name], seconds)
            values.append(value)
        np.testing.assert_allclose(values, values[0], rtol=1e-9, atol=1e-12)
    return least


def one_row(calls):
    """50 nonzeros among 10^6 features, of which 1 % are kept."""
    rng = np.random.default_rng(0)
    p = 1_000_000
    features = np.sort(rng.choice(p, p // 100, replace=False))
    values = rng.standard_normal(len(features))
    model = fastl1.SparseModel(features, values, 0.0, p)
    predictor = model.predictor("link")
    # half of the entries meet a kept feature
    kept = rng.choice(features, 25, replace=False)
    indices = np.unique(np.r_[kept, rng.integers(0, p, 25)]).astype(np.int32)
    x = rng.standard_normal(len(indices))
    return best(
        {
            "fl1->predict_row": lambda: calls.row(
                p, features, values, indices, x, 20_000
            ),
            "Predictor": lambda: timed(lambda: predictor(indices, x), 20_000),
        }
    )


def small_lasso(calls):
    """100 rows, 20 columns, one alpha, from scratch: the gap agrees."""
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.standard_normal((100, 20)))
    y = X[:, :3].sum(axis=1) + rng.standard_normal(100)
    columns, alpha = np.ascontiguousarray(X.T), 0.1 * fastl1.alpha_max(X, y)

    def path():
        found = fastl1.path(X, y, alphas=[alpha], fit_intercept=False, n_threads=1)
        return found.dual_gaps[0]

    return best(
        {
            "fl1->solver_*": lambda: calls.lasso(columns, y, alpha, 500),
            "fastl1.path": lambda: timed(path, 100),
        }
    )


def column_product(calls):
    """A column of 100 float64 with a vector."""
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((2, 100))
    return best(
        {
            "fl1->col_dot": lambda: calls.dot(x, v, 100_000),
            "x @ v (NumPy)": lambda: timed(lambda: x @ v, 20_000),
        }
    )


def main():
    fastl1.show_config()
    with tempfile.TemporaryDirectory() as folder:
        calls = build(folder)
        for task in (one_row, small_lasso, column_product):
            print(f"\n{task.__doc__}")
            for name, seconds in task(calls).items():
                print(f"  {name:<18} {1e6 * seconds:9.3f} µs")


if __name__ == "__main__":
    main()
