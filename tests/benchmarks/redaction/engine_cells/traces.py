"""The trace of a conversation of 1,000 messages, beside LangSmith's own work on it."""

from __future__ import annotations

import copy
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine_cells.exact import knowing
from engine_cells.report import OURS
from engine_cells.states import BARE, against_bare, conversation, growing
from engine_cells.timing import Contestant
from langsmith._internal._operations import serialize_run_dict
from langsmith.anonymizer import create_secret_anonymizer

from langchain_tyrum.traces.payload import clean_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine_cells.report import Row

    from langchain_tyrum.redaction import Redactor

_WITHHELD = b"[REDACTED"


def trace(size: int, *, cold: bool, budget: float) -> Row:
    """Serialize the run of one step: the whole history in, one message out.

    Args:
        size: Messages of the history.
        cold: Nothing of the history was seen before, as in a first step.
        budget: Seconds.
    """
    grow, bare = growing(size), growing(size)

    def guarded(index: int) -> tuple[Redactor, dict[str, Any]]:
        know = knowing.__wrapped__ if cold else knowing
        return know(10, shapes=True), _run_of(grow(index))

    assert _WITHHELD not in _sent(guarded(0))
    contestants = {
        OURS: Contestant(run=_sent, make=guarded),
        BARE: Contestant(
            run=lambda run: serialize_run_dict("post", run),
            make=lambda index: _run_of(bare(index)),
        ),
    }
    if not cold:
        contestants["create_secret_anonymizer"] = _anonymized(size)
    return against_bare(
        contestants,
        name=f"trace of a run of {size:,} messages, clean"
        + (", nothing seen before" if cold else ", one of them new"),
        limit=None if cold else 1.10,
        budget=budget,
    )


def _sent(given: tuple[Redactor, dict[str, Any]]) -> bytes:
    redactor, run = given
    clean = clean_run(run, redactor, fragments=True)
    return serialize_run_dict("post", clean).inputs or b""


def _anonymized(size: int) -> Contestant:
    """LangSmith's own anonymizer, on a part of the history, since it is slow."""
    part, anonymize = size // 50, create_secret_anonymizer()
    said = [each.model_dump() for each in conversation(size)[:part]]

    def work(run: dict[str, Any]) -> None:
        anonymize(run["inputs"])
        serialize_run_dict("post", run)

    return Contestant(
        run=work,
        make=lambda _: _run_of(copy.deepcopy(said)),
        scale=size / part,
        note=f"{part} messages, scaled",
    )


def _run_of(said: list[Any]) -> dict[str, Any]:
    ident = uuid.uuid4()
    now = datetime.now(tz=UTC)
    return {
        "id": ident,
        "trace_id": ident,
        "dotted_order": now.strftime("%Y%m%dT%H%M%S%fZ") + str(ident),
        "name": "agent",
        "run_type": "chain",
        "session_name": "benchmarks",
        "start_time": now,
        "end_time": now,
        "inputs": {"messages": said},
        "outputs": {"messages": said[-1:]},
        "extra": {"metadata": {"thread_id": "t", "langgraph_step": 3}},
        "events": [],
        "tags": ["seq:step:1"],
    }


def cells(*, quick: bool) -> Iterator[Callable[[], Row]]:
    """Yield what to measure."""
    budget = 0.8 if quick else 2.5
    for cold in (False, True):
        yield lambda c=cold: trace(1_000, cold=c, budget=budget)  # type: ignore[misc]
