"""`RedactingCallbackHandler`: every event redacted, and to LangChain it is inner."""

from __future__ import annotations

import copy
import inspect
import pickle
import uuid

import pytest
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    CallbackManager,
    adispatch_custom_event,
    dispatch_custom_event,
)
from langchain_core.callbacks.manager import ahandle_event, handle_event
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers._streaming import (
    _StreamingCallbackHandler,
    _V2StreamingCallbackHandler,
)
from langchain_core.tracers.langchain import LangChainTracer
from langchain_core.tracers.stdout import ConsoleCallbackHandler
from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent
from langgraph.types import Interrupt
from pydantic import BaseModel, ConfigDict

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction import Redactor, contains_marker
from langchain_tyrum.traces import RedactingCallbackHandler, guard_callbacks


def _token(event):
    _, args, kwargs = event
    return args[0] if args else kwargs["token"]


def _texts(witness):
    return repr(witness.seen)


class _AsyncWitness(AsyncCallbackHandler):
    def __init__(self):
        self.seen = []

    async def on_chain_start(self, *args, **kwargs):
        self.seen.append(("on_chain_start", args, kwargs))

    async def on_chain_end(self, *args, **kwargs):
        self.seen.append(("on_chain_end", args, kwargs))

    async def on_chat_model_start(self, *args, **kwargs):
        self.seen.append(("on_chat_model_start", args, kwargs))

    async def on_llm_end(self, *args, **kwargs):
        self.seen.append(("on_llm_end", args, kwargs))

    async def on_llm_new_token(self, *args, **kwargs):
        self.seen.append(("on_llm_new_token", args, kwargs))

    async def on_tool_start(self, *args, **kwargs):
        self.seen.append(("on_tool_start", args, kwargs))

    async def on_tool_end(self, *args, **kwargs):
        self.seen.append(("on_tool_end", args, kwargs))

    async def on_tool_error(self, *args, **kwargs):
        self.seen.append(("on_tool_error", args, kwargs))


SYNC_FIELDS = (
    *("input", "output", "key", "metadata", "tag", "name", "option"),
    *("tool_input", "tool_output", "error", "system"),
)


class TestEvents:
    def test_sync_handler(self, work, redactor, kit):
        """A sync handler sees the whole run, and markers for the values."""
        witness = kit.Witness()

        work.run(callbacks=[RedactingCallbackHandler(witness, redactor)])

        shown = _texts(witness)
        assert [] == [f for f in kit.FIELDS if kit.canary(f) in shown]
        assert kit.SHAPE not in shown
        assert [] == [f for f in SYNC_FIELDS if f"[REDACTED:c/{f}]" not in shown]
        names = {name for name, _, _ in witness.seen}
        assert {
            *("on_chain_start", "on_chain_end", "on_chat_model_start", "on_llm_end"),
            *("on_tool_start", "on_tool_end", "on_tool_error"),
        } <= names

    async def test_sync_handler_in_an_async_run(self, work, redactor, kit):
        """The same holds when the run is async."""
        witness = kit.Witness()

        await work.arun(callbacks=[RedactingCallbackHandler(witness, redactor)])

        shown = _texts(witness)
        assert [] == [f for f in kit.FIELDS if kit.canary(f) in shown]
        assert [] == [f for f in SYNC_FIELDS if f"[REDACTED:c/{f}]" not in shown]

    @pytest.mark.parametrize("how", ["run", "arun"])
    async def test_async_handler(self, how, work, redactor, kit):
        """An async handler sees the same, under sync and async runs."""
        witness = _AsyncWitness()
        config = {"callbacks": [RedactingCallbackHandler(witness, redactor)]}

        if how == "run":
            work.run(**config)
        else:
            await work.arun(**config)

        shown = _texts(witness)
        assert [] == [f for f in kit.FIELDS if kit.canary(f) in shown]
        assert [] == [f for f in SYNC_FIELDS if f"[REDACTED:c/{f}]" not in shown]

    def test_the_witness_finds_a_leak(self, work, kit):
        """Unguarded, the same witness sees every value."""
        witness = kit.Witness()

        work.run(callbacks=[witness])

        assert [] == [f for f in SYNC_FIELDS if kit.canary(f) not in _texts(witness)]

    def test_nothing_is_edited(self, redactor, kit):
        """What the application passes is what it keeps; the handler gets a copy."""
        witness = kit.Witness()
        message = HumanMessage(kit.canary("input"))
        clean = HumanMessage("hello")

        handle_event(
            [RedactingCallbackHandler(witness, redactor)],
            "on_chat_model_start",
            None,
            {},
            [[message, clean]],
            run_id=uuid.uuid4(),
        )

        ((_, args, _),) = witness.seen
        assert kit.canary("input") == message.content
        assert "[REDACTED:c/input]" == args[1][0][0].content
        assert clean is args[1][0][1]

    def test_ids_stay(self, redactor, kit):
        """Run ids reach the handler untouched."""
        witness = kit.Witness()
        ids = {"run_id": uuid.uuid4(), "parent_run_id": uuid.uuid4()}

        RedactingCallbackHandler(witness, redactor).on_chain_end({"a": 1}, **ids)

        assert [("on_chain_end", ({"a": 1},), ids)] == witness.seen

    async def test_custom_events(self, redactor, kit):
        """Custom events are redacted, sync and async."""
        witness = kit.Witness()
        config = {"callbacks": [RedactingCallbackHandler(witness, redactor)]}

        def say(text, config):
            dispatch_custom_event("note", {"v": text}, config=config)

        async def asay(text, config):
            await adispatch_custom_event("note", {"v": text}, config=config)

        RunnableLambda(say).invoke(kit.canary("input"), config)
        await RunnableLambda(asay).ainvoke(kit.canary("input"), config)

        notes = [args[1] for name, args, _ in witness.seen if name == "on_custom_event"]
        assert [{"v": "[REDACTED:c/input]"}] * 2 == notes

    def test_retry(self, redactor, kit):
        """A retry event carries a redacted outcome."""
        witness = kit.Witness()
        calls = []

        def flaky(text):
            calls.append(text)
            if len(calls) == 1:
                raise ValueError(text)
            return "done"

        RunnableLambda(flaky).with_retry(wait_exponential_jitter=False).invoke(
            kit.canary("input"),
            {"callbacks": [RedactingCallbackHandler(witness, redactor)]},
        )

        assert kit.canary("input") not in _texts(witness)
        assert 2 == len(calls)

    def test_retry_state(self, redactor, kit):
        """What a retry state says of its call and outcome is redacted."""
        import tenacity

        witness = kit.Witness()
        state = tenacity.RetryCallState(None, None, (kit.canary("input"),), {})
        state.set_exception((ValueError, ValueError(kit.canary("error")), None))

        RedactingCallbackHandler(witness, redactor).on_retry(state, run_id=uuid.uuid4())

        ((_, (shown,), _),) = witness.seen
        assert ("[REDACTED:c/input]",) == shown.args
        assert "[REDACTED:c/error]" == str(shown.outcome.exception())
        assert kit.canary("error") == str(state.outcome.exception())

    def test_what_is_remembered_ends_with_the_run(self, work, redactor, kit):
        """A handler that lives on keeps no message of a run that ended."""
        handler = RedactingCallbackHandler(kit.Witness(), redactor)

        work.run(callbacks=[handler])

        assert None is handler._tyrum_feed._view

    def test_a_message_edited_after_it_was_clean(self, redactor, kit):
        """A message that was clean is looked at again once it has changed."""
        witness = kit.Witness()
        handler = RedactingCallbackHandler(witness, redactor)
        ids = {"run_id": uuid.uuid4(), "parent_run_id": uuid.uuid4()}
        message = HumanMessage("clean")

        handler.on_chain_start({}, {"m": [message]}, **ids)
        message.content = kit.canary("input")
        handler.on_chain_end({"m": [message]}, **ids)

        assert "[REDACTED:c/input]" in _texts(witness)
        assert kit.canary("input") not in repr(witness.seen[1])


class TestErrors:
    def test_an_error_of_the_handler_is_scrubbed(self, redactor, kit, caplog):
        """What a failing handler says is redacted, cause and context too."""

        class Failing(BaseCallbackHandler):
            raise_error = True

            def on_chain_start(self, serialized, inputs, **kwargs):
                try:
                    raise KeyError(kit.canary("cause"))
                except KeyError as cause:
                    raise ValueError(kit.canary("error")) from cause

        with pytest.raises(ValueError, match=r"\[REDACTED:c/error\]") as caught:
            RunnableLambda(str).invoke(
                1, {"callbacks": [RedactingCallbackHandler(Failing(), redactor)]}
            )

        assert kit.canary("error") not in caplog.text
        assert "[REDACTED:c/error]" in caplog.text
        assert kit.canary("cause") not in repr(
            (caught.value.__cause__, caught.value.__context__)
        )

    async def test_an_error_of_an_async_handler_is_scrubbed(
        self, redactor, kit, caplog
    ):
        """The same holds for an async handler."""

        class Failing(AsyncCallbackHandler):
            raise_error = True

            async def on_chain_start(self, serialized, inputs, **kwargs):
                raise ValueError(kit.canary("error"))

        with pytest.raises(ValueError, match=r"\[REDACTED:c/error\]"):
            await RunnableLambda(str).ainvoke(
                1, {"callbacks": [RedactingCallbackHandler(Failing(), redactor)]}
            )

        assert kit.canary("error") not in caplog.text

    @pytest.mark.parametrize("base", [BaseCallbackHandler, AsyncCallbackHandler])
    def test_the_older_event_is_asked_for(self, base, redactor, kit):
        """A handler without `on_chat_model_start` gets `on_llm_start`, redacted."""
        seen = []

        class Sync(BaseCallbackHandler):
            def on_llm_start(self, serialized, prompts, **kwargs):
                seen.append(prompts)

        class Async(AsyncCallbackHandler):
            async def on_llm_start(self, serialized, prompts, **kwargs):
                seen.append(prompts)

        inner = Sync() if base is BaseCallbackHandler else Async()
        model = kit.ListModel(answers=[AIMessage("ok")])
        model.invoke(
            kit.canary("input"),
            {"callbacks": [RedactingCallbackHandler(inner, redactor)]},
        )

        assert [["Human: [REDACTED:c/input]"]] == seen

    def test_what_cannot_be_redacted_is_not_delivered(self, kit):
        """When redaction fails the handler gets nothing, and the error no value."""

        class Broken(Redactor):
            def redact(self, obj):
                raise RuntimeError(f"cannot redact {obj}")

        witness = kit.Witness()
        handler = RedactingCallbackHandler(witness, Broken())

        with pytest.raises(RuntimeError, match="withheld from Witness") as caught:
            handler.on_chain_end({"a": kit.canary("input")}, run_id=uuid.uuid4())

        assert [] == witness.seen
        assert kit.canary("input") not in repr(
            (caught.value, caught.value.__cause__, caught.value.__context__)
        )


class TestLikeness:
    @pytest.mark.parametrize("name", ["ignore_llm", "ignore_chain", "ignore_agent"])
    def test_ignored_events(self, name, redactor):
        """What the inner handler ignores, the guarded one ignores."""

        class Deaf(BaseCallbackHandler):
            pass

        setattr(Deaf, name, True)

        assert getattr(RedactingCallbackHandler(Deaf(), redactor), name)

    def test_flags_and_attributes(self, redactor):
        """Flags and attributes are the inner handler's, both ways."""

        class Flagged(BaseCallbackHandler):
            raise_error = True
            run_inline = True
            note = "a"

        inner = Flagged()
        handler = RedactingCallbackHandler(inner, redactor)
        handler.note = "b"
        inner.raise_error = False

        assert (False, True, "b") == (
            handler.raise_error,
            handler.run_inline,
            inner.note,
        )

    def test_async_where_the_inner_is(self, redactor):
        """A method is a coroutine function exactly where the inner one is."""

        class Mixed(BaseCallbackHandler):
            async def on_llm_end(self, response, **kwargs):
                pass

        handler = RedactingCallbackHandler(Mixed(), redactor)

        assert inspect.iscoroutinefunction(handler.on_llm_end)
        assert not inspect.iscoroutinefunction(handler.on_llm_start)

    def test_types(self, redactor):
        """The guarded handler is an instance of every class that matters."""

        class Graph(GraphCallbackHandler):
            pass

        class Tapping(BaseCallbackHandler):
            def tap_output_iter(self, run_id, output):
                return output

            def tap_output_aiter(self, run_id, output):
                return output

        class Second(BaseCallbackHandler, _V2StreamingCallbackHandler):
            pass

        for inner in (Graph(), Tapping(), Second(), ConsoleCallbackHandler()):
            handler = RedactingCallbackHandler(inner, redactor)
            assert isinstance(handler, type(inner))
            assert isinstance(handler, RedactingCallbackHandler)
            assert isinstance(inner, _StreamingCallbackHandler) == isinstance(
                handler, _StreamingCallbackHandler
            )
            assert isinstance(inner, _V2StreamingCallbackHandler) == isinstance(
                handler, _V2StreamingCallbackHandler
            )

    def test_pydantic_and_slotted_handlers(self, redactor, kit):
        """Handlers that are pydantic models or have slots are guarded too."""

        class Model(BaseModel, BaseCallbackHandler):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            seen: list = []

            def on_chain_end(self, outputs, **kwargs):
                self.seen.append(outputs)

        class Slotted(BaseCallbackHandler):
            __slots__ = ("seen",)

            def on_chain_end(self, outputs, **kwargs):
                self.seen = [outputs]

        for inner in (Model(), Slotted()):
            RedactingCallbackHandler(inner, redactor).on_chain_end(
                kit.canary("input"), run_id=uuid.uuid4()
            )
            assert ["[REDACTED:c/input]"] == inner.seen

    def test_graph_lifecycle(self, redactor, kit):
        """Interrupt payloads reach a graph handler redacted."""
        seen = []

        class Graph(GraphCallbackHandler):
            def on_interrupt(self, event):
                seen.append(event)

        event = GraphInterruptEvent(
            run_id=None,
            status="pending",
            checkpoint_id="1",
            checkpoint_ns=(),
            interrupts=(Interrupt(value={"q": kit.canary("input")}, id="i"),),
        )
        RedactingCallbackHandler(Graph(), redactor).on_interrupt(event)

        assert {"q": "[REDACTED:c/input]"} == seen[0].interrupts[0].value
        assert {"q": kit.canary("input")} == event.interrupts[0].value

    def test_twice_is_a_no_op(self, redactor):
        """Wrapping again with the same redactor returns the same object."""
        handler = RedactingCallbackHandler(BaseCallbackHandler(), redactor)

        assert handler is RedactingCallbackHandler(handler, redactor)

    def test_two_redactors(self, kit):
        """Wrapping with another redactor applies both."""
        witness = kit.Witness()
        handler = witness
        for field in ("input", "output"):
            each = Redactor()
            each.register(f"c/{field}", kit.canary(field))
            handler = RedactingCallbackHandler(handler, each)

        handler.on_text(f"{kit.canary('input')} {kit.canary('output')}")

        assert "[REDACTED:c/input] [REDACTED:c/output]" == witness.seen[0][1][0]

    def test_equal_for_one_inner(self, redactor):
        """Two wrappers of one handler are equal, so LangChain keeps one."""
        inner = BaseCallbackHandler()
        handlers = [RedactingCallbackHandler(inner, redactor) for _ in range(2)]

        assert handlers[0] == handlers[1]
        assert 1 == len(set(handlers))

    def test_copies_are_guarded(self, redactor, kit):
        """A copy of a guarded handler is guarded; a pickle is refused."""
        handler = RedactingCallbackHandler(kit.Witness(), redactor)

        for twin in (copy.copy(handler), copy.deepcopy(handler)):
            assert isinstance(twin, RedactingCallbackHandler)
            twin.on_text(kit.canary("input"))
            assert kit.canary("input") not in _texts(twin)
        with pytest.raises(TypeError, match="live values"):
            pickle.dumps(handler)

    def test_a_class_that_allows_no_subclass(self, redactor):
        """What cannot be guarded is refused, with the mend."""

        class Final(BaseCallbackHandler):
            def __init_subclass__(cls):
                raise TypeError("final")

        with pytest.raises(ConfigError, match="cannot be guarded"):
            RedactingCallbackHandler(Final(), redactor)


class TestTokens:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
    @pytest.mark.parametrize("kind", [BaseCallbackHandler, AsyncCallbackHandler])
    async def test_a_value_over_many_tokens(self, size, kind, redactor, kit):
        """A value spelled over tokens is hidden, and every other letter arrives."""
        text = f"I say {kit.canary('output')} and {kit.SHAPE} now."
        model = kit.ListModel(answers=[AIMessage(text)], size=size)
        witness = kit.Witness() if kind is BaseCallbackHandler else _AsyncWitness()
        config = {"callbacks": [RedactingCallbackHandler(witness, redactor)]}

        said = [chunk.content for chunk in model.stream("hi", config)]
        asaid = [chunk.content async for chunk in model.astream("hi", config)]

        assert text == "".join(said) == "".join(asaid)
        tokens = [e for e in witness.seen if e[0] == "on_llm_new_token"]
        whole = redactor.redact_text(text)
        assert whole * 2 == "".join(map(_token, tokens))
        assert whole * 2 == "".join(kw["chunk"].text for _, _, kw in tokens)
        assert contains_marker(whole)

    def test_a_run_that_breaks_off(self, redactor, kit):
        """What was held back comes out before the end event, as one more token."""
        witness = kit.Witness()
        handler = RedactingCallbackHandler(witness, redactor)
        run_id = uuid.uuid4()
        half = kit.canary("output")[:9]

        handler.on_llm_new_token(
            half,
            chunk=ChatGenerationChunk(message=AIMessageChunk(half)),
            run_id=run_id,
        )
        handler.on_llm_error(ValueError("broke off"), run_id=run_id)

        assert half == "".join(e[1][0] for e in witness.seen[:-1])
        assert "on_llm_error" == witness.seen[-1][0]
        assert {run_id} == {e[2]["run_id"] for e in witness.seen}

    @pytest.mark.parametrize("chunk", [True, False])
    def test_completion_models(self, chunk, redactor, kit):
        """Plain text tokens, with and without chunk, are held back the same."""
        witness = kit.Witness()
        handler = RedactingCallbackHandler(witness, redactor)
        run_id = uuid.uuid4()
        text = f"a {kit.canary('output')} b"

        for letter in text:
            more = {"chunk": GenerationChunk(text=letter)} if chunk else {}
            handler.on_llm_new_token(letter, run_id=run_id, **more)
        handler.on_llm_end(None, run_id=run_id)

        tokens = [e for e in witness.seen if e[0] == "on_llm_new_token"]
        assert "a [REDACTED:c/output] b" == "".join(e[1][0] for e in tokens)
        if chunk:
            assert "a [REDACTED:c/output] b" == "".join(
                e[2]["chunk"].text for e in tokens
            )

    def test_protocol_events(self, redactor, kit):
        """Content-block deltas are held back, and flushed before the block ends."""
        witness = kit.Witness()
        handler = RedactingCallbackHandler(witness, redactor)
        run_id = uuid.uuid4()
        text = f"a {kit.canary('output')}"

        for letter in text:
            delta = {"type": "text-delta", "text": letter}
            handler.on_stream_event(
                {"event": "content-block-delta", "index": 0, "delta": delta},
                run_id=run_id,
            )
        handler.on_stream_event(
            {
                "event": "content-block-finish",
                "index": 0,
                "content": {"type": "text", "text": text},
            },
            run_id=run_id,
        )

        events = [e[1][0] for e in witness.seen]
        shown = "".join(e["delta"]["text"] for e in events if "delta" in e)
        assert "a [REDACTED:c/output]" == shown
        assert "content-block-finish" == events[-1]["event"]
        assert "a [REDACTED:c/output]" == events[-1]["content"]["text"]


class TestTaps:
    def _chain(self, kit):
        text = f"I say {kit.canary('output')} now"
        model = kit.ListModel(answers=[AIMessage(text)], size=4)
        return model | StrOutputParser(), text

    async def test_stream_log(self, redactor, kit, monkeypatch):
        """A tapping handler sees markers; the application's stream is its own."""
        from langchain_core.tracers.log_stream import LogStreamCallbackHandler

        chain, text = self._chain(kit)
        inner = LogStreamCallbackHandler()
        guarded = RedactingCallbackHandler(inner, redactor)
        given = [c async for c in chain.astream("hi", {"callbacks": [guarded]})]
        sync = list(chain.stream("hi", {"callbacks": [guarded]}))
        inner.send_stream.close()
        seen = [op async for op in inner.receive_stream]
        logged = "".join(
            op["value"]
            for patch in seen
            for op in patch.ops
            if op["path"].startswith("/logs/StrOutputParser")
            and op["path"].endswith("/streamed_output/-")
        )

        assert "I say [REDACTED:c/output] now" in logged
        assert "tulip" not in logged
        assert text == "".join(given) == "".join(sync)
        assert kit.canary("output") not in repr(seen)
        assert "[REDACTED:c/output]" in repr(seen)

    async def test_stream_events(self, redactor, kit, work):
        """LangChain's own event handler works behind the guard, and shows markers."""
        raw = work.graph.astream

        def astream(value, config=None, **kwargs):
            callbacks = guard_callbacks(config["callbacks"], redactor)
            return raw(value, {**config, "callbacks": callbacks}, **kwargs)

        work.graph.astream = astream
        given = {"messages": [HumanMessage(kit.canary("input"))]}
        events = [e async for e in work.graph.astream_events(given, version="v2")]
        inner = [event for event in events if event["parent_ids"]]

        shown = repr(inner)
        assert [] == [f for f in kit.FIELDS if kit.canary(f) in shown]
        assert "[REDACTED:c/tool_output]" in shown
        names = {event["event"] for event in inner}
        assert {"on_chat_model_stream", "on_tool_end", "on_chain_stream"} <= names
        model = [e for e in inner if e["event"] == "on_chat_model_stream"]
        text = "".join(e["data"]["chunk"].content for e in model)
        assert text.startswith("I heard [REDACTED:c/output] [REDACTED:github")


class TestTracer:
    @pytest.mark.parametrize("times", [1, 2])
    def test_it_is_a_tracer(self, times, redactor, make_client):
        """Around a tracer the handler is a tracer with the same client and state."""
        tracer = LangChainTracer(client=make_client(), project_name="mine")
        handler = tracer
        for _ in range(times):
            handler = RedactingCallbackHandler(handler, redactor)

        assert isinstance(handler, LangChainTracer)
        assert isinstance(handler, RedactingCallbackHandler)
        assert tracer.client is handler.client
        assert tracer.run_map is handler.run_map
        assert "mine" == handler.project_name

    def test_copies_keep_redacting(self, sink, redactor, make_client, kit):
        """LangChain's own copy of the tracer redacts, also with another client."""
        tracer = LangChainTracer(client=make_client())
        handler = RedactingCallbackHandler(tracer, redactor)
        twin = handler.copy_with_metadata_defaults(
            metadata={"m": kit.canary("metadata")}, tags=["t"]
        )
        twin.client = make_client()
        RunnableLambda(str).invoke(kit.canary("input"), {"callbacks": [twin]})
        twin.client.flush()

        assert isinstance(twin, RedactingCallbackHandler)
        assert sink.holds("[REDACTED:c/input]")
        assert sink.holds("[REDACTED:c/metadata]")
        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]

    def test_a_tracer_of_somebodys_own(self, sink, redactor, make_client, kit):
        """A tracer subclass sees redacted events, since it may do more than send."""
        seen = []

        class Own(LangChainTracer):
            def on_chain_start(self, serialized, inputs, **kwargs):
                seen.append(inputs)
                return super().on_chain_start(serialized, inputs, **kwargs)

        client = make_client()
        handler = RedactingCallbackHandler(Own(client=client), redactor)
        RunnableLambda(str).invoke(kit.canary("input"), {"callbacks": [handler]})
        client.flush()

        assert ["[REDACTED:c/input]"] == seen
        assert sink.holds("[REDACTED:c/input]")
        assert 1 == len(sink.roots())

    def test_its_replicas(self, sink, redactor, make_client, kit):
        """Replicas of a guarded tracer's runs are guarded without installation."""
        from langsmith import tracing_context

        client, other = make_client(), make_client()
        handler = RedactingCallbackHandler(LangChainTracer(client=client), redactor)
        with tracing_context(replicas=[{"client": other, "project_name": "other"}]):
            RunnableLambda(str).invoke(kit.canary("input"), {"callbacks": [handler]})
        client.flush()
        other.flush()

        assert sink.holds("[REDACTED:c/input]")
        assert not sink.holds(kit.canary("input"))

    def test_foreign_client(self, redactor):
        """A tracer with a client that cannot be guarded is refused."""
        with pytest.raises(ConfigError, match="trace client"):
            RedactingCallbackHandler(LangChainTracer(client=object()), redactor)


class TestGuardCallbacks:
    def test_kinds(self, redactor, kit):
        """A list stays a list, a manager a manager, None None."""
        manager = CallbackManager([kit.Witness()], [kit.Witness()])
        guarded = guard_callbacks(manager, redactor)

        assert None is guard_callbacks(None, redactor)
        assert [] == guard_callbacks([], redactor)
        assert CallbackManager is type(guarded)
        assert guarded is not manager
        for each in (*guarded.handlers, *guarded.inheritable_handlers):
            assert isinstance(each, RedactingCallbackHandler)
        assert not isinstance(manager.handlers[0], RedactingCallbackHandler)

    def test_run_manager(self, redactor, kit):
        """A run's manager keeps its run, and its children's handlers are guarded."""
        witness = kit.Witness()
        manager = CallbackManager([], [witness]).on_chain_start({}, {})
        guarded = guard_callbacks(manager, redactor)
        guarded.get_child("t").on_chain_start({}, {"a": kit.canary("input")})

        assert manager.run_id == guarded.run_id
        assert "[REDACTED:c/input]" in _texts(witness)
        assert kit.canary("input") not in _texts(witness)

    def test_inherited_handlers(self, work, redactor, kit):
        """Handlers that reach inner runs by inheritance are guarded there too."""
        witness = kit.Witness()
        manager = CallbackManager([witness], [witness])

        work.run(callbacks=guard_callbacks(manager, redactor))

        shown = _texts(witness)
        assert [] == [f for f in kit.FIELDS if kit.canary(f) in shown]
        assert "[REDACTED:c/tool_output]" in shown

    def test_guarded_ones_are_left_alone(self, redactor, make_client):
        """A guarded handler is passed on; a plain tracer stays the same object."""
        handler = RedactingCallbackHandler(BaseCallbackHandler(), redactor)
        tracer = LangChainTracer(client=make_client())

        assert [handler, tracer] == guard_callbacks([handler, tracer], redactor)
        assert handler is guard_callbacks([handler], redactor)[0]

    async def test_async_events_under_a_manager(self, redactor, kit):
        """The async dispatcher awaits an async handler behind the guard."""
        witness = _AsyncWitness()

        await ahandle_event(
            guard_callbacks([witness], redactor),
            "on_chain_end",
            None,
            {"a": kit.canary("input")},
            run_id=uuid.uuid4(),
        )

        assert {"a": "[REDACTED:c/input]"} == witness.seen[0][1][0]


class Keeping(BaseCallbackHandler):
    """Keeps what it was told, to read it later."""

    def __init__(self):
        self.metadata = []

    def on_chain_start(self, serialized, inputs, *, metadata=None, **kwargs):
        self.metadata.append(metadata)


class TestMetadata:
    @pytest.mark.parametrize("way", ["invoke", "ainvoke"])
    async def test_is_the_handler_s_own(self, way, redactor):
        """What others add to a run's metadata later never shows to a handler."""
        inner, live = Keeping(), []

        class Adding(BaseCallbackHandler):
            """Adds to the live dict, as LangSmith's client does."""

            def on_chain_end(self, outputs, **kwargs):
                for each in live:
                    each["LATER"] = "whatever the environment holds"

            def on_chain_start(self, serialized, inputs, *, metadata=None, **kwargs):
                live.append(metadata)

        handlers = [RedactingCallbackHandler(inner, redactor), Adding()]
        chain = RunnableLambda(lambda text: text)
        config = {"callbacks": handlers, "metadata": {"plain": 1}}
        if way == "invoke":
            chain.invoke("x", config)
        else:
            await chain.ainvoke("x", config)

        assert [{"plain": 1}] == inner.metadata
        assert ["LATER" in each for each in live] == [True]
