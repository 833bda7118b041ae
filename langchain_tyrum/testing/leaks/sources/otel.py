"""Rows: traces that langsmith hands to OpenTelemetry."""

from __future__ import annotations

from functools import partial

from langchain_core.tracers import LangChainTracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Kit, Source
from langchain_tyrum.testing.leaks.sources.tracing import everywhere


def _otel(mode: str, kit: Kit) -> Case:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    client = kit.wire.client(tracing_mode=mode, otel_tracer_provider=provider)
    config = {"callbacks": [LangChainTracer(client=client, project_name="matrix")]}
    case = Case(everywhere(kit), [{"data": 1}], config)
    case.sinks["OpenTelemetry"] = lambda: [
        span.to_json() for span in exporter.get_finished_spans()
    ]
    return case


ROWS: tuple[Source, ...] = tuple(
    Source(f"mode {mode!r}", "OpenTelemetry", partial(_otel, mode))
    for mode in ("otel", "hybrid")
)
