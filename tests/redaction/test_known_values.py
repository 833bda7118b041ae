from __future__ import annotations

import base64
import html
import json
import shlex
import textwrap
import unicodedata
import urllib.parse
from xml.sax import saxutils

import pytest

from langchain_tyrum.redaction import Redactor

TRICKY = "pä$s/w+rd \"q\" 'a' & <b>\\n 98"
MULTI = "first-line-8f3a91\nsecond_line-77c0de\nthird-line-x9y8z7"
TOKEN = "tok_8Fq2Lz0Vb7Xn4Mw1Rc6Yd3Ks9"


def _wrapped(value: str, width: int) -> str:
    encoded = base64.b64encode(b"x" * 40 + value.encode() + b"y" * 10).decode()
    return "\n".join(textwrap.wrap(encoded, width))


FORMS = {
    "raw": lambda v: v,
    "json": json.dumps,
    "json-utf8": lambda v: json.dumps(v, ensure_ascii=False),
    "json-twice": lambda v: json.dumps(json.dumps(v)),
    "json-twice-utf8": lambda v: json.dumps(
        json.dumps(v, ensure_ascii=False), ensure_ascii=False
    ),
    "repr": repr,
    "repr-bytes": lambda v: repr(v.encode()),
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "base64-shift-1": lambda v: base64.b64encode(b"a" + v.encode() + b"zz").decode(),
    "base64-shift-2": lambda v: base64.b64encode(b"ab" + v.encode() + b"z").decode(),
    "base64-urlsafe": lambda v: base64.urlsafe_b64encode(v.encode()).decode(),
    "base64-unpadded": lambda v: base64.b64encode(v.encode()).decode().rstrip("="),
    "base64-wrapped-64": lambda v: _wrapped(v, 64),
    "base64-wrapped-76": lambda v: _wrapped(v, 76),
    "base64-twice": lambda v: base64.b64encode(base64.b64encode(v.encode())).decode(),
    "basic-auth": lambda v: base64.b64encode(b"user:" + v.encode()).decode(),
    "base32": lambda v: base64.b32encode(v.encode()).decode(),
    "hex": lambda v: v.encode().hex(),
    "hex-upper": lambda v: v.encode().hex().upper(),
    "hex-colons": lambda v: v.encode().hex(":"),
    "hex-colons-upper": lambda v: v.encode().hex(":").upper(),
    "percent": lambda v: urllib.parse.quote(v, safe=""),
    "percent-lower": lambda v: "".join(f"%{b:02x}" for b in v.encode()),
    "percent-plus": urllib.parse.quote_plus,
    "percent-twice": lambda v: urllib.parse.quote(urllib.parse.quote(v)),
    "percent-all": lambda v: "".join(f"%{b:02X}" for b in v.encode()),
    "html": html.escape,
    "xml": lambda v: saxutils.escape(v, {'"': "&quot;", "'": "&apos;"}),
    "entities-decimal": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "entities-hex": lambda v: "".join(f"&#x{ord(c):x};" for c in v),
    "unicode-escapes": lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
    "hex-escapes": lambda v: "".join(f"\\x{b:02x}" for b in v.encode()),
    "nfc": lambda v: unicodedata.normalize("NFC", v),
    "nfd": lambda v: unicodedata.normalize("NFD", v),
    "shell": shlex.quote,
    "shell-double": lambda v: (
        v.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    ),
    "crlf": lambda v: v.replace("\n", "\r\n"),
    "zero-width": "\u200b".join,
    "soft-hyphen": "\u00ad".join,
    "reversed": lambda v: v[::-1],
}
CLEAN = 'xyz nothing to see here, 12:30:45 2026-11-21 {"a": [1, 2]}'


class TestForms:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize(
        "value", [TOKEN, TRICKY, MULTI], ids=["token", "odd", "lines"]
    )
    def test_every_form_is_hidden(self, form, value):
        """A registered value is hidden in each form it may be written in."""
        redactor = Redactor()
        redactor.register("db/password", value)
        written = FORMS[form](value)

        hidden = redactor.redact_text(f"before [{written}] after")

        assert written not in hidden
        assert "[REDACTED" in hidden
        assert hidden.startswith("before [")
        assert hidden.endswith(" after")
        longest = max(
            map(len, hidden.replace("[REDACTED:db/password]", "\0").split("\0"))
        )
        assert longest <= 60 + len("before [")

    def test_the_leftover_of_a_form_is_short(self, redactor, value):
        """What remains around a marker is no usable part of the value."""
        for form in ("base64", "hex", "percent", "json", "base32"):
            assert redactor.redact_text(FORMS[form](value)) in {
                "[REDACTED:vault/canary]",
                '"[REDACTED:vault/canary]"',
                "[REDACTED:vault/canary]=",
                "[REDACTED:vault/canary]==",
                "[REDACTED:vault/canary]===",
                "[REDACTED:vault/canary]======",
            }, form

    def test_base64_at_any_offset_is_hidden(self, redactor, value):
        """The alignment of a value in a base64 text does not matter."""
        for before in range(7):
            for after in range(4):
                blob = b"-" * before + value.encode() + b"." * after
                encoded = base64.b64encode(blob).decode()
                decoded = redactor.redact_text(encoded)
                assert "[REDACTED:vault/canary]" in decoded

    @pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-16"])
    @pytest.mark.parametrize("value", [TOKEN, TRICKY])
    def test_utf_16_is_hidden(self, codec, value):
        """Bytes in UTF-16 hold no value and stay readable otherwise."""
        redactor = Redactor()
        redactor.register("db/password", value)

        hidden = redactor.redact_bytes(f"key: {value}!".encode(codec))

        assert value not in hidden.decode(codec, "replace")
        assert b"R\0E\0D\0A\0C\0T\0E\0D" in hidden or b"REDACTED" in hidden

    def test_nul_broken_values_are_hidden(self, redactor, value):
        """NUL characters between the letters hide nothing."""
        assert value[3:9] not in redactor.redact_text("\0".join(value)).replace(
            "\0", ""
        )

    @pytest.mark.parametrize("filler", ["\0", "\0\0\0", "\u200b"])
    def test_broken_values_of_any_script_are_hidden(self, filler):
        """Fillers hide nothing between letters of other scripts either."""
        redactor, value = Redactor(), "kq7Zt9Wm3xRb8\u00e9Lp2V\u65e5\u672c\U0001f511"
        redactor.register("db/password", value)
        text = f"a {filler.join(value)} b"

        assert "a [REDACTED:db/password] b" == redactor.redact_text(text)
        assert b"[REDACTED:db/password]" in redactor.redact_bytes(text.encode())

    def test_each_line_of_a_key_is_hidden(self):
        """A line of a multi-line value is hidden on its own."""
        redactor = Redactor()
        redactor.register("key", MULTI)

        assert redactor.redact_text("> second_line-77c0de <") == "> [REDACTED:key] <"

    def test_a_public_member_of_a_json_value_stays(self):
        """Only the secret members of a service account file are hidden."""
        redactor = Redactor()
        account = json.dumps(
            {
                "type": "service_account",
                "auth_uri": "https://accounts.google.test/o/oauth2/auth",
                "private_key_id": "9f8e7d6c5b4a39281706",
            },
            indent=2,
        )
        redactor.register("gcp", account)

        assert redactor.redact_text(account) == "[REDACTED:gcp]"
        assert redactor.redact_text("id 9f8e7d6c5b4a39281706") == "id [REDACTED:gcp]"
        public = (
            '  "type": "service_account",\nhttps://accounts.google.test/o/oauth2/auth'
        )
        assert redactor.redact_text(public) is public

    def test_binary_values_are_hidden(self):
        """A value of any bytes is hidden in base64, hex and as it is."""
        redactor = Redactor()
        raw = bytes(range(128, 160)) + b"\0\1\2"
        redactor.register("key", raw)

        assert redactor.redact_bytes(b"<<" + raw + b">>") == b"[REDACTED:key]"
        assert redactor.redact_text(raw.hex()) == "[REDACTED:key]"
        assert "[REDACTED:key]" in redactor.redact_text(base64.b64encode(raw).decode())


class TestText:
    def test_clean_text_comes_back_itself(self, redactor):
        """The same object comes back when there is nothing to hide."""
        assert redactor.redact_text(CLEAN) is CLEAN

    def test_overlapping_values_merge(self):
        """Overlapping values become one marker, named by the longest."""
        redactor = Redactor()
        redactor.register("left", "abcdefgh1234")
        redactor.register("right", "1234ijklmnopqrst")

        assert (
            redactor.redact_text("<abcdefgh1234ijklmnopqrst>") == "<[REDACTED:right]>"
        )

    def test_a_value_within_another_is_covered_by_it(self):
        """The longer of two nested values names the marker."""
        redactor = Redactor()
        redactor.register("short", "hunter2-x9")
        redactor.register("long", "hunter2-x9-and-more-of-it")

        text = "hunter2-x9-and-more-of-it hunter2-x9"
        assert redactor.redact_text(text) == "[REDACTED:long] [REDACTED:short]"

    def test_a_registered_token_is_named_after_the_secret(self):
        """Where a value is known and has a shape, its name is what is shown."""
        redactor = Redactor()
        token = "ghp_" + "k7Qm2ZpX9wRt4VbN8cJh5LsD3fGy6HaT1234"
        redactor.register("github/token", token)

        assert redactor.redact_text(f"t={token}") == "t=[REDACTED:github/token]"

    def test_a_marker_never_holds_a_value(self):
        """A name that holds a value is not written into a marker."""
        redactor = Redactor()
        redactor.register("prod-hunter2-x9", "another-value-77")
        redactor.register("inner", "hunter2-x9")

        assert redactor.redact_text("another-value-77") == "[REDACTED]"
        assert redactor.redact_text("[REDACTED:prod-hunter2-x9]") == "[REDACTED:inner]"

    def test_lone_surrogates_pass(self, redactor, value):
        """Text that is no valid Unicode is searched all the same."""
        text = f"\ud800 {value} \udfff"
        assert redactor.redact_text(text) == "\ud800 [REDACTED:vault/canary] \udfff"

    def test_names_are_reduced_to_the_marker_alphabet(self):
        """Brackets and spaces in a name cannot break a marker."""
        redactor = Redactor()
        redactor.register("my key] [x", "some-value-123")

        assert redactor.redact_text("some-value-123") == "[REDACTED:my_key_x]"

    def test_values_at_the_edge_of_a_marker_leave_no_doubt(self):
        """A value ending in a bracket does not come about by a marker beside it."""
        redactor = Redactor()
        redactor.register("a", "foo12345xyz[")
        redactor.register("b", "next-value-99")

        hidden = redactor.redact_text("foo12345xyznext-value-99")

        assert "foo12345xyz[" not in hidden
        assert redactor.redact_text(hidden) == hidden


class TestContains:
    def test_serialized_data_is_searched(self, redactor, value):
        """A value in packed bytes is found in any form."""
        packed = (
            b"\x82\xa1a\xd9\x20" + base64.b64encode(value.encode()) + b"\xc0\x00\x01"
        )

        assert redactor.contains(packed)
        assert not redactor.contains(packed[:9] + b"\0\1\2" + packed[-3:])

    def test_shapes_are_not_looked_at(self, redactor):
        """Packed bytes are searched for registered values only."""
        assert not redactor.contains(b"ghp_" + b"a1" * 18)
