"""Sources in buckets and on web servers: what a run gets, what a change makes stale, and what is recorded nowhere."""

from __future__ import annotations

import logging
import os
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.csv
import pyarrow.parquet
import pytest

import nbpart
from nbpart import DeclarationError, MissingInputError, ParameterError
from nbpart.run.source_files import RemoteFile
from tests.buckets import KEY, SECRET, Bucket, WebServer, open_bucket, open_web_server
from tests.recording import record


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with open_bucket() as opened:
        yield opened


@pytest.fixture
def web() -> Iterator[WebServer]:
    with open_web_server() as opened:
        yield opened


def first(inbox: Any) -> str:
    return str(len(inbox.open().read()))


def declare(ws: nbpart.Workspace, bucket: Bucket, *keys: str, path: str = "{partition_key}", **options: Any) -> None:
    files = ws.dynamic_partitions("files")
    files.add(*keys)
    given = {"storage_options": bucket.options, **options}
    ws.source("inbox", f"s3://lake/in/{path}", partitions=files, **given)
    ws.register(nbpart.asset(first, partitions=files))  # type: ignore[call-overload]


def waiting(ws: nbpart.Workspace) -> list[str]:
    return list(ws.plan("first").waiting.partition_key)


def reasons(ws: nbpart.Workspace) -> dict[str, str]:
    frame = ws.plan("first").frame
    return dict(zip(frame.partition_key, frame.reason, strict=True))


def test_names_in_a_bucket_are_no_patterns(ws: nbpart.Workspace, bucket: Bucket) -> None:
    names = ["plate[A1].csv", "plateA.csv", "100%#?.csv", "a::b.csv", "a b+c.csv"]
    for name in names:
        bucket.put(f"in/{name}", name.encode())
    declare(ws, bucket, *names)
    for name in names:
        file = nbpart.current_run("first", partition_key=name).load("inbox")
        assert (str(file), file.name) == (f"s3://lake/in/{name}", name)
        assert file.open().read() == Path(file).read_bytes() == name.encode()
        record(ws, "first", name, name)
    assert reasons(ws) == {}
    bucket.put("in/plateA.csv", b"changed")
    assert reasons(ws) == {"plateA.csv": "source inbox changed"}


def test_an_object_that_grew_after_the_look_is_read_whole_and_its_reader_is_stale(
    ws: nbpart.Workspace, bucket: Bucket
) -> None:
    bucket.put("in/a", b"1" * 100)
    declare(ws, bucket, "a")
    ws.refresh()
    run = nbpart.current_run("first", partition_key="a", record=True)
    file = run.load("inbox")
    assert len(file.open().read()) == 100
    bucket.put("in/a", b"2" * 250)
    assert len(file.open().read()) == 250
    assert len(Path(file).read_bytes()) == 250
    run.save("250")
    assert reasons(ws) == {"a": "source inbox changed"}
    record(ws, "first", "a", "250")
    assert reasons(ws) == {}


def test_equal_bytes_with_another_etag_are_a_change_by_etag_and_none_by_hash(
    ws: nbpart.Workspace, bucket: Bucket
) -> None:
    for version, expected in (("etag", {"a": "source inbox changed"}), ("hash", {})):
        bucket.put("in/a", b"same")
        declare(ws, bucket, "a", version=version)
        record(ws, "first", "a", "same")
        assert reasons(ws) == {}
        bucket.put_in_parts("in/a", b"same")
        assert reasons(ws) == expected


def test_several_objects_a_key_arrive_as_a_sorted_list(ws: nbpart.Workspace, bucket: Bucket) -> None:
    for name in ("s1_L002_R1.gz", "s1_L001_R1.gz", "s1_L001_R2.gz", "s10_L001_R1.gz", "s1/x_L1_R1.gz"):
        bucket.put(f"in/{name}", name.encode())
    declare(ws, bucket, "s1", path="{partition_key}_L*_R1.gz")
    found = nbpart.current_run("first", partition_key="s1").load("inbox")
    assert [file.name for file in found] == ["s1_L001_R1.gz", "s1_L002_R1.gz"]
    assert found == ws.load("inbox", "s1")
    record(ws, "first", "s1", "x")
    bucket.put("in/s1_L003_R1.gz", b"more")
    assert reasons(ws) == {"s1": "source inbox changed"}
    for lane in (1, 2, 3):
        bucket.remove(f"in/s1_L00{lane}_R1.gz")
    assert (reasons(ws), waiting(ws)) == ({}, ["s1"])
    with pytest.raises(MissingInputError, match=r"there is no file at 's3://lake/in/s1_L\*_R1.gz' any more"):
        ws.load("inbox", "s1")


def test_a_look_at_a_thousand_keys_is_one_listing(ws: nbpart.Workspace, bucket: Bucket) -> None:
    keys = [f"{number:04d}" for number in range(999)]
    for key in keys:
        bucket.put(f"in/{key}", b"x")
    declare(ws, bucket, *keys)
    bucket.requests.clear()
    ws.refresh()
    assert [request.split('"')[1].split("?")[0] for request in bucket.requests] == ["GET /lake"]


def test_libraries_take_a_remote_file_as_they_take_a_path(ws: nbpart.Workspace, bucket: Bucket, tmp_path: Path) -> None:
    pd.DataFrame({"n": [1, 2]}).to_parquet(tmp_path / "x.parquet")
    bucket.put("in/a.csv", b"n\n1\n2\n")
    bucket.put("in/a.parquet", (tmp_path / "x.parquet").read_bytes())
    declare(ws, bucket, "a.csv", "a.parquet")
    run = nbpart.current_run("first", partition_key="a.csv")
    file, table = run.load("inbox"), ws.load("inbox", "a.parquet")
    bucket.requests.clear()
    assert pd.read_csv(file).n.tolist() == [1, 2]
    assert pyarrow.csv.read_csv(os.fspath(file)).column("n").to_pylist() == [1, 2]
    assert duckdb.sql(f"from '{os.fspath(file)}'").fetchall() == [(1,), (2,)]
    assert Path(file).read_text() == file.open("r").read() == "n\n1\n2\n"
    assert pd.read_parquet(table).n.tolist() == [1, 2]
    assert pyarrow.parquet.read_table(table).column("n").to_pylist() == [1, 2]
    assert Path(pickle.loads(pickle.dumps(file))).read_text() == "n\n1\n2\n"  # noqa: S301
    fetches = [request for request in bucket.requests if "GET /lake/in/a.csv" in request]
    assert len(fetches) == 2, "fetched once, and read once where it is"
    with pytest.raises(ParameterError, match="only read"):
        file.open("wb")
    assert run.load("inbox") == file != table
    assert repr(file) == "<remote file s3://lake/in/a.csv>"


def test_what_a_bucket_does_not_have_is_missing(ws: nbpart.Workspace, bucket: Bucket) -> None:
    declare(ws, bucket, "a")
    assert ws.partition_status("inbox").status.tolist() == ["missing"]
    bucket.put("in/a", b"x")
    ws.refresh()
    assert ws.partition_status("inbox").status.tolist() == ["materialized"]
    record(ws, "first", "a", "x")
    bucket.remove("in/a")
    assert (reasons(ws), waiting(ws)) == ({}, ["a"])
    assert ws.partition_status("first").status.tolist() == ["stale"]
    with pytest.raises(FileNotFoundError):
        ws.load("inbox", "a").open()


def find_texts(root: Path, *texts: str) -> list[str]:
    return [
        f"{text} in {path}"
        for path in root.rglob("*")
        if path.is_file()
        for text in texts
        if text.encode() in path.read_bytes()
    ]


def test_options_of_the_environment_are_recorded_by_name(
    ws: nbpart.Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.put("in/a", b"x")
    options = {
        "key": nbpart.env("MY_KEY"),
        "secret": nbpart.env("MY_SECRET"),
        "client_kwargs": {"endpoint_url": nbpart.env("MY_ENDPOINT")},
        "use_ssl": False,
    }
    for name, value in {"MY_KEY": KEY, "MY_SECRET": SECRET, "MY_ENDPOINT": bucket.endpoint}.items():
        monkeypatch.setenv(name, value)
    declare(ws, bucket, "a", storage_options=options)
    record(ws, "first", "a", "x")
    assert reasons(ws) == {}
    monkeypatch.delenv("MY_SECRET")
    caplog.set_level(logging.WARNING, "nbpart")
    ws.refresh()
    assert "source 'inbox' needs the environment variable MY_SECRET, which is not set here" in caplog.text
    assert reasons(ws) == {}, "what cannot be looked at stays as it was"
    with pytest.raises(MissingInputError, match="needs the environment variable MY_SECRET"):
        ws.load("inbox", "a")
    with pytest.raises(MissingInputError, match="without the storage options of source 'inbox'"):
        nbpart.current_run("first", partition_key="a").load("inbox")
    assert find_texts(ws.root, KEY, SECRET, bucket.endpoint) == []


def test_options_of_this_process_are_lacking_in_another(ws: nbpart.Workspace, bucket: Bucket) -> None:
    bucket.put("in/a", b"x")
    declare(ws, bucket, "a")
    record(ws, "first", "a", "x")
    assert find_texts(ws.root, KEY, SECRET, bucket.endpoint) == []
    elsewhere = ws.root.parent / "copied"
    ws.root.rename(elsewhere)  # nobody declared anything there in this process
    message = r"has the storage option '\w+', whose value only the process that"
    with nbpart.open(elsewhere, trust=True) as other, pytest.raises(MissingInputError, match=message):
        other.load("inbox", "a")
    elsewhere.rename(ws.root)


def test_no_error_shows_an_option(ws: nbpart.Workspace, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    declare(ws, bucket, "a", storage_options={**bucket.options, "client_kwargs": {"endpoint_url": f"junk{SECRET}"}})
    caplog.set_level(logging.WARNING, "nbpart")
    ws.refresh()
    assert "1 of source inbox cannot be read" in caplog.text
    assert SECRET not in caplog.text
    with pytest.raises(DeclarationError) as refused:
        declare(ws, bucket, "a", storage_options={"token": (SECRET,)})
    assert SECRET not in str(refused.value)
    assert "storage_options['token'] is a tuple, which cannot be handed to a run" in str(refused.value)


@pytest.mark.kernel
def test_a_run_gets_the_options_and_shows_them_nowhere(ws: nbpart.Workspace, bucket: Bucket) -> None:
    bucket.put("in/a", b"12345")
    files = ws.dynamic_partitions("files")
    files.add("a")
    ws.source("inbox", "s3://lake/in/{partition_key}", partitions=files, storage_options=bucket.options)

    @ws.asset(partitions=files)  # type: ignore[untyped-decorator]
    def shown(inbox: Any) -> dict[str, Any]:
        import os
        from pathlib import Path

        print(inbox._options)
        return {"size": len(inbox.open().read()), "path": os.fspath(inbox), "text": Path(inbox).read_text()}

    run = ws.materialize("shown", "a")
    value = ws.load("shown", "a")
    assert (value["size"], value["text"]) == (5, "12345")
    assert find_texts(ws.root, KEY, SECRET) == []
    assert "'secret': " in run.log
    deadline = time.monotonic() + 60
    while Path(value["path"]).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(value["path"]).exists()


def test_a_file_of_a_web_server_is_told_by_its_etag_or_by_time_and_size(ws: nbpart.Workspace, web: WebServer) -> None:
    files = ws.dynamic_partitions("files")
    names = ["tagged", "dated", "100%#?.csv", "gone"]
    files.add(*names)
    ws.source("inbox", f"{web.address}/in/{{partition_key}}", partitions=files)
    ws.register(nbpart.asset(first, partitions=files))  # type: ignore[call-overload]
    dates = ["Wed, 01 May 2024 00:00:00 GMT", "Wed, 01 May 2024 00:00:01 GMT"]
    web.files["in/tagged"] = b"1", {"ETag": '"1"', "Last-Modified": dates[0]}
    web.files["in/dated"] = b"1", {"Last-Modified": dates[0]}
    web.files["in/100%#?.csv"] = b"1", {"ETag": '"1"'}
    for name in names[:3]:
        record(ws, "first", name, "1")
    assert (reasons(ws), waiting(ws)) == ({}, ["gone"])
    assert [file.open().read() for file in (ws.load("inbox", name) for name in names[:3])] == [b"1"] * 3
    web.files["in/tagged"] = b"1", {"ETag": '"1"', "Last-Modified": dates[1]}  # its store says that it is the same
    assert reasons(ws) == {}
    web.files["in/tagged"] = b"2", {"ETag": '"2"', "Last-Modified": dates[1]}
    web.files["in/dated"] = b"1", {"Last-Modified": dates[1]}
    assert reasons(ws) == dict.fromkeys(["tagged", "dated"], "source inbox changed")


def test_a_file_without_etag_and_time_is_refused_with_what_to_do(
    ws: nbpart.Workspace, web: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    web.files["x"] = b"1", {}
    ws.source("inbox", f"{web.address}/x")
    ws.register(nbpart.asset(first))  # type: ignore[type-var]
    caplog.set_level(logging.WARNING, "nbpart")
    ws.refresh()
    assert "comes without an etag and a time of modification; declare its source with version='hash'" in caplog.text
    ws.source("inbox", f"{web.address}/x", version="hash")
    record(ws, "first", None, "1")
    web.files["x"] = b"2", {}
    assert ws.plan("first").frame.reason.tolist() == ["source inbox changed"]


def test_a_store_that_cannot_be_reached_is_asked_once_a_look(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(url: str, **_: Any) -> None:
        asked.append(url)
        raise ConnectionError("no route")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    files = ws.dynamic_partitions("files")
    files.add(*"abcde")
    ws.source("inbox", "memory://lake/{partition_key}", partitions=files)
    ws.register(nbpart.asset(first, partitions=files))  # type: ignore[call-overload]
    asked.clear()
    ws.refresh()
    assert asked == ["memory://lake/"]
    assert isinstance(ws.load("inbox", "a"), RemoteFile)
