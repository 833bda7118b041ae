"""A stream of chunks, redacted as if it were one text."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, AnyStr, Self

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.findings import Span, merge
from langchain_tyrum.redaction.markers import NAMELESS
from langchain_tyrum.redaction.stream_cut import Before, before_open_character
from langchain_tyrum.redaction.stream_glance import Glance
from langchain_tyrum.redaction.stream_look import Looker
from langchain_tyrum.redaction.undecided import Lookout

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from langchain_tyrum.redaction.text import TextGuard

_CONTEXT = 128
_NO_EDGE = b"x" * 16
_name_in = re.compile(rb"[A-Za-z0-9_-]+").match
_MOST_HELD = 1 << 14
_LONGEST_END = 160
#: From here on what is held is looked at again only when it has grown by an eighth.
_LARGE = 96
_log = logging.getLogger(__name__)


class RedactionStream:
    """Holds back what may yet turn out to be a value, and nothing else.

    What comes out is, joined, what redacting the joined chunks would give. Leaving
    the `with` block drops what is held: call `close` for it first.

    What is held for longer than 16 KB and the longest value is withheld: its middle
    is forgotten, and it ends as one marker. Where a search fails, or a shape is
    refused, nothing more comes out.

    Two things may come out otherwise than in one text: the last of more than four
    tokens that follow each other without a gap at the open end, and a match that
    depends on what stands more than 128 bytes before it.

    Feed either strings or byte strings; what comes out is of the same type.
    """

    def __init__(self, guard: TextGuard) -> None:
        self._guard = guard
        self._lookout = Lookout(guard)
        self._glance = Glance(self._lookout)
        self._looker = Looker(guard, self._lookout)
        self._binary = self._over = False
        self._start()

    def _start(self) -> None:
        self._held = b""
        self._more: list[bytes] = []
        self._size = 0
        # what is held is looked at when it is as long as this
        self._due = 0
        self._before = Before()
        self._until: re.Pattern[bytes] | None = None
        self._tail = b""
        self._gap: int | None = None

    def __repr__(self) -> str:
        return f"RedactionStream(held={self._size})"

    @property
    def has_short(self) -> bool:
        """Whether a short value is registered, of which a few letters say much."""
        return self._guard.registry.has_short

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = self._over or bool(self._size)
        self._start()

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
            plain = chunk.isascii()
            data = chunk.encode() if plain else chunk.encode("utf-8", "surrogatepass")
            out = self._safely(self._take, data)
            return chunk if out is data else _text(out)
        self._binary = True
        return self._safely(self._take, chunk)

    def close(self) -> Any:
        """Return what is still held, redacted. Closing twice returns nothing more.

        What is fed afterwards is another text.

        Returns:
            Text of the type that was fed, a string when nothing was.
        """
        rest = self._safely(self._finish, b"")
        self._start()
        return rest if self._binary else _text(rest)

    def _safely(self, work: Callable[[bytes], bytes], chunk: bytes) -> bytes:
        """Do one step; where it fails, nothing more comes out."""
        if self._over:
            return b""
        try:
            return work(chunk)
        except Exception as error:
            self._start()
            self._over = True
            if isinstance(error, RawSecretFound):
                raise
            _log.warning("a stream was withheld: %s", type(error).__name__)
            return NAMELESS.encode()

    def _finish(self, chunk: bytes) -> bytes:
        held = self._joined() + chunk
        return self._look(held, final=True) if held else b""

    def _take(self, chunk: bytes) -> bytes:
        self._size += len(chunk)
        if self._due:
            self._more.append(chunk)
            if self._waits(chunk):
                return b""
            chunk = self._joined()
        elif self._held:
            chunk = self._held + chunk
        if not chunk:
            return b""
        at, needs_look = self._glance.first(chunk, self._before)
        if needs_look:
            return self._look(chunk)
        if not chunk.isascii():
            at = before_open_character(chunk, at)
        return self._pass(chunk, at, chunk[:at])

    def _waits(self, chunk: bytes) -> bool:
        """Tell whether there is no need to look again yet, so long texts cost less."""
        if self._until is not None:
            held = self._tail + chunk
            self._tail = held[-_LONGEST_END:]
            if self._until.search(held):
                self._until = None
                return False
        if self._size < self._due:
            return True
        if self._until is not None:
            self._shorten(self._joined())
            return True
        return False

    def _joined(self) -> bytes:
        if self._more:
            self._held = b"".join([self._held, *self._more])
            self._more = []
        return self._held

    def _look(self, held: bytes, *, final: bool = False) -> bytes:
        out, cut = self._certain(held, final=final)
        out = self._pass(held, cut, out)
        if self._held:
            self._wait_for_end()
        return out

    def _certain(self, held: bytes, *, final: bool) -> tuple[bytes, int]:
        before = Before(_last(self._before.fed), _last(self._before.shown))
        spans, cut = self._looker.look(held, before, final=final)
        if self._gap is not None:
            spans, cut = self._mind_the_gap(spans, cut, len(held), final=final)
        return self._guard.splice(held[:cut], spans), cut

    def _mind_the_gap(
        self, spans: list[Span], cut: int, size: int, *, final: bool
    ) -> tuple[list[Span], int]:
        """Withhold what stands around the forgotten middle, unless it is one value."""
        gap = self._gap or 0
        if any(span.start < gap < span.end for span in spans):
            return spans, cut
        unsure = min(gap + self._lookout.awaited().longest, size)
        if cut < unsure and not final:
            return [], 0
        return merge([*spans, Span(0, unsure, None)]), cut

    def _pass(self, held: bytes, cut: int, out: bytes) -> bytes:
        """Let text go and keep the last of it as context of what is held."""
        if cut:
            self._remember(held[:cut], out)
        self._held = held[cut:]
        self._size = size = len(self._held)
        self._due = 0
        if size > _LARGE:
            self._due = size + (size >> 3)
            self._shorten(self._held)
        return out

    def _remember(self, passed: bytes, out: bytes) -> None:
        """Keep the last of what went before, as it was fed and as it came out."""
        self._gap = None
        before = self._before
        fed = _grown(before.fed, passed)
        if before.fed is before.shown and passed == out:
            before.fed = before.shown = fed
            return
        before.fed, before.shown = fed, _grown(before.shown, out)
        if _last(fed) == _last(before.shown):
            before.shown = fed

    def _wait_for_end(self) -> None:
        """Look no more at an open-ended credential until its end comes."""
        self._until = self._lookout.swallows(self._held)
        if self._until is not None:
            self._due = max(self._due, 2 * self._most())
            self._tail = self._held[-_LONGEST_END:]

    def _most(self) -> int:
        return _MOST_HELD + self._lookout.awaited().longest

    def _shorten(self, held: bytes) -> None:
        """Forget the middle of what is held for too long: it ends as one marker."""
        most = self._most()
        if len(held) > 2 * most:
            self._held = held[:most] + held[-most:]
            self._gap = most
            self._size = len(self._held)
            self._due = 0
        self._due = max(self._due, self._size + (self._size >> 3))


def _grown(context: bytes, text: bytes) -> bytes:
    context += text
    return context if len(context) <= 2 * _CONTEXT else _last(context)


def _last(text: bytes) -> bytes:
    """Keep the last of a text, with no edge where it is cut that it did not have.

    Nor with the end of a name, which may say what the whole name does not.
    """
    if len(text) <= _CONTEXT:
        return text
    last = text[-_CONTEXT + len(_NO_EDGE) :]
    name = _name_in(last)
    if name and name.end() < len(last):
        last = b"x" * name.end() + last[name.end() :]
    return _NO_EDGE + last


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
