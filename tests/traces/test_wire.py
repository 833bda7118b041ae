"""No byte of a registered value reaches LangSmith, whatever way a trace takes."""

from __future__ import annotations

from uuid import uuid4

import pytest
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import run_trees, tracing_context

from langchain_tyrum.traces import (
    RedactingCallbackHandler,
    guard_callbacks,
    install_tracing,
)

WAYS = ("auto", "explicit", "before", "replica", "context", "handler", "none", "list")


def _flush():
    if run_trees._CLIENT is not None:
        run_trees._CLIENT.flush()


def _assert_alive(sink, kit, run_id, fields):
    runs = sink.runs()
    roots = sink.roots()

    assert str(run_id) in runs
    assert 1 == len({run["trace_id"] for run in runs.values()})
    assert 1 == len(roots)
    for run in runs.values():
        parent = run.get("parent_run_id")
        assert run["dotted_order"].endswith(run["id"])
        assert parent is None or parent in runs
        assert run["start_time"] <= run["end_time"]
    assert [] == [f for f in fields if not sink.holds(f"[REDACTED:c/{f}]")]
    assert sink.holds("[REDACTED:github")


def _assert_clean(sink, kit):
    assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
    assert not sink.holds(kit.SHAPE)


class Ways:
    """Each way in which a trace can reach LangSmith, as a context."""

    def __init__(self, way, redactor, make_client):
        self.client = make_client()
        self.way = way
        tracer = LangChainTracer(client=self.client)
        self.config = {}
        if way in ("explicit", "before"):
            self.config = {"callbacks": [tracer]}
        if way == "handler":
            self.config = {"callbacks": [RedactingCallbackHandler(tracer, redactor)]}
        if way == "none":
            self.config = {"callbacks": [RedactingCallbackHandler(None, redactor)]}
        if way == "list":
            self.config = {"callbacks": guard_callbacks([tracer], redactor)}

    def context(self):
        if self.way == "context":
            return tracing_context(client=self.client, enabled=True)
        if self.way == "replica":
            return tracing_context(
                enabled=True,
                replicas=[{"project_name": "tests", "client": self.client}],
            )
        return tracing_context()

    def flush(self):
        self.client.flush()
        _flush()


def _guard(way, redactor):
    # A guarded handler needs no installation; everything else does.
    if way in ("handler", "none", "list"):
        return tracing_context()
    return install_tracing(redactor)


@pytest.mark.usefixtures("langsmith_env")
class TestMatrix:
    @pytest.mark.parametrize("way", WAYS)
    def test_sync(self, way, sink, redactor, make_client, work, kit):
        """A run reaches LangSmith whole, as one tree, with markers for values."""
        run_id = uuid4()
        ways = Ways(way, redactor, make_client)

        with _guard(way, redactor), ways.context():
            result = work.run(run_id=run_id, **ways.config)
        ways.flush()

        assert kit.canary("output") in result["messages"][1].content
        _assert_clean(sink, kit)
        ids = sink.runs()
        _assert_alive(
            sink, kit, run_id if str(run_id) in ids else _root(sink), work.fields
        )

    @pytest.mark.parametrize("way", WAYS)
    async def test_async(self, way, sink, redactor, make_client, work, kit):
        """The same holds for an async run."""
        run_id = uuid4()
        ways = Ways(way, redactor, make_client)

        with _guard(way, redactor), ways.context():
            result = await work.arun(run_id=run_id, **ways.config)
        ways.flush()

        assert kit.canary("output") in result["messages"][1].content
        _assert_clean(sink, kit)
        ids = sink.runs()
        _assert_alive(
            sink, kit, run_id if str(run_id) in ids else _root(sink), work.fields
        )

    @pytest.mark.parametrize("way", ["auto", "explicit", "context", "replica"])
    def test_the_reader_finds_a_leak(self, way, sink, redactor, make_client, work, kit):
        """Without a guard every canary is found, so the matrix can fail."""
        ways = Ways(way, redactor, make_client)

        with ways.context():
            work.run(**ways.config)
        ways.flush()

        missing = [f for f in kit.FIELDS if not sink.holds(kit.canary(f))]
        assert [] == missing
        assert sink.holds(kit.SHAPE)


def _root(sink):
    return sink.roots()[0]["id"]
