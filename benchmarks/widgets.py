"""The heatmap and the graph in a real JupyterLab: what a person waits for, and what is sent.

Run it with ``python -m benchmarks.widgets [partitions]`` (the largest heatmap; a tenth and a thousandth of it are
measured too). It needs Chromium and ``nbpart[test]``, and prints one JSON object a line. ``open_ms`` is what the kernel
takes to read the catalog, ``first_paint_ms`` goes from then to the picture, ``patch_ms`` from the
moment that the kernel knows of a change to its picture, of which ``kernel_ms`` are the kernel's; medians of a few.
``brush_ms`` and ``zoom_ms`` go from a person's move to its picture, the longest of twenty and six.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import rounds
from tests.browser.lab import Notebook, find_chromium, open_browser, open_notebook, start_lab

ROOT = str(Path(__file__).parents[1])
ASSETS = 10
ROUNDS = rounds(7)
GRAPHS = (10, 50, 500)

HEAD = f"""
import sys, time; sys.path.insert(0, {ROOT!r})
import numpy as np
from nbpart.widgets.heatmap import PartitionHeatmap
from tests.widgets import heatmap_scenes as s
"""
#: Notes when messages come and when their picture stands: two frames later the compositor has it.
WATCH = """() => {
    const note = (name) => performance.timeOrigin + performance.now();
    window.__painted = [];
    new MutationObserver((found) => {
        if (found.some((one) => one.attributeName === 'data-painted')) window.__painted.push(note());
    }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-painted'] });
}"""
BRUSH = """async () => {
    const stage = document.querySelector('.nbpart-heat-stage');
    const { left, top, width } = stage.getBoundingClientRect();
    const fire = (type, x) => stage.dispatchEvent(new PointerEvent(type,
        { clientX: left + x, clientY: top + 40, button: 0, pointerId: 1, bubbles: true }));
    const frame = () => new Promise((done) => requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = done;
        channel.port2.postMessage(0);
    }));
    stage.setPointerCapture = () => {};
    await frame();
    fire('pointerdown', width * 0.3);
    const taken = [];
    for (let step = 1; step <= 20; step++) {
        const began = performance.now();
        fire('pointermove', width * (0.3 + step * 0.02));
        await frame();
        taken.push(performance.now() - began);
    }
    fire('pointerup', width * 0.7);
    return Math.max(...taken);
}"""
ZOOM = """async () => {
    const stage = document.querySelector('.nbpart-heat-stage');
    const taken = [];
    for (const key of ['+', '+', '+', '-', '-', '-']) {
        const before = stage.dataset.painted;
        const began = performance.now();
        stage.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        while (stage.dataset.painted === before) await new Promise((done) => setTimeout(done, 0));
        taken.push(performance.now() - began);
    }
    return Math.max(...taken);
}"""
NOW = "() => performance.timeOrigin + performance.now()"


def main(partitions: int = 1_000_000) -> None:
    """Print the measurements."""
    if find_chromium() is None:
        print("there is no Chromium: install the package chromium.", file=sys.stderr)
        sys.exit(1)
    with tempfile.TemporaryDirectory() as folder, start_lab(Path(folder)) as lab, open_browser() as browser:
        for n in (partitions // 1000, partitions // 10, partitions):
            for kind in ("clustered", "scattered"):
                book = open_notebook(browser, lab, f"{n}-{kind}.ipynb", [HEAD])
                for record in measure_heatmap(book.run_all().wait_done(), n, kind):
                    print(json.dumps({"partitions": n, "assets": ASSETS, "statuses": kind, **record}), flush=True)
                book.page.close()
        for n in GRAPHS if partitions >= 100_000 else GRAPHS[:1]:
            book = open_notebook(browser, lab, f"graph-{n}.ipynb", [HEAD])
            print(json.dumps({"assets": n, **measure_graph(book.run_all().wait_done(), n)}), flush=True)
            book.page.close()


def measure_heatmap(book: Notebook, n: int, kind: str) -> Iterator[dict[str, Any]]:
    """First picture, brush, zoom, patches of one and of a hundredth of the partitions."""
    book.execute(f"c = s.big_scene('heat-{n}-{kind}', {n}, {ASSETS}, s.{kind})")
    book.page.evaluate(WATCH)
    show_in_cell(book, "t = time.time()\nh = PartitionHeatmap(c)\nmade = time.time()\nh")
    painted = wait_for_picture(book, 0)
    yield {"benchmark": "heatmap, first picture", **tell_first(book, painted),
           "bytes": int(book.execute("print(len(h.state()['cells']))"))}  # fmt: skip
    book.page.wait_for_timeout(700)
    yield {"benchmark": "heatmap, brush", "brush_ms": round(book.page.evaluate(BRUSH), 1)}
    book.page.locator(".nbpart-heat-stage").focus()
    yield {"benchmark": "heatmap, zoom", "zoom_ms": round(book.page.evaluate(ZOOM), 1)}
    for part, rows in (("one partition", 1), ("a hundredth", max(1, n // 100))):
        yield {"benchmark": f"heatmap, patch of {part}", **measure_patch(book, rows)}


def measure_patch(book: Notebook, rows: int) -> dict[str, Any]:
    """From the change's handing over in the kernel to its picture, with the feed's waiting left out."""
    book.execute(f"""
        h._feed.remove(h); sizes = []
        def note(kind, head, buffers=()):
            sizes.append(sum(map(len, buffers))); type(h).patch(h, kind, head, buffers)
        h.patch = note
        def touch(code):
            s.set_active(c, 1, {rows}, code)
            found = c.read(h._view_state.read_changes)
            t = time.time(); h._view_state.update(found); print(t, time.time())
        """)
    followed, seen = [], []
    for turn in range(ROUNDS):
        before = len(book.page.evaluate("() => window.__painted"))
        began, ended = (float(part) * 1000 for part in book.execute(f"touch({1 + turn % 2})").split())
        painted = wait_for_picture(book, before)
        followed.append(ended - began)
        seen.append(painted - began)
    size = int(book.execute("print(max(sizes))"))
    return {
        "patch_ms": round(statistics.median(seen), 1),
        "kernel_ms": round(statistics.median(followed), 1),
        "bytes": size,
    }


def measure_graph(book: Notebook, n: int) -> dict[str, Any]:
    """The graph of a chain with side branches, to its first picture."""
    book.execute(f"""
        from nbpart.widgets.graph import AssetGraph
        c = s.open_scene('graph-{n}')
        names = [f'asset_{{i}}' for i in range({n})]
        inputs = {{names[i]: [(names[(i - 1) // 2], 'same')] for i in range(1, {n})}}
        s.add_assets(c, s.add_set(c, 'files', ['a', 'b']), names, inputs)
        """)
    show_in_cell(book, "t = time.time()\nh = AssetGraph(c)\nmade = time.time()\nh")
    book.page.wait_for_selector(".nbpart svg", timeout=60_000)
    painted = book.page.evaluate(NOW)
    size = len(book.execute("import json; print(json.dumps(h.state()))"))
    return {"benchmark": "graph, first picture", **tell_first(book, painted), "bytes": size}


def tell_first(book: Notebook, painted: float) -> dict[str, Any]:
    """How long the kernel took to make the widget that the cell shows, and the page from then to its picture."""
    began, made = (float(part) * 1000 for part in book.execute("print(t, made)").split())
    return {"open_ms": round(made - began), "first_paint_ms": round(painted - made)}


def show_in_cell(book: Notebook, code: str) -> None:
    """Put the code in the first cell in place of what is there, and run it."""
    book.page.evaluate(
        """(code) => {
            const panel = window.jupyterapp.shell.currentWidget;
            panel.content.widgets[0].model.sharedModel.setSource(code);
            window.jupyterapp.commands.execute('notebook:run-all-cells');
        }""",
        code,
    )


def wait_for_picture(book: Notebook, before: int) -> float:
    """When the first picture after that many stood."""
    book.page.wait_for_function(f"() => window.__painted.length > {before}", timeout=60_000)
    return float(book.page.evaluate(f"() => window.__painted[{before}]"))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
