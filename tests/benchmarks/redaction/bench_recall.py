"""How much of what must be hidden is hidden, and what is hidden without need.

Run: `python tests/benchmarks/redaction/bench_recall.py [--rounds 5] [--misses]
[--packages]`

The sets are made here, from fixed seeds. In-sample: tokens from the published formats
of the providers and passwords in surroundings; the hand that wrote the rows wrote
them, and each of those passwords holds a digit. Mixed: whole files, logs and talk
(`recall_sets/mixed/`), of which one half is open, so that its misses have mended rows,
and the other held out: its misses mended no row; what it alters without need is shown,
so that half measures recall alone. Rivals that are installed see the same sets; times
are of the benign lines, in turns, medians. `--packages` lets us and the fast ones of
them read the sources of what is installed beside us, too: lines that nobody wrote for
this.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import random
import statistics
import sysconfig
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from engine_cells.report import Target
from recall_sets.measure import altered, lines, passwords, recall, tokens
from recall_sets.mixed import mixed, places, twins

from langchain_tyrum.redaction import DETECTORS, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

    from recall_sets.mixed import Outcome, Place

    Redact = Callable[[str], str]

_LINES = 40_000
_LARGE = 1 << 15
_SLOW = 1 << 12
_TEXTS = {".py", ".json", ".txt", ".md", ".toml", ".yaml", ".html", ".js", ""}


def langsmith() -> Redact:
    """Every rule that LangSmith ships."""
    from langsmith.anonymizer import DEFAULT_SECRET_RULES, create_anonymizer

    anonymize = create_anonymizer(list(DEFAULT_SECRET_RULES))
    return lambda text: anonymize({"x": text})["x"]


def pii_middleware() -> Redact:
    """The detectors that LangChain ships, and the API-key one of its documentation."""
    from langchain.agents.middleware import PIIMiddleware

    kinds = [
        PIIMiddleware(kind, strategy="redact") for kind in ("email", "credit_card")
    ]
    kinds.append(
        PIIMiddleware("api_key", detector=r"sk-[a-zA-Z0-9]{32}", strategy="redact")
    )

    def redact(text: str) -> str:
        for kind in kinds:
            text = kind._process_content(text)[0]
        return text

    return redact


def detect_secrets() -> Redact:
    """Each of its plug-ins, line by line; what it finds is cut out."""
    scan = importlib.import_module("detect_secrets.core.scan")
    settings = importlib.import_module("detect_secrets.settings")

    def redact(text: str) -> str:
        with settings.default_settings():
            found = [
                each for line in text.splitlines() for each in scan.scan_line(line)
            ]
        for each in found:
            if each.secret_value:
                text = text.replace(each.secret_value, "[REDACTED]")
        return text

    return redact


def kingfisher_alone() -> Redact:
    """Kingfisher's rules, behind our interface, without ours."""
    row = importlib.import_module("langchain_tyrum.redaction.kingfisher").kingfisher(
        cache=False
    )
    return Redactor(detectors=[row]).redact_text


def both() -> Redact:
    """Our rows and Kingfisher's."""
    row = importlib.import_module("langchain_tyrum.redaction.kingfisher").kingfisher(
        cache=False
    )
    return Redactor(detectors=[*DETECTORS, row]).redact_text


def contestants() -> dict[str, Redact]:
    """Build ours and whatever rival is installed."""
    found: dict[str, Redact] = {"ours": Redactor().redact_text}
    for name, module, build in (
        ("LangSmith anonymizer", "langsmith", langsmith),
        ("PIIMiddleware", "langchain", pii_middleware),
        ("detect-secrets", "detect_secrets", detect_secrets),
        ("kingfisher alone", "kingfisher_sdk", kingfisher_alone),
        ("ours and kingfisher", "kingfisher_sdk", both),
    ):
        if importlib.util.find_spec(module) is None:
            print(f"({name}: not installed)")
        else:
            found[name] = build()
    return found


def by(found: Counter[str], asked: Counter[str], key: str) -> None:
    """Print recall by one attribute, the lowest first."""
    rows = sorted((found[name] / count, name) for name, count in asked.items())
    low = [row for row in rows if row[0] < 1]
    for share, name in low:
        print(f"    {name:<24}{share:>8.3f}")
    print(f"    {len(rows) - len(low)} of {len(rows)} by {key}: 1.000")


def in_sample(rounds: int, misses: bool) -> list[Target]:
    """Print our recall on what was made beside the rows, and on benign lines."""
    targets = []
    redact = Redactor().redact_text
    print("\nIN-SAMPLE (the hand that wrote the rows wrote these)")
    for title, cases, keys in (
        ("tokens of providers", tokens(rounds), ("group", "carrier")),
        ("by surroundings", passwords(rounds), ("group",)),
    ):
        score = recall(redact, cases)
        groups = len(score.asked)
        if title.startswith("tokens"):
            targets.append(
                Target(
                    what="recall of tokens", figure=score.recall, limit=0.99, unit=""
                )
            )
            targets.append(
                Target(
                    what="providers among them",
                    figure=len({c.group for c in cases}),
                    limit=110,
                    unit="",
                )
            )
        print(f"\n{title}: {len(cases)} in {groups} groups, recall {score.recall:.4f}")
        for key in keys:
            asked = Counter(getattr(case, key) for case in cases)
            left = Counter(getattr(case, key) for case in score.missed)
            by(asked - left, asked, key)
        for case in score.missed if misses else ():
            print(f"    missed: {case.group}, {case.carrier}: {case.text!r}")
    wrong = altered(redact, _LINES)
    share = len(wrong) / _LINES
    print(f"\nbenign lines altered: {len(wrong)} of {_LINES}, {share:.4%}")
    for line, shown in wrong:
        print(f"    {line!r}\n      {shown!r}")
    size = sum(len(line) + 1 for line in lines(_LINES)) / 1e6
    return [
        *targets,
        Target(
            what="benign lines altered",
            figure=100 * share,
            limit=0.2,
            sense="most",
            unit="%",
        ),
        Target(
            what="findings in benign text",
            figure=len(wrong) / size,
            limit=0,
            sense="most",
            unit=" a MB",
        ),
    ]


def half(redact: Redact, rounds: int, *, held_out: bool) -> Outcome:
    """Measure on one half of the mixed set."""

    def of(made: list[Place]) -> list[Place]:
        return [place for place in made if place.held_out is held_out]

    return mixed(redact, of(places(rounds)), of(twins(rounds)))


def mixed_sets(rounds: int, misses: bool) -> list[Target]:
    """Print our recall and precision on whole files, each half for itself."""
    targets = []
    redact = Redactor().redact_text
    for held_out, title in (
        (False, "MIXED, OPEN HALF (its misses have mended rows)"),
        (True, "MIXED, HELD-OUT HALF (its misses mended no row)"),
    ):
        found = half(redact, rounds, held_out=held_out)
        print(
            f"\n{title}: {found.asked.total()} credentials, recall {found.recall:.4f}, "
            f"precision {found.precision:.4f}"
        )
        by(found.found, found.asked, "kind of file")
        part = "held-out" if held_out else "open"
        targets.append(
            Target(
                what=f"mixed, {part}: recall", figure=found.recall, limit=0.65, unit=""
            )
        )
        targets.append(
            Target(
                what=f"mixed, {part}: precision",
                figure=found.precision,
                limit=0.75,
                unit="",
            )
        )
        for place, value in found.missed if misses else ():
            line = next((x for x in place.text.splitlines() if value in x), value)
            print(f"    missed: {place.name}: {line[:140]!r}")
        for (name, line), times in Counter(found.wrong).items():
            print(f"    altered without need: {name}: {line[:120]!r} x{times}")
    return targets


def rivals(rounds: int) -> None:
    """Print all contestants beside each other, timed in turns."""
    known = contestants()
    texts = lines(400)
    times: dict[str, list[float]] = defaultdict(list)
    for turn in range(6):
        for name, redact in known.items():
            start = time.perf_counter()
            for text in texts:
                redact(text)
            if turn:
                times[name].append(time.perf_counter() - start)
    print("\nBESIDE OTHERS (tokens, by surroundings, benign: in-sample; mixed: all)")
    print(
        f"{'':<24}{'tokens':>8}{'by surr.':>10}{'benign':>10}"
        f"{'mixed':>8}{'held out':>10}{'precision':>11}{'us a line':>11}"
    )
    sets = tokens(1, seed=3), passwords(max(1, rounds // 2), seed=4)
    for name, redact in known.items():
        scores = [recall(redact, cases).recall for cases in sets]
        wrong = len(altered(redact, 4000, seed=5)) / 4000
        out = half(redact, 1, held_out=True)
        whole = mixed(redact, places(1), twins(1))
        took = statistics.median(times[name]) / len(texts) * 1e6
        print(
            f"{name:<24}{scores[0]:>8.3f}{scores[1]:>10.3f}{wrong:>10.2%}"
            f"{whole.recall:>8.3f}{out.recall:>10.3f}{whole.precision:>11.3f}{took:>11.1f}"
        )


def sources(most: int) -> list[tuple[str, str]]:
    """Read some of the texts of what is installed, spread over all of it."""
    root = Path(sysconfig.get_path("purelib"))
    paths = [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix in _TEXTS and path.is_file() and path.stat().st_size < _LARGE
    ]
    read = []
    for path in random.Random(8).sample(paths, min(most, len(paths))):
        with contextlib.suppress(UnicodeDecodeError, OSError):
            text = path.read_text(encoding="utf-8")
            read.append((str(path.relative_to(root)), text))
    return read


def packages(seconds: float = 12) -> None:
    """Print how many lines of the installed packages each one alters.

    All of them read the same texts in the same order, each for so many seconds.
    """
    texts = sources(3000)
    print("\nINSTALLED PACKAGES (sources that nobody wrote for this)")
    for name, redact in contestants().items():
        end, read, changed = time.perf_counter() + seconds, 0, Counter[str]()
        for where, text in texts:
            if time.perf_counter() > end:
                break
            if len(text) > _SLOW and name == "detect-secrets":
                continue  # one text of this size takes it longer than its share
            lines_of = text.splitlines()
            read += len(lines_of)
            shown = redact(text)
            lost = Counter(lines_of) - Counter(shown.splitlines())
            changed.update(f"{where}: {line.strip()[:110]!r}" for line in lost)
        share = changed.total() / max(read, 1)
        print(f"{name}: {changed.total()} of {read} lines altered ({share:.4%})")
        for line in changed if name == "ours" else ():
            print(f"    {line}")


def main() -> None:
    """Print the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="tokens a place")
    parser.add_argument("--misses", action="store_true", help="print every miss")
    parser.add_argument("--packages", action="store_true", help="read installed ones")
    arguments = parser.parse_args()
    targets = in_sample(arguments.rounds, arguments.misses)
    targets += mixed_sets(arguments.rounds, arguments.misses)
    print("\nTARGETS")
    for target in targets:
        print(f"    {target}")
    rivals(arguments.rounds)
    if arguments.packages:
        packages()


if __name__ == "__main__":
    main()
