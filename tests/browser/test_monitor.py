"""The monitor of a backfill in a real JupyterLab."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tests.browser.lab import Lab, Notebook
from tests.browser.test_graph import WORKSPACE

Open = Callable[[Sequence[str]], Notebook]


def status(page: Any) -> Any:
    return page.locator(".nbpart-monitor .nbpart-bar b").first


def test_it_follows_while_the_cell_waits_and_shows_failures_as_text(notebook: Open) -> None:
    slow = WORKSPACE.replace('if partition_key == "b"', 'import time; time.sleep(1)\n        if partition_key != "a"')
    book = notebook(
        [slow, "bf = ws.backfill('*', max_workers=2); make_monitor(ws.project, bf.id)", "_ = bf.wait(progress=False)"]
    )
    page = book.page
    page.wait_for_selector(".nbpart-monitor .nbpart-list li.s-running", timeout=60_000)
    assert page.get_by_role("button", name="Cancel").is_visible()
    page.wait_for_selector(".nbpart-monitor .nbpart-list li.s-failed", timeout=60_000)
    book.wait_done()
    page.wait_for_function("() => document.querySelector('.nbpart-monitor .nbpart-bar b').textContent === 'failed'")
    assert page.locator(".nbpart-monitor img").count() == 0
    texts = page.locator(".nbpart-monitor .nbpart-step-name").all_inner_texts()
    assert "raw / <img src=x onerror=alert(1)>" in texts
    assert "ValueError: no <b>such</b> file" in page.locator(".nbpart-error-text").first.inner_text()
    bar = page.get_by_role("progressbar", name="Steps with an outcome")
    assert bar.get_attribute("aria-valuenow") == bar.get_attribute("aria-valuemax") == "7"
    page.locator(
        ".nbpart-monitor .nbpart-announcer", has_text="Backfill failed: 7 of 7 steps, 2 failed, 3 blocked"
    ).wait_for(state="attached")

    page.get_by_role("button", name="Retry failed (5 steps)").click()
    page.wait_for_selector(".nbpart-outcome code")
    assert page.locator(".nbpart-outcome code").inner_text().endswith(".retry_failed()")
    page.get_by_role("button", name="←").wait_for()

    page.locator(".nbpart-monitor a.nbpart-link").first.click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context.path.includes('/runs/raw/')")


def test_cancel_is_answered_while_the_cell_waits(notebook: Open) -> None:
    endless = WORKSPACE.replace(
        'if partition_key == "b"', 'import time; time.sleep(600)\n        if partition_key == "b"'
    )
    book = notebook(
        [endless, "bf = ws.backfill('raw'); make_monitor(ws.project, bf.id)", "_ = bf.wait(progress=False)"]
    )
    page = book.page
    page.wait_for_selector(".nbpart-monitor .nbpart-list li.s-running", timeout=60_000)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_selector(".nbpart-outcome code")
    assert page.locator(".nbpart-outcome code").inner_text().endswith(".cancel()")
    page.wait_for_function("() => document.querySelector('.nbpart-monitor .nbpart-bar b').textContent === 'cancelled'")
    assert page.get_by_role("button", name="Resume (3 steps)").is_visible()
    book.wait_done()


def test_a_backfill_of_another_process_is_followed_also_after_its_death(notebook: Open, lab: Lab) -> None:
    other = """
        import nbpart, sys
        ws = nbpart.open(sys.argv[1])
        files = ws.dynamic_partitions("files")
        @ws.asset(partitions=files)
        def raw(partition_key: str) -> dict:
            import time
            time.sleep(0 if partition_key == "a" else 600)
            return {}
        files.add("a", "b")
        bf = ws.backfill("raw", max_workers=1)
        print(bf.id, flush=True)
        bf.wait(progress=False)
    """
    script = lab.root / "other.py"
    script.write_text("\n".join(line[8:] for line in other.splitlines()))
    with subprocess.Popen(
        [sys.executable, str(script), str(lab.root / "shared")], stdout=subprocess.PIPE, text=True, cwd=lab.root
    ) as process:
        assert process.stdout is not None
        backfill_id = process.stdout.readline().strip()
        make = "import nbpart; from nbpart.workspace.view import make_monitor\nws = nbpart.open('shared')\n"
        book = notebook([make + f"make_monitor(ws.project, {backfill_id!r})"])
        page = book.page
        page.wait_for_selector(".nbpart-monitor .nbpart-list li.s-running", timeout=60_000)
        assert f"process {process.pid} on" in page.locator(".nbpart-monitor > .nbpart-faint").inner_text()
        process.kill()
        page.wait_for_function(
            "() => document.querySelector('.nbpart-monitor .nbpart-bar b').textContent === 'interrupted'"
        )
    page.get_by_role("button", name="Resume (").wait_for()
