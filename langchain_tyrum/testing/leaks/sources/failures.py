"""Rows: errors, whoever raises them, and what people are asked and answer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from langgraph.errors import InvalidUpdateError
from langgraph.types import Command, RetryPolicy, interrupt
from pydantic import BaseModel, SecretStr, ValidationError

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Callable

_START = [{"data": 1}]


class Login(BaseModel):
    """What a node validates; its errors show what was put in."""

    count: int
    token: SecretStr
    other: int


class OddError(Exception):
    """An error of an application, with arguments of its own."""

    def __init__(self, code: int, *, body: Any) -> None:
        super().__init__(code)
        self.body = body


def _raise(error: BaseException) -> Any:
    raise error


def _chained(text: str) -> Any:
    try:
        raise KeyError(text)  # noqa: TRY301 - a cause has to be raised
    except KeyError as cause:
        cause.add_note(f"note {text}")
        raise RuntimeError(f"outer {text}") from cause


def _hidden_context(text: str) -> Any:
    local = f"local {text}"
    try:
        raise KeyError(local)  # noqa: TRY301 - as above
    except KeyError:
        raise RuntimeError("outer") from None


def _clean_error(text: str) -> Any:
    local = {"token": text}
    raise RuntimeError(f"{len(local)} login failed")


_FAILS: dict[str, tuple[Callable[[str], Any], Any]] = {
    "exception": (lambda v: _raise(ValueError(f"bad login with {v}")), ValueError),
    "exception with dict argument": (lambda v: _raise(OSError(5, v)), OSError),
    "exception with attributes": (lambda v: _raise(OddError(7, body=[v])), OddError),
    "cause and note": (_chained, RuntimeError),
    "suppressed context and locals": (_hidden_context, RuntimeError),
    "exception group": (
        lambda v: _raise(ExceptionGroup("many", [ValueError(v), KeyError(v)])),
        ExceptionGroup,
    ),
    "ValidationError": (
        lambda v: Login.model_validate({"count": v, "token": v}),
        # a rebuilt one would be raised by nobody's schema, so it is a plain error
        (ValidationError, RuntimeError),
    ),
    "InvalidUpdateError": (str, InvalidUpdateError),
}  # fmt: skip


def _failing(fail: Callable[[str], Any], kind: Any, kit: Kit) -> Case:
    return Case(kit.flow(lambda _: fail(kit.text)), _START, raises=kind)


def _input_around(kit: Kit) -> Case:
    def first(state: Any) -> Any:
        raise RuntimeError(f"{len(state)} login failed")

    return Case(kit.flow(first), [{"data": kit.text}], raises=RuntimeError)


def _handled(kit: Kit) -> Case:
    def rescue(state: Any) -> Any:
        kit.see(state)
        return {"data": "rescued"}

    def first(_: Any) -> Any:
        raise ValueError(f"bad login with {kit.text}")

    return Case(kit.flow(first, error_handler=rescue), _START)


def _retried(kit: Kit) -> Case:
    tries: list[int] = []

    def first(_: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError(f"no route with {kit.text}")
        return {"data": "fine"}

    policy = RetryPolicy(initial_interval=0.001, jitter=False)
    graph = kit.flow(first, retry_policy=policy)
    return Case(graph, _START, alive=lambda: len(tries) == 2)


def _in_conditional_edge(kit: Kit) -> Case:
    from langgraph.graph import START, StateGraph  # noqa: PLC0415

    builder: Any = StateGraph(dict)
    builder.add_node("first", lambda _: {"data": 1})
    builder.add_edge(START, "first")
    builder.add_conditional_edges("first", lambda _: kit.text, {"known": "first"})
    graph = builder.compile(checkpointer=kit.saver)
    return Case(graph, _START, raises=KeyError)


def _asked(question: Callable[[str], Any], kit: Kit) -> Case:
    def first(_: Any) -> Any:
        return {"data": interrupt(question(kit.text))}

    return Case(kit.flow(first), [*_START, Command(resume="yes")])


def _answered(answer: Callable[[str], Any], kit: Kit) -> Case:
    def first(_: Any) -> Any:
        return {"data": interrupt("what is it?")}

    return Case(kit.flow(first), [*_START, Command(resume=answer(kit.text))])


def _answered_twice(kit: Kit) -> Case:
    def first(_: Any) -> Any:
        return {"data": [interrupt("one?"), interrupt("two?")]}

    return Case(
        kit.flow(first), [*_START, Command(resume=kit.text), Command(resume="b")]
    )


def _answered_invalidly(kit: Kit) -> Case:
    def first(_: Any) -> Any:
        return {"data": interrupt("how many?", response_schema=Login)}

    answer: Any = Command(resume={"count": kit.text, "token": kit.text})
    return Case(kit.flow(first), [*_START, answer], raises=Exception)


def _resumed_with_update(kit: Kit) -> Case:
    def first(_: Any) -> Any:
        return {"log": [interrupt("go on?")]}

    answer: Any = Command(resume="yes", update={"data": kit.text})
    return Case(kit.flow(first), [*_START, answer])


ROWS: tuple[Source, ...] = (
    *(
        Source(name, "error", partial(_failing, fail, kind))
        for name, (fail, kind) in _FAILS.items()
    ),
    Source("locals of a node that fails", "error",
           partial(_failing, _clean_error, RuntimeError), marked=False),
    Source("input of a run that fails", "error", _input_around),
    Source("error of a conditional edge", "error", _in_conditional_edge),
    Source("error that a handler takes", "error", _handled),
    Source("error that is retried", "error", _retried),
    Source("interrupt", "person", partial(_asked, lambda v: {"question": f"use {v}?"})),
    Source("interrupt with bytes", "person", partial(_asked, lambda v: [v.encode()])),
    Source("resume", "person", partial(_answered, lambda v: v)),
    Source("resume with a dict", "person", partial(_answered, lambda v: {"got": [v]})),
    Source("resume while another is open", "person", _answered_twice),
    Source("invalid resume", "person", _answered_invalidly),
    Source("resume with update", "person", _resumed_with_update),
)  # fmt: skip
