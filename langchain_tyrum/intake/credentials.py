"""Credentials that a user pastes or says go to the side-store, in band."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import (
    ProviderError,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
    TyrumError,
    WeakSecret,
)
from langchain_tyrum.intake.inputs import rewrite_input, with_flag
from langchain_tyrum.redaction import marker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.redaction import Finding, Redactor

_REGISTERED = "registered"


@dataclass(frozen=True)
class _Found:
    """One credential in a text: where it stands, and what it is called.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        kind: The kind of shape, or the name it is stored under already.
        name: What it is stored under: its kind, numbered where a message has several.
        registered: It is stored already.
        readable: The text holds it as it is, not encoded.
    """

    start: int
    end: int
    kind: str
    name: str
    registered: bool
    readable: bool


class _Plan:
    """What was found in one input, and what is to stand in its place.

    Finding and replacing are pure; only the storing between them differs between the
    sync and the async way.
    """

    def __init__(self, redactor: Redactor, obj: Any) -> None:
        self._redactor = redactor
        self._obj = obj
        self._texts: dict[str, list[_Found]] = {}
        self._instead: dict[tuple[str, str], str] = {}
        self.stored = False
        rewrite_input(obj, self._collect)
        self._texts = _numbered(self._texts)

    def __repr__(self) -> str:
        return f"_Plan({len(self._texts)} texts, {len(self._instead)} credentials)"

    def _collect(self, text: str) -> str:
        if text not in self._texts and (found := _spans(self._redactor.scan(text))):
            self._texts[text] = found
        return text

    def open(self) -> Iterable[tuple[_Found, str]]:
        """Yield each credential once, with its value, in the order of appearance."""
        seen: set[tuple[str, str]] = set()
        for text, spans in self._texts.items():
            for found in spans:
                value = text[found.start : found.end]
                if (found.name, value) not in seen:
                    seen.add((found.name, value))
                    yield found, value

    def settle(self, found: _Found, value: str, handle: object | None) -> None:
        """Note what stands for a credential: its handle, else a marker."""
        self.stored |= handle is not None
        instead = str(handle) if handle is not None else self._marker(found, value)
        self._instead[found.name, value] = instead

    def _marker(self, found: _Found, value: str) -> str:
        if not found.registered:
            return marker(found.kind)
        cleaned = self._redactor.redact_text(value)
        return marker(None) if cleaned == value else cleaned

    def carry_out(self, *, flag: bool) -> Any:
        """Return the input with every credential replaced."""
        obj = rewrite_input(self._obj, self._replace) if self._texts else self._obj
        return with_flag(obj) if flag and self.stored else obj

    def _replace(self, text: str) -> str:
        for found in reversed(self._texts.get(text, ())):
            instead = self._instead[found.name, text[found.start : found.end]]
            text = text[: found.start] + instead + text[found.end :]
        return text


def take_in(
    broker: SecretBroker, obj: Any, call: CallIdentity, *, flag: bool = False
) -> Any:
    """Move the credentials in a graph input to the user's side-store.

    Runs before the input is traced or checkpointed. The words of the user are looked
    through; each credential is stored under its kind (`password`, `github-pat`, …)
    for this tenant and user, and `tyrum://h_…` stands in its place. A later one of the
    same kind rotates it; of several in one input the second is stored as `password-2`,
    and so on, so that none is lost. A value that cannot be stored, because there is no
    user or because it is too weak, becomes a marker: it never stays.

    Args:
        broker: Stores the values and knows those it has.
        obj: A state, a list of messages, a `Command`, or plain text.
        call: On whose behalf; its user owns what is stored.
        flag: The graph's state declares `user_credentials_available`: set it.

    Returns:
        The same object when it holds no credential, else a copy.

    Raises:
        ProviderError: The side-store failed; the input must not be used.
    """
    plan = _Plan(broker.redactor.view(call), obj)
    for found, value in plan.open():
        plan.settle(found, value, _store(broker, call, found, value))
    return plan.carry_out(flag=flag)


async def atake_in(
    broker: SecretBroker, obj: Any, call: CallIdentity, *, flag: bool = False
) -> Any:
    """Do as `take_in` does, asynchronously."""
    plan = _Plan(broker.redactor.view(call), obj)
    for found, value in plan.open():
        plan.settle(found, value, await _astore(broker, call, found, value))
    return plan.carry_out(flag=flag)


def _spans(findings: Sequence[Finding]) -> list[_Found]:
    """Order the findings of one text, and let the first of overlapping ones win."""
    spans: list[_Found] = []
    for finding in sorted(findings, key=lambda one: (one.start, -one.end)):
        registered = finding.rule == _REGISTERED
        kind = (finding.name if registered else finding.rule) or ""
        found = _Found(
            start=finding.start,
            end=finding.end,
            kind=kind,
            name=kind,
            registered=registered,
            readable=registered or finding.encoding == "raw",
        )
        if not spans or found.start >= spans[-1].end:
            spans.append(found)
        elif found.end > spans[-1].end:
            first = spans.pop()
            joined = replace(first, end=found.end, registered=False, readable=False)
            spans.append(joined)
    return spans


def _numbered(texts: Mapping[str, list[_Found]]) -> dict[str, list[_Found]]:
    """Give different values of one kind different names, in order of appearance.

    One that is stored already keeps its name, and no other value of the same text
    takes it: the user wrote both, so neither is meant to replace the other.
    """
    names: dict[tuple[str, str], str] = {}
    numbered: dict[str, list[_Found]] = {}
    for text, spans in texts.items():
        numbered[text] = list(spans)
        stored = {one.name for one in spans if one.registered}
        for place, found in enumerate(spans):
            if found.registered or not found.readable:
                continue
            key = found.kind, text[found.start : found.end]
            if key not in names:
                names[key] = _free(found.kind, stored.union(names.values()))
            numbered[text][place] = replace(found, name=names[key])
    return numbered


def _free(kind: str, taken: Collection[str]) -> str:
    if kind not in taken:
        return kind
    return next(name for n in count(2) if (name := f"{kind}-{n}") not in taken)


def _store(
    broker: SecretBroker, call: CallIdentity, found: _Found, value: str
) -> object | None:
    if call.user is None or not found.readable or value == call.thread_id:
        return None
    try:
        if found.registered:
            record = broker.describe(found.name, tenant=call.tenant, owner=call.user)
            return record if record.owner == call.user else None
        return broker.put(
            found.name, value, owner=call.user, tenant=call.tenant, replace=True
        )
    except (SecretForbidden, SecretNotFound, SecretRevoked, WeakSecret):
        return None
    except TyrumError:
        raise
    except Exception:  # noqa: S110 - raised below, where no context holds the value
        pass
    raise _failed(found)


async def _astore(
    broker: SecretBroker, call: CallIdentity, found: _Found, value: str
) -> object | None:
    if call.user is None or not found.readable or value == call.thread_id:
        return None
    try:
        if found.registered:
            record = await broker.adescribe(
                found.name, tenant=call.tenant, owner=call.user
            )
            return record if record.owner == call.user else None
        return await broker.aput(
            found.name, value, owner=call.user, tenant=call.tenant, replace=True
        )
    except (SecretForbidden, SecretNotFound, SecretRevoked, WeakSecret):
        return None
    except TyrumError:
        raise
    except Exception:  # noqa: S110 - raised below, where no context holds the value
        pass
    raise _failed(found)


def _failed(found: _Found) -> ProviderError:
    return ProviderError(
        f"a {found.name!r} that the user gave could not be stored, so the input was "
        "refused: look at the side-store's provider, then send it again",
        handle=found.name,
    )
