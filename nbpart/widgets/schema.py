"""The messages between a widget in Python and its pages in browsers, version 1, and the checks of their fields.

    page -> Python     {v, id, action, payload}          a request
    Python -> page     {v, id, ok: true, payload}  or  {v, id, ok: false, error: {message}, payload}
    Python -> pages    {v, seq, kind, payload}           a patch; a page that missed a ``seq`` asks for a snapshot

Answers and patches may carry buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbpart.errors import NbpartError

VERSION = 1
_LONGEST_ID = 80


class BadRequest(NbpartError, ValueError):
    """A request whose fields are wrong, or which cannot be fulfilled as things are; its text is shown to the user."""


@dataclass(frozen=True, slots=True)
class Check:
    """Checks a field of a request and converts it to what the handler takes; calling it raises `BadRequest`.

    ``typescript_type`` is the type of valid values, as TypeScript spells it.
    """

    convert: Callable[[Any], Any]
    typescript_type: str

    def __call__(self, value: Any) -> Any:
        return self.convert(value)


@dataclass(frozen=True, slots=True)
class Request:
    """A request from a page; ``id`` is chosen by the page and returned with the answer."""

    id: str
    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request.

    ``payload`` is JSON, ``message`` a sentence to show or "", ``code`` the line of Python that does the same or "".
    """

    payload: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    code: str = ""
    buffers: Sequence[bytes] = ()


def find_request_id(content: Any) -> str | None:
    """Return the id of a request whose other parts may be malformed; None where it has no valid id."""
    found = content.get("id") if isinstance(content, Mapping) else None
    return found if isinstance(found, str) and 0 < len(found) <= _LONGEST_ID else None


def read_request(content: Any) -> Request:
    """Return a message from a page as a `Request`. Raises `BadRequest` if it is malformed or of another version."""
    request_id = find_request_id(content)
    if request_id is None:
        raise BadRequest("A request needs an id.")
    if content.get("v") != VERSION:
        raise BadRequest(
            f"This page speaks version {content.get('v')!r} of nbpart's messages, not {VERSION}: reload it."
        )
    action, payload = content.get("action"), content.get("payload", {})
    if not isinstance(action, str) or not isinstance(payload, Mapping):
        raise BadRequest("A request needs an action and a payload.")
    return Request(request_id, action, payload)


def read_payload(payload: Mapping[str, Any], fields: Mapping[str, Check]) -> dict[str, Any]:
    """Return the fields of a payload, checked and converted. Raises `BadRequest` for one unknown, missing or wrong."""
    if unknown := sorted(str(name) for name in payload if name not in fields):
        raise BadRequest(f"{unknown[0][:80]!r} is no field of this request.")
    values = {}
    for name, check in fields.items():
        try:
            values[name] = check(payload.get(name))
        except BadRequest as error:
            raise BadRequest(f"{name}: {error}") from None
    return values


def make_success(request_id: str, answer: Answer) -> dict[str, Any]:
    """The message that answers a request."""
    payload = {**answer.payload, "message": answer.message, "code": answer.code}
    return {"v": VERSION, "id": request_id, "ok": True, "payload": payload}


def make_failure(request_id: str | None, message: str) -> dict[str, Any]:
    """The message that says why a request failed; ``request_id`` is None where the request had none."""
    return {"v": VERSION, "id": request_id, "ok": False, "error": {"message": message}, "payload": {}}


def make_patch(seq: int, kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The message that carries a change of the state; ``seq`` is the number of the state after it."""
    return {"v": VERSION, "seq": seq, "kind": kind, "payload": dict(payload)}


# checks


def text(max_length: int = 1_000, *, empty: bool = False) -> Check:
    """A string of at most ``max_length`` characters; the empty one only with ``empty``."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or not (value or empty):
            raise BadRequest("a text is needed.")
        if len(value) > max_length:
            raise BadRequest(f"at most {max_length:,} characters.")
        return value

    return Check(check, "string")


def whole_number(least: int, most: int) -> Check:
    """A whole number from ``least`` to ``most``, both included; 3.0 becomes 3."""

    def check(value: Any) -> int:
        # a browser has one kind of number
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadRequest(f"a whole number from {least:,} to {most:,} is needed.")
        return value

    return Check(check, "number")


def number(least: float, most: float) -> Check:
    """A finite number from ``least`` to ``most``, both included, as a float."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise BadRequest(f"a number from {least:,} to {most:,} is needed.")
        return float(value)

    return Check(check, "number")


def option_number(check_value: Callable[[Any], Any]) -> Check:
    """A number or null that ``check_value`` returns as it is to be used, or raises an `NbpartError` for."""

    def check(value: Any) -> Any:
        # a browser has one kind of number
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return check_value(value)

    return Check(check, "number | null")


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest("true or false is needed.")
    return value


boolean = Check(_read_boolean, "boolean")


def one_of(*choices: str) -> Check:
    """One of these strings."""

    def check(value: Any) -> str:
        if value not in choices or not isinstance(value, str):
            raise BadRequest(f"one of {', '.join(choices)} is needed.")
        return value

    return Check(check, " | ".join(f"'{choice}'" for choice in choices))


def list_of(item: Check, most: int = 10_000) -> Check:
    """A list of at most ``most`` items."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise BadRequest("a list is needed.")
        if len(value) > most:
            raise BadRequest(f"at most {most:,} at a time.")
        return [item(each) for each in value]

    return Check(check, f"({item.typescript_type})[]" if "|" in item.typescript_type else f"{item.typescript_type}[]")


def pair_of(item: Check) -> Check:
    """A list of exactly two items."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise BadRequest("two values are needed.")
        return [item(each) for each in value]

    return Check(check, f"[{item.typescript_type}, {item.typescript_type}]")


def optional(item: Check) -> Check:
    """An item or null; a missing field is null."""
    return Check(lambda value: None if value is None else item(value), f"{item.typescript_type} | null")


def mapping_of(item: Check, most: int = 100) -> Check:
    """An object of at most ``most`` items by name."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > most or not all(isinstance(name, str) for name in value):
            raise BadRequest("names with values are needed.")
        return {name: item(each) for name, each in value.items()}

    return Check(check, f"Record<string, {item.typescript_type}>")


def _read_scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, str | int | float | bool):
        raise BadRequest("a text, a number, true, false or null is needed.")
    return value


#: A text, number, true, false or null.
scalar = Check(_read_scalar, "string | number | boolean | null")
