"""Describes what is in a kernel after a failure.

This file's text is sent there, so it needs nothing but Python itself.
"""

import sys
from typing import Any

_LONGEST = 2000
_MOST_NAMES = 500
_MOST_FRAMES = 30


def inspect_failure(shell: Any) -> dict[str, Any]:
    """Return the shell's globals and the frames of its last error, outermost first, as plain JSON."""
    hidden = set(shell.user_ns_hidden)
    names = {n: v for n, v in shell.user_ns.items() if n not in hidden and not n.startswith("_")}
    frames: list[dict[str, Any]] = []
    step = getattr(sys, "last_traceback", None)
    while step is not None:
        frame = step.tb_frame
        frames.append(
            {
                "function": frame.f_code.co_name,
                "file": frame.f_code.co_filename,
                "line": step.tb_lineno,
                "is_cell": frame.f_globals is shell.user_ns or frame.f_globals is shell.user_global_ns,
                "variables": [] if frame.f_locals is shell.user_ns else _describe_all(frame.f_locals),
            }
        )
        step = step.tb_next
    return {"variables": _describe_all(names), "frames": frames[-_MOST_FRAMES:]}


def _describe_all(names: dict[str, Any]) -> list[dict[str, str]]:
    return [_describe(name, value) for name, value in list(names.items())[:_MOST_NAMES]]


def _describe(name: str, value: object) -> dict[str, str]:
    try:
        text = repr(value)
    except BaseException as error:  # noqa: BLE001 - whatever a person's class does
        text = "<no repr: " + type(error).__name__ + ">"
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    return {"name": name, "type": type(value).__module__ + "." + type(value).__qualname__, "repr": text}
