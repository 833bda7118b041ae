"""Kingfisher's engine and rules as one more row; needs the extra `detect`."""

from __future__ import annotations

import functools
import importlib
import re
from typing import TYPE_CHECKING, Any, Literal

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.detectors import Detector
from langchain_tyrum.redaction.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Iterator

Confidence = Literal["low", "medium", "high"]
#: What a stream holds back: longer findings may come out otherwise than in one text.
_REACH = 1024
_CATALOG = re.compile(r"^(?:kingfisher|betterleaks|veles\.secrets)[./]|\.\d+$")


def kingfisher(*, confidence: Confidence = "medium", cache: bool = True) -> Detector:
    """Return the row that finds what Kingfisher's rules find.

    Beside the built-in rows it adds some 300 services whose keys have no prefix, at
    the cost of a second pass over each text and of seconds at the first text, when
    the rules are compiled. Nothing leaves the process: credentials are not validated.

    Example:
        `Redactor(detectors=[*DETECTORS, kingfisher()])`

    Args:
        confidence: The least confidence of the rules that are used.
        cache: Whether the compiled rules, no texts, are kept in the user's cache
            folder, which makes later processes start faster.

    Returns:
        A row, the same one for the same arguments.

    Raises:
        ConfigError: The extra is not installed.
    """
    return _row(confidence, cache)


@functools.lru_cache(maxsize=8)
def _row(confidence: Confidence, cache: bool) -> Detector:  # noqa: FBT001
    return Detector(
        name="kingfisher",
        kind="credential",
        max_length=_REACH,
        source="https://github.com/mongodb/kingfisher",
        finder=_Finder(confidence, cache=cache),
    )


class _Finder:
    """Finds by the rules of the wheel; they are compiled for the first text."""

    def __init__(self, confidence: Confidence, *, cache: bool) -> None:
        try:
            self._sdk: Any = importlib.import_module("kingfisher_sdk")
        except ImportError:
            self._sdk = None
        if self._sdk is None:
            raise ConfigError(
                "kingfisher() needs the extra `detect`: "
                "pip install 'langchain-tyrum[detect]'"
            )
        self._confidence = confidence
        self._cache = cache

    @lazy
    def _scanner(self) -> Any:
        rules = self._sdk.Rules(confidence=self._confidence, cache=self._cache)
        return self._sdk.Scanner(rules)

    def __call__(self, data: bytes) -> Iterator[tuple[int, int, str]]:
        for finding in self._scanner.scan(data):
            if finding.visible:
                start, end = _place(finding, data)
                yield start, end, _CATALOG.sub("", finding.rule_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(confidence={self._confidence!r})"


def _place(finding: Any, data: bytes) -> tuple[int, int]:
    """Say where a finding stands; all of the text when the engine read another one.

    It decodes what looks like UTF-16, and its offsets are then not ours.
    """
    where = finding.location
    start, end = where["start_offset"], where["end_offset"]
    secret = finding.secret.encode("utf-8", "surrogatepass")
    if finding.is_base64_encoded:
        same = 0 <= start < end <= len(data)
    else:
        same = data[start:end] == secret
    return (start, end) if same else (0, len(data))
