"""Registration as a weapon: values that would tear up what others write."""

from __future__ import annotations

import contextlib
import json

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_tyrum.errors import WeakSecret
from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.vocabulary import VOCABULARY

CALL = {"name": "lookup", "args": {"q": "x"}, "id": "call_1", "type": "tool_call"}
TALK = [
    HumanMessage("hi", id="1"),
    AIMessage(
        "", tool_calls=[CALL], id="2", response_metadata={"finish_reason": "tool_calls"}
    ),
    ToolMessage("done", tool_call_id="call_1", id="3", artifact=None),
]
WRITTEN = json.dumps(dumpd(TALK))

REFUSED = [
    "[REDACTED",
    "[REDACTED]",
    "[REDACTED:x",
    "REDACTED",
    "REDACTED:",
    "[REDACTED:~abc",
    "}]},{[{}]",
    '"}, {"": "',
    "\\n\\n\\n\\n\\n\\n",
    "\u200b\u200c\u200d" * 4,
    "....,,,,;;;;",
    "\n\n\n\n \n\n\n\n",
    "________",
    "abababababab",
    "00000000",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "-----END OPENSSH PRIVATE KEY-----",
    "---- BEGIN SSH2 PRIVATE KEY ----",
    "  tool_calls  ",
    '"tool_calls":',
    "tyrum://h_abcdefghijklmnopqrstuv",
    "tyrum://anything",
]
#: Accepted today; each of them tears up what every agent writes.
STRUCTURE = [
    '"content": "',
    '"type": "',
    '{"type":"text"',
    '"role": "user"',
    '": null, "',
    "tool_calls=[]",
    'messages": [',
    "additional_kwargs={} response_metadata={}",
]
MARKERS = ["EDACTED:", "EDACTED:g"]


class TestRefused:
    @pytest.mark.parametrize("allow_short", [False, True])
    @pytest.mark.parametrize("value", [*REFUSED, *sorted(VOCABULARY)])
    def test_they_are_no_values(self, value, allow_short):
        """Markers, punctuation, headers of keys and words of the framework."""
        redactor = Redactor()
        with pytest.raises(WeakSecret):
            redactor.register("n", value, allow_short=allow_short)
        assert redactor.redact_text(WRITTEN) is WRITTEN

    @pytest.mark.parametrize("value", STRUCTURE)
    def test_structure_of_json_and_of_messages_neither(self, value):
        """Keys, quotes and braces in a row are ordinary text."""
        with pytest.raises(WeakSecret):
            Redactor().register("n", value)

    @pytest.mark.parametrize("value", MARKERS)
    def test_the_end_of_a_head_neither(self, value):
        """What stands in each marker that has a name makes all nameless."""
        with pytest.raises(WeakSecret):
            Redactor().register("n", value)


class TestHarm:
    @pytest.mark.parametrize("everyone", [True, False])
    def test_one_tenant_does_not_tear_up_what_another_writes(self, everyone):
        """Whatever a tenant gets registered, the others' structure stays as it is."""
        redactor = Redactor()
        words = [*REFUSED, *VOCABULARY, "4711", "user", "text", "human", "langchain"]
        for number, value in enumerate(words):
            with contextlib.suppress(WeakSecret):
                redactor.register(f"n{number}", value, tenant="evil", allow_short=True)
        view = redactor.view(Principal("acme", "ann"), everyone=everyone)

        assert view.redact(TALK) is TALK
        assert json.loads(view.redact_text(WRITTEN))

    def test_a_short_value_eats_no_ids(self):
        """A short one is a word of its own tenant, and no part of ids and hashes."""
        redactor = Redactor()
        redactor.register("pin", "4711", allow_short=True)
        text = "id-a4711 x4711y 0x47110 4711abc 14711"
        assert redactor.redact_text(text) is text

    @pytest.mark.parametrize("size", [3, 4, 7])
    def test_short_ones_have_no_short_forms(self, size):
        """No derived form of a short value is shorter than six characters."""
        redactor = Redactor(detectors=[])
        value = "q7Rz9Kx"[:size]
        redactor.register("n", value, allow_short=True)
        forms = [form for tier in redactor._registry.tiers() for form in tier.forms]
        assert [f for f in forms if len(f) < 6 and f != value.encode()] == []

    @pytest.mark.parametrize(
        "count", [600, pytest.param(10_000, marks=pytest.mark.slow)]
    )
    def test_many_similar_values(self, count):
        """They are all covered, and ordinary text is not."""
        redactor = Redactor(detectors=[])
        values = [f"sk-similar-{number:05d}-{'z' * 9}" for number in range(count)]
        for number, value in enumerate(values):
            redactor.register(f"n{number}", value)
        picked = [*range(0, count, 97), count - 1]
        text = "; ".join(values[number] for number in picked)

        shown = redactor.redact_text(f"{text}; sk-similar-10000-zzz and more")
        expected = "; ".join(f"[REDACTED:n{number}]" for number in picked)
        assert shown == f"{expected}; sk-similar-10000-zzz and more"
        assert redactor.redact_text(WRITTEN) is WRITTEN


class TestMarkersAndNames:
    @pytest.mark.parametrize(
        "name",
        [
            "x" * 500,
            "",
            "]",
            "] [REDACTED:other",
            "~abc",
            "\ud800",
            "name with \0 and \u202e",
            "密码",
            "../../etc/passwd",
            "AKIA" + "K7QM2ZPX4WRT5VBN",
            "password=Winter2026!",
            "a\n[REDACTED]",
        ],
    )
    def test_any_name_makes_one_marker(self, name):
        """Whatever a secret is called, its marker is one, and is clean."""
        redactor = Redactor()
        redactor.register(name, "Zq7-canary_Value.93x/K+w")
        shown = redactor.redact_text("<Zq7-canary_Value.93x/K+w>")

        assert shown.startswith("<[REDACTED")
        assert shown.endswith("]>")
        assert shown.count("[") == shown.count("]") == 1
        assert redactor.redact_text(shown) is shown
        assert redactor.scan(shown) == []
