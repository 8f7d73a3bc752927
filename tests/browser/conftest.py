"""One JupyterLab and one browser for all tests here; a notebook each.

Chromium: a package of the system (``apt-get install -y chromium`` is tried as root), else playwright's own. Where
there is none the tests are skipped, loudly; where CI is set they fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Lab, Notebook, find_chromium, open_browser, open_notebook, start_lab

pytest.importorskip("playwright", reason="playwright is not installed: pip install nbpart[test]")
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # one worker has the server and the browser
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium() -> None:
    if find_chromium() is None and os.getuid() == 0:
        # it waits where another process installs: one that gave up would skip all tests
        wait = ["-o", "DPkg::Lock::Timeout=600"]
        for words in (["update"], ["install", "-y", "-qq", "chromium"]):
            subprocess.run(["apt-get", *wait, *words], check=False, capture_output=True)
    if find_chromium() is None:
        command = [sys.executable, "-m", "playwright", "install", "chromium"]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            text = "NO CHROMIUM: the widgets were NOT tested in a browser. Install the package chromium."
            if os.environ.get("CI"):
                pytest.fail(text)
            warnings.warn(text, stacklevel=1)
            pytest.skip(text)


# a package's, not a session's: playwright leaves the thread's event loop running, which no other test can bear
@pytest.fixture(scope="package")
def lab(chromium: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with start_lab(tmp_path_factory.mktemp("lab")) as started:
        yield started


@pytest.fixture(scope="package")
def browser(chromium: None) -> Iterator[Any]:
    with open_browser() as context:
        yield context


@pytest.fixture
def notebook(request: pytest.FixtureRequest, lab: Lab, browser: Any) -> Iterator[Callable[[Sequence[str]], Notebook]]:
    """Open a notebook with these cells and run them all; at the end nothing may have complained."""
    opened: list[Notebook] = []

    def open_and_run(cells: Sequence[str]) -> Notebook:
        book = open_notebook(browser, lab, f"{_file_name(request.node.name)}-{len(opened)}.ipynb", cells)
        opened.append(book)
        return book.run_all()

    yield open_and_run
    try:
        for book in opened:
            book.check_quiet()
    finally:
        for number, book in enumerate(opened):
            # what it looked like, for who has to find out why
            book.page.screenshot(path=lab.root / f"{_file_name(request.node.name)}-{number}.png")
            book.close()


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)
