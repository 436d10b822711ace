"""Prediction from every form of rows, single rows, explanations, and serving."""

import json
import math
import pickle
import subprocess
import sys
import threading
from collections import Counter, OrderedDict
from decimal import Decimal

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import fastl1
from fastl1 import runtime
from fastl1.data.columns import ColumnTreatment
from fastl1.loss.links import LINKS, labels
from fastl1.model.sparse_model import SparseModel

LABELLED = [("identity", 1), ("log", 1), ("logit", 1), ("probit", 1), ("cloglog", 1)]
LABELLED += [("decision", 1), ("identity", 3), ("logit", 3), ("softmax", 3)]


def make(p=40, kept=9, n_outputs=1, link="identity", seed=0, **given):
    rng = np.random.default_rng(seed)
    coef = np.zeros((n_outputs, p))
    used = rng.choice(p, kept, replace=False)
    coef[:, used] = rng.standard_normal((n_outputs, kept))
    coef[rng.random(coef.shape) < 0.2] = 0.0
    intercept = rng.standard_normal(n_outputs)
    given.setdefault("feature_names", [f"f{j}" for j in range(p)])
    if n_outputs == 1:
        coef = coef[0]
    return SparseModel.from_coef(coef, intercept, link=link, **given)


def rows(n=23, p=40, seed=0, density=0.4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, p)) * (rng.random((n, p)) < density)


def eta_of(model, X):
    return np.asarray(X, float) @ model.coef_.T + model.intercept


def forms(X, names):
    """The same rows in every form that is read."""
    pd, pl, pa = map(pytest.importorskip, ("pandas", "polars", "pyarrow"))
    yield "C", np.ascontiguousarray(X)
    yield "F", np.asfortranarray(X)
    yield "lists", X.tolist()
    yield "half", X.astype(np.float16).astype(np.longdouble)
    yield "swapped", X.astype(">f8")
    for kind in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil"):
        yield kind, sp.csr_matrix(X).asformat(kind)
    there = np.zeros(len(X), [("skip", "u1"), ("x", "f8", X.shape[1])])
    there["x"] = X
    yield "field of a record, not aligned", there["x"]
    longer = np.asfortranarray(np.vstack([X, X, X]))
    yield "slice in Fortran order", longer[len(X) : 2 * len(X)]
    yield "array", sp.csr_array(X)
    columns = {name: X[:, j] for j, name in enumerate(names)}
    yield "dict of columns", columns
    yield "dict of lists", {name: x.tolist() for name, x in columns.items()}
    yield "pandas", pd.DataFrame(columns)
    yield "nullable", pd.DataFrame(columns).astype("Float64")
    yield "polars", pl.DataFrame(columns)
    yield "pyarrow", pa.table(columns)
    half = len(X) // 2
    halves = [
        pa.table({k: x[a] for k, x in columns.items()})
        for a in (slice(None, half), slice(half, None))
    ]
    yield "chunks", pa.concat_tables(halves)
    named = [dict(zip(names, row, strict=True)) for row in X.tolist()]
    yield "dicts", named
    yield "short dicts", tuple({k: v for k, v in row.items() if v} for row in named)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_every_form_gives_the_same(n_outputs):
    model = make(n_outputs=n_outputs)
    X = rows().astype(np.float16).astype(float)
    expected = eta_of(model, X)
    for name, form in forms(X, model.feature_names):
        got = model.predict(form)
        assert got.dtype == np.float64
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=name)


@pytest.mark.parametrize(("link", "n_outputs"), LABELLED)
def test_every_link(link, n_outputs):
    model = make(n_outputs=n_outputs, link=link)
    X = rows()
    eta = eta_of(model, X)
    response = LINKS[link].inverse(eta)
    close = {"rtol": 1e-12, "atol": 1e-300}
    np.testing.assert_allclose(model.decision_function(X), eta, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), response, **close)
    if LINKS[link].classifies:
        expected = labels(link, eta, model.classes)
        assert model.predict(X, "class").tolist() == expected.tolist()
    else:
        with pytest.raises(ValueError, match='type="class" needs a model with classes'):
            model.predict(X, "class")
    if not LINKS[link].probability:
        for method in (model.predict_proba, model.predict_log_proba):
            with pytest.raises(ValueError, match=f"'{link}' has no probabilities"):
                method(X)
        return
    if n_outputs == 1:
        response = np.column_stack([1 - response, response])
    p = model.predict_proba(X)
    np.testing.assert_allclose(
        p, response / response.sum(axis=1, keepdims=True), **close
    )
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-15)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(p), rtol=1e-11)


def test_probabilities_where_they_are_tiny():
    model = SparseModel([0], [1.0], 0.0, 1, link="logit")
    X = np.array([[-700.0], [-40.0], [40.0], [700.0]])
    small = np.exp(X[[0, 1, 1, 0], 0])
    p, log_p = model.predict_proba(X), model.predict_log_proba(X)
    rarer = [1, 1, 0, 0]
    np.testing.assert_allclose(p[range(4), rarer], small, rtol=1e-14)
    np.testing.assert_allclose(log_p[range(4), rarer], -np.abs(X[:, 0]), rtol=1e-15)
    np.testing.assert_allclose(log_p[range(4), [0, 0, 1, 1]], -small, rtol=1e-14)
    assert model.predict_log_proba([[-1e300]]).tolist() == [[0.0, -1e300]]


METHODS = ["predict", "decision_function", "predict_proba", "predict_log_proba"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_out_is_filled_and_checked(method, n_outputs):
    model = make(n_outputs=n_outputs, link="logit" if n_outputs == 1 else "softmax")
    call = getattr(model, method)
    X = rows()
    expected = call(X)
    out = np.full(expected.shape, np.nan)
    assert call(X, out=out) is out
    assert np.array_equal(out, expected)
    assert np.array_equal(call(sp.csr_array(X), out=out, n_threads=2), out)
    for bad, error, message in (
        (out[:-1], ValueError, "out has shape"),
        (out.astype("f4"), TypeError, "out must hold float64, got float32"),
        (out.tolist(), TypeError, "out must be an ndarray, got list"),
        (np.repeat(out, 2, axis=0)[::2], ValueError, "in C order"),
    ):
        with pytest.raises(error, match=message):
            call(X, out=bad)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        call(X, out=out)
    with pytest.raises(ValueError, match="out goes with"):
        model.predict(X, "class", out=out)


def test_no_rows_and_no_features():
    names = ["a", "b"]
    for model in (make(2, 2, feature_names=names), make(2, 0, feature_names=names)):
        assert model.predict(np.empty((0, 2))).shape == (0,)
        assert model.predict(sp.csr_array((0, 2))).shape == (0,)
        assert model.predict({"a": [], "b": []}).shape == (0,)
    assert model.predict({"a": [1.0, 2.0]}).tolist() == [model.intercept] * 2
    assert model.predict([{"a": 1.0}, {}]).tolist() == [model.intercept] * 2
    assert len(model.explain(np.ones((3, 2)))[0]) == 0


def test_only_columns_in_use_are_touched():
    pa = pytest.importorskip("pyarrow")
    model = make(4, 0).from_coef([0.0, 2.0, 0.0, -1.0], 1.0, feature_names=list("abcd"))
    text = pa.array(["not", "numbers"])
    table = pa.table({"d": [1, 2], "z": text, "b": [3.0, 4.0], "a": text})
    assert model.predict(table).tolist() == [6.0, 7.0]
    with pytest.raises(
        ValueError, match="there is no column 'b'.*there is no column 'd'"
    ):
        model.predict(pa.table({"a": text}))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[0.0, 0, 0], [0, np.nan, 0]]), r"X\[1, 1\] is nan"),
        (np.array([[0, np.inf, 0]], "f2"), r"X\[0, 1\] is inf"),
        (sp.csr_array([[0.0, 0, 0], [0, np.inf, 0]]), r"X\[1, 1\] is inf"),
        (sp.csc_array([[0.0, 0, 0], [0, np.nan, 0]]), r"X\[1, 1\] is nan"),
        ({"b": [0.0, np.nan]}, "column 'b': entry 1 is nan"),
        ([{}, {"b": float("inf")}], "row 1: feature 'b' is inf"),
        ([{"b": None}], "row 0: feature 'b' is nan"),
    ],
)
def test_what_is_not_finite_is_named(X, message):
    model = SparseModel([1], [2.0], 0.0, 3, feature_names=list("abc"))
    with pytest.raises(ValueError, match=message):
        model.predict(X)


def test_overflow_of_finite_rows_is_no_error():
    model = SparseModel([0], [1e300], 0.0, 1)
    assert model.predict([[1e300], [-1e300]]).tolist() == [np.inf, -np.inf]


def test_the_log_link_ends_at_e_to_708():
    model = SparseModel([0], [1.0], 0.0, 1, link="log")
    rows = [[1.0], [708.0], [709.0], [1e5], [-1e5]]
    expected = [math.exp(1), *3 * [math.exp(708)], 0.0]
    assert model.predict(rows).tolist() == pytest.approx(expected, rel=1e-15)
    assert [model.predictor()(row) for row in rows] == model.predict(rows).tolist()


def test_named_rows_follow_dict_vectorizer():
    vectorizer = pytest.importorskip("sklearn.feature_extraction").DictVectorizer()
    train = [{"a": 1.0, "b": 2}, {"c": True, "d": -3.5}]
    vectorizer.fit(train)
    names = vectorizer.get_feature_names_out().tolist()
    model = SparseModel.from_coef([1.0, -2.0, 3.0, 0.5], 0.25, feature_names=names)
    new = [*train, {}, {"b": 7, "unknown": 9.0}, {"d": np.float32(0.5), "a": False}]
    expected = model.predict(vectorizer.transform(new))
    assert model.predict(new).tolist() == expected.tolist()


class Lying(float):
    def __float__(self):
        raise AssertionError("never asked")


def test_values_and_names_of_named_rows():
    model = SparseModel.from_coef([1.0, 10.0], 0.0, feature_names=["a", "b"])
    p = model.predictor()

    class Clearing:
        """Empties the row while it is read."""

        def __float__(self):
            row.clear()
            return 2.0

    row = {"a": Clearing(), "b": 3.0}
    assert p(row) == 32.0
    assert row == {}
    for given_row, want in (
        ({"a": np.int8(3), "b": Decimal("0.5")}, 8.0),
        ({"a": Lying(2.0)}, 2.0),
        ({np.str_("a"): 2, "b": np.True_}, 12.0),
        (OrderedDict(a=1.0, b=1.0), 11.0),
        (Counter("aab"), 12.0),
        ({("a", 1): 2.0, None: 3.0, 5: 1.0, b"a": 1.0}, 0.0),
    ):
        assert p(given_row) == want
        assert model.predict([given_row]).tolist() == [want]
    for bad in ("2.0", b"2", [1.0], object()):
        with pytest.raises(TypeError, match="feature 'b' is .*, which is not a number"):
            p({"a": 1.0, "b": bad})
        with pytest.raises(TypeError, match="row 1: feature 'b' is"):
            model.predict([{}, {"b": bad}])
    with pytest.raises(OverflowError):
        p({"a": 10**400})
    with pytest.raises(TypeError):
        model.predict([{}, 3])
    bare = SparseModel([0], [1.0], 0.0, 1)
    for call in (bare.predictor(), lambda r: bare.predict([r])):
        with pytest.raises(ValueError, match="names"):
            call({"a": 1.0})


def test_named_rows_of_many_features():
    """More hits than are kept on the stack; values are released."""
    p = 3000
    model = make(p, 1500)
    names = model.feature_names
    value = 1234.5678
    before = sys.getrefcount(value)
    row = dict.fromkeys(names, value)
    for _ in range(3):
        got = model.predictor()(row)
    assert got == pytest.approx(eta_of(model, np.full((1, p), value))[0])
    del row
    assert sys.getrefcount(value) == before


def test_rows_by_column_treatment():
    table = {"size": [1.0, 2.0, 4.0, 8.0], "kind": ["x", "y", "x", "z"]}
    treatment = ColumnTreatment.learn(table)
    coef = np.arange(1.0, treatment.n_features + 1)
    model = SparseModel.from_coef(coef, 0.5, columns=treatment)
    expected = treatment.encode(table) @ coef + 0.5
    named = [
        dict(zip(table, cells, strict=True))
        for cells in zip(*table.values(), strict=True)
    ]
    for form in (table, named):
        np.testing.assert_allclose(model.predict(form), expected, rtol=1e-13)
        explanation = model.explain(form, 2)
        check_explanation(explanation, expected)
    assert {term.name for row in explanation for term in row} <= set(model.kept_names())


def test_columns_that_are_not_there():
    """One rule for dicts, tables and frames: extra columns pass, absent ones do not."""
    pd = pytest.importorskip("pandas")
    table = {"age": [1.0, 2.0, 4.0, 9.0], "kind": ["x", "y", "x", "z"]}
    treatment = ColumnTreatment.learn(table)
    coef = np.arange(1.0, treatment.n_features + 1)
    classes = {"link": "logit", "classes": ["no", "yes"]}
    model = SparseModel.from_coef(coef, 0.5, columns=treatment, **classes)
    calls = (
        model.predict,
        model.decision_function,
        model.predict_proba,
        model.predict_log_proba,
        model.explain,
        lambda X, **given: model.predict(X, "class", **given),
    )

    def forms(row):
        yield [row]
        yield {name: [cell] for name, cell in row.items()}
        yield pd.DataFrame([row])

    whole = {"age": 3.0, "kind": "y"}
    for call in calls:
        for more in ({}, {"unknown": 1}, {"Age": 7.0}):
            for form in forms({**whole, **more}):
                call(form)
        for form in forms({"Age": 3.0, "kind": "y"}):
            with pytest.raises(ValueError, match=r"'age' \(did you mean 'Age'\?\)"):
                call(form)
            call(form, missing="impute")
        for row in ({}, {"kind": "y"}):
            with pytest.raises(ValueError, match=r"row 1: there is no column 'age'"):
                call([whole, row])
            call([whole, row], missing="impute")
        with pytest.raises(ValueError, match=r'missing must be "error" or "impute"'):
            call([whole], missing="mean")
    mean = treatment.columns[0].mean
    for form in forms({"kind": "y"}):
        assert model.predict(form, missing="impute") == pytest.approx(
            model.predict([{"age": mean, "kind": "y"}])
        )
    nothing = model.predict([{}], missing="impute")
    assert nothing == model.predict([{"age": None, "kind": None}])
    assert model.predict(whole | {"age": [None], "kind": ["y"]}).shape == (1,)


# --- one row ----------------------------------------------------------------------


def sparse_row(x):
    j = np.flatnonzero(x)
    return j, x[j]


@pytest.mark.parametrize(("link", "n_outputs"), LABELLED)
@pytest.mark.parametrize("p", [40, 50_000])
def test_predictor_equals_predict(link, n_outputs, p):
    model = make(p, 9 if p == 40 else 200, n_outputs, link)
    X = rows(8, p, density=min(0.4, 500 / p))
    X[3] = 0.0
    kinds = ["response", "link"] + ["class"] * LINKS[link].classifies
    for kind in kinds:
        p_one = model.predictor(kind)
        one = lambda *row, p_one=p_one: np.asarray(p_one(*row)).tolist()  # noqa: E731
        csr = sp.csr_array(X)
        by_sparse = model.predict(csr, kind).tolist()
        by_dense = model.predict(X, kind).tolist()
        for i, x in enumerate(X):
            j, values = sparse_row(x)
            got = one(j.astype(csr.indices.dtype), values)
            exact = kind != "response" or link != "log"
            assert got == (by_sparse[i] if exact else pytest.approx(by_sparse[i]))
            if kind != "class":
                for other in ("i4", "i8"):
                    assert one(j.astype(other), values) == pytest.approx(got, rel=1e-12)
            assert got == one(sp.csr_array(x[None]))
            assert one(x) == (by_dense[i] if exact else pytest.approx(by_dense[i]))


@pytest.mark.parametrize("p", [40, 50_000])
def test_predictor_takes_what_is_not_in_its_form(p):
    model = make(p, 30, feature_names=None)
    p_one = model.predictor()
    j, x = np.array([5, 3, 5, 39]), np.array([1.0, 2.0, 3.0, -1.0])
    dense = np.zeros(p)
    np.add.at(dense, j, x)
    want = eta_of(model, dense[None])[0]
    frozen = x.copy()
    frozen.flags.writeable = False
    unaligned = np.empty(33, np.uint8)[1:].view(float)
    unaligned[:] = x
    for indices, values in (
        (j.tolist(), x.tolist()),
        (np.repeat(j, 2)[::2], np.repeat(x, 3)[::3]),
        (j.astype(np.uint8), x.astype(np.int8)),
        (j.astype(np.longlong), x.astype(np.float16)),
        (j.astype(">i8"), x.astype(">f4")),
        (j.astype("i4"), x.astype("f4")),
        (j, frozen),
        (j, unaligned),
        (tuple(j.tolist()), x),
    ):
        assert p_one(indices, values) == pytest.approx(want, rel=1e-12)
    assert p_one([], []) == model.intercept
    assert p_one(dense.tolist()) == pytest.approx(want)
    assert p_one(np.repeat(dense, 2)[::2]) == pytest.approx(want)
    assert p_one(dense.astype("f2")) == pytest.approx(want)
    assert p_one(dense.astype(">f4")) == pytest.approx(want)
    assert np.isnan(p_one(model.features[:1], np.array([np.nan])))


def test_predictor_refuses_what_is_wrong():
    for p in (40, 50_000):
        p_one = make(p, 30).predictor()
        one = np.ones(1)
        for bad in (p, -1, 2**31 - 1, -(2**31)):
            for dtype in ("i4", "i8"):
                with pytest.raises(ValueError, match=f"index {bad} is not a feature"):
                    p_one(np.array([bad], dtype), one)
        with pytest.raises(ValueError, match="index .* is not a feature"):
            p_one(np.array([2**64 - 1], np.uint64), one)
        with pytest.raises(ValueError, match="is not a feature; there are"):
            p_one(np.arange(5000) * 100, np.ones(5000))
        with pytest.raises(ValueError, match="2 indices for 1 values"):
            p_one(np.array([1, 2]), one)
        with pytest.raises(TypeError, match="indices must be integers, got"):
            p_one(np.array([1.0]), one)
        with pytest.raises(TypeError, match="values must be real numbers, got"):
            p_one(np.array([1]), np.array([1j]))
        with pytest.raises(TypeError, match="values must be real numbers"):
            p_one([1], ["x"])
        with pytest.raises(ValueError, match="must be 1-d"):
            p_one(np.array([[1]]), one)
        for row in (np.ones(p + 1), np.ones((1, p)), [1.0], np.float64(3)):
            with pytest.raises(ValueError, match="a dense row must have shape"):
                p_one(row)
        with pytest.raises(TypeError, match="a row must hold real numbers"):
            p_one(np.ones(p, complex))
        for row in (sp.csc_array((1, p)), sp.csr_array((2, p)), sp.csr_array((1, 3))):
            with pytest.raises(ValueError, match="a sparse row must be CSR of shape"):
                p_one(row)
        with pytest.raises(TypeError):
            p_one()
    with pytest.raises(ValueError, match="'proba'"):
        make().predictor("proba")
    with pytest.raises(ValueError, match="needs a model with classes"):
        make().predictor("class")


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 41), st.floats(-(2.0**99), 2.0**99, width=32))),
    st.sampled_from(["i4", "i8", "u2", "f4"]),
    st.sampled_from(["f4", "f8", "i1", "?"]),
)
def test_predictor_never_does_anything_but_answer_or_refuse(entries, index, value):
    model = make()
    indices = np.array([j for j, _ in entries]).astype(index)
    with np.errstate(invalid="ignore"):
        values = np.array([x for _, x in entries], float).astype(value)
    inside = all(0 <= int(j) < 40 for j in indices)
    if not inside or (index == "f4" and len(indices)):
        with pytest.raises((ValueError, TypeError)):
            model.predictor()(indices, values)
        return
    coef = model.coef_
    terms = [float(x) * coef[int(j)] for j, x in zip(indices, values, strict=True)]
    got = model.predictor()(indices, values)
    size = 1e-9 * (1 + sum(map(abs, terms)))
    with np.errstate(over="ignore", invalid="ignore"):
        assert got == pytest.approx(sum(terms) + model.intercept, rel=1e-9, abs=size)


def test_served_models_are_pickled_after_they_predicted(tmp_path):
    model = make(n_outputs=3, link="softmax")
    model.save(tmp_path / "model.fl1")
    served = runtime.load(tmp_path / "model.fl1")
    X = rows(5)
    p = served.predictor("link")
    expected, one = served.predict(X).tolist(), p(X[0]).tolist()
    again, q = pickle.loads(pickle.dumps((served, p)))
    assert type(again) is runtime.Model
    assert again.predict(X).tolist() == expected
    assert (q.type, q(X[0]).tolist()) == ("link", one)


def test_predictor_in_threads_and_through_pickle():
    model = make(n_outputs=3, link="softmax")
    X = rows(60)
    expected = model.predict(sp.csr_array(X)).tolist()
    p = pickle.loads(pickle.dumps(model.predictor()))
    assert p.type == "response"
    assert "Predictor" in repr(p)
    wrong = []

    def work():
        for _ in range(20):
            for x, want in zip(X, expected, strict=True):
                if p(*sparse_row(x)).tolist() != want:
                    wrong.append(x)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- explanations -----------------------------------------------------------------


def check_explanation(explanation, decision):
    total = explanation.terms.sum(axis=1) + explanation.rest + explanation.intercept
    np.testing.assert_allclose(total, decision, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(explanation.decision, decision, rtol=1e-12)
    size = np.abs(explanation.terms)
    assert (np.diff(size, axis=1) <= 0).all()
    product = explanation.coefficients * explanation.values
    assert np.array_equal(explanation.terms, product)


@pytest.mark.parametrize("top", [1, 4, 100])
def test_explanations_list_the_largest_terms(top):
    model = make()
    X = rows()
    decision = eta_of(model, X)
    for name, form in forms(X, model.feature_names):
        if name == "half":
            continue
        explanation = model.explain(form, top)
        check_explanation(explanation, decision)
        for i, row in enumerate(explanation):
            terms = X[i] * model.coef_
            order = sorted(np.flatnonzero(terms), key=lambda j: (-abs(terms[j]), j))
            assert [term.feature for term in row] == order[:top], name
            assert [term.name for term in row] == [f"f{j}" for j in order[:top]]
            assert [term.value for term in row] == [X[i, j] for j in order[:top]]


def test_explanations_of_several_outputs():
    model = make(n_outputs=3, link="softmax")
    X = rows()
    eta = eta_of(model, X)
    explanation = model.explain(sp.csr_array(X), 3)
    assert explanation.output.tolist() == eta.argmax(axis=1).tolist()
    check_explanation(explanation, eta.max(axis=1))
    for output in (0, 2, -1):
        one = model.explain(X, 3, output=output)
        check_explanation(one, eta[:, output])
        assert (one.output == output % 3).all()
        coefs = model.coef_[output]
        for row in one:
            assert all(term.coefficient == coefs[term.feature] for term in row)
    with pytest.raises(ValueError, match="output 3 of a model with 3"):
        model.explain(X, output=3)
    with pytest.raises(ValueError, match="top must be at least 1"):
        model.explain(X, 0)


def test_explanation_is_tidy():
    pd = pytest.importorskip("pandas")
    model = SparseModel.from_coef([1.0, 0.0, -3.0], 0.5, feature_names=list("abc"))
    # duplicates of a sparse matrix count as their sum
    parts = [2.0, 1.0, 5.0, 1.0], [2, 0, 1, 2], [0, 4, 4]
    explanation = model.explain(sp.csr_array(parts, shape=(2, 3)))
    frame = pd.DataFrame(explanation.to_dict())
    assert frame.to_dict("records") == [
        {
            "row": 0,
            "rank": 1,
            "feature": 2,
            "name": "c",
            "value": 3.0,
            "coefficient": -3.0,
            "term": -9.0,
        },
        {
            "row": 0,
            "rank": 2,
            "feature": 0,
            "name": "a",
            "value": 1.0,
            "coefficient": 1.0,
            "term": 1.0,
        },
    ]
    assert explanation[1] == []
    assert explanation.intercept.tolist() == [0.5, 0.5]
    assert repr(explanation) == "<Explanation: 2 rows, up to 2 terms>"


# --- serving ----------------------------------------------------------------------

SERVE = """
import json, sys
import numpy as np
before = set(sys.modules)
from fastl1.runtime import load
model = load(sys.argv[1])
X = np.eye(40)
row = model.predictor()(np.array([1, 3]), np.array([1.0, 2.0]))
got = model.predict(X).tolist(), row, model.predict_proba(X).tolist()
model.predict([{"f1": 1.0}]), model.explain(X, 2)
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([got, sorted(new), sorted(n for n in sys.modules if "fastl1" in n)]))
"""


def test_runtime_predicts_with_numpy_alone(tmp_path):
    model = make(link="logit")
    path = tmp_path / "model.fl1"
    model.save(path)
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    (batch, row, proba), new, ours = json.loads(done.stdout)
    X = np.eye(40)
    assert batch == model.predict(X).tolist()
    assert proba == model.predict_proba(X).tolist()
    assert row == model.predictor()(np.array([1, 3]), np.array([1.0, 2.0]))
    others = {name for name in new if name != "fastl1" and "cython" not in name}
    assert others <= set(sys.stdlib_module_names), others
    trained = {"fit", "problem", "model", "data.columns", "estimators"}
    trained |= {"kernels.solver"}
    rooms = tuple(f"fastl1.{room}" for room in trained)
    assert not [name for name in ours if name.startswith(rooms)]


def test_runtime_reads_what_save_wrote(tmp_path):
    model = make(n_outputs=3, link="softmax")
    path = tmp_path / "model.fl1"
    model.save(path)
    served = runtime.load(path)
    X = rows()
    assert served.predict(X).tolist() == model.predict(X).tolist()
    assert (
        repr(served) == f"<Model: {len(model.features)} of 40 features, link='softmax'>"
    )
    table = {"size": [1.0, 2.0, 4.0], "kind": ["x", "y", "x"]}
    treatment = ColumnTreatment.learn(table)
    whole = SparseModel.from_coef(np.ones(treatment.n_features), 0.5, columns=treatment)
    whole.save(path)
    assert runtime.load(path).predict(table).tolist() == whole.predict(table).tolist()
    path.write_bytes(b"nonsense")
    with pytest.raises(fastl1.ModelFileError, match="not a fastl1 model"):
        runtime.load(path)
