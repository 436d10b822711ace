"""``fastl1 fit --loss …``: every loss from a file to predictions, and its report."""

import json

import numpy as np
import pytest

for package in ("click", "pyarrow", "rich"):
    pytest.importorskip(package)

from houses import prepared  # noqa: E402

import fastl1  # noqa: E402
from fastl1.cli import app  # noqa: E402
from fastl1.loss.losses import LOSSES, as_loss  # noqa: E402
from fastl1.metrics.metrics import METRICS  # noqa: E402
from fastl1.model.sparse_model import SparseModel  # noqa: E402

N = 300
FAST = ("--n-alphas", "15", "--folds", "3", "--threads", "1")


def table(seed=0):
    """Two features that matter, one that does not, and a target for every loss."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.standard_normal((3, N)).round(4)
    eta = 0.8 * a - 0.5 * b
    years = rng.uniform(0.2, 2, N).round(3)
    base = rng.uniform(-1, 1, N).round(3)
    days = rng.exponential(np.exp(-eta)).round(3) + 0.001
    end = rng.exponential(2, N).round(3) + 0.001
    kind = (np.stack([eta, 0 * eta, a]) + rng.gumbel(size=(3, N))).argmax(axis=0)
    return {
        "a": a,
        "b": b,
        "c": c,
        "years": years,
        "base": base,
        "number": (eta + rng.standard_normal(N)).round(3),
        "claims": rng.poisson(years * np.exp(eta)),
        "cost": (rng.gamma(2, years * np.exp(eta))).round(4) + 1e-4,
        "bought": np.where(eta + rng.logistic(size=N) > 0, "yes", "no"),
        "kind": np.array(["cat", "dog", "eel"])[kind],
        "days": np.minimum(days, end),
        "seen": np.where(days <= end, "dead", "alive"),
        "since": (np.minimum(days, end) * rng.uniform(0, 0.5, N)).round(4) - 0.001,
        "clinic": np.array(["x", "y"])[rng.integers(0, 2, N)],
    }


TARGETS = {
    "squared": ("number",),
    "huber": ("number", "--delta", "1"),
    "quantile": ("number", "--quantile", "0.8"),
    "poisson": ("claims", "--exposure", "years"),
    "gamma": ("cost", "--exposure", "years"),
    "tweedie": ("claims", "--power", "1.4", "--offset", "base"),
    "logistic": ("bought", "--offset", "base"),
    "probit": ("bought",),
    "cloglog": ("bought",),
    "squared_hinge": ("bought",),
    "multinomial": ("kind",),
}
COX = ("--time", "days", "--event", "seen", "--positive", "dead")


def csv_text(columns):
    rows = zip(*(np.asarray(c).tolist() for c in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def options_of(loss):
    """The command line of a loss, without columns that would give the answer away."""
    if loss == "cox":
        options = [*COX, "--ties", "efron", "--entry", "since", "--strata", "clinic"]
    else:
        target, *more = TARGETS[loss]
        options = ["--target", target, *more]
    used = {"a", "b", "c", *options}
    gone = [name for name in table() if name not in used]
    return [*options, "--loss", loss, "--drop", ",".join(gone)]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "data.csv").write_text(csv_text(table()))
    return tmp_path / "data.csv"


@pytest.fixture
def run(capsys):
    def run(*argv, code=0):
        got = app.run([str(arg) for arg in argv])
        out, err = capsys.readouterr()
        assert got == code, err
        return out if code == 0 else err

    return run


@pytest.fixture
def fit(file, tmp_path, run):
    def fit(*options):
        out = run("fit", file, *options, *FAST, "--out", tmp_path / "m", "--json")
        return json.loads(out)

    return fit


# --- the main job of every loss ----------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_the_model_is_the_one_of_the_library(file, tmp_path, fit, run, loss):
    """Options reach the solver, the artifact and the predictions."""
    options = options_of(loss)
    report = fit(*options, "--tol", "1e-9")
    given = dict(zip(options[::2], options[1::2], strict=True))
    data = table()
    family = as_loss(loss)
    if loss in ("huber", "quantile", "tweedie", "cox"):
        kind = LOSSES[loss]
        value = given[{"huber": "--delta", "quantile": "--quantile",
                       "tweedie": "--power", "cox": "--ties"}[loss]]  # fmt: skip
        family = kind(value if loss == "cox" else float(value))
    assert report["loss"] == {"name": loss, **family.params()}
    assert report["task"] == LOSSES[loss]().task

    used = prepared(file, **arguments(given))
    train = used.train
    X = np.column_stack([data[name] for name in "abc"])
    keywords = {}
    shift = np.zeros(N)
    if "--exposure" in given:
        shift = np.log(data["years"])
    if "--offset" in given:
        shift = data["base"]
    if shift.any():
        keywords["offset"] = shift[train]
    if loss == "cox":
        y = np.column_stack([data["seen"] == "dead", data["days"], data["since"]])
        keywords["strata"] = data["clinic"][train]
    else:
        y = data[given["--target"]]
    alpha = report["selection"]["lambda"]
    direct = fastl1.path(
        X[train], y[train], loss=family, alphas=[alpha], standardize=True, tol=1e-9,
        **keywords,
    )  # fmt: skip
    model = SparseModel.load(tmp_path / "m" / "model.fl1")
    assert model.metadata["loss"] == loss
    coef = np.zeros((model.n_outputs, 3))
    for k, name in enumerate(model.kept_names()):
        coef[:, "abc".index(name)] = np.atleast_2d(model.coef_)[:, model.features[k]]
    expected = np.stack([part.toarray()[:, 0] for part in direct.outputs])
    scale = np.abs(expected).max()
    assert scale > 0.05
    np.testing.assert_allclose(coef, expected, atol=1e-3 * scale)

    # what predict writes is the response at eta + offset
    lines = run("predict", tmp_path / "m", file).splitlines()
    eta = X @ coef.T + np.atleast_1d(model.intercept) + shift[:, None]
    if loss == "cox":
        assert lines[0] == "risk"
        assert np.average(eta[train]) == pytest.approx(0, abs=1e-9)
    eta = eta if loss == "multinomial" else eta[:, 0]
    response = np.reshape(family.inverse_link(eta), (N, -1))
    columns = np.array([line.split(",")[-response.shape[1] :] for line in lines[1:]])
    np.testing.assert_allclose(columns.astype(float), response, rtol=1e-9)
    if family.labels:
        labels = [line.split(",")[0] for line in lines[1:]]
        decided = family.decide(eta).astype(int)
        assert labels == model.classes[decided].tolist()

    # the report is of the same model: its deviance on the test rows
    test, scores = used.test, report["test"]
    rows = used.testing()
    names = set(LOSSES[loss].metrics) | {"deviance", "explained"}
    assert set(scores["model"]) == set(scores["ridge"]) == names <= set(METRICS)
    if loss != "cox":
        unit = family.deviance(rows.y, eta[test])
        assert scores["model"]["deviance"] == pytest.approx(2 * unit.mean(), rel=1e-9)
    assert scores["null"]["explained"] == 0
    assert 0 < scores["model"]["explained"] < 1
    assert scores["ridge"]["explained"] > 0.5 * scores["model"]["explained"]
    assert report["selection"]["cv_score"] < report["selection"]["cv_null_score"]

    text = run("fit", file, *options, *FAST, "--out", tmp_path / "m")
    assert f"sparse {LOSSES[loss].title}" in " ".join(text.split())
    assert f"{LOSSES[loss].predictor}/std" in text
    for metric in LOSSES[loss].metrics:
        assert METRICS[metric].title in text
    shown = run("inspect", tmp_path / "m")
    assert f"sparse {LOSSES[loss].title}" in " ".join(shown.split())


def arguments(given):
    """Options of a command line as keywords."""
    words = {name[2:].replace("-", "_"): value for name, value in given.items()}
    words["drop"] = tuple(words["drop"].split(","))
    for name in ("delta", "quantile", "power"):
        if name in words:
            words[name] = float(words[name])
    return words


def test_the_loss_is_inferred_from_the_target(fit):
    gone = ("--drop", "claims,cost,bought,kind,seen,days,since,number")
    for target, loss in (("number", "squared"), ("bought", "logistic"),
                         ("kind", "multinomial")):  # fmt: skip
        drop = gone[1].replace(f"{target},", "").replace(f",{target}", "")
        assert fit("--target", target, "--drop", drop)["loss"] == {"name": loss}
    drop = "claims,cost,bought,kind,number,since"
    report = fit(*COX, "--drop", drop)
    assert report["loss"] == {"name": "cox", "ties": "breslow"}
    cox = {"time": "days", "event": "seen", "positive": "dead"}
    used = prepared(report["data"]["file"], drop=drop.split(","), **cox)
    died = table()["seen"] == "dead"
    assert report["target"]["events"] == died[used.train].sum()


def test_time_is_the_order_of_the_rows_without_an_event(file, tmp_path, fit, run):
    drop = ("--target", "number", "--drop", "claims,cost,bought,kind,seen,since")
    by_time = fit(*drop, "--time", "days")
    assert by_time["selection"]["split"] == "in time order"
    assert by_time["test"] == fit(*drop, "--order", "days")["test"]
    cox = fit(*COX, "--order", "base", "--drop", "claims,cost,bought,kind,number,since")
    assert cox["selection"]["split"] == "in time order"
    base = table()["base"]
    used = prepared(file, time="days", event="seen", positive="dead", order="base")
    assert base[used.train].max() < base[used.test].min()


def test_exposure_is_a_rate_times_years(file, tmp_path, fit, run):
    report = fit(*options_of("poisson"))
    parts = report["test"]["calibration"]
    data = table()
    drop = options_of("poisson")[-1].split(",")
    given = {"target": "claims", "loss": "poisson", "exposure": "years"}
    test = prepared(file, drop=drop, **given).test
    assert sum(part["rows"] for part in parts) == len(test)
    observed = sum(part["observed_sum"] for part in parts)
    assert observed == pytest.approx(data["claims"][test].sum())
    exposed = sum(part["exposure"] for part in parts)
    assert exposed == pytest.approx(data["years"][test].sum())
    rates = [part["predicted"] for part in parts]
    assert rates == sorted(rates)
    ratio = sum(part["predicted_sum"] for part in parts) / observed
    assert report["test"]["model"]["ratio"] == pytest.approx(ratio)
    whole = np.loadtxt(run("predict", tmp_path / "m", file).splitlines()[1:])
    rate = run("predict", tmp_path / "m", file, "--no-offset").splitlines()[1:]
    np.testing.assert_allclose(whole, np.loadtxt(rate) * data["years"], rtol=1e-12)
    lacking = {name: column for name, column in data.items() if name != "years"}
    file.write_text(csv_text(lacking))
    error = run("predict", tmp_path / "m", file, code=3)
    assert "no column 'years', which was the exposure of the training" in error
    assert run("predict", tmp_path / "m", file, "--no-offset").splitlines()[1:] == rate


# --- reports -----------------------------------------------------------------------


def test_classes_have_a_table_of_their_own(file, tmp_path, fit, run):
    report = fit(*options_of("multinomial"))
    rows = report["test"]["by_class"]
    assert [row["class"] for row in rows] == ["cat", "dog", "eel"]
    n = report["test"]["rows"]
    for column in ("rows", "predicted", "expected"):
        assert sum(row[column] for row in rows) == pytest.approx(n)
    hits = sum(row["rows"] * row["recall"] for row in rows)
    assert report["test"]["model"]["accuracy"] == pytest.approx(hits / n)
    named = {entry["class"] for entry in report["coefficients"]}
    assert named <= {"cat", "dog", "eel"}
    lines = run("predict", tmp_path / "m", file, "--proba").splitlines()
    assert lines[0] == "probability_cat,probability_dog,probability_eel"
    shares = np.loadtxt(lines[1:], delimiter=",")
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_what_a_careful_colleague_says_of_losses(tmp_path, run):
    rng = np.random.default_rng(0)
    a = rng.normal(size=400)
    kind = np.where(rng.random(400) < 0.02, "rare", np.where(a > 0, "up", "down"))
    rate = np.exp(a / 4) * np.where(np.arange(400) >= 320, 3, 1)  # later rows differ
    columns = {"a": a, "when": np.arange(400), "n": rng.poisson(rate), "kind": kind}
    columns["died"], columns["t"] = rng.random(400) < 0.06, rng.exponential(size=400)
    (tmp_path / "d.csv").write_text(csv_text(columns))

    def report(*options):
        more = (*options, *FAST, "--out", tmp_path / "m", "--json")
        return json.loads(run("fit", tmp_path / "d.csv", *more))["warnings"]

    counts = ("--target", "n", "--loss", "poisson", "--order", "when")
    assert any("the predictions sum to 0." in w
               for w in report(*counts, "--drop", "kind,died,t"))  # fmt: skip
    classes = report("--target", "kind", "--drop", "n,died,t,when")
    assert any("rare classes: 1 of 3 have fewer than 20" in w for w in classes)
    few = report("--time", "t", "--event", "died", "--drop", "n,kind,when")
    assert any("events in training: the metrics are rough" in w for w in few)


def test_huber_threshold_follows_the_spread_of_the_target(fit):
    options = options_of("huber")
    options[2:4] = []  # without --delta
    report = fit(*options)
    y = table()["number"]
    near = 1.345 * 1.4826 * np.median(np.abs(y - np.median(y)))
    assert report["loss"]["delta"] == pytest.approx(near, rel=0.2)
    assert any("delta of the Huber loss is" in note for note in report["notes"])


def test_prune_and_diff_know_the_loss(file, tmp_path, fit, run):
    for loss, metric in (("gamma", "gamma_deviance"), ("quantile", "quantile_loss")):
        fit(*options_of(loss))
        text = run("prune", tmp_path / "m", "--max-features", "1", "--data", file)
        assert f"{metric} on " in text
        (tmp_path / "m" / "model.fl1").rename(tmp_path / f"{loss}.fl1")
    pruned = SparseModel.load(tmp_path / "m" / "model.pruned.fl1").metadata["pruning"]
    model = SparseModel.load(tmp_path / "quantile.fl1")
    data = table()
    X = {name: data[name] for name in "abc"}
    half = fastl1.Quantile(0.8).deviance(data["number"], model.predict(X)).mean()
    assert pruned["before"]["quantile_loss"] == pytest.approx(half)
    text = run("diff", tmp_path / "gamma.fl1", tmp_path / "quantile.fl1")
    assert "loss: gamma → quantile" in text
    assert "exposure: years → None" in text
    options = options_of("cox")
    at = options.index("--strata")
    fit(*options[:at], *options[at + 2 :])
    text = run("prune", tmp_path / "m", "--max-features", "1", "--data", file)
    assert "concordance on " in text


def test_prune_counts_with_the_exposure(file, tmp_path, fit, run):
    fit(*options_of("poisson"))
    run("prune", tmp_path / "m", "--max-features", "9", "--data", file)
    pruned = SparseModel.load(tmp_path / "m" / "model.pruned.fl1").metadata["pruning"]
    data = table()
    mean = np.loadtxt(run("predict", tmp_path / "m", file).splitlines()[1:])
    unit = fastl1.Poisson().deviance(data["claims"].astype(float), np.log(mean))
    expected = 2 * unit.mean()
    assert pruned["before"]["poisson_deviance"] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("loss", ["tweedie", "quantile", "multinomial", "cox"])
def test_same_bytes_for_any_number_of_threads(file, tmp_path, run, monkeypatch, loss):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for threads in ("1", "2"):
        more = (*FAST, "--threads", threads, "--out", tmp_path / threads)
        run("fit", file, *options_of(loss), *more)
    one, two = ((tmp_path / d / "model.fl1").read_bytes() for d in ("1", "2"))
    assert one == two


def test_matrix_files_of_survival(tmp_path, run):
    data = table()
    X = np.column_stack([data[name] for name in "abc"]).astype(np.float32)
    arrays = {"t": data["days"], "e": data["seen"] == "dead"}
    np.savez(tmp_path / "m.npz", X=X, **arrays)
    options = ("--time", "t", "--event", "e", *FAST, "--out", tmp_path / "m")
    run("fit", tmp_path / "m.npz", *options)
    model = SparseModel.load(tmp_path / "m" / "model.fl1")
    assert model.metadata["survival"] == {"time": "t", "event": "e"}
    np.savez(tmp_path / "new.npz", X=X)
    risk = np.loadtxt(
        run("predict", tmp_path / "m", tmp_path / "new.npz").splitlines()[1:]
    )
    np.testing.assert_allclose(risk, model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("loss", ["multinomial", "cox", "poisson"])
def test_warm_start_ends_at_the_same_model(file, tmp_path, run, loss):
    options = (*options_of(loss), "--tol", "1e-9", *FAST)
    run("fit", file, *options, "--out", tmp_path / "cold")
    warm = ("--warm-start", tmp_path / "cold")
    run("fit", file, *options, *warm, "--out", tmp_path / "warm")
    models = [SparseModel.load(tmp_path / d / "model.fl1") for d in ("cold", "warm")]
    np.testing.assert_allclose(models[0].coef_, models[1].coef_, atol=1e-4)
    other = options_of("huber")
    error = run("fit", file, *other, *warm, "--out", tmp_path / "no", code=3)
    assert f"a model with --loss {loss}" in error


# --- what is said of bad input -----------------------------------------------------

CONTRADICTIONS = [
    (("--power", "1.5", "--loss", "poisson"), "--power goes with --loss tweedie, not"),
    (("--delta", "1"), "--delta goes with --loss huber"),
    (("--loss", "tweedie", "--power", "0.5"), "power of Tweedie must be"),
    (("--loss", "quantile", "--quantile", "1"), "q of Quantile must be in (0, 1)"),
    (("--loss", "poisson", "--task", "classification"), "exclude each other"),
    (("--exposure", "years"), "--exposure multiplies a mean: it goes with --loss"),
    (("--exposure", "years", "--loss", "squared"), "not with squared"),
    (("--offset", "base", "--loss", "multinomial"), "a linear predictor for each"),
    (("--entry", "since"), "--entry goes with --time and --event"),
    (("--strata", "clinic", "--loss", "poisson"), "not with poisson"),
    (("--ties", "efron"), "--ties goes with --loss cox"),
    (("--time", "days", "--order", "base"), "give one of them"),
    (("--order", "days", "--group", "clinic"), "--group and --order exclude"),
    (("--time", "days", "--group", "clinic"), "--group and --time exclude"),
    (("--event", "seen", "--time", "days"), "leave --target out"),
    (("--loss", "hinge"), "'hinge' is not one of"),
]


@pytest.mark.parametrize(("options", "message"), CONTRADICTIONS)
def test_contradictory_options(file, tmp_path, run, options, message):
    options = ("--target", "number", *options, "--out", tmp_path / "m")
    error = run("fit", file, *options, code=2)
    assert message in " ".join(error.split())
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--event", "seen"), "--event needs --time COL"),
        (("--loss", "cox", "--time", "days"), "--loss cox needs --event COL"),
        ((*COX, "--loss", "poisson"), "--event goes with --loss cox, not with poisson"),
        ((*COX, "--task", "regression"), "exclude each other"),
        ((*COX, "--exposure", "years"), "not with cox"),
    ],
)
def test_contradictory_options_of_survival(file, tmp_path, run, options, message):
    error = run("fit", file, *options, "--out", tmp_path / "m", code=2)
    assert message in " ".join(error.split())


BAD_ROWS = [
    ("claims", 4, -1, ("--target", "claims", "--loss", "poisson"),
     "the target 'claims' is -1 in data row 5; loss='poisson' needs y >= 0"),
    ("cost", 0, 0, ("--target", "cost", "--loss", "gamma"),
     "the target 'cost' is 0 in data row 1; loss='gamma' needs y > 0"),
    ("claims", slice(None), 0, ("--target", "claims", "--loss", "poisson"),
     "'claims' is constant (0)"),
    ("years", 7, 0, ("--target", "claims", "--loss", "poisson", "--exposure", "years"),
     "--exposure: 'years' is 0 in data row 8; it must be above 0"),
    ("years", 7, "", ("--target", "cost", "--loss", "gamma", "--exposure", "years"),
     "--exposure: 'years' is missing in data row 8"),
    ("base", 2, "", ("--target", "number", "--offset", "base"),
     "--offset: 'base' is missing in data row 3"),
    ("base", 2, "x", ("--target", "number", "--offset", "base"),
     "--offset: column 'base': data row 3 holds 'x'"),
    ("kind", 0, "fox", ("--target", "kind"),
     "4 classes ('cat', 'dog', 'eel', 'fox'), 1 of them with a single row"),
    ("kind", 0, "cat", ("--target", "kind", "--loss", "logistic"),
     "3 classes ('cat', 'dog', 'eel'); --loss logistic is of two, --loss multinomial"),
    ("kind", 0, "cat", ("--target", "kind", "--loss", "poisson"),
     "the target 'kind' must be a number"),
    ("kind", 0, "cat", ("--target", "kind", "--positive", "cat"),
     "--positive names one of two classes; 'kind' has 3"),
    ("bought", 0, "no", ("--target", "bought", "--loss", "huber"),
     "the target 'bought' must be a number"),
    ("number", slice(200), 1, ("--target", "number", "--loss", "huber"),
     "half of the target 'number' is of one value"),
    ("seen", 0, "dead", ("--time", "days", "--event", "seen"),
     "'seen' holds 'dead', 'alive'; give the one that is the event as --positive"),
    ("seen", 0, "dead", ("--time", "days", "--event", "seen", "--positive", "lost"),
     "--positive lost: 'seen' holds 'dead', 'alive'"),
    ("since", 3, 99, (*COX, "--entry", "since"),
     "--entry: 'since' is 99 in data row 4, where 'days' is"),
    ("since", 3, "", (*COX, "--entry", "since"),
     "--entry: 'since' is missing in data row 4"),
    ("clinic", 3, "", (*COX, "--strata", "clinic"),
     "--strata: 'clinic' is missing in data row 4"),
    ("days", 3, "2001-01-01", COX, "--time: column 'days': data row 4 holds"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "row", "value", "options", "message"), BAD_ROWS)
def test_bad_rows(tmp_path, run, column, row, value, options, message):
    columns = table()
    columns[column] = columns[column].astype(object)
    columns[column][row] = value
    file = tmp_path / "bad.csv"
    file.write_text(csv_text(columns))
    error = run("fit", file, *options, "--out", tmp_path / "m", code=3)
    assert message in error
    assert "Traceback" not in error


def test_rows_without_time_or_event_are_left_out(tmp_path, run):
    columns = table()
    columns["days"], columns["seen"] = (
        columns[name].astype(object) for name in ("days", "seen")
    )
    columns["days"][3], columns["seen"][5] = "", ""
    columns["seen"][6:9] = "moved"
    (tmp_path / "d.csv").write_text(csv_text(columns))
    options = (*COX, "--drop", "claims,cost,bought,kind,number,since", *FAST)
    out = run("fit", tmp_path / "d.csv", *options, "--out", tmp_path / "m", "--json")
    report = json.loads(out)
    assert "2 rows without a time or event are left out" in report["notes"]
    assert any("rows with others than 'dead' count as censored" in note
               for note in report["notes"])  # fmt: skip
    assert report["data"]["train_rows"] + report["data"]["test_rows"] == N - 2


def test_a_fold_without_events_is_named(tmp_path, run):
    columns = table()
    columns["seen"] = np.array(["dead"] * 2 + ["alive"] * (N - 2))
    (tmp_path / "d.csv").write_text(csv_text(columns))
    error = run("fit", tmp_path / "d.csv", *COX, "--out", tmp_path / "m", code=3)
    assert "rows of fold" in error
    assert "have no event: a Cox model needs some" in error


def test_classes_that_a_split_leaves_out_are_named(tmp_path, run):
    columns = table()
    columns["when"] = np.arange(N)
    columns["kind"][-50:] = np.where(np.arange(50) % 2, "fox", "cat")
    (tmp_path / "d.csv").write_text(csv_text(columns))
    options = ("--target", "kind", "--order", "when", "--drop", "seen,bought,clinic")
    error = run("fit", tmp_path / "d.csv", *options, "--out", tmp_path / "m", code=3)
    assert "the training rows hold no row of the class 'fox'" in error
