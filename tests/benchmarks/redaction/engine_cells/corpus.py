"""What all contestants read: texts of agents without credentials, and what is planted.

Everything is made here from fixed seeds: prose, JSON of tools, code and logs, with the
identifiers that such texts are full of. Nothing of it was ever anybody's.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_UNIT = 1 << 20
_ALNUM = string.ascii_letters + string.digits
_SAID = (
    "the agent reads a row of its plan and calls one tool after another until what "
    "it was asked for is done then writes an answer that says how many files were "
    "changed which tests failed and what remains open for the next turn of this "
    "conversation while the user waits and compares prices weather routes tickets "
    "orders customers invoices meetings summaries branches reviews deployments "
    "metrics errors warnings retries pages tokens secrets passwords keys models"
)
_WORDS = _SAID.split()
_PLACES = ["web", "orders", "search", "worker", "billing"]
_FOREIGN = ["für", "Müller", "—", "“ja”", "naïve", "日本語", "✓", "…"]
_CODE = """\
def {a}(self, {b}: int = {n}) -> dict[str, Any]:
    if {b} > len(self._{c}):
        raise ValueError(f"no such {c}: {{{b}}}")
    return {{"{a}": self._{c}[{b}], "total": {n}}}
"""


def texts(size: int, *needles: str, each: int = 1) -> list[str]:
    """Write texts to be read in turns: short ones show but one kind of line each.

    Args:
        size: How many characters each of them has before anything is planted.
        needles: What is planted in them, in turns.
        each: How many findings each of them gets, if there are needles.
    """
    count = max(1, min(64, 100_000 // size))
    whole, spots = text(size * count), each if needles else 0
    return [
        planted(
            whole[index * size : (index + 1) * size],
            [needles[(index + spot) % len(needles)] for spot in range(spots)],
        )
        for index in range(count)
    ]


def text(size: int, *, foreign: bool = False, seed: int = 1) -> str:
    """Write a text of agents.

    Args:
        size: How many characters.
        foreign: Whether about 6 % of the words of its prose are not ASCII, which
            makes each `encode` many times as dear; otherwise all of it is ASCII.
        seed: Another one gives another text.
    """
    unit = _written(min(size, _UNIT), foreign, seed)
    return (unit * (size // len(unit) + 1))[:size]


@lru_cache(maxsize=64)
def _written(size: int, foreign: bool, seed: int) -> str:
    rng = random.Random(seed)
    kinds = (_prose, _prose, _result, _log, _code)
    parts, length = list[str](), 0
    while length < size:
        part = rng.choice(kinds)(rng)
        if foreign:
            words = part.split(" ")
            for _ in range(len(words) // 12 + 1):
                words[rng.randrange(len(words))] = rng.choice(_FOREIGN)
            part = " ".join(words)
        parts.append(part)
        length += len(part) + 1
    return "\n".join(parts)[:size]


def _some(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(_WORDS, k=count))


def _prose(rng: random.Random) -> str:
    lines = (_some(rng, rng.randint(6, 16)).capitalize() for _ in range(5))
    return ". ".join(lines) + "."


def _result(rng: random.Random) -> str:
    rows = [
        {
            "id": str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            "title": _some(rng, 5),
            "url": f"https://example.com/{_some(rng, 2).replace(' ', '/')}",
            "score": round(rng.random(), 4),
        }
        for _ in range(3)
    ]
    return json.dumps({"status": 200, "results": rows, "next": None})


def _log(rng: random.Random) -> str:
    return "\n".join(
        f"2026-11-{rng.randint(10, 28)}T{rng.randint(10, 23)}:18:03."
        f"{rng.randint(100, 999)}Z "
        f'INFO app.{rng.choice(_PLACES)} "{_some(rng, 4)}" commit='
        f"{rng.getrandbits(160):040x} took={rng.randint(1, 900)}ms"
        for _ in range(4)
    )


def _code(rng: random.Random) -> str:
    a, b, c = rng.sample(_WORDS, 3)
    return _CODE.format(a=a, b=b, c=c, n=rng.randint(1, 99))


def values(count: int) -> list[str]:
    """Make values of fourteen kinds: what people keep in a store of secrets."""
    rng = random.Random(2)
    return [_KINDS[index % len(_KINDS)](rng) for index in range(count)]


def _run(rng: random.Random, size: int, alphabet: str = _ALNUM) -> str:
    return "".join(rng.choices(alphabet, k=size))


def _b64(rng: random.Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def _url64(rng: random.Random, size: int) -> str:
    return base64.urlsafe_b64encode(rng.randbytes(size)).decode().rstrip("=")


_KINDS: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: "ghp_" + _run(rng, 36),
    lambda rng: "sk-proj-" + _url64(rng, 48),
    lambda rng: "AKIA" + _run(rng, 16, string.ascii_uppercase + "234567"),
    lambda rng: _b64(rng, 30),
    lambda rng: f"{rng.getrandbits(128):032x}",
    lambda rng: f"{rng.getrandbits(256):064x}",
    lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    lambda rng: _run(rng, 16, _ALNUM + "!#$%&*+-?@_"),
    lambda rng: f"{_run(rng, 8)} {_run(rng, 7)}'{_run(rng, 6)}",
    lambda rng: f"postgresql://app:{_run(rng, 20)}@db.example.com:5432/main",
    lambda rng: ".".join((_url64(rng, 27), _url64(rng, 60), _url64(rng, 32))),
    lambda rng: f"xoxb-{_run(rng, 12, string.digits)}-{_run(rng, 24)}",
    lambda rng: f"pässwörd-{_run(rng, 12)}",
    lambda rng: "\n".join(_b64(rng, 48) for _ in range(4)),
)


def tokens(count: int) -> list[str]:
    """Make tokens of the shapes that everybody's rules name."""
    rng = random.Random(3)
    return [_SHAPES[index % len(_SHAPES)](rng) for index in range(count)]


_SHAPES: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: "ghp_" + _run(rng, 36),
    lambda rng: "AKIA" + _run(rng, 16, string.ascii_uppercase + "234567"),
    lambda rng: "sk-ant-api03-" + _run(rng, 93) + "AA",
    lambda rng: "glpat-" + _run(rng, 20),
    lambda rng: (
        f"xoxb-{_run(rng, 12, string.digits)}-{_run(rng, 12, string.digits)}-"
        + _run(rng, 24)
    ),
    lambda rng: "AIza" + _run(rng, 35),
    lambda rng: "npm_" + _run(rng, 36),
    lambda rng: "sk_live_" + _run(rng, 24),
    lambda rng: f"SG.{_run(rng, 22)}.{_run(rng, 43)}",
    lambda rng: f"hf_{_run(rng, 34, string.ascii_letters)}",
)


def planted(clean: str, needles: list[str]) -> str:
    """Put needles into a text, evenly, each between spaces."""
    if not needles:
        return clean
    step = len(clean) // len(needles)
    pieces = list[str]()
    for index, needle in enumerate(needles):
        piece = clean[index * step : (index + 1) * step]
        pieces.append(f"{piece[: step // 2]} {needle} {piece[step // 2 :]}")
    return "".join(pieces) + clean[len(needles) * step :]
