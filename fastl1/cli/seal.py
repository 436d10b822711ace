"""``fastl1 keygen``, ``sign``, ``verify``, ``encrypt`` and ``decrypt``."""

import os
import stat
from contextlib import contextmanager
from pathlib import Path

import click

from fastl1._atomic import SECRET, write_atomic
from fastl1._incoming import open_file, read_bounded, read_rest
from fastl1.artifact import seal
from fastl1.artifact.content import decode, read_content
from fastl1.exceptions import DataError, WriteError
from fastl1.model.sparse_model import SparseModel

MAX_KEY = 10_000  # bytes; keys are some hundred
MAX_ENCRYPTED = 1 << 30  # bytes; AES-GCM has to hold all of them in memory
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
    if not Path(name).name or name.endswith(("/", os.sep)):
        raise click.UsageError("NAME is empty: give the name of the key's file")
    if encryption:
        files = [(f"{name}.key", seal.new_secret(), SECRET)]
    else:
        private, public = seal.new_signing_key()
        files = [(f"{name}.key", private, SECRET), (f"{name}.pub", public, 0o644)]
    for path, _, _ in files:
        if os.path.lexists(path):
            raise WriteError(f"{path} exists already; keys are not overwritten")
    _write_new(files)
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
    path = _model_file(model)
    signature = signature or f"{path}.sig"
    public, given = _read_key(key), _read_key(signature)
    with _readable(path):
        data = read_content(path)
    if data[8:9] != b"{":  # what begins like this is not hashed, however long
        raise DataError(f"{path}: not a fastl1 model file")
    _sealed(path, seal.verify, data, given, public)
    _check_model(path, data)
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

    Only you can read the file that is written.

    \b
    Example:
      fastl1 decrypt model.fl1.enc --key customer.key     writes model.fl1
    """
    if out is None:
        if not file.endswith(ENCRYPTED):
            raise click.UsageError("FILE does not end with .enc: give --out")
        out = file.removesuffix(ENCRYPTED)
    secret = _read_private(key)
    data = _sealed(file, seal.decrypt, _read_encrypted(file, secret), secret)
    _check_model(file, data)
    _write(out, data, SECRET)
    click.echo(f"wrote {out}")


COMMANDS = (keygen, sign, verify, encrypt, decrypt)


def _sealed(path, step, *given):
    """`step`, with its errors as errors of a file."""
    try:
        return step(*given)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def _model_file(where):
    path = Path(where)
    return path / "model.fl1" if path.is_dir() else path


def _read_model(where):
    """Path and content of a model, which is checked."""
    path = _model_file(where)
    with _readable(path):
        data = read_content(path)
    _check_model(path, data)
    return path, bytes(data)


def _check_model(path, data):
    try:
        SparseModel._of_content(decode(data, str(path)), str(path))
    except ValueError as error:
        raise DataError(str(error)) from None


def _read_encrypted(path, secret):
    """A file that `secret` may decrypt, by its first bytes; others are not read."""
    with _readable(path), open_file(path) as file:
        head = file.read(seal.HEAD)
        _sealed(path, seal.check_head, head, secret)
        return head + read_rest(file, MAX_ENCRYPTED, "an encrypted model")


def _read_key(path):
    with _readable(path):
        return read_bounded(path, MAX_KEY, "a key or a signature")


@contextmanager
def _readable(path):
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _read_private(path):
    """A secret key, refused when others could read it too."""
    data = _read_key(path)
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if os.name == "posix" and mode & 0o077 and b"PUBLIC KEY" not in data[:40]:
        raise DataError(
            f"{path}: others can read this key (mode {mode:04o}); run chmod 600 {path}"
        )
    return data


def _write(path, data, mode=None):
    try:
        write_atomic(path, data, mode)
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from None


def _write_new(files):
    """Files that are not there yet; all of them or none."""
    made = []
    try:
        for path, content, mode in files:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            made.append(path)
            with open(handle, "wb") as file:
                os.fchmod(handle, mode)
                file.write(content)
    except OSError as error:
        for done in made:
            os.unlink(done)
        raise WriteError(f"{path}: {error.strerror}") from None
