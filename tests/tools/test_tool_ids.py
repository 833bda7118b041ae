"""One tool id, one tool: what a person permits to one is no other's."""

import copy
import gc

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langchain_tyrum.approval import approval_node
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ApprovalRequired, ConfigError
from langchain_tyrum.tools import secret_tool, wrap_tool

VALUE = "quiet-otter-7713-lamp-rail"


@pytest.fixture
def gated():
    with SecretBroker.in_memory({"github/token": VALUE}) as made:
        yield made


@pytest.fixture
def runs():
    return []


def made(broker, name, runs, *, tool_id="same"):
    """A tool from a factory: each has the same qualified name."""

    @secret_tool(broker, name, token="github/token", tool_id=tool_id)
    def run(x: str, *, token: str) -> str:
        """Do it."""
        runs.append(name)
        return name

    return run


@tool
def outer(x: str, token: str) -> str:
    """Do it."""
    return x


@tool
def other(x: str, token: str) -> str:
    """Do it."""
    return x


class TestTwoToolsUnderOneId:
    def test_an_approval_node_takes_one_of_them(self, gated, runs):
        """Asked about together, they are refused before a graph is built."""
        tools = [made(gated, "safe", runs), made(gated, "evil", runs)]

        with pytest.raises(ConfigError, match="'same' is taken by 'safe'"):
            approval_node(gated, tools)

    async def test_a_grant_for_the_first_is_not_the_seconds(self, gated, runs):
        """The second one is refused, sync and async, and the first goes on."""
        safe, evil = made(gated, "safe", runs), made(gated, "evil", runs)
        gated.grant(mode="always", tool_id="same", scopes=["github/token"])

        with pytest.raises(ConfigError, match=r"'same' is taken by 'safe'.*tool_id="):
            evil.invoke({"x": "1"})
        with pytest.raises(ConfigError, match="'same' is taken"):
            await evil.ainvoke({"x": "1"})
        assert "safe" == safe.invoke({"x": "1"})
        assert ["safe"] == runs

    def test_inside_a_graph(self, gated, runs):
        """A graph that has both runs neither under the other's permission."""
        safe, evil = made(gated, "safe", runs), made(gated, "evil", runs)
        gated.grant(mode="always", tool_id="same", scopes=["github/token"])
        graph = StateGraph(MessagesState).add_node("tools", ToolNode([safe, evil]))
        calls = [{"name": "evil", "args": {"x": "1"}, "id": "c"}]

        with pytest.raises(ConfigError, match="'same' is taken"):
            graph.add_edge(START, "tools").compile().invoke(
                {"messages": [AIMessage("", tool_calls=calls)]}
            )
        assert [] == runs

    def test_wrapped_tools_are_told_apart(self, gated):
        """By the code that they wrap."""
        secrets = {"token": "github/token"}
        first = wrap_tool(outer, gated, secrets, tool_id="same")
        second = wrap_tool(other, gated, secrets, tool_id="same")

        assert "same" == first.tool_id == second.tool_id
        with pytest.raises(ConfigError, match="'same' is taken by 'outer'"):
            second.hold_id()

    def test_an_id_that_is_set_afterwards(self, gated, runs):
        """An attribute anybody may set, on the tool or a copy, gives no permission."""
        safe, evil = made(gated, "safe", runs), made(gated, "evil", runs, tool_id="e")
        gated.grant(mode="always", tool_id="same", scopes=["github/token"])
        assert "e" == evil.tool_id
        evil.tool_id = "same"

        for posing in (evil, evil.model_copy(), copy.copy(evil)):
            with pytest.raises(ConfigError, match="'same' is taken"):
                posing.invoke({"x": "1"})
        assert "safe" == safe.invoke({"x": "1"})

    def test_two_brokers_on_one_store(self, tmp_path, runs):
        """They share its grants, so they share its tool ids."""
        with (
            SecretBroker.local(tmp_path) as one,
            SecretBroker.local(tmp_path) as two,
        ):
            one.put("github/token", VALUE)
            one.grant(mode="always", tool_id="same", scopes=["github/token"])
            safe, evil = made(one, "safe", runs), made(two, "evil", runs)

            with pytest.raises(ConfigError, match="'same' is taken"):
                evil.invoke({"x": "1"})
            assert "safe" == safe.invoke({"x": "1"})


class TestTheSameToolAgain:
    def test_a_cell_run_anew(self, gated, runs):
        """The same name in the same place is the same tool, edited or not."""
        gated.grant(mode="always", tool_id="same", scopes=["github/token"])
        first, second = made(gated, "safe", runs), made(gated, "safe", runs)

        for one in (first, second, first.model_copy(), copy.deepcopy(second)):
            assert "safe" == one.invoke({"x": "1"})

    def test_a_module_read_anew(self, gated):
        """A reload makes other function objects of the same names."""
        code = (
            "@secret_tool(broker, token='github/token')\n"
            "def create(x: str, *, token: str) -> str:\n"
            "    'Do it.'\n"
            "    return x\n"
        )
        gated.grant(mode="always", tool_id="create", scopes=["github/token"])
        space = {"broker": gated, "secret_tool": secret_tool, "__name__": "cell"}
        kept = []
        for _ in range(2):
            exec(code, space)
            kept.append(space["create"])

        assert kept[0] is not kept[1]
        assert ["1", "1"] == [one.invoke({"x": "1"}) for one in kept]

    def test_a_tool_that_is_wrapped_twice(self, gated):
        """And one that was wrapped already."""
        gated.grant(mode="always", tool_id="same", scopes=["github/token"])
        secrets = {"token": "github/token"}
        first = wrap_tool(outer, gated, secrets, tool_id="same")
        again = wrap_tool(first, gated, secrets)

        assert "1" == first.invoke({"x": "1"}) == again.invoke({"x": "1"})

    def test_an_id_is_free_when_its_tool_is_gone(self, gated, runs):
        """Who renames a tool keeps its id; what was permitted is listed by `grants`."""
        before = made(gated, "before", runs)
        after = made(gated, "after", runs)
        assert before.name == "before"
        del before
        gc.collect()

        with pytest.raises(ApprovalRequired):  # and not that it is taken
            after.invoke({"x": "1"})

    def test_other_stores_have_ids_of_their_own(self, gated, runs):
        """A broker of another store knows nothing of these grants."""
        kept = made(gated, "safe", runs)
        with SecretBroker.in_memory({"github/token": VALUE}) as elsewhere:
            evil = made(elsewhere, "evil", runs)
            elsewhere.grant(mode="always", tool_id="same", scopes=["github/token"])

            assert "evil" == evil.invoke({"x": "1"})
        assert "same" == kept.tool_id
