"""The forms in which a reader looks for a value; none of it is the redactor's code.

A reader that shared the redactor's list could only find what the redactor hides.
"""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from ahocorasick_rs import BytesAhoCorasick

from langchain_tyrum.testing.leaks.unescaping import unescaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SHORTEST = 6
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def forms(value: str, *, wide: bool = False) -> dict[bytes, str]:
    """Every form in which a value is looked for, with the name of its encoding.

    Args:
        value: The value.
        wide: Also those that a redactor need not know: for a value that somebody else
            brings along, and may have turned into anything.

    Returns:
        Form to encoding; the first encoding that yields a form names it.
    """
    found: dict[bytes, str] = {}
    for form, encoding in (*_all(value), *(_wide(value) if wide else ())):
        if len(form) >= _SHORTEST:
            found.setdefault(form, encoding)
    return found


class Finder:
    """Finds values in what was read back, in any of their forms.

    Args:
        wanted: The forms of each value, by the value's name.
        wide: The names of those that are looked for with escapes undone, too.
    """

    def __init__(
        self, wanted: Mapping[str, Mapping[bytes, str]], wide: Iterable[str] = ()
    ) -> None:
        self._wide = frozenset(wide)
        self._named = [
            (form, (name, encoding))
            for name, shapes in wanted.items()
            for form, encoding in shapes.items()
        ]
        self._engine = BytesAhoCorasick([form for form, _ in self._named])

    def __repr__(self) -> str:
        return f"Finder(forms={len(self._named)})"

    def find(self, data: bytes) -> set[tuple[str, str]]:
        """Which values stand in some bytes, and in which encoding.

        Args:
            data: What was read back.

        Returns:
            Pairs of name and encoding.
        """
        found = self._matches(data)
        if self._wide and (plain := unescaped(data)) != data:
            hidden = {name for name, _ in self._matches(plain)} & self._wide
            found |= {(n, "escaped") for n in hidden - {name for name, _ in found}}
        return found

    def _matches(self, data: bytes) -> set[tuple[str, str]]:
        found = self._engine.find_matches_as_indexes(data, overlapping=True)
        return {self._named[index][1] for index, _, _ in found}


def _all(value: str) -> Iterator[tuple[bytes, str]]:
    raw = value.encode()
    yield raw, "raw"
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once.encode(), "json"
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1].encode(), "json twice"
    yield repr(value)[1:-1].encode(), "repr"
    yield repr(raw)[2:-1].encode(), "repr"
    yield quote(value, safe="").encode(), "url"
    yield quote_plus(value).encode(), "url"
    yield quote(quote(value, safe=""), safe="").encode(), "url twice"
    yield html.escape(value).encode(), "html"
    yield "".join(f"\\u{ord(c):04x}" for c in value).encode(), "unicode"
    yield unicodedata.normalize("NFD", value).encode(), "nfd"
    yield value.encode("utf-16-le"), "utf-16"
    yield value.encode("utf-16-be"), "utf-16"
    yield value[::-1].encode(), "reversed"
    yield raw.hex().encode(), "hex"
    yield raw.hex().upper().encode(), "hex"
    yield base64.b32encode(raw).rstrip(b"="), "base32"
    for coded in _cores(raw):
        yield coded, "base64"


def _wide(value: str) -> Iterator[tuple[bytes, str]]:
    raw = value.encode()
    for separator in (":", "-", " "):
        yield raw.hex(separator).encode(), "hex"
        yield raw.hex(separator).upper().encode(), "hex"
    for once in _cores(raw):
        for twice in _cores(once):
            yield twice, "base64 twice"


def _cores(raw: bytes) -> Iterator[bytes]:
    for skip in range(3):
        coded = _base64_core(raw, skip)
        yield coded
        yield coded.translate(_URL_SAFE)


def _base64_core(raw: bytes, skip: int) -> bytes:
    """What a value always becomes in base64, `skip` bytes into a group of three."""
    coded = base64.b64encode(b"\0" * skip + raw)
    return coded[-(-8 * skip // 6) : (8 * skip + 8 * len(raw)) // 6]
