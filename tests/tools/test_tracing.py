"""The wire to LangSmith: what auto-tracing sends of a run with secret tools."""

import base64
import threading

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers.context import tracing_v2_enabled
from langsmith import Client, traceable
from langsmith.run_helpers import tracing_context

from langchain_tyrum.tools import secret_tool


class Wire:
    """Stands for the HTTP session and keeps every body."""

    def __init__(self):
        self.bodies = []
        self.headers = {}

    def mount(self, *args):
        pass

    def close(self):
        pass

    def request(self, method, url, **options):
        self.bodies.append((method, url, options.get("data")))
        return _Answer()

    def text(self):
        return repr(self.bodies)


class _Answer:
    status_code = 200
    text = "{}"

    def json(self):
        return {}

    def raise_for_status(self):
        pass


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def client(wire):
    return Client(
        api_url="http://127.0.0.1:9",
        api_key="none",
        session=wire,
        auto_batch_tracing=False,
        info={},
    )


def told(wire, value):
    text = wire.text()
    encoded = base64.b64encode(value.encode()).decode()
    return value in text or encoded in text


@traceable
def helper(value):
    return value


class TestAutoTracing:
    @pytest.mark.parametrize("how", ["sync", "async"])
    @pytest.mark.parametrize("fails", [False, True])
    @pytest.mark.parametrize("tracing", [tracing_context, tracing_v2_enabled])
    async def test_the_wire_carries_the_tool_run_without_the_value(
        self, broker, canary, heard, compile_tools, asking, tool_call, wire, client,
        how, fails, tracing,
    ):  # fmt: skip
        """Nested runs of the tool are not sent, its own run is, with markers."""

        @secret_tool(broker, token="github/token")
        def look(path: str, token: str, config: RunnableConfig) -> str:
            """Look."""
            heard.hear(token)
            RunnableLambda(lambda value: value, name="nested").invoke(token)
            RunnableLambda(lambda value: value, name="nested").invoke(token, config)
            helper(token)
            if fails:
                raise ValueError(f"failed with {token}")
            return f"used {token}"

        graph = compile_tools([look])
        given = asking(tool_call("look", path="x"))
        error = None
        enabled = {"enabled": True} if tracing is tracing_context else {}
        with tracing(client=client, **enabled):
            try:
                graph.invoke(given) if how == "sync" else await graph.ainvoke(given)
            except ValueError as raised:
                error = raised

        assert fails is (error is not None)
        assert heard == [canary]
        assert not told(wire, canary)
        assert "[REDACTED:github/token]" in wire.text()
        assert "look" in wire.text()
        assert "nested" not in wire.text()
        assert "helper" not in wire.text()

    def test_a_planted_leak_is_seen(
        self, canary, compile_tools, asking, tool_call, wire, client
    ):
        """The same wire shows the value of a plain tool."""

        @tool
        def look(path: str) -> str:
            """Look."""
            RunnableLambda(lambda value: value, name="nested").invoke(canary)
            return f"used {canary}"

        graph = compile_tools([look])
        with tracing_context(enabled=True, client=client):
            graph.invoke(asking(tool_call("look", path="x")))

        assert told(wire, canary)
        assert "nested" in wire.text()


class TestConcurrency:
    def test_many_calls_at_once_keep_apart(self, make_broker, heard):
        """Threads that share two tools get the right value and marker each time."""
        values = {f"db/{n}": f"quiet-value-number-{n}-{n * 7919}" for n in range(4)}
        broker = make_broker(values)
        tools = {}
        for name in sorted(values):

            def read(table: str, key: str) -> str:
                """Read."""
                return f"{table} {key}"

            tools[name] = secret_tool(broker, f"read_{name[-1]}", key=name)(read)
        results, barrier = [], threading.Barrier(8)

        def work(name):
            barrier.wait()
            for _ in range(5):
                results.append((name, tools[name].invoke({"table": "t"})))

        threads = [threading.Thread(target=work, args=(n,)) for n in [*values] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 40 == len(results)
        assert {f"t [REDACTED:{name}]" for name in values} == {r for _, r in results}
        assert all(name in result for name, result in results)
        assert "leases=0" in repr(broker)
