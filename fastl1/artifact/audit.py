"""What is inside a model file, byte for byte, and whether rows could hide there."""

from typing import Any

from fastl1.artifact.container import unpack
from fastl1.artifact.content import decode, encode

LONGEST_LIST = 256  # more values than this in the lineage could be one a row
LONGEST_TEXT = 4096
_TENSORS = {
    "values": ("coefficients", "nonzero coefficients"),
    "intercept": ("constant terms", "outputs"),
    "gaps": ("places of the coefficients", "nonzero coefficients"),
    "indices": ("features of the coefficients", "nonzero coefficients"),
    "scales": ("scales of the coefficients", "outputs"),
    "exponents": ("powers of 2 of the coefficients", "nonzero coefficients"),
    "runs": ("where the powers change", "nonzero coefficients"),
    "names": ("names of the features", "features"),
    "kept_names": ("names of the features in use", "kept features"),
}


def audit(data: bytes, source: str = "model") -> dict[str, Any]:
    """Account for every byte of a ``.fl1`` file.

    Parameters
    ----------
    data : bytes
        Content of the file.
    source : str
        What to call it in errors.

    Returns
    -------
    dict
        ``bytes`` and ``header_bytes``; ``schema``; ``tensors``, a list of dicts of
        ``name, dtype, shape, bytes, holds, size_from`` (what its size depends on);
        ``metadata``, a list of ``[path, value]`` of everything in the header;
        ``from_training_data``, sentences on what was
        copied from the data, such as levels of categories; ``unexplained``, sentences
        on whatever could hold rows: tensors that are not the model's, bytes beyond the
        file's one form, long lists and texts in the lineage.  Without such, sizes
        depend on features, outputs and levels, not on the number of rows.

    Raises
    ------
    ModelFileError
        Not a model.
    """
    content = decode(data, source)
    metadata, tensors = unpack(data)
    unexplained = []
    listed = []
    for name, array in tensors.items():
        holds, size_from = _TENSORS.get(name, ("?", "?"))
        if name not in _TENSORS:
            unexplained.append(f"tensor {name!r} ({array.nbytes} bytes)")
        listed.append(
            {
                "name": name,
                "dtype": array.dtype.name,
                "shape": list(array.shape),
                "bytes": array.nbytes,
                "holds": holds,
                "size_from": size_from,
            }
        )
    if metadata["schema"] == "1":
        unexplained.append("schema 1 is not checked for hidden bytes: save it again")
    elif encode(content) != data:
        unexplained.append("bytes that saving the model again would not write")
    inside = list(_leaves("lineage", content.lineage))
    if len(inside) > LONGEST_LIST:
        unexplained.append(f"lineage: {len(inside)} values")
    for place, value in inside:
        if isinstance(value, list) and len(value) > LONGEST_LIST:
            unexplained.append(f"{place}: a list of {len(value)}")
        elif isinstance(value, str) and len(value) > LONGEST_TEXT:
            unexplained.append(f"{place}: a text of {len(value)} characters")
    for place in ("metadata", "model"):
        unexplained += [
            f"unknown {place} {key!r}" for key in content.unknown.get(place, ())
        ]
    parts = {
        "schema": metadata["schema"],
        "link": content.link,
        "n_features": content.weights.n_features,
        "n_outputs": content.weights.n_outputs,
        "precision": content.weights.precision,
        "classes": None if content.classes is None else content.classes.tolist(),
        "output_names": content.output_names,
    }
    stated = [pair for key, value in parts.items() for pair in _leaves(key, value)]
    for place, value in (("columns", content.columns), ("lineage", content.lineage)):
        stated += _leaves(place, value or {})
    return {
        "bytes": len(data),
        "header_bytes": 8 + int.from_bytes(data[:8], "little"),
        "schema": int(metadata["schema"]),
        "tensors": listed,
        "metadata": [list(pair) for pair in stated],
        "from_training_data": list(_copied(content.columns)),
        "unexplained": unexplained,
    }


def _leaves(place, value):
    """(path, value) of what a JSON value holds; a list of scalars is one value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(f"{place}.{key}", item)
    elif isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        for k, item in enumerate(value):
            yield from _leaves(f"{place}[{k}]", item)
    else:
        yield place, value


def _copied(columns):
    """Sentences on what a column treatment has from the training data."""
    std = (columns or {}).get("std", [])
    for k, spec in enumerate((columns or {}).get("columns", [])):
        name = spec["name"]
        if "mean" in spec:
            yield f"column {name!r}: its mean"
        if k < len(std):
            yield f"column {name!r}: standard deviations of its features"
        for key, what in (
            ("levels", "levels"),
            ("tokens", "texts for missing numbers"),
        ):
            if spec.get(key):
                yield f"column {name!r}: {len(spec[key])} {what}"


def inspect(model: Any) -> dict[str, Any]:
    """Everything a `SparseModel` is, as JSON types; see its `inspect`."""
    weights, labels = model.weights, model.output_labels()
    names, values = model.kept_names(), model.values.tolist()
    if weights.n_outputs == 1:
        coefficients: dict[str, Any] = dict(zip(names, values, strict=True))
    else:
        coefficients = {name: {} for name in names}
        ends = weights.indptr.tolist()
        for k, name in enumerate(names):
            for i in range(ends[k], ends[k + 1]):
                label = str(labels[int(weights.outputs[i])])
                coefficients[name][label] = values[i]
    intercept = model.intercept
    if weights.n_outputs > 1:
        intercept = dict(zip(map(str, labels), intercept.tolist(), strict=True))
    return {
        "link": model.link,
        "classes": None if model.classes is None else model.classes.tolist(),
        "outputs": weights.n_outputs,
        "output_names": model.output_names,
        "features": weights.n_features,
        "kept": len(weights.features),
        "nonzero": weights.nnz,
        "precision": weights.precision,
        "intercept": intercept,
        "coefficients": coefficients,
        "required": model.required_features(),
        "columns": None if model.columns is None else model.columns.to_dict(),
        "lineage": model.metadata,
    }
