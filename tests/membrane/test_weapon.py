"""Registration is no weapon: what one user stores stops nobody else's run."""

from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from langchain_tyrum import SecretBroker, SecretPolicy, from_configurable, protect
from langchain_tyrum.errors import RawSecretFound, SecretNotFound, WeakSecret

STATE = {"customer_profile": "hello", "found": 1}


class State(TypedDict, total=False):
    customer_profile: Any
    found: Any


def _node(state: State) -> State:
    store = get_store()
    store.put(("memories", "profile_v2"), "settings_1", {"customer_profile": "z"})
    found = len(store.search(("memories", "profile_v2")))
    return {"customer_profile": "hello", "found": found}


def _broker() -> SecretBroker:
    return SecretBroker.in_memory(
        policy=SecretPolicy(allow=["*"]), identity=from_configurable("user_id")
    )


def _graph() -> StateGraph:
    graph = StateGraph(State)
    graph.add_node("load_profile_1", _node)
    graph.add_edge(START, "load_profile_1")
    return graph


def _config(user: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": "thread-2024-01", "user_id": user}}


@pytest.mark.parametrize(
    "value",
    [
        "customer_profile",
        "load_profile_1",
        "load_profile",
        "branch:to:load_profile_1",
        "thread-2024-01",
        "memories\nprofile_v2",
        "profile_v2",
        "settings_1",
    ],
)
class TestOtherUsers:
    @pytest.mark.parametrize("before", [True, False])
    def test_their_runs_go_on(self, value: str, before: bool) -> None:
        """A user's value equal to an identifier changes nothing for anybody else."""
        broker = _broker()
        if before:
            broker.put("password", value, owner="eve")
        graph = protect(
            _graph().compile(checkpointer=InMemorySaver(), store=InMemoryStore()),
            broker,
        )
        if not before:
            try:
                broker.put("password", value, owner="eve")
            except WeakSecret:
                broker.redactor.register("password", value, owner="eve")
        config = _config("ada")
        assert STATE == graph.invoke({"found": 0}, config)
        assert STATE == graph.get_state(config).values
        assert 3 == len(list(graph.get_state_history(config)))
        if value not in config["configurable"].values():  # bob reads ada's thread
            assert STATE == graph.invoke({"found": 0}, _config("bob"))

    def test_the_application_starts(self, value: str) -> None:
        """No user's value keeps a graph from being protected."""
        broker = _broker()
        broker.put("password", value, owner="eve")
        broker.put("password", value, tenant="evil")
        assert protect(_graph().compile(), broker).nodes.keys()


class TestOwnValues:
    def test_a_service_value_is_refused_as_a_name(self) -> None:
        """A node that is named by a service's value is refused."""
        broker = _broker()
        broker.put("password", "load_profile_1")
        with pytest.raises(RawSecretFound, match="the node names"):
            protect(_graph().compile(), broker)

    def test_the_owner_is_refused_her_value_as_a_thread_id(self) -> None:
        """Whose value a thread id is cannot use it as one."""
        broker = _broker()
        broker.put("password", "thread-2024-01", owner="eve")
        graph = protect(_graph().compile(checkpointer=InMemorySaver()), broker)
        with pytest.raises(RawSecretFound, match="thread_id"):
            graph.invoke({"found": 0}, _config("eve"))

    def test_a_known_name_is_not_stored(self) -> None:
        """Once a graph is protected, its names are refused as values."""
        broker = _broker()
        protect(_graph().compile(), broker)
        with pytest.raises(WeakSecret, match="node or state key"):
            broker.put("password", "load_profile_1", owner="eve")


class TestIntake:
    @pytest.mark.parametrize("said", ["answer_step_1", "thread-2024-01"])
    def test_identifiers_are_not_taken_in(self, said: str) -> None:
        """A password that names a node or the thread becomes a marker, unstored."""
        broker = _broker()
        graph = StateGraph(MessagesState)
        graph.add_node("answer_step_1", lambda _: {"messages": [AIMessage("hi")]})
        graph.add_edge(START, "answer_step_1")
        guarded = protect(graph.compile(checkpointer=InMemorySaver()), broker)
        words = {"messages": [("user", f"My password is '{said}'.")]}
        for user in ("eve", "ada"):
            state = guarded.invoke(words, _config(user))
            assert "hi" == state["messages"][-1].content
            assert said not in str(state["messages"][0].content)
        with pytest.raises(SecretNotFound):
            broker.describe("password", owner="eve")
