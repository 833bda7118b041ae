"""`TyrumMiddleware`, with and without `protect` around the agent."""

from __future__ import annotations

import copy
import gc
import time
from typing import Any, ClassVar

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, dynamic_prompt
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables.config import set_config_context
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.runtime import Runtime

from langchain_tyrum.broker import from_configurable
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.middleware.looking import RUNTIME_KEY, _seen, eyes_of
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.state.view import RunView

MARKER = "[REDACTED:db/password]"


def call(name="look", **args):
    calls = [{"name": name, "args": args, "id": "c1", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


def looking(result):
    @tool
    def look(what: str) -> Any:
        """Look something up."""
        if isinstance(result, Exception):
            raise result
        return result

    return look


def ask(agent, text="hi", config=None):
    return agent.invoke({"messages": [HumanMessage(text)]}, config)


class TestTheModelItself:
    """The model is guarded for each call, and stays the one that was given."""

    def test_what_a_model_notes_about_itself_is_kept(self, broker):
        """A model that counts its calls goes on counting from call to call."""

        class Counter(FakeMessagesListChatModel):
            def bind_tools(self, tools, **kwargs):
                return self

        model = Counter(responses=[call(what="x"), AIMessage("done")])
        agent = create_agent(
            model, [looking("ok")], middleware=[TyrumMiddleware(broker)]
        )

        messages = ask(agent, config={"recursion_limit": 10})["messages"]

        assert ["hi", "", "ok", "done"] == [message.text for message in messages]

    def test_what_is_set_on_the_model_counts_at_the_next_call(self, broker, model_of):
        """Whoever changes the model during a run changes the one that is asked."""
        model = model_of(call(what="x"), AIMessage("done"))

        @tool
        def look(what: str) -> str:
            """Look something up."""
            model.answers = [AIMessage("changed")]
            return "ok"

        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])

        assert "changed" == ask(agent)["messages"][-1].text
        assert type(model).__name__ == "ListModel"
        assert not hasattr(type(model), "_tyrum_guards")


class TestRequests:
    def test_the_model_gets_no_value(self, broker, value, model_of):
        """System prompt, messages and tool results reach the model with markers."""
        model = model_of(call(what="x"), AIMessage("done"))
        agent = create_agent(
            model,
            [looking(f"found {value}")],
            system_prompt=f"key {value}",
            middleware=[TyrumMiddleware(broker)],
        )

        result = ask(agent, f"my {value} is it")

        assert 2 == len(model.got)
        assert value not in str(model.got)
        assert 3 == str(model.got[1]).count(MARKER)
        assert "done" == result["messages"][-1].text

    async def test_the_model_gets_no_value_async(self, broker, value, model_of):
        """The async twin guards the same."""
        model = model_of(call(what="x"), AIMessage("done"))
        agent = create_agent(
            model,
            [looking(f"found {value}")],
            system_prompt=f"key {value}",
            middleware=[TyrumMiddleware(broker)],
        )

        await agent.ainvoke({"messages": [HumanMessage(f"my {value}")]})

        assert 2 == len(model.got)
        assert value not in str(model.got)

    def test_what_inner_layers_add_is_redacted_too(self, broker, value, model_of):
        """A prompt made by a middleware below reaches the model with markers."""

        @dynamic_prompt
        def prompt(request):
            return f"the key is {value}"

        model = model_of(AIMessage("done"))
        agent = create_agent(model, [], middleware=[TyrumMiddleware(broker), prompt])

        ask(agent)

        assert value not in str(model.got)
        assert MARKER in str(model.got)

    def test_tool_descriptions_and_defaults_are_redacted(self, broker, value, model_of):
        """The schema the model is shown holds markers; the tool runs as ever."""

        @tool
        def look(what: str = "x" + value) -> str:
            """Look something up."""
            return "ok"

        look.description = f"Looks with {value}."
        model = model_of(call(what="x"), AIMessage("done"))
        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])

        result = ask(agent)

        assert value not in str(model.bound)
        assert f"Looks with {MARKER}." in str(model.bound)
        assert "ok" == result["messages"][2].text

    def test_a_clean_tool_is_handed_on_as_it_is(self, broker, model_of):
        """Without a value in it, the model's side binds the very tool."""
        look = looking("ok")
        model = model_of(AIMessage("done"))

        ask(create_agent(model, [look], middleware=[TyrumMiddleware(broker)]))

        assert any(bound is look for bound in model.bound)


class TestResponses:
    def test_what_the_model_says_is_redacted(self, broker, value, model_of):
        """Text and tool arguments of the answer hold markers in the state."""
        got = []

        @tool
        def look(what: str) -> str:
            """Look something up."""
            got.append(what)
            return "ok"

        model = model_of(call(what=f"use {value}"), AIMessage(f"it is {value}"))
        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])

        result = ask(agent)

        assert value not in str(result)
        assert [f"use {MARKER}"] == got
        assert f"it is {MARKER}" == result["messages"][-1].text

    def test_a_failing_model_tells_nothing(self, broker, value, model_of):
        """Its exception keeps its class and loses the value."""
        model = model_of(ConnectionError(f"401 for {value}"))
        agent = create_agent(model, [], middleware=[TyrumMiddleware(broker)])

        with pytest.raises(ConnectionError) as caught:
            ask(agent)

        assert f"401 for {MARKER}" in str(caught.value)
        assert value not in str(caught.value)


class TestTools:
    def test_results_and_artifacts_are_redacted(self, broker, value, model_of):
        """Content and artifact of a tool message hold markers."""

        @tool(response_format="content_and_artifact")
        def look(what: str) -> tuple[str, Any]:
            """Look something up."""
            return f"found {value}", {"raw": value}

        model = model_of(call(what="x"), AIMessage("done"))
        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])

        message = ask(agent)["messages"][2]

        assert isinstance(message, ToolMessage)
        assert f"found {MARKER}" == message.text
        assert {"raw": MARKER} == message.artifact

    def test_exceptions_are_redacted(self, broker, value, model_of):
        """What a tool raises leaves without the value, in its own class."""
        look = looking(KeyError(f"no {value}"))
        model = model_of(call(what="x"))
        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])

        with pytest.raises(KeyError) as caught:
            ask(agent)

        assert value not in str(caught.value)
        assert caught.value.__context__ is None

    async def test_exceptions_are_redacted_async(self, broker, value, model_of):
        """The async twin too."""
        look = looking(KeyError(f"no {value}"))
        model = model_of(call(what="x"))
        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])

        with pytest.raises(KeyError) as caught:
            await agent.ainvoke({"messages": [HumanMessage("hi")]})

        assert value not in str(caught.value)


class TestIntake:
    def test_a_pasted_credential_is_put_away(self, broker, model_of):
        """Without `protect` the hook is a backstop: the model gets a handle."""
        token = "ghp_" + "q7W" * 12
        model = model_of(AIMessage("done"))
        agent = create_agent(model, [], middleware=[TyrumMiddleware(broker)])

        config = {"configurable": {"langgraph_auth_user": {"identity": "ann"}}}
        result = ask(agent, f"use {token} please", config)

        assert token not in str(model.got)
        assert "tyrum://" in str(model.got)
        assert token not in str(result)

    def test_it_can_be_switched_off(self, broker, model_of):
        """Without intake a credential becomes a marker, not a handle."""
        token = "ghp_" + "q7W" * 12
        model = model_of(AIMessage("done"))
        middleware = TyrumMiddleware(broker, intake=False)

        ask(create_agent(model, [], middleware=[middleware]), f"use {token}")

        assert token not in str(model.got)
        assert "tyrum://" not in str(model.got)

    def test_only_this_turn_s_messages_are_looked_at(self, broker, model_of):
        """Earlier messages have been through it already."""
        model = model_of(AIMessage("one"), AIMessage("two"))
        agent = create_agent(
            model,
            [],
            middleware=[TyrumMiddleware(broker)],
            checkpointer=InMemorySaver(),
        )
        config = {"configurable": {"thread_id": "t"}}

        ask(agent, "first", config)
        result = ask(agent, "second", config)

        assert ["first", "one", "second", "two"] == [m.text for m in result["messages"]]


class TestHooks:
    def test_a_policy_that_may_ask_gets_an_approvals_node(
        self, memory_broker, model_of
    ):
        """The node stands where the policy may ask or deny, and only there."""
        asking = memory_broker(policy=SecretPolicy(default="require_approval"))
        denying = memory_broker(policy=SecretPolicy(allow=["*"], deny=["prod:*"]))
        free = memory_broker()

        def nodes(middleware):
            agent = create_agent(model_of(AIMessage("x")), [], middleware=[middleware])
            return set(agent.nodes)

        node = "TyrumMiddleware.after_model"
        assert node in nodes(TyrumMiddleware(asking))
        assert node in nodes(TyrumMiddleware(denying))
        assert node not in nodes(TyrumMiddleware(free))
        assert node not in nodes(TyrumMiddleware(asking, approvals=False))

    def test_it_brings_no_tools_and_bears_one_name(self, broker):
        """Whatever hooks it has, it is one middleware of one name."""
        middleware = TyrumMiddleware(broker)

        assert isinstance(middleware, TyrumMiddleware)
        assert isinstance(middleware, AgentMiddleware)
        assert "TyrumMiddleware" == middleware.name
        assert [] == list(middleware.tools)

    def test_it_can_be_subclassed(self, broker, value, model_of):
        """A subclass keeps the hooks and may add its own."""
        saw = []

        class Mine(TyrumMiddleware):
            def before_model(self, state: Any, runtime: Any) -> None:
                saw.append(len(state["messages"]))

        model = model_of(AIMessage(f"it is {value}"))
        result = ask(create_agent(model, [], middleware=[Mine(broker)]))

        assert [1] == saw
        assert value not in str(result)


class TestUnderProtect:
    def test_the_run_s_eyes_are_shared(self, memory_broker, canary, model_of):
        """A user's own value is named for her, and not looked for in another's run."""
        value = canary()
        broker = memory_broker()
        broker.put("bank/pin", value, owner="ann")
        told = {}
        for user in ("ann", "bob"):
            model = model_of(call(what="x"), AIMessage("done"))
            agent = create_agent(
                model, [looking(f"got {value}")], middleware=[TyrumMiddleware(broker)]
            )
            ask(
                protect(agent, broker),
                config={"configurable": {"langgraph_auth_user": {"identity": user}}},
            )
            told[user] = model.got[1][-1].text

        assert {"ann": "got [REDACTED:bank/pin]", "bob": f"got {value}"} == told

    def test_the_guarded_agent_answers_as_the_plain_one(self, memory_broker, model_of):
        """Without values in play, messages are those of the plain agent."""

        def run(*middleware, guard=lambda agent: agent):
            model = model_of(call(what="x"), AIMessage("done"))
            agent = create_agent(model, [looking("ok")], middleware=list(middleware))
            return [(m.type, m.text) for m in ask(guard(agent))["messages"]], model.got

        broker = memory_broker({"k": "some-value-123"})
        plain, given = run()
        guarded, got = run(
            TyrumMiddleware(broker), guard=lambda agent: protect(agent, broker)
        )

        assert plain == guarded
        assert [[m.text for m in turn] for turn in given] == [
            [m.text for m in turn] for turn in got
        ]

    @pytest.mark.parametrize("seen_by", ["handler", "own cache", "cache of all"])
    async def test_what_inner_layers_add_reaches_no_handler_and_no_cache(
        self, broker, value, model_of, seen_by
    ):
        """Where somebody sees a prompt before the provider, it is redacted before."""

        class Handler(BaseCallbackHandler):
            told: ClassVar[list[str]] = []

            def on_chat_model_start(self, serialized, messages, **kwargs):
                self.told.append(repr(messages))

        @dynamic_prompt
        def prompt(request):
            return f"the password is {value}"

        cache, model = InMemoryCache(), model_of(AIMessage("done"))
        if seen_by == "handler":
            model.callbacks = [Handler()]
        elif seen_by == "own cache":
            model.cache = cache
        else:
            set_llm_cache(cache)
        middleware = [TyrumMiddleware(broker), prompt]
        agent = protect(create_agent(model, middleware=middleware), broker)
        try:
            agent.invoke({"messages": [HumanMessage("hi")]})
            await agent.ainvoke({"messages": [HumanMessage("ho")]})
        finally:
            set_llm_cache(None)

        told = f"{Handler.told}{cache._cache}"
        assert (2, 2) == (len(model.got), max(len(Handler.told), len(cache._cache)))
        assert (False, True) == (value in told, MARKER in told)
        assert all(MARKER in repr(messages) for messages in model.got)
        Handler.told.clear()


class TestTheRequest:
    """Layers below get a request of their own; the one that was given stays."""

    @pytest.mark.parametrize("own", [False, True])
    def test_it_is_what_override_makes(self, broker, value, model_of, own):
        """Each changed field is changed, and no other one."""

        class Own(ModelRequest):
            pass

        given = (Own if own else ModelRequest)(
            model=model_of(AIMessage("done")),
            messages=[HumanMessage(f"say {value}")],
            system_message=SystemMessage(f"key {value}"),
            tools=[{"name": "look", "description": value}],
            tool_choice="auto",
            model_settings={"stop": [value]},
            state={"messages": []},
        )
        before, got = copy.copy(given), []
        TyrumMiddleware(broker).wrap_model_call(
            given, lambda request: got.append(request) or ModelResponse([])
        )

        named = ("messages", "system_message", "tools", "model_settings", "model")
        expected = before.override(**{name: getattr(got[0], name) for name in named})
        assert (type(given), expected, before) == (type(got[0]), got[0], given)
        assert value not in str([getattr(got[0], name) for name in named])
        assert f"say {value}" == given.messages[0].content


class TestOneRunWithoutProtect:
    """Without a membrane, what a run has seen clean goes with the run itself."""

    @pytest.fixture
    def turns(self, model_of):
        """A model that calls its tool a number of times."""
        return lambda count: model_of(
            *(call(what=f"step {n}") for n in range(count)), AIMessage("done")
        )

    @pytest.fixture
    def looked(self, monkeypatch):
        """The messages that were looked at in full."""
        found, whole = [], RunView._look

        def look(self, known, items):
            found.extend(items)
            return whole(self, known, items)

        monkeypatch.setattr(RunView, "_look", look)
        return found

    @pytest.mark.parametrize("way", ["invoke", "ainvoke"])
    async def test_a_message_is_looked_at_once(self, broker, turns, looked, way):
        """A turn late in the run looks at no more than one early."""
        middleware = TyrumMiddleware(broker, intake=False)
        agent = create_agent(turns(6), [looking("ok")], middleware=[middleware])
        given = {"messages": [HumanMessage("hi")]}

        done = agent.invoke(given) if way == "invoke" else await agent.ainvoke(given)

        assert [1] * 14 == [
            sum(each is message for each in looked) for message in done["messages"]
        ]

    def test_an_edit_in_place_is_seen(self, broker, value, model_of):
        """A message that was clean at one call is looked at when it was edited."""
        model, first = model_of(call(what="x"), AIMessage("done")), HumanMessage(["hi"])

        @tool
        def look(what: str) -> str:
            """Look something up."""
            first.content.append(value)
            return "ok"

        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])
        agent.invoke({"messages": [first]})

        assert value in first.content
        assert ["hi", MARKER] == model.got[1][0].content

    def test_runs_share_nothing(self, broker, turns, looked):
        """The next run, of whomever, looks for itself."""
        agent = create_agent(
            turns(1), [looking("ok")], middleware=[TyrumMiddleware(broker)]
        )
        given = HumanMessage("hi")
        for _ in range(2):
            agent.invoke({"messages": [given]})

        assert 2 == sum(each is given for each in looked)

    def test_users_of_one_writer_share_nothing(self, memory_broker, canary):
        """One user's value is no secret to them, and one to nobody else."""
        broker, value = memory_broker({}, identity=from_configurable("user")), canary()
        broker.redactor.register("k", value, owner="alice")

        def write(_):
            return None

        def seen_by(user):
            config = {
                "configurable": {
                    "user": user,
                    RUNTIME_KEY: Runtime(stream_writer=write),
                }
            }
            with set_config_context(config) as context:
                return context.run(lambda: eyes_of(broker).view)

        bob, alice = seen_by("bob"), seen_by("alice")
        message = HumanMessage(f"say {value}")

        assert bob.redact([message])[0] is message
        assert "say [REDACTED:k]" == alice.redact([message])[0].content
        assert bob is seen_by("bob")

    def test_nothing_is_kept_of_a_run_that_is_over(self, broker, turns):
        """What a run has seen is forgotten with it."""
        agent = create_agent(
            turns(2), [looking("ok")], middleware=[TyrumMiddleware(broker)]
        )
        before = set(map(id, _seen))
        ask(agent)
        for _ in range(50):  # a pool's thread may still be letting go of it
            gc.collect()
            if set(map(id, _seen)) <= before:
                break
            time.sleep(0.02)

        assert set(map(id, _seen)) <= before
