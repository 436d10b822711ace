"""Quantizing, pruning, trimming and comparing models."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from fastl1.artifact.compress import link_bound, ranges, spread
from fastl1.data.columns import ColumnTreatment
from fastl1.metrics.quality import fit_quality, loss_of
from fastl1.model.sparse_model import SparseModel

LEVELS = ["float32", "float16", "int8", "int4"]


def random_model(seed=0, n_outputs=1, p=60, kept=0.4, link="identity", **more):
    rng = np.random.default_rng(seed)
    coef = rng.standard_normal((n_outputs, p)) * (rng.random((n_outputs, p)) < kept)
    coef *= 10 ** rng.uniform(-1, 1, (n_outputs, 1))
    return SparseModel.from_coef(
        coef, rng.standard_normal(n_outputs), link=link, **more
    )


# --- quantize ----------------------------------------------------------------------


@pytest.mark.parametrize("precision", LEVELS)
@pytest.mark.parametrize(
    ("link", "n_outputs"),
    [("identity", 1), ("identity", 3), ("logit", 1), ("softmax", 4), ("log", 1)],
)
def test_the_bound_holds_and_is_attained(precision, link, n_outputs):
    rng = np.random.default_rng(1)
    model = random_model(2, n_outputs, link=link)
    low, high = -rng.random(60), rng.random(60) * 2
    quantized = model.quantize(precision, ranges=np.stack([low, high]))
    report = quantized.metadata["quantization"]
    change = (quantized.coef_ - model.coef_).reshape(n_outputs, 60)
    # the corners of the box that push each output furthest
    corners = np.concatenate(
        [np.where(change > 0, high, low), np.where(change > 0, low, high)]
    )
    moved = quantized.predict(corners, "link") - model.predict(corners, "link")
    worst = np.abs(moved).max()
    assert worst <= report["link_bound"] <= worst * (1 + 1e-4) + 1e-12
    rows = np.concatenate([corners, rng.uniform(low, high, (200, 60))])
    moved = np.abs(quantized.predict(rows) - model.predict(rows))
    if link == "log":
        moved = moved / model.predict(rows)
    assert moved.max() <= report["bound"]
    assert report["ranges"] == "given"


@pytest.mark.parametrize("storage", [np.asarray, sp.csr_array, sp.csc_array])
def test_report_on_data(storage):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((200, 60)) * (rng.random((200, 60)) < 0.3)
    model = random_model(4, link="logit")
    small = model.quantize("int4", storage(X), max_increase=np.inf)
    report = small.metadata["quantization"]
    quantized = SparseModel.from_bytes(small.to_bytes())
    change = np.abs(quantized.predict(X) - model.predict(X))
    assert report["rows"] == 200
    assert report["largest_change"] == pytest.approx(change.max(), rel=1e-12)
    assert report["mean_change"] == pytest.approx(change.mean(), rel=1e-12)
    assert 0 < report["largest_change"] <= report["bound"]
    used = X[:, model.features]
    given = np.zeros((2, 60))
    given[:, model.features] = used.min(axis=0), used.max(axis=0)
    by_hand = small.quantize("float32", ranges=given).metadata["quantization"]
    assert by_hand["bound"] < 1e-6
    low, high = ranges(sp.csc_array(used))
    assert report["link_bound"] == pytest.approx(
        link_bound(model.weights, small.weights, low, high)[0], rel=1e-12
    )


def test_without_data_the_bound_is_per_unit():
    model = random_model(5)
    unit = model.quantize("int8").metadata["quantization"]
    assert unit["ranges"] == "unit"
    three = model.quantize("int8", ranges=3.0).metadata["quantization"]
    assert three["bound"] == pytest.approx(3 * unit["bound"], rel=1e-9)


def test_refuses_above_the_bound():
    model = random_model(6)
    bound = model.quantize("int8").metadata["quantization"]["bound"]
    assert model.quantize("int8", max_error=bound * 1.01).precision == "int8"
    with pytest.raises(ValueError, match=r"int8 may change a prediction by \S+, more"):
        model.quantize("int8", max_error=bound * 0.99)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("precision", LEVELS)
def test_codes_survive_the_file(precision, n_outputs):
    model = random_model(7, n_outputs).quantize(precision)
    again = SparseModel.from_bytes(model.to_bytes())
    assert again == model
    assert again.precision == precision
    assert again.weights.codes.dtype == model.weights.codes.dtype
    assert again.weights.codes.tolist() == model.weights.codes.tolist()
    assert again.values.dtype == np.float32
    assert again.values.tobytes() == model.values.tobytes()
    X = np.random.default_rng(0).standard_normal((5, 60))
    assert again.predict(X).tobytes() == model.predict(X).tobytes()
    copy = pickle.loads(pickle.dumps(model))
    assert copy == model
    assert copy.predict(X).tobytes() == model.predict(X).tobytes()


def test_scales_belong_to_outputs():
    coef = np.array([[1.0, -0.5, 0.25], [1000.0, 500.0, -127.0], [0, 0, 0]])
    model = SparseModel.from_coef(coef, np.zeros(3)).quantize("int8")
    assert model.weights.scales.tolist() == [
        np.float32(1 / 127),
        np.float32(1000 / 127),
        1.0,
    ]
    np.testing.assert_allclose(model.coef_[0], coef[0], atol=0.5 / 127)
    np.testing.assert_allclose(model.coef_[1], coef[1], atol=500 / 127)


def test_files_get_smaller():
    rng = np.random.default_rng(0)
    indices = np.sort(rng.choice(10**6, 10**4, replace=False))
    values = rng.standard_normal(10**4)
    model = SparseModel(indices, values, 0.0, 10**6)
    sizes = [len(model.to_bytes())]
    sizes += [len(model.quantize(level).to_bytes()) for level in LEVELS]
    spent = [8, 4, 2, 1, 0.5]
    for size, each in zip(sizes, spent, strict=True):
        assert size <= (each + 1.5) * 10**4 + 1200
    single = SparseModel(indices, values.astype(np.float32), 0.0, 10**6)
    assert len(single.to_bytes()) <= 6 * 10**4 + 4096


def test_small_coefficients_are_dropped_and_counted():
    model = SparseModel([0, 1, 2], [100.0, 0.1, -100.0], 0.0, 3).quantize("int8")
    assert model.features.tolist() == [0, 2]
    assert model.metadata["quantization"]["dropped"] == 1
    # what was dropped counts towards the bound
    assert model.metadata["quantization"]["bound"] >= 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "int2"}, "precision must be one of float32, float16, int8"),
        ({"ranges": [1.0, 2.0]}, "ranges has shape"),
        ({"ranges": np.array([[1.0] * 3, [0.0] * 3])}, "the low end first"),
        ({"ranges": np.inf}, "finite"),
        ({"X": np.full((2, 3), np.nan)}, "NaN"),
        ({"X": np.ones((2, 4))}, "4 features"),
    ],
)
def test_bad_quantization(change, message):
    model = SparseModel([0, 2], [1.0, 2.0], 0.0, 3)
    with pytest.raises(ValueError, match=message):
        model.quantize(**{"precision": "int8", **change})
    with pytest.raises(ValueError, match=r"100000 of feature 0 exceeds the range of f"):
        SparseModel([0], [1e5], 0.0, 1).quantize("float16")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=40),
    st.sampled_from(LEVELS),
    st.integers(1, 3),
)
def test_any_coefficients_keep_the_bound(values, precision, n_outputs):
    p = len(values)
    coef = np.stack([np.roll(values, k) for k in range(n_outputs)])
    model = SparseModel.from_coef(coef, np.zeros(n_outputs))
    if precision == "float16" and np.abs(coef).max() >= 65520:
        with pytest.raises(ValueError, match="exceeds the range of float16"):
            model.quantize(precision)
        return
    quantized = model.quantize(precision)
    assert SparseModel.from_bytes(quantized.to_bytes()) == quantized
    report = quantized.metadata["quantization"]
    signs = np.sign(quantized.coef_.reshape(n_outputs, p) - coef)
    moved = quantized.predict(signs, "link") - model.predict(signs, "link")
    assert np.abs(moved).max() <= report["link_bound"]


# --- quantizing what features do, not how large their coefficients are --------------


def gains(n=2000, seed=0):
    """A table like that of a census, where one column of tiny coefficient matters."""
    rng = np.random.default_rng(seed)
    gain = np.where(rng.random(n) < 0.1, rng.lognormal(8.5, 1, n), 0.0)
    table = {
        "gain": gain,
        "age": rng.integers(18, 80, n) * 1.0,
        "job": np.array(["cook", "nurse", "pilot"])[rng.integers(0, 3, n)],
    }
    eta = 4e-4 * gain + 0.03 * (table["age"] - 50) + (table["job"] == "pilot") * 1.5
    table["rich"] = np.where(rng.random(n) < 1 / (1 + np.exp(1 - eta)), "yes", "no")
    return table


@pytest.fixture(scope="module")
def census():
    workflow = pytest.importorskip("fastl1.workflow", exc_type=ImportError)
    return workflow.fit(gains(), "rich", folds=3, n_alphas=20).model


def test_quantizing_keeps_a_heavy_tailed_feature(census):
    table = gains(seed=1)
    y = table.pop("rich")
    small = census.quantize("int8")
    assert small.required_features() == census.required_features()
    report = small.metadata["quantization"]
    assert report["judged_by"] == "std"
    assert report["increase"] < 1e-3
    assert report["zeroed"] == {"count": 0, "features": []}
    assert report["ranges"] == "std"
    assert report["bound"] < 0.2
    judged = census.quantize("int8", table, y=y).metadata["quantization"]
    assert judged["judged_by"] == "deviance"
    before, after = judged["quality_before"], judged["quality_after"]
    assert after["log_loss"] <= 1.01 * before["log_loss"]
    # the file keeps the powers, and every form of prediction has them
    again = SparseModel.from_bytes(small.to_bytes())
    assert again == small
    assert again.values.tobytes() == small.values.tobytes()
    assert again.weights.exponents.tolist() == small.weights.exponents.tolist()
    assert again.predict(table).tobytes() == small.predict(table).tobytes()
    assert small.prune(max_features=1).kept_names() == ["gain"]
    assert small.trim().predict(table).tobytes() == small.predict(table).tobytes()
    assert small.audit()["unexplained"] == []


def test_models_of_an_earlier_version_keep_it_too(census):
    plain = census.columns.to_dict()
    assert len(plain.pop("std")) == len(plain["columns"])
    old = ColumnTreatment.from_dict(plain)
    model = SparseModel(
        census.indices,
        census.values,
        census.intercept,
        census.n_features,
        link="logit",
        columns=old,
    )
    assert old.to_dict() == plain
    small = model.quantize("int8")
    assert small.required_features() == census.required_features()
    assert small.metadata["quantization"]["judged_by"] is None
    np.testing.assert_allclose(small.values, model.values, rtol=0.02, atol=0.02)


def test_refuses_what_costs_too_much():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 3)) * [1, 1, 1e5]
    model = SparseModel([0, 1, 2], [1.0, 0.02, 1e-9], 0.0, 3)
    y = model.predict(X) + 0.05 * rng.standard_normal(500)
    with pytest.raises(ValueError, match=r"deviance of these rows grows by .* more "):
        model.quantize("int4", X, y=y)
    # 1e-9 is below what float16 can tell
    with pytest.raises(ValueError, match=r"2 would become zero"):
        SparseModel([0, 2], [1e-4, 1e-9], 0.0, 3).quantize("float16", X)
    small = model.quantize("int4", X, y=y, max_increase=np.inf)
    assert small.metadata["quantization"]["increase"] > 0.01
    report = model.quantize("int8", X, y=y).metadata["quantization"]
    assert report["quality_after"]["rmse"] < 2 * report["quality_before"]["rmse"]
    with pytest.raises(ValueError, match="y without X"):
        model.quantize("int8", y=y)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_scales_over_many_orders(n_outputs):
    """Features of any scale keep what they do, for any number of outputs."""
    rng = np.random.default_rng(1)
    scale = 10.0 ** rng.uniform(-8, 8, 30)
    X = rng.standard_normal((300, 30)) * scale
    coef = rng.uniform(0.2, 1, (n_outputs, 30)) * rng.choice([-1, 1], 30) / scale
    model = SparseModel.from_coef(coef, np.zeros(n_outputs))
    small = model.quantize("int8", X)
    assert len(small.features) == 30
    eta = model.predict(X)
    error = np.abs(small.predict(X) - eta).max(axis=0)
    assert (error < 0.1 * eta.std(axis=0)).all()
    assert SparseModel.from_bytes(small.to_bytes()) == small
    # powers of one feature are shared, and files without any are those of before
    assert small.weights.exponents is not None
    assert model.quantize("int8").weights.exponents is None


@pytest.mark.parametrize(
    ("link", "n_outputs"), [("logit", 1), ("probit", 1), ("softmax", 3)]
)
def test_a_probability_changes_by_one_at_most(link, n_outputs):
    model = random_model(3, n_outputs, link=link)
    report = model.quantize("int4", ranges=1e6).metadata["quantization"]
    assert report["bound"] == 1.0
    assert report["link_bound"] > 1.0


def test_hostile_powers():
    weights = random_model(3).weights
    codes = np.ones(weights.nnz, np.int8)
    scales = np.ones(1, np.float32)
    for exponents in (np.ones(3, np.int8), np.full(weights.nnz, 101, np.int8)):
        with pytest.raises(ValueError, match="exponent"):
            weights.replace(codes, "int8", scales, exponents)
    two = random_model(3, 2, kept=1.0).weights
    exponents = np.arange(two.nnz).astype(np.int8) % 2
    with pytest.raises(ValueError, match="differ within a feature"):
        two.replace(np.ones(two.nnz, np.int8), "int8", np.ones(2, "f4"), exponents)
    with pytest.raises(ValueError, match="no scales"):
        weights.replace(weights.codes, "float32", None, codes)


# --- prune -------------------------------------------------------------------------


def test_prune_by_threshold_and_by_number():
    model = random_model(8, 3)
    largest = np.abs(model.coef_).max(axis=0)
    order = np.argsort(-largest, kind="stable")
    for pruned in (
        model.prune(max_features=10),
        model.prune(largest[order[9]]),
    ):
        assert pruned.features.tolist() == sorted(order[:10].tolist())
        assert (
            pruned.coef_ == np.where(largest >= largest[order[9]], 1, 0) * (model.coef_)
        ).all()
        assert pruned.metadata["pruning"]["kept"] == 10
    assert model.prune(max_features=0).nnz == 0
    assert model.prune(0.0).coef_.tolist() == model.coef_.tolist()
    quantized = model.quantize("int8")
    pruned = quantized.prune(max_features=5)
    assert pruned.precision == "int8"
    assert pruned.weights.scales.tolist() == quantized.weights.scales.tolist()


def test_prune_reports_what_it_costs():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4)) * [1, 1, 0.01, 1]
    model = SparseModel.from_coef(np.array([3.0, 1.0, 5.0, 0.0]), 0.5)
    y = model.predict(X) + 0.1 * rng.standard_normal(300)
    pruned = model.prune(max_features=2, X=sp.csr_array(X), y=y)
    # the largest coefficient has the smallest effect
    assert pruned.features.tolist() == [0, 1]
    report = pruned.metadata["pruning"]
    for name, part in (("before", model), ("after", pruned)):
        rmse = np.sqrt(np.mean((y - part.predict(X)) ** 2))
        assert report[name] == {"rmse": pytest.approx(rmse, rel=1e-12)}
    assert report["rows"] == 300
    assert report["after"]["rmse"] < report["before"]["rmse"] * 1.2
    assert SparseModel.from_bytes(pruned.to_bytes()) == pruned


def test_fit_quality_against_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    eta = rng.standard_normal(50)
    classes = np.array(["no", "a"])
    y = classes[rng.integers(0, 2, 50)]
    quality = fit_quality(loss_of("logit", {}), y, eta, classes)
    p = 1 / (1 + np.exp(-eta))
    assert quality["log_loss"] == pytest.approx(
        metrics.log_loss(y, np.stack([p, 1 - p], 1), labels=["a", "no"]), rel=1e-12
    )
    assert quality["error_rate"] == np.mean(y != classes[(eta > 0).astype(int)])
    assert list(fit_quality(loss_of("decision", {}), y, eta, classes)) == ["error_rate"]
    eta = rng.standard_normal((50, 3))
    y = rng.integers(0, 3, 50)
    share = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    quality = fit_quality(loss_of("softmax", {}), y, eta, np.arange(3))
    assert quality["log_loss"] == pytest.approx(metrics.log_loss(y, share), rel=1e-12)
    counts = rng.poisson(np.exp(eta[:, 0])).astype(float)
    quality = fit_quality(loss_of("log", {}), counts, eta[:, 0], None)
    assert quality["poisson_deviance"] == pytest.approx(
        metrics.mean_poisson_deviance(counts, np.exp(eta[:, 0])), rel=1e-9
    )
    with pytest.raises(ValueError, match="y holds 7, which is none of"):
        fit_quality(loss_of("softmax", {}), np.full(50, 7), eta, np.arange(3))


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
def test_spread(storage):
    X = np.random.default_rng(0).standard_normal((50, 3)) * [1, 1e-6, 5] + [0, 1e6, 0]
    X[:20, 2] = 0
    np.testing.assert_allclose(spread(storage(X)), X.std(axis=0), rtol=1e-6)


def test_bad_pruning():
    model = random_model(9)
    for arguments in ({}, {"threshold": 1.0, "max_features": 2}):
        with pytest.raises(ValueError, match="either threshold or max_features"):
            model.prune(**arguments)
    with pytest.raises(ValueError, match="y without X"):
        model.prune(1.0, y=[1.0])
    with pytest.raises(ValueError, match="at least 0"):
        model.prune(max_features=-1)


# --- trim --------------------------------------------------------------------------


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_trim(n_outputs):
    names = [f"f{j}" for j in range(60)]
    model = random_model(10, n_outputs, kept=0.1, feature_names=names)
    trimmed = model.trim()
    assert model.required_features() == [names[j] for j in model.features]
    assert trimmed.feature_names == model.required_features()
    X = np.random.default_rng(0).standard_normal((20, 60))
    expected = model.predict(X)
    # in Fortran order, which sums in another order
    got = trimmed.predict(X[:, model.features])
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert not model.diff(trimmed, by="name").facts.keys() - {"n_features"}
    assert trimmed.quantize("int8").trim() == trimmed.quantize("int8")
    bare = random_model(10, kept=0.1)
    assert bare.required_features() == bare.features.tolist()
    assert SparseModel([], [], 1.0, 9).trim().predict([[3.0]]).tolist() == [1.0]


def test_trim_of_names_only():
    names = [f"f{j}" for j in range(60)]
    model = random_model(10, kept=0.1, feature_names=names)
    trimmed = model.trim(renumber=False)
    assert trimmed.n_features == 60
    assert trimmed.feature_names is None
    assert trimmed.has_names
    assert trimmed.kept_names() == model.kept_names()
    again = SparseModel.from_bytes(trimmed.to_bytes())
    assert again == trimmed
    assert len(trimmed.to_bytes()) < len(model.to_bytes()) - 300
    X = np.random.default_rng(0).standard_normal((9, 60))
    assert again.predict(X).tolist() == model.predict(X).tolist()
    table = dict(zip(names, X.T, strict=True))
    assert again.predict(table).tolist() == model.predict(table).tolist()
    assert model.diff(again).by == "name"
    assert not model.diff(again)
    pruned = again.prune(max_features=2)
    assert pruned.kept_names() == model.prune(max_features=2).kept_names()
    assert pruned.trim(renumber=False) == pruned
    bare = random_model(10, kept=0.1)
    assert bare.trim(renumber=False) == bare
    assert not bare.has_names


def test_trim_with_columns():
    table = {"a": [1.0, 2, 3, 4], "b": list("xyzx"), "c": [1.0, 0, 0, 5]}
    treatment = ColumnTreatment.learn(table)
    j = treatment.feature_names.index("b=z")
    model = SparseModel(
        [0, j], [1.0, -2.0], 0.5, treatment.n_features, columns=treatment
    )
    trimmed = model.trim()
    assert model.required_features() == ["a", "b"]
    assert [c.name for c in trimmed.columns.columns] == ["a", "b"]
    assert trimmed.predict(table).tolist() == model.predict(table).tolist()
    assert len(trimmed.to_bytes()) < len(model.to_bytes())
    report = model.quantize("int8", table).metadata["quantization"]
    assert report["rows"] == 4
    pruned = model.prune(max_features=1, X=table, y=[1.0, 2, 3, 4])
    # "a" varies by 1.12, "b=z" by 0.43 times 2
    assert pruned.kept_names() == ["a"]


# --- diff --------------------------------------------------------------------------


def test_diff_by_index():
    old = SparseModel([0, 2, 4, 6, 8], [1.0, -2.0, 3.0, 0.5, 7.0], 0.5, 9)
    new = SparseModel([0, 3, 4, 6, 8], [1.0, 9.0, -3.0, 0.75, 7.0], 0.25, 9)
    diff = old.diff(new)
    assert diff.by == "index"
    assert [tuple(c) for c in diff.came] == [(3, 0, 0.0, 9.0)]
    assert [tuple(c) for c in diff.went] == [(2, 0, -2.0, 0.0)]
    assert [tuple(c) for c in diff.flipped] == [(4, 0, 3.0, -3.0)]
    assert [tuple(c) for c in diff.moved] == [(6, 0, 0.5, 0.75)]
    assert diff.same == 2
    assert [tuple(c) for c in diff.intercepts] == [("(intercept)", 0, 0.5, 0.25)]
    assert [c.feature for c in diff.largest(3)] == [3, 4, 2]
    assert diff
    assert not old.diff(old)
    assert repr(diff) == (
        "<ModelDiff by index: 1 came, 1 went, 1 changed sign, 1 moved, 2 equal>"
    )
    back = new.diff(old)
    assert [c.feature for c in back.came] == [c.feature for c in diff.went]


def test_diff_by_name_survives_a_change_of_columns():
    old = SparseModel([0, 1], [1.0, 2.0], 0.0, 3, feature_names=["a", "b", "c"])
    new = SparseModel([1, 3], [2.0, 1.0], 0.0, 4, feature_names=["z", "b", "c", "a"])
    diff = old.diff(new)
    assert diff.by == "name"
    assert diff.same == 2
    assert diff.facts == {"n_features": (3, 4)}
    assert diff.to_dict()["facts"] == {"n_features": [3, 4]}
    bare = SparseModel([1], [2.0], 0.0, 4)
    with pytest.raises(ValueError, match="cannot be matched"):
        old.diff(bare)
    with pytest.raises(ValueError, match="does not know the names"):
        new.diff(bare, by="name")
    with pytest.raises(ValueError, match='by must be "auto"'):
        new.diff(bare, by="hash")
    assert new.diff(bare).by == "index"


def test_diff_of_several_outputs():
    old = random_model(11, 3, link="softmax", classes=list("abc"))
    coef = old.coef_.copy()
    j = int(old.indices[old.outputs == 1][0])
    coef[1, j] *= -1
    new = SparseModel.from_coef(
        coef, old.intercept, link="softmax", classes=list("abc")
    )
    (change,) = old.diff(new).flipped
    assert change[:2] == (j, "b")
    other = SparseModel.from_coef(
        coef, old.intercept, link="softmax", classes=list("abd")
    )
    diff = old.diff(other)
    assert {c.output for c in diff.came} == {"d"}
    assert {c.output for c in diff.went} == {"c"}
    assert diff.facts["classes"] == (list("abc"), list("abd"))
