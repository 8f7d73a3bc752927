"""Triggers and their looks as they are sent to pages."""

from __future__ import annotations

from nbpart.widgets import trigger_payloads as payloads
from nbpart.widgets.clipping import clip, strip_terminal_codes
from nbpart.widgets.trigger_actions import TickSummary, TriggersSummary, TriggerSummary

_MAX_MESSAGE, _MAX_TRACEBACK = 2_000, 6_000


def triggers_json(shown: TriggersSummary) -> payloads.TriggersViewJson:
    """All triggers, and who watches."""
    return {
        "watch": {"says": shown.watching, "can_watch": shown.can_watch, "can_stop": shown.can_stop},
        "triggers": [_trigger_json(each) for each in shown.triggers],
    }


def _trigger_json(trigger: TriggerSummary) -> payloads.TriggerJson:
    """A trigger with its last look."""
    return {
        "name": trigger.name, "kind": trigger.kind, "is_on": trigger.is_on, "last_look": trigger.last_look,
        "next_look": trigger.next_look, "outcome": trigger.outcome, "said": _clean(trigger.message),
        "error": _clean(trigger.error),
    }  # fmt: skip


def tick_json(tick: TickSummary) -> payloads.TickJson:
    """A look of a trigger."""
    return {
        "happened_at": tick.happened_at, "first_at": tick.first_at, "looks": tick.looks,
        "outcome": tick.outcome, "said": _clean(tick.message),
        "error": _clean(tick.error), "keys": [(name, clip(key), became) for name, key, became in tick.keys],
        "other_keys": tick.other_keys, "backfills": list(tick.backfills),
        "traceback": strip_terminal_codes(tick.traceback)[-_MAX_TRACEBACK:],
        "printed": strip_terminal_codes(tick.printed)[-_MAX_MESSAGE:],
    }  # fmt: skip


def _clean(text: str) -> str:
    return strip_terminal_codes(text)[:_MAX_MESSAGE]
