"""Leaks of the functional API: `@entrypoint` and `@task`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt

from langchain_tyrum.membrane import protect

WAYS = ["stream", "stream_v2", "invoke", "events_v3"]
AWAYS = ["astream", "ainvoke", "aevents_v1", "aevents_v2", "aevents_v3", "alog"]
#: Ways that go through the code of another one.
ALIKE = {"stream_v2", "invoke", "ainvoke", "aevents_v1"}
GITHUB = "ghp_" + "Zx9" * 12


@dataclass
class Kit:
    lab: Any
    setup: Any
    seen: list[Any]


def flow_of(kit, body):
    @entrypoint(checkpointer=kit.lab.saver, store=kit.lab.store)
    def flow(given: Any) -> Any:
        kit.seen.append(given)
        return body(given)

    return flow


def input_value(v, kit):
    return kit.setup(flow_of(kit, lambda given: {"got": given}), {"key": v})


def task_result(v, kit):
    @task
    def find(what):
        kit.seen.append(what)
        return {"found": v}

    @task
    def use(found):
        kit.seen.append(found)
        return "used"

    def body(given):
        found = find("x").result()
        kit.seen.append(found)
        return use(found).result()

    return kit.setup(flow_of(kit, body), "go")


def task_argument(v, kit):
    @task
    def use(found):
        kit.seen.append(found)
        return "used"

    return kit.setup(flow_of(kit, lambda _: use({"made": v}).result()), "go")


def nested_task(v, kit):
    @task
    def inner(what):
        kit.seen.append(what)
        return {"found": v}

    @task
    def outer(what):
        found = inner(f"see {v}").result()
        kit.seen.append(found)
        return "outer"

    return kit.setup(flow_of(kit, lambda _: outer("x").result()), "go")


def task_exception(v, kit):
    @task
    def find(what):
        raise ConnectionError(f"401 for {v}")

    def body(given):
        return find("x").result()

    return kit.setup(flow_of(kit, body), "go", raises=ConnectionError)


def caught_task_exception(v, kit):
    @task
    def find(what):
        raise ConnectionError(f"401 for {v}")

    def body(given):
        try:
            return find("x").result()
        except ConnectionError as error:
            kit.seen.append(str(error))
            return f"failed: {error}"

    return kit.setup(flow_of(kit, body), "go")


def result(v, kit):
    return kit.setup(flow_of(kit, lambda _: {"result": [v]}), "go")


def saved(v, kit):
    def body(given):
        return entrypoint.final(value="shown", save={"previous": v})

    return kit.setup(flow_of(kit, body), "go", then=["again"])


def interrupted(v, kit):
    return kit.setup(
        flow_of(kit, lambda _: interrupt({"ask": v})),
        "go",
        then=[Command(resume=f"r {v}")],
    )


def interrupted_task(v, kit):
    @task
    def ask(what):
        return interrupt({"ask": v})

    return kit.setup(
        flow_of(kit, lambda _: ask("x").result()), "go", then=[Command(resume="yes")]
    )


def written(v, kit):
    def body(given):
        get_stream_writer()(f"part {v}")
        return "sent"

    return kit.setup(flow_of(kit, body), "go")


def store_item(v, kit):
    def body(given):
        kit.lab.store.put(("a",), "k", {"left": "alone"})
        from langgraph.config import get_store

        get_store().put(("a",), "u", {"token": v})
        return "stored"

    return kit.setup(flow_of(kit, body), "go")


SOURCES = [
    input_value,
    task_result,
    task_argument,
    nested_task,
    task_exception,
    caught_task_exception,
    result,
    saved,
    interrupted,
    interrupted_task,
    written,
    store_item,
]

#: Run in all ways.
BROAD = {task_result, task_exception, interrupted, saved}


@pytest.fixture
def kit(lab, setup_of):
    return Kit(lab, setup_of, [])


def cases(ways):
    """Every source in the ways that differ most; some in all ways."""
    return [
        pytest.param(source, way, id=f"{source.__name__}-{way}")
        for source in SOURCES
        for way in ways
        if way not in ALIKE or source in BROAD
    ]


def assert_clean(source, evidence, setup, value, kit, tell):
    assert [] == evidence.leaks(value)
    if setup.raises:
        assert isinstance(evidence.error, setup.raises), evidence.error
    else:
        assert evidence.error is None, evidence.error
    assert kit.seen
    assert value not in tell(kit.seen)
    assert "t1" in evidence.sinks["wire"]
    assert "on_chain_start" in evidence.sinks["handler"]
    assert evidence.marked or source is written


class TestProtected:
    @pytest.mark.parametrize(("source", "way"), cases(WAYS))
    def test_a_registered_value_leaks_nowhere(
        self, source, way, kit, drive, known, teller
    ):
        """A value without a shape, known to the broker, is in no sink."""
        broker, value = known
        with kit.lab.sync():
            setup = source(value, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = drive(kit.lab, setup, way)
        assert_clean(source, evidence, setup, value, kit, teller)

    @pytest.mark.parametrize(("source", "way"), cases(AWAYS))
    async def test_a_registered_value_leaks_nowhere_async(
        self, source, way, kit, adrive, known, teller
    ):
        """The same holds for the async ways to run a workflow."""
        broker, value = known
        async with kit.lab.asynchronous():
            setup = source(value, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = await adrive(kit.lab, setup, way)
        assert_clean(source, evidence, setup, value, kit, teller)

    @pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.__name__)
    def test_a_known_shape_leaks_nowhere(self, source, kit, drive, known, teller):
        """A credential that nobody registered is told by its shape."""
        with kit.lab.sync():
            setup = source(GITHUB, kit)
            setup.graph = protect(setup.graph, known[0])
            evidence = drive(kit.lab, setup, "stream")
        assert_clean(source, evidence, setup, GITHUB, kit, teller)


class TestUnprotected:
    @pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.__name__)
    def test_each_source_leaks_without_the_membrane(self, source, kit, drive, canary):
        """The reader finds the value when nothing guards the workflow."""
        value = canary()
        with kit.lab.sync():
            setup = source(value, kit)
            evidence = drive(kit.lab, setup, "stream")
        assert evidence.leaks(value)
