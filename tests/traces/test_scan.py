"""Scanning JSON by pieces finds what reading it would find, and remembers the rest."""

from __future__ import annotations

import gc
import json
import random

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage
from langsmith._internal._serde import dumps_json

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.traces import pieces, scan
from langchain_tyrum.traces.pieces import CleanPieces
from langchain_tyrum.traces.scan import clean_json
from langchain_tyrum.traces.unescape import plain_text

TEXTS = [
    'a "quoted" word',
    "line\nbreak\ttab\r\nend",
    "back\\slash \\n no break \\\\",
    "a/slash and \\/ both",
    "bell \x07 escape \x1b[31m null \x00",
    "größe 漢字 \U0001f600",
    "",
]


class TestPlainText:
    @pytest.mark.parametrize("text", TEXTS)
    def test_escapes_are_undone(self, text):
        """What was escaped reads as it was written."""
        assert text.encode() == plain_text(dumps_json(text)[1:-1])

    @pytest.mark.parametrize("text", TEXTS)
    def test_the_slow_road_agrees(self, text):
        """JSON from elsewhere, with escaped slashes, reads the same."""
        data = dumps_json(text + "/")[1:-1].replace(b"/", b"\\/")

        assert (text + "/").encode() == plain_text(data)


class TestCleanJson:
    @pytest.mark.parametrize("before", ["", "\n", "\t", "\x07", '"', "\\", "(", "="])
    def test_shapes_behind_an_escape(self, before, redactor, kit):
        """A token is found whatever JSON makes of the character before it."""
        data = dumps_json({"a": [f"see {before}{kit.SHAPE}"]})

        clean = clean_json(data, redactor, dumps_json)

        assert kit.SHAPE.encode() not in clean
        assert json.loads(clean)["a"][0].startswith(f"see {before}[REDACTED:")

    @pytest.mark.parametrize(
        "value", ['with "quotes" and \\ slash', "line one\nline two ok", "größe 漢字 x"]
    )
    def test_values_that_json_escapes(self, value):
        """Registered values with quotes, breaks and accents are found."""
        redactor = Redactor()
        redactor.register("odd", value)
        data = dumps_json({"a": f"see {value} here"})

        assert {"a": "see [REDACTED:odd] here"} == json.loads(
            clean_json(data, redactor, dumps_json)
        )

    def test_clean_data_is_the_same(self, redactor):
        """Clean bytes come back as the same object, first time and again."""
        data = dumps_json({"messages": [HumanMessage("hi"), AIMessage("ho")]})

        assert data is clean_json(data, redactor, dumps_json)
        assert data is clean_json(data, redactor, dumps_json)

    def test_history_with_one_raw_message(self, redactor, kit):
        """Among messages known to be clean the raw one is found."""
        history = [HumanMessage(f"number {n}") for n in range(50)]
        clean_json(dumps_json({"m": history}), redactor, dumps_json)
        history.insert(20, HumanMessage(f"raw {kit.canary('input')}"))

        clean = json.loads(clean_json(dumps_json({"m": history}), redactor, dumps_json))

        assert "raw [REDACTED:c/input]" == clean["m"][20]["content"]
        assert "number 49" == clean["m"][-1]["content"]

    def test_the_cut_inside_a_string(self, redactor, kit):
        """A value beside the text that starts a message is found all the same."""
        inner = json.dumps({"content": kit.canary("input")})
        data = dumps_json({"a": inner, "b": '{"content":' + kit.canary("output")})

        clean = clean_json(data, redactor, dumps_json)

        assert b"tulip" not in clean

    def test_registration_forgets(self):
        """A piece that was clean is looked at again after a registration."""
        redactor = Redactor()
        data = dumps_json({"a": "crimson walnut seventeen"})

        before = clean_json(data, redactor, dumps_json)
        redactor.register("late", "crimson walnut seventeen")
        after = clean_json(data, redactor, dumps_json)

        assert before is data
        assert {"a": "[REDACTED:late]"} == json.loads(after)

    def test_numbers_are_values_too(self):
        """A registered value that stands in the JSON as a number is replaced."""
        redactor = Redactor()
        redactor.register("pin", "955871794576607")
        data = dumps_json({"account": 955871794576607, "955871794576607": 1.5})

        clean = clean_json(data, redactor, dumps_json)

        assert {"account": "[REDACTED:pin]", "[REDACTED:pin]": 1.5} == json.loads(clean)

    def test_what_the_walk_does_not_find_is_withheld(self):
        """A value that reaches over the bounds of JSON is in no part of it."""
        redactor = Redactor()
        redactor.register("odd", 'left","right')
        data = b'{"a":["left","right"]}'

        clean = clean_json(data, redactor, dumps_json)

        assert scan.WITHHELD == json.loads(clean)

    def test_raw_pieces_are_not_remembered(self, redactor, kit):
        """What holds a value never counts as clean."""
        known = CleanPieces(redactor)
        data = dumps_json({"a": kit.canary("input")})

        assert [False, False] == [known.is_clean(data), known.is_clean(data)]
        assert 0 == len(known)
        assert "[REDACTED:c/input]" == known.text(kit.canary("input"))
        assert 0 == len(known)

    def test_it_does_not_keep_the_redactor(self):
        """What is remembered goes with the redactor."""
        redactor = Redactor()
        clean_json(b"{}", redactor, dumps_json)
        held = len(pieces._PIECES)

        del redactor
        gc.collect()

        assert held > len(pieces._PIECES)


def _plain(said):
    return dumps_json({"messages": said, "steps": len(said)})


def _typed(said):
    return dumps_json({"messages": [[dumpd(each) for each in said]]})


class _Reading(Redactor):
    """Counts the bytes that it is asked to look at."""

    looked = 0

    def redact_bytes(self, data):
        self.looked += len(data)
        return super().redact_bytes(data)


@pytest.mark.parametrize("form", [_plain, _typed])
class TestHistories:
    def test_only_what_is_new_is_looked_at(self, form):
        """Each step of a growing conversation costs a look at its new messages."""
        redactor, said = _Reading(), [HumanMessage("long " * 500)]
        clean_json(form(said), redactor, dumps_json)
        looked = list[int]()
        for number in range(8):
            said += [AIMessage(f"{number} " * 600), HumanMessage(f"{number}, " * 600)]
            redactor.looked = 0
            clean_json(form(said), redactor, dumps_json)
            looked.append(redactor.looked)

        assert all(3_000 < each < 6_500 for each in looked[1:])
        assert 25_000 < len(form(said))

    @pytest.mark.parametrize("place", [0, 1, 20, 38, 39])
    def test_an_older_message_that_changed(self, form, place, redactor, kit):
        """A value written into a message that was clean is found, wherever it is."""
        said = [HumanMessage(f"number {n} " * 90) for n in range(40)]
        assert form(said) == clean_json(form(said), redactor, dumps_json)
        said[place].content += kit.canary("input")
        said.append(AIMessage("one more"))

        clean = clean_json(form(said), redactor, dumps_json)

        assert kit.canary("input").encode() not in clean
        assert 1 == clean.count(b"[REDACTED:c/input]")
        assert b"number 39" in clean

    def test_memory_changes_no_answer(self, form, redactor, kit):
        """Over random edits of conversations the answer is a fresh look's."""
        rng, said, answers = random.Random(5), [], []
        known = CleanPieces(redactor)
        for number in range(150):
            text = rng.choice([f"text {number} ", "alike ", '{"content":']) * 99
            if rng.random() < 0.15:
                text += kit.canary("input")[: rng.choice([-1, 99])]
            said.insert(rng.choice([len(said), rng.randint(0, len(said))]), text)
            if rng.random() < 0.3:
                del said[rng.randrange(len(said))]
            data = form([HumanMessage(each) for each in said])
            answers.append((known.is_clean(data), CleanPieces(redactor).is_clean(data)))

        assert [fresh for _, fresh in answers] == [mine for mine, _ in answers]
        assert {(True, True), (False, False)} == set(answers)

    def test_registration_forgets_histories(self, form, kit):
        """A history that was clean is looked at again after a registration."""
        redactor = Redactor()
        data = form(
            [HumanMessage(f"{n} {kit.canary('input')} " * 30) for n in range(9)]
        )

        before = clean_json(data, redactor, dumps_json)
        redactor.register("late", kit.canary("input"))
        after = clean_json(data, redactor, dumps_json)

        assert before is data
        assert kit.canary("input").encode() not in after
        assert b"[REDACTED:late]" in after
