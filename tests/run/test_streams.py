"""What cells print, against the regular expressions that front ends use."""

from __future__ import annotations

import re
import tracemalloc
from pathlib import Path

import nbformat
from hypothesis import given
from hypothesis import strategies as st

from nbpart.run.notebook import execute
from nbpart.run.streams import StreamOutputs, overwrite
from nbpart.states import RunStatus
from tests.run.conftest import make_spec

PRINTED = st.text("ab é\n\r\b", max_size=30)


def overwrite_by_regex(text: str) -> str:
    """nbclient's expression for carriage returns, those before a newline kept, and the classic one for backspaces."""
    text = re.sub(r".*\r(?=[^\n\r])", "", text)
    while (shorter := re.sub("[^\n\b]\b", "", text)) != text:
        text = shorter
    return text.replace("\b", "")


@given(PRINTED)
def test_overwriting_is_that_of_the_regular_expressions(text: str) -> None:
    assert overwrite(text) == overwrite_by_regex(text)


@given(PRINTED, PRINTED)
def test_pieces_may_be_overwritten_one_by_one(first: str, second: str) -> None:
    assert overwrite(overwrite(first) + second) == overwrite(first + second)


def test_what_people_print() -> None:
    assert overwrite("10%\r20%\r100%\n") == "100%\n"
    assert overwrite("windows\r\nwindows\r\r\n") == "windows\r\nwindows\r\r\n"
    assert overwrite("step 1\b2\b3") == "step 3"
    assert overwrite("a\n\b\bb") == "a\nb"
    assert overwrite("waiting\r") == "waiting\r"


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), PRINTED)))
def test_consecutive_texts_of_one_stream_become_one_output(printed: list[tuple[str, str]]) -> None:
    streams, outputs = StreamOutputs(), []
    for name, text in printed:
        streams.add(outputs, name, text)
    streams.settle()
    names = [name for name, _ in printed]
    changes = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
    assert [output["name"] for output in outputs] == changes
    for name in ("stdout", "stderr"):
        assert len("".join(o["text"] for o in outputs if o["name"] == name)) <= sum(len(t) for n, t in printed)
    if len(set(names)) == 1:
        assert outputs[0]["text"] == overwrite("".join(text for _, text in printed))


def test_other_outputs_part_streams_and_cleared_ones_begin_anew() -> None:
    streams, outputs = StreamOutputs(), []
    streams.add(outputs, "stdout", "before")
    outputs.append(nbformat.v4.new_output("display_data", {"text/plain": "x"}))
    streams.add(outputs, "stdout", "after")
    streams.settle()
    assert [output.get("text") for output in outputs] == ["before", None, "after"]
    outputs.clear()
    streams.add(outputs, "stdout", "new")
    streams.settle()
    assert [output["text"] for output in outputs] == ["new"]


@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr", "display"]), st.text("ab\n", max_size=40)), max_size=40),
    st.integers(20, 200),
)
def test_of_much_output_the_beginning_and_the_end_are_kept(printed: list[tuple[str, str]], most: int) -> None:
    streams, outputs, kept_places = StreamOutputs(most, "runs/x.log"), [], []
    for name, text in printed:
        if name == "display":
            kept_places.append((len(outputs), text))
            outputs.append(nbformat.v4.new_output("display_data", {"text/plain": text}))
        else:
            streams.add(outputs, name, text)
    streams.settle()
    everything = "".join(text for name, text in printed if name != "display")
    shown = "".join(output.get("text", "") for output in outputs)
    assert [(place, outputs[place]["data"]["text/plain"]) for place, _ in kept_places] == kept_places
    if len(everything) <= most:
        assert shown == everything
        return
    head, left_out, tail = re.fullmatch(
        r"(.*)\n\[nbpart\] ([\d,]+) characters are left out here; the log has all of it: runs/x\.log\n(.*)", shown, re.S
    ).groups()
    assert everything.startswith(head)
    assert everything.endswith(tail)
    assert len(head) + int(left_out.replace(",", "")) + len(tail) == len(everything)
    assert len(head) + len(tail) <= most


def test_what_is_left_out_is_let_go_and_cuts_no_secret_in_two() -> None:
    streams, outputs = StreamOutputs(1_000_000, "x.log", lambda text: text.replace("sesame", "•")), []
    tracemalloc.start()
    try:
        for n in range(100_000):
            streams.add(outputs, "stdout", f"{n} sesame " * 10)
        assert tracemalloc.get_traced_memory()[1] < 8e6  # of 13 million characters that were printed
    finally:
        tracemalloc.stop()
    streams.settle()
    assert len(outputs) == 1
    head, note, rest = outputs[0].text.partition("\n[nbpart]")
    tail = rest.rpartition("\n")[2]
    assert note
    assert head.startswith("0 • 0 • ")
    assert tail.endswith("99999 • ")
    assert not re.search("[sem]", head + tail)


def test_streams_that_change_often_have_one_output_each_in_the_end() -> None:
    streams, outputs = StreamOutputs(), []
    for n in range(50_000):
        streams.add(outputs, ("stdout", "stderr")[n % 2], f"{n}\n")
    outputs.append(nbformat.v4.new_output("display_data", {"text/plain": "x"}))
    streams.add(outputs, "stderr", "behind")
    streams.settle()
    assert len(outputs) < 11_000
    for first, name in enumerate(("stdout", "stderr")):
        text = "".join(o["text"] for o in outputs[:-1] if o.get("name") == name)
        assert text == "".join(f"{n}\n" for n in range(first, 50_000, 2))
    assert outputs[-1]["text"] == "behind"


def test_long_output_is_joined_without_being_copied_for_each_piece() -> None:
    streams, outputs = StreamOutputs(), []
    for n in range(50_000):  # each copied again and again these would be 600 GB
        streams.add(outputs, "stdout", f"{n:6d} " + "#" * 500)
    streams.settle()
    assert len(outputs[0]["text"]) == 50_000 * 507


def test_one_pass_for_lines_that_no_regular_expression_ends_with() -> None:
    line = "word " * 2_000_000
    assert overwrite(line + "\rend") == "end"
    assert overwrite(line + "\b") == line[:-1]
    assert overwrite("x\r" * 1_000_000 + "end") == "end"
    assert overwrite("x" * 1_000_000 + "\b" * 1_000_000) == ""


PRINTS = """
import sys, time
from IPython.display import display
handle = display('first', display_id=True)
for n in range(3):
    print('out', n, flush=True)
    time.sleep(0.01)
print('trouble', file=sys.stderr, flush=True)
second = display('second', display_id=True)
print('x' * 3_000_000, flush=True)
for n in range(2_000):
    sys.stderr.write(f'\\r{n} of 2000')
sys.stderr.flush()
last = display('third', display_id=True)
"""


def test_a_notebook_that_prints(tmp_path: Path) -> None:
    # outputs that are joined after the fact leave the places of displays wrong
    updates = "handle.update('first, updated'); second.update('second, updated'); last.update('third, updated')"
    spec = make_spec(tmp_path, "r-1", PRINTS, updates, timeout_s=60)
    result = execute(spec)
    assert result.status is RunStatus.SUCCEEDED, result.error_message
    outputs = nbformat.read(spec.locate(spec.output_notebook), as_version=4).cells[0].outputs
    shown = [o.get("text") or o["data"]["text/plain"] for o in outputs]
    assert [text for text in shown if not text.startswith("xxx")] == [
        "'first, updated'",
        "out 0\nout 1\nout 2\n",
        "trouble\n",
        "'second, updated'",
        "1999 of 2000",
        "'third, updated'",
    ]
    assert "x" * 3_000_000 + "\n" in shown


def test_a_time_out_fires_while_a_cell_prints_without_end(tmp_path: Path) -> None:
    endless = "import sys\nwhile True:\n    sys.stdout.write('word ' * 20)"
    result = execute(make_spec(tmp_path, "r-1", endless, timeout_s=1.5))
    assert (result.status, result.error_class) == (RunStatus.FAILED, "TimeoutError")
