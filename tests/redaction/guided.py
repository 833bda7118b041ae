"""What a coverage-guided fuzzer runs: one text from some bytes, all promises at once.

Bytes below 128 stand for themselves, those above for a form of a value or for what
looks like one. As a program it hands over to the fuzzer, with the fuzzer's options.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
import urllib.parse

from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.encodings import derived_forms
from langchain_tyrum.redaction.secretive import is_form

VALUES = {
    "token": "tok_8Fq2Lz0Vb7Xn",
    "twin": "Lz0Vb7Xn-second/Value+9",
    "odd": "pä$s/w+rd \"q\" 'a' 98",
    "lines": "line-one-1234\nline-two-5678",
    "edge": "foo12345xyz[",
    "control": "ab\0cd\x01ef-19",
}


def _written(value: str) -> list[str]:
    raw = value.encode()
    return [
        value,
        value[: len(value) // 2],
        value[len(value) // 2 :],
        json.dumps(value)[1:-1],
        base64.b64encode(b"a" + raw).decode(),
        raw.hex(),
        raw.hex(":"),
        urllib.parse.quote(value),
        "".join(f"%{byte:02x}" for byte in raw),
        "".join(f"\\u{ord(char):04x}" for char in value),
        "\u200b".join(value),
        value[::-1],
    ]


_PIECES = [piece for value in VALUES.values() for piece in _written(value)]
_PIECES += ["[REDACTED:token]", "[REDACTED", "tyrum://h_k7Qm2ZpX9w", "password: "]
_PIECES += [spell(row.positive[0]) for row in DETECTORS[:: len(DETECTORS) // 50]]
_FORMS = [
    form
    for value in VALUES.values()
    for form in derived_forms(value.encode())
    if is_form(form)
]


def _made() -> Redactor:
    redactor = Redactor()
    for name, value in VALUES.items():
        redactor.register(name, value)
    return redactor


REDACTOR = _made()


def text_of(data: bytes) -> str:
    """Write the text that some bytes stand for."""
    return "".join(
        _PIECES[byte - 128] if 128 <= byte < 128 + len(_PIECES) else chr(byte)
        for byte in data
    )


def check(data: bytes) -> None:
    """Hold the redactor to its promises for one text.

    Args:
        data: What the text is written from.

    Raises:
        AssertionError: It breaks one.
    """
    text = text_of(data)
    shown = REDACTOR.redact_text(text)
    out = shown.encode()
    assert REDACTOR.redact_text(shown) == shown, "twice is once"
    assert [form for form in _FORMS if form in out] == [], "no form is left"
    assert (REDACTOR.scan(text) == []) == (shown == text), "findings and markers"
    assert REDACTOR.redact([text]) == [shown], "objects say what texts say"
    step = 1 + sum(data) % 23
    with REDACTOR.stream() as stream:
        parts = [stream.feed(text[at : at + step]) for at in range(0, len(text), step)]
        parts.append(stream.close())
    assert "".join(parts) == shown, "streams say what texts say"


def main() -> None:
    """Fuzz until the options say it is enough."""
    import atheris  # only the fuzzer needs it

    logging.disable(logging.CRITICAL)
    for name in sorted(sys.modules):
        if name.startswith("langchain_tyrum.redaction."):
            module = sys.modules[name]
            for each in vars(module).values():
                if getattr(each, "__module__", "") == name and callable(each):
                    _instrument(atheris, each)
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


def _instrument(atheris: object, each: object) -> None:
    functions = vars(each).values() if isinstance(each, type) else [each]
    for function in functions:
        if hasattr(function, "__code__"):
            atheris.instrument_func(function)


if __name__ == "__main__":
    main()
