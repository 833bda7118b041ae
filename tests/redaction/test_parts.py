"""Strings known to be clean are not searched again, and nothing is passed over."""

from __future__ import annotations

import os
import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.copies import TRIGGERS
from langchain_tyrum.redaction.memo import Fresh, Parts
from langchain_tyrum.redaction.shapes.disguises import looks_disguised
from langchain_tyrum.redaction.shapes.signals import Signals
from langchain_tyrum.redaction.walk import walk
from langchain_tyrum.redaction.walk.kinds import kind_of

VALUE = "Vq7-plain-value-0042"
CALL = {"name": "read", "args": {"password": "hunter22", "page": 1}, "id": "call_1"}
DATA = [
    HumanMessage("a question", id="9d3e"),
    AIMessage("an answer", tool_calls=[CALL], id="run-1"),
    ToolMessage("a result", tool_call_id="call_1", artifact={"deep": ["text here"]}),
    HumanMessage([{"type": "text", "text": "a block"}]),
    HumanMessage([{"type": "text", "text": "cut in"}, {"type": "text", "text": "two"}]),
    HumanMessage("named", name="somebody", additional_kwargs={"token": "something"}),
    {"messages": ["a question"], "count": 1234567, "none": None, "secret": "shadows"},
    ["a list", "of strings", ("and", "a tuple of them")],
    {("tuple", "as a key"): 1.5, 7: "seven as a key"},
]


def _collected(redactor, obj, *, walked):
    found = Fresh(redactor._guard, None, Parts())
    if walked:
        walk(obj, found, kind_of)
        return found._parts
    return found._parts if found.gather(obj) else None


class TestGather:
    @pytest.mark.parametrize("obj", [*DATA, DATA], ids=repr)
    @pytest.mark.parametrize("value", [VALUE, "4929081726354710"])
    def test_it_collects_what_the_walk_collects(self, obj, value):
        """The short way round the walk sees every string that the walk sees."""
        redactor = Redactor()
        redactor.register("a", value)
        gathered = _collected(redactor, obj, walked=False)

        assert gathered is None or gathered >= _collected(redactor, obj, walked=True)

    def test_messages_go_the_short_way(self):
        """Ordinary messages are collected without the walk."""
        assert _collected(Redactor(), DATA[:3], walked=False)

    def test_a_cycle_is_left_to_the_walk(self):
        """Data that holds itself is no plain data."""
        data = {}
        data["self"] = data

        assert _collected(Redactor(), data, walked=False) is None


class TestParts:
    def test_what_one_pair_of_eyes_cannot_see_is_not_clean_for_others(self):
        """A string that is clean for one user only is looked at by the next."""
        redactor = Redactor()
        redactor.register("own", VALUE, tenant="t", owner="ann")
        message = [HumanMessage(f"so: {VALUE}")]
        bob = redactor.view(Principal("t", "bob"))
        ann = redactor.view(Principal("t", "ann"))

        assert bob.redact(message) is message
        assert VALUE not in repr(ann.redact(message))
        assert VALUE not in repr(redactor.redact(message))

    def test_a_registration_forgets_everything(self):
        """What was clean is looked at again when a value was registered."""
        redactor = Redactor()
        redactor.register("first", "another-value-4711")
        text = [f"so: {VALUE}"]
        assert redactor.redact(text) is text
        assert redactor.scan(text) == []

        redactor.register("second", VALUE)

        assert redactor.redact(text) == ["so: [REDACTED:second]"]
        assert len(redactor.scan(text)) == 1

    def test_it_is_bounded(self):
        """Neither many strings nor long ones are kept without end."""
        parts = Parts()
        for number in range(10_000):
            parts.add(1, {f"text {number}"})
        assert len(parts) <= 4097
        for number in range(40):
            parts.add(1, {str(number) * 50_000})
        assert sum(map(len, parts.known(1))) <= 2 << 20


class TestShortTexts:
    @pytest.mark.parametrize("form", [VALUE, VALUE.encode().hex(), "ab1"])
    def test_a_value_is_found_in_an_id(self, form):
        """Texts that are looked at without an engine hide no value."""
        redactor = Redactor()
        redactor.register("a", VALUE)
        redactor.register("short", "ab1", allow_short=True)
        for text in (form, f"- {form}", f"id {form} end"):
            assert form not in redactor.redact_text(text)
            assert redactor.contains(text.encode())

    @pytest.mark.parametrize("sep", [":", "-"])
    def test_disguises_are_found_in_short_and_long_texts(self, sep):
        """A hint stands wherever a trigger does."""
        triggers = Signals(TRIGGERS)
        samples = [
            b"a\0b", b"a\xe2\x80\x8bb", b"a\xc2\xadb", b"\\u200b", b"\\\\x00",
            b"A" * 60 + b"\n", b"\\u0041" * 3, b"\\x41" * 3, b"%41" * 3, b"&#65;" * 3,
            sep.encode().join([b"41", b"42", b"43", b"44", b"45", b"46"]),
        ]  # fmt: skip
        for sample in samples:
            for around in (b"", b" " * 80):
                assert triggers.fired(around + sample)
                assert looks_disguised(around + sample)


class TestScratches:
    def test_many_threads_scan_at_once(self):
        """Scans that overlap never share a scratch, and none of them fails."""
        redactor = Redactor()
        for number in range(20):
            redactor.register(f"n{number}", f"value-{number:02}-{os.urandom(8).hex()}")
        redactor.register("a", VALUE)
        text, wrong = "word " * 5000 + VALUE, []

        def scan():
            for _ in range(20):
                if VALUE in redactor.redact_text(text):
                    wrong.append(1)

        threads = [threading.Thread(target=scan) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert wrong == []
        assert redactor.redact_text("still fine") == "still fine"
