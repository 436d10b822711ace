"""Signatures and encrypted copies of model files, through the package cryptography.

A signature is the plain Ed25519 signature (RFC 8032) of the file's bytes, 64 bytes, and
keys are PEM, so that others can make and check them too::

    openssl pkeyutl -verify -rawin -pubin -inkey KEY.pub -sigfile M.fl1.sig -in M.fl1

An encrypted copy is AES-256-GCM: ``FL1ENC`` and a version byte, 8 bytes that tell the
key (the head of SHA-256 of a label and the key), the 12-byte random nonce, ciphertext
and tag.  All before the ciphertext is authenticated with it.
"""

import base64
import os
from hashlib import sha256
from typing import Any

from fastl1._extras import require
from fastl1.artifact.container import ENCRYPTED

_MAGIC = ENCRYPTED + b"\x01"
_LABEL = b"fastl1 key id\n"
_SECRET_HEAD = b"fastl1 AES-256-GCM key\n"
_ID, _NONCE, _TAG, _KEY = 8, 12, 16, 32
HEAD = len(_MAGIC) + _ID + _NONCE
SIGNATURE_SIZE = 64


class SealError(ValueError):
    """A signature that does not fit, a wrong key, or an altered encrypted file."""


def _forms() -> Any:
    return require("cryptography.hazmat.primitives.serialization", extra="crypto")


def _ed25519() -> Any:
    return require("cryptography.hazmat.primitives.asymmetric.ed25519", extra="crypto")


def _cipher(key: bytes) -> Any:
    aead = require("cryptography.hazmat.primitives.ciphers.aead", extra="crypto")
    return aead.AESGCM(key)


def _errors() -> Any:
    return require("cryptography.exceptions", extra="crypto")


def new_signing_key() -> tuple[bytes, bytes]:
    """A new Ed25519 key: the private and the public half, PEM."""
    forms = _forms()
    key = _ed25519().Ed25519PrivateKey.generate()
    private = key.private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
    )
    public = key.public_key().public_bytes(
        forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public


def sign(data: bytes, private: bytes) -> bytes:
    """Signature, 64 bytes, of a file's content.

    Parameters
    ----------
    data : bytes
    private : bytes
        Private key, PEM.

    Raises
    ------
    SealError
        Not such a key.
    """
    return _load("load_pem_private_key", "Ed25519PrivateKey", private, None).sign(data)


def verify(data: Any, signature: bytes, public: bytes) -> None:
    """Return if `signature` fits the content (bytes-like) and the public key (PEM).

    Raises
    ------
    SealError
        It does not, or the key is none.
    """
    key = _load("load_pem_public_key", "Ed25519PublicKey", public)
    if len(signature) != SIGNATURE_SIZE:
        raise SealError(
            f"not a signature: {len(signature)} bytes, not {SIGNATURE_SIZE}"
        )
    try:
        key.verify(signature, data)
    except _errors().InvalidSignature:
        raise SealError(
            "the signature does not fit: the file was altered, or signed with another "
            "key"
        ) from None


def _load(loader, kind, pem, *password):
    half = "public" if "public" in loader else "private"
    try:
        key = getattr(_forms(), loader)(pem, *password)
    except (ValueError, TypeError, _errors().UnsupportedAlgorithm):
        hint = "; it is the private half" if b"PRIVATE KEY" in pem[:40] else ""
        hint = "; it is the public half" if b"PUBLIC KEY" in pem[:40] else hint
        hint = "; it is a key for encryption" if pem.startswith(_SECRET_HEAD) else hint
        raise SealError(f"not the {half} half of a signing key (PEM){hint}") from None
    if not isinstance(key, getattr(_ed25519(), kind)):
        raise SealError(f"not an Ed25519 {half} key")
    return key


def new_secret() -> bytes:
    """A new key for encryption, as the text of its file."""
    return _SECRET_HEAD + base64.b64encode(os.urandom(_KEY)) + b"\n"


def encrypt(data: bytes, secret: bytes) -> bytes:
    """Encrypted and authenticated copy of a file's content.

    Parameters
    ----------
    data : bytes
    secret : bytes
        What `new_secret` returned.

    Raises
    ------
    SealError
        Not such a key.
    """
    key = _parse_secret(secret)
    nonce = os.urandom(_NONCE)
    head = _MAGIC + _key_id(key) + nonce
    return head + _cipher(key).encrypt(nonce, data, head)


def decrypt(data: bytes, secret: bytes) -> bytes:
    """The content that `encrypt` made `data` of.

    Raises
    ------
    SealError
        Not an encrypted model, encrypted with another key, or altered.
    """
    check_head(data[:HEAD], secret)
    if len(data) < HEAD + _TAG:
        raise SealError("truncated")
    nonce = data[HEAD - _NONCE : HEAD]
    cipher = _cipher(_parse_secret(secret))
    try:
        return cipher.decrypt(nonce, data[HEAD:], data[:HEAD])
    except _errors().InvalidTag:
        raise SealError("altered: its content does not fit its tag") from None


def check_head(head: bytes, secret: bytes) -> None:
    """Raise the errors of `decrypt` that the first `HEAD` bytes of a file tell."""
    key = _parse_secret(secret)
    if head[: len(_MAGIC) - 1] != _MAGIC[:-1]:
        raise SealError("not an encrypted fastl1 model")
    if head[len(_MAGIC) - 1 : len(_MAGIC)] != _MAGIC[-1:]:
        raise SealError("encrypted by a later fastl1")
    if len(head) < HEAD:
        raise SealError("truncated")
    if head[len(_MAGIC) : len(_MAGIC) + _ID] != _key_id(key):
        raise SealError("encrypted with another key")


def _parse_secret(secret):
    try:
        if not secret.startswith(_SECRET_HEAD):
            raise ValueError
        key = base64.b64decode(secret[len(_SECRET_HEAD) :].strip(), validate=True)
        if len(key) != _KEY:
            raise ValueError
    except ValueError:
        hint = "; it is a key for signatures" if b" KEY-----" in secret[:40] else ""
        raise SealError(f"not a fastl1 key for encryption{hint}") from None
    return key


def _key_id(key):
    return sha256(_LABEL + key).digest()[:_ID]
