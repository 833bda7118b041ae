"""The registry: who registered which value, published for readers without a lock."""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.beginnings import Partition
from langchain_tyrum.redaction.encodings import derived_forms
from langchain_tyrum.redaction.secretive import (
    MIN_VALUE,
    check_value,
    is_form,
    spelled,
)
from langchain_tyrum.redaction.tiers import Tier

if TYPE_CHECKING:
    from langchain_tyrum.redaction.beginnings import Beginnings

_DELTA = 128
_MAX_TIERS = 3
_GROWTH = 4
_SMALL = 16 * _DELTA
#: A tenant and an owner.
_Part = tuple[str, str | None]


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """One registered value. `short` ones match as whole words, in their tenant."""

    name: str
    tenant: str
    owner: str | None
    value: bytes
    short: bool = False

    @property
    def key(self) -> tuple[str, str | None, str]:
        """What the entry is registered under."""
        return self.tenant, self.owner, self.name


def bare(value: str | bytes) -> bytes:
    """Return what is looked for of a value: without blanks around it, if it is long.

    Raises:
        ConfigError: It is neither text nor bytes.
    """
    if not isinstance(value, str | bytes | bytearray):
        raise ConfigError(
            f"a value is text or bytes, not a {type(value).__name__}: register its text"
        )
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    found = bytes(raw).strip()
    return found if len(found) >= MIN_VALUE else bytes(raw)


def entry_of(name: str, value: str | bytes, *, tenant: str, owner: str | None) -> Entry:
    """Return what is registered for a value.

    Raises:
        ConfigError: The name or the value is none.
    """
    if not isinstance(name, str):
        raise ConfigError(
            f"the name of a value is text, not a {type(name).__name__}: markers show it"
        )
    raw = bare(value)
    return Entry(name, tenant, owner, raw, len(spelled(raw).strip()) < MIN_VALUE)


class Claim(NamedTuple):
    """An entry that claims a form, and the encoding that makes the form of it."""

    entry: Entry
    encoding: str


class Registry:
    """Live values and their forms, shared by all views.

    A registration is appended and returns; whoever reads next compiles it first, so
    nothing is read without it. Small additions go to a small last tier; a thread
    merges tiers when they become many.

    Attributes:
        count: How many values are registered.
        longest_short: The length of the longest form that only matches as a word.
        structure: Identifiers of graphs, which stand in code: what users and other
            tenants registered is not looked for in them.
        seal_key: Of sealed markers, which all views make and open alike; None where
            nobody gave one.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str | None, str], tuple[Entry, ...]] = {}
        self._claims: dict[bytes, tuple[Claim, ...]] = {}
        self._parts: dict[_Part, Partition] = {}
        self._pending: list[bytes] = []
        self._tiers: tuple[Tier, ...] = ()
        self._lock = threading.RLock()
        self._merging = False
        self.count = 0
        self.generation = 0
        self.has_short = False
        self.longest_short = 0
        self.structure: frozenset[bytes] = frozenset()
        self.seal_key: bytes | None = None
        _registries.add(self)

    def __len__(self) -> int:
        return self.count

    def add(self, entry: Entry, *, allow_short: bool) -> None:
        """Register a value; it is covered when this returns.

        Raises:
            WeakSecret: The value cannot be told from ordinary text.
        """
        text = spelled(entry.value)
        check_value(entry.name, text, allow_short=allow_short)
        if entry in self._entries.get(entry.key, ()):
            return
        forms = {
            form: encoding
            for form, encoding in derived_forms(entry.value).items()
            if is_form(form) or form == entry.value
        }
        with self._lock:
            if entry in self._entries.get(entry.key, ()):
                return
            for form, encoding in forms.items():
                claims = self._claims.get(form, ())
                self._claims[form] = (*claims, Claim(entry, encoding))
                if not claims:
                    self._pending.append(form)
            self._parts.setdefault(entry.key[:2], Partition()).add(forms)
            self._entries[entry.key] = (*self._entries.get(entry.key, ()), entry)
            if entry.short:
                self.has_short = True
                longest = max(map(len, forms))
                self.longest_short = max(longest, self.longest_short)
            self.count += 1
            self.generation += 1

    def remove(
        self, key: tuple[str, str | None, str], *, value: bytes | None = None
    ) -> None:
        """Forget all values under a key, or the one given."""
        with self._lock:
            entries = self._entries.pop(key, ())
            kept = tuple(
                entry for entry in entries if value is not None and entry.value != value
            )
            if kept:
                self._entries[key] = kept
            self.count -= len(entries) - len(kept)
            for entry in set(entries) - set(kept):
                forms = derived_forms(entry.value)
                for form in forms:
                    self._disclaim(form, entry)
                self._drop(key[:2], len(forms))
            self.generation += 1

    def _drop(self, part: _Part, count: int) -> None:
        """Take forms from a partition once it is worth the work on all the others."""
        forms = self._parts.get(part)
        if forms is None or not forms.drop(count):
            return
        kept = Partition(form for form in forms if self._is_claimed(form, part))
        if any(kept):
            self._parts[part] = kept
        else:
            del self._parts[part]

    def _is_claimed(self, form: bytes, part: _Part) -> bool:
        claims = self._claims.get(form, ())
        return any(claim.entry.key[:2] == part for claim in claims)

    def _disclaim(self, form: bytes, entry: Entry) -> None:
        claims = self._claims.get(form, ())
        kept = tuple(claim for claim in claims if claim.entry != entry)
        if kept:
            self._claims[form] = kept
        else:
            self._claims.pop(form, None)

    def claims(self, form: bytes) -> tuple[Claim, ...]:
        """Return who claims a form; nobody, when it was unregistered."""
        return self._claims.get(form, ())

    def beginnings(self, tenant: str, owner: str | None) -> tuple[Beginnings, ...]:
        """Return what one partition's forms begin with.

        A stream that held back for other people's values would tell them by how it
        stops, one character after the other.
        """
        forms = self._parts.get((tenant, owner))
        return forms.steps() if forms is not None else ()

    def tiers(self) -> tuple[Tier, ...]:
        """Return everything there is to look for, compiled."""
        if self._pending:
            self._compile()
        return self._tiers

    def _compile(self) -> None:
        with self._lock:
            pending = self._pending
            if not pending:
                return
            older, grown = self._tiers, list(pending)
            if older and len(older[-1]) + len(pending) <= _DELTA:
                grown = [*older[-1].forms, *pending]
                older = older[:-1]
            self._tiers = (*older, Tier(grown, beside=sum(map(len, older))))
            self._pending = []
            if not self._merging and self._ripe():
                self._merging = True
                threading.Thread(
                    target=self._merge, name="tyrum-merge", daemon=True
                ).start()

    def _ripe(self) -> tuple[Tier, ...]:
        """Return the tiers to join: each one costs a search of its own.

        As long as there is little in them, that is all of them. Of many, the full ones
        of like size, since the last one may still grow.
        """
        tiers = self._tiers
        if sum(map(len, tiers)) <= _SMALL:
            return tiers if len(tiers) > 1 else ()
        full = tiers[:-1] if len(tiers) > _MAX_TIERS else ()
        size, low = 0, len(full)
        while low and len(full[low - 1]) <= max(_GROWTH * size, _DELTA):
            low -= 1
            size += len(full[low])
        return full[low:] if len(full) - low > 1 else ()

    def _merge(self) -> None:
        """Join tiers until none is ripe; a registration meanwhile spoils a try."""
        try:
            while ripe := self._next_ripe():
                self._replace(ripe)
        except BaseException:
            self._merging = False
            raise

    def _next_ripe(self) -> tuple[Tier, ...]:
        # under the lock: a tier that comes meanwhile finds this thread, or starts one
        with self._lock:
            ripe = self._ripe()
            self._merging = bool(ripe)
            return ripe

    def _replace(self, tiers: tuple[Tier, ...]) -> None:
        beside = sum(len(tier) for tier in self._tiers if tier not in tiers)
        merged = Tier(
            (form for tier in tiers for form in tier.forms if form in self._claims),
            beside=beside,
        )
        with self._lock:
            kept = [tier for tier in self._tiers if tier not in tiers]
            if len(kept) == len(self._tiers) - len(tiers):
                at = self._tiers.index(tiers[0])
                kept.insert(at, merged)
                self._tiers = tuple(kept)

    def after_fork(self) -> None:
        """Replace a lock that another thread held when this process was forked."""
        self._lock = threading.RLock()
        self._merging = False


_registries: weakref.WeakSet[Registry] = weakref.WeakSet()


def _after_fork() -> None:
    for registry in list(_registries):
        registry.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
