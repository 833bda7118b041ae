"""Ledger rows as custom events of the run that caused them."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    CallbackManager,
)
from langchain_core.runnables import RunnableLambda
from langchain_core.runnables.config import set_config_context

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider
from langchain_tyrum.tools import secret_tool
from langchain_tyrum.traces import CustomEventSink

VALUE = "quiet-otter-7713-lamp-rail"


class Heard(BaseCallbackHandler):
    """Keeps the custom events it is told of."""

    def __init__(self):
        self.events = []

    def on_custom_event(self, name, data, *, run_id, **_):
        self.events.append((name, data["action"], data, run_id))

    @property
    def actions(self):
        return [action for _, action, *_ in self.events]


class HeardAsync(AsyncCallbackHandler):
    """The same for handlers that are awaited."""

    def __init__(self):
        self.events = []

    async def on_custom_event(self, name, data, *, run_id, **_):
        await asyncio.sleep(0)
        self.events.append((name, data["action"], data, run_id))

    actions = Heard.actions


@pytest.fixture
def broker():
    with SecretBroker(
        providers=[MemoryProvider()],
        catalog="sqlite://",
        policy=SecretPolicy(allow=["*"]),
        audit_sinks=[CustomEventSink()],
    ) as made:
        made.put("k", VALUE)
        yield made


@pytest.fixture
def fetch(broker):
    @secret_tool(broker, token="k")
    def fetch(*, token: str) -> str:
        """Fetch."""
        return f"{len(token)}"

    return fetch


class TestEvents:
    @pytest.mark.parametrize("handler", [Heard, HeardAsync])
    async def test_a_tools_leases_are_events_of_its_run(self, broker, fetch, handler):
        """Intent and outcome of a lease are told, sync and async, without the value."""
        for how in ("sync", "async"):
            heard = handler()
            config = {"callbacks": [heard]}
            if how == "async":
                await fetch.ainvoke({}, config)
            else:
                await asyncio.to_thread(fetch.invoke, {}, config)

            assert ["lease_intent", "lease"] == heard.actions
            assert {"tyrum.audit"} == {name for name, *_ in heard.events}
            assert VALUE not in str(heard.events)
            assert 1 == len({run_id for *_, run_id in heard.events})

    async def test_astream_events_yields_them(self, broker, fetch):
        """Who follows a run by `astream_events` reads them there."""
        chain = RunnableLambda(lambda _: {}) | fetch

        events = [
            event["data"]["action"]
            async for event in chain.astream_events("go", version="v2")
            if event["event"] == "on_custom_event"
        ]
        assert ["lease_intent", "lease"] == events

    async def test_twins_tell_too(self, broker):
        """What the async twins do in their threads belongs to the run as well."""
        heard = Heard()

        async def work(_):
            await broker.arotate("k", f"{VALUE}-2")
            async with broker.alease("k", tool_id="t"):
                pass

        await RunnableLambda(work).ainvoke(None, {"callbacks": [heard]})

        assert ["rotate", "lease_intent", "lease"] == heard.actions


class TestSilence:
    async def test_outside_a_run(self, broker, caplog):
        """Without a run nothing is dispatched and nothing complained of."""
        with broker.lease("k", tool_id="t"):
            pass
        async with broker.alease("k", tool_id="t"):
            pass
        await asyncio.to_thread(broker.rotate, "k", f"{VALUE}-2")

        assert [] == caplog.records

    def test_with_handlers_and_without_a_run(self, broker, caplog):
        """Callbacks that belong to no run yet have nothing to hang an event on."""
        heard = Heard()
        config = {"callbacks": CallbackManager([heard])}
        with set_config_context(config) as context:
            context.run(broker.rotate, "k", f"{VALUE}-2")

        assert ([], []) == (heard.events, caplog.records)

    def test_in_a_run_without_handlers(self, broker, fetch, caplog):
        """A run that nobody listens to goes on as ever."""
        assert str(len(VALUE)) == fetch.invoke({})
        assert [] == caplog.records

    def test_a_handler_that_uses_the_broker_is_told_once(self, broker):
        """Rows that telling causes are not told again, so nothing goes round."""
        told = []

        class Busy(BaseCallbackHandler):
            def on_custom_event(self, name, data, **_):
                told.append(data["action"])
                broker.record("noticed", "ok")

        RunnableLambda(lambda _: broker.rotate("k", f"{VALUE}-3")).invoke(
            None, {"callbacks": [Busy()]}
        )

        assert ["rotate"] == told
        assert "noticed" == broker.audit.tail(1)[0]["action"]

    def test_a_handler_that_fails_stops_nothing(self, broker, fetch, caplog):
        """Not even a handler that insists on raising keeps a tool from its lease."""

        class Failing(BaseCallbackHandler):
            raise_error = True

            def on_custom_event(self, *_, **__):
                raise RuntimeError(VALUE)

        out = fetch.invoke({}, {"callbacks": [Failing()]})

        assert str(len(VALUE)) == out
        assert "an audit sink failed" in caplog.text

    def test_prints_its_event(self):
        """It tells what its events are called."""
        assert "CustomEventSink('tyrum.audit')" == repr(CustomEventSink())
