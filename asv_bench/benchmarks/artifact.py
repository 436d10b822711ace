"""Model files: reading, writing, their size; 1e6 features, one in a hundred kept."""

import numpy as np

from fastl1.model.sparse_model import SparseModel


class Artifact:
    """One output, and ten."""

    params = ([1, 10], ["float32", "int8"])
    param_names = ["n_outputs", "precision"]

    def setup(self, n_outputs, precision):
        rng = np.random.default_rng(0)
        indices = np.sort(rng.choice(10**6, 10**4, replace=False))
        values = rng.standard_normal((10**4, n_outputs)).astype(np.float32)
        if n_outputs == 1:
            values = values[:, 0]
        model = SparseModel(indices, values, np.zeros(n_outputs), 10**6)
        self.model = model.quantize(precision)
        self.data = self.model.to_bytes()

    def time_to_bytes(self, n_outputs, precision):
        self.model.to_bytes()

    def time_from_bytes(self, n_outputs, precision):
        SparseModel.from_bytes(self.data)

    def time_quantize(self, n_outputs, precision):
        self.model.quantize("int4")

    def time_diff(self, n_outputs, precision):
        self.model.diff(self.model)

    def track_bytes_per_coefficient(self, n_outputs, precision):
        return len(self.data) / self.model.nnz
