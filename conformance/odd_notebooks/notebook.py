"""What an odd notebook is: its cells, and what of its outputs may differ from run to run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Outputs = list[dict[str, Any]]
Normalization = Callable[[Outputs], Outputs]


@dataclass(frozen=True)
class Cell:
    """A code cell with tags."""

    source: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class OddNotebook:
    """A notebook whose outputs are to be the same by nbpart's engine and by a stock kernel.

    cells: sources, in order. may_differ: applied to the outputs of each cell before they are compared. files: what
    lies in its working folder, text by name. is_late: something is printed or displayed after its cell has ended;
    nbclient drops that, so the stock kernel has a client which adds it to its cell, as JupyterLab does. startup: a file
    that IPython executes at the start of each kernel. ending_differs: why the notebook ends in another way by nbpart.
    """

    name: str
    cells: tuple[str | Cell, ...]
    may_differ: tuple[Normalization, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    is_late: bool = False
    startup: str = ""
    ending_differs: str = ""


def notebook(name: str, *cells: str | Cell, **options: Any) -> OddNotebook:
    return OddNotebook(name, cells, **options)


def raises(source: str) -> Cell:
    """A cell that may raise: the next one is executed all the same."""
    return Cell(source, ("raises-exception",))


def streams_unordered(outputs: Outputs) -> Outputs:
    """Standard output and standard error come by two ways: which was first is told of each alone."""
    joined: dict[str, dict[str, Any]] = {}
    others: Outputs = []
    for output in outputs:
        if output["output_type"] != "stream":
            others.append(output)
        elif output["name"] in joined:
            joined[output["name"]]["text"] += output["text"]
        else:
            joined[output["name"]] = dict(output)
    return [*(joined[name] for name in sorted(joined)), *others]


def lines_unordered(outputs: Outputs) -> Outputs:
    """Several threads or processes print: their lines come in any order."""
    return [_with_text(output, lambda text: "".join(sorted(text.splitlines(keepends=True)))) for output in outputs]


def repeated_frames(outputs: Outputs) -> Outputs:
    """How often a recursive function had called itself depends on how deep the kernel's own calls are."""
    return [
        {**output, "traceback": list(dict.fromkeys(output["traceback"]))}
        if output["output_type"] == "error"
        else output
        for output in outputs
    ]


def errors_unshown(outputs: Outputs) -> Outputs:
    """nbpart adds an error that IPython only prints, or could not show at all."""
    return [output for output in outputs if output["output_type"] != "error"]


def errors_unsaid(outputs: Outputs) -> Outputs:
    """Where an error cannot say its own message, a stock kernel shows the error of that too; nbpart names its own."""
    shown = [output for output in outputs if output["output_type"] == "error"]
    others = [output for output in outputs if output["output_type"] != "error"]
    return [*others, *({"output_type": "error", "traceback": output["traceback"][:4]} for output in shown[:1])]


def timings(outputs: Outputs) -> Outputs:
    """Times that were measured are any, with any unit."""
    number = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)? ?(?:ns|[uµμ]s|ms|s|min)\b")
    return [_with_text(output, lambda text: number.sub("TIME", text)) for output in outputs]


def replaced(pattern: str, by: str) -> Normalization:
    """Text that matches a pattern is any other that does."""
    compiled = re.compile(pattern)
    return lambda outputs: [_with_text(output, lambda text: compiled.sub(by, text)) for output in outputs]


def _with_text(output: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        return {**output, "text": change(output["text"])}
    if output["output_type"] == "error":
        changed = [change(line) for line in output["traceback"]]
        return {**output, "evalue": change(output["evalue"]), "traceback": changed}
    texts = {
        mime: change(value)
        for mime, value in output["data"].items()
        if isinstance(value, str) and mime.startswith(("text/", "image/svg"))
    }
    return {**output, "data": {**output["data"], **texts}}
