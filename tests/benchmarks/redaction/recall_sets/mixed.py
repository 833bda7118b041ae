"""Whole files, logs and talk with credentials in them, labelled, and their twins.

The templates lie in `mixed/`; each describes a format. They were written after the
package's rows had been read, by the same hands, so that neither half is out of sample
in the strict sense. `«pw»` is a credential to make. In a template's twin there stands
a placeholder instead, so that whatever is altered there is a mistake.

Half of the templates, by their name's checksum, are held out: the list of their misses
was never opened, so none of them mended a row. Whoever mends one by such a miss moves
the figure into the other half, in words.

One in four passwords is letters only, as people choose them: words, words in a row,
syllables, letters at random. Rows for surroundings take most of these for prose.
"""

from __future__ import annotations

import base64
import random
import re
import string
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from recall_sets.formats import spelled

Redact = Callable[[str], str]
_HERE = Path(__file__).parent / "mixed"
_SLOT = re.compile(r"«(\w+)»")
_HEAD = re.compile(r"^### (\S+)\n", re.MULTILINE)
_SEEN = 8

_SAID = (
    "anchor basket candle dragon ember falcon garden hammer island jacket kitten "
    "lantern marble needle orchid pepper quartz ribbon summer timber velvet winter"
)
_WORDS = _SAID.split()


def _run(alphabet: str, size: int, rng: random.Random) -> str:
    return "".join(rng.choices(alphabet, k=size))


def _humps(rng: random.Random) -> str:
    return "".join(map(str.capitalize, rng.sample(_WORDS, 2)))


def _syllables(rng: random.Random) -> str:
    parts = (_run("bdfgklmnprstvz", 1, rng) + _run("aeiou", 1, rng) for _ in range(5))
    return "".join(parts)


_PASSWORDS = [
    *map(
        spelled,
        (
            "<let:4><dig:4>!<let:3>",
            "<b62:12-20>",
            "<url:16-24>",
            "Summer20<dig:2>!",
            "<b36:6>-<b36:6>-<b36:6>",
            "<let:3>#<b62:5>$<dig:2>@<let:2>",
            "<b62:3>%<b62:4>^<b62:4>*",
            "hunter<dig:2>",
            "<b36:5>.<b36:4>_<dig:3>",
        ),
    ),
    lambda rng: _run(string.ascii_letters, rng.randint(10, 14), rng),
    lambda rng: "-".join(rng.sample(_WORDS, 3)),
    lambda rng: rng.choice((_humps, _syllables))(rng),
]
_KEYS = [
    *map(
        spelled,
        ("<hex:32>", "<hex:40>", "<b62:20-48>", "<url:43>", "<b36:32>", "<hex:64>"),
    ),
    lambda rng: base64.b64encode(rng.randbytes(32)).decode(),
]
_PLACEHOLDERS = (
    "${DB_PASSWORD}",
    "<password>",
    "<your-api-key-1>",
    "changeme",
    "********",
    "your-password-here",
    "xxxxxxxxxxxx",
    "REPLACE_ME",
    "{{ password }}",
    "[REDACTED]",
    "$API_TOKEN",
    "...",
)


class Place(NamedTuple):
    """One template, made out once."""

    name: str
    text: str
    values: tuple[tuple[str, str], ...]

    @property
    def family(self) -> str:
        """What kind of file or talk it is."""
        return self.name.partition("/")[0]

    @property
    def held_out(self) -> bool:
        """Whether no row was mended by what is missed here."""
        return zlib.crc32(self.name.encode()) % 2 == 1


class Outcome(NamedTuple):
    """What was hidden by kind, what was not, and what was altered without need."""

    found: Counter[str]
    asked: Counter[str]
    missed: list[tuple[Place, str]]
    wrong: list[tuple[str, str]]

    @property
    def recall(self) -> float:
        """The share of the credentials that was hidden."""
        return self.found.total() / self.asked.total()

    @property
    def precision(self) -> float:
        """The share of what was hidden that had to be."""
        return self.found.total() / max(1, self.found.total() + len(self.wrong))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _password(rng: random.Random, without: str = "") -> str:
    while True:
        value = rng.choice(_PASSWORDS)(rng)
        if value[0] not in "-_" and not set(value) & set(without):
            return value


def _value(kind: str, rng: random.Random) -> str:
    """Make one credential of a kind."""
    plain = {"pw": "", "pwsh": "$&;|#*", "pwq": ";&", "pgpw": ":", "goDsn": "@:/#%"}
    if kind in plain:
        return _password(rng, plain[kind])
    if kind in ("pwid", "pwx"):
        return _password(rng, "!@#$%^&*.-_")
    if kind in ("urlpw", "pwform"):
        return quote(_password(rng), safe="")
    if kind == "b64pw":
        return _base64("svc:" + _password(rng) * 2)
    if kind == "b64assign":
        lines = f"DB_PASSWORD={_password(rng, '!@#$%^&*')}\nAPI_TOKEN={_key(rng)}\n"
        return _base64(lines)
    return _key(rng) if kind == "key" else spelled(_TEMPLATES[kind])(rng)


def _key(rng: random.Random) -> str:
    while (value := rng.choice(_KEYS)(rng))[0] in "-_":
        pass
    return value


_TEMPLATES = {
    "hex20": "<hex:20>",
    "hex32": "<hex:32>",
    "hex40": "<hex:40>",
    "hex64": "<hex:64>",
    "hex128": "<hex:128>",
    "uuid": "<uuid>",
    "b36up16": "<B36:16>",
    "b36up20": "<B36:20>",
    "aws40": "<b64:40>",
    "long": "<b64:300>",
    "b64": "<b64:43>=",
    "b64url": "<b62:20>%2B<b62:20>%3D",
    "azkey": "<b64:86>==",
    "b64line": "<b64:64>",
    "b64curly": "{AQAAABAAAAAw<b64:62>==}",
    "url43": "<url:43>",
    "url60": "<url:60>",
    "djkey": "<b36:20>&%<b36:20>(!<b36:6>",
    "salt": "<b62:12>|<b62:6> {<b62:9>~<b62:12>^<b62:8>}<b62:12>",
    "salt8": "<b62:8>",
    "b6422": "<b62:22>",
    "sha1b64": "<b64:27>=",
    "wgkey": "<b64:43>=",
    "bc53": "<b62:53>",
    "b32": "<b32:32>",
    "phrase": "correct horse <let:6> staple <dig:2>",
    "jwt": "eyJ<b62:33>.eyJ<b62:60>.<url:43>",
}


def _templates(*names: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in names:
        parts = _HEAD.split((_HERE / f"{name}.txt").read_text(encoding="utf-8"))
        found += zip(parts[1::2], map(str.rstrip, parts[2::2]), strict=True)
    return [(name, text.replace("␛", "\x1b")) for name, text in found]


def places(rounds: int, seed: int = 6) -> list[Place]:
    """Make out every template `rounds` times."""
    rng, made = random.Random(seed), []
    for name, text in _templates("config", "shell", "source", "talk", "wire"):
        for _ in range(rounds):
            values: list[tuple[str, str]] = []

            def fill(match: re.Match[str], values: list = values) -> str:
                value = _value(match[1], rng)
                # of what is wrapped the name may stay, `DB_PASSWORD=` in base64
                start = 16 if match[1] == "b64assign" else 0
                values.append((match[1], value[start:]))
                return value

            made.append(Place(name, _SLOT.sub(fill, text), tuple(values)))
    return made


def twins(rounds: int, seed: int = 7) -> list[Place]:
    """Make the same with placeholders, and files that never held a credential."""
    rng, made = random.Random(seed), []
    for name, text in _templates("config", "shell", "source", "talk", "wire"):
        if "«b64line»" in text:  # of a key's block nothing is told apart
            continue
        for _ in range(rounds):
            twin = _SLOT.sub(lambda _: rng.choice(_PLACEHOLDERS), text)
            made.append(Place(name, twin, ()))
    return made + [Place(name, text, ()) for name, text in _templates("benign")]


def _is_hidden(value: str, shown: str) -> bool:
    ends = {value[:_SEEN], value[-_SEEN:]}
    return not any(end in text for end in ends for text in (shown, unquote(shown)))


def _altered(place: Place, shown: str) -> list[tuple[str, str]]:
    """List lines without a credential that are not among the shown ones."""
    left = Counter(shown.splitlines())
    wrong = []
    for line in place.text.splitlines():
        if left[line]:
            left[line] -= 1
        elif not any(part in line for _, value in place.values for part in {value}):
            wrong.append((place.name, line))
    return wrong


def mixed(redact: Redact, real: Iterable[Place], twin: Iterable[Place]) -> Outcome:
    """Measure recall on the real ones, and mistakes on both."""
    found, asked = Counter[str](), Counter[str]()
    missed: list[tuple[Place, str]] = []
    wrong: list[tuple[str, str]] = []
    for place in real:
        shown = redact(place.text)
        wrong += _altered(place, shown)
        for _, value in place.values:
            asked[place.family] += 1
            if _is_hidden(value, shown):
                found[place.family] += 1
            else:
                missed.append((place, value))
    for place in twin:
        wrong += _altered(place, redact(place.text))
    return Outcome(found, asked, missed, wrong)
