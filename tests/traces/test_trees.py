"""A guarded trace is the unguarded one with values replaced, and nothing else."""

from __future__ import annotations

import base64
import json
import re
import uuid

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer

from langchain_tyrum.traces import RedactingCallbackHandler, install_tracing

USAGE = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)?|\d{8}T\d{12}Z")


@pytest.fixture
def agent(work, kit):
    """An agent whose run has nodes, tools, a failure and a model that counts tokens."""

    def act(given, config):
        answer = AIMessage(f"done {kit.canary('output')}", usage_metadata=USAGE)
        model = kit.ListModel(answers=[answer])
        result = work.graph.invoke({"messages": [("user", given)]}, config)
        model.invoke(result["messages"], config)
        return "over"

    config = {
        "metadata": {"note": kit.canary("metadata"), kit.canary("key"): 1, "n": 3},
        "tags": [f"about {kit.canary('tag')}", "plain"],
        "run_name": f"run of {kit.canary('name')}",
    }
    return RunnableLambda(act), config


def _flat(runs):
    """Return the runs in order, ids and times by their place: the rest is compared."""
    ordered = sorted(runs.values(), key=lambda run: run["dotted_order"])
    places = {run["id"]: f"run {place}" for place, run in enumerate(ordered)}
    text = json.dumps(ordered, sort_keys=True)
    text = _UUID.sub(lambda found: places.get(found[0], "an id"), text)
    return json.loads(_TIME.sub("a time", text))


def _expected(runs, redactor, kit):
    """Replace values in the text of the unguarded runs, one by one."""
    text = json.dumps(runs)
    pairs = [(kit.canary(each), f"[REDACTED:c/{each}]") for each in kit.FIELDS]
    for value, marker in [*pairs, (kit.SHAPE, redactor.redact_text(kit.SHAPE))]:
        coded = [base64.b64encode(each.encode()).decode() for each in (value, marker)]
        text = text.replace(value, marker).replace(*coded)
    return json.loads(text)


def _trace(sink, agent, given, client, *, guard=None):
    """Run once, and return what arrived of it."""
    runnable, config = agent
    run_id, tracer = uuid.uuid4(), LangChainTracer(client=client)
    tracer = tracer if guard is None else guard(tracer)
    runnable.invoke(given, {**config, "callbacks": [tracer], "run_id": run_id})
    client.flush()
    return {
        key: run for key, run in sink.runs().items() if run["trace_id"] == str(run_id)
    }


@pytest.mark.usefixtures("langsmith_env")
class TestTrees:
    @pytest.mark.parametrize("way", ["install", "handler"])
    def test_only_values_differ(self, way, sink, agent, redactor, make_client, kit):
        """Ids, parents, order, names, types, times, tags, keys and tokens all stay."""
        given = f"hello {kit.canary('input')}"
        bare = _trace(sink, agent, given, make_client())
        if way == "install":
            with install_tracing(redactor):
                guarded = _trace(sink, agent, given, make_client())
        else:
            guarded = _trace(
                sink,
                agent,
                given,
                make_client(),
                guard=lambda tracer: RedactingCallbackHandler(tracer, redactor),
            )

        assert kit.canary("input") in json.dumps(bare)
        assert kit.canary("input") not in json.dumps(guarded)
        assert _expected(_flat(bare), redactor, kit) == _flat(guarded)

    def test_it_is_a_whole_tree(self, sink, agent, redactor, make_client, kit):
        """The guarded runs hang together, took time, and count their tokens."""
        with install_tracing(redactor):
            runs = _trace(sink, agent, kit.canary("input"), make_client())

        roots = [run for run in runs.values() if not run.get("parent_run_id")]
        assert 1 == len(roots)
        assert {"chain", "llm", "tool"} == {run["run_type"] for run in runs.values()}
        for run in runs.values():
            parent = runs.get(run.get("parent_run_id"))
            assert (run is roots[0]) == (parent is None)
            assert run["dotted_order"].endswith(run["id"])
            assert parent is None or run["dotted_order"].startswith(
                parent["dotted_order"]
            )
            assert run["start_time"] <= run["end_time"]
        counted = [
            run["extra"]["metadata"]["usage_metadata"]
            for run in runs.values()
            if "usage_metadata" in run["extra"]["metadata"]
        ]
        assert [USAGE] == counted
