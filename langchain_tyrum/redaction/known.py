"""Known values: where registered ones stand in a text, and who may see their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

from langchain_tyrum.redaction.copies import strict_copy
from langchain_tyrum.redaction.findings import Span
from langchain_tyrum.redaction.markers import MARKER_HEAD
from langchain_tyrum.redaction.shapes.disguises import looks_disguised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction.copies import Copy
    from langchain_tyrum.redaction.registry import Claim, Entry, Registry

#: Where a form stands, and the form.
Hit = tuple[int, bytes]
#: Longer texts are looked at by an engine, which is faster then.
_SMALL = 1 << 12
_WRAPPED = re.compile(rb"\n(?<=[A-Za-z0-9+/_-]{60}\n)")
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class HasPartition(Protocol):
    """Whatever says which tenant and user it speaks for."""

    @property
    def tenant(self) -> str:
        """The tenant."""
        ...

    @property
    def user(self) -> str | None:
        """The user, or None for a service."""
        ...


class Sight(NamedTuple):
    """Whose values are covered, and whose are named.

    Attributes:
        everyone: Cover foreign values too, without a name: for durable sinks, where
            anybody may read.
        seals: Hide sealed markers too. Eyes of which nothing is stored have no use
            for one; and what somebody made up must not look like one.
    """

    tenant: str
    user: str | None
    everyone: bool
    seals: bool = False

    def own(self, entry: Entry) -> bool:
        """Tell whether an entry lies in the own partition or is the tenant's."""
        return entry.tenant == self.tenant and entry.owner in (None, self.user)

    def serves(self, entry: Entry) -> bool:
        """Tell whether an entry is the tenant's service's: its developers put it."""
        return entry.tenant == self.tenant and entry.owner is None

    def covers(self, entry: Entry) -> bool:
        """Tell whether an entry's value is hidden here at all."""
        if entry.short and entry.tenant != self.tenant:
            return False
        return self.everyone or self.own(entry)


def find_known(
    data: bytes, registry: Registry, sight: Sight, *, ascii_only: bool = False
) -> list[Span]:
    """Return the span of every registered form that `sight` covers.

    Args:
        data: The text.
        registry: Who registered what.
        sight: Whose values are covered.
        ascii_only: Whether the text is known to hold ASCII only.

    Raises:
        EngineError: The search failed.
    """
    hits, copy = _search(data, registry, ascii_only=ascii_only)
    spans = list(_spans(data, hits, registry, sight)) if hits else []
    if copy is not None:
        again = [hit for tier in registry.tiers() for hit in tier.find(copy.data)]
        for span in _spans(copy.data, again, registry, sight):
            start, end = copy.original(span.start, span.end)
            how = span.encoding if end - start == span.end - span.start else "broken"
            spans.append(span._replace(start=start, end=end, encoding=how))
    return spans


def is_known(data: bytes, registry: Registry) -> bool:
    """Tell whether any form of anybody's value stands in a text.

    Args:
        data: The text.
        registry: Who registered what.

    Raises:
        EngineError: The search failed.
    """
    hits, copy = _search(data, registry)
    if hits:
        return True
    return copy is not None and any(
        form for tier in registry.tiers() for _, form in tier.find(copy.data)
    )


def _search(
    data: bytes, registry: Registry, *, ascii_only: bool = False
) -> tuple[list[Hit], Copy | None]:
    """Find forms in a text, and copy it without its disguises if it has any."""
    hits: list[Hit] = []
    pairs = wraps = False
    for tier in registry.tiers():
        hits += tier.find(data)
        pairs = pairs or not tier.pairs
        wraps = wraps or not tier.wraps
    if hits and not all(form for _, form in hits):
        hits = [hit for hit in hits if hit[1]]
        pairs = wraps = True
    if (not pairs and _is_plain(data, wraps=wraps)) or not looks_disguised(
        data, pairs=pairs, wraps=wraps, ascii_only=ascii_only
    ):
        return hits, None
    return hits, strict_copy(data)


def _is_plain(data: bytes, *, wraps: bool = True) -> bool:
    """Tell, without an engine, that a text of ordinary lines shows no disguise.

    Pairs of digits set apart are not told by this.
    """
    return (
        len(data) <= _SMALL
        and data.isascii()
        and 0x5C not in data
        and 0x25 not in data
        and b"&#" not in data
        and 0 not in data
        and not (wraps and (0x0D in data or _WRAPPED.search(data)))
    )


def _spans(
    data: bytes, hits: list[Hit], registry: Registry, sight: Sight
) -> Iterator[Span]:
    for start, form in hits:
        end = start + len(form)
        claims = registry.claims(form)
        if registry.structure and _in_structure(data, start, end, registry):
            claims = tuple(c for c in claims if sight.serves(c.entry))
        claim = _choose(claims, sight, _is_word(data, start, end)) if claims else None
        if claim is not None:
            name = claim.entry.name if sight.own(claim.entry) else None
            yield Span(start, end, name, encoding=claim.encoding)


def _choose(claims: tuple[Claim, ...], sight: Sight, is_word: bool) -> Claim | None:  # noqa: FBT001
    """Choose who names a form: the first of the own partition, else the first."""
    seen = [
        claim
        for claim in claims
        if sight.covers(claim.entry) and (is_word or not claim.entry.short)
    ]
    return next((claim for claim in seen if sight.own(claim.entry)), None) or (
        seen[0] if seen else None
    )


def _in_structure(data: bytes, start: int, end: int, registry: Registry) -> bool:
    """Tell whether a stretch lies within an identifier of a graph."""
    return any(
        data.find(name, max(0, end - len(name)), start + len(name)) >= 0
        for name in registry.structure
        if len(name) >= end - start
    )


def _is_word(data: bytes, start: int, end: int) -> bool:
    """Tell whether a stretch is a word, or begins and ends in no letter or digit.

    What a marker follows is no word: the marker may stand for the rest of it.
    """
    if start > 0 and data[start - 1] in _WORD and data[start] in _WORD:
        return False
    goes_on = end < len(data) and data[end] in _WORD
    goes_on = goes_on or data.startswith(MARKER_HEAD, end)
    return not (goes_on and data[end - 1] in _WORD)
