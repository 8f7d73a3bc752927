"""The heatmap in a real JupyterLab: what is seen, pointed at and typed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Notebook
from tests.browser.themes import DARK_THEME, LIGHT_THEME, change_theme

REPOSITORY = str(Path(__file__).parents[2])
HEAD = f"""
import sys; sys.path.insert(0, {REPOSITORY!r})
from nbpart.widgets.heatmap import PartitionHeatmap
from tests.widgets import heatmap_scenes as s
"""
HOSTILE = "<img src=x onerror=alert(1)>"
STAGE = ".nbpart-heat-stage"
ROW, TOP, LANE = 22, 24, 6
CLEAR = "#000000"
Open = Callable[[Sequence[str]], Notebook]


class Heat:
    """A heatmap in a page, in its own coordinates: places along the track, rows down."""

    def __init__(self, book: Notebook) -> None:
        self.book, self.page = book, book.page
        self.page.wait_for_selector(f"{STAGE}[data-painted]", timeout=30_000)
        self.stage = self.page.locator(STAGE)
        self.box = self.stage.bounding_box()

    def at(self, place: float, row: int, n: int) -> tuple[float, float]:
        """The point of the page in the middle of a place of the first band."""
        left, track = self.track()
        return self.box["x"] + left + (place + 0.5) * track / n, self.box["y"] + TOP + row * ROW + ROW / 2

    def track(self) -> tuple[float, float]:
        """Where the frame of the first row begins, and how wide it is, measured on the canvas."""
        edges = self.page.evaluate(
            """([stage, y]) => {
                const canvas = document.querySelector(`${stage} canvas`);
                const pixels = canvas.getContext('2d').getImageData(0, y, canvas.width, 1).data;
                let last = 0, first = -1;
                for (let x = 70; x < canvas.width - 75; x++) {
                    if (!pixels[4 * x + 3]) continue;
                    last = x; if (first < 0) first = x;
                }
                return [first, last];
            }""",
            [STAGE, TOP],
        )
        return edges[0] + 1, edges[1] - edges[0] - 1

    def pixel(self, x: float, y: float) -> str:
        """The colour at a point of the page, as #rrggbb."""
        data = self.page.evaluate(
            """([stage, x, y]) => [...document.querySelector(`${stage} canvas`).getContext('2d')
                .getImageData(x, y, 1, 1).data]""",
            [STAGE, round(x - self.box["x"]), round(y - self.box["y"])],
        )
        return "#" + "".join(f"{part:02x}" for part in data[:3])

    def colour(self, place: float, row: int, n: int) -> str:
        """The colour of a place, at its left edge, where no glyph is."""
        left, track = self.track()
        x = self.box["x"] + left + place * track / n + 3
        return self.pixel(x, self.box["y"] + TOP + row * ROW + 5)

    def count_marked(self, place: float, row: int, n: int) -> int:
        """How many pixels of a place are marked: by a selection, or as what it reads or what reads it."""
        left, track = self.track()
        box = [round(left + place * track / n), TOP + row * ROW, round(track / n), ROW]
        return int(
            self.page.evaluate(
                """([stage, box]) => [...document.querySelector(`${stage} canvas:last-of-type`).getContext('2d')
                    .getImageData(...box).data].filter((part, i) => i % 4 === 3 && part).length""",
                [STAGE, box],
            )
        )

    def wait(self, condition: str) -> None:
        self.page.wait_for_function(condition, timeout=10_000)

    def selection(self) -> Any:
        """The selection in Python as (assets, ranges)."""
        code = "import json; x = h.selection; print(json.dumps(None if x is None else [x.assets, x.ranges, x.keys]))"
        return json.loads(self.book.execute(code))

    def selects(self, wanted: Any) -> None:
        for _ in range(50):
            if self.selection() == wanted:
                return
            self.page.wait_for_timeout(50)
        assert self.selection() == wanted

    def foot(self, text: str) -> None:
        self.wait(f"() => document.querySelector('.nbpart-heat-footer').textContent.includes({json.dumps(text)})")


def show(notebook: Open, scene: str) -> Heat:
    return Heat(notebook([f"{HEAD}\n{textwrap.dedent(scene)}\nh"]))


TWELVE = f"""
c = s.open_scene('scene-{{name}}')
files = s.add_set(c, 'files', [{HOSTILE!r}, *(f'{{{{i}}}}.csv' for i in range(1, 12))])
ids = s.add_assets(c, files, ['one', 'two', 'three'], {{{{'two': [('one', 'same')], 'three': [('two', 'same')]}}}})
s.set_statuses(c, ids['one'], [4, 5, 5, 4, 1, 2, 3, 0, 5, 5, 5, 5])
s.set_statuses(c, ids['two'], [0] * 11 + [4])
h = PartitionHeatmap(c)
"""
LIGHT = {0: "#dedede", 1: "#a58b31", 2: "#5320a9", 3: "#0099fe", 4: "#981513", 5: "#197268"}
DARK_FAILED = "#e5655a"


def twelve(notebook: Open, name: str) -> Heat:
    return show(notebook, TWELVE.format(name=name))


def test_each_status_has_its_colour_and_a_tooltip(notebook: Open) -> None:
    heat = twelve(notebook, "hover")
    assert [heat.colour(n, 0, 12) for n in range(9)] == [LIGHT[c] for c in (4, 5, 5, 4, 1, 2, 3, 0, 5)]
    assert "failed3" in heat.page.locator('[data-status="failed"]').inner_text().replace("\n", "").replace(" ", "")
    heat.page.mouse.move(*heat.at(0, 0, 12))
    tooltip = heat.page.locator(".nbpart-tooltip")
    heat.wait(f"() => document.querySelector('.nbpart-tooltip b')?.textContent === {json.dumps(f'one · {HOSTILE}')}")
    assert "✕ failed" in tooltip.inner_text()
    assert heat.page.locator(".nbpart-heat img").count() == 0
    heat.page.mouse.move(*heat.at(7, 0, 12))
    heat.wait("() => document.querySelector('.nbpart-tooltip').textContent.includes('never run')")
    assert heat.page.locator(".nbpart-heat-static").count() == 1
    assert not heat.page.locator(".nbpart-heat-static").is_visible()
    assert heat.page.locator(".nbpart-heat-static img").count() == 0


def test_click_shift_click_and_brush_select(notebook: Open) -> None:
    heat = twelve(notebook, "select")
    heat.page.mouse.click(*heat.at(2, 1, 12))
    heat.selects([["two"], [[2, 3]], ["2.csv"]])
    heat.foot("Selected 1 partition of two: 2.csv · dashed: what it reads · dotted: what reads it")
    assert heat.count_marked(2, 0, 12) > heat.count_marked(2, 2, 12) > 0, "dashes hide less than dots"
    assert heat.count_marked(5, 0, 12) == heat.count_marked(5, 2, 12) == 0
    heat.page.keyboard.down("Shift")
    heat.page.mouse.click(*heat.at(4, 1, 12))
    heat.page.keyboard.up("Shift")
    heat.selects([["two"], [[2, 5]], ["2.csv", "3.csv", "4.csv"]])
    heat.page.keyboard.down("Control")
    heat.page.mouse.click(*heat.at(7, 1, 12))
    heat.page.keyboard.up("Control")
    heat.selects([["two"], [[2, 5], [7, 8]], ["2.csv", "3.csv", "4.csv", "7.csv"]])
    heat.page.mouse.move(*heat.at(9, 2, 12))
    heat.page.mouse.down()
    heat.page.mouse.move(*heat.at(6, 1, 12), steps=6)
    heat.page.mouse.up()
    heat.selects([["two", "three"], [[6, 10]], ["6.csv", "7.csv", "8.csv", "9.csv"]])
    heat.page.keyboard.press("Escape")
    heat.selects(None)


def test_a_hostile_key_is_text_wherever_it_is_shown(notebook: Open) -> None:
    heat = twelve(notebook, "hostile")
    heat.page.mouse.click(*heat.at(0, 0, 12))
    heat.foot(f"Selected 1 partition of one: {HOSTILE}")
    heat.page.keyboard.press("Home")
    heat.foot(f"one · {HOSTILE}")
    heat.page.locator(".nbpart-heat input[type=search]").fill("<IMG")
    heat.wait("() => document.querySelector('[data-status=failed]').textContent.includes('3')")
    heat.book.execute("h.show(text='img src')")
    assert heat.page.locator(".jp-OutputArea img").count() == 0


def test_the_keyboard_does_all(notebook: Open) -> None:
    heat = twelve(notebook, "keys")
    heat.stage.focus()
    key = heat.page.keyboard.press
    key("ArrowRight")
    heat.foot(f"one · {HOSTILE}")
    key("ArrowRight")
    heat.foot("one · 1.csv · ✓ materialized")
    key("ArrowDown")
    heat.foot("two · 1.csv · ○ missing")
    key("Enter")
    heat.selects([["two"], [[1, 2]], ["1.csv"]])
    key("Shift+ArrowRight")
    heat.selects([["two"], [[1, 3]], ["1.csv", "2.csv"]])
    key("End")
    heat.foot("two · 11.csv · ✕ failed")
    heat.foot("Enter selects it")
    key("n")
    heat.foot(f"one · {HOSTILE} · ✕ failed")
    heat.selects([["one"], [[0, 1]], [HOSTILE]])
    key("n")
    heat.foot("one · 3.csv · ✕ failed")
    heat.selects([["one"], [[3, 4]], ["3.csv"]])
    key("Shift+N")
    heat.foot(f"one · {HOSTILE}")
    heat.selects([["one"], [[0, 1]], [HOSTILE]])
    assert "Enter selects it" not in heat.page.locator(".nbpart-heat-footer").inner_text()
    key("/")
    assert heat.page.evaluate("() => document.activeElement.type") == "search"
    assert "12 of" not in heat.page.locator(".nbpart-announcer").inner_text()
    assert heat.stage.get_attribute("role") == "application"


def test_filters_show_only_what_they_let_through(notebook: Open) -> None:
    heat = twelve(notebook, "filter")
    failed = heat.page.locator('[data-status="failed"]')
    failed.click()
    heat.wait("() => document.querySelector('[data-status=failed]').getAttribute('aria-pressed') === 'true'")
    assert heat.book.execute("print(h._view_state.bands[0].places.n)") == "3"
    heat.page.locator(".nbpart-heat input[type=search]").fill("11.CSV")
    for _ in range(40):
        if heat.book.execute("print(h._view_state.bands[0].places.n)") == "1":
            break
        heat.page.wait_for_timeout(50)
    heat.page.wait_for_timeout(200)
    assert heat.colour(0, 1, 1) == LIGHT[4]
    heat.stage.focus()
    heat.page.keyboard.press("Escape")
    heat.wait("() => document.querySelector('[data-status=failed]').getAttribute('aria-pressed') === 'false'")


def test_one_failure_in_fifty_thousand_is_seen_and_found(notebook: Open) -> None:
    heat = show(
        notebook,
        """
        c = s.big_scene('scene-rare', 50_000, 2)
        codes = [5] * 50_000; codes[31_000] = 4
        s.set_statuses(c, 1, codes)
        h = PartitionHeatmap(c)
        """,
    )
    x, y = heat.at(31_000, 0, 50_000)
    # the track's edge is measured to a pixel
    columns = [[heat.pixel(x + dx, y - ROW / 2 + dy) for dy in range(1, ROW - 1)] for dx in range(-4, 5)]
    below = len(columns[0]) - LANE
    # the place itself, beside it a tick that is wide enough, and around the tick nothing
    assert [LIGHT[4]] * (LANE + 1) + [LIGHT[5]] * (below - 1) in columns
    assert columns.count([LIGHT[4]] * LANE + [LIGHT[5]] * below) >= 2
    assert columns[0] == columns[-1] == [CLEAR] * LANE + [LIGHT[5]] * below
    heat.stage.focus()
    heat.page.keyboard.press("n")
    heat.foot("asset_0 · file-0031000.csv · ✕ failed")
    for _ in range(12):
        heat.page.keyboard.press("+")
    heat.wait("() => +document.querySelector('.nbpart-heat-stage').dataset.painted > 5")
    heat.page.wait_for_timeout(300)
    left, track = heat.track()
    colours = {heat.pixel(heat.box["x"] + left + f * track, y + 6) for f in (0.6, 0.61, 0.62, 0.63, 0.64)}
    assert LIGHT[4] in colours
    heat.page.keyboard.press("0")


def test_an_order_that_is_out_of_date_is_sorted_again_by_a_button(notebook: Open) -> None:
    heat = twelve(notebook, "sorted")
    heat.page.locator("select[aria-label='Order by']").select_option("status")
    heat.wait("() => document.querySelector('select[aria-label=\"Order by\"]').value === 'status'")
    again = heat.page.locator("button[data-sort]")
    assert not again.is_visible()
    heat.book.execute("s.change(c, ids['one'], 5, 4)")
    again.wait_for()
    assert again.inner_text() == "↻ Sort again (1)"
    third = "print(h._view_state.keys(h._view_state.view().head['view'], 0, [2]))"
    assert heat.book.execute(third) == "['11.csv']"
    again.click()
    again.wait_for(state="hidden")
    assert heat.book.execute(third) == "['5.csv']"


def test_the_wheel_zooms_and_pans_with_keys_held(notebook: Open) -> None:
    heat = show(
        notebook,
        """
        c = s.big_scene('scene-wheel', 10_000, 2)
        s.set_statuses(c, 1, [5] * 5_000 + [0] * 5_000)
        h = PartitionHeatmap(c)
        """,
    )
    before = heat.colour(9_900, 0, 10_000)
    assert before == LIGHT[0]
    heat.page.mouse.move(*heat.at(100, 0, 10_000))
    heat.page.keyboard.down("Control")
    for _ in range(6):
        heat.page.mouse.wheel(0, -120)
    heat.page.keyboard.up("Control")
    heat.page.wait_for_timeout(300)
    assert heat.colour(9_900, 0, 10_000) == LIGHT[5]
    heat.page.keyboard.down("Shift")
    for _ in range(60):
        heat.page.mouse.wheel(0, 400)
    heat.page.keyboard.up("Shift")
    heat.page.wait_for_timeout(300)
    assert heat.colour(100, 0, 10_000) == LIGHT[0]


def test_a_grid_is_walked_and_brushed(notebook: Open) -> None:
    heat = show(notebook, "c = s.rich_scene('scene-grid'); h = PartitionHeatmap(c, ['model', 'evaluation'])")
    heat.stage.focus()
    key = heat.page.keyboard.press
    key("ArrowRight")
    heat.foot("model · depth=2,lr=0.0001")
    key("ArrowRight")
    key("ArrowDown")
    heat.foot("model · depth=3,lr=0.001")
    key("Enter")
    heat.foot("Selected 1 partition of model: depth=3,lr=0.001")
    key("Shift+ArrowRight")
    key("Shift+ArrowDown")
    heat.foot("Selected 4 partitions of model")
    assert len(heat.selection()[2]) == 4
    assert heat.pixel(heat.box["x"] + heat.track()[0] + 4, heat.box["y"] + TOP + 4) == LIGHT[5]


def test_the_theme_and_values_change_the_colours(notebook: Open) -> None:
    heat = twelve(notebook, "theme")
    assert heat.colour(0, 0, 12) == LIGHT[4]
    try:
        change_theme(heat.page, DARK_THEME)
        heat.page.wait_for_timeout(200)
        assert heat.colour(0, 0, 12) == DARK_FAILED
    finally:
        change_theme(heat.page, LIGHT_THEME)
    heat.book.execute("s.set_statuses(c, ids['two'], [5] * 12, (range(12), range(12)))")
    heat.page.locator("select[aria-label='Colour by']").select_option("duration_s")
    heat.wait("() => document.querySelector('.nbpart-heat-ramp').textContent.includes('11')")
    heat.page.wait_for_timeout(300)
    assert (heat.colour(0, 1, 12), heat.colour(11, 1, 12)) == ("#414487", "#fde725")
    assert heat.colour(0, 0, 12) == LIGHT[4]


WRITER = """
import sys, time; sys.path.insert(0, sys.argv[2])
from tests.widgets import heatmap_scenes as s
c = s.open_scene(sys.argv[1])
for place in (7, 8):
    s.change(c, 1, place, 3)
    print(time.time(), flush=True)
    time.sleep(0.4)
c.close()
"""


def test_it_follows_another_process_also_while_a_cell_runs(notebook: Open) -> None:
    heat = twelve(notebook, "live")
    heat.book.wait_done()
    folder = heat.book.execute("import os; print(os.path.abspath('scene-live'))")
    seen = """() => window.__seen = new Promise((resolve) => {
        const look = () => document.querySelector('.nbpart-heat-stage').dataset.sequence > %s
            ? resolve(Date.now() / 1000) : setTimeout(look, 10);
        look();
    }) && 0"""
    sequence = heat.stage.get_attribute("data-sequence")
    heat.page.evaluate("() => { window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
                       ".requestExecute({ code: 'import time; time.sleep(6)' }); }")  # fmt: skip
    heat.page.evaluate(seen % sequence)
    command = [sys.executable, "-c", WRITER, folder, REPOSITORY]
    written = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    came = heat.page.evaluate("() => window.__seen")
    assert came - float(written[0]) < 1.5  # 1 s, and what two cores shared with other tests take
    heat.wait("() => document.querySelector('[data-status=running]').textContent.includes('3')")
    heat.page.wait_for_timeout(100)
    assert heat.colour(7, 0, 12) == LIGHT[3]


@pytest.mark.parametrize("width", [480])
def test_it_is_whole_in_a_narrow_page(notebook: Open, width: int) -> None:
    heat = twelve(notebook, "narrow")
    heat.page.locator(".nbpart-heat").evaluate(f"(node) => node.style.width = '{width}px'")
    heat.page.wait_for_timeout(400)
    assert heat.page.locator(".nbpart-heat").evaluate("(node) => node.scrollWidth <= node.clientWidth")
    heat.box = heat.stage.bounding_box()
    assert heat.colour(0, 0, 12) == LIGHT[4]


def test_without_assets_it_says_what_to_do(notebook: Open) -> None:
    book = notebook([f"{HEAD}\nc = s.open_scene('scene-empty'); h = PartitionHeatmap(c)\nh"])
    book.page.wait_for_selector(".nbpart-heat-empty", timeout=30_000)
    assert "No assets yet" in book.page.locator(".nbpart-heat-empty").inner_text()
    book.execute("s.add_assets(c, s.add_set(c, 'files', ['a']), ['one'])")
    book.page.wait_for_selector(f"{STAGE}[data-painted]", timeout=10_000)
