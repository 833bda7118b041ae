"""How much of what must be hidden is hidden, and what is hidden without need.

Run: `python tests/benchmarks/redaction/bench_recall.py [--rounds 5] [--packages]`

The sets are made here, from the published formats of the providers and from fixed
seeds; rivals that are installed see the same ones. Times are of the benign lines, in
turns, medians. `--packages` also reads the sources of what is installed beside us:
lines that nobody wrote for this.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sysconfig
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from recall_sets.measure import altered, lines, passwords, recall, tokens

from langchain_tyrum.redaction import DETECTORS, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recall_sets.measure import Case, Score

    Redact = Callable[[str], str]

_LINES = 40_000
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


def by(score: Score, cases: Iterable[Case], key: str) -> None:
    """Print recall by one attribute of the cases, the lowest first."""
    asked = Counter(getattr(case, key) for case in cases)
    missed = Counter(getattr(case, key) for case in score.missed)
    rows = sorted((1 - missed[name] / count, name) for name, count in asked.items())
    low = [row for row in rows if row[0] < 1]
    for share, name in low:
        print(f"    {name:<24}{share:>8.3f}")
    print(f"    {len(rows) - len(low)} of {len(rows)} by {key}: 1.000")


def ours(rounds: int) -> None:
    """Print our recall by kind, every miss's place and every false positive."""
    redact = Redactor().redact_text
    for title, cases, keys in (
        ("tokens of providers", tokens(rounds), ("group", "carrier")),
        ("by surroundings", passwords(rounds), ("group",)),
    ):
        score = recall(redact, cases)
        groups = len(score.asked)
        print(f"\n{title}: {len(cases)} in {groups} groups, recall {score.recall:.4f}")
        for key in keys:
            by(score, cases, key)
    wrong = altered(redact, _LINES)
    print(
        f"\nbenign lines altered: {len(wrong)} of {_LINES}, {len(wrong) / _LINES:.4%}"
    )
    for line, shown in wrong:
        print(f"    {line!r}\n      {shown!r}")


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
    print(f"\n{'':<24}{'tokens':>8}{'by surr.':>10}{'benign':>10}{'us a line':>11}")
    sets = tokens(max(1, rounds // 4), seed=3), passwords(max(1, rounds // 2), seed=4)
    for name, redact in known.items():
        scores = [recall(redact, cases).recall for cases in sets]
        wrong = len(altered(redact, 4000, seed=5)) / 4000
        took = statistics.median(times[name]) / len(texts) * 1e6
        print(
            f"{name:<24}{scores[0]:>8.3f}{scores[1]:>10.3f}{wrong:>10.2%}{took:>11.1f}"
        )


def packages(seconds: float = 90) -> None:
    """Print what is found in the sources of the installed packages."""
    redactor, end = Redactor(), time.perf_counter() + seconds
    read, rules = 0, Counter[str]()
    root = Path(sysconfig.get_path("purelib"))
    for path in sorted(root.rglob("*")):
        if time.perf_counter() > end:
            break
        if path.suffix not in _TEXTS or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        read += text.count("\n")
        for found in redactor.scan(text) if redactor.redact_text(text) != text else ():
            rules[found.rule] += 1
            around = text[max(0, found.start - 40) : found.end + 10]
            print(f"    {path.relative_to(root)}: {around!r}"[:160])
    share = rules.total() / max(read, 1)
    print(f"installed packages: {read} lines, {rules.total()} findings ({share:.5%})")
    print(f"    {dict(rules)}")


def main() -> None:
    """Print the evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="tokens a place")
    parser.add_argument("--packages", action="store_true", help="read installed ones")
    arguments = parser.parse_args()
    ours(arguments.rounds)
    rivals(arguments.rounds)
    if arguments.packages:
        packages()


if __name__ == "__main__":
    main()
