"""Recall and false positives of anything that redacts text."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import unquote

from recall_sets.benign import lines
from recall_sets.carriers import CARRIERS, CONTEXTS
from recall_sets.formats import FORMATS, spelled

Redact = Callable[[str], str]
_TAIL = 10


class Case(NamedTuple):
    """One credential in one place."""

    group: str
    carrier: str
    value: str
    text: str


class Score(NamedTuple):
    """What was hidden, by group, and what was not."""

    found: Counter[str]
    asked: Counter[str]
    missed: list[Case]

    @property
    def recall(self) -> float:
        """The share that was hidden, over all."""
        return self.found.total() / self.asked.total()


def tokens(rounds: int, seed: int = 1) -> list[Case]:
    """Put provider tokens into every carrier, `rounds` times each."""
    rng = random.Random(seed)
    return [
        Case(provider, name, value, carry(value))
        for provider, make in FORMATS
        for name, carry in CARRIERS.items()
        for value in (make(rng) for _ in range(rounds))
    ]


_PASSWORDS = [
    spelled("<let:4><dig:4>!<let:3>"),
    spelled("<b62:16>"),
    spelled("<let:6>-<let:5>-<dig:3>"),
    spelled("<url:24>"),
    spelled("Winter20<dig:2>!"),
    spelled("<b62:7>$<b62:5>#<b62:2>"),
    spelled("<hex:32>"),
]


def passwords(rounds: int, seed: int = 2) -> list[Case]:
    """Put passwords and shapeless keys where surroundings give them away."""
    rng = random.Random(seed)
    cases = []
    for name, carry in CONTEXTS.items():
        for make in _PASSWORDS * rounds:
            value = make(rng)
            while not any(map(str.isdigit, value)) or value[0] in "-_":
                value = make(rng)
            cases.append(Case(name, name, value, carry(value)))
    return cases


def recall(redact: Redact, cases: Iterable[Case]) -> Score:
    """Count the cases in which the end of the credential is gone."""
    found, asked, missed = Counter[str](), Counter[str](), list[Case]()
    for case in cases:
        asked[case.group] += 1
        shown = redact(case.text)
        if case.value[-_TAIL:] in shown or case.value[-_TAIL:] in unquote(shown):
            missed.append(case)
        else:
            found[case.group] += 1
    return Score(found, asked, missed)


def altered(redact: Redact, count: int, seed: int = 1) -> list[tuple[str, str]]:
    """List the benign lines that do not come back as they were."""
    pairs = ((line, redact(line)) for line in lines(count, seed))
    return [pair for pair in pairs if pair[0] != pair[1]]
