"""A watched folder in a real JupyterLab, with a watcher in a process of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nbpart.states import STATUS_CODES, PartitionStatus
from tests.browser.lab import Lab, Notebook
from tests.browser.test_heatmap import LIGHT, Heat

Open = Callable[[Sequence[str]], Notebook]
WATCHED = """
    import nbpart
    ws = nbpart.open("dropped")
    files = ws.dynamic_partitions("files")
    inbox = ws.source("inbox", "dropbox/{partition_key}.csv", partitions=files)
    @ws.asset(partitions=files)
    def sizes(inbox: str) -> dict:
        import os
        return {"bytes": os.path.getsize(inbox)}
    inbox.watch(every="1s", settle=0)
    x = ws.explore(); x
"""


def test_a_file_that_is_dropped_becomes_a_green_cell_without_a_click(notebook: Open, lab: Lab) -> None:
    inbox = Path(lab.root) / "dropbox"
    inbox.mkdir()
    book = notebook([WATCHED]).wait_done()
    panel = book.page.locator(".nbpart-panel")
    panel.locator(".nbpart-watching", has_text="1 trigger; nobody watches").wait_for()
    try:
        book.execute("_ = ws.watch(max_workers=1)")
        panel.locator(".nbpart-watching", has_text="1 trigger; watched since").wait_for()
        (inbox / "<b>a.csv").write_text("four")
        book.page.locator(".nbpart-heat-keys button", has_text=re.compile(r"materialized\s*1$")).wait_for()
        green = LIGHT[STATUS_CODES[PartitionStatus.MATERIALIZED]]
        heat, end = Heat(book), time.monotonic() + 30
        while heat.colour(0, 0, 1) != green:  # what is counted is painted with one of the next frames
            assert time.monotonic() < end
            book.page.wait_for_timeout(50)
        trigger = panel.get_by_role("listitem").filter(has_text="inbox")
        trigger.get_by_text(re.compile("^next ")).wait_for()
        trigger.get_by_role("button", name="Newest looks of inbox").focus()
        book.page.keyboard.press("Enter")
        trigger.get_by_text("files, added: <b>a").wait_for()
        trigger.get_by_role("switch").focus()
        book.page.keyboard.press("Space")
        trigger.get_by_text("off", exact=True).wait_for()
        panel.locator(".nbpart-watching", has_text="no trigger is on; watched since").wait_for()
        assert panel.locator("b").count() == 0
    finally:
        book.execute("ws.watch().stop()")


LISTED = """
    import nbpart
    ws = nbpart.open("listed")
    files = ws.dynamic_partitions("files")
    inbox = ws.source("inbox", "listed_inbox/{partition_key}.csv", partitions=files)
    @ws.asset(partitions=files)
    def lengths(inbox: str) -> dict:
        return {"bytes": len(open(inbox).read())}
    inbox.watch(every="1s", settle=0)
    @ws.sensor(every="1s")
    def quiet(context):
        pass
    @ws.sensor(every="1h")
    def loud(context):
        raise OSError("no <b>network</b>")
    ws.triggers["loud"].off()
"""


def test_the_table_follows_a_watcher_without_a_click_and_works_by_keyboard(notebook: Open, lab: Lab) -> None:
    inbox = Path(lab.root) / "listed_inbox"
    inbox.mkdir()
    book = notebook([LISTED, "ws.triggers"]).wait_done()
    page, table = book.page, book.page.locator(".nbpart-trigger-table")

    def row(name: str) -> Any:
        return table.get_by_role("listitem").filter(has=page.get_by_role("switch", name=f"with {name}"))

    table.locator(".nbpart-watching", has_text="2 triggers; nobody watches").wait_for()
    assert page.locator(".nbpart-static:visible").count() == 0, "the live table stands in its place"
    try:
        # somebody watches, by a click
        table.get_by_role("button", name="Watch", exact=True).click()
        table.locator(".nbpart-watching", has_text="2 triggers; watched since").wait_for()
        # looks that find nothing are seen long before they are recorded
        looks = row("quiet").locator(".nbpart-looks span").first
        looks.get_by_text("skipped").wait_for()
        seen, began = looks.inner_text(), time.monotonic()
        page.wait_for_function("([node, text]) => node.textContent !== text", arg=[looks.element_handle(), seen])
        assert time.monotonic() - began < 15
        assert book.execute("print(len(ws.ticks('quiet')))") in ("0", "1"), "they are recorded once a minute"
        # a file lands
        (inbox / "<b>a.csv").write_text("four")
        row("inbox").get_by_role("button", name="Newest looks of inbox").click()
        row("inbox").get_by_text("files, added: <b>a").wait_for()
        row("inbox").locator(".nbpart-tick-list button").first.click()
        row("inbox").locator(".nbpart-outcome", has_text="Backfill ").locator("code").wait_for()
        # a look now by the keyboard, whose error is said once
        look = row("loud").get_by_role("button", name="Look now with loud")
        look.focus()
        page.keyboard.press("Enter")
        row("loud").get_by_text("The look failed.").wait_for()
        assert row("loud").get_by_text("no <b>network</b>").locator("visible=true").count() == 1
        page.wait_for_function("() => document.activeElement.getAttribute('aria-label') === 'Look now with loud'")
        table.get_by_role("button", name="1 failed").focus()
        page.keyboard.press("Enter")  # goes to the error
        page.keyboard.press("Enter")  # unfolds it
        row("loud").locator("pre", has_text="Traceback").wait_for()
        # off by a click
        row("inbox").get_by_role("switch").click()
        row("inbox").get_by_text("off", exact=True).wait_for()
        table.locator(".nbpart-watching", has_text="1 trigger; watched since").wait_for()
        table.get_by_role("button", name="Stop watching").click()
        table.locator(".nbpart-watching", has_text="nobody has watched since").wait_for()
        assert table.locator("b").count() == 0
    finally:
        book.execute("from nbpart.automation.watch_process import WatchProcess as W; W(ws.project, ws.triggers).stop()")


def test_what_is_declared_appears_in_an_empty_table(notebook: Open) -> None:
    book = notebook(["import nbpart; ws = nbpart.open('none_yet')", "ws.triggers"]).wait_done()
    table = book.page.locator(".nbpart-trigger-table")
    table.get_by_text("No triggers yet").wait_for()
    book.execute("def quiet(context): pass\n_ = ws.sensor(quiet, every='1h')")
    table.get_by_role("switch", name="Watchers look with quiet").wait_for()
    assert not table.get_by_text("No triggers yet").is_visible()
