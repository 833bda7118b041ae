"""The two servers of the story, on loopback: an API and a trace backend."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import zstandard

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_tyrum.demo.story import Credentials


class _Server:
    """A threaded HTTP server on a free loopback port, as a context manager."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(
        self, method: str, path: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Answer one request: a status and a JSON body."""
        raise NotImplementedError

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length) if length else self._chunks()
                status, answer = outer.answer(
                    self.command, self.path, self.headers, body
                )
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _chunks(self) -> bytes:
                if "chunked" not in (self.headers.get("transfer-encoding") or ""):
                    return b""
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 - stdlib's names

            def log_message(self, *_: object) -> None:
                """Stay quiet: the table is what the demo prints."""

        return Handler


@dataclass
class Calls:
    """What the API accepted and refused."""

    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class TrackerAPI(_Server):
    """An API that wants real credentials, and echoes them as careless ones do."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.calls = Calls()
        super().__init__()

    def forget(self) -> Calls:
        """Start counting anew; returns the counts so far."""
        calls, self.calls = self.calls, Calls()
        return calls

    def answer(
        self, method: str, path: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Check the bearer token, the session and the password."""
        del method
        given = headers.get("authorization", "")
        wanted = {
            "/issues": f"Bearer {self._credentials.tracker_token}",
            "/login": "Basic "
            + base64.b64encode(f"me:{self._credentials.password}".encode()).decode(),
        }.get(path)
        session_fits = headers.get("x-session") == self._credentials.session
        if given != wanted or (path == "/issues" and not session_fits):
            self.calls.refused.append(path)
            return 401, {"error": "bad credentials"}
        self.calls.accepted.append(path)
        title = json.loads(body or b"{}").get("title", "")
        return 201, {"number": 7, "title": title, "debug": {"authorization": given}}


class TraceSink(_Server):
    """A trace backend that speaks LangSmith's ingestion and keeps every body."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bodies: list[bytes] = []
        super().__init__()

    def take(self, path: Path) -> int:
        """Write what has arrived, decompressed, to a file; returns how many bodies."""
        with self._lock:
            bodies, self._bodies = self._bodies, []
        path.write_bytes(b"\n".join(bodies))
        return len(bodies)

    def answer(
        self, method: str, path: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, Any]]:
        """Keep the body, readable; answer `/info` as the service does."""
        if method == "GET":
            return 200, {
                "version": "demo",
                "instance_flags": {"zstd_compression_enabled": True},
                "batch_ingest_config": {
                    "use_multipart_endpoint": True,
                    "scale_up_qsize_trigger": 1000,
                    "scale_up_nthreads_limit": 2,
                    "scale_down_nempty_trigger": 4,
                    "size_limit": 100,
                    "size_limit_bytes": 20_000_000,
                },
            }
        encoding = headers.get("content-encoding", "")
        if encoding == "zstd":
            reader = zstandard.ZstdDecompressor().stream_reader(body)
            body = reader.read()
        elif encoding == "gzip":
            body = gzip.decompress(body)
        head = f"{method} {path} {headers.get('content-type')}\n".encode()
        with self._lock:
            self._bodies.append(head + body)
        return 202, {}
