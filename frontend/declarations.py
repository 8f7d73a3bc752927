"""TypeScript declarations of messages and records, from `nbpart.widgets.payloads`,
`nbpart.widgets.graph_payloads`, `nbpart.widgets.trigger_payloads` and `nbpart.widgets.contracts`."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints, is_typeddict

from nbpart.states import BackfillStatus, PartitionStatus, RunStatus, StepStatus
from nbpart.widgets import board_payloads, contracts, graph_payloads, payloads, run_payloads, trigger_payloads
from nbpart.widgets.contracts import Action, Contract
from nbpart.widgets.schema import Check

_PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", bytes: "DataView", type(None): "null"}


def make_declarations() -> str:
    """Statuses, payloads and contracts, one type each."""
    statuses = map(_declare_status, (PartitionStatus, RunStatus, StepStatus, BackfillStatus))
    modules = (board_payloads, graph_payloads, payloads, run_payloads, trigger_payloads)
    records = [found for module in modules for found in vars(module).values() if is_typeddict(found)]
    parts = [*statuses, *map(_declare_record, records)]
    parts += [_declare_contract(name, contract) for name, contract in contracts.CONTRACTS.items()]
    return "\n\n".join(parts) + "\n"


def _declare_status(statuses: type[StrEnum]) -> str:
    names = " | ".join(f"'{status}'" for status in statuses)
    return f"export type {statuses.__name__} = {names};"


def _declare_record(record: Any) -> str:
    hints = get_type_hints(record, include_extras=True)
    optional = record.__optional_keys__
    lines = [f"  {name}{'?' if name in optional else ''}: {spell_type(hint)};" for name, hint in hints.items()]
    about = " ".join((inspect.getdoc(record) or "").split())
    return "\n".join([f"/** {about} */", f"export interface {record.__name__} {{", *lines, "}"])


def _declare_contract(name: str, contract: Contract) -> str:
    actions = {**contracts.SHARED, **contract.actions}
    patches = {
        kind: f"Partial<{payload.__name__}>" if kind in contract.partial else payload.__name__
        for kind, payload in contract.patches.items()
    }
    requests = {action: _spell_request(asked) for action, asked in actions.items()}
    answers = {action: asked.answer.__name__ for action, asked in actions.items()}
    lines = [
        f"  state: {contract.state.__name__};",
        *_nest("patches", patches),
        *_nest("requests", requests),
        *_nest("answers", answers),
    ]
    about = f"/** The contract between the {name} in Python and its pages. */"
    return "\n".join([about, f"export interface {name.capitalize()}Contract {{", *lines, "}"])


def _nest(name: str, members: Mapping[str, str]) -> Iterable[str]:
    yield f"  {name}: {{"
    yield from (f"    {member}: {spelled};" for member, spelled in members.items())
    yield "  };"


def _spell_request(action: Action) -> str:
    fields = _spell_fields(action.fields)
    return f"{fields} & Record<string, unknown>" if action.has_options else fields


def _spell_fields(fields: Mapping[str, Check]) -> str:
    spelled = []
    for name, check in fields.items():
        # a field that may be null may also be left out
        is_optional = check.typescript_type.endswith("| null")
        spelled.append(f"{name}{'?' if is_optional else ''}: {check.typescript_type}")
    return f"{{ {'; '.join(spelled)} }}" if fields else "Record<string, never>"


def spell_type(hint: Any) -> str:
    """A type of Python as TypeScript spells it. Raises TypeError for one that has no counterpart here."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if is_typeddict(hint):
        return str(hint.__name__)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        named = arguments[1]
        return named if isinstance(named, str) else str(named.__name__)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(spell_type, arguments)))
    if origin is list:
        inner = spell_type(arguments[0])
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if origin is tuple:
        return f"[{', '.join(map(spell_type, arguments))}]"
    if origin is dict:
        return f"Record<string, {spell_type(arguments[1])}>"
    raise TypeError(f"{hint!r} has no counterpart in TypeScript")
