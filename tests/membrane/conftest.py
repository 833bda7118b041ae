"""A lab for leak tests: sources are run, every sink is read back.

Nothing here uses the package's own walker or matcher, so a hole in those cannot
hide a leak from the reader.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import logging
import secrets
import sqlite3
import threading
import traceback
import uuid
import warnings
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import aiosqlite
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tracers import LangChainTracer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.memory import InMemoryStore
from langsmith import Client
from pydantic import Field

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy

ALL_MODES = [
    "values",
    "updates",
    "messages",
    "custom",
    "tasks",
    "debug",
    "checkpoints",
    "tools",
]
#: How a graph can be driven; the first letter tells sync from async.
WAYS = [
    "stream",
    "stream_v2",
    "invoke",
    "events_v3",
    "astream",
    "ainvoke",
    "aevents_v1",
    "aevents_v2",
    "aevents_v3",
    "alog",
]


def forms(value: str) -> list[bytes]:
    """A value as it may stand in bytes: raw, JSON, base64 in three phases, hex..."""
    raw = value.encode()
    found = [raw, json.dumps(value)[1:-1].encode(), quote(value, safe="").encode()]
    found += [raw.hex().encode(), raw[::-1]]
    for skip in range(3):
        coded = base64.b64encode(b"\0" * skip + raw)
        start, end = -(-8 * skip // 6), (8 * skip + 8 * len(raw)) // 6
        found += [coded[start:end], coded[start:end].translate(_URL_SAFE)]
    return list(dict.fromkeys(found))


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def tell(obj: Any, seen: set[int] | None = None) -> str:
    """Every text that can be got out of an object, by whatever road."""
    seen = set() if seen is None else seen
    if isinstance(obj, str):
        return f"{str.__str__(obj)}\n"
    if isinstance(obj, bytes | bytearray):
        return f"{bytes(obj).decode('latin-1')}\n"
    if obj is None or isinstance(obj, int | float | type) or id(obj) in seen:
        return ""
    seen.add(id(obj))
    text = ""
    if isinstance(obj, dict):
        text += "".join(tell(k, seen) + tell(v, seen) for k, v in obj.items())
    elif isinstance(obj, list | tuple | set | frozenset):
        text += "".join(tell(item, seen) for item in obj)
    elif not type(obj).__module__.startswith(("langchain_tyrum", "threading")):
        text += tell(vars(obj) if hasattr(obj, "__dict__") else None, seen)
        for cls in type(obj).__mro__:
            for slot in vars(cls).get("__slots__", ()):
                text += tell(getattr(obj, slot, None), seen)
    if hasattr(obj, "get_secret_value"):
        text += tell(obj.get_secret_value(), seen)
    if isinstance(obj, BaseException):
        text += tell([obj.args, obj.__cause__, obj.__context__], seen)
        text += "".join(traceback.format_exception(obj))
        text += _locals(obj)
    return text


def _locals(error: BaseException) -> str:
    """The simple locals of the frames that an error carries, as Sentry shows them."""
    text = ""
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name not in {"drive", "adrive", "_drive"}:
            found = frame.tb_frame.f_locals.values()
            text += "".join(repr(v) for v in found if isinstance(v, str | dict | list))
        frame = frame.tb_next
    return text


class ScriptedModel(BaseChatModel):
    """Answers from a list, token by token when streamed, and keeps what it got."""

    answers: list[Any]
    got: list[Any] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools, **kwargs):
        self.bound.extend(tools)
        return self

    def _next(self, messages) -> AIMessage:
        self.got.append(list(messages))
        answer = self.answers[min(len(self.got), len(self.answers)) - 1]
        return answer.model_copy(update={"id": f"run-{uuid.uuid4()}"})

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return ChatResult(generations=[ChatGeneration(message=self._next(messages))])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        answer = self._next(messages)
        for chunk in _chunks(answer):
            piece = ChatGenerationChunk(message=chunk)
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=piece)
            yield piece


def _chunks(answer: AIMessage):
    text = answer.text
    for start in range(0, len(text), 3):
        yield AIMessageChunk(content=text[start : start + 3], id=answer.id)
    for index, call in enumerate(answer.tool_calls):
        args = json.dumps(call["args"])
        head = {"name": call["name"], "id": call["id"], "index": index}
        for start in range(0, len(args), 4):
            rest = {"name": None, "id": None, "index": index}
            part = {**(rest if start else head), "args": args[start : start + 4]}
            part["type"] = "tool_call_chunk"
            yield AIMessageChunk(content="", id=answer.id, tool_call_chunks=[part])


class Recorder(BaseCallbackHandler):
    """A user's handler: keeps all it is told."""

    raise_error = True

    def __init__(self) -> None:
        self.told: list[str] = []
        self.tokens = ""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)

        def on_event(*args: Any, **kwargs: Any) -> None:
            if name == "on_llm_new_token":
                self.tokens += args[0] if args else kwargs["token"]
            self.told.append(name + tell([args, kwargs]))

        return on_event

    @property
    def text(self) -> str:
        return "".join(self.told) + self.tokens


class Wire:
    """A loopback LangSmith that keeps the bytes it was sent."""

    def __init__(self) -> None:
        bodies = self.bodies = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                bodies.append(body + str(self.headers).encode())
                self.send_response(202)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PATCH = do_POST

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def client(self) -> Client:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return Client(api_url=url, api_key="k", info={"instance_flags": {}})

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Setup:
    """One source: a graph and how to run it."""

    graph: Any
    input: Any = None
    config: dict[str, Any] = field(default_factory=dict)
    then: list[Any] = field(default_factory=list)
    before: Any = None
    raises: type[BaseException] | None = None
    model: ScriptedModel | None = None
    context: Any = None
    #: What must have happened for the run to count, beside not having raised.
    alive: Any = None


@dataclass
class Evidence:
    """What each sink showed of one run."""

    sinks: dict[str, str]
    error: BaseException | None
    parts: list[Any]

    def leaks(self, value: str) -> list[str]:
        wanted = forms(value)
        return [
            f"{sink}:{form.decode('latin-1')}"
            for sink, text in self.sinks.items()
            for form in wanted
            if form in text.encode("latin-1", "replace")
        ]

    @property
    def marked(self) -> bool:
        return any("[REDACTED" in text for text in self.sinks.values())


@dataclass
class Lab:
    """Where sources run: a SQLite file, a store, a trace sink, the logs."""

    folder: Any
    wire: Wire
    client: Client
    async_: bool = False
    saver: Any = None
    store: Any = field(default_factory=InMemoryStore)

    @property
    def file(self):
        return self.folder / "checkpoints.sqlite"

    @contextlib.contextmanager
    def sync(self):
        connection = sqlite3.connect(self.file, check_same_thread=False)
        self.saver = SqliteSaver(connection)
        yield self
        connection.close()

    @contextlib.asynccontextmanager
    async def asynchronous(self):
        async with aiosqlite.connect(self.file) as connection:
            self.saver = AsyncSqliteSaver(connection)
            yield self

    def disk(self) -> str:
        return "".join(
            path.read_bytes().decode("latin-1")
            for path in sorted(self.folder.iterdir())
            if path.is_file()
        )


class _Logs(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += self.format(record) + "\n"


@contextlib.contextmanager
def _logged():
    logs = _Logs()
    root = logging.getLogger()
    level = root.level
    root.addHandler(logs)
    root.setLevel(logging.DEBUG)
    quiet = [logging.getLogger(n) for n in ("aiosqlite", "asyncio", "urllib3")]
    for logger in quiet:
        logger.setLevel(logging.WARNING)
    try:
        yield logs
    finally:
        root.removeHandler(logs)
        root.setLevel(level)


class Driver:
    """Runs a setup one way, and reads every sink."""

    def __init__(self, lab: Lab, setup: Setup, way: str) -> None:
        self.lab, self.setup, self.way = lab, setup, way
        self.recorder = Recorder()
        self.parts: list[Any] = []
        self.error: BaseException | None = None
        self.start = len(lab.wire.bodies)

    @property
    def config(self) -> dict[str, Any]:
        given = dict(self.setup.config)
        tracer = LangChainTracer(client=self.lab.client, project_name="lab")
        configurable = {"thread_id": "t1", **given.pop("configurable", {})}
        return {
            **given,
            "configurable": configurable,
            "callbacks": [self.recorder, tracer],
        }

    def drive(self) -> Evidence:
        with _logged() as logs, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if self.setup.before:
                    self.setup.before(self.setup.graph, self.config)
                for given in [self.setup.input, *self.setup.then]:
                    self._drive(given)
            except BaseException as error:
                self.error = error
            state = self._state()
        return self._read(logs.text, state)

    async def adrive(self) -> Evidence:
        with _logged() as logs, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                if self.setup.before:
                    await self.setup.before(self.setup.graph, self.config)
                for given in [self.setup.input, *self.setup.then]:
                    await self._adrive(given)
            except BaseException as error:
                self.error = error
            snapshot = await self.setup.graph.aget_state(self.config)
            state = tell(snapshot)
        return self._read(logs.text, state)

    def _state(self) -> str:
        graph = self.setup.graph
        return tell([graph.get_state(self.config, subgraphs=False)]) + tell(
            list(graph.get_state_history(self.config))
        )

    def _drive(self, given: Any) -> None:
        graph, config = self.setup.graph, self.config
        if self.way == "invoke":
            self.parts.append(graph.invoke(given, config, context=self.setup.context))
        elif self.way == "events_v3":
            run = graph.stream_events(given, config, version="v3")
            self.parts.extend(run)
            self.parts.append(run.output)
        else:
            version = "v2" if self.way == "stream_v2" else "v1"
            self.parts.extend(
                graph.stream(
                    given,
                    config,
                    stream_mode=ALL_MODES,
                    subgraphs=True,
                    version=version,
                    context=self.setup.context,
                )
            )

    async def _adrive(self, given: Any) -> None:
        graph, config = self.setup.graph, self.config
        if self.way == "ainvoke":
            self.parts.append(
                await graph.ainvoke(given, config, context=self.setup.context)
            )
            return
        if self.way == "aevents_v3":
            run = await graph.astream_events(given, config, version="v3")
            async for event in run:
                self.parts.append(event)
            self.parts.append(await run.output())
            return
        if self.way == "astream":
            parts = graph.astream(
                given,
                config,
                stream_mode=ALL_MODES,
                subgraphs=True,
                context=self.setup.context,
            )
        elif self.way == "alog":
            parts = graph.astream_log(given, config)
        else:
            version = self.way.removeprefix("aevents_")
            parts = graph.astream_events(given, config, version=version)
        async for part in parts:
            self.parts.append(part)

    def _read(self, logs: str, state: str) -> Evidence:
        self.lab.client.flush()
        sinks = {
            "disk": self.lab.disk(),
            "stream": tell(self.parts),
            "text": joined(self.parts),
            "error": tell(self.error),
            "handler": self.recorder.text,
            "wire": b"".join(self.lab.wire.bodies[self.start :]).decode("latin-1"),
            "logs": logs,
            "state": state,
            "store": tell(getattr(self.lab.store, "_data", None)),
        }
        if self.setup.model is not None:
            sinks["model"] = tell([self.setup.model.got, self.setup.model.bound])
        return Evidence(sinks, self.error, self.parts)


def joined(parts: list[Any]) -> str:
    """The streamed text put together, as a client does it."""
    texts: dict[Any, str] = {}

    def visit(obj: Any) -> None:
        if isinstance(obj, AIMessageChunk):
            key = obj.id
            texts[key] = texts.get(key, "") + obj.text
            for call in obj.tool_call_chunks:
                name = (key, call["index"])
                texts[name] = texts.get(name, "") + (call["args"] or "")
        elif isinstance(obj, dict):
            if obj.get("event") == "content-block-delta":
                delta = obj.get("delta", {})
                for name, text in delta.items():
                    if isinstance(text, str) and name != "type":
                        key = ("v3", obj.get("index"), name)
                        texts[key] = texts.get(key, "") + text
                    elif isinstance(text, dict):
                        for inner, word in text.items():
                            if isinstance(word, str):
                                key = ("v3", obj.get("index"), name, inner)
                                texts[key] = texts.get(key, "") + word
            for value in obj.values():
                visit(value)
        elif isinstance(obj, list | tuple):
            for value in obj:
                visit(value)
        elif hasattr(obj, "ops"):
            for op in obj.ops:
                if "streamed_output_str" in op["path"]:
                    key = op["path"]
                    texts[key] = texts.get(key, "") + str(op["value"])
                visit(op)

    visit(parts)
    return "\n".join(texts.values())


@pytest.fixture(scope="session")
def wire():
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def traced(wire):
    """One real LangSmith client for many runs; starting one costs threads."""
    client = wire.client()
    yield client
    client.cleanup()


@pytest.fixture(scope="module")
def known():
    """A broker that knows one value without a shape; starting one costs a while."""
    value = f"cnry{secrets.token_hex(8)}"
    policy = SecretPolicy(allow=["*"])
    with SecretBroker.in_memory({"db/password": value}, policy=policy) as broker:
        yield broker, value


@pytest.fixture
def lab(tmp_path, wire, traced):
    return Lab(tmp_path, wire, traced)


@pytest.fixture
def scripted():
    return lambda *answers: ScriptedModel(answers=list(answers))


@pytest.fixture
def drive():
    """Run a setup one way and read every sink."""

    def run(lab, setup, way="stream"):
        return Driver(lab, setup, way).drive()

    return run


@pytest.fixture
def adrive():
    async def run(lab, setup, way="astream"):
        return await Driver(lab, setup, way).adrive()

    return run


@pytest.fixture
def setup_of():
    return Setup


@pytest.fixture
def teller():
    return tell


@pytest.fixture(scope="session")
def forms_of():
    return forms


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def value(canary) -> str:
    """The value that most tests are about."""
    return canary()


@pytest.fixture
def broker(memory_broker, value) -> SecretBroker:
    """A broker that knows it."""
    return memory_broker({"db/password": value})
