"""Looks into stored values, and writes them anew with markers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.state import compat
from langchain_tyrum.state.guard import NAMELESS, Guard
from langchain_tyrum.state.scanning.report import ScanFinding, ScanReport
from langchain_tyrum.state.scanning.texts import UNREADABLE, WHOLE, look_at_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.checkpoint.serde.base import SerializerProtocol

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.findings import Finding

_MOST = 10_000
#: Parts of a checkpoint in which names stand as keys; they are not rewritten.
_NAMED = ("channel_versions", "versions_seen", "updated_channels")
_EMPTY = ("", "null", "empty", None)
_INSIDE = re.compile(r"\.payload\[2\]")


class Examiner:
    """Counts what it finds, and says what is to be written instead.

    Args:
        redactor: Knows the values.
        serde: Reads what is encrypted, pickled, or of another make.
        repair: Whether anything is to be written.
        progress: Is told how many rows were read.
    """

    def __init__(
        self,
        redactor: Redactor,
        *,
        serde: SerializerProtocol | None = None,
        repair: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.repair = repair
        self._redactor = redactor
        self._guard = Guard((redactor,))
        self._serde = serde
        self._progress = progress
        self._findings: list[ScanFinding] = []
        self.found = self._repaired = self._rows = 0

    def report(self) -> ScanReport:
        """Return what was found so far."""
        return ScanReport(tuple(self._findings), self.found, self._repaired, self._rows)

    def row(self) -> None:
        """Count a row."""
        self._rows += 1
        if self._progress is not None:
            self._progress(self._rows)

    def place(self, table: str, **where: Any) -> ScanFinding:
        """Name a place; ids that hold a value are shown with markers."""
        shown: dict[str, Any] = {
            key: self._shown(str(each))
            for key, each in where.items()
            if each is not None
        }
        return ScanFinding(table=table, **shown)

    def _shown(self, text: str) -> str:
        return self.cleaned(text) or (text and NAMELESS)

    def holds(self, data: bytes) -> bool:
        """Say whether bytes hold a registered value."""
        return self._guard.holds(data, "a file")

    def scan(self, obj: Any) -> list[Finding]:
        """Tell where values stand."""
        return self._redactor.scan(obj)

    def cleaned(self, obj: Any) -> Any | None:
        """Return `obj` with markers in place of values; None when that cannot be."""
        try:
            return self._guard.clean(obj, "a row")
        except RawSecretFound:  # it cannot be searched, or shapes are refused
            return None

    def left(self, table: str) -> None:
        """Note a value in what no row uses."""
        self.note(self.place(table), [WHOLE], repaired=False)

    def keys(self, place: ScanFinding, columns: dict[str, Any]) -> None:
        """Look at what keys a row: it can be reported, not rewritten."""
        for column, value in columns.items():
            found = self._redactor.scan(str(value)) if value not in ("", None) else []
            self.note(place, found, column=column, repaired=False)

    def value(
        self, place: ScanFinding, obj: Any, *, names: tuple[str, ...] = ()
    ) -> Any:
        """Look into plain data or an object.

        Args:
            place: Where it stands.
            obj: What stands there.
            names: Of channels, when their values are listed in it.

        Returns:
            What is to be written instead, or None.
        """
        found = self._redactor.scan(obj)
        if not found:
            return None
        cleaned = self.cleaned(obj) if self.repair else None
        fixed = cleaned is not None and not self._redactor.scan(cleaned)
        self.note(place, found, repaired=fixed, names=names)
        return cleaned if fixed else None

    def checkpoint(self, place: ScanFinding, checkpoint: Any) -> Any:
        """Look into a checkpoint, in which the names of channels and nodes stay."""
        values = isinstance(checkpoint, dict) and checkpoint.get("channel_values", {})
        if not isinstance(values, dict):
            return self.value(place, checkpoint)
        named = {key: checkpoint.get(key) for key in _NAMED} | {"": list(values)}
        found = self._redactor.scan(named)
        self.note(place, found, column="names", repaired=False)
        rest = {k: v for k, v in checkpoint.items() if k not in _NAMED}
        rest["channel_values"] = list(values.values())
        cleaned = self.value(place, rest, names=tuple(map(str, values)))
        if cleaned is None:
            return None
        values = dict(zip(values, cleaned["channel_values"], strict=True))
        new = {**checkpoint, **cleaned, "channel_values": values}
        return {key: new[key] for key in checkpoint}

    def typed(
        self, place: ScanFinding, kind: str, data: bytes, *, whole: bool = False
    ) -> tuple[str, bytes] | None:
        """Look into what a serializer wrote.

        Args:
            place: Where it stands.
            kind: What the serializer called it.
            data: Its bytes.
            whole: It is a checkpoint.

        Returns:
            What is to be written instead, or None.
        """
        try:
            if kind in _EMPTY:
                if data and self.holds(data):
                    self.note(place, [WHOLE], repaired=False)
                return None
            base, _, cipher = kind.partition("+")
            raw = self._decrypted(cipher, data) if cipher else data
            new = self._rewritten(place, base, raw, whole=whole)
            if new is None or not cipher:
                return None if new is None else (base, new)
            name, data = self._encrypting().cipher.encrypt(new)
            return f"{base}+{name}", data
        except Exception:  # noqa: S110 - what cannot be read is reported, not shown
            pass
        self.note(place, [UNREADABLE], repaired=False)
        return None

    def _encrypting(self) -> EncryptedSerializer:
        if not isinstance(self._serde, EncryptedSerializer):
            raise TypeError("no serializer was given that can decrypt it")
        return self._serde

    def _decrypted(self, cipher: str, data: bytes) -> bytes:
        return self._encrypting().cipher.decrypt(cipher, data)

    def _rewritten(
        self, place: ScanFinding, kind: str, raw: bytes, *, whole: bool
    ) -> bytes | None:
        if kind == "json":
            return look_at_json(self, place, raw, whole=whole)
        before = self.found
        loads, dumps = self._codec(kind)
        cleaned = (self.checkpoint if whole else self.value)(place, loads(raw))
        new: bytes | None = None if cleaned is None else dumps(cleaned)
        held = self.holds(raw if new is None else new)
        if held and (before == self.found or new is not None):
            self.note(place, [WHOLE], repaired=False)  # no walk reaches it
        return new

    def _codec(self, kind: str) -> tuple[Callable[[bytes], Any], Callable[[Any], Any]]:
        if kind == "msgpack":
            return compat.decode, compat.encode
        if kind in ("bytes", "bytearray"):
            return bytes, bytes
        serde = self._serde
        if isinstance(serde, EncryptedSerializer):
            serde = serde.serde
        if serde is None:
            raise TypeError("no serializer was given that can read it")
        return (
            lambda raw: serde.loads_typed((kind, raw)),
            lambda obj: serde.dumps_typed(obj)[1],
        )

    def note(
        self,
        place: ScanFinding,
        found: list[Finding],
        *,
        repaired: bool,
        column: str = "",
        names: tuple[str, ...] = (),
    ) -> None:
        """Count what was found, and keep the first of it.

        Args:
            place: Where it stands.
            found: What was found there.
            repaired: Whether markers stand there now.
            column: The column, where that is not told by the place.
            names: Of channels, when their values are listed in what was searched.
        """
        self.found += len(found)
        self._repaired += len(found) if repaired else 0
        for each in found[: _MOST - len(self._findings)]:
            path = _INSIDE.sub("", each.path)
            path = _with_name(path, names) if names else path
            self._findings.append(
                ScanFinding(
                    table=place.table,
                    thread=place.thread,
                    checkpoint=place.checkpoint,
                    channel=column or place.channel,
                    path=self._shown(path),
                    name=each.name,
                    rule=each.rule,
                    encoding=each.encoding,
                    repaired=repaired,
                )
            )


def _with_name(path: str, names: tuple[str, ...]) -> str:
    """Name the channel that a path leads through, instead of its number."""
    match = re.match(r"channel_values\[(\d+)\]", path)
    if match is None:
        return path
    return f"channel_values.{names[int(match[1])]}{path[match.end() :]}"
