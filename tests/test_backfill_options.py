"""Every face that starts a backfill offers the same options, with the same defaults, limits and sentences."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import nbpart
from nbpart.backfill.options import OPTIONS, SINGLE_RUN, BackfillOptions, make_options
from nbpart.cli import main
from nbpart.errors import DeclarationError
from nbpart.project.resume import check_changed_options
from nbpart.workspace import Plan
from tests.widgets.pages import Page

FACES: dict[str, Callable[..., Any]] = {"Plan.run": Plan.run}
COMMANDS = ["backfill", "resume", "tick"]
IN_THE_FORM = ["max_workers", "retries", "stop_after"]
REFUSED = [
    ("max_workers", 0), ("max_workers", 1_001), ("retries", -1), ("retries", 101),
    ("timeout_s", 0.0), ("timeout_s", float("inf")), ("backoff_s", -1.0), ("keep_failed_kernels", -1),
    ("limits", {"raw": 0}), ("policy", "at_once"), ("order", "lr down"), ("stop_after", 0), ("pruner", "loss"),
]  # fmt: skip


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[nbpart.Workspace]:
    with nbpart.open(tmp_path / "ws") as workspace:

        @workspace.asset
        def raw() -> int:
            return 1

        yield workspace


def refusal(name: str, value: Any) -> str:
    with pytest.raises(DeclarationError) as refused:
        OPTIONS[name].check(value)
    return str(refused.value)


@pytest.mark.parametrize("face", FACES)
def test_a_function_offers_each_option_with_its_default(face: str) -> None:
    parameters = inspect.signature(FACES[face]).parameters
    assert {name: parameters[name].default for name in OPTIONS} == {name: o.default for name, o in OPTIONS.items()}
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in OPTIONS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_offers_each_option_with_its_help(command: str) -> None:
    helps = {
        option.name: str(option.help) for option in main.commands[command].params if isinstance(option, click.Option)
    }
    for name, option in OPTIONS.items():
        assert name == "secrets" or helps[name].startswith(option.help), name
    given_none = main.commands[command].make_context(command, ["one"]).params
    assert {given_none[name] for name in OPTIONS} == {None}, "what is not given is the default, or as it was"


def test_the_form_offers_options_with_their_labels_and_limits(ws: nbpart.Workspace) -> None:
    explorer = ws.explore()
    try:
        shown = explorer.panel.state()["options"]
    finally:
        explorer.close()
    assert [option["name"] for option in shown] == IN_THE_FORM
    for option in shown:
        assert option == {name: getattr(OPTIONS[option["name"]], name) for name in option}
        assert option["label"]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_cannot_be_is_refused_with_one_sentence(ws: nbpart.Workspace, name: str, value: Any) -> None:
    sentence = refusal(name, value)
    with pytest.raises(DeclarationError) as in_record:
        BackfillOptions(**{"max_workers": 1, name: value})
    with pytest.raises(DeclarationError) as in_api:
        ws.backfill("raw", **{name: value})
    assert str(in_record.value) == str(in_api.value) == sentence
    if name in ("policy", "pruner"):  # a flag has no value, and a pruner is another thing in a terminal
        return
    typed = "raw=0" if name == "limits" else str(value)
    flag = {"limits": "--limit"}.get(name, f"--{name.replace('_', '-')}")
    result = CliRunner().invoke(main, ["backfill", "raw", f"{flag}={typed}", "-w", str(ws.root)])
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_the_form_refuses_with_the_same_sentence(ws: nbpart.Workspace) -> None:
    explorer = ws.explore()
    page = Page(explorer.panel)
    try:
        number = explorer.panel.state()["panel"]["selection"]["number"]
        asked = {"selection_number": number, "inputs": False, "readers": False, "status": "outdated", "where": ""}
        for name, value in [(name, value) for name, value in REFUSED if name in IN_THE_FORM]:
            given = {"max_workers": None, "retries": 0, name: value}
            answer = page.ask("backfill", asked | given)
            assert answer["error"]["message"] == refusal(name, value)
    finally:
        explorer.close()
    assert not ws.backfills


def test_a_record_that_is_read_back_is_equal() -> None:
    options = BackfillOptions(3, retries=2, settings={"lr": 0.1}, timeout_s=5, limits={"raw": 1}, policy=SINGLE_RUN)
    assert BackfillOptions.from_json(options.to_json()) == options


def test_what_is_no_option_is_refused_with_the_nearest(ws: nbpart.Workspace) -> None:
    with pytest.raises(DeclarationError, match=r"no option 'retrys'.*'retries'"):
        make_options(ws.assets.definitions, retrys=1)


def test_a_secret_that_is_given_again_among_settings_is_no_less_secret(ws: nbpart.Workspace) -> None:
    @ws.asset(secrets=["token"])
    def fetched(token: str = "") -> int:
        return 1

    bf = ws.backfill("fetched", secrets={"token": "hunter2"})
    bf.cancel()
    for options in ({"settings": {"token": "hunter2"}}, {"secrets": {"token": "hunter2"}}):
        changed = check_changed_options(ws.project, bf.id, options)
        assert changed["secrets"] == {"token": "hunter2"}
        assert "token" not in changed.get("settings", {})
