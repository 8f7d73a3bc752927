"""A watched folder in a real JupyterLab, with a watcher in a process of its own."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

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
        trigger.get_by_text("; next ").wait_for()
        trigger.locator("summary").focus()
        book.page.keyboard.press("Enter")
        trigger.get_by_text("files, added: <b>a").wait_for()
        trigger.get_by_role("switch").focus()
        book.page.keyboard.press("Space")
        trigger.get_by_text("; off").wait_for()
        panel.locator(".nbpart-watching").wait_for(state="hidden")
        assert panel.locator("b").count() == 0
    finally:
        book.execute("ws.watch().stop()")
