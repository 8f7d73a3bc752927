"""Secrets of runs with real kernels: their own kernel alone has them, and nothing of them is left behind."""

from __future__ import annotations

import base64
import html
import json
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbpart.run.kernels import forking
from nbpart.run.kernels.zygotes import shared
from nbpart.run.pool import ThreadPool
from nbpart.run.report import RunReport
from nbpart.states import RunStatus
from tests.run.conftest import make_spec

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="reads /proc")]
# a process that inherits whatever can be inherited; pipes of libraries wait for something, one that was read does not
CHILD = """
import os, select, stat
def was_read(number):
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode) and bool(select.select([number], [], [], 0)[0])
    except OSError:
        return False
print(sum(map(was_read, range(3, 200))))
"""
LOOK = f"""
import os, subprocess, sys
from pathlib import Path
def shown(secret):
    for name in ("environ", "cmdline"):
        for path in Path("/proc").glob("[0-9]*/" + name):
            try:
                if secret.encode() in path.read_bytes():
                    yield name
            except OSError:
                pass
how = dict(close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
child = subprocess.run([sys.executable, "-c", {CHILD!r}], **how)
print("shown:", [*shown(login["password"])], "pipes:", child.stdout.decode().strip())
print("variables:", [name for name in os.environ if "SECRET" in name])
"""
SPELL = """
import base64, html, json, urllib.parse
from IPython.display import HTML, JSON, display
import nbpart
print(token, repr(token), json.dumps({"a": [token]}), html.escape(token), urllib.parse.quote(token))
print(base64.b64encode(b"user:" + token.encode()).decode(), token.encode().hex(), login)
for c in token: print(c, end="", flush=True)
display(HTML(f"<b>{html.escape(token)}</b>"), JSON({"token": token, "pin": pin}), metadata={"note": token})
run = nbpart.current_run()
run.log(used=token, pin=pin, half=pin / 2, ok=True)
part = Path(os.environ["NBPART_RUN_SPEC"].removesuffix(".spec") + ".part").read_text()
print("part:", json.dumps(token)[1:-1] in part, str(pin) in part)
try:
    run.save({}, name="p" + login["password"])
except ValueError as error:
    print("refused:", "stands in the name" in str(error))
"""


def spellings(secret: str) -> Iterator[str]:
    yield secret
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    yield from (html.escape(secret), urllib.parse.quote(secret), secret.encode().hex())
    yield base64.b64encode(b"user:" + secret.encode()).decode()[8:-4]


def count_in_memory(pid: int, text: bytes) -> int:
    """How often a text stands in what a process may write to."""
    found = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area, rights, *_ = line.split()
            start, end = (int(n, 16) for n in area.split("-"))
            if "w" in rights:
                memory.seek(start)
                try:
                    found += memory.read(end - start).count(text)
                except OSError:
                    continue
    return found


@pytest.mark.parametrize("kind", ["prewarmed", "stock"])
def test_only_the_own_kernel_has_a_secret_and_nothing_of_it_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "stock":
        monkeypatch.setattr(forking, "can_fork", lambda kernel_spec: False)
    mark = os.urandom(6).hex()
    secrets = {
        "token": f'tok-{mark} "q" <ü> & it\'s',
        "login": {"user": f"u{mark}", "password": f"w{mark[::-1]}"},
        "pin": int(mark, 16),
    }
    names = [f"{kind}{n}-{mark}" for n in range(3)]
    results: dict[str, RunReport] = {}
    with ThreadPool(1) as pool:
        for name in names:
            fail = 'raise ValueError(f"refused {token} {pin}")'
            pool.submit(make_spec(tmp_path, name, LOOK, SPELL, fail, secrets=secrets))
        while len(results) < len(names):
            results |= {result.run_id: result for result in pool.next_results(timeout_s=120)}
    kinds = [results[name].kernel_kind for name in names]
    assert kinds == (["prewarmed"] * 3 if kind == "prewarmed" else ["stock", "spare", "spare"])
    for name, result in results.items():
        log = (tmp_path / "runs" / f"{name}-1.log").read_text()
        assert "shown: [] pipes: 0\nvariables: []\n" in log, log
        assert "part: False False" in log
        assert "refused: True" in log
        assert (result.status, result.error_message) == (RunStatus.FAILED, "refused ••• •••")
        assert dict(result.metrics) == {"used": "•••", "pin": "•••", "half": secrets["pin"] / 2, "ok": True}
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()}
    assert len(texts) >= 3 * len(names)
    for leaf in (secrets["token"], secrets["login"]["password"], secrets["login"]["user"], str(secrets["pin"])):
        for spelled in spellings(leaf):
            assert [str(path) for path, text in texts.items() if spelled in text] == [], spelled
    if kind == "prewarmed":
        zygotes = [zygote for _, zygote in shared._zygotes if zygote.is_alive]
        assert zygotes
        assert [count_in_memory(zygote.process.pid, mark.encode()[::-1]) for zygote in zygotes] == [0] * len(zygotes)
