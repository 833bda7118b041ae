"""A whole agent run: the tool holds the value, and nobody else ever does."""

import pytest
from langchain.tools import ToolRuntime
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool, tool
from langgraph.types import Command

from langchain_tyrum.tools import secret_tool, wrap_tool


def plain_tool(canary, heard):
    @tool
    def push(branch: str) -> str:
        """Push a branch."""
        heard.hear(canary)
        return f"pushed {branch} with {canary}"

    return push


def decorated_tool(broker, heard):
    @secret_tool(broker, token="github/token")
    def push(branch: str, *, token: str) -> str:
        """Push a branch."""
        heard.hear(token)
        return f"pushed {branch} with {token}"

    return push


def coroutine_tool(broker, heard):
    @secret_tool(broker, token="github/token")
    async def push(branch: str, *, token: str) -> str:
        """Push a branch."""
        heard.hear(token)
        return f"pushed {branch} with {token}"

    return push


def artifact_tool(broker, heard):
    @secret_tool(broker, response_format="content_and_artifact", token="github/token")
    def push(branch: str, *, token: str) -> tuple[list, dict]:
        """Push a branch."""
        heard.hear(token)
        text = [{"type": "text", "text": f"pushed {token}"}]
        return text, {"headers": [("Authorization", f"Bearer {token}")], token: 1}

    return push


def command_tool(broker, heard):
    @secret_tool(broker, token="github/token")
    def push(branch: str, runtime: ToolRuntime, *, token: str) -> Command:
        """Push a branch."""
        heard.hear(token)
        told = ToolMessage(f"pushed {token}", tool_call_id=runtime.tool_call_id)
        return Command(update={"messages": [told]})

    return push


def list_tool(broker, heard):
    @secret_tool(broker, token="github/token")
    def push(branch: str, runtime: ToolRuntime, *, token: str) -> list:
        """Push a branch."""
        heard.hear(token)
        told = ToolMessage(
            f"pushed {token}", tool_call_id=runtime.tool_call_id, artifact=[token]
        )
        return [told, Command(update={})]

    return push


def wrapped_tool(broker, heard):
    def push(branch: str, token: str) -> str:
        """Push a branch."""
        heard.hear(token)
        return f"pushed {branch} with {token}"

    plain = StructuredTool.from_function(push)
    return wrap_tool(plain, broker, secrets={"token": "github/token"})


def writing_tool(broker, heard):
    @secret_tool(broker, token="github/token")
    def push(branch: str, runtime: ToolRuntime, *, token: str) -> str:
        """Push a branch."""
        heard.hear(token)
        runtime.stream_writer({"progress": f"using {token}"})
        for piece in (f"pushing with {token[:9]}", token[9:], " now"):
            runtime.emit_output_delta(piece)
        return f"pushed with {token}"

    return push


SYNC = [
    decorated_tool, artifact_tool, command_tool, list_tool, wrapped_tool, writing_tool,
]  # fmt: skip


class TestAgentRuns:
    @pytest.mark.parametrize("kind", ["agent", "node"])
    @pytest.mark.parametrize("make", SYNC)
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_no_surface_holds_the_value(
        self, make_run, tool_call, broker, canary, heard, kind, make, how
    ):
        """Disk, callbacks, streams, state and the model see a marker instead."""
        run = make_run(kind, [make(broker, heard)], [tool_call("push", branch="main")])

        await run.go(how)

        assert [] == run.leaks(canary)
        assert heard == [canary]
        assert run.finished
        assert "[REDACTED:github/token]" in str(run.tool_messages[0].content)
        assert b"[REDACTED:github/token]" in run.surfaces()["disk"]

    @pytest.mark.parametrize("kind", ["agent", "node"])
    async def test_coroutines_are_guarded_alike(
        self, make_run, tool_call, broker, canary, heard, kind
    ):
        """An async function is awaited in isolation and its result redacted."""
        made = coroutine_tool(broker, heard)
        run = make_run(kind, [made], [tool_call("push", branch="main")])

        await run.go("async")

        assert [] == run.leaks(canary)
        assert heard == [canary]
        assert run.finished

    @pytest.mark.parametrize("kind", ["agent", "node"])
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_a_planted_leak_is_seen(
        self, make_run, tool_call, canary, heard, kind, how
    ):
        """The same run with a plain tool leaks on every surface that is watched."""
        made = plain_tool(canary, heard)
        run = make_run(kind, [made], [tool_call("push", branch="main")])

        await run.go(how)

        assert ["disk", "callbacks", "streams", "model", "state"] == run.leaks(canary)

    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_the_model_is_told_nothing_of_the_parameter(
        self, make_run, tool_call, broker, heard, how
    ):
        """The tools that were bound to the model show the branch and no token."""
        made = decorated_tool(broker, heard)
        run = make_run("agent", [made], [tool_call("push", branch="main")])

        await run.go(how)

        shown = run.model.shown[0][0]["function"]
        assert ["branch"] == list(shown["parameters"]["properties"])
        assert "token" not in str(shown)


class TestDeltas:
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_a_value_split_over_deltas_is_joined_and_redacted(
        self, make_run, tool_call, broker, heard, how
    ):
        """The deltas together read as the redacted whole, with no tail lost."""
        made = writing_tool(broker, heard)
        run = make_run("node", [made], [tool_call("push", branch="main")])

        await run.go(how)

        deltas = [
            chunk[2]["delta"]
            for chunk in run.chunks
            if chunk[1] == "tools" and chunk[2]["event"] == "tool-output-delta"
        ]
        assert "pushing with [REDACTED:github/token] now" == "".join(deltas)
        custom = [chunk[2] for chunk in run.chunks if chunk[1] == "custom"]
        assert [{"progress": "using [REDACTED:github/token]"}] == custom


class TestParallelCalls:
    @pytest.mark.parametrize("kind", ["agent", "node"])
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_two_calls_at_once_keep_their_values_apart(
        self, make_run, make_broker, tool_call, heard, kind, how
    ):
        """Each call holds its own secret, and each answer names its own marker."""
        one, two = "first-quiet-value-1881", "second-quiet-value-2772"
        broker = make_broker({"db/one": one, "db/two": two})

        @secret_tool(broker, key="db/one")
        def read_one(table: str, *, key: str) -> str:
            """Read."""
            heard.hear(key)
            return f"one: {key}"

        @secret_tool(broker, key="db/two")
        def read_two(table: str, *, key: str) -> str:
            """Read."""
            heard.hear(key)
            return f"two: {key}"

        calls = [
            tool_call("read_one", "a", table="x"),
            tool_call("read_two", "b", table="y"),
        ]
        run = make_run(kind, [read_one, read_two], calls)

        await run.go(how)

        told = {m.tool_call_id: m.content for m in run.tool_messages}
        assert {"a": "one: [REDACTED:db/one]", "b": "two: [REDACTED:db/two]"} == told
        assert sorted(heard.digests) == sorted(set(heard.digests))
        assert 2 == len(heard.digests)
        assert [] == run.leaks(one) + run.leaks(two)
