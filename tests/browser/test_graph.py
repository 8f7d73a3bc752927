"""The asset graph in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.browser.lab import Lab, Notebook
from tests.browser.themes import DARK_THEME, LIGHT_THEME, change_theme

Open = Callable[[Sequence[str]], Notebook]

WORKSPACE = """
    import nbpart, uuid
    from nbpart.workspace.view import make_graph, make_monitor
    ws = nbpart.open(f"ws-{uuid.uuid4().hex}")
    files = ws.dynamic_partitions("files")
    files.add("a", "b", "<img src=x onerror=alert(1)>")
    @ws.asset(partitions=files, group="prepare", description="</title><script>alert(1)</script>")
    def raw(partition_key: str) -> dict:
        if partition_key == "b":
            raise ValueError("no <b>such</b> file")
        return {"key": partition_key}
    @ws.asset(partitions=files, group="prepare")
    def clean(raw) -> dict:
        return raw
    @ws.asset
    def report(clean) -> dict:
        return {"n": len(clean)}
"""


def cards(page: Any) -> Any:
    return page.locator(".nbpart-graph .nbpart-node")


def card(page: Any, name: str) -> Any:
    return page.locator(f".nbpart-graph .nbpart-node[aria-label^='{name} (']")


def wait_selected(book: Notebook, names: list[str]) -> None:
    """Python sees what was selected by hand."""
    for _ in range(100):
        if book.execute("print(g.selection)") == str(names):
            return
        book.page.wait_for_timeout(50)
    raise AssertionError(book.execute("print(g.selection)"))


def test_it_draws_selects_and_lights_the_neighbours(notebook: Open) -> None:
    book = notebook([WORKSPACE, "g = make_graph(ws.project); g"])
    page = book.page
    cards(page).first.wait_for()
    assert cards(page).count() == 3
    assert page.locator(".nbpart-edges path").count() == 2
    assert "3 missing" in str(card(page, "raw").get_attribute("aria-label"))
    left = [card(page, name).bounding_box()["x"] for name in ("raw", "clean", "report")]
    assert left == sorted(left)
    assert page.locator(".nbpart img, .nbpart script").count() == 0
    card(page, "raw").hover()
    tooltip = page.locator(".nbpart-tooltip", has_text="3 missing (first: a): never run")
    tooltip.wait_for()
    assert "<script>alert(1)</script>" in tooltip.inner_text()

    card(page, "raw").hover()
    assert page.locator(".nbpart-edges path.nbpart-highlighted").count() == 1
    assert page.locator(".nbpart-neighbour").count() == 2

    card(page, "raw").click()
    wait_selected(book, ["raw"])
    card(page, "report").click(modifiers=["Shift"])
    wait_selected(book, ["raw", "report"])
    assert page.locator(".nbpart-details code").inner_text() == 'ws.heatmap(["raw", "report"])'
    book.execute("g.selection = ['clean']")
    page.wait_for_selector(".nbpart-node.nbpart-selected[aria-label^='clean']")

    book.execute("focused = []; g.on_focus(focused.append)")
    card(page, "clean").dblclick()
    page.wait_for_timeout(300)
    assert book.execute("print(focused, g.focus)") == "['clean'] clean"


def test_it_is_worked_by_keys_alone(notebook: Open) -> None:
    book = notebook([WORKSPACE, "g = make_graph(ws.project); g"])
    page = book.page
    cards(page).first.wait_for()
    page.locator(".nbpart input[type=search]").focus()
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.classList.contains('nbpart-node')"):
            break
    focused = "() => document.activeElement.getAttribute('aria-label').split(' ')[0]"
    assert page.evaluate(focused) == "raw"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "clean"
    box = page.evaluate("() => getComputedStyle(document.activeElement.querySelector('.nbpart-box')).strokeDasharray")
    assert box != "none"
    page.keyboard.press("Enter")
    wait_selected(book, ["clean"])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    wait_selected(book, ["clean", "report"])
    view = "() => document.querySelector('.nbpart-graph').getAttribute('viewBox').split(' ').map(Number)"
    before = page.evaluate(view)
    page.keyboard.press("+")
    assert page.evaluate(view)[2] < before[2]
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert page.evaluate(view) == before
    page.keyboard.press("Escape")
    wait_selected(book, [])
    # the notebook did not take the keys for itself
    assert page.locator(".jp-Notebook .jp-Cell").count() == 2
    assert page.locator(".jp-Notebook.jp-mod-editMode").count() == 0


def test_search_zoom_drag_and_fold(notebook: Open) -> None:
    book = notebook([WORKSPACE, "g = make_graph(ws.project); g"])
    page = book.page
    cards(page).first.wait_for()
    view = "() => document.querySelector('.nbpart-graph').getAttribute('viewBox').split(' ').map(Number)"
    page.locator(".nbpart input[type=search]").fill("REP")
    assert page.locator(".nbpart-hit").count() == 1
    page.keyboard.press("Enter")
    wait_selected(book, ["report"])
    page.keyboard.press("Escape")
    assert page.locator(".nbpart-searching").count() == 0

    start = page.evaluate(view)
    page.get_by_role("button", name="Zoom in (+)").click()
    zoomed = page.evaluate(view)
    assert zoomed[2] < start[2]
    box = page.locator(".nbpart-graph").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + box["height"] - 6)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 90, box["y"] + box["height"] - 6, steps=4)
    page.mouse.up()
    assert page.evaluate(view)[0] > zoomed[0]

    page.get_by_role("button", name="prepare (2)").click()
    page.wait_for_function("() => document.querySelectorAll('.nbpart-graph .nbpart-node').length === 2")
    assert page.locator(".nbpart-outcome code").inner_text() == 'graph.folded = ["prepare"]'
    assert "6 missing" in str(card(page, "prepare").get_attribute("aria-label"))
    book.execute("g.selection = ['raw']")
    page.locator(".nbpart-details b", has_text="raw").wait_for()
    text = page.locator(".nbpart-details").inner_text()
    assert "3 missing" in text
    assert "6" not in text
    card(page, "prepare").dblclick()
    page.wait_for_function("() => document.querySelectorAll('.nbpart-graph .nbpart-node').length === 3")


def test_it_follows_while_a_cell_runs_and_answers_clicks_then(notebook: Open, lab: Lab) -> None:
    wait = "import os, time\n_ = ws.backfill('raw')\nwhile not os.path.exists('seen'): time.sleep(0.05)"
    book = notebook([WORKSPACE, "g = make_graph(ws.project); g", wait])
    page = book.page
    page.wait_for_selector(".nbpart-node[aria-label='raw (function): 1 failed, 2 materialized']", timeout=60_000)
    # the kernel's own status is also that of its subshells
    busy = page.locator(".jp-CodeCell").nth(2).locator(".jp-InputArea-prompt", has_text="[*]")
    assert busy.count() == 1
    page.get_by_role("button", name="prepare (2)").click()
    page.wait_for_selector(".nbpart-node[aria-label^='prepare (group of 2)']", timeout=20_000)
    assert busy.count() == 1
    (lab.root / "seen").touch()
    book.wait_done()


def test_a_workspace_without_assets_says_what_to_do(notebook: Open) -> None:
    book = notebook(
        ["import nbpart\nfrom nbpart.workspace.view import make_graph\nmake_graph(nbpart.open('empty').project)"]
    )
    book.page.locator(".nbpart-empty pre").wait_for()
    assert "@ws.asset" in book.page.locator(".nbpart-empty pre").inner_text()
    assert not book.page.locator(".nbpart-graph").is_visible()


def test_on_a_narrow_page_it_is_whole_and_the_static_form_comes_back_when_it_is_closed(notebook: Open) -> None:
    book = notebook([WORKSPACE, "g = make_graph(ws.project); g"])
    page = book.page
    cards(page).first.wait_for()
    page.wait_for_selector(".nbpart-static", state="attached")
    assert not page.locator(".nbpart-static").is_visible()
    assert page.locator(".nbpart-static svg text.name").count() == 3
    page.evaluate("() => { window.jupyterapp.commands.execute('application:toggle-left-area'); }")
    page.set_viewport_size({"width": 640, "height": 800})
    page.wait_for_function("() => document.querySelector('.nbpart').clientWidth < 560")
    wide = "() => { const n = document.querySelector('.nbpart'); return n.scrollWidth - n.clientWidth; }"
    assert page.evaluate(wide) <= 0
    book.execute("g.close()")
    page.wait_for_function("() => !document.querySelector('.nbpart-graph')")
    assert page.locator(".nbpart-static svg").is_visible()


def test_colours_follow_the_theme(notebook: Open) -> None:
    book = notebook([WORKSPACE, "ws.backfill('raw').wait(progress=False); g = make_graph(ws.project); g"]).wait_done()
    page = book.page
    page.locator(".nbpart-stack rect.s-failed").first.wait_for()
    # the last is what other tests begin with
    for theme, wanted in ((DARK_THEME, "rgb(229, 101, 90)"), (LIGHT_THEME, "rgb(152, 21, 19)")):
        change_theme(page, theme)
        page.wait_for_function(
            "(wanted) => getComputedStyle(document.querySelector('.nbpart-stack rect.s-failed')).fill === wanted",
            arg=wanted,
        )
