"""The messages between a widget's Python and its pages, version 1.

    page -> Python     {v, id, action, payload}
    Python -> page     {v, id, ok: true, payload}  or  {v, id, ok: false, error: {message}, payload}
    Python -> pages    {v, seq, kind, payload}           a patch; a page that missed a number asks for the whole

Each may carry buffers. A request names an action; what it may hold is checked here, field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbpart.errors import NbpartError

VERSION = 1
_LONGEST_ID = 80


class BadRequest(NbpartError, ValueError):
    """A request from a page that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Check:
    """Makes of a value from a page the value that a handler takes; raises `BadRequest`.

    ``takes`` is the type of right values as TypeScript spells it.
    """

    read: Callable[[Any], Any]
    takes: str

    def __call__(self, value: Any) -> Any:
        return self.read(value)


@dataclass(frozen=True, slots=True)
class Request:
    """What a page asks for; ``id`` is its own number for it."""

    id: str
    action: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an action came to: ``payload`` is JSON, ``message`` a sentence, ``code`` the Python that does the same."""

    payload: Mapping[str, Any] = field(default_factory=dict)
    message: str = ""
    code: str = ""
    buffers: Sequence[bytes] = ()


def id_of(content: Any) -> str | None:
    """The id of a request, however malformed the rest of it is."""
    found = content.get("id") if isinstance(content, Mapping) else None
    return found if isinstance(found, str) and 0 < len(found) <= _LONGEST_ID else None


def read_request(content: Any) -> Request:
    """A message from a page as a request. Raises `BadRequest`."""
    request_id = id_of(content)
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
    """The values of a payload, each checked. Raises `BadRequest` for a field that is unknown, missing or wrong."""
    if unknown := sorted(str(name) for name in payload if name not in fields):
        raise BadRequest(f"{unknown[0][:80]!r} is no field of this request.")
    values = {}
    for name, check in fields.items():
        try:
            values[name] = check(payload.get(name))
        except BadRequest as error:
            raise BadRequest(f"{name}: {error}") from None
    return values


def success(request_id: str, answer: Answer) -> dict[str, Any]:
    payload = {**answer.payload, "message": answer.message, "code": answer.code}
    return {"v": VERSION, "id": request_id, "ok": True, "payload": payload}


def failure(request_id: str | None, message: str) -> dict[str, Any]:
    return {"v": VERSION, "id": request_id, "ok": False, "error": {"message": message}, "payload": {}}


def patch(seq: int, kind: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"v": VERSION, "seq": seq, "kind": kind, "payload": dict(payload)}


# checks


def text(longest: int = 1_000, *, empty: bool = False) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not (value or empty):
            raise BadRequest("a text is needed.")
        if len(value) > longest:
            raise BadRequest(f"at most {longest:,} characters.")
        return value

    return Check(check, "string")


def whole(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        # a browser has one kind of number
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise BadRequest(f"a whole number from {least:,} to {most:,} is needed.")
        return value

    return Check(check, "number")


def number(least: float, most: float) -> Check:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise BadRequest(f"a number from {least:,} to {most:,} is needed.")
        return float(value)

    return Check(check, "number")


def checked(check_value: Callable[[Any], Any]) -> Check:
    """What ``check_value`` takes, whose error names the field itself."""

    def check(value: Any) -> Any:
        # a browser has one kind of number
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return check_value(value)

    return Check(check, "number | null")


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadRequest("true or false is needed.")
    return value


#: True or false.
flag = Check(_read_flag, "boolean")


def one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices or not isinstance(value, str):
            raise BadRequest(f"one of {', '.join(choices)} is needed.")
        return value

    return Check(check, " | ".join(f"'{choice}'" for choice in choices))


def list_of(item: Check, most: int = 10_000) -> Check:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise BadRequest("a list is needed.")
        if len(value) > most:
            raise BadRequest(f"at most {most:,} at a time.")
        return [item(each) for each in value]

    return Check(check, f"({item.takes})[]" if "|" in item.takes else f"{item.takes}[]")


def pair_of(item: Check) -> Check:
    def check(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise BadRequest("two values are needed.")
        return [item(each) for each in value]

    return Check(check, f"[{item.takes}, {item.takes}]")


def optional(item: Check) -> Check:
    """The same or null, which is also what a missing field is."""
    return Check(lambda value: None if value is None else item(value), f"{item.takes} | null")


def mapping_of(item: Check, most: int = 100) -> Check:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or len(value) > most or not all(isinstance(name, str) for name in value):
            raise BadRequest("names with values are needed.")
        return {name: item(each) for name, each in value.items()}

    return Check(check, f"Record<string, {item.takes}>")


def _read_scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, str | int | float | bool):
        raise BadRequest("a text, a number, true, false or null is needed.")
    return value


#: A text, number, true, false or null.
scalar = Check(_read_scalar, "string | number | boolean | null")
