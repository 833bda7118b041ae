"""What `protect` and `TyrumMiddleware` cost: an agent with SQLite, nothing to redact.

    python tests/benchmarks/membrane/bench_protect.py [--reps 5]

Each turn is one model call and one tool call that returns about a kilobyte; fifty
values are registered. All variants of a table run interleaved in one process. Printed
are medians of the processor time, and of its ratios within one round: what slows the
machine slows both, so read the ratios. LangChain's own price of a middleware stands
beside ours: "empty wraps" has its two wrap hooks, which do nothing, and "empty hooks"
has `before_agent` and `after_model` too. Those two are nodes of the graph, each with a
step and a checkpoint of its own, so no middleware that asks can cost less than that.
`TyrumMiddleware` has `after_model` only where its policy may ask: "asks". Without
`protect` ("middleware alone") it keeps what a run has seen clean by itself.

What is done in a turn of 50:

    saver and serializer    a history is compared, and what did not change is written
                            as it was before: less than LangGraph pays to write it;
                            what is new is looked at as it is written
    node writes             each new message in full, once in a run
    stream (four modes)     the history compared twice, metadata of two tasks
    model call              the history compared once, right before the provider (twice
                            where a cache or a handler of the model sees it); the answer
    hooks of the middleware request and response, tools once, a result

A history is compared as one, not walked: a third of a microsecond a message, twice
that where other work has emptied the caches.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import string
import tempfile
import time
import tracemalloc
import uuid
from pathlib import Path
from typing import Any

from clocks import Clocks
from langchain.agents import create_agent
from langchain.agents.middleware.types import AgentMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.membrane import protect
from langchain_tyrum.membrane.runs import Run
from langchain_tyrum.membrane.streams import StreamGuard
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.models.calls import ModelGuard
from langchain_tyrum.policy import SecretPolicy

MODES = ["values", "updates", "messages", "custom"]
KINDS = ("invoke", "stream")
TEXT = "the agent reads a row and writes one more line of ordinary text"
PAIRS = (
    ("protect", "none"),
    ("empty wraps", "none"),
    ("middleware alone", "none"),
    ("protect + middleware", "none"),
    ("protect + middleware", "empty wraps"),
    ("empty hooks", "none"),
    ("asks", "none"),
    ("asks", "empty hooks"),
)


class Turns(BaseChatModel):
    """Calls its tool a fixed number of times, then answers."""

    turns: int

    @property
    def _llm_type(self) -> str:
        return "turns"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=[{"name": each.name} for each in tools])

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        turn = sum(message.type == "ai" for message in messages)
        calls = [{"name": "read", "args": {"page": turn}, "id": f"call_{turn}"}]
        answer = AIMessage(
            f"turn {turn}", tool_calls=calls if turn < self.turns else []
        )
        return ChatResult(generations=[ChatGeneration(message=answer)])


@tool
def read(page: int) -> str:
    """Read a page of about a kilobyte."""
    pick, words = random.Random(page), TEXT.split()
    return " ".join(pick.choice(words) for _ in range(200))


class WrapsOnly(AgentMiddleware):
    """Does nothing in both wrap hooks: what LangChain itself asks for them."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(request)

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        return handler(request)


class AllHooks(WrapsOnly):
    """Does nothing in all hooks of a middleware that asks: one more node a turn."""

    def before_agent(self, state: Any, runtime: Any) -> None:
        return None

    def after_model(self, state: Any, runtime: Any) -> None:
        return None


class Bench:
    """The variants of one agent of so many turns."""

    def __init__(self, turns: int, folder: str) -> None:
        self.turns = turns
        self._folder = Path(folder)
        self._free = broker_of(50, SecretPolicy(allow=["*"]))
        self._asking = broker_of(50, SecretPolicy(default="require_approval"))

    def graph(self, name: str) -> Any:
        if name == "none":
            return self._agent()
        if name == "protect":
            return protect(self._agent(), self._free)
        if name == "protect, saver let be":
            agent = self._agent()
            graph: Any = protect(agent, self._free)
            graph.checkpointer = agent.checkpointer
            return graph
        if name == "empty wraps":
            return self._agent(WrapsOnly())
        if name == "middleware alone":
            return self._agent(TyrumMiddleware(self._free))
        if name == "protect + middleware":
            return protect(self._agent(TyrumMiddleware(self._free)), self._free)
        if name == "empty hooks":
            return self._agent(AllHooks())
        middleware = TyrumMiddleware(self._asking)
        return protect(self._agent(middleware), self._asking)

    def _agent(self, *middleware: Any) -> Any:
        file = self._folder / f"{uuid.uuid4()}.db"
        saver = SqliteSaver(sqlite3.connect(file, check_same_thread=False))
        model = Turns(turns=self.turns)
        return create_agent(model, [read], middleware=middleware, checkpointer=saver)

    def run(self, graph: Any, kind: str) -> float:
        """Processor time of one run."""
        config = {
            "configurable": {"thread_id": str(uuid.uuid4())},
            "recursion_limit": 4000,
        }
        given = {"messages": [HumanMessage("read on")]}
        start = time.process_time()
        if kind == "invoke":
            count = len(graph.invoke(given, config)["messages"])
        else:
            count = 0
            for mode, part in graph.stream(given, config, stream_mode=MODES):
                if mode == "values":
                    count = len(part["messages"])
        took = time.process_time() - start
        assert count == 2 * self.turns + 2, count
        return took

    def times(
        self, names: list[str], kind: str, reps: int, *, warm: bool = False
    ) -> dict[str, list[float]]:
        """Interleaved rounds; one more before them warms up."""
        graphs = {name: self.graph(name) for name in names}
        times: dict[str, list[float]] = {name: [] for name in names}
        for rep in range(warm, reps + 1):
            for name, graph in graphs.items():
                took = self.run(graph, kind)
                if rep:
                    times[name].append(took)
        return times


def broker_of(count: int, policy: SecretPolicy) -> SecretBroker:
    pick = random.Random(0)
    letters = string.ascii_letters + string.digits
    values = {
        f"service{i}/token": "".join(pick.choice(letters) for _ in range(32))
        for i in range(count)
    }
    return SecretBroker.in_memory(values, policy=policy)


def ratio(times: dict[str, list[float]], mine: str, base: str) -> float:
    pairs = zip(times[mine], times[base], strict=True)
    return statistics.median(own / other for own, other in pairs)


def shares(bench: Bench, kind: str, reps: int) -> None:
    """Print what each guard costs, in percent of the unguarded run."""
    saved = "protect, saver let be"
    times = bench.times(["none", saved, "protect"], kind, reps)
    saver = ratio(times, "protect", "none") - ratio(times, saved, "none")
    clocks = Clocks()
    clocks.on(Run, "clean", "node writes")
    clocks.on(StreamGuard, "parts", "stream")
    for name in ("_tyrum_messages", "_tyrum_options", "_tyrum_result"):
        clocks.on(ModelGuard, name, "model call")
    clocks.around(TyrumMiddleware, "wrap_model_call", "model hook")
    clocks.around(TyrumMiddleware, "wrap_tool_call", "tool hook")
    graph = bench.graph("protect + middleware")
    for _ in range(3):
        bench.run(graph, kind)
    clocks.off()
    base = 3 * statistics.median(times["none"])
    print(f"  share of each guard, {kind}, {bench.turns} turns, % of none:", end="")
    print(f" saver and serializer {saver:.0%}", end="")
    for guard, spent in clocks.spent.items():
        print(f", {guard} {spent / base:.1%}", end="")
    print()


def memory(turns: tuple[int, int]) -> None:
    """Print what a turn adds to the memory of a run: twice the turns, not more."""
    for name in ("none", "protect", "protect + middleware"):
        peaks = []
        for count in turns:
            with tempfile.TemporaryDirectory() as folder:
                bench = Bench(count, folder)
                graph = bench.graph(name)
                bench.run(graph, "invoke")
                tracemalloc.start()
                bench.run(graph, "invoke")
                peaks.append(tracemalloc.get_traced_memory())
                tracemalloc.stop()
        grown = (peaks[1][1] - peaks[0][1]) / (turns[1] - turns[0])
        print(f"  {name:<24}{grown / 1024:>6.1f} KiB a turn at the peak,", end="")
        print(f"{peaks[1][0] / 1024:>7.0f} KiB left after {turns[1]} turns")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=5)
    reps = parser.parse_args().reps
    for turns, rounds in ((50, reps), (200, max(2, reps // 3))):
        print(f"{turns} turns, 50 values, no hits, {rounds} rounds")
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(turns, folder)
            for kind in KINDS:
                names = list(dict.fromkeys(name for pair in PAIRS for name in pair))
                times = bench.times(names, kind, rounds, warm=turns > 50)
                per_turn = statistics.median(times["none"]) / turns * 1000
                print(f"  {kind}: none takes {per_turn:.1f} ms a turn")
                for mine, base in PAIRS:
                    print(f"    {mine + ' / ' + base:<38}", end="")
                    print(f"{ratio(times, mine, base):.2f}")
            if turns == 50:
                for kind in KINDS:
                    shares(bench, kind, max(3, reps // 2))
    print("memory")
    memory((25, 75))


if __name__ == "__main__":
    main()
