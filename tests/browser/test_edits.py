"""An edit as a person makes it in JupyterLab: opened by its link, executed, saved back to the notebook."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.browser.lab import Lab, Notebook, wait_for_kernel

Open = Callable[[Sequence[str]], Notebook]
SETUP = """
import nbformat, nbpart
from nbformat.v4 import new_code_cell
ws = nbpart.open("edited/workspace")
files = ws.dynamic_partitions("files")
files.add("a b&c.csv")

@ws.asset(partitions=files)
def cleaned(partition_key) -> dict:
    return {"rows": 3}

cells = [new_code_cell("partition_key = ''", metadata={"tags": ["parameters"]}),
         new_code_cell("import nbpart\\nrun = nbpart.current_run()\\nprint(partition_key, run.load('cleaned'))"),
         new_code_cell("run.save({'n': 1})")]
nbformat.write(nbformat.v4.new_notebook(cells=cells), "edited/report.ipynb")
report = ws.notebook("edited/report.ipynb", partitions=files, deps=["cleaned"])
ws.backfill("+report").wait(progress=False).raise_for_failures()
edit = ws.edit("report", "a b&c.csv")
"""


def test_an_edit_is_opened_by_its_link_executed_and_saved(notebook: Open, lab: Lab) -> None:
    book = notebook([SETUP, "edit"]).wait_done()
    page = book.page
    page.get_by_role("link", name="open its notebook").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context.path.includes('/edits/report/')")
    wait_for_kernel(page)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.locator(".jp-OutputArea-output", has_text="a b&c.csv {'rows': 3}").wait_for()
    page.locator(".jp-OutputArea-output", has_text="records nothing").wait_for()
    page.evaluate(
        """async () => {
            const { content, context } = window.jupyterapp.shell.currentWidget;
            content.model.cells.get(3).sharedModel.setSource("run.save({'n': 2})");
            await context.save();
        }"""
    )
    page.screenshot(path=lab.root / "edit.png")
    page.evaluate("() => window.jupyterapp.commands.execute('application:activate-previous-tab')")
    before = (lab.root / "edited/report.ipynb").read_text()
    said = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")
    assert "/edits/" not in said
    assert book.execute("print(edit.save())").endswith(
        "report.ipynb: 1 cell changed; report/a b&c.csv is stale: ws.backfill('report', 'a b&c.csv') makes it with the "
        "code of now."
    )
    after = (lab.root / "edited/report.ipynb").read_text()
    assert after == before.replace("{'n': 1}", "{'n': 2}")
    assert book.execute("print(edit.save())").startswith("report.ipynb: as it was, no cell differs")
    assert (lab.root / "edited/report.ipynb").read_text() == after
