"""The front end: its bundles are made of its sources, these of what Python knows, and what computes is right."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from frontend import generate, tools
from nbpart.widgets.bundle import load_css, load_esm

# one worker brings the tools
pytestmark = pytest.mark.xdist_group("frontend")
#: What makes HTML of a text, or code.
UNSAFE = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc",
)  # fmt: skip
SOURCES = sorted(tools.SOURCES.rglob("*.js"))


def name_of(path: Path) -> str:
    return path.relative_to(tools.SOURCES).as_posix()


@pytest.mark.parametrize("path", generate.generate(), ids=lambda path: path.name)
def test_what_is_made_of_python_is_what_is_committed(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.generate()[path], "run make bundle"


def test_each_bundle_is_made_of_its_sources(tmp_path: Path) -> None:
    tools.bundle(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {f"{name}.js" for name in tools.WIDGETS}
    assert set(made) == {path.name for path in tools.STATIC.glob("*.js")}
    for name, text in made.items():
        assert (tools.STATIC / name).read_bytes() == text, f"{name} is not what its sources make: run make bundle"


def test_what_computes_in_the_front_end_is_right() -> None:
    report = tools.test()
    print(report)
    passed = re.search(r"^. pass (\d+)$", report, re.M)
    assert passed is not None
    assert int(passed[1]) >= 30
    assert re.search(r"^. (?:skipped|todo) [1-9]", report, re.M) is None


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("link.state.graph.cards[0].colour", "Property 'colour' does not exist on type 'CardJson'"),
        ("link.state.graph.cards[0].name.toFixed()", "Property 'toFixed' does not exist on type 'string'"),
        ("link.request('explode', {})", "'\"explode\"' is not assignable"),
        ("link.request('fold', { group: 'a' })", "Property 'folded' is missing"),
        ("link.listen((...[kind]) => kind === 'count')", "have no overlap"),
    ],
)
def test_what_python_neither_sends_nor_answers_is_refused_by_the_types(
    line: str, complaint: str, tmp_path: Path
) -> None:
    tools.install()
    source = tmp_path / "page.js"
    types = tools.SOURCES.as_posix()
    source.write_text(
        f"/** @import {{ GraphContract }} from '{types}/generated/messages.js' */\n"
        f"/** @import {{ Link }} from '{types}/shared/types.js' */\n"
        f"/** @param {{Link<GraphContract>}} link */\nexport const read = (link) => {line};\n",
        encoding="utf-8",
    )
    settings = {"extends": (tools.HERE / "tsconfig.json").as_posix(), "include": [source.as_posix()]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(tools.ToolError, match=re.escape(complaint)):
        tools.run("tsc", ["--project", str(tmp_path)])


@pytest.mark.parametrize("widget", tools.WIDGETS)
def test_a_bundle_is_one_module_without_imports(widget: str) -> None:
    module = load_esm(widget)
    assert re.search(r"^\s*import\b", module, re.M) is None
    assert re.search(r"^  \w+ as default$", module, re.M)


def test_the_palette_stands_before_the_rules_that_use_it() -> None:
    css = load_css("heatmap.css")
    assert css.index("--nbpart-failed:#981513") < css.index("var(--nbpart-failed)")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_nothing_in_the_browser_makes_html_of_data(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [door for door in UNSAFE if door in text]


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_sources_stay_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parent != generate.GENERATED], ids=name_of)
def test_statuses_are_listed_in_python_only(path: Path) -> None:
    """Two or more of them in one list or as the names of one object are a list that Python has under a name."""
    text = re.sub(r"/\*.*?\*/|(?m:(^|\s)//.*$)", "", path.read_text(encoding="utf-8"), flags=re.S)
    listed = [re.findall(r"'(\w+)'", inside) for inside in re.findall(r"\[([^\[\]]*)\]", text)]
    listed += [re.findall(r"(\w+):", inside) for inside in re.findall(r"\{([^{}]*)\}", text)]
    copied = [names for names in listed if len(set(names) & generate.STATUS_NAMES) > 1]
    assert not copied
