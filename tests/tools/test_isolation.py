"""What tool code can reach while it holds a value, and what comes out of it."""

import asyncio
import threading
import traceback
from typing import Annotated, Any

import httpx
import pytest
from langchain.tools import InjectedState, InjectedStore, ToolRuntime
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import InjectedToolCallId, ToolException
from langchain_core.tracers.context import collect_runs
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config, get_store, get_stream_writer
from langgraph.errors import GraphBubbleUp, GraphInterrupt, ParentCommand
from langgraph.func import task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import get_runtime
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Interrupt, RetryPolicy, interrupt
from langsmith import traceable
from langsmith.run_helpers import get_tracing_context
from pydantic import BaseModel

from langchain_tyrum.errors import ConfigError, InterruptInsideLease
from langchain_tyrum.tools import secret_tool

MARKER = "[REDACTED:github/token]"


def frames_of(error):
    """Return all that an error still holds, but for the locals of the test itself."""
    seen, stack, told = set(), [error], []
    while stack:
        one = stack.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        told += [repr(one), repr(one.args), repr(vars(one))]
        told += traceback.format_exception(one)
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_name.startswith("test_"):
                told += [repr(value) for value in frame.f_locals.values()]
        stack += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
    return "\n".join(told)


@pytest.fixture
def run_both(asking, tool_call):
    """Run one call of a tool in a graph, sync and async, and return the outputs."""

    async def run(graph, tool, config=None, **args):
        given = asking(tool_call(tool.name, **args))
        one = graph.invoke(given, config)
        two = await graph.ainvoke(given, config)
        return [one["messages"][-1], two["messages"][-1]]

    return run


class TestRuntime:
    async def test_what_langgraph_injects_arrives(
        self, broker, canary, heard, compile_tools, run_both
    ):
        """Runtime, state, store, call id and config reach the function."""

        @secret_tool(broker, token="github/token")
        def look(
            path: str,
            runtime: ToolRuntime,
            state: Annotated[dict, InjectedState],
            store: Annotated[Any, InjectedStore()],
            call_id: Annotated[str, InjectedToolCallId],
            config: RunnableConfig,
            *,
            token: str,
        ) -> str:
            """Look."""
            heard.hear(token)
            thread = config["configurable"]["thread_id"]
            same = runtime.config["configurable"]["thread_id"] == thread
            assert [] == runtime.config["callbacks"] == config["callbacks"]
            seen = f"{path} {len(state['messages'])} {call_id} {thread} {same}"
            store.put(("notes",), call_id, {"text": f"used {token}"})
            return f"{seen} {runtime.tool_call_id} {len(runtime.state['messages'])}"

        store = InMemoryStore()
        graph = compile_tools([look], InMemorySaver(), store=store)
        config = {"configurable": {"thread_id": "t7"}}
        one, two = await run_both(graph, look, config, path="x")

        assert "x 1 c1 t7 True c1 1" == one.content
        assert "x 2 c1 t7 True c1 2" == two.content
        assert heard == [canary] * 2
        assert {"text": f"used {MARKER}"} == store.get(("notes",), "c1").value
        assert ["path"] == list(look.args)

    async def test_ambient_helpers_work_and_are_guarded(
        self, broker, canary, heard, compile_tools, asking, tool_call
    ):
        """get_store, get_stream_writer, get_runtime and get_config are at hand."""

        @secret_tool(broker, token="github/token")
        async def look(path: str, token: str) -> str:
            """Look."""
            heard.hear(token)
            get_stream_writer()(f"writing {token}")
            await get_store().aput(("n",), "k", {"text": token})
            get_runtime().stream_writer({"deep": [token]})
            return get_config()["configurable"]["thread_id"]

        store = InMemoryStore()
        graph = compile_tools([look], InMemorySaver(), store=store)
        config = {"configurable": {"thread_id": "t7"}}
        given = asking(tool_call("look", path="x"))
        chunks = [c async for c in graph.astream(given, config, stream_mode="custom")]

        assert [f"writing {MARKER}", {"deep": [MARKER]}] == chunks
        assert {"text": MARKER} == store.get(("n",), "k").value
        assert heard == [canary]
        assert "t7" == graph.get_state(config).values["messages"][-1].content

    async def test_the_config_keeps_what_is_the_callers(
        self, broker, compile_tools, run_both
    ):
        """Configurable stays; callbacks, tags, metadata, names and doors are gone."""
        seen = []

        @secret_tool(broker, token="github/token")
        def look(token: str) -> str:
            """Look."""
            seen.append(get_config())
            return "ok"

        graph = compile_tools([look])
        await run_both(
            graph,
            look,
            {"configurable": {"flavor": "mint"}, "tags": ["x"], "metadata": {"a": 1}},
        )

        for config in seen:
            assert "mint" == config["configurable"]["flavor"]
            assert [] == config["callbacks"]
            gone = {"tags", "metadata", "run_name", "run_id"}
            assert not gone.intersection(config)
            assert "__pregel_send" not in config["configurable"]
            assert "__pregel_stream" not in config["configurable"]
            assert "__pregel_checkpointer" not in config["configurable"]

    async def test_nothing_the_tool_starts_is_told_to_callbacks(
        self, broker, canary, heard, make_run, tool_call
    ):
        """Runnables and traceables inside a lease make no event and no run."""
        contexts = []

        @traceable
        def helper(value):
            contexts.append(get_tracing_context())
            return value

        @secret_tool(broker, token="github/token")
        def look(path: str, token: str, config: RunnableConfig) -> str:
            """Look."""
            heard.hear(token)
            nested = RunnableLambda(lambda value: value, name="nested-run")
            nested.invoke(token)
            nested.invoke(token, config)
            helper(token)
            return "ok"

        run = make_run("agent", [look], [tool_call("look", path="x")])
        run.start()

        assert [] == run.leaks(canary)
        assert heard == [canary]
        assert "nested-run" not in repr(run.recorder.events)
        assert any("tool_end" in name for name, _, _ in run.recorder.events)
        assert [False] == [context["enabled"] for context in contexts]

    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_ambient_collectors_see_only_the_tool(
        self, broker, canary, heard, how
    ):
        """Handlers that a context variable adds to every run get none from inside."""

        @secret_tool(broker, token="github/token")
        def look(path: str, token: str) -> str:
            """Look."""
            heard.hear(token)
            return RunnableLambda(lambda value: value, name="nested").invoke(token)

        with collect_runs() as collected:
            if how == "sync":
                look.invoke({"path": "x"})
            else:
                await look.ainvoke({"path": "x"})

        assert ["look"] == [run.name for run in collected.traced_runs]
        assert canary not in repr([vars(run) for run in collected.traced_runs])
        assert heard == [canary]

    async def test_outside_a_graph_it_works_too(self, broker, heard, canary):
        """A direct call has a config, and neither store nor runtime."""

        @secret_tool(broker, token="github/token")
        def look(token: str, config: RunnableConfig) -> str:
            """Look."""
            heard.hear(token)
            return config["configurable"]["flavor"]

        config = {"configurable": {"flavor": "mint"}}
        assert "mint" == look.invoke({}, config)
        assert "mint" == await look.ainvoke({}, config)
        assert heard == [canary] * 2


class TestInterrupts:
    async def test_interrupt_inside_a_lease_is_an_error(
        self, broker, heard, compile_tools, run_both, canary
    ):
        """It names the mend, and the question never leaves."""

        @secret_tool(broker, token="github/token")
        def look(token: str) -> str:
            """Look."""
            heard.hear(token)
            return interrupt(f"is {token} right?")

        graph = compile_tools([look], InMemorySaver())
        for how in (graph.invoke, look.invoke):
            given = {} if how == look.invoke else None
            with pytest.raises(InterruptInsideLease, match="ask first") as caught:
                if given is None:
                    await run_both(graph, look, {"configurable": {"thread_id": "1"}})
                else:
                    how(given)
            assert canary not in frames_of(caught.value)
        assert heard == [canary] * 2

    async def test_an_interrupt_that_was_made_by_hand_is_one_too(
        self, broker, canary, compile_tools, run_both
    ):
        """Its payload stays inside, and the mend is named."""

        @secret_tool(broker, token="github/token")
        def look(token: str) -> str:
            """Look."""
            raise GraphInterrupt((Interrupt(value=f"is {token} right?"),))

        graph = compile_tools([look], InMemorySaver())
        config = {"configurable": {"thread_id": "1"}}
        with pytest.raises(InterruptInsideLease) as caught:
            await run_both(graph, look, config)
        assert canary not in frames_of(caught.value)

    async def test_a_task_inside_a_lease_is_refused(
        self, broker, compile_tools, run_both
    ):
        """Its arguments would be traced and stored."""

        @task
        def step(value):
            return value

        @secret_tool(broker, token="github/token")
        def look(token: str) -> str:
            """Look."""
            return step(token).result()

        with pytest.raises(ConfigError, match="@task"):
            await run_both(compile_tools([look]), look)


class TestNestedTools:
    async def test_a_secret_tool_may_call_another(
        self, make_broker, heard, compile_tools, run_both
    ):
        """Each leases for itself, and both values are redacted."""
        one, two = "first-quiet-value-1881", "second-quiet-value-2772"
        broker = make_broker({"a": one, "b": two})

        @secret_tool(broker, key="b")
        def inner(path: str, key: str) -> str:
            """Inner."""
            heard.hear(key)
            return f"{path} {key}"

        @secret_tool(broker, token="a")
        def outer(path: str, token: str) -> str:
            """Outer."""
            heard.hear(token)
            return f"{inner.invoke({'path': path})} {token}"

        for message in await run_both(compile_tools([outer]), outer, path="x"):
            assert "x [REDACTED:b] [REDACTED:a]" == message.content
        assert heard == [one, two] * 2


class Bill(BaseModel):
    """Holds a value beside a field that does not fit."""

    key: str
    amount: int


class TestNestedGraphs:
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_a_graph_inside_a_lease_is_no_part_of_the_outer_one(
        self, broker, canary, heard, make_run, tool_call, how
    ):
        """It runs, and neither saver, stream nor callbacks of the outer see it."""
        inner = StateGraph(MessagesState)
        inner.add_node("echo", lambda state: {"messages": [("ai", "inner done")]})
        inner.add_edge(START, "echo")
        nested = inner.compile()

        @secret_tool(broker, token="github/token")
        async def alook(path: str, token: str) -> str:
            """Look."""
            heard.hear(token)
            out = await nested.ainvoke({"messages": [("user", token)]})
            return out["messages"][-1].content

        @secret_tool(broker, token="github/token")
        def look(path: str, token: str) -> str:
            """Look."""
            heard.hear(token)
            out = nested.invoke({"messages": [("user", token)]})
            return out["messages"][-1].content

        made = look if how == "sync" else alook
        run = make_run("agent", [made], [tool_call(made.name, path="x")])
        await run.go(how)

        assert "inner done" == run.tool_messages[0].content
        assert heard == [canary]
        assert run.finished
        assert [] == run.leaks(canary)


class Teapot(Exception):
    def __init__(self, text, code):
        super().__init__(text, code)
        self.code = code


def failing(broker, heard, make_error, *, is_async=False):
    def fail(path: str, token: str) -> str:
        """Fail."""
        heard.hear(token)
        held = {"token": token}
        raise make_error(held["token"])

    async def afail(path: str, token: str) -> str:
        """Fail."""
        await asyncio.sleep(0)
        return fail(path, token)

    return secret_tool(broker, "fail", token="github/token")(
        afail if is_async else fail
    )


def with_cause(value):
    error = ValueError("clean text")
    error.__cause__ = KeyError(f"from {value}")
    error.add_note(f"while using {value}")
    return error


def http_error(value):
    request = httpx.Request(
        "GET", f"https://x/?k={value}", headers={"Authorization": f"Bearer {value}"}
    )
    response = httpx.Response(503, request=request, content=value.encode())
    return httpx.HTTPStatusError("it failed", request=request, response=response)


INTERRUPTS = (KeyboardInterrupt, SystemExit)
ERRORS = [
    (lambda value: ValueError(f"bad {value}"), ValueError),
    (lambda value: ValueError("no word of it"), ValueError),
    (lambda value: Teapot(f"bad {value}", 7), Teapot),
    (KeyError, KeyError),
    (lambda value: ConnectionError(111, f"refused {value}"), ConnectionError),
    (lambda value: FileNotFoundError(2, "none", f"/tmp/{value}"), FileNotFoundError),
    (with_cause, ValueError),
    (http_error, httpx.HTTPStatusError),
    (lambda value: ExceptionGroup("all", [ValueError(value)]), ExceptionGroup),
    (lambda value: ToolException(f"no {value}"), ToolException),
    (lambda value: GraphBubbleUp(f"up {value}"), GraphBubbleUp),
]


class TestErrors:
    @pytest.mark.parametrize(("make_error", "kind"), ERRORS)
    async def test_errors_keep_their_class_and_lose_the_value(
        self, broker, canary, heard, make_error, kind
    ):
        """Text, notes, causes, attributes and frames are free of it, both ways."""
        tool = failing(broker, heard, make_error)

        with pytest.raises(kind) as caught:
            tool.invoke({"path": "x"})
        with pytest.raises(kind) as acaught:
            await tool.ainvoke({"path": "x"})

        for error in (caught.value, acaught.value):
            assert canary not in frames_of(error)
            assert error.__context__ is None
        assert heard == [canary] * 2

    @pytest.mark.parametrize(("make_error", "kind"), ERRORS)
    async def test_errors_of_coroutines_too(
        self, broker, canary, heard, make_error, kind
    ):
        """What an awaited function raises comes out the same way."""
        tool = failing(broker, heard, make_error, is_async=True)

        with pytest.raises(kind) as caught:
            await tool.ainvoke({"path": "x"})

        assert canary not in frames_of(caught.value)
        assert heard == [canary]

    async def test_an_error_that_cannot_be_redacted_is_withheld(
        self, broker, canary, heard
    ):
        """Only the name of its class comes out, with neither text nor context."""

        class Stubborn(Exception):
            @property
            def code(self):
                raise ValueError(f"hidden {canary}")

        made = failing(broker, heard, lambda value: Stubborn(f"bad {value}"))
        with pytest.raises(RuntimeError, match="raised Stubborn") as caught:
            await made.ainvoke({"path": "x"})
        assert canary not in frames_of(caught.value)

    @pytest.mark.parametrize("kind", INTERRUPTS)
    @pytest.mark.parametrize("is_async", [False, True])
    def test_interrupts_of_the_process_pass_redacted(
        self, broker, canary, heard, kind, is_async
    ):
        """KeyboardInterrupt and SystemExit end the run and tell no value."""
        made = failing(broker, heard, lambda v: kind(f"stop {v}"), is_async=is_async)

        with pytest.raises(kind, match="stop") as caught:
            if is_async:
                asyncio.run(made.ainvoke({"path": "x"}))
            else:
                made.invoke({"path": "x"})

        assert canary not in frames_of(caught.value)
        assert heard == [canary]

    def test_an_http_error_keeps_its_status(self, broker, heard):
        """Retry policies read the status code of the response."""
        with pytest.raises(httpx.HTTPStatusError) as caught:
            failing(broker, heard, http_error).invoke({"path": "x"})
        assert 503 == caught.value.response.status_code
        assert {} == {
            k: v
            for k, v in caught.value.request.headers.items()
            if k == "authorization"
        }

    def test_attributes_of_own_errors_stay(self, broker, heard):
        """Handlers find the code that the error carried."""
        tool = failing(broker, heard, lambda value: Teapot(f"bad {value}", 7))
        with pytest.raises(Teapot) as caught:
            tool.invoke({"path": "x"})
        assert 7 == caught.value.code
        assert f"bad {MARKER}" in str(caught.value)

    @pytest.mark.parametrize(
        "blunder",
        [
            lambda value: Bill(key=value, amount=value),
            lambda value: value.no_such_thing,
            lambda value: value.encode("utf-16").decode("ascii"),
            lambda value: next(iter({value: 1}[value + "x"])),
            int,
            lambda value: compile(f"{value} = =", value, "exec"),
        ],
    )
    async def test_errors_that_python_makes_tell_nothing_either(
        self, broker, canary, heard, blunder
    ):
        """Quoted inputs, lacking attributes and lines of code are withheld."""

        @secret_tool(broker, token="github/token")
        async def stumble(token: str) -> str:
            """Stumble."""
            heard.hear(token)
            return blunder(token)

        with pytest.raises((ValueError, LookupError, AttributeError, SyntaxError)) as e:
            blunder(canary)
        with pytest.raises(e.type) as caught:
            await stumble.ainvoke({})

        told = frames_of(caught.value)
        for name in ("obj", "object", "filename", "text", "name"):
            told += repr(getattr(caught.value, name, None))
        if hasattr(caught.value, "errors"):
            told += repr(caught.value.errors())
        assert canary not in told
        assert canary.encode("utf-16") not in told.encode()
        assert heard == [canary]

    @pytest.mark.parametrize("flag", [True, "fixed", lambda error: f"told: {error}"])
    async def test_handled_tool_errors_are_told_redacted(
        self, broker, canary, heard, compile_tools, run_both, flag
    ):
        """handle_tool_error of the tool sees the redacted error only."""
        tool = failing(broker, heard, lambda value: ToolException(f"no {value}"))
        tool.handle_tool_error = flag
        for message in await run_both(compile_tools([tool]), tool, path="x"):
            assert "error" == message.status
            assert canary not in message.content
            assert MARKER in message.content or flag == "fixed"
        assert heard == [canary] * 2

    async def test_tool_node_handles_redacted_errors(
        self, broker, canary, heard, compile_tools, run_both
    ):
        """handle_tool_errors of the node shows the model the redacted error."""
        tool = failing(broker, heard, lambda value: ValueError(f"bad {value}"))
        graph = compile_tools([tool], handle_tool_errors=True)
        for message in await run_both(graph, tool, path="x"):
            assert "error" == message.status
            assert f"bad {MARKER}" in message.content
            assert canary not in message.content

    @pytest.mark.parametrize("is_async", [False, True])
    async def test_a_retry_policy_still_retries(
        self, broker, canary, heard, compile_tools, asking, tool_call, is_async
    ):
        """The class of the error survives, so the third try succeeds."""
        tries = []

        def flaky(path: str, token: str) -> str:
            """Fail twice."""
            heard.hear(token)
            tries.append(path)
            if len(tries) < 3:
                raise ConnectionError(f"lost {token}")
            return "ok"

        async def aflaky(path: str, token: str) -> str:
            """Fail twice."""
            return flaky(path, token)

        tool = secret_tool(broker, "flaky", token="github/token")(
            aflaky if is_async else flaky
        )
        retry = RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False)
        graph = compile_tools([tool], retry=retry)
        given = asking(tool_call("flaky", path="x"))
        out = await graph.ainvoke(given) if is_async else graph.invoke(given)

        assert "ok" == out["messages"][-1].content
        assert heard == [canary] * 3

    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_a_command_to_the_parent_passes_redacted(
        self, broker, canary, heard, tool_call, how
    ):
        """ParentCommand reaches the parent graph, without the value in its update."""

        @secret_tool(broker, token="github/token")
        def leave(token: str) -> str:
            """Leave."""
            heard.hear(token)
            update = {"messages": [("ai", f"left with {token}")]}
            raise ParentCommand(
                Command(graph=Command.PARENT, update=update, goto="after")
            )

        child = StateGraph(MessagesState)
        child.add_node("tools", ToolNode([leave]))
        child.add_edge(START, "tools")
        parent = StateGraph(MessagesState)
        parent.add_node("child", child.compile())
        parent.add_node("after", lambda state: {"messages": [("ai", "arrived")]})
        parent.add_edge(START, "child")
        graph = parent.compile()
        ai = {"role": "ai", "content": "", "tool_calls": [tool_call("leave")]}
        given = {"messages": [ai]}
        out = graph.invoke(given) if how == "sync" else await graph.ainvoke(given)

        said = [message.content for message in out["messages"]]
        assert f"left with {MARKER}" in said
        assert "arrived" == said[-1]
        assert canary not in repr(out)
        assert heard == [canary]

    async def test_the_plain_way_would_hold_the_value(self, canary):
        """The probe sees values in text, attributes and frames of a plain error."""

        def fail(token):
            raise ValueError("no word of it")

        with pytest.raises(ValueError, match="no word") as caught:
            RunnableLambda(fail).invoke(canary)
        assert canary in frames_of(caught.value)
        assert canary in frames_of(http_error(canary))
        assert canary in frames_of(with_cause(canary))


class TestCancellation:
    async def test_cancelling_the_caller_cancels_and_awaits_the_code(
        self, broker, canary, heard
    ):
        """The code has cleaned up when the cancelled call returns."""
        started, cleaned = asyncio.Event(), []

        @secret_tool(broker, token="github/token")
        async def wait(token: str) -> str:
            """Wait."""
            heard.hear(token)
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.append(True)
            return "never"

        running = asyncio.create_task(wait.ainvoke({}))
        async with asyncio.timeout(20):  # a guard against hanging, not a promise
            await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await running

        assert [True] == cleaned
        assert heard == [canary]
        assert canary not in frames_of(caught.value)
        assert "leases=0" in repr(broker)

    async def test_timeouts_work(self, broker):
        """asyncio.timeout around a call ends it as usual."""

        @secret_tool(broker, token="github/token")
        async def wait(token: str) -> str:
            """Wait."""
            await asyncio.Event().wait()
            return "never"

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await wait.ainvoke({})
        assert "leases=0" in repr(broker)

    def test_a_thread_that_the_tool_joins_is_isolated_by_its_own_context(
        self, broker, canary, heard
    ):
        """Code that starts threads still gets its value and returns redacted."""

        @secret_tool(broker, token="github/token")
        def spread(token: str) -> str:
            """Spread."""
            parts = []
            worker = threading.Thread(target=lambda: parts.append(token))
            worker.start()
            worker.join()
            heard.hear(parts[0])
            return parts[0]

        assert MARKER == spread.invoke({})
        assert heard == [canary]
