r"""The forms in which a value travels: escaped, encoded, wrapped, reversed.

Most forms whose every character is escaped (`\u0041`, `%41`, `&#65;`, `41:42:`), and
values broken up by NUL, zero-width characters or line wraps, are not listed here:
`copies` undoes those at scan time, whatever the value.
"""

from __future__ import annotations

import base64
import json
import unicodedata
import urllib.parse
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.quoting import (
    markup_forms,
    needless_forms,
    shell_forms,
)
from langchain_tyrum.redaction.secretive import lines_of, members_of

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A form and the name of its encoding.
Form = tuple[bytes, str]
_URLSAFE = bytes.maketrans(b"+/", b"-_")
_JS_COMPONENT = "!'()*"
_JS_URI = ";,/?:@&=+$-_.!~*'()#"


def derived_forms(value: bytes) -> dict[bytes, str]:
    """List every form of a value that is looked for, with its encoding's name.

    Args:
        value: The value, text as UTF-8 (lone surrogates passed through).

    Returns:
        Form to encoding; the first encoding that yields a form names it.
    """
    forms: dict[bytes, str] = {}
    for form, encoding in _all_forms(value):
        forms.setdefault(form, encoding)
    return forms


def _all_forms(value: bytes) -> Iterator[Form]:
    yield value, "raw"
    text = _as_text(value)
    if text is not None:
        yield from _text_forms(text)
    yield repr(value)[2:-1].encode(), "repr"
    yield value[::-1], "reversed"
    yield value.hex().encode(), "hex"
    yield value.hex().upper().encode(), "hex"
    yield base64.b32encode(value).rstrip(b"="), "base32"
    yield from _base64_forms(value)
    yield from _percent_forms(value)


def _as_text(value: bytes) -> str | None:
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text_forms(text: str) -> Iterator[Form]:
    for spelling, encoding in _spellings(text):
        yield _utf8(spelling), encoding
        for escaped, how in _escaped(spelling):
            yield _utf8(escaped), how
    yield _utf8(text[::-1]), "reversed"
    # beside a marker, a value that begins or ends with a bracket would come about
    # from what is left: look for it without the bracket too
    yield _utf8(text.lstrip("]").rstrip("[")), "raw"
    if not text.isascii():
        for codec in ("utf-16-le", "utf-16-be"):
            yield text.encode(codec, "surrogatepass"), "utf-16"
    for line in lines_of(text):
        yield _utf8(line), "line"
        yield _utf8(json.dumps(line)[1:-1]), "line"
    for member in members_of(text):
        yield _utf8(member), "member"
        yield _utf8(json.dumps(member)[1:-1]), "member"


def _spellings(text: str) -> Iterator[tuple[str, str]]:
    yield text, "raw"
    if not text.isascii():
        yield unicodedata.normalize("NFC", text), "nfc"
        yield unicodedata.normalize("NFD", text), "nfd"
    if "\n" in text:
        unix = text.replace("\r\n", "\n")
        yield unix, "lf"
        yield unix.replace("\n", "\r\n"), "crlf"
        yield unix.replace("\n", ""), "joined"
        yield unix.replace("\n", " "), "joined"


def _escaped(text: str) -> Iterator[tuple[str, str]]:
    """Yield what quoting, as done by serializers and shells, makes of a text."""
    plain, ascii_only = _json(text, ascii_only=False), _json(text, ascii_only=True)
    yield plain, "json"
    yield ascii_only, "json"
    yield ascii_only.replace("/", "\\/"), "json"
    yield _json(plain, ascii_only=False), "json-twice"
    yield _json(ascii_only, ascii_only=True), "json-twice"
    yield repr(text)[1:-1], "repr"
    yield _json(repr(text)[1:-1], ascii_only=True), "repr"
    yield ascii(text)[1:-1], "repr"
    yield text.replace("\\", "\\\\").replace("'", "\\'"), "repr"
    yield from markup_forms(text)
    for form in shell_forms(text):
        yield form, "shell"
    yield from needless_forms(text)
    yield text.replace("'", "''"), "sql"


def _json(text: str, *, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _cores(data: bytes) -> Iterator[bytes]:
    """Yield what is certain of a value in base64 at each of the three alignments."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data)
        yield encoded[-(-8 * shift // 6) : (8 * (shift + len(data))) // 6]


def _base64_forms(value: bytes) -> Iterator[Form]:
    whole = base64.b64encode(value)
    for form in (*_cores(value), whole.rstrip(b"="), whole):
        yield form, "base64"
        yield form.translate(_URLSAFE), "base64url"
    for inner in {whole, whole.translate(_URLSAFE)}:
        # the text in which the outer base64 begins is not listed at all alignments:
        # that would be two more patterns a value for a rare case
        yield next(_cores(inner.rstrip(b"=")[:-1])), "base64-twice"
        yield base64.b64encode(inner), "base64-twice"


def _percent_forms(value: bytes) -> Iterator[Form]:
    for safe in ("", "/", _JS_COMPONENT, _JS_URI):
        once = urllib.parse.quote(value, safe=safe)
        twice = urllib.parse.quote(once, safe=safe)
        yield once.encode(), "percent"
        yield _lower_escapes(once).encode(), "percent"
        yield twice.encode(), "percent-twice"
        yield _lower_escapes(twice).encode(), "percent-twice"
        yield (
            urllib.parse.quote(_lower_escapes(once), safe=safe).encode(),
            ("percent-twice"),
        )
    plus = urllib.parse.quote_plus(value)
    yield plus.encode(), "percent-plus"
    yield _lower_escapes(plus).encode(), "percent-plus"


def _lower_escapes(text: str) -> str:
    head, *rest = text.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
