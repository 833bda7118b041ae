"""Which texts are distinct enough to be looked for: registration is no weapon.

Whoever may register a value could register `assistant` or `-----BEGIN PRIVATE
KEY-----` and have every guard tear up ordinary text. Such values are refused, and
forms like them are left out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import WeakSecret
from langchain_tyrum.handles import SCHEME
from langchain_tyrum.redaction.markers import MARKER, is_piece
from langchain_tyrum.redaction.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_VALUE = 8
MIN_SHORT = 3
MIN_FORM = 6
_MIN_LINE = 8
_MIN_MEMBER = 16
_PEM_EDGE = re.compile(r"\s*-{3,5}\s?(BEGIN|END) [A-Z0-9 ]+-{3,5}\s*")
_BETWEEN_WORDS = re.compile(r"""[\s"'`:,;=()\[\]{}<>\\]+""")
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]*")
_SECRET_MEMBER = re.compile(r"(?i)key|secret|token|passw|passphrase|credential")


def check_value(name: str, text: str, *, allow_short: bool) -> None:
    """Refuse a value that cannot be told from ordinary text.

    Args:
        name: The secret's name, for the message.
        text: The value.
        allow_short: Whether 3 to 7 characters are accepted (then as whole words).

    Raises:
        WeakSecret: The value is too short or too common; it is not repeated.
    """
    bare = text.strip()
    if len(bare) < (MIN_SHORT if allow_short else MIN_VALUE):
        mend = f"at least {MIN_SHORT}" if allow_short else "or pass allow_short=True"
        reason = f"has {len(bare)} characters: use {MIN_VALUE} or more, {mend}"
    elif MARKER.search(bare) or bare.startswith(SCHEME):
        reason = "is a redaction marker or a handle: pass the raw value"
    elif is_common(bare):
        reason = "is an ordinary word or bare punctuation: use a random value"
    else:
        return
    raise WeakSecret(f"the value of {name!r} {reason}", handle=name)


def spelled(value: bytes) -> str:
    """Write a value as text; one that is no text in hexadecimal."""
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return value.hex()


def is_common(text: str) -> bool:
    """Tell whether a text is too common to be looked for."""
    bare = text.strip()
    words = [word for word in _BETWEEN_WORDS.split(bare.lower()) if word]
    return (
        bare.lower().strip("\"':,") in VOCABULARY
        or VOCABULARY.issuperset(words)
        or len(set(bare)) < 3
        or _NO_LETTER_OR_DIGIT.fullmatch(bare) is not None
        or _PEM_EDGE.fullmatch(bare) is not None
        or is_piece(bare)
    )


def is_form(form: bytes) -> bool:
    """Tell whether a derived form is distinct enough to be looked for."""
    return len(form) >= MIN_FORM and not is_common(spelled(form))


def lines_of(text: str) -> Iterator[str]:
    """Yield the lines of a multi-line value that give it away by themselves."""
    if "\n" not in text or _as_object(text) is not None:
        return
    for line in map(str.strip, text.splitlines()):
        spaced = any(map(str.isspace, line))
        if len(line) >= (2 * _MIN_LINE if spaced else _MIN_LINE):
            yield line


def members_of(text: str) -> Iterator[str]:
    """Yield the secret members of a value that is a JSON object, with their lines.

    A service account file holds public members too (`auth_uri`, `type`): those
    must stay readable elsewhere.
    """
    stack = [_as_object(text)]
    while stack:
        for key, member in (stack.pop() or {}).items():
            if isinstance(member, dict):
                stack.append(member)
            elif (
                isinstance(member, str)
                and len(member) >= _MIN_MEMBER
                and _SECRET_MEMBER.search(key)
                and not member.startswith("http")
            ):
                yield member
                yield from lines_of(member)


def _as_object(text: str) -> dict[str, Any] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
