"""A widget that its pages talk to by the messages of `schema`, from whichever thread they come."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import anywidget
import traitlets

from nbpart.errors import NbpartError
from nbpart.widgets import schema
from nbpart.widgets.contracts import SHARED, Contract
from nbpart.widgets.schema import Answer, Check, Request
from nbpart.widgets.static_form import static_bundle

log = logging.getLogger("nbpart")

Handler = Callable[..., Answer | None]

#: A widget that its last page has left is followed no longer after so many seconds: an output that moves, or a page
#: that is loaded again, comes back sooner.
GRACE_S = 15.0


@dataclass(frozen=True, slots=True)
class _Answered:
    handler: Handler
    fields: Mapping[str, Check]
    slow: bool


def _whole(value: Any, widget: LinkedWidget) -> dict[str, Any]:
    with widget.guard:
        return {"seq": widget.seq, "state": dict(widget.state())}


def display_with_static(widget: Any, html: str, token: str) -> None:
    """Display a widget, and beside it the picture that a page without its kernel shows."""
    from IPython.display import display

    # two outputs: such a page shows the first and cannot show the second
    display(static_bundle(html, token), raw=True)  # type: ignore[no-untyped-call]
    found = widget._repr_mimebundle_()
    data, metadata = found if isinstance(found, tuple) else (found, {})
    if data is not None:
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]


def answer_where_asked(widget: Any) -> None:
    """Let a widget's messages be handled where its page sends them: on a subshell, also while a cell runs.

    ipykernel 7.4 hands a message to the shell that last wrote to the comm instead. A widget that a cell made, or that a
    thread writes to, would then answer only when the cell has ended. Call it after the widget was made; where there is
    no such routing it does nothing.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, asked: asked


class LinkedWidget(anywidget.AnyWidget):
    """What all live widgets stand on.

    A subclass sets what `state` needs, calls ``super().__init__()``, and registers its actions with `answer_to`. It
    gives its `contract`, `state` (JSON and bytes: the whole of what is drawn), `static_html`, and ``_esm`` and ``_css``
    by `bundle.load_esm` and `bundle.load_css`.

    The synced trait ``whole`` is ``{seq, state}`` at the time that a page asks for it, so a page that is opened
    late is as true as the first. After it come patches. `guard` is held while the state and its number change
    together, and never while anything else is called.
    """

    #: All that its pages may ask for and are told.
    contract: ClassVar[Contract]
    whole = traitlets.Dict().tag(sync=True, to_json=_whole)
    token = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self.guard = threading.RLock()
        self.seq = 0
        self._handlers: dict[str, _Answered] = {}
        self._views: set[str] = set()
        self._left_at: float | None = None
        super().__init__(token=uuid.uuid4().hex, **traits)
        answer_where_asked(self)
        self.answer_to("sync", self._sync)
        self.answer_to("seen", self._seen)
        self.answer_to("gone", self._gone)
        self.on_msg(self._receive)

    def state(self) -> Mapping[str, Any]:
        """The whole of what is drawn; called with the guard held."""
        raise NotImplementedError

    def static_html(self) -> str:
        """The same as HTML without any script, for a page that has no kernel."""
        raise NotImplementedError

    def answer_to(self, name: str, handler: Handler, options: Mapping[str, Check] | None = None) -> None:
        """Let ``handler`` answer requests for an action of the contract; its keyword arguments are the checked fields.

        ``options`` are fields that the contract leaves open. The handler runs on the thread that the message came on,
        unless the action is slow: then on one of its own. What it raises becomes a sentence. Raises KeyError for an
        action that is not in the contract.
        """
        action = SHARED[name] if name in SHARED else self.contract.actions[name]
        self._handlers[name] = _Answered(handler, {**action.fields, **(options or {})}, action.slow)

    @property
    def actions(self) -> Mapping[str, frozenset[str]]:
        """What a page may ask for: each action with the names of its fields."""
        return {name: frozenset(action.fields) for name, action in self._handlers.items()}

    def patch(self, kind: str, payload: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Tell every page a change of the state; hold `guard` over the change and this.

        Raises KeyError for a kind that is not in the contract.
        """
        if kind not in self.contract.patches:
            raise KeyError(kind)
        with self.guard:
            self.seq += 1
            self.send(schema.patch(self.seq, kind, payload), list(buffers))

    def is_watched(self) -> bool:
        """Whether somebody may be looking: a view lives, or left just now, or none has told of itself yet."""
        left_at = self._left_at
        return left_at is None or time.monotonic() - left_at < GRACE_S

    def catch_up(self) -> None:
        """A page looks again; one that follows the catalog asks for a look into it."""

    def _ipython_display_(self) -> None:
        display_with_static(self, self.static_html(), self.token)

    def _seen(self, view: str) -> None:
        with self.guard:
            self._views.add(view)
            self._left_at = None
        self.catch_up()

    def _gone(self, view: str) -> None:
        with self.guard:
            # who never came says nothing of who is there
            was_there = view in self._views
            self._views.discard(view)
            if was_there and not self._views:
                self._left_at = time.monotonic()

    def _sync(self, seq: int) -> Answer:
        with self.guard:
            current = seq == self.seq
        if not current:
            self.send_state("whole")
        return Answer({"current": current})

    def _receive(self, _widget: object, content: Any, _buffers: object = None) -> None:
        try:
            request = schema.read_request(content)
            action = self._handlers.get(request.action)
            if action is None:
                raise schema.BadRequest(f"There is no action {request.action[:80]!r} here.")
            values = schema.read_payload(request.payload, action.fields)
        except NbpartError as error:
            self.send(schema.failure(schema.id_of(content), str(error)))
            return
        if action.slow:
            name = f"nbpart-{request.action}"
            threading.Thread(target=self._perform, args=(request, action, values), name=name, daemon=True).start()
        else:
            self._perform(request, action, values)

    def _perform(self, request: Request, action: _Answered, values: Mapping[str, Any]) -> None:
        try:
            answer = action.handler(**values) or Answer()
        except NbpartError as error:
            self.send(schema.failure(request.id, str(error)))
        except Exception as error:
            log.exception("the widget's action %s failed", request.action)
            self.send(schema.failure(request.id, f"{type(error).__name__}: {error}"))
        else:
            self.send(schema.success(request.id, answer), list(answer.buffers))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
