"""Signatures and encrypted copies: what fits passes, everything else is one error."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("cryptography")

from fastl1 import seal
from fastl1.artifact.seal import SealError

DATA = os.urandom(1000)


@pytest.fixture(scope="module")
def pair():
    return seal.new_signing_key()


def test_signatures(pair):
    private, public = pair
    signature = seal.sign(DATA, private)
    assert len(signature) == seal.SIGNATURE_SIZE
    assert seal.sign(DATA, private) == signature
    seal.verify(DATA, signature, public)
    for place in (0, 500, 999):
        altered = bytearray(DATA)
        altered[place] ^= 1
        with pytest.raises(SealError, match="altered, or signed with another key"):
            seal.verify(bytes(altered), signature, public)
    for place in range(64):
        altered = bytearray(signature)
        altered[place] ^= 128
        with pytest.raises(SealError, match="does not fit"):
            seal.verify(DATA, bytes(altered), public)
    with pytest.raises(SealError, match="does not fit"):
        seal.verify(DATA, signature, seal.new_signing_key()[1])
    with pytest.raises(SealError, match="63 bytes, not 64"):
        seal.verify(DATA, signature[:-1], public)


def test_openssl_agrees(pair, tmp_path):
    private, public = pair
    for name, content in (
        ("key", private),
        ("pub", public),
        ("data", DATA),
        ("sig", seal.sign(DATA, private)),
    ):
        (tmp_path / name).write_bytes(content)
    command = "openssl pkeyutl -verify -rawin -pubin -inkey pub -sigfile sig -in data"
    try:
        run = subprocess.run(command.split(), cwd=tmp_path, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here")
    assert run.returncode == 0, run.stderr
    command = "openssl pkeyutl -sign -rawin -inkey key -in data -out other"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    seal.verify(DATA, (tmp_path / "other").read_bytes(), public)


def test_encryption():
    secret = seal.new_secret()
    sealed = seal.encrypt(DATA, secret)
    assert seal.decrypt(sealed, secret) == DATA
    assert seal.encrypt(DATA, secret) != sealed  # a nonce is never used again
    assert len(sealed) == len(DATA) + 43
    with pytest.raises(SealError, match="encrypted with another key"):
        seal.decrypt(sealed, seal.new_secret())
    for place in range(15, len(sealed), 41):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(SealError, match="altered"):
            seal.decrypt(bytes(altered), secret)
    for size in range(43):
        with pytest.raises(SealError, match="truncated|not an encrypted|later"):
            seal.decrypt(sealed[:size], secret)
    with pytest.raises(SealError, match="later fastl1"):
        seal.decrypt(sealed[:6] + b"\x02" + sealed[7:], secret)
    with pytest.raises(SealError, match="not an encrypted fastl1 model"):
        seal.decrypt(DATA, secret)


def test_wrong_kinds_of_key(pair):
    private, public = pair
    secret = seal.new_secret()
    cases = [
        (seal.sign, (DATA, public), "private half.*it is the public half"),
        (seal.sign, (DATA, secret), "it is a key for encryption"),
        (seal.sign, (DATA, b"junk"), r"signing key \(PEM\)$"),
        (seal.verify, (DATA, b"", private), "public half.*it is the private half"),
        (seal.encrypt, (DATA, private), "it is a key for signatures"),
        (seal.decrypt, (DATA, secret[:-9]), "not a fastl1 key for encryption$"),
        (seal.encrypt, (DATA, b""), "not a fastl1 key for encryption$"),
    ]
    for step, given, message in cases:
        with pytest.raises(SealError, match=message):
            step(*given)


def test_keys_of_another_kind():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    other = X25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(SealError, match="not an Ed25519 private key"):
        seal.sign(DATA, other)


def test_without_the_package(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'pip install "fastl1\[crypto\]"'):
        seal.new_signing_key()
