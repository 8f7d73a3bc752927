"""The base class of live widgets: state and requests by the messages of `nbpart.widgets.schema`, from any thread."""

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
from nbpart.widgets.static_form import static_mime_bundle

log = logging.getLogger("nbpart")

Handler = Callable[..., Answer | None]

#: So long after its last view was closed a widget counts as viewed: an output that moves and a page that is reloaded
#: close their view and open another at once.
VIEWER_GRACE_S = 15.0


@dataclass(frozen=True, slots=True)
class _RegisteredAction:
    handler: Handler
    fields: Mapping[str, Check]
    slow: bool


def _take_snapshot(value: Any, widget: LiveWidget) -> dict[str, Any]:
    with widget.lock:
        return {"seq": widget.seq, "state": dict(widget.state())}


def display_with_static(widget: Any, html: str, static_id: str) -> None:
    """Display a widget and, as an output of its own, the static HTML that a page without a kernel shows.

    ``static_id`` is that of the widget, which hides the static HTML while it is live.
    """
    from IPython.display import display

    # two outputs: a page without a kernel shows the first and cannot show the second
    display(static_mime_bundle(html, static_id), raw=True)  # type: ignore[no-untyped-call]
    found = widget._repr_mimebundle_()
    data, metadata = found if isinstance(found, tuple) else (found, {})
    if data is not None:
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]


def reply_on_requesting_subshell(widget: Any) -> None:
    """Make a widget handle each message on the subshell that the page sent it to, also while a cell runs.

    ipykernel 7.4 passes a message to the shell that last wrote to the comm instead. A widget that a cell made, or that
    a thread writes to, would then answer only when the cell has ended. Call it once the widget has its comm; it does
    nothing under an ipykernel without this routing.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = lambda _data, asked: asked


class LiveWidget(anywidget.AnyWidget):
    """A widget whose views show one state that Python holds, and send it requests.

    A subclass defines `contract`, `state`, `static_html`, and ``_esm`` and ``_css`` by `bundle.load_esm` and
    `bundle.load_css`. Its ``__init__`` sets what `state` needs, calls ``super().__init__()``, and registers a handler
    for each action with `on_request`.

    The synced trait ``snapshot`` is ``{seq, state}`` at the time that a page asks for it, so that a page that is opened
    late shows what the others show. Every change of the state is sent as a patch with the next sequence number. `lock`
    is held while the state and its number change together, and never while a callback is called.
    """

    #: Its state, the patches that it sends and the requests that it answers.
    contract: ClassVar[Contract]
    snapshot = traitlets.Dict().tag(sync=True, to_json=_take_snapshot)
    static_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self.lock = threading.RLock()
        self.seq = 0
        self._handlers: dict[str, _RegisteredAction] = {}
        self._views: set[str] = set()
        self._last_view_closed_at: float | None = None
        super().__init__(static_id=uuid.uuid4().hex, **traits)
        reply_on_requesting_subshell(self)
        self.on_request("sync", self._sync)
        self.on_request("view_opened", self._open_view)
        self.on_request("view_closed", self._close_view)
        self.on_msg(self._receive)

    def state(self) -> Mapping[str, Any]:
        """Return all that a view draws, as JSON and bytes; called with the lock held."""
        raise NotImplementedError

    def static_html(self) -> str:
        """Return what it shows as HTML without scripts, for a page that has no kernel."""
        raise NotImplementedError

    def on_request(self, name: str, handler: Handler, options: Mapping[str, Check] | None = None) -> None:
        """Register ``handler`` for an action of the contract; it gets the fields of a request as keyword arguments.

        ``options`` are fields beside those of the contract. The handler runs on the thread that the message came on, or
        on a thread of its own where the action is slow. The message of an exception that it raises is sent to the page.
        Raises KeyError for an action that is not in the contract.
        """
        action = SHARED[name] if name in SHARED else self.contract.actions[name]
        self._handlers[name] = _RegisteredAction(handler, {**action.fields, **(options or {})}, action.slow)

    @property
    def actions(self) -> Mapping[str, frozenset[str]]:
        """The names of the fields of each registered action."""
        return {name: frozenset(action.fields) for name, action in self._handlers.items()}

    def send_patch(self, kind: str, payload: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a change of the state to every view; hold `lock` over the change and this call.

        Raises KeyError for a kind that is not in the contract.
        """
        if kind not in self.contract.patches:
            raise KeyError(kind)
        with self.lock:
            self.seq += 1
            self.send(schema.make_patch(self.seq, kind, payload), list(buffers))

    def has_viewers(self) -> bool:
        """Whether it may be on somebody's screen: a view is open, was closed just now, or none was ever reported."""
        closed_at = self._last_view_closed_at
        return closed_at is None or time.monotonic() - closed_at < VIEWER_GRACE_S

    def on_view_opened(self) -> None:
        """Called when a page has opened a view; a widget that shows the catalog brings itself up to date here."""

    def _ipython_display_(self) -> None:
        display_with_static(self, self.static_html(), self.static_id)

    def _open_view(self, view: str) -> None:
        with self.lock:
            self._views.add(view)
            self._last_view_closed_at = None
        self.on_view_opened()

    def _close_view(self, view: str) -> None:
        with self.lock:
            # a view that was never reported as open says nothing about the others
            was_open = view in self._views
            self._views.discard(view)
            if was_open and not self._views:
                self._last_view_closed_at = time.monotonic()

    def _sync(self, seq: int) -> Answer:
        with self.lock:
            current = seq == self.seq
        if not current:
            self.send_state("snapshot")
        return Answer({"current": current})

    def _receive(self, _widget: object, content: Any, _buffers: object = None) -> None:
        try:
            request = schema.read_request(content)
            action = self._handlers.get(request.action)
            if action is None:
                raise schema.BadRequest(f"There is no action {request.action[:80]!r} here.")
            values = schema.read_payload(request.payload, action.fields)
        except NbpartError as error:
            self.send(schema.make_failure(schema.find_request_id(content), str(error)))
            return
        if action.slow:
            name = f"nbpart-{request.action}"
            threading.Thread(target=self._perform, args=(request, action, values), name=name, daemon=True).start()
        else:
            self._perform(request, action, values)

    def _perform(self, request: Request, action: _RegisteredAction, values: Mapping[str, Any]) -> None:
        try:
            answer = action.handler(**values) or Answer()
        except NbpartError as error:
            self.send(schema.make_failure(request.id, str(error)))
        except Exception as error:
            log.exception("the widget's action %s failed", request.action)
            self.send(schema.make_failure(request.id, f"{type(error).__name__}: {error}"))
        else:
            self.send(schema.make_success(request.id, answer), list(answer.buffers))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
