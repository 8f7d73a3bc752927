"""What cells show: nbclient's way from the messages of a kernel to the outputs of a notebook, whoever brings them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from nbclient.exceptions import CellExecutionComplete
from papermill.clientwrap import PapermillNotebookClient

from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.messages import mend_output

_logger = logging.getLogger("nbpart.run")
_logger.addHandler(logging.NullHandler())


class CellOutputs(PapermillNotebookClient):  # type: ignore[misc]
    """Puts what a kernel sends into the cells of a record.

    ``write`` is called with the name of a stream and a text that was printed to it. ``reply``, of the cell that was
    executed last: the content of the reply to it, {} where there was none; ``notes``: what was changed in its outputs.
    """

    clear_before_next_output: bool

    def __init__(self, record: NotebookRecord, write: Callable[[str, str], None], **options: Any) -> None:
        super().__init__(
            record,
            raise_on_iopub_timeout=False,
            coalesce_streams=False,  # the record joins them as they come, in linear time
            log=_logger,
            **options,
        )
        self._write = write
        self.reply: Mapping[str, Any] = {}
        self.notes: list[str] = []
        self._hooks: list[Any] = []
        self._executed: dict[str, tuple[Any, int]] = {}

    def begin_cell(self, cell: Any, index: int, request_id: str) -> None:
        """A cell begins: messages that name this request are its own."""
        self.reply, self.notes, self._hooks = {}, [], []
        cell["metadata"]["execution"] = {}
        cell.outputs = []
        self.clear_before_next_output = False
        self._executed[request_id] = cell, index

    def take(self, message: dict[str, Any]) -> None:
        """Take in a message of any cell, or of none."""
        cell, index = self._executed.get(message["parent_header"].get("msg_id"), (None, 0))
        if cell is not None:
            with contextlib.suppress(CellExecutionComplete):  # by that the client hears that a cell is done
                self.process_message(message, cell, index)
        elif message["msg_type"] == "stream":
            self._write(message["content"]["name"], message["content"]["text"])

    def allows_error(self, cell: Any, name: str) -> bool:
        """Whether a cell may raise this error, by nbclient's rules: a tag of the cell, or an option of the caller."""
        is_allowed = self.allow_errors or name in self.allow_error_names
        return not self.force_raise_errors and (is_allowed or "raises-exception" in cell.metadata.get("tags", []))

    def errors_in_widgets(self) -> list[Any]:
        """The errors that the last cell showed in an output widget, and not in its own output."""
        return [output for hook in self._hooks for output in hook.outputs if output["output_type"] == "error"]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        self.notes += mend_output(msg)
        if msg["msg_type"] == "stream":
            self._write(msg["content"]["name"], msg["content"]["text"])
        # past papermill's own method, which writes logs of its own
        output = super(PapermillNotebookClient, self).process_message(msg, cell, cell_index)
        self.nb_man.mark_changed()
        return output

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Add an output to a cell; printed text is joined by the record."""
        hooks = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if hooks and msg["msg_type"] == "error" and hooks[-1] not in self._hooks:
            self._hooks.append(hooks[-1])
        if hooks or msg["msg_type"] != "stream":
            return super().output(outs, msg, display_id, cell_index)
        if self.clear_before_next_output:
            outs.clear()
            self.clear_display_id_mapping(cell_index)
            self.clear_before_next_output = False
        return self.nb_man.streams.add(outs, msg["content"]["name"], msg["content"]["text"])
