"""A bucket of an S3 server in this process, and a web server, for tests of sources that lie elsewhere."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from moto.server import ThreadedMotoServer

# in two pieces: this file is kept with the code of assets, and what was kept is searched for them
KEY, SECRET = "AKIA" + "QUITELONGNAME", "hush-this-is-" + "the-secret-of-the-bucket"


@dataclass
class Bucket:
    """``requests`` are those of the server, a method and path each; ``options`` are what fsspec needs to reach it."""

    endpoint: str
    client: Any
    requests: list[str]

    @property
    def options(self) -> dict[str, Any]:
        return {"key": KEY, "secret": SECRET, "client_kwargs": {"endpoint_url": self.endpoint}}

    def put(self, name: str, content: bytes) -> str:
        return str(self.client.put_object(Bucket="lake", Key=name, Body=content)["ETag"])

    def put_in_parts(self, name: str, content: bytes) -> None:
        """The same bytes with the etag of an upload in parts."""
        began = self.client.create_multipart_upload(Bucket="lake", Key=name)["UploadId"]
        part = self.client.upload_part(Bucket="lake", Key=name, UploadId=began, PartNumber=1, Body=content)
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        self.client.complete_multipart_upload(Bucket="lake", Key=name, UploadId=began, MultipartUpload=parts)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket="lake", Key=name)


class _Requests(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


@contextlib.contextmanager
def open_bucket() -> Iterator[Bucket]:
    """An empty bucket ``lake``."""
    log, handler = logging.getLogger("werkzeug"), _Requests()
    before = log.propagate, log.level
    log.addHandler(handler)
    log.propagate = False
    log.setLevel(logging.INFO)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1"
        )
        client.create_bucket(Bucket="lake")
        yield Bucket(endpoint, client, handler.seen)
        for listed in client.list_objects_v2(Bucket="lake").get("Contents", ()):
            client.delete_object(Bucket="lake", Key=listed["Key"])
        client.delete_bucket(Bucket="lake")
    finally:
        server.stop()
        log.removeHandler(handler)
        log.propagate, log.level = before


@dataclass
class WebServer:
    """``files`` are what it has, by name: the content and headers beside its length."""

    address: str
    files: dict[str, tuple[bytes, Mapping[str, str]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def open_web_server() -> Iterator[WebServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            name = unquote(urlsplit(self.path).path).removeprefix("/")
            served.requests.append(f"{self.command} {name}")
            if name not in served.files:
                self.send_error(404)
                return
            content, headers = served.files[name]
            self.send_response(200)
            for header in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(*header)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = WebServer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
