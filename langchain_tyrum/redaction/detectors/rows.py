"""A detector is a row of data: what a kind of credential looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

Finder = Callable[[bytes], Iterable[tuple[int, int, str]]]

_ALPHABETS = {
    "a": "k7Qm2ZpX9wRt4VbN8cJh5LsD3fGy6HaT",
    "h": "3f9c07be51a8d246",
    "l": "k7qm2zpx9wrt4vbn8cjh5lsd3fgy6hae",
    "u": "K7QM2ZPX4WRT5VBN6CJH",
    "d": "7302951846",
}
_RUN = re.compile(r"<([ahlud])(\d+)>")

#: Where a token may begin: after no letter or digit, except those of an escape or of
#: an ANSI color code such as `[0;31m` or `[K`.
LEFT = (
    r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-F]{2})|(?<=\\u00[0-9a-f]{2})|"
    r"(?<=[0-9;\[][mK]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    r"""What one kind of credential looks like.

    Attributes:
        name: Unique name of the row.
        kind: What the marker says: `[REDACTED:<kind>]`.
        pattern: A regular expression over ASCII text (matched on UTF-8 bytes). Group
            1, or the whole match where there is none, is the credential.
        keywords: Lower-case literals of which each match holds at least one. Only
            patterns that do not begin with a literal profit from them.
        max_length: No match is longer. Of one that goes on, a stream keeps its first
            and last 16 KB; it ends as one marker all the same.
        ends: Swallow rule for open-ended credentials: everything from the match to
            the end of this expression is the credential, or to the end of the text.
        source: Where the shape is documented.
        positive: Examples that are found; `<a20>` stands for 20 letters and digits,
            `<h20>` hexadecimal, `<l20>` lower case and digits, `<u20>` upper case
            and digits, `<d20>` digits.
        negative: Examples that are left alone.
        finder: What finds (start, end, kind) of each match in UTF-8 text, in place
            of the pattern, which is then left empty. A stream holds back
            `max_length` bytes for it.
    """

    name: str
    kind: str
    pattern: str = ""
    keywords: tuple[str, ...] = ()
    max_length: int = 512
    ends: str | None = None
    source: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    finder: Finder | None = None

    def __post_init__(self) -> None:
        if bool(self.pattern) == bool(self.finder):
            raise ValueError(f"detector {self.name!r} needs a pattern or a finder")


def spell(template: str) -> str:
    """Write out an example: `ghp_<a36>` becomes a token of that shape."""

    def run(match: re.Match[str]) -> str:
        alphabet, size = _ALPHABETS[match[1]], int(match[2])
        return (alphabet * (size // len(alphabet) + 1))[:size]

    return _RUN.sub(run, template)


def token(
    kind: str,
    pattern: str,
    *positive: str,
    source: str,
    negative: str,
    max_length: int = 512,
) -> Detector:
    """Write the row of a token that its prefix gives away.

    Args:
        kind: Name and kind of the row.
        pattern: The token, prefix first.
        positive: Examples.
        source: Where the shape is documented. `kingfisher: x` is rule x of the
            catalog that the wheel kingfisher-secret-scanner 1.5 carries;
            `trufflehog: x` is detector x of github.com/trufflesecurity/trufflehog,
            where a provider publishes no format.
        negative: One example that is left alone.
        max_length: No match is longer.

    Returns:
        The row.
    """
    return Detector(
        name=kind,
        kind=kind,
        pattern=LEFT + pattern,
        max_length=max_length,
        source=source,
        positive=positive,
        negative=(negative,),
    )
