"""What stands around each node of a guarded graph."""

from __future__ import annotations

import pytest
from langchain_core.runnables import RunnableGenerator
from langgraph._internal._constants import CONFIG_KEY_CALL, CONFIG_KEY_SEND

from langchain_tyrum.errors import RawSecretFound
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
