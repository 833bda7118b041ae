"""Objects that compute their text: what observes a run is told it without values."""

from __future__ import annotations

import dataclasses
import json
import logging
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

    def test_structlog_fields_are_looked_into(self, redactor):
        """A renderer that writes JSON calls more than `str`."""
        fields = {"event": "x", "model": Card(VALUE), "row": Row(), "said": Spoken()}

        clean = redaction_processor(redactor)(None, "info", fields)

        assert VALUE not in json.dumps(clean, default=_written)
        assert "ok" == clean["model"].said
        assert {"text": MARK} == clean["row"]


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
