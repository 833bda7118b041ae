"""Objects that compute their text: what observes a run is told it without values."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import traceback
from typing import Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from pydantic import BaseModel, computed_field

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.traces import (
    RedactingCallbackHandler,
    RedactionFilter,
    install_tracing,
    redaction_processor,
)

VALUE = "tulip-42-kites-over-zanzibar"
HALVES = (VALUE[:9], VALUE[9:])
MARK = "[REDACTED:vault/canary]"


class Model(BaseModel):
    left: str = HALVES[0]

    @computed_field
    @property
    def whole(self) -> str:
        return self.left + HALVES[1]


class Spoken:
    def __str__(self) -> str:
        return "".join(HALVES)


@dataclasses.dataclass
class Card:
    token: str
    said: str = "ok"

    def __repr__(self) -> str:
        return "Card"


class Row(list):
    def to_dict(self) -> dict[str, Any]:
        return {"text": VALUE}


class Turning:
    """Says the value once it was asked often enough."""

    def __init__(self, clean: int) -> None:
        self.clean = clean

    def __repr__(self) -> str:
        self.clean -= 1
        return "fine" if self.clean >= 0 else "".join(HALVES)


class TurningError(ValueError):
    """So does its text."""

    def __init__(self, clean: int) -> None:
        self.clean = clean

    __str__ = Turning.__repr__


class TurningNumber(float):
    """So does its text, though it is a number."""

    clean = 0
    __repr__ = __str__ = Turning.__repr__


class Kept(logging.Handler):
    """Formats each record as a line, and as JSON with its extra fields."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        extra = json.dumps(getattr(record, "what", None), default=_written)
        self.lines.append(f"{record.getMessage()} {extra}")


def _written(obj: Any) -> Any:
    if dataclasses.is_dataclass(obj):
        return vars(obj)
    return obj.model_dump() if isinstance(obj, BaseModel) else str(obj)


@pytest.fixture
def redactor():
    """One that knows the value."""
    made = Redactor()
    made.register("vault/canary", VALUE)
    return made


@pytest.fixture
def logger(redactor):
    """A logger whose handler redacts, and what it wrote."""
    handler = Kept()
    log = logging.getLogger("tyrum.tests.computed")
    log.setLevel(logging.DEBUG)
    log.propagate = False
    log.addHandler(handler)
    bare = Kept()
    log.addHandler(bare)
    handler.addFilter(RedactionFilter(redactor))
    log.handlers.reverse()  # the bare one first: a filter changes the record for all
    yield log, handler.lines, bare.lines
    log.handlers.clear()


class TestLogs:
    @pytest.mark.parametrize(
        ("args", "extra"),
        [
            (("%s", Spoken()), None),
            (("%s", [{"a": Model()}]), None),
            (("%(a)s", {"a": Spoken()}), None),
            (("extra",), Model()),
            (("extra",), [Spoken()]),
            (("extra",), Card(VALUE)),
        ],
    )
    def test_no_line_says_a_value(self, logger, args, extra):
        """Message, arguments and extra fields, as text and as JSON."""
        log, lines, bare = logger
        log.info(*args, extra={"what": extra})

        assert VALUE in bare[0]
        assert VALUE not in lines[0]
        assert MARK in lines[0]

    @pytest.mark.parametrize("clean", range(9))
    @pytest.mark.parametrize(
        "make",
        [
            lambda t: ("%s", t),
            lambda t: ("%r and %s", t, [t]),
            lambda t: ("%(a)s", {"a": t}),
            lambda t: (t,),
            lambda t: ("error %s", ValueError(t)),
        ],
    )
    def test_a_line_says_what_was_looked_at(self, logger, make, clean):
        """However often the text was clean before, all handlers say the same."""
        log, lines, _ = logger
        log.handlers[:] = [log.handlers[1], log.handlers[1]]
        what = Turning(clean)
        log.info(*make(what), extra={"what": what})

        assert 2 == len(lines)
        assert VALUE not in "".join(lines)
        assert all("fine" in line or MARK in line for line in lines)
        assert "".join(HALVES) in f"{Turning(0)}"

    @pytest.mark.parametrize("clean", range(9))
    def test_an_exception_says_what_was_looked_at(self, logger, clean):
        """So does the error that a record carries, in all formats."""
        log, *_ = logger
        record = None
        try:
            raise RuntimeError("outer") from TurningError(clean)
        except RuntimeError:
            info = sys.exc_info()
            record = log.makeRecord("x", 40, "f", 1, "failed", (), info)
        log.handlers[1].filter(record)
        formats = [logging.Formatter().format(record) for _ in range(3)]
        formats.append("".join(traceback.format_exception(record.exc_info[1])) * 2)

        assert VALUE not in "".join(formats)
        assert "outer" in formats[0]

    @pytest.mark.parametrize("clean", range(9))
    def test_a_number_says_what_was_looked_at(self, logger, clean):
        """It stays a number for formats that want one."""
        log, lines, _ = logger
        log.handlers[:] = [log.handlers[1], log.handlers[1]]
        number, other = TurningNumber(1.5), TurningNumber(2.5)
        number.clean, other.clean = clean, 50
        log.info("%s and %s", number, other)
        log.info("%.1f", other)

        assert VALUE not in "".join(lines)
        assert "2.5" in lines[2]

    def test_structlog_fields_are_looked_into(self, redactor):
        """A renderer that writes JSON calls more than `str`."""
        fields = {"event": "x", "model": Card(VALUE), "row": Row(), "said": Spoken()}

        clean = redaction_processor(redactor)(None, "info", fields)

        assert VALUE not in json.dumps(clean, default=_written)
        assert "ok" == clean["model"].said
        assert {"text": MARK} == clean["row"]


class TestHooks:
    @pytest.mark.parametrize("clean", range(5))
    def test_what_nobody_caught_says_what_was_looked_at(
        self, redactor, monkeypatch, clean
    ):
        """Whatever hook was there before writes the error once more."""
        said = []

        def hook(kind: Any, error: Any, trace: Any) -> None:
            said.append("".join(traceback.format_exception(kind, error, trace)))

        monkeypatch.setattr(sys, "excepthook", hook)
        with install_tracing(redactor):
            error = TurningError(clean)
            sys.excepthook(type(error), error, None)

        assert 1 == len(said)
        assert VALUE not in said[0]


class Heard(BaseCallbackHandler):
    """Keeps what each event shows, in every way a handler may ask."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def _hear(self, event: str, *told: Any) -> None:
        shown = [f"{each} {each!r}" for each in told]
        dumps = [each.model_dump() for each in told if isinstance(each, BaseModel)]
        self.said[event] = f"{shown}{dumps}"

    def on_chain_start(self, serialized: Any, inputs: Any, **_: Any) -> None:
        self._hear("chain start", inputs)

    def on_chain_end(self, outputs: Any, **_: Any) -> None:
        self._hear("chain end", outputs)

    def on_tool_start(self, serialized: Any, text: Any, **more: Any) -> None:
        self._hear("tool start", text, *(more.get("inputs") or {}).values())

    def on_tool_end(self, output: Any, **_: Any) -> None:
        self._hear("tool end", output)

    def on_custom_event(self, name: Any, data: Any, **_: Any) -> None:
        self._hear("custom", data)


class AsyncHeard(AsyncCallbackHandler):
    """The same, with coroutines."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.said = self.heard.said

    async def on_chain_start(self, *args: Any, **more: Any) -> None:
        self.heard.on_chain_start(*args, **more)

    async def on_chain_end(self, *args: Any, **more: Any) -> None:
        self.heard.on_chain_end(*args, **more)

    async def on_tool_start(self, *args: Any, **more: Any) -> None:
        self.heard.on_tool_start(*args, **more)

    async def on_tool_end(self, *args: Any, **more: Any) -> None:
        self.heard.on_tool_end(*args, **more)

    async def on_custom_event(self, *args: Any, **more: Any) -> None:
        self.heard.on_custom_event(*args, **more)


@tool
def login(with_: Any) -> Any:
    """Log in."""
    return with_


EVENTS = {"chain start", "chain end", "tool start", "tool end", "custom"}


class TestHandlers:
    @pytest.mark.parametrize("make", [Spoken, Model])
    def test_no_event_says_a_value(self, redactor, make):
        """Inputs, outputs and custom events of chains and tools; the run goes on."""
        bare, heard = Heard(), Heard()
        seen = []

        def work(given: Any) -> Any:
            dispatch_custom_event("login", given)
            seen.append(login.invoke({"with_": given}))
            return given

        handlers = [bare, RedactingCallbackHandler(heard, redactor)]
        result = RunnableLambda(work).invoke(make(), {"callbacks": handlers})

        assert EVENTS == {*heard.said}
        assert all(VALUE in said for said in bare.said.values())
        assert not any(VALUE in said for said in heard.said.values())
        assert all(MARK in said for said in heard.said.values())
        assert [make] == [type(each) for each in seen] == [type(result)]
        assert VALUE in str(result)

    @pytest.mark.parametrize("clean", range(10))
    def test_events_say_what_was_looked_at(self, redactor, clean):
        """A handler that asks again, and later, hears nothing else."""
        heard, kept = Heard(), []
        heard.on_chain_end = lambda outputs, **_: kept.append(outputs)
        given = Turning(clean)
        handler = RedactingCallbackHandler(heard, redactor)
        result = RunnableLambda(lambda x: x).invoke(given, {"callbacks": [handler]})
        said = [f"{each!r} {each}" for each in kept * 10]

        assert given is result
        assert said
        assert VALUE not in "".join([*said, *heard.said.values()])

    @pytest.mark.parametrize("make", [Spoken, Model])
    async def test_no_event_says_a_value_async(self, redactor, make):
        """The same with coroutines."""
        bare, heard = AsyncHeard(), AsyncHeard()

        async def work(given: Any) -> Any:
            await adispatch_custom_event("login", given)
            return await login.ainvoke({"with_": given})

        handlers = [bare, RedactingCallbackHandler(heard, redactor)]
        result = await RunnableLambda(work).ainvoke(make(), {"callbacks": handlers})

        assert EVENTS == {*heard.said}
        assert all(VALUE in said for said in bare.said.values())
        assert not any(VALUE in said for said in heard.said.values())
        assert VALUE in str(result)
