"""Where tools meet approvals: denied, asked, answered, and asked by whom."""

from types import SimpleNamespace

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from langchain_tyrum.approval import approve, decisions, reject
from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import ApprovalRefused, ApprovalRequired, SecretForbidden
from langchain_tyrum.tools import running, secret_tool
from langchain_tyrum.tools.siblings import siblings_of

VALUE = "quiet-otter-7713-lamp-rail"


@pytest.fixture
def make_push(make_broker, heard):
    def make(*, is_async=False, **policy):
        broker = make_broker({"git/token": VALUE, "db/key": VALUE[::-1]}, **policy)

        def push(branch: str, *, token: str) -> str:
            """Push."""
            heard.hear(token)
            return f"pushed {branch} with {token}"

        async def apush(branch: str, *, token: str) -> str:
            """Push."""
            return push(branch, token=token)

        made = secret_tool(broker, "push", token="git/token")
        return made(apush if is_async else push)

    return make


CONFIG = {"configurable": {"thread_id": "t1", "user_id": "ada"}}


class TestDenied:
    async def test_the_model_is_told_in_a_graph(
        self, make_push, compile_tools, asking, tool_call, heard
    ):
        """A denied call becomes an error message that says why."""
        push = make_push(deny=["*"])
        graph = compile_tools([push])
        given = asking(tool_call("push", branch="main"))
        for out in (graph.invoke(given), await graph.ainvoke(given)):
            message = out["messages"][-1]
            assert "error" == message.status
            assert "git/token" in message.content
            assert "go on without" in message.content
        assert [] == heard.digests

    async def test_code_gets_an_exception(self, make_push, heard):
        """A direct call raises."""
        push = make_push(deny=["*"])
        with pytest.raises(SecretForbidden):
            push.invoke({"branch": "main"})
        with pytest.raises(SecretForbidden):
            await push.ainvoke({"branch": "main"})
        assert [] == heard.digests


class TestNobodyToAsk:
    async def test_it_is_raised_past_the_error_handling_of_the_node(
        self, make_push, compile_tools, asking, tool_call, heard
    ):
        """Without a checkpointer nobody can answer, and the model is not told."""
        push = make_push(require_approval=["*"])
        graph = compile_tools([push], handle_tool_errors=True)
        given = asking(tool_call("push", branch="main"))
        with pytest.raises(ApprovalRequired) as caught:
            graph.invoke(given)
        with pytest.raises(ApprovalRequired):
            await graph.ainvoke(given)
        assert isinstance(caught.value, GraphBubbleUp)
        with pytest.raises(ApprovalRequired):
            push.invoke({"branch": "main"})
        with pytest.raises(ApprovalRequired):
            await push.ainvoke({"branch": "main"})
        assert [] == heard.digests

    @pytest.mark.parametrize("is_async", [False, True])
    async def test_a_grant_that_went_away_is_asked_for_past_the_node_too(
        self, make_push, compile_tools, asking, tool_call, heard, monkeypatch, is_async
    ):
        """When the lease itself finds no grant, that bubbles up as well."""

        async def nobody(*args, **kwargs):
            return None

        monkeypatch.setattr(running, "authorize", lambda *args, **kwargs: None)
        monkeypatch.setattr(running, "aauthorize", nobody)
        push = make_push(require_approval=["*"])
        graph = compile_tools([push], handle_tool_errors=True)
        given = asking(tool_call("push", branch="main"))
        with pytest.raises(ApprovalRequired) as caught:
            await graph.ainvoke(given) if is_async else graph.invoke(given)
        assert isinstance(caught.value, GraphBubbleUp)
        with pytest.raises(ApprovalRequired) as caught:
            push.invoke({"branch": "main"})
        assert not isinstance(caught.value, GraphBubbleUp)
        assert [] == heard.digests


class TestSiblings:
    def test_a_task_of_its_own_has_none(self, make_push, tool_call):
        """A call that was sent to its own task asks for itself alone."""
        push = make_push(require_approval=["*"])
        calls = [tool_call("push", c, branch="x") for c in "abc"]
        runtime = ToolRuntime(
            state={"messages": [AIMessage("", tool_calls=calls)]},
            context=None,
            config={},
            stream_writer=print,
            tool_call_id="b",
            store=None,
            tools=[push],
        )
        call = CallIdentity(tool_call_id="b")
        shared = {"metadata": {"langgraph_path": ("__pregel_pull", "tools")}}
        own = {"metadata": {"langgraph_path": ("__pregel_push", 0, False)}}

        found = siblings_of(runtime, shared, call)
        assert ["a", "c"] == [sibling.tool_call_id for sibling in found]
        assert () == siblings_of(runtime, own, call)
        assert () == siblings_of(None, shared, call)

    @pytest.mark.parametrize("form", ["list", "dict", "object"])
    def test_the_message_is_found_in_any_state(self, make_push, tool_call, form):
        """Lists, other keys and objects hold messages; bad calls are left out."""
        push = make_push(require_approval=["*"])
        calls = [
            tool_call("push", "a", branch="x"),
            tool_call("push", "b", branch="x", token="forged"),
            tool_call("push", "c"),
            tool_call("other", "d"),
            tool_call("push", "e", branch="y"),
        ]
        later = AIMessage("", tool_calls=[tool_call("push", "z", branch="z")])
        messages = [later, AIMessage("", tool_calls=calls)]
        state = {
            "list": messages,
            "dict": {"notes": ["x"], "chat": messages},
            "object": SimpleNamespace(chat=messages, count=3),
        }[form]
        runtime = ToolRuntime(
            state=state,
            context=None,
            config={},
            stream_writer=print,
            tool_call_id="a",
            store=None,
            tools=[push],
        )
        found = siblings_of(runtime, {}, CallIdentity(tool_call_id="a"))
        assert ["e"] == [sibling.tool_call_id for sibling in found]


async def send(graph, given, how):
    if how == "sync":
        return graph.invoke(given, CONFIG)
    return await graph.ainvoke(given, CONFIG)


@pytest.mark.parametrize("how", ["sync", "async"])
class TestAsked:
    async def test_the_tool_runs_once_after_a_yes(
        self, make_push, compile_tools, asking, tool_call, heard, how
    ):
        """It asks before it leases, and the approved call runs exactly once."""
        push = make_push(require_approval=["*"], is_async=how == "async")
        graph = compile_tools([push], InMemorySaver(), handle_tool_errors=True)

        out = await send(graph, asking(tool_call("push", branch="main")), how)
        assert [] == heard.digests
        shown = out["__interrupt__"][0].value
        assert [{"branch": "main"}] == [a["args"] for a in shown["action_requests"]]
        assert VALUE not in repr(shown)

        out = await send(graph, Command(resume=decisions(approve())), how)
        assert "pushed main with [REDACTED:git/token]" == out["messages"][-1].content
        assert heard == [VALUE]

    async def test_a_no_is_told_to_the_model(
        self, make_push, compile_tools, asking, tool_call, heard, how
    ):
        """The rejected call does not run; its message carries the reason."""
        push = make_push(require_approval=["*"], is_async=how == "async")
        graph = compile_tools([push], InMemorySaver())
        await send(graph, asking(tool_call("push", branch="main")), how)
        out = await send(graph, Command(resume=decisions(reject("not today"))), how)

        assert "error" == out["messages"][-1].status
        assert "not today" in out["messages"][-1].content
        assert [] == heard.digests

    async def test_an_answer_that_does_not_fit_bubbles_up(
        self, make_push, compile_tools, asking, tool_call, heard, how
    ):
        """Whoever answered is told, not the model, and nothing runs."""
        push = make_push(require_approval=["*"], is_async=how == "async")
        graph = compile_tools([push], InMemorySaver(), handle_tool_errors=True)
        await send(graph, asking(tool_call("push", branch="main")), how)
        with pytest.raises(ApprovalRefused):
            await send(graph, Command(resume={"decisions": "yes"}), how)
        assert [] == heard.digests

    async def test_one_question_covers_the_calls_of_a_tool_node(
        self, make_push, compile_tools, asking, tool_call, heard, how
    ):
        """Two parallel calls in one task ask once, and each runs exactly once."""
        push = make_push(require_approval=["*"], is_async=how == "async")
        graph = compile_tools([push], InMemorySaver())
        calls = [
            tool_call("push", "a", branch="one"),
            tool_call("push", "b", branch="two"),
        ]
        out = await send(graph, asking(*calls), how)
        assert 1 == len(out["__interrupt__"])
        asked = out["__interrupt__"][0].value["action_requests"]
        assert ["one", "two"] == sorted(request["args"]["branch"] for request in asked)

        answer = decisions(approve(), approve())
        out = await send(graph, Command(resume=answer), how)
        assert "__interrupt__" not in out
        assert ["pushed one", "pushed two"] == [
            message.content.partition(" with")[0] for message in out["messages"][-2:]
        ]
        assert heard == [VALUE] * 2

    async def test_an_allowed_call_waits_for_its_siblings_question(
        self, make_broker, compile_tools, asking, tool_call, heard, how
    ):
        """A call that needs no approval runs once, though its task starts twice."""
        broker = make_broker(
            {"git/token": VALUE, "web/key": VALUE[::-1]},
            allow=["web/*"],
            require_approval=["git/*"],
        )

        @secret_tool(broker, token="git/token")
        def push(branch: str, token: str) -> str:
            """Push."""
            heard.hear(token)
            return "pushed"

        @secret_tool(broker, key="web/key")
        def search(query: str, key: str) -> str:
            """Search."""
            heard.hear(key)
            return "found"

        graph = compile_tools([push, search], InMemorySaver())
        calls = [
            tool_call("search", "a", query="tea"),
            tool_call("push", "b", branch="one"),
        ]
        await send(graph, asking(*calls), how)
        assert [] == heard.digests
        out = await send(graph, Command(resume=decisions(approve())), how)
        assert "__interrupt__" not in out
        assert 2 == len(heard.digests)

    async def test_in_an_agent_each_call_asks_for_itself(
        self, make_push, make_run, tool_call, heard, how
    ):
        """create_agent gives each call a task, so each has its own question."""
        push = make_push(require_approval=["*"], is_async=how == "async")
        calls = [
            tool_call("push", "a", branch="one"),
            tool_call("push", "b", branch="two"),
        ]
        model = make_run("agent", [push], calls).model
        graph = create_agent(model, [push], checkpointer=InMemorySaver())
        out = await send(graph, {"messages": [("user", "go")]}, how)
        asked = out["__interrupt__"]
        assert 2 == len(asked)

        answers = {one.id: decisions(approve()) for one in asked}
        out = await send(graph, Command(resume=answers), how)
        assert "finished" == out["messages"][-1].content
        assert heard == [VALUE] * 2


class TestRefusedAnswers:
    def test_a_direct_call_raises_the_refusal(self, make_push):
        """ApprovalRefused and ApprovalRequired are permission errors to code."""
        assert issubclass(ApprovalRefused, PermissionError)
        with pytest.raises(PermissionError):
            make_push(require_approval=["*"]).invoke({"branch": "x"})
