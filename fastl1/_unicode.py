"""Text that can be written: a str of Python may hold halves of characters."""

from collections.abc import Iterable


def check_unicode(texts: Iterable[str], what: str) -> None:
    """Refuse text with a lone surrogate, which no file can hold.

    Such text comes from names of files in another encoding and from broken JSON.

    Parameters
    ----------
    texts : iterable of str
    what : str
        What each of them is, for the message.

    Raises
    ------
    ValueError
    """
    texts = list(texts)
    if is_unicode("".join(texts)):
        return
    bad = next(text for text in texts if not is_unicode(text))
    raise ValueError(
        f"{what} {bad!r} holds a lone surrogate, which is no character; "
        f'text.encode(errors="replace").decode() makes it one'
    )


def is_unicode(text: str) -> bool:
    """Whether `text` has no lone surrogate."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True
