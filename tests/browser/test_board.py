"""Choosing among trials in a real JupyterLab."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tests.browser.accessibility import find_violations
from tests.browser.lab import Notebook
from tests.browser.themes import DARK_THEME, LIGHT_THEME, change_theme

Open = Callable[[Sequence[str]], Notebook]
SWEEP = """
    import nbpart
    ws = nbpart.open("sweep")
    trials = ws.dynamic_partitions("trials", params={
        "lr": nbpart.loguniform(1e-4, 1e-1), "depth": nbpart.integers(2, 9), "kind": nbpart.choice(["<b>gbt", "rf"]),
        "seed": nbpart.choice([0, 1]),
    })
    trials.add_sample(8, sampler_seed=0)
    @ws.asset(partitions=trials, metrics={"accuracy": "max"})
    def model(run, lr, depth, kind):
        for step in range(20):
            run.log(loss=1 / (1 + step * lr), step=step)
        run.log(accuracy=1 - abs(lr - 0.01) - depth / 1000)
        print("trained", kind)
        return {"lr": lr}
    ws.backfill("model", max_workers=2).wait(progress=False)
    board = ws.compare("model"); board
"""


def test_from_a_cell_with_four_parameters_to_the_best_notebook_without_a_key_typed(notebook: Open) -> None:
    book = notebook([SWEEP]).wait_done()
    page, board = book.page, book.page.locator(".nbpart-board")
    best = board.locator(".nbpart-grid-body [role=row]").first
    best.locator("[aria-label=best]").wait_for()
    assert page.locator(".nbpart-static:visible").count() == 0, "the live board stands in its place"
    key = book.execute("print(board.best.partition_key)")
    assert best.locator(".nbpart-grid-key").inner_text() == key
    best.click()
    section = board.locator(".nbpart-section", has_text="Executed notebook")
    section.locator("pre.nbpart-text", has_text="trained ").wait_for()
    # what is chosen has its curve
    board.locator(".nbpart-curves").get_by_text("1 run, 20 points").wait_for()
    board.locator(".nbpart-board-code code", has_text="partition_key in ").wait_for()
    assert book.execute("print(board.selection[0], len(board.selection))") == f"{key} 1"
    assert board.locator("b", has_text="gbt").count() == 0, "a value is text"
    wanted = book.execute("print(ws.get_run(board.best.run_id).notebook.name)")
    section.get_by_role("link", name="Open in a tab").click()
    page.wait_for_function("(name) => window.jupyterapp.shell.currentWidget?.context?.path.endsWith(name)", arg=wanted)
    page.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    page.wait_for_function("() => document.querySelector('.nbpart-board')")


def test_brushes_rows_and_sorting_work_by_keyboard_and_mouse(notebook: Open) -> None:
    book = notebook([SWEEP.replace('"sweep"', '"brushed"')]).wait_done()
    page, board = book.page, book.page.locator(".nbpart-board")
    rows = board.locator(".nbpart-grid-body [role=row]")
    rows.first.wait_for()
    # an end of an axis by the arrow keys
    board.get_by_role("slider", name="lr: at least").focus()
    for _ in range(25):
        page.keyboard.press("ArrowUp")
    code = board.locator(".nbpart-board-code code")
    code.get_by_text(re.compile("lr >= ")).wait_for()
    chosen = int(book.execute("print(len(board.selection))"))
    assert 0 < chosen < 8
    board.get_by_text(f"{chosen} of 8 chosen").first.wait_for()
    assert rows.count() == chosen
    assert book.execute("print(len(ws.partition_status('model', where=board.where)))") == str(chosen)
    assert book.execute("print(board.where)") in code.inner_text()
    page.keyboard.press("Escape")
    code.wait_for(state="detached")
    board.get_by_text("Choose rows, or drag along an axis").wait_for()
    assert rows.count() == 8
    # a drag along an axis of categories, and a click that clears it
    track = board.locator(".nbpart-axis", has_text="kind").locator(".nbpart-track")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.4, steps=5)
    page.mouse.up()
    code.get_by_text("kind in ('rf')").wait_for()
    assert track.bounding_box() == box, "what is brushed does not move"
    page.mouse.click(x, box["y"] + 40)
    code.wait_for(state="detached")
    # rows by the keyboard, several of them
    grid = board.get_by_role("grid")
    grid.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    board.get_by_text("2 of 8 chosen").first.wait_for()
    board.locator(".nbpart-curves").get_by_text("2 runs, 40 points").wait_for()
    code.get_by_text(re.compile("partition_key in .*', '")).wait_for()
    assert book.execute("print(board.selection == list(board.frame.partition_key[1:3]))") == "True"
    page.keyboard.press("Escape")
    # sorted by a column, and back
    depth = board.get_by_role("columnheader", name="depth")
    depth.get_by_role("button").click()
    assert depth.get_attribute("aria-sort") == "ascending"
    shown = rows.locator("[role=gridcell]:nth-child(3)").all_inner_texts()
    assert list(map(int, shown)) == sorted(map(int, shown))


WAITING = """
    import nbpart
    ws = nbpart.open("waiting")
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add_grid(lr=[0.1, 0.2])
    @ws.asset(partitions=trials, metrics={"loss": "min"})
    def model(run, lr):
        import time
        for step in range(100_000):
            run.log(loss=lr / (step + 1), step=step)
            time.sleep(0.01)
            if run.should_stop():
                break
        return {"lr": lr}
    board = ws.compare("model"); board
"""


def test_runs_that_go_on_have_curves_that_grow_and_end_early_by_a_button(notebook: Open) -> None:
    book = notebook([WAITING, "x = ws.explore(); x"]).wait_done()
    page, board = book.page, book.page.locator(".nbpart-board")
    book.execute("backfill = ws.backfill('model', max_workers=2)")
    note = board.locator(".nbpart-curves [role=status]")
    note.get_by_text(re.compile(r"2 runs, .* live")).wait_for()
    before = note.inner_text()
    page.wait_for_function("([node, text]) => node.textContent !== text", arg=[note.element_handle(), before])
    board.get_by_role("button", name="Stop lr=0.1 early").click()
    board.get_by_text("model/lr=0.1 was asked to end early.").wait_for()
    early = board.get_by_role("gridcell").filter(has_text="stopped early")
    early.first.wait_for()
    book.execute("x.heatmap.select_partition('model', 'lr=0.2')")
    panel = page.locator(".nbpart-panel")
    panel.locator(".nbpart-curves").get_by_text(re.compile(r"1 run, .* live")).wait_for()
    panel.get_by_role("button", name="Stop early").click()
    panel.get_by_text("model/lr=0.2 was asked to end early.").wait_for()
    book.execute("backfill.wait(progress=False).raise_for_failures()")
    early.nth(1).wait_for()
    board.locator(".nbpart-bar").first.get_by_text("none is best: all ended early").wait_for()


def test_an_empty_board_fills_and_says_what_failed(notebook: Open) -> None:
    cell = """
        import nbpart
        ws = nbpart.open("failing")
        trials = ws.dynamic_partitions("trials", params={"lr": float})
        @ws.asset(partitions=trials, metrics={"loss": "min"})
        def model(lr):
            raise ValueError("a <b>bad</b> rate")
        board = ws.compare("model"); board
    """
    book = notebook([cell]).wait_done()
    board = book.page.locator(".nbpart-board")
    board.get_by_text("model has no partitions yet.").wait_for()
    book.execute("trials.add(lr=0.1); ws.backfill('model').wait(progress=False)")
    board.locator(".nbpart-bar").first.get_by_text("0 of 1 partition made, 1 failed").wait_for()
    board.locator(".nbpart-grid-body [role=row]").click()
    board.get_by_text("ValueError: a <b>bad</b> rate", exact=False).first.wait_for()
    board.locator(".nbpart-curves").get_by_text("no curves").wait_for()


ALL = (
    SWEEP.replace('"sweep"', '"accessible"'),
    """
    backfill = ws.backfill("model", status="all")
    backfill.wait(progress=False)
    backfill
    """,
    """
    @ws.sensor(every="1h")
    def loud(context):
        raise OSError("no network")
    ws.triggers
    """,
    "x = ws.explore(); x",
)


def test_every_widget_is_accessible_in_both_themes(notebook: Open) -> None:
    book = notebook(ALL).wait_done()
    page = book.page
    page.locator(".nbpart-grid-body [role=row]").first.click()
    page.locator(".nbpart-board .nbpart-cells pre").first.wait_for()
    book.execute("x.heatmap.select_partition('model', board.best.partition_key)")
    page.locator(".nbpart-panel .nbpart-curves canvas").wait_for()
    widgets = (".nbpart-board", ".nbpart-monitor", ".nbpart-trigger-table", ".nbpart-explorer")
    for selector in widgets:
        page.locator(selector).first.wait_for()
    for theme in (LIGHT_THEME, DARK_THEME):
        change_theme(page, theme)
        page.wait_for_timeout(300)  # colours of canvases follow
        assert find_violations(page, *widgets) == []
    change_theme(page, LIGHT_THEME)
