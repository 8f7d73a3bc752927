"""The quickstart as a person sees it who opens it in JupyterLab and runs all cells."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.browser.lab import Lab, open_file

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def test_the_quickstart_runs_to_its_end_and_its_explorer_lives(lab: Lab, browser: Any) -> None:
    shutil.copytree(NOTEBOOKS, lab.root / "notebooks", ignore=shutil.ignore_patterns("nbpart-demo", ".ipynb*"))
    book = open_file(browser, lab, "notebooks/01_quickstart.ipynb")
    try:
        book.run_all().wait_done(timeout_s=300)
        assert book.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        assert book.execute("print(ws.status()['materialized'].sum())") == "24"
        # the explorer that was opened in the middle shows what came after it
        explorer = book.page.locator(".nbpart-explorer").first
        explorer.scroll_into_view_if_needed()
        book.page.wait_for_function(
            "() => document.querySelector('.nbpart-explorer')?.textContent.includes('6 / 6')", timeout=30_000
        )
        book.check_quiet()
    finally:
        book.page.screenshot(path=lab.root / "quickstart.png")
        book.close()
