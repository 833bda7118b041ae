"""`install_tracing`: one switch for the process, taken back in any order."""

from __future__ import annotations

import logging
import sys
import threading
import uuid
import warnings

import langsmith
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_debug
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import AsyncClient, RunTree

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.traces import compat, guard_client, install_tracing


def _doors():
    return (
        langsmith.Client._create_run,
        langsmith.Client._update_run,
        langsmith.Client.create_feedback,
        langsmith.Client.request_with_retries,
        AsyncClient._arequest_with_retries,
        RunTree.post,
        RunTree.to_headers,
        compat.manager._configure,
        logging.getLogRecordFactory(),
        logging.Logger.handle,
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
        warnings.showwarning,
    )


def _send(client, text):
    tree = RunTree(name="n", inputs={"a": text}, ls_client=client, project_name="tests")
    tree.post()
    client.flush()
    return tree


class TestUninstall:
    def test_everything_is_put_back(self, redactor):
        """After the last uninstall every door is the one it was."""
        before = _doors()

        with install_tracing(redactor):
            during = _doors()

        assert before == _doors()
        assert not set(before) & set(during)

    def test_twice_is_fine(self, sink, redactor, make_client, kit):
        """Installing twice guards once, until both are taken back."""
        before = _doors()
        first = install_tracing(redactor)
        second = install_tracing(redactor)

        first()
        first()
        _send(make_client(), kit.canary("input"))
        second()

        assert sink.holds("[REDACTED:c/input]")
        assert not sink.holds(kit.canary("input"))
        assert before == _doors()

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_nested_in_any_order(self, order, sink, make_client, kit):
        """Two redactors both apply, and each stops with its own uninstall."""
        redactors = [Redactor(), Redactor()]
        fields = ("input", "output")
        for each, field in zip(redactors, fields, strict=True):
            each.register(f"c/{field}", kit.canary(field))
        before = _doors()
        holds = [install_tracing(each) for each in redactors]

        _send(make_client(), " ".join(map(kit.canary, fields)))
        both_clean = not any(sink.holds(kit.canary(f)) for f in fields)
        holds[order[0]]()
        _send(make_client(), kit.canary(fields[order[1]]))
        _send(make_client(), kit.canary(fields[order[0]]))
        holds[order[1]]()

        assert both_clean
        assert not sink.holds(kit.canary(fields[order[1]]))
        assert sink.holds(kit.canary(fields[order[0]]))
        assert before == _doors()

    def test_wrapped_meanwhile(self, redactor, monkeypatch):
        """A patch that somebody put over ours survives the uninstall."""
        uninstall = install_tracing(redactor, logs=False)
        ours = langsmith.Client._create_run

        def theirs(self, *args, **kwargs):
            return ours(self, *args, **kwargs)

        monkeypatch.setattr(langsmith.Client, "_create_run", theirs)
        uninstall()

        assert theirs is langsmith.Client._create_run

    def test_without_logs(self, redactor):
        """With `logs=False` loggers and hooks stay as they are."""
        before = _doors()[-6:]

        with install_tracing(redactor, logs=False):
            assert before == _doors()[-6:]

    def test_broker_is_a_source(self, sink, redactor, make_client, kit):
        """Whatever has a redactor may be given in its place."""

        class Broker:
            pass

        broker = Broker()
        broker.redactor = redactor
        with install_tracing(broker):
            _send(make_client(), kit.canary("input"))

        assert sink.holds("[REDACTED:c/input]")

    def test_no_source(self):
        """Something without a redactor is refused, with the mend."""
        with pytest.raises(ConfigError, match=r"broker\.redactor"):
            install_tracing("no redactor")


class TestRefusal:
    def test_foreign_client_of_a_trace(self, redactor, kit):
        """A trace whose client is no langsmith client is not sent."""
        sent = []

        class Foreign:
            otel_exporter = None

            def create_run(self, **kwargs):
                sent.append(kwargs)

        tree = RunTree(
            name="n",
            inputs={"a": kit.canary("input")},
            ls_client=Foreign(),
            project_name="tests",
        )

        with (
            install_tracing(redactor),
            pytest.raises(ConfigError, match="cannot be guarded"),
        ):
            tree.post()

        assert [] == sent

    def test_foreign_client(self, redactor):
        """What is no langsmith client cannot be guarded and is refused."""
        with pytest.raises(ConfigError, match=r"langsmith\.Client"):
            guard_client(object(), redactor)

    def test_a_subclass_that_sends_by_itself(self, sink, redactor, kit):
        """A client subclass that never calls `super()` gets redacted runs."""
        seen = []

        class Own(langsmith.Client):
            def _create_run(self, run_create, **kwargs):
                seen.append(run_create)

        client = Own(api_url=sink.url, api_key="k")
        with install_tracing(redactor):
            _send(client, kit.canary("input"))
        guarded = guard_client(Own(api_url=sink.url, api_key="k"), redactor)
        _send(guarded, kit.canary("input"))
        text = [compat.dumps(run, on_bytes=bytes, on_odd=str) for run in seen]

        assert 2 == len(text)
        assert all(b"[REDACTED:c/input]" in each for each in text)

    def test_internals_that_are_gone(self):
        """A langsmith without the methods that are patched is refused by name."""
        with pytest.raises(ConfigError, match=r"Client\._no_such_method is gone"):
            compat.check(((langsmith.Client, "_no_such_method"),))

    def test_internals_are_there(self):
        """The installed versions have every internal this room leans on."""
        compat.check()


class TestInPlace:
    def test_client_stays_itself(self, sink, redactor, make_client, kit):
        """Guarding keeps the object, its endpoint, its type's name and its flush."""
        client = make_client()

        assert client is guard_client(client, redactor)
        assert isinstance(client, langsmith.Client)
        assert "Client" == type(client).__name__
        assert sink.url == client.api_url

        tree = _send(client, kit.canary("input"))
        assert [str(tree.id)] == list(sink.runs())

    def test_twice_is_a_no_op(self, redactor, make_client):
        """Guarding twice with one redactor leaves the class as it is."""
        client = guard_client(make_client(), redactor)
        kind = type(client)

        guard_client(client, redactor)

        assert kind is type(client)

    def test_two_redactors_both_apply(self, sink, make_client, kit):
        """A client guarded for two brokers gives away neither's values."""
        client = make_client()
        for field in ("input", "output"):
            each = Redactor()
            each.register(f"c/{field}", kit.canary(field))
            guard_client(client, each)

        _send(client, f"{kit.canary('input')} {kit.canary('output')}")

        assert sink.holds("[REDACTED:c/input] [REDACTED:c/output]")

    def test_values_registered_later(self, sink, make_client, kit):
        """A value registered after the guard was set is covered."""
        redactor = Redactor()
        client = guard_client(make_client(), redactor)
        redactor.register("late", kit.canary("input"))

        _send(client, kit.canary("input"))

        assert sink.holds("[REDACTED:late]")


class TestPrinting:
    def test_debug_mode(self, redactor, capsys, kit):
        """Debug mode prints the run with markers in it."""
        chain = RunnableLambda(lambda text: f"got {text}")
        set_debug(True)
        try:
            with install_tracing(redactor):
                chain.invoke(kit.canary("input"))
        finally:
            set_debug(False)
        shown = capsys.readouterr().out

        assert kit.canary("input") not in shown
        assert 2 == shown.count("[REDACTED:c/input]")

    def test_debug_mode_leaks_without(self, capsys, kit):
        """Without a guard debug mode prints the value."""
        set_debug(True)
        try:
            RunnableLambda(str.upper).invoke(kit.canary("input"))
        finally:
            set_debug(False)

        assert kit.canary("input") in capsys.readouterr().out


class TestLiveObjects:
    @pytest.mark.usefixtures("langsmith_env")
    def test_the_application_keeps_its_values(self, redactor, work, kit):
        """Redacting a trace changes nothing in what the application works with."""
        seen = []

        class Last(BaseCallbackHandler):
            def on_chain_end(self, outputs, **kwargs):
                seen.append(outputs)

        with install_tracing(redactor):
            result = work.run(callbacks=[Last()])

        assert kit.canary("key") in result["messages"][-1].additional_kwargs
        assert any(kit.canary("output") in str(each) for each in seen)

    @pytest.mark.usefixtures("langsmith_env")
    def test_a_tracer_that_was_given_keeps_working(self, sink, redactor, work):
        """`latest_run` of an explicit tracer is the run that was sent."""
        tracer = LangChainTracer()
        run_id = uuid.uuid4()

        with install_tracing(redactor):
            work.run(callbacks=[tracer], run_id=run_id)
        tracer.client.flush()

        assert run_id == tracer.latest_run.id
        assert str(run_id) in sink.runs()
