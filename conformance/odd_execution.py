"""Executes odd notebooks: on a stock kernel by nbclient, or by papermill with nbpart's engine.

python -m conformance.odd_execution WAY FOLDER [NAME ...]
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async

from conformance.odd_notebooks import find_notebooks
from conformance.odd_notebooks.notebook import Cell, OddNotebook, Outputs

_CELL_LIMIT_S = 90
#: The last cell's late output is waited for until none has come for so long.
_SILENCE_S = 1.5
_ASK_AGAIN_S, _IDLE_LIMIT_S = 0.25, 20.0
# as front ends apply them
_BEFORE_RETURN = re.compile(r".*\r(?=[^\n])")
_BACKSPACE = re.compile("[^\n\x08]\x08")


def execute_stock(odd: OddNotebook, folder: Path) -> dict[str, Any]:
    """Execute it in a folder; returns the notebook as JSON has it, with how it ended as "ending"."""
    nb = make_notebook(odd)
    # by itself a kernel waits for its children up to 29 s when it is asked to end
    options = {"timeout": _CELL_LIMIT_S, "iopub_timeout": _CELL_LIMIT_S, "shutdown_kernel": "immediate"}
    kind = LateClient if odd.is_late else StockClient
    client = kind(nb, resources={"metadata": {"path": str(folder)}}, kernel_name="python3", **options)
    ending: list[str] = []
    try:
        client.execute()
    except CellExecutionError as error:
        ending = [error.ename, error.evalue]
    except CellTimeoutError:
        ending = ["TimeoutError", ""]
    except DeadKernelError:
        ending = ["DeadKernel", ""]
    for cell in nb.cells:
        cell.outputs = join_streams(cell.outputs)
    return {**_as_json(nb), "ending": ending}


def execute_ours(odd: OddNotebook, folder: Path) -> dict[str, Any]:
    """As `execute_stock`, by nbpart's engine."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    given, executed = folder.with_suffix(".in.ipynb"), folder.with_suffix(".out.ipynb")
    nbformat.write(make_notebook(odd), given)
    options = {"engine_name": "nbpart", "progress_bar": False, "execution_timeout": _CELL_LIMIT_S}
    # papermill raises for cells that may raise too: the notebook says more
    with contextlib.suppress(PapermillExecutionError, CellTimeoutError, DeadKernelError):
        papermill.execute_notebook(given, executed, cwd=folder, **options)
    nb = nbformat.read(executed, as_version=4)
    about = nb.metadata.nbpart
    ending = [] if about["status"] == "succeeded" else [about["error_class"], about["error_message"]]
    if ending and ending[0] in ("TimeoutError", "DeadKernel"):
        ending[1] = ""
        _drop_error(nb, about["error_class"])
    return {**_as_json(nb), "ending": ending}


class StockClient(NotebookClient):  # type: ignore[misc]
    """nbclient's client, but for a fault of it.

    It answers an output widget by a copy of a channel's socket, which takes the event that a reply has come away from
    the channel, and then waits until the cell's time is over. Here the channel is asked again.
    """

    async def _async_poll_for_reply(
        self, msg_id: str, cell: Any, timeout: float, task_poll_output_msg: Any, task_poll_kernel_alive: Any
    ) -> Any:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            with contextlib.suppress(Empty):
                reply = await ensure_async(self.kc.shell_channel.get_msg(timeout=_ASK_AGAIN_S))
                if reply["parent_header"].get("msg_id") == msg_id:
                    # a kernel whose reader is slow drops messages, and among them that which says that it is done
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(task_poll_output_msg, _IDLE_LIMIT_S)
                    task_poll_kernel_alive.cancel()
                    return reply
        task_poll_kernel_alive.cancel()
        return await self._async_handle_timeout(timeout, cell)


class LateClient(StockClient):
    """Another client of the stock kernel: what comes after its cell has ended is added to it, as in JupyterLab."""

    def __init__(self, nb: Any, **options: Any) -> None:
        super().__init__(nb, **options)
        self._executed: dict[str, tuple[Any, int]] = {}

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        self._executed[parent_msg_id] = cell, cell_index
        is_done = False
        while not is_done:
            is_done = self._take(await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))) == parent_msg_id
        if cell is [each for each in self.nb.cells if each.cell_type == "code"][-1]:
            await self._take_rest()

    async def _take_rest(self) -> None:
        until = time.monotonic() + _SILENCE_S
        while (left := until - time.monotonic()) > 0:
            try:
                self._take(await ensure_async(self.kc.iopub_channel.get_msg(timeout=left)))
            except Empty:
                return
            until = time.monotonic() + _SILENCE_S

    def _take(self, message: dict[str, Any]) -> str | None:
        """Add a message to its cell; returns the id of the cell's request where the message says that it is done."""
        parent = message["parent_header"].get("msg_id")
        if parent in self._executed:
            cell, index = self._executed[parent]
            count = cell.execution_count
            try:
                self.process_message(message, cell, index)
            except CellExecutionComplete:
                return str(parent)
            finally:
                cell.execution_count = cell.execution_count or count
        return None


def join_streams(outputs: Outputs) -> Outputs:
    """Consecutive texts of one stream as one output, carriage returns and backspaces applied, as front ends do."""
    joined: Outputs = []
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif joined and joined[-1]["output_type"] == "stream" and joined[-1]["name"] == output["name"]:
            joined[-1]["texts"].append(output["text"])
        else:
            joined.append({**output, "texts": [output["text"]]})
    return [
        {
            **{key: value for key, value in output.items() if key != "texts"},
            "text": _overwrite("".join(output["texts"])),
        }
        if output["output_type"] == "stream"
        else output
        for output in joined
    ]


def _overwrite(text: str) -> str:
    size = len(text) + 1
    while "\b" in text and len(text) < size:
        size, text = len(text), _BACKSPACE.sub("", text)
    return _BEFORE_RETURN.sub("", text) if "\r" in text else text


def make_notebook(odd: OddNotebook) -> Any:
    nodes = []
    for index, each in enumerate(odd.cells):
        cell = Cell(each) if isinstance(each, str) else each
        node = nbformat.v4.new_code_cell(cell.source, id=f"cell-{index}")
        node.metadata["tags"] = list(cell.tags)
        nodes.append(node)
    about = {"kernelspec": {"name": "python3", "language": "python", "display_name": "python3"}}
    return nbformat.v4.new_notebook(cells=nodes, metadata=about)


def make_kernelspec(data_folder: Path) -> None:
    """Install ipykernel's own kernel of this interpreter as python3, without nbpart."""
    place = data_folder / "kernels" / "python3"
    place.mkdir(parents=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
        "metadata": {"debugger": True, "kernel_provisioner": {"provisioner_name": "local-provisioner"}},
    }
    (place / "kernel.json").write_text(json.dumps(spec))


def execute_in(odd: OddNotebook, way: str, folder: Path) -> dict[str, Any]:
    """Execute a notebook in a new folder with its files; its startup file is there only meanwhile."""
    folder.mkdir(parents=True)
    for name, text in odd.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    startup = Path(os.environ["IPYTHONDIR"], "profile_default", "startup", "odd.py")
    if odd.startup:
        startup.parent.mkdir(parents=True, exist_ok=True)
        startup.write_text(odd.startup, "utf-8")
    execute: Callable[[OddNotebook, Path], dict[str, Any]] = execute_ours if way == "nbpart" else execute_stock
    try:
        return execute(odd, folder)
    finally:
        startup.unlink(missing_ok=True)


def _drop_error(nb: Any, name: str) -> None:
    """Take off what nbpart adds where a kernel died or took too long; nbclient says that by its exception alone."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.output_type != "error" or out.ename != name]


def _as_json(nb: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(nb))
    return found


def main(way: str, place: str, names: Sequence[str]) -> None:
    folder = Path(place)
    for variable, part in (("JUPYTER_DATA_DIR", "data"), ("JUPYTER_CONFIG_DIR", "config"), ("IPYTHONDIR", "ipython")):
        os.environ[variable] = str(folder / "jupyter" / part)
    make_kernelspec(folder / "jupyter" / "data")
    for odd in find_notebooks(names):
        began = time.monotonic()
        try:
            result = execute_in(odd, way, folder / odd.name)
        except Exception:  # noqa: BLE001 - the others are executed all the same
            traceback.print_exc()
            continue
        (folder / f"{odd.name}.json").write_text(json.dumps(result))
        print(f"{way} {odd.name} {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
