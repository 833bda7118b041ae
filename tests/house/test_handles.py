"""Handles, records, references and values."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from langchain_tyrum.errors import InvalidHandle, LeaseExpired, TyrumError
from langchain_tyrum.handles import (
    HANDLE_TEXT,
    SecretHandle,
    SecretReference,
    SecretValue,
    Table,
    handle_names,
    new_id,
)

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def handle() -> SecretHandle:
    return SecretHandle(
        handle_id=new_id("h_"),
        name="github/token",
        provider="memory",
        scope="github:write",
        created_at=NOW,
    )


class TestHandle:
    def test_travels_as_text_json_and_dict(self, handle):
        """A handle comes back from each form in which it travels."""
        forms = [
            handle,
            str(handle),
            handle.handle_id,
            handle.model_dump_json(),
            handle.model_dump(mode="json"),
            handle.model_dump(),
        ]

        assert [handle] * 6 == [SecretHandle.parse(form) for form in forms]

    def test_equality_is_by_id(self, handle):
        """Forged fields do not make another handle, another id does."""
        forged = handle.model_copy(update={"scope": "prod"})
        other = handle.model_copy(update={"handle_id": new_id("h_")})

        assert (True, False) == (handle == forged, handle == other)
        assert hash(handle) == hash(forged)

    @pytest.mark.parametrize(
        "raw", ["", "github/token", "tyrum://x", "h_short", "{}", "[1]", "{bad", 7, {}]
    )
    def test_refuses_what_is_no_handle(self, raw):
        """Bad input is one clear error that repeats nothing of it."""
        with pytest.raises(InvalidHandle) as caught:
            SecretHandle.parse(raw)

        assert (None, None) == (caught.value.__cause__, caught.value.__context__)
        assert isinstance(caught.value, LookupError)

    def test_refuses_unknown_fields(self, handle):
        """A handle with a value smuggled in is no handle."""
        with pytest.raises(InvalidHandle) as caught:
            SecretHandle.parse({**handle.model_dump(mode="json"), "value": "s3cr3t"})

        assert "s3cr3t" not in repr(caught.value)

    def test_is_frozen(self, handle):
        """A handle cannot be changed."""
        with pytest.raises(ValidationError):
            handle.scope = "prod"

    @given(st.text())
    def test_any_text_is_a_handle_or_refused(self, text):
        """Parsing never fails in any other way."""
        try:
            parsed = SecretHandle.parse(text)
        except InvalidHandle:
            return
        assert parsed.handle_id in text

    def test_names_in_text(self):
        """Ids and aliases are found inside text, in order."""
        text = "use tyrum://github/bot, then tyrum://h_1."

        assert ["github/bot", "h_1"] == list(handle_names(text))
        assert HANDLE_TEXT.search("tyrum:// nothing") is None


class TestReference:
    @pytest.mark.parametrize(
        "bad",
        [
            {"allowed_tool_ids": []},
            {"secret_ref_id": ""},
            {"secret_ref_id": "x" * 257},
            {"secret_alias": "x" * 121},
            {"display_name": ""},
            {"value": "x"},
        ],
    )
    def test_bounds(self, bad):
        """A reference has an id, at least one tool, and nothing besides."""
        good = {"secret_ref_id": "r_1", "allowed_tool_ids": ["t"]}
        assert "tyrum://r_1" == str(SecretReference(**good))

        with pytest.raises(ValidationError):
            SecretReference(**{**good, **bad})


class TestValue:
    def test_reveals_until_it_expires(self):
        """The value is readable during the lease only."""
        value = SecretValue("grüße-123", name="k/1")
        assert ("grüße-123", "grüße-123".encode()) == (
            value.reveal(),
            value.reveal_bytes(),
        )

        value.expire()

        with pytest.raises(LeaseExpired, match="k/1"):
            value.reveal()

    def test_prints_stars(self):
        """No way of printing it shows it."""
        value = SecretValue("hunter2-hunter2", name="k/1")
        shown = [str(value), repr(value), f"{value}", f"{value:>20}", "%s" % value]  # noqa: UP031
        shown += [repr([value]), repr({"a": value})]

        assert [False] * 7 == ["hunter2" in text for text in shown]

    @pytest.mark.parametrize(
        "road", [copy.copy, copy.deepcopy, pickle.dumps, json.dumps, vars, dict, list]
    )
    def test_refuses_every_road_out(self, road):
        """Copies, pickles and dumps are refused."""
        with pytest.raises(TypeError):
            road(SecretValue("hunter2-hunter2"))

    def test_pydantic_takes_it_and_does_not_dump_it(self):
        """A model may have a field of it, and refuses to write it."""

        class Login(BaseModel):
            password: SecretValue

        login = Login(password=SecretValue("hunter2-hunter2"))

        assert "hunter2" not in repr(login)
        with pytest.raises(Exception, match="cannot be copied"):
            login.model_dump_json()

    def test_equality(self):
        """Values compare among themselves, and with nothing else."""
        one, two = SecretValue("hunter2-hunter2"), SecretValue(b"hunter2-hunter2")

        assert one == two
        assert one != SecretValue("another")
        assert one != "hunter2-hunter2"
        assert one != SecretStr("hunter2-hunter2")
        with pytest.raises(TypeError):
            hash(one)


class TestErrors:
    def tree(self, root=TyrumError):
        for error in root.__subclasses__():
            yield error
            yield from self.tree(error)

    def test_all_pickle_with_their_attributes(self):
        """Errors travel between processes with handle, scope and tool id."""
        for error in self.tree():
            if error.__module__ != "langchain_tyrum.errors":
                continue
            made = error("what to do", handle="h_1", scope="s", tool_id="t")
            back = pickle.loads(pickle.dumps(made))

            assert (error, "what to do") == (type(back), str(back))
            assert ("h_1", "s", "t") == (back.handle, back.scope, back.tool_id)


class TestTable:
    def test_draws_rows_escaped(self, handle):
        """A list of handles or ledger rows renders as a table, safely."""
        shown = Table([{"name": "<b>", "error": None}])._repr_html_()

        assert "<td>&lt;b&gt;</td><td></td>" in shown
        assert "<td>github/token</td>" in Table([handle])._repr_html_()
        assert "<table><tr></tr></table>" == Table()._repr_html_()
        assert [1] == Table([1])
