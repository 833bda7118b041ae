"""What a clean trace costs under guard, beside LangSmith's own work on it.

    python tests/benchmarks/traces/bench_traces.py [--messages N] [--rounds N]

Guarded and unguarded take turns in one process, by CPU time; read the ratios. What is
measured is all that stands between a run and its bytes: looking for values and
serializing against serializing alone. Sending is the same for both and left out.
"""

from __future__ import annotations

import argparse
import gc
import logging
import random
import statistics
import time
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langsmith._internal._operations import serialize_run_dict

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.traces.payload import clean_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import BaseMessage

TARGET = 1.10
_WORDS = ["the", "agent", "reads", "a", "row", "of", "its", "plan", "and", "calls"]
_WORDS += ["one", "tool", "after", "another", "until", "files", "were", "changed"]


def message(number: int, size: int = 2_000) -> BaseMessage:
    """Write the nth message: of a user, a model that calls a tool, or the tool."""
    rng = random.Random(number)
    lines = [" ".join(rng.choices(_WORDS, k=12)) for _ in range(size // 60)]
    body, ident = "\n".join(lines), f"m{number}"
    if number % 3 == 0:
        return HumanMessage(body, id=ident)
    if number % 3 == 1:
        call = {"name": "search", "args": {"q": body[:200]}, "id": f"c{number}"}
        return AIMessage(body, id=ident, tool_calls=[call])
    return ToolMessage(body, id=ident, tool_call_id=f"c{number - 1}", name="search")


def node(said: list[BaseMessage]) -> list[dict[str, Any]]:
    """Return the run of a node."""
    return [run_of({"messages": said, "remaining_steps": 24}, said[-1])]


def model(said: list[BaseMessage]) -> list[dict[str, Any]]:
    """Return the run of a chat model, written by LangChain's tracer already."""
    return [run_of({"messages": [[dumpd(each) for each in said]]}, said[-1])]


def step(said: list[BaseMessage]) -> list[dict[str, Any]]:
    """Return the runs of one step of an agent: its node and, in it, its model."""
    return [*node(said), *model(said)]


def run_of(inputs: dict[str, Any], last: BaseMessage) -> dict[str, Any]:
    """Return the run of one step, as langsmith's client gets it."""
    ident, now = uuid.uuid4(), datetime.now(tz=UTC)
    return {
        "id": ident,
        "trace_id": ident,
        "dotted_order": now.strftime("%Y%m%dT%H%M%S%fZ") + str(ident),
        "name": "agent",
        "run_type": "chain",
        "session_name": "benchmarks",
        "start_time": now,
        "end_time": now,
        "inputs": inputs,
        "outputs": {"messages": [last]},
        "extra": {"metadata": {"thread_id": "t", "langgraph_step": 3}},
        "events": [],
        "tags": ["seq:step:1"],
    }


def knowing(count: int) -> Redactor:
    """Return a redactor that knows so many values, and shapes."""
    redactor, rng = Redactor(), random.Random(3)
    for index in range(count):
        redactor.register(f"n{index}", f"{rng.getrandbits(160):040x}")
    redactor.redact_text("compiled by whoever reads first")
    return redactor


def guarded(redactor: Redactor, runs: list[dict[str, Any]]) -> bytes:
    """Do what a guarded client does with the runs of a step."""
    sent = b""
    for each in runs:
        clean = clean_run(each, redactor, fragments=True)
        sent = serialize_run_dict("post", clean).inputs or b""
    return sent


def bare(_: Redactor, runs: list[dict[str, Any]]) -> bytes:
    """Do what a client does with the runs of a step."""
    sent = b""
    for each in runs:
        sent = serialize_run_dict("post", each).inputs or b""
    return sent


def timed(work: Callable[..., bytes], redactor: Redactor, runs: list[Any]) -> float:
    """Return the seconds of CPU time that it took."""
    start = time.process_time()
    sent = work(redactor, runs)
    took = time.process_time() - start
    assert b"[REDACTED" not in sent
    assert b"[WITHHELD" not in sent
    return took


def steps(kind: Callable[..., Any], size: int, rounds: int) -> tuple[float, float]:
    """Measure single steps of a long conversation, each with one message more."""
    redactor, said = knowing(10), [message(number) for number in range(size)]
    guarded(redactor, kind(said))
    times: dict[Callable[..., bytes], list[float]] = {guarded: [], bare: []}
    for number in range(rounds):
        said.append(message(size + number))
        for work, took in times.items():
            took.append(timed(work, redactor, kind(list(said))))
    ours, own = times[guarded], times[bare]
    return statistics.median(ours) / statistics.median(own), min(ours) / min(own)


def whole(kind: Callable[..., Any], size: int, rounds: int) -> tuple[float, float]:
    """Measure all steps of a conversation, from nothing known to so many messages."""
    messages = [message(number) for number in range(size)]
    ratios = list[float]()
    for _ in range(max(1, rounds // 20)):
        redactor = knowing(10)
        spent = {guarded: 0.0, bare: 0.0}
        for end in range(2, size, 2):
            for work in spent:
                spent[work] += timed(work, redactor, kind(messages[:end]))
        ratios.append(spent[guarded] / spent[bare])
    return statistics.median(ratios), min(ratios)


def first(kind: Callable[..., Any], size: int, rounds: int) -> tuple[float, float]:
    """Measure a first step into a history that this process never saw."""
    said, times = [message(number) for number in range(size)], ([], [])
    for _ in range(max(3, rounds // 10)):
        redactor = knowing(10)
        times[0].append(timed(guarded, redactor, kind(said)))
        times[1].append(timed(bare, redactor, kind(said)))
    median = statistics.median(times[0]) / statistics.median(times[1])
    return median, min(times[0]) / min(times[1])


def rows(size: int, rounds: int) -> Iterator[tuple[str, tuple[float, float], bool]]:
    """Measure everything."""
    for kind in (step, node, model):
        name = f"{kind.__name__}, {size:,} messages"
        yield f"{name}, one of them new", steps(kind, size, rounds), True
        yield f"{name}, the whole run", whole(kind, size, rounds), True
        yield f"{name}, none seen before", first(kind, size, rounds), False


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    gc.collect()
    gc.disable()
    for name, (median, least), promised in rows(arguments.messages, arguments.rounds):
        verdict = "MET" if median <= TARGET else "MISSED"
        target = f"  target <= {TARGET:.2f}x: {verdict}" if promised else ""
        print(f"{name:<45}{median:6.2f}x  min {least:5.2f}x{target}", flush=True)


if __name__ == "__main__":
    main()
