"""What begins a form: a stream holds back text that may yet become one."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD = 4


class Beginnings:
    """Forms, by what they begin with. Immutable once built."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self.forms = tuple(dict.fromkeys(forms))

    def __len__(self) -> int:
        return len(self.forms)

    def begins(self, text: bytes) -> bool:
        """Tell whether some form begins with `text` and goes on after it."""
        if text[:_HEAD] not in self.heads:
            return False
        forms = self._sorted
        at = bisect_left(forms, text)
        if at < len(forms) and forms[at] == text:
            at += 1
        return at < len(forms) and forms[at].startswith(text)

    @lazy
    def _sorted(self) -> list[bytes]:
        return sorted(self.forms)

    @lazy
    def heads(self) -> frozenset[bytes]:
        """The first one to four bytes of every form."""
        return frozenset(
            form[:size] for form in self.forms for size in range(1, _HEAD + 1)
        )
