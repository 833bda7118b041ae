"""The forms in which a watched value is found, whatever was done to it."""

from __future__ import annotations

import base64

import pytest
from langchain_core.messages import AIMessage

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.testing.leaks.canaries import Canaries
from langchain_tyrum.testing.leaks.telling import told

VALUE = "lantern-größe-93"
OCTETS = VALUE.encode()
TURNED = {
    "percent": "".join(f"%{octet:02X}" for octet in OCTETS),
    "percent twice": "".join(f"%25{octet:02x}" for octet in OCTETS),
    "percent in part": VALUE.replace("n", "%6e").replace("ö", "%C3%B6"),
    "decimal entities": "".join(f"&#{ord(c)};" for c in VALUE),
    "hex entities": "".join(f"&#x{ord(c):x};" for c in VALUE),
    "escaped entities": "".join(f"&amp;#{ord(c)};" for c in VALUE),
    "zero-width": "\u200b".join(VALUE),
    "word joiner": "\u2060".join(VALUE),
    "escaped zero-width": "\\u200b".join(VALUE),
    "NUL": "\0".join(VALUE),
    "base64 of base64": base64.b64encode(base64.b64encode(b"ab" + OCTETS)).decode(),
    "hex with colons": OCTETS.hex(":"),
    "HEX with colons": OCTETS.hex(":").upper(),
    "backslash x": "".join(f"\\x{octet:02x}" for octet in OCTETS),
    "backslash u": "".join(f"\\u{ord(c):04x}" for c in VALUE),
    "backslash u twice": "".join(f"\\\\u{ord(c):04X}" for c in VALUE),
}


@pytest.fixture
def watching():
    """Canaries that watch the value, which nobody planted."""
    canaries = Canaries(Redactor(), kinds=[])
    canaries.watch("db", VALUE)
    return canaries


class TestWatched:
    @pytest.mark.parametrize("form", TURNED)
    def test_each_form_is_found(self, watching, form):
        """A value that was encoded on the way out has still come out."""
        data = f"it is {TURNED[form]}, I think".encode()

        assert {"db"} == {name for name, _ in watching.find(data)}

    def test_other_texts_are_not(self, watching):
        """Undoing escapes makes no value where there is none."""
        other = "".join(f"%{octet:02X}" for octet in b"lantern-grosse-93")

        assert set() == watching.find(other.encode() + b"&#9999999;%zz\\u12\\xd")

    @pytest.mark.parametrize("wrap", [AIMessage, lambda c: {"content": c}])
    def test_two_text_blocks_are_read_as_one(self, watching, wrap):
        """Who shows a message puts its text blocks together."""
        blocks = [
            {"type": "text", "text": VALUE[:7]},
            {"type": "text", "text": VALUE[7:]},
        ]

        assert {("db", "raw")} == watching.find(told(wrap(blocks)))
