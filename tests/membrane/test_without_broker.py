"""Where the broker is missing, or another thing stands for it, the line is told."""

import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import add_messages

from langchain_tyrum import SecretBroker, TyrumMiddleware, guarded, protect
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.state import guarded_messages


@pytest.fixture
def broker():
    with SecretBroker.in_memory({"a/b": "quiet-otter-7713-lamp"}) as made:
        yield made


@pytest.fixture
def graph():
    builder = StateGraph(MessagesState)
    builder.add_node("n", lambda _: {})
    builder.add_edge(START, "n")
    return builder.compile()


class TestWithoutBroker:
    def test_protect(self, graph, broker):
        """By position, by name and with options; with a broker nothing changes."""
        for wrong in (
            lambda: protect(graph),
            lambda: protect(graph=graph),
            lambda: protect(graph, verify=True),
            lambda: protect(),  # noqa: PLW0108 - beside its kind
        ):
            with pytest.raises(
                ConfigError, match=r"missing: .*protect\(graph, broker\)"
            ):
                wrong()
        for right in (
            protect(graph, broker=broker),
            protect(graph=graph, broker=broker),
        ):
            assert isinstance(right, type(graph))

    def test_the_middleware(self, broker):
        """Without one, with None, or with the redactor in its place."""
        for wrong in (
            TyrumMiddleware,
            lambda: TyrumMiddleware(approvals=False),
            lambda: TyrumMiddleware(None),
            lambda: TyrumMiddleware(broker.redactor),
        ):
            with pytest.raises(ConfigError, match=r"write TyrumMiddleware\(broker\)"):
                wrong()
        assert broker is TyrumMiddleware(broker=broker).broker

    def test_a_guarded_key_takes_a_broker(self, broker):
        """As the other guards do; it is the same guard as with the redactor."""
        for make in (lambda x: guarded(add_messages, x), guarded_messages):
            assert make(broker.redactor)._tyrum_guard == make(broker)._tyrum_guard
            with pytest.raises(ConfigError, match="is no redactor"):
                make("text")
