"""Making texts and numbers of a run recordable: valid UTF-8, within limits of length."""

from __future__ import annotations

from typing import Any

from nbpart.errors import UnsupportedTypeError

#: The longest error message and traceback that are kept, in characters: more is cut in the middle.
MOST_MESSAGE = 10_000
MOST_TRACEBACK = 200_000
#: The longest text that can be logged as a metric, in characters.
MOST_METRIC = 10_000_000
#: Metrics that are whole numbers have at most so many decimal digits.
MOST_DIGITS = 38
_PLAIN = ("builtins",)


def show_text(text: str, most: int = MOST_TRACEBACK) -> str:
    r"""A text as it can be recorded: lone surrogates and NUL are spelled (``\udce9``, ``\x00``), the middle of what has
    more than `most` characters is left out.
    """
    if len(text) > most:
        half = most // 2
        text = f"{text[:half]}\n… {len(text) - 2 * half:,} characters are left out …\n{text[-half:]}"
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def describe_error(error: BaseException) -> str:
    """The message of an exception, also of one whose ``str()`` raises."""
    try:
        text = str(error)
    except Exception as second:  # noqa: BLE001 - an exception of the user's own, with a fault of its own
        text = f"(its message cannot be shown: {type(second).__name__})"
    return show_text(text, MOST_MESSAGE)


def check_metric(name: str, value: Any) -> int | float | bool | str:
    """The value of a metric as plain Python, exactly; UnsupportedTypeError that names it for what cannot be one.

    Whole numbers have at most 38 digits, texts 10,000,000 characters, which UTF-8 can spell.
    """
    value = take_scalar(value)
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return _check_whole(name, int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return _check_text(name, str.__str__(value))
    raise UnsupportedTypeError(
        f"the metric {name!r} is a {type(value).__qualname__}; log numbers, truth values or text; save() the rest."
    )


def take_scalar(value: Any) -> Any:
    """A scalar of numpy, torch or their like as plain Python; anything else as it is."""
    if type(value).__module__ in _PLAIN:
        return value
    is_scalar = hasattr(value, "item") and hasattr(value, "shape") and not tuple(value.shape)
    return value.item() if is_scalar else value


def _check_whole(name: str, value: int) -> int:
    # compared, not spelled: Python refuses to spell numbers of some thousand digits
    if abs(value) >= 10**MOST_DIGITS:
        raise UnsupportedTypeError(
            f"the metric {name!r} is a whole number of more than {MOST_DIGITS} digits; log it as a float or as text."
        )
    return value


def _check_text(name: str, text: str) -> str:
    if len(text) > MOST_METRIC:
        raise UnsupportedTypeError(
            f"the metric {name!r} is a text of {len(text):,} characters, and {MOST_METRIC:,} are the most; save() it."
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnsupportedTypeError(
            f"the metric {name!r} is a text with the lone surrogate {text[error.start]!a} at position {error.start}, "
            f"which UTF-8 cannot spell, as in file names of another encoding; log ascii(value), or "
            "os.fsencode(value).decode('latin-1')."
        ) from None
    return text
