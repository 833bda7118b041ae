"""What guards of durable state cost, beside the same work without a guard.

    python tests/benchmarks/state/bench_state.py [--rounds 60]

Guarded and unguarded run in turn in one process; each round is one step of an agent:
a checkpoint that repeats all messages but one, and the pending write of that one. CPU
time, medians; read the ratios.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import string
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.channels.binop import BinaryOperatorAggregate
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph.message import add_messages

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import GuardedSerializer, guard_checkpointer, guarded

WORDS = ["the", "agent", "reads", "a", "row", "and", "writes", "one", "more", "line"]
LETTERS = string.ascii_letters + string.digits
CONFIG: dict[str, Any] = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
Timed = dict[str, list[int]]


def messages(count: int, seed: int = 0) -> list[BaseMessage]:
    """Messages of about two kilobytes."""
    pick, made = random.Random(seed), []
    for n in range(count):
        text = " ".join(pick.choice(WORDS) for _ in range(400))
        call = {"name": "read", "args": {"page": n}, "id": f"call_{seed}_{n}"}
        made += [
            (
                HumanMessage(text, id=f"h{seed}_{n}"),
                AIMessage(text, id=f"a{seed}_{n}", tool_calls=[call]),
                ToolMessage(text, id=f"t{seed}_{n}", tool_call_id=f"call_{seed}_{n}"),
            )[n % 3]
        ]
    return made


def redactor(count: int) -> Redactor:
    made, pick = Redactor(), random.Random(1)
    for n in range(count):
        made.register(f"service{n}", "".join(pick.choice(LETTERS) for _ in range(32)))
    return made


def checkpoint(history: list[BaseMessage], step: int) -> Any:
    stored = empty_checkpoint()
    stored["channel_values"] = {"messages": history, "step": step}
    stored["channel_versions"] = {"messages": step, "step": step}
    return stored


def clock(times: Timed, name: str, work: Any) -> Any:
    start = time.process_time_ns()
    done = work()
    times[name].append(time.process_time_ns() - start)
    return done


def steps(count: int, rounds: int) -> Any:
    """Yield the history of each step: one more message, or another last one."""
    history, more = messages(count), messages(rounds, seed=5)
    for step, message in enumerate(more):
        history = [*history[: -1 if step % 2 else None], message]
        yield step, history, message


def serializers(count: int, known: Redactor, rounds: int) -> Timed:
    times: Timed = defaultdict(list)
    sides = {"plain": JsonPlusSerializer(), "guarded": GuardedSerializer(known)}
    for step, history, _ in steps(count, rounds):
        stored = checkpoint(history, step)
        for name, serde in sorted(sides.items(), reverse=bool(step % 2)):
            clock(times, name, lambda: serde.dumps_typed(stored))  # noqa: B023
    return times


def savers(kind: str, count: int, known: Redactor, rounds: int) -> Timed:
    times: Timed = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:

        def saver(name: str) -> Any:
            if kind == "memory":
                return InMemorySaver()
            file = Path(folder) / name
            made = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
            made.setup()
            return made

        sides = {"plain": saver("a"), "guarded": guard_checkpointer(saver("b"), known)}
        for step, history, message in steps(count, rounds):
            stored, versions = (
                checkpoint(history, step),
                {"messages": step, "step": step},
            )
            metadata: Any = {"source": "loop", "step": step, "parents": {}}
            for name, side in sorted(sides.items(), reverse=bool(step % 2)):

                def write(side: Any = side) -> None:
                    config = side.put(CONFIG, stored, metadata, versions)  # noqa: B023
                    side.put_writes(config, [("messages", [message])], f"t{step}")  # noqa: B023

                clock(times, name, write)
                forget(side, kind)
    return times


def forget(saver: Any, kind: str) -> None:
    """Keep what is stored small: the bench is of writing, not of growing."""
    if kind == "memory":
        saver.blobs.clear()
        saver.writes.clear()
        saver.storage.clear()
        return
    saver.conn.execute("DELETE FROM checkpoints")
    saver.conn.execute("DELETE FROM writes")
    saver.conn.commit()


def channels(count: int, known: Redactor, rounds: int) -> Timed:
    """One new message through the channel of a state key."""
    times: Timed = defaultdict(list)
    plain: Any = BinaryOperatorAggregate(list, add_messages)
    guard: Any = guarded(add_messages, known)(list)
    for side in (plain, guard):
        side.key = "messages"
    history = messages(min(count, 100)) * (count // min(count, 100))
    for n, message in enumerate(history):
        history[n] = message.model_copy(update={"id": f"m{n}"})
    for message in messages(rounds, seed=7):
        for name, channel in (("plain", plain), ("guarded", guard)):
            filled = channel.from_checkpoint(history)
            clock(times, name, lambda: filled.update([message]))  # noqa: B023
    return times


def show(what: str, times: Timed) -> None:
    plain, guard = (statistics.median(times[side][4:]) for side in ("plain", "guarded"))
    print(
        f"{what:48} {plain / 1e6:8.3f} ms {guard / 1e6:8.3f} ms  x {guard / plain:5.3f}"
        f"  {(guard - plain) / 1e3:+8.0f} us"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    print(f"{'':48} {'unguarded':>11} {'guarded':>11}")
    for values in (10, 1000):
        known = redactor(values)
        for count, size in ((1000, "2 MB"), (250, "500 KB")):
            label = f"{size}, {count} messages, {values} values"
            show(f"dumps_typed, {label}", serializers(count, known, rounds))
            for kind in ("memory", "sqlite"):
                times = savers(kind, count, known, rounds)
                show(f"put + put_writes, {kind}, {label}", times)
    known = redactor(1000)
    for count in (10, 100, 1000, 10_000):
        label = f"guarded(add_messages), {count} messages, one new"
        show(label, channels(count, known, rounds))


if __name__ == "__main__":
    main()
