"""``fastl1 keygen``, ``sign``, ``verify``, ``encrypt`` and ``decrypt``."""

import os
import stat
from pathlib import Path

import click

from fastl1._atomic import write_atomic
from fastl1.artifact import seal
from fastl1.exceptions import DataError, WriteError
from fastl1.model.sparse_model import SparseModel

MAX_KEY = 10_000  # bytes; keys are some hundred
ENCRYPTED = ".enc"


@click.command()
@click.argument("name")
@click.option(
    "--encryption", is_flag=True, help="A key for encryption instead of signatures."
)
def keygen(name, encryption):
    """Make a key: NAME.key, which only you can read, and for signatures NAME.pub.

    \b
    Examples:
      fastl1 keygen release                   then: fastl1 sign, fastl1 verify
      fastl1 keygen customer --encryption     then: fastl1 encrypt, fastl1 decrypt
    """
    if encryption:
        files = [(f"{name}.key", seal.new_secret(), 0o600)]
    else:
        private, public = seal.new_signing_key()
        files = [(f"{name}.key", private, 0o600), (f"{name}.pub", public, 0o644)]
    for path, _, _ in files:
        if os.path.lexists(path):
            raise WriteError(f"{path} exists already; keys are not overwritten")
    for path, content, mode in files:
        _write_new(path, content, mode)
    click.echo("wrote " + " and ".join(path for path, _, _ in files))


@click.command()
@click.argument("model")
@click.option("--key", required=True, metavar="FILE", help="Private half, NAME.key.")
@click.option("--out", metavar="FILE", help="Default: the model's name with .sig.")
def sign(model, key, out):
    """Write the detached Ed25519 signature of MODEL.

    \b
    Example:
      fastl1 sign model.fl1 --key release.key     writes model.fl1.sig
    """
    path, data = _read_model(model)
    out = out or f"{path}.sig"
    _write(out, _sealed(key, seal.sign, data, _read_private(key)))
    click.echo(f"wrote {out}")


@click.command()
@click.argument("model")
@click.option("--key", required=True, metavar="FILE", help="Public half, NAME.pub.")
@click.option("--signature", metavar="FILE", help="Default: MODEL's name with .sig.")
def verify(model, key, signature):
    """Check the signature of MODEL; exit code 3 if it does not fit.

    \b
    Example:
      fastl1 verify model.fl1 --key release.pub
    """
    path, data = _read_model(model)
    signature = signature or f"{path}.sig"
    public = _read(key, MAX_KEY)
    given = _read(signature, MAX_KEY)
    _sealed(path, seal.verify, data, given, public)
    click.echo(f"{path}: good signature by the key {key}")


@click.command()
@click.argument("model")
@click.option("--key", required=True, metavar="FILE", help="Of keygen --encryption.")
@click.option("--out", metavar="FILE", help="Default: the model's name with .enc.")
def encrypt(model, key, out):
    """Write an encrypted copy of MODEL (AES-256-GCM).

    \b
    Example:
      fastl1 encrypt model.fl1 --key customer.key     writes model.fl1.enc
    """
    path, data = _read_model(model)
    out = out or f"{path}{ENCRYPTED}"
    _write(out, _sealed(key, seal.encrypt, data, _read_private(key)))
    click.echo(f"wrote {out}")


@click.command()
@click.argument("file")
@click.option("--key", required=True, metavar="FILE", help="Of keygen --encryption.")
@click.option("--out", metavar="FILE", help="Default: FILE's name without .enc.")
def decrypt(file, key, out):
    """Decrypt FILE, a model that ``fastl1 encrypt`` wrote.

    \b
    Example:
      fastl1 decrypt model.fl1.enc --key customer.key     writes model.fl1
    """
    if out is None:
        if not file.endswith(ENCRYPTED):
            raise click.UsageError("FILE does not end with .enc: give --out")
        out = file.removesuffix(ENCRYPTED)
    data = _sealed(file, seal.decrypt, _read(file), _read_private(key))
    _check_model(file, data)
    _write(out, data)
    click.echo(f"wrote {out}")


COMMANDS = (keygen, sign, verify, encrypt, decrypt)


def _sealed(path, step, *given):
    """`step`, with its errors as errors of a file."""
    try:
        return step(*given)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _read_model(where):
    """Path and content of a model, which is checked."""
    path = Path(where)
    if path.is_dir():
        path = path / "model.fl1"
    data = _read(path)
    _check_model(path, data)
    return path, data


def _check_model(path, data):
    try:
        SparseModel.from_bytes(data, str(path))
    except ValueError as error:
        raise DataError(str(error)) from None


def _read(path, limit=None):
    try:
        with open(path, "rb") as file:
            data = file.read(-1 if limit is None else limit + 1)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if limit is not None and len(data) > limit:
        raise DataError(f"{path}: too long for a key or a signature")
    return data


def _read_private(path):
    """A secret key, refused when others could read it too."""
    data = _read(path, MAX_KEY)
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if os.name == "posix" and mode & 0o077 and b"PUBLIC KEY" not in data[:40]:
        raise DataError(
            f"{path}: others can read this key (mode {mode:04o}); run chmod 600 {path}"
        )
    return data


def _write(path, data):
    try:
        write_atomic(path, data)
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from None


def _write_new(path, data, mode):
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from None
