from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nbpart.errors import UnknownNameError
from nbpart.widgets import schema
from nbpart.widgets.contracts import Action, Contract
from nbpart.widgets.live_widget import VIEWER_GRACE_S, LiveWidget, reply_on_requesting_subshell
from nbpart.widgets.schema import Answer
from tests.widgets.pages import Page


class Counter(LiveWidget):
    _esm = "export default {}"
    contract = Contract(
        state=dict,
        patches={"count": dict},
        actions={
            "add": Action({"by": schema.whole_number(1, 10)}),
            "wait": Action(slow=True),
            "break": Action(),
            "refuse": Action(),
        },
    )

    def __init__(self) -> None:
        self.n = 0
        super().__init__()
        self.on_request("add", self.add)
        self.on_request("wait", self.wait)
        self.on_request("break", self.break_)
        self.on_request("refuse", self.refuse)
        self.go_on = threading.Event()

    def state(self) -> dict[str, Any]:
        return {"n": self.n, "raw": b"\x01"}

    def static_html(self) -> str:
        return f"<p>{self.n}</p>"

    def add(self, by: int) -> Answer:
        with self.lock:
            self.n += by
            self.send_patch("count", {"n": self.n})
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
def test_a_request_that_fails_is_answered_with_the_reason(
    page: Page, widget: Counter, message: Any, problem: str
) -> None:
    widget._handle_custom_msg(message, [])
    [answer] = page.messages
    assert (answer["id"], answer["ok"]) == ("r1", False)
    assert problem in answer["error"]["message"]
    assert widget.n == 0


@pytest.mark.parametrize("message", [None, 7, [], {}, {"id": {}}, {"id": "x" * 1000, "v": 1}])
def test_a_malformed_message_is_answered_too(page: Page, widget: Counter, message: Any) -> None:
    widget._handle_custom_msg(message, [])
    [answer] = page.messages
    assert (answer["id"], answer["ok"]) == (None, False)


def test_a_slow_action_does_not_delay_the_others(page: Page, widget: Counter) -> None:
    page.request("wait", request_id="slow")
    assert page.ask("add", {"by": 1})["ok"]
    widget.go_on.set()
    assert page.wait_for(lambda m: m.get("id") == "slow")["payload"]["thread"] == "nbpart-wait"


def test_a_snapshot_is_taken_when_a_page_asks_for_it(page: Page, widget: Counter) -> None:
    assert widget.get_state("snapshot") == {"snapshot": {"seq": 0, "state": {"n": 0, "raw": b"\x01"}}}
    page.ask("add", {"by": 2})
    assert widget.get_state("snapshot")["snapshot"] == {"seq": 1, "state": {"n": 2, "raw": b"\x01"}}


def test_a_page_that_missed_a_patch_gets_a_snapshot(page: Page) -> None:
    page.ask("add", {"by": 2})
    assert page.ask("sync", {"seq": 1})["payload"]["current"] is True
    assert page.states == []
    assert page.ask("sync", {"seq": 0})["payload"]["current"] is False
    assert page.states == [{"snapshot": {"seq": 1, "state": {"n": 2, "raw": b"\x01"}}}]


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
    assert shown[0]["text/html"] == f'<div class="nbpart-static nbpart-static-{widget.static_id}"><p>0</p></div>'
    assert shown[1]["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id


def test_a_closed_view_counts_a_moment_longer(page: Page, widget: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("nbpart.widgets.live_widget.time.monotonic", lambda: now[0])
    assert widget.has_viewers()  # no view was reported yet, and a page may have no way to
    page.ask("view_closed", {"view": "never came"})
    assert widget._last_view_closed_at is None
    for view in ("one", "two"):
        page.ask("view_opened", {"view": view})
    page.ask("view_closed", {"view": "one"})
    now[0] += 3600
    assert widget.has_viewers()
    page.ask("view_closed", {"view": "two"})
    now[0] += VIEWER_GRACE_S - 1
    assert widget.has_viewers()
    now[0] += 2
    assert not widget.has_viewers()
    page.ask("view_opened", {"view": "three"})
    assert widget.has_viewers()


def test_messages_stay_on_the_subshell_that_the_page_asked_for(widget: Counter) -> None:
    class Comm:
        def _reply_subshell_for(self, data: object, default: str | None) -> str | None:
            return None  # the shell that last wrote, which a cell may keep busy

    class Widget:
        comm = Comm()

    reply_on_requesting_subshell(Widget)
    assert Widget.comm._reply_subshell_for({}, "subshell-1") == "subshell-1"
    reply_on_requesting_subshell(widget)  # outside of a kernel there is nothing to do
