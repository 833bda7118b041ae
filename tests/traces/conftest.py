"""A LangSmith that runs on loopback and keeps every byte it is sent."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import threading
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import langsmith
import pytest
import zstandard
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableConfig  # noqa: TC002 - langgraph reads it
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langsmith import run_trees, utils
from langsmith.env import _runtime_env
from pydantic import Field

from langchain_tyrum.redaction import Redactor

FIELDS = (
    "input",
    "output",
    "key",
    "binary",
    "metadata",
    "tag",
    "name",
    "option",
    "tool_input",
    "tool_output",
    "error",
    "cause",
    "system",
    "environment",
)
SHAPE = "ghp_" + "a1B2c3D4e5F6" * 3


def canary(field: str) -> str:
    """Return a value without any known shape, one for each field."""
    return f"tulip orbit {field} lantern 93"


class Sink:
    """What arrived, request by request."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str, bytes, str]] = []
        self.headers: list[str] = []
        self.multipart = True
        self.lock = threading.Lock()

    def info(self) -> dict[str, Any]:
        """Return what this endpoint says of itself."""
        return {
            "version": "0.12.0",
            "batch_ingest_config": {
                "use_multipart_endpoint": self.multipart,
                "size_limit": 100,
                "size_limit_bytes": 20_000_000,
                "scale_up_qsize_trigger": 1000,
                "scale_up_nthreads_limit": 16,
                "scale_down_nempty_trigger": 4,
            },
            "instance_flags": {"zstd_compression_enabled": True},
        }

    def raw(self) -> bytes:
        return b"\n".join(
            [body for _, _, body, _ in self.bodies]
            + [path.encode() for _, path, _, _ in self.bodies]
            + [each.encode() for each in self.headers]
        )

    def holds(self, value: str) -> bool:
        """Look for a value, also JSON-escaped and as base64 at any alignment."""
        data = self.raw()
        forms = {value.encode(), json.dumps(value)[1:-1].encode()}
        for skip in range(3):
            coded = base64.b64encode(b"\0" * skip + value.encode())
            forms.add(coded[-(-8 * skip // 6) : (8 * skip + 8 * len(value)) // 6])
        return any(form in data for form in forms)

    def parts(self) -> list[tuple[str, Any]]:
        """Return every JSON part by its name: `post.<id>.inputs` and so on."""
        found: list[tuple[str, Any]] = []
        for _, path, body, kind in self.bodies:
            if kind.startswith("multipart/"):
                found += _multipart(body, kind)
            elif body[:1] in (b"{", b"["):
                found += _plain(path, json.loads(body))
        return found

    def runs(self) -> dict[str, dict[str, Any]]:
        """Return the runs, what was posted and what was patched merged."""
        runs: dict[str, dict[str, Any]] = {}
        for name, value in self.parts():
            match = re.fullmatch(r"(?:post|patch)\.([0-9a-f-]{36})(?:\.(\w+))?", name)
            if match is None:
                continue
            run = runs.setdefault(match[1], {"id": match[1]})
            fields = {match[2]: value} if match[2] else value
            run.update({k: v for k, v in fields.items() if v is not None})
        return runs

    def roots(self) -> list[dict[str, Any]]:
        return [run for run in self.runs().values() if not run.get("parent_run_id")]


def _multipart(body: bytes, kind: str) -> list[tuple[str, Any]]:
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    found = []
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        data = part.get_payload(decode=True) or b""
        if part.get_content_type() == "application/json":
            data = json.loads(data)
        found.append((name, data))
    return found


def _plain(path: str, body: Any) -> list[tuple[str, Any]]:
    if path.endswith("/runs/batch"):
        return [
            (f"{kind}.{run['id']}", run)
            for kind in ("post", "patch")
            for run in body.get(kind, [])
        ]
    if path.rstrip("/").endswith("/runs"):
        return [(f"post.{body['id']}", body)]
    if "/runs/" in path and "id" in body:
        return [(f"patch.{body['id']}", body)]
    return [(path, body)]


def _unpacked(data: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return gzip.decompress(data) if encoding == "gzip" else data


@pytest.fixture
def sink():
    """A recording LangSmith endpoint on loopback, with its URL."""
    kept = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def answer(self, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.answer(kept.info())

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                data = self._chunks()
            else:
                data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            data = _unpacked(data, self.headers.get("Content-Encoding", ""))
            with kept.lock:
                kept.bodies.append(
                    (
                        self.command,
                        self.path,
                        data,
                        self.headers.get("Content-Type", ""),
                    )
                )
                kept.headers += [
                    value
                    for name, value in self.headers.items()
                    if name.lower() != "x-api-key"
                ]
            self.answer({"id": "00000000-0000-0000-0000-000000000000"})

        do_PATCH = do_POST

        def _chunks(self) -> bytes:
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # Shutting down waits for one poll, in every test.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def redactor() -> Redactor:
    """A redactor that knows the canary of every field."""
    made = Redactor()
    for field in FIELDS:
        made.register(f"c/{field}", canary(field))
    return made


@pytest.fixture
def langsmith_env(monkeypatch, sink):
    """LangSmith's automatic tracing, switched on by the environment."""
    for name, value in {
        "LANGSMITH_TRACING": "true",
        "LANGSMITH_ENDPOINT": sink.url,
        "LANGSMITH_API_KEY": "lsv2-test",
        "LANGSMITH_PROJECT": "tests",
        "LANGCHAIN_CALLBACKS_BACKGROUND": "false",
        "LANGSMITH_MOTTO": canary("environment"),
    }.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield
    if run_trees._CLIENT is not None:
        run_trees._CLIENT.flush()
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for module in (utils, _runtime_env):
        for value in vars(module).values():
            if callable(getattr(value, "cache_clear", None)):
                value.cache_clear()
    run_trees._CLIENT = None


@pytest.fixture
def make_client(sink):
    """Make a langsmith client that sends to the sink."""
    made = []

    def make(**options: Any) -> langsmith.Client:
        options.setdefault("info", sink.info())
        client = langsmith.Client(api_url=sink.url, api_key="lsv2-test", **options)
        made.append(client)
        return client

    yield make
    for client in made:
        client.flush()


class ListModel(BaseChatModel):
    """Answers from a list, round and round, whole or in chunks."""

    answers: list[Any]
    asked: list[Any] = Field(default_factory=list)
    size: int = 7

    @property
    def _llm_type(self) -> str:
        return "list"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked.append((messages, kwargs))
        answer = self.answers[(len(self.asked) - 1) % len(self.answers)]
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        self.asked.append((messages, kwargs))
        answer = self.answers[(len(self.asked) - 1) % len(self.answers)]
        for at in range(0, len(answer.content), self.size):
            piece = answer.content[at : at + self.size]
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))


@tool
def look_up(token: str) -> str:
    """Look something up."""
    return f"found {canary('tool_output')} with {len(token)} letters"


@tool
def fail(token: str) -> str:
    """Fail, with a cause."""
    try:
        raise KeyError(canary("cause"))
    except KeyError as cause:
        raise ValueError(canary("error")) from cause


def _first(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    model = ListModel(answers=[AIMessage(f"I heard {canary('output')} {SHAPE}")])
    bound = model.bind(option=canary("option"))
    system = ("system", f"be kind {canary('system')}")
    return {"messages": [bound.invoke([system, *state["messages"]], config)]}


def _second(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
    found = look_up.invoke({"token": canary("tool_input")}, config)
    with contextlib.suppress(ValueError):
        fail.invoke({"token": "x"}, config)
    return {"messages": [HumanMessage(found, additional_kwargs={canary("key"): 1})]}


@pytest.fixture
def work():
    """A graph whose run puts a canary into every field of a trace."""
    builder = StateGraph(MessagesState)
    builder.add_node("first", _first)
    builder.add_node("second", _second)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", END)
    graph = builder.compile()
    given = {
        "messages": [HumanMessage(f"hello {canary('input')}")],
    }
    blob = canary("binary").encode()

    def config(**more: Any) -> dict[str, Any]:
        return {
            "metadata": {"note": canary("metadata"), "blob": blob},
            "tags": [f"about {canary('tag')}"],
            "run_name": f"run of {canary('name')}",
            **more,
        }

    return SimpleNamespace(
        run=lambda **more: graph.invoke(given, config(**more)),
        arun=lambda **more: graph.ainvoke(given, config(**more)),
        graph=graph,
        fields=[field for field in FIELDS if field != "environment"],
    )


class Witness(BaseCallbackHandler):
    """Keeps every event it is given."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            seen = self.seen

            def event(*args: Any, **kwargs: Any) -> None:
                seen.append((name, args, kwargs))

            return event
        return super().__getattribute__(name)


@pytest.fixture
def kit():
    """The helpers that tests of this room share."""
    return SimpleNamespace(
        canary=canary, FIELDS=FIELDS, SHAPE=SHAPE, ListModel=ListModel, Witness=Witness
    )
