from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nbpart.errors import UnknownNameError
from nbpart.widgets import schema
from nbpart.widgets.contracts import Action, Contract
from nbpart.widgets.link import GRACE_S, LinkedWidget, answer_where_asked
from nbpart.widgets.schema import Answer
from tests.widgets.pages import Page


class Counter(LinkedWidget):
    _esm = "export default {}"
    contract = Contract(
        state=dict,
        patches={"count": dict},
        actions={
            "add": Action({"by": schema.whole(1, 10)}),
            "wait": Action(slow=True),
            "break": Action(),
            "refuse": Action(),
        },
    )

    def __init__(self) -> None:
        self.n = 0
        super().__init__()
        self.answer_to("add", self.add)
        self.answer_to("wait", self.wait)
        self.answer_to("break", self.break_)
        self.answer_to("refuse", self.refuse)
        self.go_on = threading.Event()

    def state(self) -> dict[str, Any]:
        return {"n": self.n, "raw": b"\x01"}

    def static_html(self) -> str:
        return f"<p>{self.n}</p>"

    def add(self, by: int) -> Answer:
        with self.guard:
            self.n += by
            self.patch("count", {"n": self.n})
        return Answer({"n": self.n}, message="added", code=f"counter.add({by})", buffers=[b"x"])

    def wait(self) -> Answer:
        assert self.go_on.wait(20)
        return Answer({"thread": threading.current_thread().name})

    def break_(self) -> Answer:
        raise ZeroDivisionError("<b>bad</b>")

    def refuse(self) -> Answer:
        raise UnknownNameError("there is no such thing.")


@pytest.fixture
def widget() -> Iterator[Counter]:
    counter = Counter()
    yield counter
    counter.close()


@pytest.fixture
def page(widget: Counter) -> Page:
    return Page(widget)


def test_an_action_answers_with_its_payload_its_code_and_its_buffers(page: Page) -> None:
    page.request("add", {"by": 3}, "r7")
    assert page.messages == [
        {"v": 1, "seq": 1, "kind": "count", "payload": {"n": 3}},
        {"v": 1, "id": "r7", "ok": True, "payload": {"n": 3, "message": "added", "code": "counter.add(3)"}},
    ]
    assert page.buffers[1] == [b"x"]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({"v": 1, "id": "r1", "action": "drop", "payload": {}}, "There is no action 'drop' here."),
        ({"v": 1, "id": "r1", "action": ["x"], "payload": {}}, "A request needs an action and a payload."),
        ({"v": 1, "id": "r1", "action": "add", "payload": "x"}, "A request needs an action and a payload."),
        ({"v": 9, "id": "r1", "action": "add", "payload": {}}, "version 9"),
        ({"v": 1, "id": "r1", "action": "add", "payload": {}}, "by: a whole number"),
        ({"v": 1, "id": "r1", "action": "add", "payload": {"by": "1; DROP TABLE"}}, "by: a whole number"),
        ({"v": 1, "id": "r1", "action": "add", "payload": {"by": True}}, "by: a whole number"),
        ({"v": 1, "id": "r1", "action": "add", "payload": {"by": 1, "sql": "x"}}, "'sql' is no field"),
        ({"v": 1, "id": "r1", "action": "break", "payload": {}}, "ZeroDivisionError: <b>bad</b>"),
        ({"v": 1, "id": "r1", "action": "refuse", "payload": {}}, "there is no such thing."),
    ],
)
def test_what_cannot_be_done_is_answered_with_a_sentence(
    page: Page, widget: Counter, message: Any, problem: str
) -> None:
    widget._handle_custom_msg(message, [])
    [answer] = page.messages
    assert (answer["id"], answer["ok"]) == ("r1", False)
    assert problem in answer["error"]["message"]
    assert widget.n == 0


@pytest.mark.parametrize("message", [None, 7, [], {}, {"id": {}}, {"id": "x" * 1000, "v": 1}])
def test_what_is_no_request_is_answered_too(page: Page, widget: Counter, message: Any) -> None:
    widget._handle_custom_msg(message, [])
    [answer] = page.messages
    assert (answer["id"], answer["ok"]) == (None, False)


def test_a_slow_action_leaves_the_others_their_answers(page: Page, widget: Counter) -> None:
    page.request("wait", request_id="slow")
    assert page.ask("add", {"by": 1})["ok"]
    widget.go_on.set()
    assert page.wait_for(lambda m: m.get("id") == "slow")["payload"]["thread"] == "nbpart-wait"


def test_the_whole_is_what_it_is_when_it_is_asked_for(page: Page, widget: Counter) -> None:
    assert widget.get_state("whole") == {"whole": {"seq": 0, "state": {"n": 0, "raw": b"\x01"}}}
    page.ask("add", {"by": 2})
    assert widget.get_state("whole")["whole"] == {"seq": 1, "state": {"n": 2, "raw": b"\x01"}}


def test_a_page_that_missed_a_patch_gets_the_whole(page: Page) -> None:
    page.ask("add", {"by": 2})
    assert page.ask("sync", {"seq": 1})["payload"]["current"] is True
    assert page.states == []
    assert page.ask("sync", {"seq": 0})["payload"]["current"] is False
    assert page.states == [{"whole": {"seq": 1, "state": {"n": 2, "raw": b"\x01"}}}]


def test_patches_from_many_threads_come_in_the_order_of_their_numbers(page: Page, widget: Counter) -> None:
    threads = [threading.Thread(target=lambda: [widget.add(1) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [m["seq"] for m in page.messages] == [m["payload"]["n"] for m in page.messages] == list(range(1, 401))


def test_the_static_form_stands_beside_the_widget(widget: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **kwargs: shown.append(data))
    widget._ipython_display_()
    assert shown[0]["text/html"] == f'<div class="nbpart-static nbpart-static-{widget.token}"><p>0</p></div>'
    assert shown[1]["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_it_knows_whether_anybody_looks(page: Page, widget: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("nbpart.widgets.link.time.monotonic", lambda: now[0])
    assert widget.is_watched()  # nobody has told of itself yet, and may have no way to
    page.ask("gone", {"view": "never came"})
    assert widget._left_at is None
    for view in ("one", "two"):
        page.ask("seen", {"view": view})
    page.ask("gone", {"view": "one"})
    now[0] += 3600
    assert widget.is_watched()
    page.ask("gone", {"view": "two"})
    now[0] += GRACE_S - 1
    assert widget.is_watched()
    now[0] += 2
    assert not widget.is_watched()
    page.ask("seen", {"view": "three"})
    assert widget.is_watched()


def test_messages_stay_on_the_subshell_that_the_page_asked_for(widget: Counter) -> None:
    class Comm:
        def _reply_subshell_for(self, data: object, default: str | None) -> str | None:
            return None  # the shell that last wrote, which a cell may keep busy

    class Widget:
        comm = Comm()

    answer_where_asked(Widget)
    assert Widget.comm._reply_subshell_for({}, "subshell-1") == "subshell-1"
    answer_where_asked(widget)  # outside of a kernel there is nothing to do
