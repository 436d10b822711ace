"""Files from an enemy: one clear error, bounded memory, no crash, nothing executed."""

import json
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastl1.artifact.container import pack, unpack
from fastl1.artifact.packing import decode_gaps, encode_gaps
from fastl1.data.columns import ColumnTreatment
from fastl1.exceptions import ModelFileError
from fastl1.model.sparse_model import SparseModel


def sample():
    """Models that between them have every part that a file can have."""
    rng = np.random.default_rng(0)
    names = [f"n{j}" for j in range(40)]
    coef = rng.standard_normal((3, 40)) * (rng.random((3, 40)) < 0.3)
    table = {"age": [1.0, 2, None, 4], "job": ["a", "b", "c", "a"]}
    treatment = ColumnTreatment.learn(table, hashed=["job"], hash_size=16)
    yield SparseModel([1, 5], [1.5, -2.0], 0.5, 9, feature_names=names[:9])
    yield SparseModel.from_coef(coef, np.ones(3), link="softmax", classes=list("abc"))
    yield SparseModel.from_coef(coef, np.ones(3), output_names=list("abc"))
    yield SparseModel([0, 3], [1.0, 2.0], 0.0, treatment.n_features, columns=treatment)
    for precision in ("float32", "float16", "int8", "int4"):
        yield SparseModel.from_coef(coef, np.ones(3)).quantize(precision)
    scale = 10.0 ** rng.uniform(-4, 4, 40)
    uneven = SparseModel.from_coef(coef / scale, np.ones(3))
    yield uneven.quantize("int8", rng.standard_normal((50, 40)) * scale)
    treatment.set_std(np.arange(treatment.n_features) / 8)
    yield SparseModel([0, 3], [1.0, 2.0], 0.0, treatment.n_features, columns=treatment)


FILES = [model.to_bytes() for model in sample()]
META = {"format": "fastl1.SparseModel"}


def load(data):
    """The model, or None after one clear error; no other exception, bounded memory."""
    model, message = None, "model: "
    tracemalloc.start()
    try:
        model = SparseModel.from_bytes(data)
        assert model == SparseModel.from_bytes(model.to_bytes())
    except ModelFileError as error:
        message = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert message.startswith("model: ")
    assert len(message) < 1000
    assert peak < 100 * len(data) + 2_000_000
    return model


def reseal(data):
    """The file with a digest that fits, as an enemy would write it."""
    from hashlib import sha256

    start = data.find(b'"sha256":"') + 10
    if start == 9 or len(data) < start + 64:
        return data
    blank = data[:start] + b"0" * 64 + data[start + 64 :]
    return data[:start] + sha256(blank).hexdigest().encode() + data[start + 64 :]


def test_reseal_is_what_the_writer_does():
    for data in FILES:
        assert reseal(data) == data


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(FILES), st.data())
def test_mutated_bytes(data, draw):
    data = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, len(data) - 1))
        kind = draw.draw(st.sampled_from(["set", "cut", "insert", "digit"]))
        if kind == "set":
            data[place] = draw.draw(st.integers(0, 255))
        elif kind == "cut":
            del data[place : place + draw.draw(st.integers(1, 20))]
        elif kind == "insert":
            data[place:place] = draw.draw(st.binary(max_size=20))
        else:
            digits = [i for i, byte in enumerate(data) if 48 <= byte <= 57]
            data[draw.draw(st.sampled_from(digits))] = draw.draw(st.integers(48, 57))
        if len(data) < 2:
            break
    load(bytes(data))
    load(reseal(bytes(data)))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(FILES), st.data())
def test_wrong_values_behind_a_fitting_digest(data, draw):
    metadata, tensors = unpack(data)
    part = draw.draw(st.sampled_from(["model", "lineage", "columns", "tensor"]))
    if part == "tensor":
        name = draw.draw(st.sampled_from(sorted(tensors)))
        kind = draw.draw(st.sampled_from(["f8", "f4", "f2", "u1", "i1", "u4", "u8"]))
        raw = draw.draw(st.binary(max_size=64))
        size = len(raw) // np.dtype(kind).itemsize * np.dtype(kind).itemsize
        tensors[name] = np.frombuffer(raw[:size], kind)
    elif part in metadata and part != "lineage":
        value = json.loads(metadata[part])
        key = draw.draw(st.sampled_from(sorted(value)))
        value[key] = draw.draw(JSON)
        metadata[part] = json.dumps(value)
    else:
        metadata[part] = json.dumps(draw.draw(JSON))
    load(pack(metadata, tensors))


def header(text, tail=b""):
    text = text.encode()
    return len(text).to_bytes(8, "little") + text + tail


TENSOR = '{"dtype":"F64","shape":[1],"data_offsets":[0,8]}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "header is malformed"),
        ('{"__metadata__":{}}', "header is malformed"),
        ('{"__metadata__":{"sha256":"x"},"__metadata__":{"sha256":"x"}}', "malformed"),
        ('{"__metadata__":{"sha256":"x","sha256":"y"}}', "malformed"),
        ('{"__metadata__":{"sha256":1}}', "malformed"),
        ('{"__metadata__":' + "[" * 100_000 + "}", "malformed"),
        ('{"__metadata__":{"sha256":"\\ud800"}}', "malformed"),
        ('{"__metadata__":{"sha256":"x"},"a":NaN}', "malformed"),
        ('{"__metadata__":{"sha256":"x"},"a":1e999}', "malformed"),
        ('{"__metadata__":{"sha256":"x"},"a":' + "9" * 5000 + "}", "malformed"),
        ('{"__metadata__":{"sha256":"x"},"a":7}', "'a' has no sound extent"),
        (
            '{"__metadata__":{"sha256":"x"},"a":{"dtype":"F64","shape":[-1],'
            '"data_offsets":[0,-8]}}',
            "no sound extent",
        ),
        (
            '{"__metadata__":{"sha256":"x"},"a":{"dtype":"F64","shape":["'
            + "a" * 1000
            + '"],"data_offsets":[0,1099511627776]}}',
            "no sound extent",
        ),
        (
            '{"__metadata__":{"sha256":"x"},"a":{"dtype":"F64","shape":['
            + "9" * 4000
            + '],"data_offsets":[0,8]}}',
            "no sound extent",
        ),
        (
            '{"__metadata__":{"sha256":"x"},"a":{"dtype":"F64","shape":[1.0],'
            '"data_offsets":[0,8]}}',
            "no sound extent",
        ),
        (
            '{"__metadata__":{"sha256":"x"},"a":{"dtype":"F64","shape":[17592186044416],'
            '"data_offsets":[0,140737488355328]}}',
            "truncated: 1407374883",
        ),
    ],
)
def test_hostile_headers(text, message):
    with pytest.raises(ModelFileError, match=message):
        SparseModel.from_bytes(header(text))


def test_overlapping_tensors():
    from fastl1.artifact.container import sha256

    for second, size in (("[0,8]", 8), ("[4,12]", 12), ("[16,24]", 24)):
        b = TENSOR.replace("[0,8]", second)
        text = f'{{"__metadata__":{{"sha256":"{"0" * 64}"}},"a":{TENSOR},"b":{b}}}'
        data = header(text, bytes(size))
        digest = sha256(data).hexdigest()
        data = header(text.replace("0" * 64, digest), bytes(size))
        with pytest.raises(ModelFileError, match="'b' overlaps or leaves a gap"):
            SparseModel.from_bytes(data)


def test_claims_cost_no_memory():
    """Sizes in the metadata are believed only when the data are there."""
    metadata, tensors = unpack(FILES[0])
    model = json.loads(metadata["model"])
    for change in (
        {"n_features": 2**62},
        {"n_outputs": 2**31 - 1, "n_features": 1},
        {"n_outputs": 2**31 - 1, "n_features": 1, "link": "softmax"},
        {"n_outputs": 10**30},
    ):
        load(pack({**metadata, "model": json.dumps({**model, **change})}, tensors))
    metadata, tensors = unpack(FILES[3])
    columns = json.loads(metadata["columns"])
    (hashed,) = [c for c in columns["columns"] if c["kind"] == "hashed"]
    width = ColumnTreatment.from_dict(columns).n_features
    hashed["size"] += 2**28 - 16
    model = json.loads(metadata["model"])
    model["n_features"] = width + 2**28 - 16
    metadata |= {"model": json.dumps(model), "columns": json.dumps(columns)}
    model = load(pack(metadata, tensors))
    assert model.kept_names() == ["age", "job#1"]


@given(st.lists(st.integers(0, 2**59), max_size=8, unique=True))
def test_gaps_round_trip(places):
    places = np.array(sorted(places), np.int64)
    raw = encode_gaps(places)
    assert decode_gaps(raw).tolist() == places.tolist()
    for size in range(len(raw)):
        if size and raw[size - 1] >= 128:
            with pytest.raises(ValueError, match="inside an integer"):
                decode_gaps(raw[:size])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([128], "inside an integer"),
        ([128, 0], "malformed"),  # 0 in two bytes
        ([255] * 9 + [1], "malformed"),
        ([255] * 8 + [127], "out of range"),
        ([255] * 7 + [127] + [255] * 7 + [127] * 2, None),
        (([255] * 8 + [31]) * 3, "out of range"),
    ],
)
def test_bad_gaps(raw, message):
    raw = np.array(raw, np.uint8)
    if message is None:
        assert encode_gaps(decode_gaps(raw)).tolist() == raw.tolist()
    else:
        with pytest.raises(ValueError, match=message):
            decode_gaps(raw)


@pytest.mark.parametrize(
    ("index", "change", "message"),
    [
        (0, {"link": "cauchit"}, "link must be one of"),
        (0, {"precision": "float8"}, "unknown precision"),
        (0, {"precision": "int8"}, "2 places, but values of float64"),
        (0, {"n_features": 5}, "between 0 and 4"),
        (0, {"n_features": True}, "malformed"),
        (0, {"classes": ["a", "b"]}, "classes go with a link that classifies"),
        (1, {"classes": ["a", "b", "b"]}, "classes must differ"),
        (1, {"classes": ["a", "b", 3]}, "a list of one type"),
        (1, {"classes": [["a"], ["b"], ["c"]]}, "a list of str"),
        (1, {"n_outputs": 4}, "intercept: 4 numbers expected"),
        (2, {"output_names": ["a", "b"]}, "2 output names for 3 outputs"),
    ],
)
def test_inconsistent_models(index, change, message):
    metadata, tensors = unpack(FILES[index])
    model = {**json.loads(metadata["model"]), **change}
    with pytest.raises(ModelFileError, match=message):
        SparseModel.from_bytes(pack({**metadata, "model": json.dumps(model)}, tensors))


@pytest.mark.parametrize(
    ("index", "name", "array", "message"),
    [
        (0, "intercept", np.array([np.inf]), "intercept is not finite"),
        (0, "scales", np.ones(1, np.float32), "float64 values have no scales"),
        (6, "scales", np.zeros(3, np.float32), "scales must be positive"),
        (6, "scales", np.full(3, np.nan, np.float32), "scales must be positive"),
        (6, "scales", np.ones(2, np.float32), "one float32 scale for each"),
        (6, "values", np.full(1, -128, np.int8), "places"),
        (7, "values", np.full(200, 0x88, np.uint8), "bytes of 4-bit values"),
    ],
)
def test_inconsistent_tensors(index, name, array, message):
    metadata, tensors = unpack(FILES[index])
    with pytest.raises(ModelFileError, match=message):
        SparseModel.from_bytes(pack(metadata, {**tensors, name: array}))


def test_codes_out_of_range():
    for index, bad in ((6, -128), (7, 0x88)):
        metadata, tensors = unpack(FILES[index])
        values = tensors["values"].copy()
        values[0] = np.array(bad).astype(values.dtype)
        with pytest.raises(ModelFileError, match="a code exceeds the range of int"):
            SparseModel.from_bytes(pack(metadata, {**tensors, "values": values}))


def test_errors_are_the_same_where_warnings_are_errors():
    quantized = SparseModel([0, 1], [1.0, 2.0], 0.0, 2).quantize("int8")
    metadata, tensors = unpack(quantized.to_bytes())
    metadata = {key: text for key, text in metadata.items() if key != "sha256"}
    data = pack(metadata, {**tensors, "scales": np.array([3e38], np.float32)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ModelFileError, match="values: entry 0 is inf"):
            SparseModel.from_bytes(data)


def test_powers_in_a_file_are_checked():
    metadata, tensors = unpack(FILES[-2])
    metadata = {key: text for key, text in metadata.items() if key != "sha256"}
    assert metadata["schema"] == "3"
    runs, powers = tensors["runs"], tensors["exponents"]
    for change in (
        {"runs": runs[:-1]},
        {"runs": runs.astype(np.uint16)},
        {"runs": np.append(runs, np.uint8(127)), "exponents": np.append(powers, 1)},
        {"exponents": powers.astype(np.int16)},
        {"exponents": np.full_like(powers, 101)},
        {"runs": runs[:0], "exponents": powers[:0]},
    ):
        changed = {**tensors, **change}
        if changed["exponents"].dtype == np.int64:
            changed["exponents"] = changed["exponents"].astype(np.int8)
        with pytest.raises(ModelFileError):
            SparseModel.from_bytes(pack(metadata, changed))
    with pytest.raises(ModelFileError):
        SparseModel.from_bytes(pack(metadata, {**tensors, "values": tensors["gaps"]}))


@pytest.mark.parametrize("std", [[[1.0]], [[1.0], [-1.0]], [["x"], [1]], [[], []], 3])
def test_standard_deviations_in_a_file_are_checked(std):
    table = {"a": np.arange(60.0), "b": np.arange(60.0) ** 2}
    plain = ColumnTreatment.learn(table).to_dict()
    with pytest.raises(ValueError, match=r"std|could not convert|column treatment"):
        ColumnTreatment.from_dict({**plain, "std": std})
    again = ColumnTreatment.from_dict({**plain, "std": [[1.0], [2.5]]})
    assert again.std_of(np.arange(2)).tolist() == [1.0, 2.5]
