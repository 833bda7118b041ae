"""What becomes of a call whose secret cannot be had: one rule, whatever the policy."""

from datetime import UTC, datetime

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tyrum.approval import approval_node
from langchain_tyrum.broker import SecretBroker, from_configurable
from langchain_tyrum.errors import (
    LedgerError,
    ProviderUnavailable,
    SecretExpired,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
)
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.tools import UserSecret, secret_tool, wrap_tool

VALUE = "quiet-otter-7713-lamp-rail"
ADA = {"configurable": {"user_id": "ada"}}
CASES = {
    "misspelt": ("github/tokn", SecretNotFound, "tokn"),
    "revoked": ("revoked", SecretRevoked, "revoked"),
    "expired": ("expired", SecretExpired, "expired"),
    "not given": (UserSecret("password"), SecretNotFound, "password"),
    "elsewhere": ("elsewhere", SecretForbidden, "production"),
}
POLICIES = {
    "allows all": SecretPolicy(allow=["*"]),
    "asks for another": SecretPolicy(allow=["*"], require_approval=["zzz"]),
    "denies another": SecretPolicy(allow=["*"], deny=["zzz"]),
    "asks": SecretPolicy(require_approval=["*"]),
}


class OneCall(BaseChatModel):
    """Calls the tool once, then says what it was told."""

    @property
    def _llm_type(self):
        return "one-call"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        call = {"name": "use", "args": {}, "id": "c1"}
        message = AIMessage("", tool_calls=[call])
        if messages[-1].type == "tool":
            message = AIMessage("finished")
        return ChatResult(generations=[ChatGeneration(message=message)])


def open_broker(policy):
    broker = SecretBroker.in_memory(
        {"github/token": VALUE, "revoked": f"{VALUE}-2"},
        policy=policy,
        identity=from_configurable("user_id"),
    )
    broker.revoke("revoked")
    past = datetime(2020, 1, 1, tzinfo=UTC)
    broker.put("expired", f"{VALUE}-3", expires_at=past)
    broker.put("elsewhere", f"{VALUE}-4", environment="production")
    return broker


def make_use(broker, secret, heard):
    @secret_tool(broker, token=secret)
    def use(token: str) -> str:
        """Use."""
        heard.hear(token)
        return "ok"

    return use


def agent(broker, tool):
    return create_agent(OneCall(), [tool], middleware=[TyrumMiddleware(broker)])


def bare(broker, tool):
    return create_agent(OneCall(), [tool])


def staged(broker, tool):
    """A graph with an approval node, that ends where tools would run."""
    call = {"name": "use", "args": {}, "id": "c1"}
    builder = StateGraph(MessagesState)
    builder.add_node("approve", approval_node(broker, [tool], rejected="model"))
    builder.add_node("tools", lambda state: {"messages": ["ran"]})
    builder.add_node("model", lambda state: {"messages": [AIMessage("finished")]})
    builder.add_node("ask", lambda s: {"messages": [AIMessage("", tool_calls=[call])]})
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "approve")
    return builder.compile()


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
class TestOneRule:
    @pytest.mark.parametrize("build", [agent, bare])
    async def test_the_model_is_told_and_the_run_goes_on(
        self, case, policy, build, heard
    ):
        """Why, and that the tool did not run, whatever the policy says of others."""
        secret, _, why = case
        broker = open_broker(policy)
        graph = build(broker, make_use(broker, secret, heard))
        given = {"messages": ["go"]}

        for out in (graph.invoke(given, ADA), await graph.ainvoke(given, ADA)):
            told = next(one for one in out["messages"] if one.type == "tool")
            assert "error" == told.status
            assert why in told.content
            assert "The tool did not run" in told.content
            assert VALUE not in told.content
            assert "finished" == out["messages"][-1].content
        assert [] == heard.digests
        rows = broker.audit.tail(1000)
        assert not [row for row in rows if row["action"].startswith("lease")]

    def test_code_gets_the_typed_error(self, case, policy, heard):
        """A direct call raises."""
        secret, error, why = case
        tool = make_use(open_broker(policy), secret, heard)
        with pytest.raises(error, match=why) as caught:
            tool.invoke({}, ADA)
        assert "did not run" not in str(caught.value)
        assert [] == heard.digests


class TestWhereElse:
    def test_an_approval_node_says_the_same(self, heard):
        """The node tells in the tool's place, word for word."""
        broker = open_broker(POLICIES["asks"])
        tool = make_use(broker, "github/tokn", heard)
        texts = {
            next(one.content for one in out["messages"] if one.type == "tool")
            for out in (
                graph.invoke({"messages": ["go"]}, ADA)
                for graph in (staged(broker, tool), bare(broker, tool))
            )
        }
        assert 1 == len(texts)

    async def test_a_revocation_between_check_and_lease_is_told_too(
        self, heard, monkeypatch
    ):
        """What the lease itself refuses is a refusal as well."""
        broker = open_broker(POLICIES["allows all"])
        tool = make_use(broker, "github/token", heard)
        graph = bare(broker, tool)
        seen = type(tool).records_for

        def records_for(self, args, call):
            bound = seen(self, args, call)
            broker.revoke("github/token")
            return bound

        monkeypatch.setattr(type(tool), "records_for", records_for)
        for out in (
            graph.invoke({"messages": ["go"]}, ADA),
            await graph.ainvoke({"messages": ["go"]}, ADA),
        ):
            assert "revoked" in out["messages"][-2].content
            assert "did not run" in out["messages"][-2].content
        assert [] == heard.digests

    def test_what_the_tool_raises_itself_is_not_taken_for_one(self, heard):
        """A refusal out of the tool's own code is that code's error."""
        broker = open_broker(POLICIES["allows all"])

        @secret_tool(broker, token="github/token")
        def use(token: str) -> str:
            """Use."""
            heard.hear(token)
            raise SecretNotFound("of my own")

        with pytest.raises(SecretNotFound, match="of my own"):
            bare(broker, use).invoke({"messages": ["go"]}, ADA)
        assert [VALUE] == heard


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
@pytest.mark.parametrize("error", [LedgerError, ProviderUnavailable])
@pytest.mark.parametrize("build", [agent, bare])
class TestFailures:
    async def test_a_failure_is_not_told_to_the_model(
        self, policy, error, build, heard, monkeypatch
    ):
        """Ledger and providers that fail stop the run, whatever the policy."""
        broker = open_broker(policy)
        graph = build(broker, make_use(broker, "github/token", heard))

        def fail(*args, **kwargs):
            raise error("down")

        monkeypatch.setattr(SecretBroker, "describe", fail)
        with pytest.raises(error):
            graph.invoke({"messages": ["go"]}, ADA)
        with pytest.raises(error):
            await graph.ainvoke({"messages": ["go"]}, ADA)
        assert [] == heard.digests


def test_a_wrapped_tool_follows_the_rule(heard):
    """Tools with content and artifact get their message too."""
    broker = open_broker(POLICIES["allows all"])

    @secret_tool(broker, token="github/tokn", response_format="content_and_artifact")
    def use(token: str) -> tuple[str, str]:
        """Use."""
        heard.hear(token)
        return "ok", "ok"

    again = wrap_tool(use, broker, {})
    out = bare(broker, again).invoke({"messages": ["go"]}, ADA)
    assert "did not run" in out["messages"][-2].content
