"""Traces that langsmith hands to OpenTelemetry carry no value either."""

from __future__ import annotations

import pytest
from langchain_core.tracers.langchain import LangChainTracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_tyrum.traces import guard_client, install_tracing


@pytest.fixture
def spans():
    """A tracer provider that keeps its spans, and what it kept."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


def _shown(exporter):
    return "\n".join(span.to_json() for span in exporter.get_finished_spans())


class TestOpenTelemetry:
    @pytest.mark.parametrize("mode", ["otel", "hybrid"])
    @pytest.mark.parametrize("way", ["install", "guard"])
    @pytest.mark.usefixtures("langsmith_env")
    def test_spans(self, mode, way, sink, spans, make_client, redactor, work, kit):
        """Every span arrives, with markers where values stood."""
        provider, exporter = spans
        client = make_client(tracing_mode=mode, otel_tracer_provider=provider)
        if way == "guard":
            guard_client(client, redactor)

        with install_tracing(redactor) if way == "install" else _nothing():
            work.run(callbacks=[LangChainTracer(client=client)])
        client.flush()

        shown = _shown(exporter)
        assert [] == [f for f in kit.FIELDS if kit.canary(f) in shown]
        assert [] == [f for f in kit.FIELDS if sink.holds(kit.canary(f))]
        assert kit.SHAPE not in shown
        for field in ("input", "output", "metadata", "tag", "name", "tool_input"):
            assert f"[REDACTED:c/{field}]" in shown
        assert 5 <= len(exporter.get_finished_spans())

    @pytest.mark.usefixtures("langsmith_env")
    def test_the_reader_finds_a_leak(self, spans, make_client, work, kit):
        """Without a guard the spans hold the values."""
        provider, exporter = spans
        client = make_client(tracing_mode="otel", otel_tracer_provider=provider)
        work.run(callbacks=[LangChainTracer(client=client)])
        client.flush()

        for field in ("input", "output", "metadata", "tag", "name", "tool_input"):
            assert kit.canary(field) in _shown(exporter)


def _nothing():
    import contextlib

    return contextlib.nullcontext()
