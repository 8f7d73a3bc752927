"""Repairing outputs that nbformat would refuse; Jupyter's front ends accept them too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_DISPLAYS = frozenset({"display_data", "execute_result", "update_display_data"})
# what nbformat's schema lets be any JSON; all else is text
_ANY_JSON = re.compile(r"application/(.*\+)?json")


def mend_output(message: dict[str, Any]) -> list[str]:
    """Change the content of an output message in place to one that nbformat takes. Returns the changes as sentences.

    Data that should be text are converted where that is possible, and left out where it is not.
    """
    kind, content = message["msg_type"], message["content"]
    if kind in _DISPLAYS:
        return _mend_display(content, kind)
    if kind == "error":
        content["ename"], content["evalue"] = str(content.get("ename", "")), str(content.get("evalue", ""))
        lines = content.get("traceback")
        content["traceback"] = [str(line) for line in ([lines] if isinstance(lines, str) else lines or ())]
    elif kind == "stream" and not isinstance(content["text"], str):
        content["text"] = str(content["text"])
    return []


def _mend_display(content: dict[str, Any], kind: str) -> list[str]:
    data = content.get("data")
    if not isinstance(content.get("metadata"), dict):
        content["metadata"] = {}
    if kind == "execute_result" and not isinstance(content.get("execution_count"), int):
        content["execution_count"] = None
    if not isinstance(data, dict):
        content["data"] = {}
        return [f"a display without data ({type(data).__name__}) was left out"]
    if all(isinstance(value, str) for value in data.values()):
        return []
    notes: list[str] = []
    content["data"] = _mend_data(data, notes)
    return notes


def _mend_data(data: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    mended: dict[str, Any] = {}
    for mime, value in data.items():
        is_text = isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))
        if is_text or _ANY_JSON.fullmatch(mime):
            mended[mime] = value
        elif value is None or not mime.startswith("text/"):
            notes.append(f"a display's {mime} is no text ({type(value).__name__}) and was left out")
        else:
            mended[mime] = json.dumps(value, ensure_ascii=False)
            notes.append(f"a display's {mime} is no text ({type(value).__name__}) and was spelled as one")
    return mended
