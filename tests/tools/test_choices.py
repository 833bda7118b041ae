"""How a model may write which reference it chooses."""

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langchain_tyrum.handles import SecretReference
from langchain_tyrum.tools import ArgumentRefused, secret_tool


@pytest.fixture
def reference(broker):
    return broker.reference("github/token", alias="gh", tools=["pick"])


@pytest.fixture
def pick(broker, heard):
    @secret_tool(broker)
    def pick(which: SecretReference, other: SecretReference | None = None) -> str:
        """Use one."""
        heard.hear(which.reveal())
        return f"{which.secret_alias}, {other and other.secret_alias}"

    return pick


class TestATableOfOne:
    async def test_it_is_the_choice_itself(self, pick, reference, heard, canary):
        """By alias or by id, as the reference prints them, sync and async."""
        by_id = {"secret_ref_id": reference.secret_ref_id}
        for choice in (
            "gh",
            {"secret_alias": "gh"},
            {"secret_alias": "tyrum://gh"},
            by_id,
            {**by_id, "secret_alias": None},
        ):
            assert "gh, None" == pick.invoke({"which": choice})
            assert "gh, None" == await pick.ainvoke({"which": choice})
        both = {"which": "gh", "other": {"secret_alias": "gh"}}
        assert "gh, gh" == pick.invoke(both)
        assert heard == [canary] * 11

    def test_both_none_or_something_else_is_refused(self, pick, reference, heard):
        """Exactly one of the two, as text; nothing is leased for anything else."""
        by_id = {"secret_ref_id": reference.secret_ref_id}
        for choice in (
            {},
            {**by_id, "secret_alias": "gh"},
            {"secret_alias": None},
            {"name": "github/token"},
            {"secret_alias": "gh", "reason": "x"},
            {"secret_alias": {"secret_alias": "gh"}},
            {"secret_alias": 5},
            ["gh"],
            5,
        ):
            with pytest.raises(ArgumentRefused, match="'which'"):
                pick.invoke({"which": choice})
            with pytest.raises(ArgumentRefused, match="'other'"):
                pick.invoke({"which": "gh", "other": choice})
        assert heard == []

    def test_in_a_graph_the_model_is_told(self, pick, reference):
        """Its mistake comes back as an error message; what is right runs."""
        assert "gh" == reference.secret_alias
        node = ToolNode([pick])
        graph = StateGraph(MessagesState).add_node("t", node).add_edge(START, "t")
        calls = [
            {"name": "pick", "args": {"which": choice}, "id": str(place)}
            for place, choice in enumerate([{"secret_alias": "gh"}, {}])
        ]

        said = graph.compile().invoke({"messages": [AIMessage("", tool_calls=calls)]})

        right, wrong = said["messages"][1:]
        assert ("success", "gh, None") == (right.status, right.content)
        assert "error" == wrong.status
        assert "exactly one secret_ref_id or secret_alias" in wrong.content

    def test_the_schema_still_asks_for_text(self, pick):
        """The table is accepted, not advertised."""
        schema = pick.tool_call_schema.model_json_schema()

        assert "string" == schema["properties"]["which"]["type"]
