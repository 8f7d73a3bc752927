"""Cells of executed notebooks beside each other."""

from __future__ import annotations

from nbpart.trials.side_by_side import SideBySide, align
from nbpart.widgets.actions import ExecutedCell, ExecutedNotebook

PNG = b"\x89PNG\r\n\x1a\n"


def cell(source: str, *outputs: str | bytes) -> ExecutedCell:
    return ExecutedCell("code", source, outputs)


def test_cells_of_one_source_stand_in_one_row() -> None:
    a = [cell("import x"), cell("lr = 1"), cell("fit()", "0.5"), cell("plot()")]
    b = [cell("import x"), cell("lr = 2"), cell("extra()"), cell("fit()", "0.7"), cell("plot()")]
    c = [cell("lr = 3"), cell("fit()", "0.9")]
    rows = [[one and one.source for one in row] for row in align([a, b, c])]
    assert rows == [
        ["import x", "import x", None],
        ["lr = 1", "lr = 2", "lr = 3"],
        [None, "extra()", None],
        ["fit()", "fit()", "fit()"],
        ["plot()", "plot()", None],
    ]


def test_the_page_shows_a_source_once_and_escapes_all_of_it() -> None:
    hostile = "<script>alert(1)</script>"
    a = ExecutedNotebook((cell(f"show('{hostile}')", hostile, PNG), cell("lr = 1")), 0)
    b = ExecutedNotebook((cell(f"show('{hostile}')", "\x1b[31mred\x1b[0m"), cell("lr = 2")), 3)
    page = SideBySide([(hostile, a), ("b", b)])
    html = page._repr_html_()
    assert "<script" not in html
    assert html.count("show(") == 1
    assert html.count("lr = ") == 2
    assert "<pre>red</pre>" in html
    assert html.count("data:image/png;base64,") == 1
    assert "up to 3 more cells" in html
    assert len(page.rows) == 2
