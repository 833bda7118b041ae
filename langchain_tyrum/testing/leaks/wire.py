"""A LangSmith on loopback that keeps every byte it is sent, decompressed."""

from __future__ import annotations

import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from langsmith import Client

#: What the endpoint says of itself; clients choose by it how they send.
_INFO: dict[str, Any] = {
    "version": "0.12.0",
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "size_limit": 100,
        "size_limit_bytes": 20_000_000,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 2,
        "scale_down_nempty_trigger": 4,
    },
    "instance_flags": {},
}
_LOG = logging.getLogger("langsmith.client")
_PLAIN_HEADERS = {"x-api-key", "content-length", "host"}


class TraceWire:
    """An endpoint for traces, and clients that send to it.

    No request leaves the machine. A body that cannot be decompressed is kept as it
    came and counted, so that nothing unread passes for clean.

    Attributes:
        bodies: What arrived: request line, headers and body of each request.
        unread: Requests whose body could not be decompressed.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.unread = 0
        self._clients: list[Client] = []
        self._quiet = _Quiet()
        _LOG.addFilter(self._quiet)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread.start()

    def __repr__(self) -> str:
        return f"TraceWire(requests={len(self.bodies)})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def client(self, *, multipart: bool = True, zstd: bool = False, **options: Any
               ) -> Client:  # fmt: skip
        """A client that sends to this endpoint.

        Args:
            multipart: Whether it may send multipart, else `/runs/batch`.
            zstd: Whether it may compress; reading that needs `zstandard`.
            **options: Further options of `langsmith.Client`.

        Returns:
            The client; it is closed with the wire.
        """
        batch = {**_INFO["batch_ingest_config"], "use_multipart_endpoint": multipart}
        flags = {"zstd_compression_enabled": zstd}
        info = {**_INFO, "batch_ingest_config": batch, "instance_flags": flags}
        client = Client(api_url=self.url, api_key="leak-matrix", info=info, **options)
        self._clients.append(client)
        return client

    def flush(self) -> None:
        """Wait until every client has sent what it has."""
        for client in self._clients:
            client.flush()

    def release(self, kept: Client) -> None:
        """Stop all clients but one, since each has threads of its own.

        Args:
            kept: The one that is used again.
        """
        for client in self._clients:
            if client is not kept:
                client.cleanup()
        self._clients = [kept]

    def close(self) -> None:
        """Stop the clients, then the endpoint."""
        for client in self._clients:
            client.cleanup()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        _LOG.removeFilter(self._quiet)

    def keep(self, head: str, body: bytes, encoding: str) -> None:
        """Keep one request, readable."""
        try:
            body = _unpacked(body, encoding)
        except Exception:
            self.unread += 1
        self.bodies.append(head.encode("utf-8", "replace") + b"\n" + body)


class _Quiet(logging.Filter):
    """Drops the advice to compress, which this endpoint leaves off on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Run compression is not enabled")


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        import zstandard  # noqa: PLC0415 - only where a client may compress so

        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return gzip.decompress(body) if encoding == "gzip" else body


def _chunks(request: BaseHTTPRequestHandler) -> bytes:
    if "chunked" not in (request.headers.get("transfer-encoding") or ""):
        return b""
    parts = []
    while size := int(request.rfile.readline().split(b";")[0], 16):
        parts.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(parts)


def _handler(wire: TraceWire) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(_INFO)

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else _chunks(self)
            headers = [
                value
                for name, value in self.headers.items()
                if name.lower() not in _PLAIN_HEADERS
            ]
            encoding = self.headers.get("content-encoding", "")
            wire.keep("\n".join([self.requestline, *headers]), body, encoding)
            self._answer({"id": "00000000-0000-0000-0000-000000000000"})

        do_PATCH = do_PUT = do_POST  # noqa: N815 - stdlib's names

        def _answer(self, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Stay quiet: what is logged here would be read as a leak."""

    return Handler
