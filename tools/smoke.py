"""First steps with an installed fastl1: works with only numpy and scipy beside it."""

import importlib.util
from pathlib import Path

import numpy as np

import fastl1
from fastl1 import _capi

fastl1.show_config()

rng = np.random.default_rng(0)
X = rng.standard_normal((200, 500))
y = X[:, :5] @ [3.0, -2.0, 1.5, 1.0, -1.0] + rng.standard_normal(200)

path = fastl1.path(X, y, tol=1e-8)
assert path.converged.all()
assert (path.dual_gaps <= 1e-8).all()
assert path.coefs.shape == (500, 100)
assert path.coefs[:, [30]].nnz < 60

labels = np.where(y > 0, "yes", "no")
logistic = fastl1.path(X, labels, loss="logistic", n_alphas=10, alpha_min_ratio=0.1)
predicted = logistic.predict(X, alpha=logistic.alphas[-1], type="class")
assert (predicted == labels).mean() > 0.9

np.testing.assert_allclose(
    fastl1.alpha_max(X, y), np.abs(X.T @ (y - y.mean())).max() / 200
)

# what embeds fastl1 finds its header, and the table behind it
assert (Path(fastl1.get_include()) / "fastl1.h").is_file()
assert "fl1_api" in repr(_capi.fl1_api)

# the estimators need scikit-learn, and say so
if importlib.util.find_spec("sklearn") is None:
    message = ""
    try:
        getattr(fastl1, "Lasso")  # noqa: B009
    except ImportError as error:
        message = str(error)
    assert "fastl1[sklearn]" in message, message
print("smoke test passed")
