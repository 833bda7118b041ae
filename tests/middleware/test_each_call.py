"""What is known of one call is trusted in the next only as far as it still holds."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, dynamic_prompt, wrap_model_call
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration
from langchain_core.tools import tool

from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.middleware.looking import Looking
from langchain_tyrum.middleware.tyrum import _Checked
from langchain_tyrum.models.guard import aliasing

MARKER = "[REDACTED:db/password]"
GUARDED = pytest.mark.parametrize("guard", [protect, lambda agent, _: agent])


def ask(agent, user=None):
    around = {"configurable": {"langgraph_auth_user": {"identity": user}}}
    return agent.invoke({"messages": [HumanMessage("hi")]}, around if user else None)


class Told(BaseCallbackHandler):
    """Keeps what a model is said to be asked."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def on_chat_model_start(self, serialized, messages, **kwargs):
        self.prompts.append(repr(messages))


class TestUsers:
    @GUARDED
    def test_a_model_that_was_kept_sees_with_the_eyes_of_its_caller(
        self, memory_broker, canary, model_of, guard
    ):
        """A layer below may hold a guarded model over to the run of another user."""
        value, broker, kept = canary(), memory_broker(), []
        broker.put("bank/pin", value, owner="ann")

        @wrap_model_call
        def keep(request, handler):
            kept.append(request.model)
            return handler(request.override(model=kept[0]))

        @dynamic_prompt
        def prompt(request):
            return f"say {value}"

        model = model_of(AIMessage("done"))
        middleware = [TyrumMiddleware(broker), keep, prompt]
        agent = guard(create_agent(model, middleware=middleware), broker)
        for user in ("bob", "ann", "bob"):
            ask(agent, user)

        assert [f"say {value}", "say [REDACTED:bank/pin]", f"say {value}"] == [
            given[0].text for given in model.got
        ]


class TestBrokers:
    def test_the_run_of_another_broker_is_not_looked_through(
        self, broker, value, memory_broker, model_of
    ):
        """A membrane that knows other values stands in for none of ours."""

        @dynamic_prompt
        def prompt(request):
            return f"say {value}"

        told, model = Told(), model_of(AIMessage(f"it is {value}"))
        middleware = [TyrumMiddleware(broker, intake=False), prompt]
        agent = protect(create_agent(model, middleware=middleware), memory_broker())
        done = agent.invoke(
            {"messages": [HumanMessage("hi")]}, config={"callbacks": [told]}
        )

        assert f"say {MARKER}" == model.got[0][0].text
        assert f"it is {MARKER}" == done["messages"][-1].text
        assert (1, False) == (len(told.prompts), value in told.prompts[0])


class TestTools:
    @pytest.fixture
    def look(self, value):
        @tool(description=f"Looks with {value}.")
        def look(what: str) -> str:
            return "ok"

        return look

    @GUARDED
    def test_one_is_looked_at_again_when_a_value_is_new(
        self, memory_broker, value, model_of, look, guard
    ):
        """A description that was clean before a value was registered is not after."""
        broker = memory_broker()
        calls = [{"name": "look", "args": {"what": "x"}, "id": "c1"}]
        model = model_of(AIMessage("", tool_calls=calls), AIMessage("done"))

        class Register(AgentMiddleware):
            def wrap_tool_call(self, request: Any, handler: Any) -> Any:
                broker.redactor.register("db/password", value)
                return handler(request)

        middleware = [TyrumMiddleware(broker), Register()]
        ask(guard(create_agent(model, [look], middleware=middleware), broker))

        assert look is model.bound[0]
        assert f"Looks with {MARKER}." in str(model.bound[1])
        assert value not in str(model.bound[1])

    def test_another_one_at_the_same_place_is_another_one(
        self, broker, value, model_of, look
    ):
        """The address of a tool that is gone may be that of the next."""

        @tool
        def gone(what: str) -> str:
            """Look."""
            return "ok"

        middleware, at = TyrumMiddleware(broker), broker.redactor.generation
        middleware._tools[id(look)] = _Checked(gone, at, None)
        model = model_of(AIMessage("done"))
        ask(create_agent(model, [look], middleware=[middleware]))

        assert value not in str(model.bound)

    def test_one_of_several_is_changed_alone(self, broker, model_of, look):
        """The clean ones beside it are handed on as they are."""

        @tool
        def clean(what: str) -> str:
            """Look."""
            return "ok"

        model = model_of(AIMessage("done"))
        for _ in range(2):
            middleware = [TyrumMiddleware(broker)]
            ask(create_agent(model, [clean, look], middleware=middleware))

        assert [True, False] * 2 == [bound in (clean, look) for bound in model.bound]


class TestAnswers:
    """What the layers below make of an answer is looked at after them."""

    @pytest.mark.parametrize("way", ["edited", "replaced", "added", "structured"])
    @GUARDED
    def test_one_that_was_changed_is_looked_at_again(
        self, broker, value, model_of, guard, way
    ):
        """Whatever the provider's guard saw, layers above get no value."""
        got = []

        @wrap_model_call
        def above(request, handler):
            got.append(handler(request))
            return got[-1]

        @wrap_model_call
        def below(request, handler):
            response = handler(request)
            message = response.result[0]
            if way == "edited":
                message.content = f"it is {value}"
            if way == "replaced":
                response.result[0] = AIMessage(f"it is {value}", id=message.id)
            if way == "added":
                response.result.append(AIMessage(f"it is {value}"))
            if way == "structured":
                return ModelResponse(response.result, {"pin": f"it is {value}"})
            return response

        middleware = [above, TyrumMiddleware(broker), below]
        model = model_of(AIMessage("done"))
        ask(guard(create_agent(model, middleware=middleware), broker))

        said = repr((got[0].result, got[0].structured_response))
        assert (False, True) == (value in said, f"it is {MARKER}" in said)

    @pytest.mark.parametrize("place", ["llm_output", "generation_info", "second"])
    def test_all_of_one_is_looked_at(self, broker, value, model_of, place):
        """What stands beside the first message leaves the guarded model clean, too."""
        info = {"note": f"it is {value}"}

        class Noting(type(model_of())):
            def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
                result = super()._generate(messages, *args, **kwargs)
                if place == "llm_output":
                    result.llm_output = info
                elif place == "generation_info":
                    result.generations[0].generation_info = info
                else:
                    message = AIMessage(info["note"])
                    result.generations.append(ChatGeneration(message=message))
                return result

        model = Noting(answers=[AIMessage("done")])
        said = repr(aliasing(Looking(broker))(model)._generate([HumanMessage("hi")]))

        assert (False, True) == (value in said, f"it is {MARKER}" in said)


class TestRequests:
    def test_one_that_nothing_changes_shares_nothing_with_its_copy(
        self, broker, model_of
    ):
        """The layers below may set what they like on the request that they get."""
        model = model_of(AIMessage("done"))
        given = ModelRequest(model=model, messages=[HumanMessage("hi")], tools=[])
        got = []

        def handler(request):
            request.__dict__["tool_choice"] = "any"
            got.append(request)
            return ModelResponse([AIMessage("done")])

        TyrumMiddleware(broker).wrap_model_call(given, handler)

        assert (None, "any") == (given.tool_choice, got[0].tool_choice)
        assert given.model is model
        assert got[0].messages is given.messages
