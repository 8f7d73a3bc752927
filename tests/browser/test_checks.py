"""What checks say, in a real JupyterLab: marks in graph and heatmap, and what each found in the panel."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from tests.browser.lab import Notebook

Open = Callable[[Sequence[str]], Notebook]
WORKSPACE = """
    import nbpart, uuid
    ws = nbpart.open(f"ws-{uuid.uuid4().hex}")
    files = ws.dynamic_partitions("files")
    files.add("a.csv", "b.csv", "c.csv")
    @ws.asset(partitions=files)
    def orders(partition_key: str) -> dict:
        return {"gaps": 3 if partition_key == "b.csv" else 0}
    @ws.asset(partitions=files)
    def report(orders) -> dict:
        return orders
    @ws.check("orders", blocking=True)
    def no_gaps(orders) -> dict:
        return {"passed": orders["gaps"] == 0, "gaps": orders["gaps"], "first": "<img src=x onerror=alert(1)>"}
    bf = ws.backfill().wait(progress=False)
"""


def test_what_does_not_pass_is_marked_until_it_passes(notebook: Open) -> None:
    book = notebook([WORKSPACE, "e = ws.explore(); e"])
    page = book.page
    orders = page.locator(".nbpart-graph .nbpart-node[aria-label^='orders (']")
    orders.wait_for()
    assert "3 materialized, 1 not passing a check" in str(orders.get_attribute("aria-label"))
    assert page.locator(".nbpart-heat-late", has_text="not passing a check").is_visible()
    book.execute('e.heatmap.select_partition("orders", "b.csv")')
    facts = page.locator(".nbpart-panel .nbpart-facts-list")
    facts.get_by_text("check no_gaps", exact=True).wait_for()
    assert "✕ failed: gaps 3, first <img src=x onerror=alert(1)>" in facts.inner_text()
    assert page.locator(".nbpart img").count() == 0
    if shots := os.environ.get("CHECK_SHOTS"):
        page.screenshot(path=f"{shots}/failed.png", full_page=True)
    book.execute("""
    @ws.check("orders", blocking=True)
    def no_gaps(orders) -> dict:
        return {"gaps": orders["gaps"]}
    ws.run_checks("orders")
    """)
    facts.get_by_text("✓ passed: gaps 3").wait_for()
    page.locator(".nbpart-graph .nbpart-node[aria-label='orders (function): 3 materialized']").wait_for()
    assert not page.locator(".nbpart-heat-late", has_text="not passing a check").is_visible()
