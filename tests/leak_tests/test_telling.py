"""What the reader of the leak matrix gets out of errors, whatever their class."""

from __future__ import annotations

import pydantic
import pytest
from langgraph.graph import START, MessagesState, StateGraph
from pydantic_core import PydanticSerializationError, to_json

from langchain_tyrum.membrane import protect
from langchain_tyrum.testing import LeakMatrix
from langchain_tyrum.testing.leaks.telling import told

VALUE = "lantern-größe-93"


class Limit(pydantic.BaseModel):
    """A model that a wrong value does not fit."""

    count: int


class Odd:
    """What pydantic has no schema for."""


def user_error():
    pydantic.TypeAdapter(Odd)


def serialization_error():
    to_json({VALUE: Odd()})


def wrong_bytes():
    Limit(count=b"\xff" + VALUE.encode())


def error_of(act):
    with pytest.raises(Exception, match=r".") as caught:
        act()
    return caught.value


class TestPydanticErrors:
    def test_what_a_validation_error_says_is_read(self):
        """The input of a validation error stands in `errors()`, as JSON escapes too."""
        error = error_of(lambda: Limit(count=f"{'x' * 90}{VALUE}{'x' * 90}"))

        assert VALUE not in str(error)
        assert VALUE.encode() in told(error)

    @pytest.mark.parametrize(
        ("act", "kind"),
        [
            (user_error, pydantic.PydanticUserError),
            (serialization_error, PydanticSerializationError),
            (wrong_bytes, pydantic.ValidationError),
        ],
    )
    def test_errors_that_cannot_be_asked_are_read_all_the_same(self, act, kind):
        """Pydantic's other errors have no `errors()`, some input is no JSON."""
        error = error_of(act)
        error.add_note(f"seen with {VALUE}")

        assert isinstance(error, kind)
        assert VALUE.encode() in told(error)
        assert str(error).encode() in told(error)

    @pytest.mark.parametrize("protected", [True, False])
    def test_the_matrix_outlives_them(self, guard, protected):
        """A node that raises one is a row of the report, not the end of the reader."""

        def fail(state):
            raise pydantic.PydanticUserError(state["messages"][-1].text, code=None)

        builder = StateGraph(MessagesState)
        builder.add_node("fail", fail)
        builder.add_edge(START, "fail")
        graph = builder.compile()

        report = LeakMatrix(
            protect(graph, guard) if protected else graph,
            guard,
            inputs=[{"messages": [("user", "hello")]}],
            raises=pydantic.PydanticUserError,
            kinds=["value"],
            ways=["stream", "ainvoke"],
        ).run()

        assert protected is report.ok, str(report)
        assert {} == report.dead
        assert protected is not ("exception" in {leak.surface for leak in report.leaks})
