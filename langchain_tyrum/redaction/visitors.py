"""What is done with the strings of an object: collect, replace or report them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.handles import SecretValue
from langchain_tyrum.redaction.data import redact_data
from langchain_tyrum.redaction.findings import REGISTERED, Finding
from langchain_tyrum.redaction.keyed import keyed, split_key
from langchain_tyrum.redaction.lazy import lazy
from langchain_tyrum.redaction.markers import NAMELESS
from langchain_tyrum.redaction.walk import Mode, Step
from langchain_tyrum.redaction.walk.numerals import may_be_numbers
from langchain_tyrum.redaction.walk.objects import is_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.findings import Span
    from langchain_tyrum.redaction.memo import Memo
    from langchain_tyrum.redaction.text import TextGuard

    Path = Callable[[], str]

#: Shorter strings hold no value; by whether short ones are registered.
_SHORTEST = {False: 6, True: 3}


class _Numerate:
    """Knows, once somebody asks, whether numbers must be looked at."""

    _guard: TextGuard

    @lazy
    def numbers(self) -> bool:
        """Whether a number may be a value."""
        return may_be_numbers(self._guard.registry)


class Collecting(_Numerate):
    """Collects every string, to ask once whether any of them needs a closer look."""

    def __init__(self, guard: TextGuard, memo: Memo | None) -> None:
        registry = guard.registry
        self._guard = guard
        self._shortest = _SHORTEST[registry.has_short]
        self._memo = memo
        self._generation = registry.generation
        self._parts: set[bytes | str] = set()
        self.messages: list[Any] = []
        self.opaque = False

    def text(self, text: str, step: Step, path: Path) -> str:
        """Keep a string."""
        del path
        if len(text) >= self._shortest:
            self._parts.add(keyed(step.under, text) if step.under else text)
        return text

    def data(self, data: bytes, step: Step, path: Path) -> bytes:
        """Keep a byte string."""
        del step, path
        self._parts.add(data)
        return data

    def withhold(self, obj: Any, path: Path) -> Any:
        """Note that something cannot be looked into."""
        del path
        self.opaque = True
        return obj

    def knows(self, obj: Any) -> bool:
        """Skip what the memo knows to be clean; note what it could learn."""
        if self._memo is None or not is_message(type(obj)):
            return False
        if self._memo.knows(obj, self._generation):
            return True
        self.messages.append(obj)
        return False

    def joined(self) -> bytes:
        """Return everything in one piece; a line break keeps strings apart."""
        texts = [part for part in self._parts if isinstance(part, str)]
        rest = [part for part in self._parts if isinstance(part, bytes)]
        joined = "\n".join(texts).encode("utf-8", "surrogatepass")
        return b"\n".join([joined, *rest])


class Redacting(_Numerate):
    """Replaces values by markers."""

    def __init__(self, guard: TextGuard) -> None:
        self._guard = guard
        self._shortest = _SHORTEST[guard.registry.has_short]
        self._seen: dict[tuple[str, Mode, str], str] = {}

    def text(self, text: str, step: Step, path: Path) -> str:
        """Redact a string; the same object when it is clean."""
        del path
        if len(text) < self._shortest:
            return text
        seen = (text, step.mode, step.under)
        if seen not in self._seen:
            self._seen[seen] = self._redact(text, step)
        clean = self._seen[seen]
        return text if clean == text else clean

    def _redact(self, text: str, step: Step) -> str:
        data = text.encode("utf-8", "surrogatepass")
        clean = self._guard.redact(data, shapes=step.mode is Mode.FULL)
        if step.under and (start := split_key(step.under, clean)):
            whole = start + clean + b'"'
            spans = self._guard.covered(whole)
            if any(
                span.start <= len(start) and span.end >= len(whole) - 1
                for span in spans
            ):
                clean = self._guard.redact(whole)[len(start) : -1]
        return text if clean == data else clean.decode("utf-8", "surrogatepass")

    def data(self, data: bytes, step: Step, path: Path) -> bytes:
        """Redact a byte string; the same object when it is clean."""
        del step, path
        return redact_data(self._guard, data)

    def withhold(self, obj: Any, path: Path) -> Any:
        """Put a nameless marker in place of an object."""
        del obj, path
        return NAMELESS

    def knows(self, obj: Any) -> bool:
        """Remember nothing."""
        del obj
        return False


class Reporting(_Numerate):
    """Notes where values stand, and changes nothing."""

    def __init__(self, guard: TextGuard) -> None:
        self._guard = guard
        self.findings: list[Finding] = []

    def text(self, text: str, step: Step, path: Path) -> str:
        """Note the findings in a string."""
        data = text.encode("utf-8", "surrogatepass")
        spans, shift = self._spans(data, shapes=step.mode is Mode.FULL), 0
        if not spans and step.under and (start := split_key(step.under, data)):
            shift = len(start)
            spans = self._spans(start + data + b'"', shapes=True)
        for span in spans:
            low = max(0, span.start - shift)
            high = min(span.end - shift, len(data))
            if low < high:
                self._note(
                    span, path(), _characters(data, low), _characters(data, high)
                )
        return text

    def data(self, data: bytes, step: Step, path: Path) -> bytes:
        """Note the findings in a byte string, with offsets into its bytes."""
        del step
        for span in self._spans(data, shapes=True):
            self._note(span, path(), span.start, span.end)
        return data

    def withhold(self, obj: Any, path: Path) -> Any:
        """Note a leased value; what is merely opaque is nothing to report."""
        if isinstance(obj, SecretValue):
            name = str(getattr(obj, "_SecretValue__name", ""))
            self.findings.append(Finding(path(), name, REGISTERED, "leased", 0, 0))
        return obj

    def knows(self, obj: Any) -> bool:
        """Remember nothing."""
        del obj
        return False

    def _spans(self, data: bytes, *, shapes: bool) -> list[Span]:
        return self._guard.spans(data, shapes=shapes)

    def _note(self, span: Span, path: str, start: int, end: int) -> None:
        path = self._guard.redact(path.encode("utf-8", "surrogatepass")).decode()
        self.findings.append(
            Finding(path, span.name or "", span.rule, span.encoding, start, end)
        )


def _characters(data: bytes, offset: int) -> int:
    return len(data[:offset].decode("utf-8", "replace"))
