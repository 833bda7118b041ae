"""What the redactor costs, beside what else one could use.

Run: `python tests/benchmarks/redaction/bench_engines.py [--quick]`

Every cell is measured in turns with its rivals, in one process; medians; read the
ratios, the absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langsmith.anonymizer import DEFAULT_SECRET_RULES, create_anonymizer

from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.encodings import derived_forms

if TYPE_CHECKING:
    from collections.abc import Callable

_SAID = (
    "the agent calls a tool and waits for its answer then it writes a plan, reads "
    'the file and {"name": "search", "args": {"query": "weather"}} returns 200 OK at '
    "2026-11-21T22:18:03 — für Müller; def run(self, x: int) -> None: tokens used"
)
WORDS = _SAID.split(" ")
#: The rules that LangSmith ships.
RULES = list(DEFAULT_SECRET_RULES)


def corpus(size: int, seed: int = 1) -> str:
    """Write agent-like text without credentials."""
    rng = random.Random(seed)
    parts, length = [], 0
    while length < size:
        word = rng.choice(WORDS)
        parts.append(word)
        length += len(word) + 1
    return " ".join(parts)[:size]


def values(count: int) -> list[str]:
    """Make values that look like tokens."""
    rng = random.Random(2)
    alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789_-"
    return ["".join(rng.choices(alphabet, k=rng.randint(20, 48))) for _ in range(count)]


def interleaved(
    contestants: dict[str, Callable[[], object]], *, budget: float = 2.0
) -> dict[str, float]:
    """Time contestants in turns and return the median of each, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    end = time.perf_counter() + budget
    while time.perf_counter() < end or any(len(t) < 3 for t in times.values()):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
            if len(times[name]) == 1 and times[name][0] > budget:
                times[name] *= 3
    return {name: statistics.median(each) for name, each in times.items()}


def show(title: str, medians: dict[str, float], *, size: int, target: str = "") -> None:
    """Print one cell: time, throughput, ratio to ours."""
    ours = medians["ours"]
    print(f"\n{title}" + (f"   [target: {target}]" if target else ""))
    for name, median in medians.items():
        speed = size / median / 1e6
        print(
            f"  {name:<24}{median * 1e6:>12.1f} us {speed:>9.1f} MB/s"
            f"   ours is {median / ours:>8.2f}x"
        )


def exact(count: int, size: int, *, slow: bool, target: str) -> None:
    """Known values only, no hit."""
    text, known = corpus(size), values(count)
    redactor = Redactor(detectors=[])
    for index, value in enumerate(known):
        redactor.register(f"n{index}", value)
    start = time.perf_counter()
    redactor.redact_text(text)
    took = time.perf_counter() - start
    print(f"\n-- {count} values: first scan, which compiles, {took:.2f} s")
    forms = [
        form.decode("utf-8", "replace")
        for value in known[: 200 if slow else count]
        for form in derived_forms(value.encode())
    ]
    scale = count / min(count, 200) if slow else 1

    def replace() -> None:
        clean = text
        for form in forms:
            clean = clean.replace(form, "[REDACTED]")

    encoded, needle = text.encode(), b"qqzzqq-needle"
    contestants: dict[str, Callable[[], object]] = {
        "ours": lambda: redactor.redact_text(text),
        "bytes.find, one needle": lambda: encoded.find(needle),
        "str.replace loop": replace,
    }
    if count <= 10:
        alternation = re.compile("|".join(map(re.escape, forms)))
        contestants["re alternation"] = lambda: alternation.sub("[REDACTED]", text)
    medians = interleaved(contestants)
    medians["str.replace loop"] *= scale
    show(f"exact, {count} values, {size} bytes", medians, size=size, target=target)
    if count >= 1000:
        adding(redactor)


def adding(redactor: Redactor) -> None:
    """One more value among many, until it is covered."""
    times = []
    for index, value in enumerate(values(40)[20:]):
        start = time.perf_counter()
        redactor.register(f"late{index}", value + "-late")
        redactor.redact_text(value + "-late")
        times.append(time.perf_counter() - start)
    print(
        f"  one more value, covered: median {statistics.median(times) * 1e3:.1f} ms, "
        f"worst {max(times) * 1e3:.1f} ms"
    )


def few() -> None:
    """One value, as it is, in a short text: the engine for one to three patterns."""
    from langchain_tyrum.redaction.engines import build_engines

    data = corpus(1000)
    encoded = data.encode()
    needles = values(3)
    ((engine, _),) = build_engines([needle.encode() for needle in needles])

    def replace() -> None:
        clean = data
        for needle in needles:
            clean = clean.replace(needle, "[REDACTED]")

    contestants = {"ours": lambda: engine.hits(encoded), "str.replace loop": replace}
    medians = interleaved(contestants, budget=0.3)
    show("engine, 3 patterns, 1 KB", medians, size=1000, target=">= 1x")


def shapes(size: int, findings: int, target: str) -> None:
    """Shapes only."""
    text = corpus(size)
    rng = random.Random(5)
    tokens = [spell("ghp_<a36>"), spell("sk-proj-<a48>"), spell("AKIA<u16>")]
    for index in range(findings):
        at = text.find(" ", (index * size) // findings + 10)
        text = f"{text[:at]} {rng.choice(tokens)} {text[at:]}"
    redactor = Redactor()
    redactor.redact_text(text)
    dozen, all_of_them = create_anonymizer(RULES[:12]), create_anonymizer(RULES)
    medians = interleaved(
        {
            "ours": lambda: redactor.redact_text(text),
            "LangSmith, first 12": lambda: dozen({"x": text}),
            "LangSmith, its 24 rules": lambda: all_of_them({"x": text}),
        }
    )
    title = f"shapes, {len(DETECTORS)} rows, {size} bytes, {findings} findings"
    show(title, medians, size=size, target=target)


def state() -> None:
    """One new message in a long conversation, and a walk over all of it."""
    messages = [
        (HumanMessage if index % 2 else AIMessage)(corpus(2000, index), id=f"m{index}")
        for index in range(1000)
    ]
    redactor = Redactor()
    for index, value in enumerate(values(10)):
        redactor.register(f"n{index}", value)
    view, serde = redactor.memoized(), JsonPlusSerializer()
    packed = serde.dumps_typed({"messages": messages})[1]
    view.redact(messages)
    medians = interleaved(
        {
            "ours": lambda: redactor.redact([HumanMessage(corpus(4000, 77))]),
            "dumps_typed of the state": lambda: serde.dumps_typed(
                {"messages": messages}
            ),
            "walk of all, no memo": lambda: redactor.redact(messages),
            "walk of all, memo": lambda: view.redact(messages),
            "contains(packed bytes)": lambda: redactor.contains(packed),
        }
    )
    message = HumanMessage(corpus(4000, 77))
    alone = interleaved({"ours": lambda: redactor.redact([message])}, budget=0.3)
    medians["ours"] = alone["ours"]
    dumps = medians["dumps_typed of the state"]
    print("\nstate of 1,000 messages, in shares of one dumps_typed")
    for name, median in medians.items():
        label = "one new 4 KB message" if name == "ours" else name
        print(f"  {label:<28}{median * 1e6:>12.1f} us {median / dumps:>9.2%}")


def streaming() -> None:
    """Chunks of four bytes, 1,000 values."""
    text = corpus(8000)
    for title, detectors in (("known values", []), ("and shapes", None)):
        redactor = Redactor(detectors=detectors)
        for index, value in enumerate(values(1000)):
            redactor.register(f"n{index}", value)
        held = out = 0
        chunks = [text[i : i + 4] for i in range(0, len(text), 4)]
        redactor.stream().feed("warm up")
        start = time.perf_counter()
        with redactor.stream() as stream:
            for number, chunk in enumerate(chunks, 1):
                out += len(stream.feed(chunk))
                held += min(number * 4, len(text)) - out
        took = time.perf_counter() - start
        print(
            f"\nstream, 4-byte chunks, 1,000 {title}: "
            f"{took / len(chunks) * 1e6:.1f} us a chunk, mean hold-back "
            f"{held / len(chunks):.2f} bytes   [target: 10 us, 2]"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out 10,000 values")
    quick = parser.parse_args().quick
    few()
    exact(10, 1_000, slow=False, target=">= 8x the loop")
    exact(10, 100_000, slow=False, target=">= 30x the loop, >= 0.6x find")
    exact(100, 100_000, slow=False, target=">= 250x the loop, >= 0.5x find")
    exact(1_000, 100_000, slow=True, target=">= 1,200x the loop, >= 0.25x find")
    if not quick:
        exact(10_000, 100_000, slow=True, target=">= 5,000x the loop, >= 0.1x find")
    shapes(100_000, 0, ">= 100x")
    shapes(100_000, 10, ">= 15x")
    state()
    streaming()


if __name__ == "__main__":
    main()
