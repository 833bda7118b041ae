"""The redactor against long random input; run by the second test command."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_tyrum.errors import WeakSecret
from langchain_tyrum.redaction import Redactor

MANY = settings(
    max_examples=1_500,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
VALUES = st.text(min_size=12, max_size=40)
FORMS = [
    str,
    lambda value: json.dumps(value)[1:-1],
    lambda value: quote(value, safe=""),
    lambda value: value.encode("utf-8", "surrogatepass").hex(),
    lambda value: base64.b64encode(value.encode("utf-8", "surrogatepass")).decode(),
]


@pytest.mark.slow
class TestFuzz:
    @MANY
    @given(VALUES, st.text(), st.text(), st.sampled_from(FORMS))
    def test_no_value_survives(self, value, before, after, form):
        """A registered value is gone from any text, in its common forms."""
        redactor = Redactor()
        try:
            redactor.register("name", value)
            shown = form(value)
        except (WeakSecret, UnicodeEncodeError):
            return

        clean = redactor.redact_text(before + shown + after)

        assert value not in clean
        if shown not in before + after:
            assert shown not in clean

    @MANY
    @given(VALUES, st.lists(st.text(max_size=30), max_size=6), st.data())
    def test_streams_say_what_texts_say(self, value, pieces, data):
        """Chunks cut anywhere come out like the whole text."""
        redactor = Redactor()
        try:
            redactor.register("name", value)
        except WeakSecret:
            return
        text = "".join(
            piece + value[: data.draw(st.integers(0, 40))] for piece in pieces
        )
        cut = data.draw(st.integers(0, len(text)))

        with redactor.stream() as stream:
            shown = stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.close()

        assert redactor.redact_text(text) == shown

    @MANY
    @given(st.recursive(st.text() | st.binary() | st.none(), st.lists, max_leaves=20))
    def test_redacting_twice_changes_nothing(self, tree):
        """What has been redacted is clean."""
        redactor = Redactor()

        once = redactor.redact(tree)

        assert once == redactor.redact(once)
