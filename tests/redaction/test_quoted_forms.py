"""Values as shells and markup quote them, and with every character escaped."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from xml.sax import saxutils

import pytest

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.encodings import derived_forms

SHELLED = [
    "kQ7#x9!Zp2@mV4&w",
    "Zq9xK2,pLm4vW8",
    "Zq9xK2~pLm4vW8^a",
    "#Zq9,xK2=~pLm:~v~W8",
    "pa$$w0rd!xyz",
    "a'b\"c\\d<e>&f$g`h9",
    "it''s-'''-Zq9",
    "two words (9) {x} [y] *?",
    "ab\tcd\x07ef\x1bgh\x01-9",
    "line-one-Zq9\nline-'two'-Xw8",
    "pässwörd-ßéñ-Zq9",
    "pässwörd\tß'\\éñ-Zq9",
]
COMMANDS = {
    "bash": ['printf %q "$V"', "declare -p V", "export -p", "set", 'echo "${V@Q}"'],
    "dash": ["export -p", "set"],
}
CASES = [(shell, command) for shell, each in COMMANDS.items() for command in each]

MIXED = [
    "пароль-секрет-77",
    "秘密のパスワード鍵123",
    "日本語pass2024",
    "🔑key🔒secret9",
    "ключик7я",
    "ab\tcd\nef\rgh-9",
    "pässwörd-ßéñ-Zq9",
]


def _units(text):
    return text.encode("utf-16-be").hex(" ", 2).split()


ESCAPES = {
    "json": lambda v: "".join(f"\\u{unit}" for unit in _units(v)),
    "json, upper case": lambda v: "".join(f"\\u{unit.upper()}" for unit in _units(v)),
    "decimal": lambda v: "".join(f"&#{ord(char)};" for char in v),
    "hexadecimal": lambda v: "".join(f"&#x{ord(char):x};" for char in v),
    "hexadecimal, upper case": lambda v: "".join(f"&#x{ord(char):X};" for char in v),
    "percent": lambda v: "".join(f"%{byte:02X}" for byte in v.encode()),
    "percent, lower case": lambda v: "".join(f"%{byte:02x}" for byte in v.encode()),
    "bytes": lambda v: "".join(f"\\x{byte:02x}" for byte in v.encode()),
    "bytes, upper case": lambda v: "".join(f"\\x{byte:02X}" for byte in v.encode()),
    "ascii()": lambda v: ascii(v)[1:-1],
}

QUOTED = "a'b\"c\\d<e>&f$g`h9"


def _element(value):
    return ET.tostring(ET.Element("a", b=value)).decode()


MARKUP = {
    "ElementTree": _element,
    "saxutils": saxutils.quoteattr,
    "saxutils, text": saxutils.escape,
    "html": html.escape,
    "html, text": lambda v: html.escape(v, quote=False),
    "PHP": lambda v: html.escape(v).replace("&#x27;", "&#039;"),
    "MarkupSafe": lambda v: (
        html.escape(v).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    ),
    "canonical XML": lambda v: (
        html.escape(v, quote=False).replace("&gt;", ">").replace('"', "&quot;")
    ),
    "least": lambda v: html.escape(v, quote=False).replace("&gt;", ">"),
}


def _knowing(value):
    redactor = Redactor(detectors=[])
    redactor.register("name", value)
    return redactor


def _shown(value, text):
    """Redact in one piece and one character at a time, and show what both give."""
    redactor = _knowing(value)
    whole = redactor.redact_text(text)
    with redactor.stream() as stream:
        assert whole == "".join(map(stream.feed, text)) + stream.close()
    return whole


@pytest.mark.parametrize(("shell", "command"), CASES)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_what_shells_print_holds_no_value(shell, command, locale):
    """What the real shell prints of a variable in its own quoting is hidden."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    for value in SHELLED:
        done = subprocess.run(
            [program, "-c", command],
            env={"V": value, "LC_ALL": locale},
            capture_output=True,
            check=True,
        )
        shown = _knowing(value).redact_text(done.stdout.decode())
        assert "[REDACTED:name]" in shown, value
        assert value[:4] not in shown, value
        assert value[-4:] not in shown, value


class TestEveryCharacterEscaped:
    @pytest.mark.parametrize("how", ESCAPES)
    @pytest.mark.parametrize("value", MIXED)
    def test_values_in_several_scripts_are_hidden(self, value, how):
        """Escaped throughout, ASCII too, a value is hidden in a text and a stream."""
        text = f"see {ESCAPES[how](value)} there"
        assert "see [REDACTED:name] there" == _shown(value, text)

    def test_what_copies_undo_is_no_form(self):
        """No memory is spent on escapes that are undone in the text."""
        for value in ("Zq7-canary_Value.93x", "-----BEGIN X-----\nQUJDREVG\n-----END"):
            escaped = {ESCAPES[how](value).encode() for how in ESCAPES}
            plain = {json.dumps(value)[1:-1].encode(), value.encode()}
            assert not (escaped - plain) & derived_forms(value.encode()).keys()


class TestMarkup:
    @pytest.mark.parametrize("how", MARKUP)
    @pytest.mark.parametrize("value", [QUOTED, "tab\tand\nline<'\"&9>"])
    def test_quotes_in_markup_are_hidden(self, value, how):
        """Whichever of the quotes a writer of markup escapes, nothing is left."""
        written = MARKUP[how](value)
        shown = _shown(value, f"see {written} there")

        assert "[REDACTED:name]" in shown
        assert all(piece not in shown for piece in (value[:4], value[-4:]))


class TestForms:
    def test_plain_values_have_no_form_more(self):
        """Letters and digits are quoted by nobody: ten thousand must fit in memory."""
        forms = derived_forms(b"k7Qm2ZpX9wRt4VbN8cJh5LsD3fGy6HaT")

        assert not {"shell", "html", "xml", "json", "repr"} & set(forms.values())
        assert len(forms) <= 12
