"""What axe-core says of a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

_AXE = Axe()


def find_violations(page: Any, *selectors: str) -> list[str]:
    """A line for each element below one of the selectors that violates a rule, with what is wrong."""
    found = _AXE.run(page, context={"include": [[selector] for selector in selectors]})
    return [
        f"{rule['id']}: {node['html'][:160]} -- {node['failureSummary']}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]
