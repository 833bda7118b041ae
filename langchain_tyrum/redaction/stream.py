"""A stream of chunks, redacted as if it were one text."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, AnyStr, Self

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.findings import Span, merge
from langchain_tyrum.redaction.markers import MARKER_HEAD, NAMELESS
from langchain_tyrum.redaction.text import whole_characters
from langchain_tyrum.redaction.undecided import Lookout

if TYPE_CHECKING:
    import re
    from types import TracebackType

    from langchain_tyrum.redaction.text import TextGuard

_CONTEXT = 128
_NO_EDGE = b"x" * 16
_MOST_HELD = 1 << 14
_LONGEST_END = 96
_log = logging.getLogger(__name__)


class RedactionStream:
    """Holds back what may yet turn out to be a value, and nothing else.

    What comes out is, joined, what redacting the joined chunks would give. Leaving
    the `with` block drops what is held: call `close` for it first.

    Feed either strings or byte strings; what comes out is of the same type.
    """

    def __init__(self, guard: TextGuard) -> None:
        self._guard = guard
        self._lookout = Lookout(guard)
        self._held = b""
        # what went before, as it was fed and as it came out: a value may have its
        # beginning in the one, and an edge in the other
        self._before = (b"", b"")
        self._binary = False
        self._until: re.Pattern[bytes] | None = None

    def __repr__(self) -> str:
        return f"RedactionStream(held={len(self._held)})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._drop()

    def feed(self, chunk: AnyStr) -> AnyStr:
        """Take a chunk and return what is certain by now.

        Args:
            chunk: The next piece of the text, cut anywhere.

        Returns:
            Redacted text, often less than was fed.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        if isinstance(chunk, str):
            return _text(self._take(chunk.encode("utf-8", "surrogatepass")))
        self._binary = True
        return self._take(chunk)

    def _take(self, chunk: bytes) -> bytes:
        self._held += chunk
        if self._until is not None:
            tail = self._held[-len(chunk) - _LONGEST_END :]
            if not self._until.search(tail):
                self._shorten()
                return b""
            self._until = None
        return self._emit(final=False)

    def close(self) -> Any:
        """Return what is still held, redacted. Closing twice returns nothing more.

        Returns:
            Text of the type that was fed, a string when nothing was.
        """
        rest = self._emit(final=True)
        self._drop()
        return rest if self._binary else _text(rest)

    def _emit(self, *, final: bool) -> bytes:
        if not self._held:
            return b""
        try:
            out = self._certain(final=final)
        except RawSecretFound:
            self._drop()
            raise
        except Exception as error:
            _log.warning("a stream was withheld: %s", type(error).__name__)
            self._drop()
            return NAMELESS.encode()
        self._until = self._lookout.swallows(self._held)
        self._shorten()
        return out

    def _certain(self, *, final: bool) -> bytes:
        """Let go what is certain, one span at a time.

        A marker can give what follows it an edge that it did not have, so what
        follows is looked at again, as it is in a whole text.
        """
        out = b""
        while True:
            spans, cut = self._look(final=final)
            ready = next((span for span in spans if span.end <= cut), None)
            if ready is None:
                return out + self._pass(self._held[:cut], cut)
            before = self._held[: ready.start]
            marker = self._guard.marker(ready.name)
            out += self._pass(before + marker, ready.end)

    def _look(self, *, final: bool) -> tuple[list[Span], int]:
        """Find the spans in what is held, and up to where it is certain."""
        held = self._held
        found, cut = list[Span](), len(held)
        for context in dict.fromkeys(self._before):
            text, done = context + held, len(context)
            found += [
                span._replace(start=max(span.start - done, 0), end=span.end - done)
                for span in self._guard.covered(text)
                if span.end > done
            ]
            if not final:
                cut = min(cut, self._lookout.undecided(text, done) - done)
        spans = [_whole(held, span) for span in merge(found)] if found else found
        return spans, self._clear_of(spans, cut, final=final)

    def _clear_of(self, spans: list[Span], cut: int, *, final: bool) -> int:
        """Move the cut before a span that crosses it, or that may yet be no word."""
        held, size = self._held, len(self._held)
        shorts = self._guard.registry.has_short
        for span in reversed(spans):
            word = shorts and MARKER_HEAD.startswith(held[span.end : span.end + 9])
            if span.start < cut and (span.end > cut or (word and not final)):
                cut = span.start
        while 0 < cut < size and held[cut] & 0xC0 == 0x80:
            cut -= 1
        return cut

    def _pass(self, out: bytes, end: int) -> bytes:
        """Let text go and keep the last of it as context of what is held."""
        fed, shown = self._before
        self._before = (_last(fed + self._held[:end]), _last(shown + out))
        self._held = self._held[end:]
        return out

    def _longest(self) -> int:
        tiers = self._guard.registry.tiers()
        return max((tier.longest for tier in tiers), default=0)

    def _shorten(self) -> None:
        """Forget the middle of what is held for too long: it ends as one marker."""
        most = _MOST_HELD + self._longest()
        if len(self._held) > 2 * most:
            self._held = self._held[:most] + self._held[-most:]

    def _drop(self) -> None:
        self._held, self._before, self._until = b"", (b"", b""), None


def _last(text: bytes) -> bytes:
    """Keep the last of a text, with no edge where it is cut that it did not have."""
    if len(text) <= _CONTEXT:
        return text
    return _NO_EDGE + text[-_CONTEXT + len(_NO_EDGE) :]


def _whole(text: bytes, span: Span) -> Span:
    start, end = whole_characters(text, span.start, span.end)
    return span._replace(start=start, end=end)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
