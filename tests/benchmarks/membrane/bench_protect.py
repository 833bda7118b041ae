"""What `protect` costs: a 50-turn agent with SQLite, nothing to redact.

    python tests/benchmarks/membrane/bench_protect.py [--reps 7]

All variants of a row run interleaved in one process; medians; read the ratios.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import string
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware.types import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.policy import SecretPolicy

TURNS = 50
MODES = ["values", "updates", "messages", "custom"]
WORDS = [
    "the",
    "agent",
    "reads",
    "a",
    "row",
    "and",
    "writes",
    "one",
    "more",
    "line",
    "of",
    "ordinary",
    "text",
]


class Turns(BaseChatModel):
    """Calls its tool a fixed number of times, then answers."""

    @property
    def _llm_type(self) -> str:
        return "turns"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        turn = sum(message.type == "ai" for message in messages)
        calls = [{"name": "read", "args": {"page": turn}, "id": f"call_{turn}"}]
        answer = AIMessage(f"turn {turn}", tool_calls=calls if turn < TURNS else [])
        return ChatResult(generations=[ChatGeneration(message=answer)])


@tool
def read(page: int) -> str:
    """Read a page of about a kilobyte."""
    pick = random.Random(page)
    return " ".join(pick.choice(WORDS) for _ in range(200))


class WrapsOnly(AgentMiddleware):
    """Does nothing in both wrap hooks: what LangChain itself asks for them."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(request)

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        return handler(request)


class AllHooks(WrapsOnly):
    """Does nothing in all hooks that `TyrumMiddleware` has: two more nodes."""

    def before_agent(self, state: Any, runtime: Any) -> None:
        return None

    def after_model(self, state: Any, runtime: Any) -> None:
        return None


def broker_of(count: int, policy: SecretPolicy) -> SecretBroker:
    pick = random.Random(0)
    letters = string.ascii_letters + string.digits
    values = {
        f"service{i}/token": "".join(pick.choice(letters) for _ in range(32))
        for i in range(count)
    }
    return SecretBroker.in_memory(values, policy=policy)


def variants(folder: Path) -> dict[str, Any]:
    free = broker_of(50, SecretPolicy(allow=["*"]))
    asking = broker_of(50, SecretPolicy(default="require_approval"))

    def agent(*middleware: Any) -> Any:
        file = folder / f"{uuid.uuid4()}.db"
        saver = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
        return create_agent(Turns(), [read], middleware=middleware, checkpointer=saver)

    return {
        "none": agent(),
        "protect": protect(agent(), free),
        "no-op wrap hooks": agent(WrapsOnly()),
        "protect + middleware": protect(agent(TyrumMiddleware(free)), free),
        "no-op, all hooks": agent(AllHooks()),
        "protect + middleware that asks": protect(
            agent(TyrumMiddleware(asking)), asking
        ),
    }


def run(graph: Any, kind: str) -> tuple[float, float]:
    """Wall and processor time of one run."""
    config = {
        "configurable": {"thread_id": str(uuid.uuid4())},
        "recursion_limit": 1000,
    }
    given = {"messages": [HumanMessage("read on")]}
    start, spent = time.perf_counter(), time.process_time()
    if kind == "invoke":
        count = len(graph.invoke(given, config)["messages"])
    else:
        count = 0
        for mode, part in graph.stream(given, config, stream_mode=MODES):
            if mode == "values":
                count = len(part["messages"])
    took = time.perf_counter() - start, time.process_time() - spent
    assert count == 2 * TURNS + 2, count
    return took


def measure(kind: str, reps: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        graphs = variants(Path(folder))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in graphs}
        for rep in range(reps + 1):
            for name, graph in graphs.items():
                took = run(graph, kind)
                if rep:  # the first round warms up
                    times[name].append(took)
    print(f"\n{kind}, {TURNS} turns, 50 values, no hits, {reps} rounds")
    print(f"{'variant':<34}{'ms':>7}{'x none':>9}{'cpu ms':>9}{'x none':>9}")
    for name, took in times.items():
        row = f"{name:<34}"
        for clock, width in ((0, 7), (1, 9)):
            median = statistics.median(each[clock] for each in took)
            # Of ratios in one round: what slows the machine slows both.
            ratio = statistics.median(
                mine[clock] / base[clock]
                for mine, base in zip(took, times["none"], strict=True)
            )
            row += f"{median * 1000:>{width}.0f}{ratio:>9.2f}"
        print(row)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=7)
    reps = parser.parse_args().reps
    for kind in ("invoke", "stream"):
        measure(kind, reps)


if __name__ == "__main__":
    main()
