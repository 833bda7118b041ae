"""What shells, markup and needless escapes make of a text."""

from __future__ import annotations

import re
import shlex
from itertools import groupby
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.copies import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONTROLS = {code: f"\\{code:03o}" for code in (*range(32), 127)}
_NAMED = {
    ord(char): f"\\{name}"
    for char, name in zip("\a\b\t\n\v\f\r\x1b", "abtnvfrE", strict=True)
}
#: Between `$'` and `'`, as Bash writes what cannot be shown; in the C locale, this is
#: everything that is not ASCII.
_ANSI = {**_CONTROLS, **_NAMED, ord("\\"): "\\\\", ord("'"): "\\'"}
_ANSI_C = {**_ANSI, **{code: f"\\{code:03o}" for code in range(128, 256)}}
_BASH = {ord(char): f"\\{char}" for char in " !\"$&'()*,;<>?[\\]^`{|}"}
_OTHER_SHELLS = "_-./:=@%+,\n"
#: Whatever some shell quotes, and what markup escapes: few values hold any of it.
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@%+-]*")
_MARKED = re.compile(r"[&<>\"'\t\n\r]")
#: How `&`, `<`, `>`, `"` and `'` are written, by who writes them so.
_MARKUP: tuple[tuple[str, Mapping[int, str]], ...] = tuple(
    (
        name,
        {ord(char): text for char, text in zip("&<>\"'", texts.split(), strict=True)},
    )
    for name, texts in (
        ("html", "&amp; &lt; &gt; \" '"),
        ("html", "&amp; &lt; &gt; &quot; &#x27;"),
        ("html", "&amp; &lt; &gt; &quot; &#39;"),
        ("html", "&amp; &lt; &gt; &#34; &#39;"),
        ("html", "&amp; &lt; &gt; &quot; &#039;"),
        ("xml", "&amp; &lt; &gt; &quot; &apos;"),
        ("xml", "&amp; &lt; &gt; &quot; '"),
        ("xml", "&amp; &lt; > &quot; '"),
        ("xml", "&amp; &lt; > \" '"),
    )
)
_QUOTED = _MARKUP[6][1]
#: Where a run of escapes is undone at all, so much of it shows that it is.
_ENOUGH = 16
_ATTRIBUTE = {9: "&#9;", 10: "&#10;", 13: "&#13;"}
_PADDED = {**_ATTRIBUTE, 9: "&#09;"}


def shell_forms(text: str) -> Iterator[str]:
    """Yield a text as shells quote it, without the quotes around all of it."""
    if _PLAIN.fullmatch(text):
        return
    yield shlex.quote(text).strip("'")
    yield text.replace("'", "'\\''")
    yield _dash(text)
    yield "".join("\\" + c if c in '\\"$`' else c for c in text)
    yield "".join("\\" + c if c in '\\"$`!' else c for c in text)
    yield "".join(c if _is_safe(c) else "\\" + c for c in text)
    # what Bash escapes at the beginning only is found without the backslash
    yield text.translate(_BASH).replace(":~", ":\\~").replace("=~", "=\\~")
    yield text.translate(_ANSI)
    yield text.encode("utf-8", "surrogatepass").decode("latin-1").translate(_ANSI_C)


def _dash(text: str) -> str:
    """Write apostrophes in a row between one pair of quotes."""
    return "".join(
        f"'\"{''.join(run)}\"'" if quoted else "".join(run)
        for quoted, run in groupby(text, "'".__eq__)
    )


def _is_safe(char: str) -> bool:
    return char.isalnum() or char in _OTHER_SHELLS or not char.isascii()


def markup_forms(text: str) -> Iterator[tuple[str, str]]:
    """Yield a text as it stands in HTML and XML, and which of them it is."""
    if _MARKED.search(text):
        for name, table in _MARKUP:
            yield text.translate(table), name
        quoted = text.translate(_QUOTED)
        yield quoted.translate(_ATTRIBUTE), "xml"
        yield quoted.translate(_PADDED), "xml"
    if not text.isascii() and not any("\ud800" <= char <= "\udfff" for char in text):
        yield text.encode("ascii", "xmlcharrefreplace").decode(), "xml"


def needless_forms(text: str) -> Iterator[tuple[str, str]]:
    """Yield a text with every character escaped, where a copy does not undo that.

    A copy of a text has runs of escapes undone that begin with ASCII ones. Passwords
    in other scripts may have few of these, or have them late.
    """
    if text.isascii() and text.isprintable():
        return
    paired = any(char > "\uffff" for char in text)
    if not paired and all(_is_undone(form) for form, _ in _all_escaped(text[:_ENOUGH])):
        return
    for form, name in _all_escaped(text):
        if (paired and form.startswith("\\u")) or not _is_undone(form):
            yield form, name


def _is_undone(form: str) -> bool:
    run = STRICT.match(form.encode())
    return run is not None and run.end() == len(form)


def _all_escaped(text: str) -> Iterator[tuple[str, str]]:
    data = text.encode("utf-8", "surrogatepass")
    units = text.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    codes = list(map(ord, text))
    for digits in ("x", "X"):
        pairs = [f"{byte:02{digits}}" for byte in data]
        hexes = units if digits == "x" else list(map(str.upper, units))
        yield "".join(f"\\u{unit}" for unit in hexes), "json"
        yield "".join(f"\\x{pair}" for pair in pairs), "repr"
        yield "".join(f"%{pair}" for pair in pairs), "percent"
        yield "".join(f"&#x{code:{digits}};" for code in codes), "xml"
    yield "".join(f"&#{code};" for code in codes), "xml"
