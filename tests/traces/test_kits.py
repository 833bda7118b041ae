"""Real handlers of others, guarded: Langfuse, OpenInference, structlog, LangChain's."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections import Counter

import pytest
import structlog
from langchain_core.callbacks import (
    FileCallbackHandler,
    StdOutCallbackHandler,
    StreamingStdOutCallbackHandler,
    UsageMetadataCallbackHandler,
)
from langchain_core.messages import AIMessage
from langchain_core.tracers.stdout import ConsoleCallbackHandler
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from openinference.instrumentation import OITracer, TraceConfig
from openinference.instrumentation.langchain import LangChainInstrumentor
from openinference.instrumentation.langchain._tracer import OpenInferenceTracer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_tyrum.traces import (
    RedactingCallbackHandler,
    install_tracing,
    redaction_processor,
)

#: Fields that each of these kits shows; LangChain's console shows no tool's input.
SHOWN = ("input", "output", "tool_input", "tool_output")
PRINTED = ("input", "output", "tool_output")


@pytest.fixture(autouse=True)
def _no_langsmith(monkeypatch):
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


@pytest.fixture
def langfuse(sink):
    """Langfuse's client, sending to loopback as OpenTelemetry does."""
    client = Langfuse(
        public_key=f"pk-lf-{id(sink)}",
        secret_key="sk-lf-test",
        base_url=sink.url,
        tracer_provider=TracerProvider(),
        otel_compression="none",
    )
    yield client
    client.shutdown()


@pytest.fixture
def spans():
    """A tracer provider that keeps its spans, and what it kept."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider, exporter
    provider.shutdown()


def _tree(exporter):
    """Return each span's name with its parent's, how often it is there."""
    found = exporter.get_finished_spans()
    names = {span.context.span_id: span.name for span in found}
    parents = [names.get(span.parent.span_id) if span.parent else "" for span in found]
    pairs = zip((span.name for span in found), parents, strict=True)
    return Counter(pairs)


def _shown(exporter):
    return "\n".join(span.to_json() for span in exporter.get_finished_spans())


def _leaks(text, kit):
    found = [each for each in kit.FIELDS if kit.canary(each) in text]
    return found + ([kit.SHAPE] if kit.SHAPE in text else [])


class TestLangfuse:
    @pytest.mark.parametrize("way", ["handler", "install"])
    def test_sync(self, way, langfuse, sink, redactor, work, kit):
        """Langfuse is sent the whole run, with markers in place of values."""
        handler = CallbackHandler(public_key=f"pk-lf-{id(sink)}")
        guarded = RedactingCallbackHandler(handler, redactor)

        with install_tracing(redactor) if way == "install" else _nothing():
            work.run(callbacks=[handler if way == "install" else guarded])
        langfuse.flush()

        assert "/api/public/otel/v1/traces" in {path for _, path, *_ in sink.bodies}
        assert [] == [each for each in kit.FIELDS if sink.holds(kit.canary(each))]
        assert not sink.holds(kit.SHAPE)
        assert [] == [f for f in SHOWN if not sink.holds(f"[REDACTED:c/{f}]")]
        assert sink.holds("look_up")
        assert handler.last_trace_id

    async def test_async(self, langfuse, sink, redactor, work, kit):
        """The same holds for an async run."""
        handler = CallbackHandler(public_key=f"pk-lf-{id(sink)}")

        await work.arun(callbacks=[RedactingCallbackHandler(handler, redactor)])
        langfuse.flush()

        assert [] == [each for each in kit.FIELDS if sink.holds(kit.canary(each))]
        assert [] == [f for f in SHOWN if not sink.holds(f"[REDACTED:c/{f}]")]

    def test_the_reader_finds_a_leak(self, langfuse, sink, work, kit):
        """Unguarded, Langfuse is sent the values."""
        work.run(callbacks=[CallbackHandler(public_key=f"pk-lf-{id(sink)}")])
        langfuse.flush()

        assert [] == [each for each in SHOWN if not sink.holds(kit.canary(each))]


def _openinference(provider):
    tracer = OITracer(provider.get_tracer("tests"), config=TraceConfig())
    return OpenInferenceTracer(tracer, False)


@contextlib.contextmanager
def _instrumented(provider):
    instrumentor = LangChainInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        instrumentor.uninstrument()


class TestOpenInference:
    @pytest.mark.parametrize("how", ["sync", "async"])
    async def test_handler(self, how, spans, redactor, work, kit):
        """Its tracer, guarded, makes every span, with markers for values."""
        provider, exporter = spans
        guarded = RedactingCallbackHandler(_openinference(provider), redactor)

        if how == "sync":
            work.run(callbacks=[guarded])
        else:
            await work.arun(callbacks=[guarded])

        assert [] == _leaks(_shown(exporter), kit)
        assert [] == [f for f in SHOWN if f"[REDACTED:c/{f}]" not in _shown(exporter)]
        assert 6 <= len(exporter.get_finished_spans())

    def test_instrumented(self, spans, redactor, work, kit):
        """The tracer that its instrumentation adds by itself is guarded too."""
        provider, exporter = spans

        with install_tracing(redactor), _instrumented(provider):
            work.run()

        assert [] == _leaks(_shown(exporter), kit)
        assert [] == [f for f in SHOWN if f"[REDACTED:c/{f}]" not in _shown(exporter)]

    def test_the_tree_stays(self, spans, redactor, work, kit):
        """Spans hang together as without a guard, and unguarded ones leak."""
        provider, exporter = spans
        config = {"run_name": "run", "tags": [], "metadata": {}}
        with _instrumented(provider):
            work.run(**config)
        bare, leaks = _tree(exporter), _leaks(_shown(exporter), kit)
        exporter.clear()
        with install_tracing(redactor), _instrumented(provider):
            work.run(**config)

        assert bare == _tree(exporter)
        assert set(SHOWN) < set(leaks)


class TestLangChains:
    def test_printing_handlers(self, work, redactor, capsys, tmp_path, kit):
        """What LangChain's handlers print and write has markers in it."""
        path = tmp_path / "run.log"
        with FileCallbackHandler(str(path)) as to_file:
            handlers = [StdOutCallbackHandler(), ConsoleCallbackHandler(), to_file]
            work.run(
                callbacks=[RedactingCallbackHandler(h, redactor) for h in handlers]
            )
        printed, written = capsys.readouterr().out, path.read_text()

        assert [] == _leaks(printed + written, kit)
        assert "[REDACTED:c/tool_output]" in written
        assert [] == [f for f in PRINTED if f"[REDACTED:c/{f}]" not in printed]

    def test_they_leak_without(self, work, capsys, tmp_path, kit):
        """Unguarded, they print and write the values."""
        path = tmp_path / "run.log"
        with FileCallbackHandler(str(path)) as to_file:
            work.run(callbacks=[ConsoleCallbackHandler(), to_file])

        assert set(PRINTED) < set(_leaks(capsys.readouterr().out, kit))
        assert kit.canary("tool_output") in path.read_text()

    @pytest.mark.parametrize("size", [1, 5, 200])
    def test_streaming_to_the_screen(self, size, redactor, capsys, kit):
        """Tokens that spell a value are printed as one marker, others as they are."""
        text = f"it is {kit.canary('output')} as said"
        model = kit.ListModel(answers=[AIMessage(text)], size=size)
        handler = StreamingStdOutCallbackHandler()

        list(
            model.stream(
                "q", {"callbacks": [RedactingCallbackHandler(handler, redactor)]}
            )
        )

        assert "it is [REDACTED:c/output] as said" == capsys.readouterr().out

    def test_usage(self, redactor, kit):
        """A handler that counts tokens counts them behind the guard."""
        usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
        answer = AIMessage(
            f"see {kit.canary('output')}",
            usage_metadata=usage,
            response_metadata={"model_name": "m"},
        )
        inner = UsageMetadataCallbackHandler()
        guarded = RedactingCallbackHandler(inner, redactor)

        kit.ListModel(answers=[answer]).invoke("q", {"callbacks": [guarded]})

        assert {"m": usage} == inner.usage_metadata


def _nothing():
    return contextlib.nullcontext()


@pytest.fixture
def _structlog_reset():
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_structlog_reset")
class TestStructlog:
    def test_its_own_logger(self, redactor, kit):
        """Real structlog lines carry markers in events, fields, context and errors."""
        out = io.StringIO()
        structlog.configure(
            processors=[
                structlog.contextvars.merge_contextvars,
                structlog.processors.add_log_level,
                redaction_processor(redactor),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.PrintLoggerFactory(out),
        )
        log = structlog.get_logger().bind(bound=kit.canary("metadata"))
        with structlog.contextvars.bound_contextvars(ambient=kit.canary("tag")):
            event = f"see {kit.canary('input')}"
            log.info(event, payload={"a": [kit.canary("output")]})
        try:
            raise ValueError(kit.canary("error"))
        except ValueError:
            log.exception("failed")

        first, second = map(json.loads, out.getvalue().splitlines())
        assert [] == _leaks(out.getvalue(), kit)
        assert {
            "event": "see [REDACTED:c/input]",
            "bound": "[REDACTED:c/metadata]",
            "ambient": "[REDACTED:c/tag]",
            "payload": {"a": ["[REDACTED:c/output]"]},
            "level": "info",
        } == first
        assert "ValueError: [REDACTED:c/error]" in second["exception"]

    def test_over_logging(self, redactor, caplog, kit):
        """Structlog that hands on to logging is covered by the installation alone."""
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.processors.format_exc_info,
                structlog.stdlib.render_to_log_kwargs,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        with install_tracing(redactor), caplog.at_level(logging.INFO, "app"):
            structlog.get_logger("app").info(
                f"see {kit.canary('input')}", other=kit.canary("output")
            )

        (record,) = caplog.records
        assert ("see [REDACTED:c/input]", "[REDACTED:c/output]") == (
            record.getMessage(),
            record.other,
        )
