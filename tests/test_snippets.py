"""Every code block of README.md and docs/ runs as it stands, page by page, in a folder with what the page speaks of."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
import pytest

import nbpart
from tests.forked_commands import serve_commands
from tests.snippets import Block, Reader, open_reader, read_blocks

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
#: The first lines of blocks that are not run, and why.
NOT_RUN = {
    ("README.md", "make demo"): "is run by .ci/run",
    ("README.md", "pip install nbpart"): "installs, and .ci/run runs the demo from a wheel",
    ("docs/backfills.md", "NBPART_GUARDIAN="): "starts a server that shall stay",
    ("docs/sources.md", 'ws.source("landed", "s3://lake/raw/'): "needs a bucket, which tests/workspace has",
    ("docs/cli.md", "nbpart demo"): "is run by tests/demo/test_story.py, and by .ci/run from a wheel",
    ("docs/automation.md", "# ~/.config/systemd/user/nbpart.service"): "is a file of systemd",
    ("docs/automation.md", "*/5 * * * *  cd ~/project &&"): "is a line of a crontab",
    ("docs/automation.md", "FROM python:3.12-slim"): "is a file of a container",
    ("docs/cli.md", "nbpart lab"): "does not end by itself",
    ("docs/cli.md", "nbpart watch -j 2"): "does not end by itself",
}
WAIT = "[ws.backfills[name].wait(progress=False) for name in list(ws.backfills)] if 'ws' in globals() else None;"
COMMON = """
import os
import nbpart
import pandas as pd
ws = nbpart.open("workspace")
files = ws.dynamic_partitions("files")
files.add(["a.csv", "b.csv"])

@ws.asset(partitions=files, tags=["db"])
def cleaned(partition_key) -> pd.DataFrame:
    return pd.DataFrame({"x": [1, 2, 3]})

@ws.asset(partitions=files)
def summary(cleaned) -> dict:
    return {"rows": len(cleaned)}
"""
BACKFILLS = """
ws.notebook("model.ipynb", partitions=files, deps=["cleaned"])
"""
CLI = """
trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
trials.add_grid(lr=[0.1], depth=[3])
ws.dynamic_partitions("space", params={"lr": nbpart.uniform(0, 1), "depth": nbpart.integers(2, 9), "seed": int})

@ws.asset(partitions=trials)
def model(lr, run, epochs=1, optimizer="sgd") -> dict:
    run.log(loss=lr / epochs)
    return {"lr": lr, "epochs": epochs}

@ws.asset(secrets=["token"])
def fetched(token="") -> dict:
    return {}

@ws.sensor(every="30s", partitions=files)
def inbox_sensor(context):
    return ["c.csv"]

@ws.asset(partitions=files)
def broken(cleaned, partition_key) -> dict:
    if os.path.exists("mended"):
        return {}
    raise ValueError(partition_key)

@ws.check("cleaned")
def has_rows(cleaned) -> bool:
    return len(cleaned) > 0

ws.dynamic_partitions("samples", columns={"batch": str, "site": str})
bf = ws.backfill("+broken", keep_failed_kernels=1).wait(progress=False)
open("mended", "w").close()
stopped = ws.backfill("summary")
stopped.cancel()
"""
SOURCES = """
import datetime, os, sqlite3
import nbpart
import pandas as pd
ws = nbpart.open("workspace")
with sqlite3.connect("shop.db") as db:
    db.execute("create table payments (day text, eur integer, changed integer)")
    db.execute("insert into payments values ('2024-05-01', 5, 1), ('2024-05-01', 7, 2)")
"""
STRANGER = """
import os, subprocess, sys
os.makedirs("unpacked")
code = "import nbpart; nbpart.open('unpacked/workspace').close()"
somebody = {**os.environ, "XDG_STATE_HOME": os.path.abspath("somebody")}
subprocess.run([sys.executable, "-c", code], env=somebody, check=True)
"""


@dataclass(frozen=True)
class Page:
    """What a page presumes: files of the folder, code before its first block and before those with such a first line.

    `ids` are those that stand in the page for a reader's own, with what theirs is. `after` has to be true at the end.
    """

    files: dict[str, str] = field(default_factory=dict)
    notebooks: dict[str, list[str]] = field(default_factory=dict)
    before: str = ""
    between: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    after: str = "True"


UPKEEP = """
import json
import nbpart
ws = nbpart.open("workspace")
samples = ws.dynamic_partitions("samples", columns={"batch": str})
samples.add_rows([{"key": f"s{n}", "batch": f"B{n % 3}"} for n in range(6)], key="key")

@ws.asset(partitions=samples)
def counts(partition_key) -> dict:
    return {}

@ws.asset(on_missing_input="skip")
def cohort(counts) -> dict:
    return {}

run = nbpart.current_run("cohort", record=True, workspace=ws.root)
run.save({})
"""


SETUPS = {
    "docs/upkeep.md": Page(
        {f"results/s{n}.json": f'{{"n": {n}}}' for n in range(6)},
        before=UPKEEP,
        after="list(ws.history('counts', 's1')['event']) == ['accepted', 'wiped', 'adopted']"
        " and ws.load('counts', 's2') == {'n': 2} and list(samples) == ['s1', 's2', 's4', 's5']",
    ),
    "docs/automation.md": Page(
        {"inbox/a.csv": "x\n1\n", "inbox/b.csv": "x\n1\n"},
        between={"import pandas as pd\ndrops": "import time; time.sleep(5)"},
        after="tick.message.startswith('not due before') and len(ws.ticks('+report')) >= 1"
        " and ws.partition_status('orders').late.tolist() == [False] * 7"
        " and ws.load('cleaned', 'b')['x'].tolist() == [1] and list(drops) == ['a', 'b']"
        " and \"'b.csv' has the bytes of 'a.csv'\" in list(ws.ticks('inbox')['message'])",
    ),
    "README.md": Page(
        {"inbox/a.csv": "x,y\n1,2\n3,\n", "inbox/b.csv": "x,y\n1,2\n3,4\n"},
        {
            "train.ipynb": [
                "# parameters\nlr = 0.5\ndepth = 1",
                "import nbpart\nrun = nbpart.current_run()\nrun.log(score=lr * depth)",
            ],
            "report.ipynb": ["# README.md: report"],
        },
        "import nbpart\nws = nbpart.open('workspace')",
        {
            "import nbpart\n\nrun =": "ws.notebook('report.ipynb', partitions=files, deps=['cleaned'])",
            "@ws.sensor": "open('inbox/c.csv', 'w').write('x,y\\n1,2\\n')",
        },
        after="set(ws.status()['failed']) == {0} and sorted(files) == ['a.csv', 'b.csv', 'c.csv']"
        " and ws.load('summary', 'a.csv')['rows'] == 1"
        " and sorted(round(float(x), 3) for x in ws.partition_status('train')['score']) == [0.03, 0.05, 0.3, 0.5]"
        " and {round(float(x), 3) for x in ws.partition_status('model')['score']} >= {0.03, 0.05, 0.3, 0.5, 2.0}"
        " and len(ws.partition_status('model')) == 4 + 4 + 1"
        " and sorted(ws.partition_status('report')['kept']) == [1, 1, 2]",
    ),
    "docs/backfills.md": Page(
        {},
        {
            "model.ipynb": [
                "import nbpart, os\nrun = nbpart.current_run('model')\ndf = run.load('cleaned')",
                "if os.path.exists('broken'):\n    raise ValueError('broken')\nrun.save(df)\nrun.log(rows=len(df))",
            ],
            "scores.ipynb": ["# docs/backfills.md: scores"],
        },
        COMMON + BACKFILLS,
        {
            'bf = ws.backfill("model", keep': "files.add('z.csv')\nws.materialize('cleaned', 'z.csv')\n"
            "open('broken', 'w').close()"
        },
        after="ws.status()['failed'].sum() == ws.status().loc['model', 'failed'] == 1"
        " and ws.partition_status('model')['metric.rows'].dropna().tolist() == [3, 3]",
    ),
    "docs/cli.md": Page(
        {"question.sql": "from cleaned", "listing.txt": "s1 (2013)\ns3\n", "old/a.csv.json": '{"rows": 3}'},
        {},
        COMMON + CLI + STRANGER,
        ids={"20131231T235959123-000042": "ws.kernels()['run_id'].iloc[0]", "20131231-235959-0042": "stopped.id"},
        after="ws.status()['failed'].sum() == 0",
    ),
    "docs/partitions.md": Page(
        after="days.choose('2013-01') == list(days) and len(grid.choose(origin='LGA')) == 3"
        " and 'visits' in ws.plan('*', keys={'origin': 'JFK'}).untouched"
        " and ws.load('balance', '2013-01-03') == {'sum': 6}"
        " and ws.load('two_days', '2013-01-03') == {'visits': [2, 3]}"
        " and list(ws.plan('strict').waiting.partition_key) == ['2013-01-01']"
        " and ws.load('train', 1) == {'rows': 101}"
    ),
    "docs/formats.md": Page(
        after="ws.status()['materialized'].sum() == 4 and ws.load('score', C=0.1).keys() == {'right'}"
        " and ws.load('model', C=1.0).C == 1.0"
    ),
    "docs/selecting.md": Page(
        {"orders/a.csv": "1", "orders/b.csv": "2"},
        {},
        COMMON,
        after="ws.plan('group:daily').assets == ws.plan('orders+1').assets == ('orders', 'totals')"
        " and set(ws.plan(['tag:landing+', 'cleaned']).assets) == {'orders', 'totals', 'letter', 'cleaned'}"
        " and set(ws.status('tag:db').index) == {'cleaned', 'orders'}"
        " and set(plan.assets) == {'cleaned', 'orders', 'totals'}"
        " and plan.notes == ('untouched: letter, which has none of these keys',)",
    ),
    "docs/sources.md": Page(
        {
            "inbox/a.csv": "x\n1\n",
            "inbox/b.csv": "x\n2\n",
            "fastq/a_L002_R1.txt": "two",
            "fastq/a_L001_R1.txt": "one",
        },
        {},
        SOURCES,
        after="ws.status()['failed'].sum() == 0 and ws.load('total', '2024-05-01') == {'eur': 12}"
        " and ws.load('total', '2024-05-02') == {'eur': 0} and ws.load('prices')['eur'].max() == 2.5"
        " and [os.path.basename(p) for p in ws.load('lanes', 'a')] == ['a_L001_R1.txt', 'a_L002_R1.txt']"
        " and ws.load('cleaned', 'b')['x'].tolist() == [2]",
    ),
    "docs/trials.md": Page(
        {},
        {"train.ipynb": ["# parameters\nlr = 0.1\ndepth = 3\nretries = 0", "print(lr, depth, retries)"]},
        after="len(trials) == old + 15 and trials.frame['kind'].isin(['gbt', 'rf']).all()"
        " and (trials.frame['dropout'] == 0).sum() == old + 6 + (trials.frame['dropout'].tail(8) == 0).sum()"
        " and ws.load('best_model')['key'] in set(board.frame.partition_key)"
        " and board.best is not None and set(board.frame.status) == {'materialized'}"
        " and old >= 20 + 6 + 1 + 10 + 10 + 8 + 10"
        " and list(ws.partition_status('train').status) == ['materialized'] * 6",
    ),
    "docs/trust.md": Page({}, {}, STRANGER, after="len(ws.assets) == 0"),
}


def make_folder(folder: Path, page: Page) -> None:
    for name, text in page.files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    for name, cells in page.notebooks.items():
        made = [nbformat.v4.new_code_cell(_fill(cell)) for cell in cells]
        if cells[0].startswith("# parameters"):
            made[0].metadata.tags = ["parameters"]
        nbformat.write(nbformat.v4.new_notebook(cells=made), folder / name)


def _fill(cell: str) -> str:
    """The source of a cell; one that names a page and a label is that block."""
    name, _, label = cell.removeprefix("# ").partition(": ")
    if not label:
        return cell
    return next(block.code for block in read_blocks((ROOT / name).read_text("utf-8")) if block.label == label)


@pytest.mark.kernel
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", PAGES)
def test_the_blocks_of_a_page_run_as_they_stand(tmp_path: Path, name: str) -> None:
    page = SETUPS.get(name, Page())
    make_folder(tmp_path, page)
    # the other pages start the command itself
    with open_reader(tmp_path, {"API_TOKEN": "tok-12345678"}, forks_commands=name == "docs/cli.md") as reader:
        if page.before:
            reader.execute(page.before)
        ids = {shown: ast.literal_eval(reader.execute(own)) for shown, own in page.ids.items()}
        for block in read_blocks((ROOT / name).read_text("utf-8")):
            if block.is_run:
                code = functools.reduce(lambda text, shown: text.replace(shown, ids[shown]), ids, block.code)
                run_block(reader, name, page, replace(block, code=code))
        assert reader.execute(f"bool({page.after})") == "True"


def run_block(reader: Reader, name: str, page: Page, block: Block) -> None:
    for start, code in page.between.items():
        if block.code.startswith(start):
            reader.execute(code)
    try:
        reader.run(block)
        reader.execute(WAIT)
    except AssertionError as error:
        raise AssertionError(f"{name}, line {block.line}:\n{block.code}\n{error}") from None


def test_a_forked_command_ends_with_the_output_and_code_of_the_command(tmp_path: Path) -> None:
    with serve_commands(tmp_path / "commands", {**os.environ, "PYTHONPATH": str(ROOT)}) as folder:
        for arguments, code, text in (("nosuch", 2, "No such command 'nosuch'"), ("--version", 0, nbpart.__version__)):
            done = subprocess.run(
                [folder / "nbpart", arguments], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert done.returncode == code
            assert text in done.stdout + done.stderr


def test_few_blocks_are_not_run_and_each_says_why() -> None:
    found = [
        (name, block.code)
        for name in PAGES
        for block in read_blocks((ROOT / name).read_text("utf-8"))
        if not block.is_run
    ]
    assert len(found) == len(NOT_RUN) <= 10
    for name, code in found:
        assert any(page == name and code.startswith(start) for page, start in NOT_RUN), code


def test_every_fence_is_a_block_that_is_found() -> None:
    for name in PAGES:
        text = (ROOT / name).read_text("utf-8")
        assert 2 * len(read_blocks(text)) == sum(line.lstrip().startswith("```") for line in text.splitlines()), name
