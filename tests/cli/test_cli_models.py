"""``fastl1 inspect --audit``, ``diff``, ``quantize``, ``prune``, keys: as a user."""

import contextlib
import io
import json
import os
import re
import stat

import numpy as np
import pytest

for package in ("click", "pyarrow", "rich"):
    pytest.importorskip(package)

from fastl1.cli import seal as seal_commands  # noqa: E402
from fastl1.cli.app import run  # noqa: E402
from fastl1.model.sparse_model import SparseModel  # noqa: E402


def fastl1(*words, cwd, code=0):
    """What the command prints: stdout, or stderr if it is to fail."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with (
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        given = run([str(word) for word in words])
    for stream in (out, err):
        stream.seek(0)
    printed = out.read(), err.read()
    assert given == code, printed
    return printed[0] if code == 0 else printed[1]


def write_data(path, n=400, seed=0):
    rng = np.random.default_rng(seed)
    a, b, c = rng.standard_normal((3, n))
    job = rng.choice(["cook", "nurse", "pilot"], n)
    y = 3 * a - b + 2 * (job == "nurse") + 0.5 * rng.standard_normal(n)
    lines = ["a,b,c,job,y,bought"]
    lines += [
        f"{a[i]:.6f},{b[i]:.6f},{c[i]:.6f},{job[i]},{y[i]:.6f},"
        f"{'yes' if y[i] > 0 else 'no'}"
        for i in range(n)
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_data(folder / "data.csv")
    common = ("--drop", "bought", "--folds", "3", "--n-alphas", "20")
    fastl1("fit", "data.csv", "--target", "y", "--out", "m", *common, cwd=folder)
    rule = ("--rule", "1se", "--out", "sparse")
    fastl1("fit", "data.csv", "--target", "y", *rule, *common, cwd=folder)
    labels = ("--target", "bought", "--drop", "y", "--out", "labels")
    fastl1("fit", "data.csv", *labels, *common[2:], cwd=folder)
    return folder


def test_inspect_json_is_inspect(folder):
    shown = json.loads(fastl1("inspect", "labels", "--json", cwd=folder))
    model = SparseModel.load(folder / "labels" / "model.fl1")
    assert shown.pop("file") == "labels/model.fl1"
    assert shown.pop("bytes") == len(model.to_bytes())
    assert shown == json.loads(json.dumps(model.inspect()))
    assert shown["classes"] == ["no", "yes"]
    assert shown["required"] == model.required_features()


def test_audit(folder):
    shown = json.loads(fastl1("inspect", "m", "--audit", "--json", cwd=folder))
    assert shown["unexplained"] == []
    assert "column 'job': 3 levels" in shown["from_training_data"]
    tensors = sum(tensor["bytes"] for tensor in shown["tensors"])
    assert shown["header_bytes"] + tensors == shown["bytes"]
    model = SparseModel.load(folder / "m" / "model.fl1")
    places = {place for place, _ in shown["metadata"]}
    nested = ("grid", "reading")
    assert {f"lineage.{key}" for key in model.metadata if key not in nested} <= places
    text = fastl1("inspect", "m", "--audit", cwd=folder)
    assert "no training rows: sizes depend on" in text
    assert "columns.columns[3].levels: cook, nurse, pilot" in text


def test_diff(folder):
    text = fastl1("diff", "m", "sparse", cwd=folder)
    assert "matched by name" in text
    shown = json.loads(fastl1("diff", "m", "sparse", "--json", cwd=folder))
    first = SparseModel.load(folder / "m" / "model.fl1")
    second = SparseModel.load(folder / "sparse" / "model.fl1")
    went = set(first.kept_names()) - set(second.kept_names())
    assert {change["feature"] for change in shown["went"]} == went
    for name in went:
        assert name in text
    assert "0 came, 0 went, 0 changed sign, 0 moved" in fastl1(
        "diff", "m", "m", cwd=folder
    )
    bare = SparseModel([0], [1.0], 0.0, 1)
    bare.save(folder / "bare.fl1")
    error = fastl1("diff", "m", "bare.fl1", cwd=folder, code=3)
    assert "bare.fl1: the models have" in error


def test_quantize(folder):
    words = ("quantize", "m", "int8", "--data", "data.csv")
    error = fastl1(*words, cwd=folder, code=3)
    assert "it would not get smaller" in error
    text = fastl1(*words, "--force", cwd=folder)
    assert "predictions change by at most" in text
    assert re.search(r"rmse on data.csv: \S+ before, \S+ after", text)
    assert "on the 400 rows of data.csv by" in text
    small = SparseModel.load(folder / "m" / "model.int8.fl1")
    assert small.precision == "int8"
    report = small.metadata["quantization"]
    assert report["rows"] == 400
    assert report["largest_change"] <= report["bound"]
    assert "int8; predictions changed by at most" in fastl1(
        "inspect", "m/model.int8.fl1", cwd=folder
    )
    lines = fastl1("predict", "m/model.int8.fl1", "data.csv", cwd=folder).split()
    assert len(lines) == 401
    refused = fastl1(
        *("quantize", "m", "int4", "--max-error", "1e-9", "--out", "no.fl1"),
        cwd=folder,
        code=3,
    )
    assert "more than max_error=1e-09" in refused
    words = ("quantize", "m", "int4", "--data", "data.csv", "--out", "no.fl1")
    refused = fastl1(*words, "--max-increase", "1e-9", cwd=folder, code=3)
    assert "the deviance of these rows grows by" in refused
    assert not (folder / "no.fl1").exists()


def test_quantize_names_what_it_cannot_judge(tmp_path):
    names = [f"word{k}" for k in range(300)]
    values = np.where(np.arange(300) == 7, 1e-5, np.linspace(1, 2, 300))
    SparseModel(np.arange(300), values, 0.0, 300, feature_names=names).save(
        tmp_path / "bare.fl1"
    )
    error = fastl1("quantize", "bare.fl1", "int8", cwd=tmp_path, code=3)
    assert "these would become zero: word7; give --data, or --force" in error
    text = fastl1("quantize", "bare.fl1", "int8", "--force", cwd=tmp_path)
    assert "features that became zero: word7" in text


def test_prune(folder):
    text = fastl1(
        *("prune", "labels", "--max-features", "2", "--data", "data.csv"), cwd=folder
    )
    assert "kept 2 of" in text
    assert "log_loss on data.csv:" in text
    assert "error_rate on data.csv:" in text
    pruned = SparseModel.load(folder / "labels" / "model.pruned.fl1")
    assert len(pruned.features) == 2
    text = fastl1("prune", "m", "--threshold", "0.5", "--data", "data.csv", cwd=folder)
    assert "rmse on data.csv:" in text
    error = fastl1("prune", "m", cwd=folder, code=2)
    assert "either --threshold or --max-features" in error
    target = ("--data", "data.csv", "--target", "nothing")
    error = fastl1("prune", "m", "--threshold", "1", *target, cwd=folder, code=3)
    assert "data.csv: there is no column 'nothing'" in error


def test_several_outputs(tmp_path):
    coef = np.array([[1.0, 0.0, -2.0], [0.0, 0.0, 3.0], [0.5, 0.0, 0.0]])
    names = ["a", "b", "c"]
    given = {"feature_names": names, "link": "softmax", "classes": ["x", "y", "z"]}
    model = SparseModel.from_coef(coef, np.zeros(3), **given)
    model.save(tmp_path / "m.fl1")
    text = fastl1("inspect", "m.fl1", cwd=tmp_path)
    assert "sparse multinomial regression" in text
    assert re.search(r"^c +y +\+3$", text, re.MULTILINE)
    shown = json.loads(fastl1("inspect", "m.fl1", "--json", cwd=tmp_path))
    assert shown["coefficients"] == {"a": {"x": 1.0, "z": 0.5}, "c": {"x": -2, "y": 3}}
    (tmp_path / "data.csv").write_text("c,a\n1,0\n0,1\n")
    lines = fastl1("predict", "m.fl1", "data.csv", cwd=tmp_path).splitlines()
    assert lines[0] == "prediction,probability_x,probability_y,probability_z"
    assert [line[0] for line in lines[1:]] == ["y", "x"]


# --- keys --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(folder):
    pytest.importorskip("cryptography")
    fastl1("keygen", "release", cwd=folder)
    fastl1("keygen", "other", cwd=folder)
    fastl1("keygen", "secret", "--encryption", cwd=folder)
    return folder


def test_keys_are_private(keys):
    for name, mode in (
        ("release.key", 0o600),
        ("secret.key", 0o600),
        ("release.pub", 0o644),
    ):
        assert stat.S_IMODE((keys / name).stat().st_mode) == mode
    before = (keys / "release.key").read_bytes()
    error = fastl1("keygen", "release", cwd=keys, code=4)
    assert "release.key exists already" in error
    assert (keys / "release.key").read_bytes() == before


def test_sign_and_verify(keys):
    fastl1("sign", "m", "--key", "release.key", cwd=keys)
    text = fastl1("verify", "m/model.fl1", "--key", "release.pub", cwd=keys)
    assert "good signature by the key release.pub" in text
    error = fastl1("verify", "m", "--key", "other.pub", cwd=keys, code=3)
    assert "m/model.fl1: the signature does not fit" in error
    signature = ("--signature", "m/model.fl1.sig")
    error = fastl1(
        "verify", "sparse", "--key", "release.pub", *signature, cwd=keys, code=3
    )
    assert "the signature does not fit" in error
    error = fastl1("verify", "sparse", "--key", "release.pub", cwd=keys, code=3)
    assert "sparse/model.fl1.sig: No such file" in error
    error = fastl1("sign", "m", "--key", "release.pub", cwd=keys, code=3)
    assert "it is the public half" in error
    error = fastl1("sign", "data.csv", "--key", "release.key", cwd=keys, code=3)
    assert "data.csv: not a fastl1 model file" in error


def test_encrypt_and_decrypt(keys):
    fastl1("encrypt", "m", "--key", "secret.key", cwd=keys)
    original = (keys / "m" / "model.fl1").read_bytes()
    sealed = (keys / "m" / "model.fl1.enc").read_bytes()
    assert b"safetensors" not in sealed
    assert original[8:40] not in sealed
    out = ("--out", "again.fl1")
    fastl1("decrypt", "m/model.fl1.enc", "--key", "secret.key", *out, cwd=keys)
    assert (keys / "again.fl1").read_bytes() == original
    (keys / "bad.fl1.enc").write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    error = fastl1("decrypt", "bad.fl1.enc", "--key", "secret.key", cwd=keys, code=3)
    assert "bad.fl1.enc: altered" in error
    assert not (keys / "bad.fl1").exists()
    error = fastl1("decrypt", "bad.fl1.enc", "--key", "release.key", cwd=keys, code=3)
    assert "it is a key for signatures" in error


def test_the_signature_is_checked_before_the_file_is_parsed(keys, monkeypatch):
    fastl1("sign", "m", "--key", "release.key", cwd=keys)
    content = bytearray((keys / "m" / "model.fl1").read_bytes())
    content[40] ^= 1
    (keys / "altered.fl1").write_bytes(content)
    (keys / "altered.fl1.sig").write_bytes((keys / "m/model.fl1.sig").read_bytes())
    parsed = []
    monkeypatch.setattr(seal_commands, "decode", lambda *given: parsed.append(given))
    error = fastl1("verify", "altered.fl1", "--key", "release.pub", cwd=keys, code=3)
    assert "altered.fl1: the signature does not fit" in error
    assert not parsed


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
def test_heads_and_sizes_come_first(keys):
    """What is no model, or has no end, is never read whole."""
    with open(keys / "huge", "wb") as file:
        file.truncate(1 << 42)  # sparse: 4 TB that no memory holds
    with open(keys / "huge.enc", "wb") as file:
        file.truncate(1 << 42)
    fastl1("encrypt", "m", "--key", "secret.key", "--out", "long.enc", cwd=keys)
    with open(keys / "long.enc", "r+b") as file:
        file.truncate(1 << 42)
    key, public = ("--key", "secret.key"), ("--key", "release.pub")
    signature = ("--signature", "m/model.fl1.sig")
    fastl1("sign", "m", "--key", "release.key", cwd=keys)
    for words, message in (
        (("verify", "huge", *public, *signature), "huge: not a fastl1 model file"),
        (("verify", "/dev/zero", *public, *signature), "/dev/zero: this is a device"),
        (("sign", "/dev/zero", "--key", "release.key"), "/dev/zero: this is a device"),
        (("verify", "m", "--key", "huge"), "huge: too long for a key"),
        (("verify", "m", "--key", "/dev/zero"), "/dev/zero: this is a device"),
        (("verify", "m", *public, "--signature", "huge"), "huge: too long for a key"),
        (("decrypt", "huge.enc", *key), "huge.enc: not an encrypted fastl1 model"),
        (("decrypt", "long.enc", *key), "too long for an encrypted model"),
        (("decrypt", "/dev/zero", *key, "--out", "x"), "/dev/zero: this is a device"),
        (("encrypt", "huge", *key), "huge: "),
        (("inspect", "/dev/zero"), "/dev/zero: this is a device"),
        (("predict", "huge", "data.csv"), "huge: "),
        (("predict", "m", "/dev/zero"), "/dev/zero: this is a device"),
        (("predict", "m", "."), ".: Is a directory"),
        (("fit", "/dev/zero", "--target", "y"), "/dev/zero: this is a device"),
        (
            ("fit", "data.csv", "--target", "y", "--warm-start", "/dev/zero"),
            "/dev/zero: this is a device",
        ),
    ):
        assert message in fastl1(*words, cwd=keys, code=3), words


def test_encrypted_models_are_told(keys):
    fastl1("encrypt", "m", "--key", "secret.key", "--out", "told.enc", cwd=keys)
    error = fastl1("predict", "told.enc", "data.csv", cwd=keys, code=3)
    assert "told.enc: encrypted; fastl1 decrypt" in error


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_decrypted_models_are_private(keys):
    fastl1("encrypt", "m", "--key", "secret.key", "--out", "open.fl1.enc", cwd=keys)
    (keys / "open.fl1").write_bytes(b"")
    (keys / "open.fl1").chmod(0o644)
    fastl1("decrypt", "open.fl1.enc", "--key", "secret.key", cwd=keys)
    assert stat.S_IMODE((keys / "open.fl1").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "folder/"])
def test_keys_have_names(keys, name):
    assert "NAME is empty" in fastl1("keygen", name, cwd=keys, code=2)
    assert not (keys / ".key").exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_open_keys_are_refused(keys):
    (keys / "open.key").write_bytes((keys / "secret.key").read_bytes())
    (keys / "open.key").chmod(0o644)
    error = fastl1("encrypt", "m", "--key", "open.key", cwd=keys, code=3)
    assert "open.key: others can read this key (mode 0644); run chmod 600" in error
