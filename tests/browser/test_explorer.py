"""The explorer in a real JupyterLab, on real runs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.browser.lab import Lab, Notebook, wait_for_kernel
from tests.browser.themes import DARK_THEME, LIGHT_THEME, change_theme
from tests.recording import write_notebook

Open = Callable[[Sequence[str]], Notebook]
HOSTILE = "<img src=x onerror=alert(1)>"
STAGE = ".nbpart-heat-stage"
ASSETS = f"""
    import nbpart, pandas as pd
    ws = nbpart.open("{{name}}")
    files = ws.dynamic_partitions("files")
    trials = ws.dynamic_partitions("trials", params={{{{"lr": float, "depth": int}}}})
    @ws.asset(partitions=files)
    def raw(partition_key: str) -> pd.DataFrame:
        import pandas as pd
        print("<b>working</b> on", partition_key)
        if partition_key == "bad":
            raise ValueError("no {HOSTILE} here")
        return pd.DataFrame({{{{"key": [partition_key], "n": [1]}}}})
    @ws.asset(partitions=files)
    def sizes(raw) -> dict:
        return {{{{"rows": len(raw)}}}}
    @ws.asset(partitions=trials)
    def model(lr: float, depth: int) -> dict:
        return {{{{"score": lr * depth}}}}
"""
#: A window, a product and a child, and what adding keys to the child is as a line.
SETS = """
    days = ws.partitions(nbpart.DailyPartitions("days", start="2026-01-01", end="2026-01-04"))
    grid = ws.partitions(nbpart.MultiPartitions({"day": days, "file": files}, name="grid"))
    chunks = ws.dynamic_partitions("chunks", under={"file": files}, columns={"size": int})
"""
ROWS = [{"file": "a", "chunks": "1", "size": 7}, {"file": "a", "chunks": "2", "size": 7}]
ADDED = f"ws.partition_sets['chunks'].add_rows({ROWS})"
EXPLORE = "x = ws.explore(); x"


def assets(name: str) -> str:
    return ASSETS.format(name=name)


class Panel:
    """The explorer in a page."""

    def __init__(self, book: Notebook) -> None:
        self.book, self.page = book, book.page
        self.root = self.page.locator(".nbpart-panel")
        self.page.set_default_timeout(60_000)
        self.root.wait_for()
        self.page.wait_for_selector(f"{STAGE}[data-painted]")

    def title(self, text: str, key: str = "") -> None:
        """Wait until that is selected."""
        self.root.locator("h3", has_text=text).wait_for()
        if key:
            self.root.locator(".nbpart-key", has_text=key).wait_for()

    def status(self, text: str) -> None:
        self.root.locator(".nbpart-status", has_text=text).wait_for()

    def button(self, name: str) -> Any:
        return self.root.get_by_role("button", name=name, exact=True)

    def wait_for_result(self, text: str, code: str) -> None:
        """Wait for what an action came to, with its line of Python."""
        outcome = self.root.locator(".nbpart-outcome", has_text=text)
        outcome.wait_for()
        assert outcome.locator("code").inner_text() == code

    def pick(self, row: int, column: int) -> None:
        """Select a partition of the first band by keys alone."""
        stage = self.page.locator(STAGE)
        stage.focus()
        self.page.keyboard.press("Home")
        for key, times in (("ArrowUp", 9), ("ArrowDown", row), ("Home", 1), ("ArrowRight", column), ("Enter", 1)):
            for _ in range(times):
                self.page.keyboard.press(key)

    def fold(self, name: str) -> Any:
        return self.root.locator("details.nbpart-section", has=self.page.locator("summary", has_text=name))


def test_from_the_heatmap_to_what_failed_and_its_notebook_in_a_tab(notebook: Open) -> None:
    run = f"_ = files.add('bad', {HOSTILE!r}); _ = ws.backfill('+sizes', max_workers=2).wait(progress=False)"
    panel = Panel(notebook([assets("look"), run, EXPLORE]))
    page = panel.page
    panel.title("All assets")
    page.locator(STAGE).focus()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    panel.title("raw", "bad")
    panel.status("failed")
    trace = panel.fold("Error").locator("pre")
    assert f"ValueError: no {HOSTILE} here" in trace.inner_text()
    page.locator(".nbpart-node.nbpart-selected[aria-label^='raw']").wait_for()

    panel.pick(0, 1)
    panel.title("raw", HOSTILE)
    panel.status("materialized")
    panel.fold("Data").locator("td", has_text=HOSTILE).wait_for()
    panel.fold("Log").locator("summary").click()
    panel.fold("Log").locator("pre", has_text=f"<b>working</b> on {HOSTILE}").wait_for()
    panel.button("Show it here").click()
    panel.fold("Executed notebook").locator(".nbpart-cell pre", has_text="<b>working</b>").first.wait_for()
    panel.fold("History").locator("button.nbpart-run").click()
    panel.root.locator(".nbpart-past-run", has_text="left it").wait_for()
    panel.button("Back to now").click()
    assert page.locator(".nbpart img, .nbpart-panel b, .nbpart script").count() == 0

    panel.pick(0, 0)
    panel.title("raw", "bad")
    panel.status("failed")
    panel.root.get_by_role("link", name="Open in a tab").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context?.path.includes('/runs/raw/')")


def test_blocked_partitions_say_why_and_an_interrupted_backfill_is_resumed(notebook: Open) -> None:
    run = """
        _ = files.add('bad', 'good'); _ = ws.backfill('+sizes', max_workers=2).wait(progress=False)
        from nbpart.backfill.options import BackfillOptions
        from nbpart.catalog import Moment, events, queries
        raw = ws.project.registry()["raw"].asset_id
        def begin(b):
            other = events.start_coordinator(b, "elsewhere", 1, "elsewhere-1-00000000.lock", "test")
            steps = pd.DataFrame({"asset_id": [raw], "key_id": [queries.find_key(b, raw, "good")], "reason": ["asked"]})
            options = BackfillOptions(max_workers=1).to_json()
            number = events.start_backfill(b, "raw", options, other, steps, Moment(b.sequence, b.now))[0]
            events.finish_backfill(b, number, "interrupted")
        ws.project.catalog.write(begin)
    """
    panel = Panel(notebook([assets("cut"), run, EXPLORE]))
    cut_off = panel.root.locator(".nbpart-backfill", has_text="raw interrupted: 0 of 1")
    cut_off.wait_for()
    panel.pick(1, 0)
    panel.title("sizes", "bad")
    panel.root.locator("dd", has_text=f"blocked: raw[bad] failed: ValueError: no {HOSTILE} here").wait_for()
    panel.root.locator(".nbpart-why").get_by_role("button", name="raw[bad]").press("Enter")
    panel.title("raw", "bad")
    panel.status("failed")
    cut_off.get_by_role("button", name="Resume").click()
    panel.root.locator(".nbpart-backfill", has_text="raw succeeded: 1 of 1").wait_for()


def test_a_sample_is_drawn_by_the_form(notebook: Open) -> None:
    params = """{"lr": nbpart.loguniform(1e-4, 1e-1), "kind": nbpart.choice(["gbt", "rf"]), "seed": int}"""
    book = notebook([assets("drawn"), f"space = ws.dynamic_partitions('space', params={params})", EXPLORE])
    panel = Panel(book)
    panel.root.get_by_role("combobox", name="Partitions", exact=True).select_option("space")
    assert panel.root.get_by_label("kind").get_attribute("placeholder") == "gbt, rf"
    panel.button("as a sample").click()
    assert panel.root.get_by_label("lr").get_attribute("placeholder") == "drawn: loguniform(0.0001, 0.1)"
    panel.root.get_by_label("points").fill("7")
    panel.root.get_by_label("sampler_seed").fill("0")
    panel.root.get_by_label("seed", exact=True).fill("3")
    book.page.keyboard.press("Enter")
    added = "ws.partition_sets['space'].add_sample(7, sampler_seed=0, values={'seed': 3})"
    panel.wait_for_result("7 keys added.", added)
    panel.button("Add").click()
    panel.wait_for_result("0 keys added; 7 were there already.", added)
    assert book.execute("print(len(space), set(space.frame['seed']))") == "7 {3}"
    panel.button("by parameters").click()
    panel.root.get_by_label("lr").fill("0.01, 0.1")
    panel.root.get_by_label("kind").fill("rf")
    panel.root.get_by_label("seed").fill("1")
    panel.root.get_by_text("2 keys: kind=rf,lr=0.01,seed=1").wait_for()


def test_from_nothing_to_a_backfill_by_forms_and_buttons(notebook: Open, lab: Lab) -> None:
    book = notebook(["import nbpart; ws = nbpart.open('forms'); x = ws.explore(); x"])
    page = book.page
    page.locator(".nbpart-panel p", has_text="Nothing to look at yet").wait_for()
    assert page.locator(".nbpart-empty pre").inner_text().count("\n") == 2
    book.execute(assets("forms"))
    panel = Panel(book)

    keys = panel.root.get_by_role("textbox", name="Keys, one a line")
    keys.press_sequentially(f"a\n{HOSTILE}\nc")
    panel.button("Add").click()
    panel.wait_for_result("3 keys added.", f"ws.partition_sets['files'].add(['a', {HOSTILE!r}, 'c'])")
    page.locator(".nbpart-node[aria-label^='raw (function): 3 missing']").wait_for()
    panel.root.get_by_role("combobox", name="Partitions", exact=True).select_option("trials")
    panel.root.get_by_label("depth").fill("3..5:2")
    panel.root.get_by_label("lr").fill("0.1, 0.5")
    panel.root.get_by_text("4 keys: depth=3,lr=0.1").wait_for()
    page.keyboard.press("Enter")
    panel.wait_for_result("4 keys added.", "ws.partition_sets['trials'].add_grid(depth=[3, 5], lr=[0.1, 0.5])")

    book.execute(SETS)
    choice = panel.root.get_by_role("combobox", name="Partitions", exact=True)
    choice.locator("option", has_text="chunks").wait_for(state="attached")
    for name, origin in {
        "days": "Windows of time in UTC from 2026-01-01",
        "grid": "combination of days, files",
    }.items():
        choice.select_option(name)
        panel.root.locator(".nbpart-form p", has_text=origin).wait_for()
        assert panel.button("Add").count() == 0
    choice.select_option("chunks")
    panel.root.get_by_label("file", exact=True).fill("a")
    panel.root.get_by_label("size").fill("7")
    keys.fill("1\n2")
    panel.button("Add").click()
    panel.wait_for_result("2 keys added.", ADDED)
    assert book.execute("print(list(chunks))") == str(["a/1", "a/2"])

    page.locator(".nbpart-node[aria-label^='sizes']").click()
    panel.title("sizes")
    where = panel.root.get_by_role("combobox", name="where")
    where.press_sequentially("key")
    panel.root.get_by_role("option", name="partition_key text").wait_for()
    page.keyboard.press("Tab")
    where.press_sequentially("<> 'c'")
    panel.root.get_by_text("2 of 3 partitions").wait_for()
    where.fill("partition_key <")
    panel.root.locator(".nbpart-filter .nbpart-error", has_text="at character").wait_for()
    where.fill("")
    panel.root.get_by_label("with what it reads").check()
    panel.button("Plan").click()
    panel.wait_for_result("6 steps: 6 missing", "ws.plan('+sizes')")
    assert panel.root.locator(".nbpart-plan tbody tr").count() == 6
    panel.root.get_by_label("workers").fill("2")
    panel.button("Backfill").click()
    panel.wait_for_result("has begun: 6 steps", "ws.backfill('+sizes', max_workers=2)")
    panel.root.locator(".nbpart-backfill", has_text="succeeded: 6 of 6").wait_for()
    page.locator(".nbpart-node[aria-label='sizes (function): 3 materialized']").wait_for()

    panel.pick(1, 2)
    panel.title("sizes", "c")
    panel.button("Remove 1 key …").click()
    panel.root.get_by_role("alertdialog", name="Remove 'c' from files? The history and the data stay.").wait_for()
    page.keyboard.press("Escape")
    panel.button("Remove 1 key …").click()
    panel.button("Remove").click()
    panel.wait_for_result("Removed 1 key; the history", "ws.partition_sets['files'].remove('c')")
    page.locator(".nbpart-node[aria-label='sizes (function): 2 materialized']").wait_for()
    assert book.execute("print(list(files))") == str(["a", HOSTILE])


STORY = f"""
    import nbpart
    from pathlib import Path
    ws = nbpart.open("{{name}}")
    files = ws.dynamic_partitions("files")
    files.add("a.csv", {HOSTILE!r})
    ws.source("inbox", "inbox/{{{{partition_key}}}}", partitions=files)
    ws.notebook("train.ipynb", partitions=files, deps=["inbox"], group="late")
    @ws.asset(partitions=files)
    def scored(train) -> dict:
        return train
    _ = ws.backfill("*", max_workers=2).wait(progress=False)
"""
LOOK_S = 2.0


def test_what_changed_on_disk_is_seen_at_a_look_explained_and_made(notebook: Open, lab: Lab) -> None:
    (lab.root / "inbox").mkdir()
    for key in ("a.csv", HOSTILE):
        (lab.root / "inbox" / key).write_text("1")
    save = "import nbpart; nbpart.current_run().save({'n': n})"
    train = write_notebook(lab.root / "train.ipynb", "n = 1", save, parameters="inbox = None")
    panel = Panel(notebook([STORY.format(name="story"), EXPLORE]))
    page, root = panel.page, panel.root
    why = root.locator(".nbpart-why")

    def look(message: str, counts: str) -> None:
        """Refresh, and see in time what that found."""
        panel.button("Refresh").click()
        began = time.monotonic()
        page.locator(f".nbpart-node[aria-label='scored (function): {counts}']").wait_for()
        drawn = re.compile(rf"stale\s*{2 * int(counts[0])}$")
        page.locator(".nbpart-heat-keys button", has_text=drawn).wait_for()
        assert time.monotonic() - began < LOOK_S
        root.locator(".nbpart-refresh .nbpart-outcome", has_text=message).wait_for()

    def make(counts: str) -> None:
        """Make what is selected and all above it."""
        root.get_by_label("with what it reads").check()
        panel.button("Backfill").click()
        page.locator(f".nbpart-node[aria-label='scored (function): {counts}']").wait_for()

    page.locator(".nbpart-node[aria-label='scored (function): 2 materialized']").wait_for()
    (lab.root / "inbox" / HOSTILE).write_text("more")
    look("Changed sources: inbox (1 changed)", "1 stale, 1 materialized")
    panel.pick(1, 1)
    panel.title("scored", HOSTILE)
    named = f"train[{HOSTILE}]"
    root.get_by_text(f"stale: input {named} is stale: its source inbox[{HOSTILE}] changed").wait_for()
    why.get_by_role("button", name=named, exact=True).press("Enter")
    panel.title("train", HOSTILE)
    root.locator("h3:focus").wait_for()
    page.locator(".nbpart-node.nbpart-selected[aria-label^='train']").wait_for()
    panel.pick(1, 1)
    panel.title("scored", HOSTILE)
    make("2 materialized")

    write_notebook(train, "n = 2", save, parameters="inbox = None")
    look("train.ipynb (train)", "2 stale")
    why.get_by_text("its code changed (train.ipynb, cell 2)").wait_for()
    said = "2 stale (first: a.csv): code changed (train.ipynb, cell 2)"
    page.locator(".nbpart-node[aria-label^='train']").hover()
    page.locator(".nbpart-tooltip", has_text=said).wait_for()
    panel.book.execute("x.graph.folded = ['late']")
    page.locator(".nbpart-node[aria-label^='late (group of 1)']").hover()
    page.locator(".nbpart-tooltip", has_text=f"train: {said}").wait_for()
    panel.book.execute("x.graph.folded = []")
    make("1 stale, 1 materialized")

    page.locator(".nbpart-node[aria-label^='train']").click()
    panel.title("train")
    panel.button("Accept …").click()
    question = root.get_by_role("alertdialog", name="Accept 1 partition of train without a run? 1 already current.")
    question.get_by_role("textbox", name="why").fill("only spacing")
    page.keyboard.press("Enter")
    panel.wait_for_result(
        "Accepted 1 partition of train; 1 already current.", "ws.accept('+train', reason='only spacing')"
    )
    page.locator(".nbpart-node[aria-label='scored (function): 2 materialized']").wait_for()

    panel.book.execute("files.add('new.csv')")
    page.locator(".nbpart-node[aria-label='scored (function): 1 missing, 2 materialized']").wait_for(timeout=2000)
    panel.pick(1, 2)
    panel.title("scored", "new.csv")
    why.get_by_text("waiting: input train[new.csv] is waiting").wait_for()
    page.locator(".nbpart-node[aria-label^='inbox']").hover()
    page.locator(".nbpart-tooltip", has_text="1 missing (new.csv): waiting: there is no file at").wait_for()
    (lab.root / "inbox" / "new.csv").write_text("1")
    panel.button("Refresh").click()
    root.locator(".nbpart-refresh .nbpart-outcome", has_text="Changed sources: inbox (1 new).").wait_for()
    why.get_by_text("missing: never run").wait_for()
    panel.button("Accept …").click()
    root.get_by_role("alert").get_by_text("has no data, so there is nothing to accept: run it.").wait_for()
    make("3 materialized")
    panel.status("materialized")
    root.get_by_label("with what it reads").uncheck()
    panel.button("Wipe …").click()
    root.get_by_role("alertdialog", name="Wipe 1 partition of scored?").wait_for()
    page.keyboard.press("Escape")
    panel.button("Wipe …").click()
    root.get_by_role("alertdialog").get_by_role("button", name="Wipe", exact=True).click()
    panel.wait_for_result("Wiped 1 partition of scored.", "ws.wipe('scored', keys='new.csv')")
    panel.status("missing")


KEPT = f"""
    import json
    from pathlib import Path
    _ = files.add('a', {HOSTILE!r})
    for _ in range(2):
        _ = ws.backfill("+sizes", status="all", max_workers=2).wait(progress=False)
    Path("old").mkdir()
    for name in ('b', '.hidden'):
        _ = Path("old", f"{{name}}.json").write_text(json.dumps({{"rows": 7}}))
"""


def test_old_data_go_files_are_adopted_and_keys_erased_after_a_question(notebook: Open, lab: Lab) -> None:
    panel = Panel(notebook([assets("kept"), KEPT, EXPLORE]).wait_done())
    page, root = panel.page, panel.root
    question = root.get_by_role("alertdialog")
    page.locator(".nbpart-node[aria-label='sizes (function): 2 materialized']").click()
    panel.title("sizes")
    panel.button("Prune …").click()
    question.get_by_text("No file to delete.").wait_for()
    assert question.get_by_role("button", name="Delete").is_disabled()
    keep = question.get_by_role("spinbutton", name="keep newest")
    keep.fill("0")
    question.get_by_role("alert").or_(question.locator(".nbpart-error")).get_by_text("keep at least 1").wait_for()
    keep.fill("1")
    root.get_by_role(
        "alertdialog", name=re.compile(r"Delete 6 files \(.*\)\? The newest run and data of each")
    ).wait_for()
    question.get_by_role("button", name="Delete").click()
    panel.wait_for_result("6 files (", "ws.prune(keep=1, assets='sizes')")

    panel.button("Adopt …").click()
    question.get_by_text("Which files? Their path, with {partition_key} where they differ").wait_for()
    question.get_by_role("textbox", name="path").fill("old/{partition_key}.json")
    root.get_by_role(
        "alertdialog", name="Adopt the files of 1 partition of sizes? 1 new key to add to files."
    ).wait_for()
    question.get_by_role("textbox", name="why").fill("of last year")
    page.keyboard.press("Enter")
    panel.wait_for_result(
        "Adopted 1 partition of sizes; 1 new key added to files.",
        "ws.adopt('sizes', 'old/{partition_key}.json', reason='of last year')",
    )
    page.locator(".nbpart-node[aria-label^='sizes (function): 1 stale, 2 materialized']").wait_for()

    panel.pick(1, 1)
    panel.title("sizes", HOSTILE)
    panel.button("Prune …").click()
    keep.fill("0")
    question.get_by_text(re.compile(r"Delete the data of 1 partition of sizes, 3 files .* nothing becomes")).wait_for()
    page.keyboard.press("Escape")
    panel.button("Wipe …").click()
    question.get_by_role("checkbox", name="also delete the files of all their runs now").check()
    question.get_by_text("Wipe 1 partition of sizes? 1 file to delete.").wait_for()
    question.get_by_role("button", name="Wipe and delete").click()
    panel.wait_for_result(
        "Wiped 1 partition of sizes; 1 file deleted.", f"ws.wipe('sizes', keys={HOSTILE!r}, data=True)"
    )

    panel.button("Remove 1 key …").click()
    question.get_by_text(f"Remove '{HOSTILE}' from files? The history and the data stay.").wait_for()
    question.get_by_role("checkbox", name="also delete all that runs left, in all assets").check()
    question.get_by_text(re.compile("1 partition with data, .* in all assets\\? Nothing brings them back")).wait_for()
    assert page.locator(".nbpart img, .nbpart-panel b, .nbpart script").count() == 0
    question.get_by_role("button", name="Remove and delete").click()
    outcome = root.locator(".nbpart-outcome", has_text=re.compile(r"Erased 1 key, 1 partition with data, \d+ files"))
    assert outcome.locator("code").inner_text() == f"ws.partition_sets['files'].remove({HOSTILE!r}, delete_data=True)"
    assert panel.book.execute("print(list(files))") == str(["a", "b"])
    assert sorted(path.name for path in (lab.root / "old").iterdir()) == [".hidden.json", "b.json"]


SLOW = """
    files.add("one", "two")
    @ws.asset(partitions=files)
    def slow(partition_key: str) -> dict:
        import os, time
        print("begun", flush=True)
        while not os.path.exists("go-on"):
            time.sleep(0.05)
        print("gone on", flush=True)
        return {}
    x = ws.explore(); x
"""


def test_the_command_line_is_followed_while_a_cell_runs(notebook: Open, lab: Lab) -> None:
    wait = "import os, time\nwhile not os.path.exists('seen-all'): time.sleep(0.05)"
    book = notebook([assets("follow"), SLOW, wait])
    panel = Panel(book)
    page = panel.page
    command = [str(Path(sys.executable).parent / "nbpart"), "-w", "follow", "backfill", "slow", "-j", "1"]
    with subprocess.Popen(command, cwd=lab.root, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        page.locator(".nbpart-node.nbpart-running[aria-label^='slow']").wait_for()
        panel.root.locator(".nbpart-backfill", has_text="slow running: 0 of 2").wait_for()
        busy = page.locator(".jp-CodeCell").nth(2).locator(".jp-InputArea-prompt", has_text="[*]")
        assert busy.count() == 1
        panel.pick(2, 0)
        panel.title("slow", "one")
        panel.status("running")
        log = panel.fold("Log").locator("pre")
        panel.fold("Log").locator("pre", has_text="begun").wait_for()
        assert "gone on" not in log.inner_text()
        assert busy.count() == 1
        (lab.root / "go-on").touch()
        panel.fold("Log").locator("pre", has_text="gone on").wait_for()
        panel.status("materialized")
        panel.root.locator(".nbpart-backfill", has_text="slow succeeded: 2 of 2").wait_for()
        assert process.wait(60) == 0
    assert busy.count() == 1
    (lab.root / "seen-all").touch()
    book.wait_done()


def test_it_is_whole_in_the_dark_on_a_narrow_page_and_after_a_reload(notebook: Open) -> None:
    run = "_ = files.add('bad'); _ = ws.backfill('raw').wait(progress=False)"
    book = notebook([assets("again"), run, EXPLORE]).wait_done()
    panel = Panel(book)
    page = panel.page
    side, left = panel.root.bounding_box(), page.locator(".nbpart-explorer-left").bounding_box()
    assert side["x"] >= left["x"] + left["width"]
    page.locator(STAGE).focus()
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    panel.status("failed")
    colour = """(wanted) => getComputedStyle(document.querySelector('.nbpart-status .nbpart-glyph')).color === wanted"""
    try:
        change_theme(page, DARK_THEME)
        page.wait_for_function(colour, arg="rgb(229, 101, 90)")
    finally:
        change_theme(page, LIGHT_THEME)
    page.wait_for_function(colour, arg="rgb(152, 21, 19)")

    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    wait_for_kernel(page)
    panel = Panel(book)
    panel.title("raw", "bad")
    panel.status("failed")
    for _ in range(100):
        if book.execute("print(len(x.panel._views), len(x.graph._views))") == "1 1":
            break
        page.wait_for_timeout(50)
    assert book.execute("print(len(x.panel._views), x.panel._last_view_closed_at)") == "1 None"

    page.evaluate("() => { window.jupyterapp.commands.execute('application:toggle-left-area'); }")
    page.set_viewport_size({"width": 600, "height": 900})
    page.wait_for_function("() => document.querySelector('.nbpart-explorer').clientWidth <= 500")
    side, left = panel.root.bounding_box(), page.locator(".nbpart-explorer-left").bounding_box()
    assert side["y"] >= left["y"] + left["height"]
    wide = "() => { const n = document.querySelector('.nbpart-explorer'); return n.scrollWidth - n.clientWidth; }"
    assert page.evaluate(wide) <= 0
