"""What a saver was given before is trusted only where nothing in it changed."""

from __future__ import annotations

import asyncio
import gc
from contextlib import nullcontext
from datetime import datetime

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from pydantic import SecretStr

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import acting, guard_checkpointer
from langchain_tyrum.state.acting import RUN_KEY, acts

MARK = "[REDACTED:vault/canary]"
UUID = "3d2f8a61-9c4e-4b70-8f15-a6e09c7d2b34"
OTHER_ID = "7b1c0d22-1e5f-4a38-9b06-c3d4e5f60718"
LATE = "late owl 91 harbour"
PARTS = ("configurable", "metadata", "own", "tags", "run_name")


class Kept(BaseCheckpointSaver):
    """Keeps what it is given: config, checkpoint and metadata, or writes.

    Its twins do not call each other, so that each is read back by itself.
    """

    def __init__(self):
        super().__init__()
        self.seen = []

    def put(self, config, checkpoint, metadata, new_versions):
        self.seen.append((config, checkpoint, metadata))
        return config

    async def aput(self, config, checkpoint, metadata, new_versions):
        self.seen.append((config, checkpoint, metadata))
        return config

    def put_writes(self, config, writes, task_id, task_path=""):
        self.seen.append((config, writes, task_path))

    async def aput_writes(self, config, writes, task_id, task_path=""):
        self.seen.append((config, writes, task_path))


class Rows:
    """A guarded saver, sync or async: what came through to it, and if anybody acts."""

    def __init__(self, redactor, *, is_async):
        self.saver = guard_checkpointer(Kept(), redactor)
        self._is_async = is_async

    def put(self, part="own", found=None, made=UUID, **ids):
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", **ids}}
        metadata = {}
        if part == "own":
            metadata = found or {}
        elif part == "configurable":
            config = {part: found}
        else:
            config[part] = found
        checkpoint = {**empty_checkpoint(), "id": made}
        self._call("put", config, checkpoint, metadata, {})
        config, _, metadata = self.saver.seen[-1]
        return metadata if part == "own" else config[part]

    def write(self, writes, path="", **ids):
        ids = {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": UUID, **ids}
        self._call("put_writes", {"configurable": ids}, writes, "task", path)
        return self.saver.seen[-1][1]

    def _call(self, name, *given):
        if self._is_async:
            asyncio.run(self._acall(getattr(self.saver, f"a{name}"), given))
            return
        try:
            getattr(self.saver, name)(*given)
        finally:
            self.acted_for = acts() is not None

    async def _acall(self, method, given):
        try:
            await method(*given)
        finally:
            self.acted_for = acts() is not None


@pytest.fixture(params=["sync", "async"])
def rows(request, redactor):
    return Rows(redactor, is_async=request.param == "async")


def holding(part, value):
    """What stands in a part of a config, or in the metadata, and holds a value."""
    return {"tags": ["one", value], "run_name": value}.get(part, {"note": value})


class TestBetweenTwoPuts:
    """The first one was clean."""

    @pytest.mark.parametrize("part", PARTS)
    def test_a_value_is_registered(self, rows, redactor, part):
        """What was clean is looked at anew."""
        found = holding(part, LATE)
        assert found is rows.put(part, found)

        redactor.register("late", LATE)

        assert holding(part, "[REDACTED:late]") == rows.put(part, found)

    @pytest.mark.parametrize("part", [each for each in PARTS if each != "run_name"])
    @pytest.mark.parametrize("deep", [False, True])
    def test_it_is_edited_in_place(self, rows, canary, part, deep):
        """The same object with something else in it is looked at anew."""
        inner = ["fine"]
        found = inner if part == "tags" else {"note": "fine", "inner": inner}
        assert found is rows.put(part, found)

        if deep or part == "tags":
            inner.append(canary)
        else:
            found["note"] = canary
        kept = rows.put(part, found)

        assert canary not in repr(kept)
        assert MARK in repr(kept)

    @pytest.mark.parametrize("part", PARTS[:3])
    def test_a_key_is_new(self, rows, canary, part):
        """One more entry is looked at, and the others stay."""
        rows.put(part, {"note": "fine"})

        kept = rows.put(part, {"note": "fine", "more": canary})

        assert {"note": "fine", "more": MARK} == kept

    @pytest.mark.parametrize("part", PARTS[:3])
    def test_a_known_value_stands_under_a_password_key(self, rows, part):
        """It is a password there, however harmless it was elsewhere."""
        rows.put(part, {"code": "12345678", "password": "none"})

        kept = rows.put(part, {"code": "12345678", "password": "12345678"})

        assert {"code": "12345678", "password": "[REDACTED:password]"} == kept

    @pytest.mark.parametrize("wrap", [str, lambda text: [text]])
    def test_a_long_text_is_another_of_its_length(self, rows, canary, wrap):
        """It is remembered by a fingerprint, not by how long it is."""
        text = "many words " * 100 + canary
        rows.put("own", {"note": wrap("x" * len(text))})

        kept = rows.put("own", {"note": wrap(text)})

        assert {"note": wrap(text.replace(canary, MARK))} == kept

    def test_a_number_becomes_its_digits(self, rows):
        """As a text it may be a password, which a number is not."""
        rows.put("own", {"password": 12345678})

        assert {"password": "[REDACTED:password]"} == rows.put(
            "own", {"password": "12345678"}
        )


class TestNumbers:
    """Numbers that are values."""

    @pytest.mark.parametrize("part", PARTS[:3])
    @pytest.mark.parametrize("key", ["n", "step"])
    @pytest.mark.parametrize(
        ("registered", "before", "number"),
        [
            ("90817263", 7, 90817263),
            ("90817263", 90817262, 90817263),
            ("90817263.0", 90817263, 90817263.0),
            ("908172635544332", 1234, 908172635544332),
            ("-90817263.5", -1, -90817263.5),
        ],
    )
    def test_after_one_that_is_none(
        self, rows, redactor, part, key, registered, before, number
    ):
        """A number is trusted for itself alone, and for its own kind."""
        redactor.register("pin", registered)
        assert {key: before} == rows.put(part, {key: before})

        assert {key: "[REDACTED]"} == rows.put(part, {key: number})

    def test_a_step_that_is_registered_later(self, rows, redactor):
        """A counter that was none of the values is one now."""
        assert {"step": 90817263} == rows.put("own", {"step": 90817263})

        redactor.register("pin", "90817263")

        assert {"step": "[REDACTED]"} == rows.put("own", {"step": 90817263})

    def test_true_is_no_number(self, rows):
        """What is true or false stays so, whatever number came before."""
        rows.put("own", {"on": 1})

        assert rows.put("own", {"on": True})["on"] is True


class TestKeys:
    """A value may stand in a key."""

    @pytest.mark.parametrize("part", PARTS[:3])
    @pytest.mark.parametrize("beside", [5, 500, True, None, "", {}, [], (), 0.5])
    def test_whatever_stands_under_it(self, rows, canary, part, beside):
        """It is found there, be its entry ever so harmless."""
        rows.put(part, {"note": beside})

        assert {MARK: beside} == rows.put(part, {canary: beside})

    @pytest.mark.parametrize("key", ["thread_id", "checkpoint_id", "__note"])
    def test_metadata_has_no_keys_of_the_framework(self, rows, canary, key):
        """Metadata of a checkpoint is stored whole, so all of it is looked at."""
        rows.put("own", {key: "fine"})

        assert {key: MARK} == rows.put("own", {key: canary})


class TestContainers:
    """Nested entries."""

    @pytest.mark.parametrize("wrap", [tuple, list, lambda items: {"in": items}])
    def test_a_longer_one(self, rows, canary, wrap):
        """A tuple, list or dict is trusted with all that is in it."""
        rows.put("own", {"path": wrap(["a"])})

        kept = rows.put("own", {"path": wrap(["a", canary])})

        assert {"path": wrap(["a", MARK])} == kept

    def test_digits_and_keys_of_numbers(self, rows, redactor):
        """What looks alike as text is told apart."""
        redactor.register("pin", "90817263")
        rows.put("own", {"deep": [{"n": 9081726}, "x"]})

        kept = rows.put("own", {"deep": [{"n": 90817263}, "x"]})

        assert "90817263" not in repr(kept)

    def test_a_date_is_not_its_text(self, rows, redactor):
        """What savers write as text is told from that text."""
        text = "2031-04-05T06:07:08"
        redactor.register("born", text)
        rows.put("own", {"deep": {"at": datetime.fromisoformat(text)}})

        assert text not in repr(rows.put("own", {"deep": {"at": text}}))

    def test_objects_that_hide_what_they_hold(self, rows, canary):
        """Their text is the same, so they are looked at each time."""
        rows.put("own", {"deep": [SecretStr("fine")]})

        (kept,) = rows.put("own", {"deep": [SecretStr(canary)]})["deep"]

        assert MARK == getattr(kept, "get_secret_value", lambda: kept)()

    def test_what_cannot_be_told(self, rows, canary):
        """A set has no bytes to be known by, so it is looked at each time."""
        for _ in range(2):
            assert {"deep": [{"fine"}]} == rows.put("own", {"deep": [{"fine"}]})

        assert canary not in repr(rows.put("own", {"deep": [{canary}]}))


class TestIds:
    """Ids that a framework made up."""

    @pytest.mark.parametrize("value", [UUID, "9c4e-4b70", "a6e09c7d2b34"])
    def test_a_value_registered_between_two_puts(self, rows, redactor, value):
        """Whatever stands in an id is refused from then on."""
        rows.put(made=UUID)
        rows.write([("a", 1)], checkpoint_id=UUID)

        redactor.register("k", value)

        with pytest.raises(RawSecretFound, match="id of the checkpoint"):
            rows.put(made=UUID)
        with pytest.raises(RawSecretFound, match="checkpoint_id"):
            rows.put(made=OTHER_ID, checkpoint_id=UUID)
        with pytest.raises(RawSecretFound, match="checkpoint_id"):
            rows.write([("a", 1)], checkpoint_id=UUID)
        with pytest.raises(RawSecretFound, match="thread_id"):
            rows.put(made=OTHER_ID, thread_id=UUID)

    @pytest.mark.parametrize("key", ["thread_id", "checkpoint_ns", "checkpoint_map"])
    def test_ids_of_other_types(self, rows, redactor, key):
        """A number or a mapping is looked at each time it is another one."""
        redactor.register("pin", "90817263")
        rows.put(**{key: 9081726})
        rows.put(**{key: {"": OTHER_ID}})

        for raw in (90817263, {"": "90817263"}, ("90817263",)):
            with pytest.raises(RawSecretFound, match=key):
                rows.put(**{key: raw})

    def test_the_redactor_of_a_second_broker(self, rows):
        """What it registers counts as much, in an id and in metadata."""
        second = Redactor()
        rows.saver = guard_checkpointer(rows.saver, second)
        rows.put("own", {"note": LATE})

        second.register("late", LATE)
        assert {"note": "[REDACTED:late]"} == rows.put("own", {"note": LATE})
        second.register("k", "9c4e-4b70")

        with pytest.raises(RawSecretFound, match="id of the checkpoint"):
            rows.put(made=UUID)

    def test_a_value_among_values_of_other_letters(self, rows, redactor):
        """Where one value could stand in ids, those without it pass."""
        redactor.register("k", "9c4e-4b70")

        for _ in range(2):
            rows.put(made=OTHER_ID)
            rows.write([("a", 1)], checkpoint_id=OTHER_ID)

        assert 4 == len(rows.saver.seen)


class TestNames:
    """Names of channels and nodes."""

    @pytest.mark.parametrize(
        "write",
        [
            lambda rows, name: rows.write([("fine", 1), (name, 1)]),
            lambda rows, name: rows.write([("fine", 1)], path=name),
        ],
    )
    def test_registered_later(self, rows, redactor, write):
        """A name that was clean is refused once it is a value."""
        write(rows, LATE)

        redactor.register("late", LATE)

        with pytest.raises(RawSecretFound, match="name"):
            write(rows, LATE)


class TestWhoActs:
    """What is clean on one's behalf may be a value on another's."""

    @pytest.fixture
    def stored(self, redactor):
        redactor.register("pin", "qzv7", tenant="b", allow_short=True)
        return {name: redactor.stored_for(Principal(tenant=name)) for name in "ab"}

    def test_short_values_of_a_tenant(self, rows, stored):
        """They are found for their own tenant, whoever stored before."""
        for name, kept in (("a", "qzv7"), ("b", "[REDACTED:pin]"), ("a", "qzv7")):
            with acting(stored[name]):
                assert {"note": kept} == rows.put("own", {"note": "qzv7"})

    def test_after_one_who_is_gone(self, rows, redactor, stored):
        """Nobody's eyes are not those of who acted last and is no more."""
        redactor.register("own", "qzk8", allow_short=True)
        with acting(stored.pop("a")):
            assert {"note": "qzk8"} == rows.put("own", {"note": "qzk8"})
        gc.collect()

        assert {"note": "[REDACTED:own]"} == rows.put("own", {"note": "qzk8"})

    @pytest.mark.parametrize("fails", [False, True])
    def test_nobody_acts_afterwards(self, rows, redactor, stored, fails):
        """A put by a run's config acts for its user until it ends, in any way."""
        redactor.register("late", LATE, tenant="b")
        run = type("Run", (), {"stored": stored["b"]})()
        thread_id = LATE if fails else "t"
        config = {RUN_KEY: run, "note": "qzv7", "thread_id": thread_id}
        with pytest.raises(RawSecretFound) if fails else nullcontext():
            assert "[REDACTED:pin]" == rows.put("configurable", config)["note"]
        after = [rows.acted_for]
        with pytest.raises(RawSecretFound) if fails else nullcontext():
            rows.write([("a", 1)], **{RUN_KEY: run, "thread_id": thread_id})

        assert [False, False] == [*after, rows.acted_for]


class TestMeanwhile:
    """Others go on while something is looked at."""

    def test_it_is_edited_while_it_is_looked_at(self, rows, redactor, monkeypatch):
        """What it was before is not trusted for that."""
        found, redact = {"note": [LATE]}, redactor.redact

        def editing(obj):
            if obj == {"note": [LATE]}:
                found["note"][:] = ["fine"]
            return redact(obj)

        redactor.register("late", LATE)
        monkeypatch.setattr(redactor, "redact", editing)
        rows.put("own", found)
        monkeypatch.undo()

        assert {"note": ["[REDACTED:late]"]} == rows.put("own", {"note": [LATE]})

    def test_a_value_is_registered_while_it_is_looked_at(
        self, rows, redactor, monkeypatch
    ):
        """What was found clean counts as unknown from then on."""
        redact = redactor.redact

        def registering(obj):
            clean = redact(obj)
            redactor.register("late", LATE)
            return clean

        monkeypatch.setattr(redactor, "redact", registering)
        rows.put("own", {"note": LATE})
        monkeypatch.undo()

        assert {"note": "[REDACTED:late]"} == rows.put("own", {"note": LATE})
