"""What stands around each node of a guarded graph."""

import pytest
from langchain_core.runnables import RunnableConfig, RunnableGenerator, RunnableLambda
from langgraph._internal._constants import CONFIG_KEY_CALL, CONFIG_KEY_SEND
from langgraph.func import entrypoint, task

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.membrane import protect
from langchain_tyrum.membrane.compat import RUN_KEY
from langchain_tyrum.membrane.membrane import Membrane
from langchain_tyrum.membrane.node import GuardNode, guard_task

MARKER = "[REDACTED:db/password]"


@pytest.fixture
def run_of(broker):
    """Make the guard of a run in this mode."""
    return lambda mode="redact": Membrane(broker, mode).enter({})


class TestReading:
    @pytest.mark.parametrize("suspect", [True, False])
    @pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
    async def test_a_node_of_a_suspect_run_reads_no_value(
        self, run_of, value, way, suspect
    ):
        """What was stored raw is redacted as it is read; all else was when written."""
        run, got = run_of(), []
        run.suspect = suspect

        def say(given):
            for each in given:
                got.append(each)
                yield "ok"

        async def asay(given):
            async for each in given:
                got.append(each)
                yield "ok"

        inner = RunnableGenerator(say, asay)
        node = GuardNode(inner, name="n", enter=lambda _: run)
        given = {"text": f"say {value}"}
        if way == "invoke":
            node.invoke(given)
        elif way == "ainvoke":
            await node.ainvoke(given)
        elif way == "stream":
            list(node.stream(given))
        else:
            [each async for each in node.astream(given)]

        assert [{"text": f"say {MARKER if suspect else value}"}] == got

    def test_what_reading_raises_is_redacted(self, run_of, value):
        """An input that cannot be looked into is told as all that a node raises."""

        class Odd(dict):
            def items(self):
                raise KeyboardInterrupt(value)

        run = run_of()
        run.suspect = True
        node = GuardNode(RunnableLambda(len), name="n", enter=lambda _: run)

        with pytest.raises(KeyboardInterrupt) as raised:
            node.invoke(Odd(text="x"))
        assert value not in repr(raised.value)
        assert MARKER in repr(raised.value)


class TestHandingOn:
    """A config is data to some nodes, and works where it arrives."""

    def test_its_ways_out_are_not_looked_into(self, run_of):
        """They lead to the guard, which is nothing that a redactor may replace."""
        run = run_of()
        config = {"configurable": {CONFIG_KEY_SEND: print, CONFIG_KEY_CALL: print}}
        guarded = guard_task(config, run, where="x")["configurable"]
        shown = run.view.redact(guarded)

        for way in (CONFIG_KEY_SEND, CONFIG_KEY_CALL):
            assert callable(shown[way])
            assert shown[way] is guarded[way]

    def test_a_task_that_is_given_one_calls_another(self, broker):
        """As it does without a guard."""

        @task
        def add(number):
            return number + 1

        @task
        def given(number, around):
            inner = RunnableLambda(lambda each: add(each).result())
            return inner.invoke(number, around)

        @entrypoint()
        def flow(number, *, config: RunnableConfig):
            return given(number, config).result()

        assert 2 == flow.invoke(1) == protect(flow, broker).invoke(1)


class TestWriting:
    def test_each_write_is_redacted(self, run_of, value):
        """All values of one write are, and the names stay."""
        sent, run = [], run_of()
        config = {"configurable": {CONFIG_KEY_SEND: sent.extend}}
        task = guard_task(config, run, where="the result of 'n'")
        task["configurable"][CONFIG_KEY_SEND]([("a", "x"), ("b", value), ("c", None)])

        assert [("a", "x"), ("b", MARKER), ("c", None)] == sent
        assert {CONFIG_KEY_SEND: sent.extend} == config["configurable"]
        assert run is task["configurable"][RUN_KEY]

    def test_none_of_them_is_sent_when_one_is_refused(self, run_of, value):
        """The error says what the write was."""
        sent, run = [], run_of("refuse")
        config = {"configurable": {CONFIG_KEY_SEND: sent.extend}}
        task = guard_task(config, run, where="the result of 'n'")

        with pytest.raises(RawSecretFound, match="the result of 'n'"):
            task["configurable"][CONFIG_KEY_SEND]([("a", "x"), ("b", value)])
        assert [] == sent

    def test_a_task_is_given_no_value(self, run_of, value):
        """Its arguments are redacted, and its options handed on."""
        asked = []

        def call(func, given, **options):
            asked.append((func.__name__, given, options))

        def work(text):
            return text

        config = {"configurable": {CONFIG_KEY_CALL: call}}
        task = guard_task(config, run_of(), where="x")
        task["configurable"][CONFIG_KEY_CALL](work, ((value,), {}), retry_policy=None)

        assert [("work", ((MARKER,), {}), {"retry_policy": None})] == asked
