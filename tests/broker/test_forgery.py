"""Forged handles gain nothing: only the id counts, and the catalog knows the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    SecretExists,
    SecretForbidden,
    SecretNotFound,
    TyrumError,
)
from langchain_tyrum.handles import SecretHandle, SecretRecord
from langchain_tyrum.policy import SecretPolicy

VALUE = "quiet-otter-7713-lamp-rail"
ADA = CallIdentity(user="ada", thread_id="t1")
POLICY = SecretPolicy(allow=["open:*"], deny=["prod:*"], require_approval=["ask:*"])
#: What a forger writes into a handle, and what it hopes to reach by it.
FIELDS = {
    "name": "open/token",
    "provider": "memory",
    "scope": "open:read",
    "created_at": datetime(2001, 1, 1, tzinfo=UTC),
}
#: What a record tells besides; no handle has these fields.
RECORD_FIELDS = {
    "version": 1,
    "status": "active",
    "tenant": "default",
    "owner": "ada",
    "principal": "service",
    "environment": None,
    "allowed_hosts": (),
    "expires_at": None,
    "updated_at": datetime(2001, 1, 1, tzinfo=UTC),
}
FORMS = {
    "object": lambda fields: SecretHandle(**fields),
    "dict": lambda fields: SecretHandle(**fields).model_dump(),
    "plain dict": lambda fields: SecretHandle(**fields).model_dump(mode="json"),
    "text": lambda fields: str(SecretHandle(**fields)),
    "from json": lambda fields: SecretHandle.parse(
        SecretHandle(**fields).model_dump_json()
    ),
}


def opened(broker, secret, call):
    """What a lease yields."""
    with broker.lease(secret, tool_id="t", call=call) as value:
        return value.reveal()


OPERATIONS = {
    "lease": opened,
    "decide": lambda broker, secret, call: str(broker.decide("t", [secret], call=call)),
    "usable_grant": lambda broker, secret, call: broker.usable_grant(
        "t", [secret], call=call
    ),
    "describe": lambda broker, secret, call: broker.describe(
        secret, tenant=call.tenant, owner=call.user
    ),
    "reference": lambda broker, secret, call: (
        broker.reference(
            secret, tools=["t"], tenant=call.tenant, owner=call.user
        ).allowed_tool_ids
    ),
}


def result(broker, operation, secret, call=ADA):
    """What comes of an operation: its result, or its error in words."""
    try:
        return OPERATIONS[operation](broker, secret, call)
    except TyrumError as error:
        return type(error), str(error), error.handle, error.scope, error.tool_id


@pytest.fixture(scope="module")
def broker():
    with SecretBroker.in_memory(policy=POLICY) as made:
        made.put("open/token", f"{VALUE}-open", scope="open:read")
        for name, scope in (("prod/db", "prod:db"), ("ask/me", "ask:me")):
            made.put(name, f"{VALUE}-{name}", scope=scope)
        made.put("ada/mail", f"{VALUE}-ada", scope="ada-scope", owner="ada")
        made.put("bob/mail", f"{VALUE}-bob", scope="bob-scope", owner="bob")
        made.put("corp/db", f"{VALUE}-corp", scope="corp-scope", tenant="acme")
        made.put("eve/mail", f"{VALUE}-e", owner="ada", tenant="acme", scope="eve-s")
        made.put("open/once", f"{VALUE}-old", scope="open:once")
        made.rotate("open/once", f"{VALUE}-new")
        yield made


@pytest.fixture(scope="module")
def records(broker):
    """Every record, by name."""
    found = [
        *broker.records(),
        *broker.records(tenant="acme"),
        *(
            record
            for owner, tenant in (("ada", "default"), ("bob", "default"))
            for record in broker.records(owner=owner, tenant=tenant)
        ),
        *broker.records(owner="ada", tenant="acme"),
    ]
    return {record.name: record for record in found}


class TestForgedFields:
    @pytest.mark.parametrize("form", FORMS)
    @pytest.mark.parametrize("field", FIELDS)
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("name", ["prod/db", "ask/me", "bob/mail", "corp/db"])
    def test_a_handle(self, broker, records, name, operation, field, form):
        """A forged field changes nothing, in any form in which handles travel."""
        honest = records[name].handle
        forged = FORMS[form]({**honest.model_dump(), field: FIELDS[field]})

        assert result(broker, operation, honest) == result(broker, operation, forged)

    @pytest.mark.parametrize("field", [*FIELDS, *RECORD_FIELDS])
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("name", ["prod/db", "ask/me", "bob/mail", "corp/db"])
    def test_a_record(self, broker, records, name, operation, field):
        """A forged record is worth as much as its id."""
        honest = records[name]
        forged = honest.model_copy(update={field: {**FIELDS, **RECORD_FIELDS}[field]})

        assert result(broker, operation, honest) == result(broker, operation, forged)

    @pytest.mark.parametrize("field", RECORD_FIELDS)
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("wrap", [dict, json.dumps], ids=["dict", "json"])
    def test_fields_that_no_handle_has(self, broker, records, operation, field, wrap):
        """A handle with an owner, a tenant or a version is no handle."""
        plain = records["open/token"].handle.model_dump(mode="json")
        forged = wrap({**plain, field: str(RECORD_FIELDS[field])})

        told = result(broker, operation, forged)

        assert issubclass(told[0], SecretNotFound)

    def test_a_forged_version_yields_the_present_value(self, broker, records):
        """An old version is not to be had by claiming it."""
        forged = records["open/once"].model_copy(update={"version": 1})

        assert f"{VALUE}-new" == opened(broker, forged, ADA)

    @given(
        name=st.sampled_from(["prod/db", "ask/me", "bob/mail", "corp/db", "eve/mail"]),
        operation=st.sampled_from(list(OPERATIONS)),
        fields=st.fixed_dictionaries(
            {
                "name": st.text(max_size=20),
                "provider": st.text(max_size=20),
                "scope": st.text(max_size=20),
                "created_at": st.none() | st.datetimes(),
            }
        ),
    )
    def test_any_fields(self, broker, records, name, operation, fields):
        """Whatever is written into a handle, it is worth as much as its id."""
        honest = records[name].handle
        forged = SecretHandle(handle_id=honest.handle_id, **fields)

        assert result(broker, operation, honest) == result(broker, operation, forged)

    @pytest.mark.parametrize(
        "junk", [None, 3, [], ["tyrum://h_x"], {}, {"handle_id": []}, b"tyrum://h_x"]
    )
    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_what_is_no_handle_at_all(self, broker, operation, junk):
        """Junk from a checkpoint is refused as such."""
        assert issubclass(result(broker, operation, junk)[0], SecretNotFound)


class TestForeignHandles:
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("name", ["bob/mail", "corp/db", "eve/mail"])
    def test_tell_nothing(self, broker, records, name, operation):
        """Somebody else's handle is refused without name, owner, scope and tenant."""
        record = records[name]
        kind, text, handle, scope, _ = result(broker, operation, record.handle)

        assert (SecretForbidden, record.handle_id, None) == (kind, handle, scope)
        for told in (record.name, record.scope, "bob", "acme", "corp", VALUE):
            assert told not in text

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_made_up_ones_are_unknown(self, broker, operation):
        """A made-up id is unknown, and that is all that is said."""
        made_up = "h_" + "a" * 22
        kind, text, handle, scope, _ = result(broker, operation, f"tyrum://{made_up}")

        assert (SecretNotFound, made_up, None) == (kind, handle, scope)
        assert text == (
            f"no secret has the handle {made_up!r}: it was never stored here"
        )

    @pytest.mark.parametrize("operation", ["lease", "decide", "usable_grant"])
    @pytest.mark.parametrize(
        "call",
        [
            CallIdentity(),
            CallIdentity(user=""),
            CallIdentity(user="bob"),
            CallIdentity(user="Ada"),
            CallIdentity(user="ada "),
            CallIdentity(user="аda"),  # noqa: RUF001 - a Cyrillic letter
            CallIdentity(user="ada", tenant="acme"),
            CallIdentity(user=None, tenant="acme"),
        ],
        ids=str,
    )
    def test_a_users_secret_is_for_its_owner_alone(
        self, broker, records, operation, call
    ):
        """No service, no namesake in another tenant and nobody like it gets it."""
        kind = result(broker, operation, records["ada/mail"].handle, call)[0]

        assert kind is SecretForbidden

    def test_its_owner_gets_it(self, records):
        """The same secret does lease for its owner: the refusals mean something."""
        with SecretBroker.in_memory(policy=SecretPolicy(allow=["*"])) as broker:
            handle = broker.put("ada/mail", VALUE, owner="ada")

            assert VALUE == opened(broker, handle, ADA)

    def test_the_providers_are_not_asked(self, provider):
        """What is refused costs no read of any provider."""
        with SecretBroker(
            providers=[provider], catalog="sqlite://", policy=POLICY
        ) as broker:
            bobs = broker.put("bob/mail", VALUE, owner="bob")
            denied = broker.put("prod/db", f"{VALUE}-2", scope="prod:db")
            before = provider.reads

            for handle in (bobs, denied):
                forged = handle.model_copy(update={"scope": "open:read"})
                assert result(broker, "lease", forged)[0] is SecretForbidden

            assert before == provider.reads

    def test_the_ledger_tells_nothing_either(self, broker, records):
        """The row of a refused lease stands in the caller's part, without the name."""
        result(broker, "lease", records["bob/mail"].handle)

        row = broker.audit.tail(1)[0]
        assert ("lease_denied", "ada") == (row["action"], row["user"])
        assert "bob" not in json.dumps(row)


class TestGrants:
    def test_a_grant_is_for_the_catalogs_scope(self, broker, records):
        """A grant of one scope does not serve a handle that claims this scope."""
        broker.grant(mode="session", tool_id="t", scopes=["open:read"], call=ADA)
        forged = records["ask/me"].handle.model_copy(update={"scope": "open:read"})

        assert result(broker, "usable_grant", forged) is None

    @pytest.mark.parametrize(
        "other",
        [
            CallIdentity(user="bob", thread_id="t9"),
            CallIdentity(user=None, thread_id="t9"),
            CallIdentity(user="ada", thread_id="t9", tenant="acme"),
            CallIdentity(user="ada", thread_id="t1"),
            CallIdentity(user="ada", thread_id=None),
        ],
        ids=str,
    )
    def test_a_session_grant_is_for_its_user_and_thread(self, records, other):
        """Who names somebody else's thread gets none of the grants made there."""
        with SecretBroker.in_memory({"k": VALUE}) as broker:
            theirs = CallIdentity(user="ada", thread_id="t9")
            broker.put("k", f"{VALUE}-2", tenant="acme")
            broker.grant(mode="session", tool_id="t", scopes=["k"], call=theirs)

            assert broker.usable_grant("t", ["k"], call=theirs)
            assert broker.usable_grant("t", ["k"], call=other) is None

    def test_scopes_are_a_list(self, broker):
        """A bare text would be a grant for its letters."""
        with pytest.raises(ConfigError, match=r"write \['github'\]"):
            broker.grant(mode="always", tool_id="t", scopes="github")


class TestConfusion:
    @pytest.fixture
    def own(self):
        with SecretBroker.in_memory({"github/token": VALUE}) as made:
            made.put("mail", f"{VALUE}-2", owner="bob")
            made.reference("github/token", alias="github", tools=["t"])
            yield made

    @pytest.mark.parametrize(
        "selector",
        [
            "github/token",
            "tyrum://github/token",
            "mail",
            "GitHub",
            "github ",
            " github",
            "github\n",
            "tyrum://github/",
            "tyrum:///github",
            "tyrum://tyrum://github",
            "TYRUM://github",
            "git%68ub",
            "githuｂ",  # noqa: RUF001 - a wide letter
            "gitһub",  # noqa: RUF001 - a Cyrillic letter
            "git\u200bhub",
            "github\x00",
            "\ud800",
            "",
            "tyrum://",
            "%",
            "_ithub",
            None,
            3,
            {"secret_alias": "github"},
        ],
    )
    def test_only_the_exact_text_is_a_choice(self, own, selector):
        """Names, lookalikes and encodings of an alias choose nothing."""
        with pytest.raises(SecretNotFound, match="no reference has that id or alias"):
            own.resolve_reference(selector, tool_id="t")

    def test_handles_without_a_reference_choose_nothing(self, own):
        """A handle that a model writes counts only where a reference covers it."""
        covered = own.describe("github/token").handle_id
        bare = own.put("gitlab/token", f"{VALUE}-3").handle_id

        assert covered == own.resolve_reference(covered, tool_id="t").handle_id
        for selector in (bare, f"tyrum://{bare}", "h_" + "a" * 22):
            with pytest.raises(SecretNotFound):
                own.resolve_reference(selector, tool_id="t")

    def test_a_tool_that_is_not_listed_learns_no_alias(self, own):
        """The refusal repeats what was written, not what else it is called."""
        covered = own.describe("github/token").handle_id

        with pytest.raises(SecretForbidden) as caught:
            own.resolve_reference(covered, tool_id="other")
        assert "github" not in str(caught.value)

    @pytest.mark.parametrize("owner", [None, "ada", "bob"])
    @pytest.mark.parametrize("other", [None, "ada", "bob"])
    def test_an_alias_is_no_other_secrets_name(self, owner, other):
        """In both orders and across owners, one text never means two secrets."""
        with SecretBroker.in_memory() as broker:
            broker.put("one", VALUE, owner=owner)
            broker.put("two", f"{VALUE}-2", owner=other)
            with pytest.raises(SecretExists):
                broker.reference("one", alias="two", tools=["t"], owner=owner)

            broker.reference("one", alias="uno", tools=["t"], owner=owner)
            with pytest.raises(SecretExists):
                broker.put("uno", f"{VALUE}-3", owner=other)
            with pytest.raises(SecretExists):
                broker.reference("two", alias="uno", tools=["t"], owner=other)

    def test_a_reference_id_is_nobodys_name_or_alias(self, own):
        """Ids stand in the same list as names and aliases."""
        taken = own.references("t")[0].secret_ref_id

        with pytest.raises(SecretExists):
            own.put(taken, f"{VALUE}-3")
        with pytest.raises(SecretExists):
            own.reference("mail", owner="bob", alias=taken, tools=["t"])

    def test_another_tenants_aliases_are_free(self, own):
        """Tenants do not share a list."""
        own.put("github", f"{VALUE}-3", tenant="acme")

        assert "github" == own.describe("github", tenant="acme").name

    @pytest.mark.parametrize("alias", ["h_" + "a" * 22, "a b", "", "x" * 121, 3])
    def test_aliases_that_could_be_mistaken(self, own, alias):
        """An alias reads like no handle and has no characters of others."""
        with pytest.raises(ConfigError, match="an alias has"):
            own.reference("github/token", alias=alias, tools=["t"])

    @pytest.mark.parametrize("title", ["", "x" * 121, "a\n- b", "a\u202eb", "a\u2028b"])
    def test_titles_that_could_forge_a_line(self, own, title):
        """A display name stays on its line."""
        with pytest.raises(ConfigError, match="a display name has"):
            own.reference("github/token", display_name=title, tools=["t"])

    @pytest.mark.parametrize(
        "name", ["git\u200bhub", "a\u202eb", "a\x85b", "a\u2028b", "a\ud800"]
    )
    def test_names_have_no_unseen_characters(self, own, name):
        """Two names that look the same are not both possible by hidden characters."""
        with pytest.raises(ConfigError, match="a secret's name has"):
            own.put(name, f"{VALUE}-3")

    @pytest.mark.parametrize(
        "name",
        ["GitHub/token", "github/token ", "github%2Ftoken", "github/tоken"],  # noqa: RUF001
    )
    def test_names_match_exactly(self, own, name):
        """Neither case nor lookalikes nor encodings of a name are that name."""
        with pytest.raises(SecretNotFound):
            own.describe(name)

    @pytest.mark.parametrize("table", ["secret_references", "secrets"])
    def test_a_database_that_folds_case_changes_nothing(self, own, table):
        """Where the database compares without regard to case, the broker does not."""
        with own.catalog.transaction() as connection:
            columns = [
                row[1]
                for row in connection.exec_driver_sql(f"pragma table_info({table})")
            ]
            typed = ", ".join(f"{name} collate nocase" for name in columns)
            for step in (
                f"alter table {table} rename to aside",
                f"create table {table} ({typed})",
                f"insert into {table} select * from aside",
            ):
                connection.exec_driver_sql(step)

        assert "github/token" == own.resolve_reference("github", tool_id="t").name
        with pytest.raises(SecretNotFound):
            own.resolve_reference("GitHub", tool_id="t")
        with pytest.raises(SecretNotFound):
            own.describe("GitHub/token")
        with pytest.raises(SecretForbidden):
            own.decide("t", [own.put("x", VALUE, owner="bob")], call=ADA)


class TestEnvironments:
    @pytest.mark.parametrize("environment", [None, "production", "staging"])
    def test_a_reference_means_what_the_name_means_here(self, tmp_path, environment):
        """Made for the row of any environment, it picks the environment's own."""
        path = tmp_path / "t.db"
        key = b"k" * 32
        with SecretBroker.local(path, key=key) as setting_up:
            shared = setting_up.put("github/token", VALUE)
            made = setting_up.reference(shared, alias="github", tools=["t"])
            live = setting_up.put(
                "github/token", f"{VALUE}-live", environment="production"
            )
        with pytest.MonkeyPatch.context() as patch:
            if environment:
                patch.setenv("TYRUM_ENVIRONMENT", environment)
            with SecretBroker.local(path, key=key) as broker:
                expected = live if environment == "production" else shared

                for selector in ("github", made.secret_ref_id, str(shared), str(live)):
                    record = broker.resolve_reference(selector, tool_id="t")
                    assert expected.handle_id == record.handle_id
                assert {expected.handle_id: made} == broker.references_by_handle("t")

    def test_again_from_another_environments_row(self, monkeypatch):
        """The same alias for the same name is one reference, whichever row is named."""
        monkeypatch.setenv("TYRUM_ENVIRONMENT", "production")
        with SecretBroker.in_memory({"k": VALUE}) as broker:
            first = broker.reference("k", alias="key", tools=["a"])
            live = broker.put("k", f"{VALUE}-live", environment="production")

            second = broker.reference(live, alias="key", tools=["b"])

            assert first.secret_ref_id == second.secret_ref_id
            assert [second] == broker.references()

    def test_an_alias_is_not_its_own_secrets_name(self):
        """What models write is an alias or an id, never a name: not even its own."""
        with SecretBroker.in_memory({"k": VALUE}) as broker:
            with pytest.raises(SecretExists, match="name of a secret"):
                broker.reference("k", alias="k", tools=["t"])
            broker.put("k", f"{VALUE}-live", environment="production")

            assert [] == broker.references()

    def test_a_secret_of_another_environment_is_refused_by_the_lease(self):
        """A reference to it resolves, so that the error can say why."""
        with SecretBroker.in_memory(policy=SecretPolicy(allow=["*"])) as broker:
            live = broker.put("k", VALUE, environment="production")
            broker.reference(live, alias="key", tools=["t"])
            record = broker.resolve_reference("key", tool_id="t")

            assert isinstance(record, SecretRecord)
            assert result(broker, "lease", record)[0] is SecretForbidden

    def test_values_for_any_environment_are_armed_in_each(self, monkeypatch):
        """What every environment may use is covered, whichever this is."""
        monkeypatch.setenv("TYRUM_ENVIRONMENT", "production")
        with SecretBroker.in_memory({"k": VALUE}) as broker:
            assert 1 == broker.arm()
            assert [] == broker.verify()


class TestAlteredRows:
    """Who can write the catalog, and has no key, reads nobody's value."""

    @pytest.mark.parametrize("also", ["", ", fingerprint = ''"])
    def test_an_entry_that_points_elsewhere(self, tmp_path, also):
        """An entry opens no value that is stored for another one."""
        with SecretBroker.local(
            tmp_path / "s.db", policy=SecretPolicy(allow=["*"])
        ) as broker:
            ada = broker.put("pw", "kq7-of-ada-0001", owner="ada")
            broker.put("pw", "kq7-of-mal-0001", owner="mal")
            with broker.catalog.engine.begin() as connection:
                connection.exec_driver_sql(
                    "UPDATE secrets SET ref = (SELECT ref FROM secrets WHERE"
                    f" handle_id = '{ada.handle_id}'){also} WHERE owner = 'mal'"
                )

            mal = CallIdentity(user="mal")
            with (
                pytest.raises(ProviderError, match="row of 'pw' was altered"),
                broker.lease("pw", tool_id="t", call=mal),
            ):
                pytest.fail("it was leased")
            own = CallIdentity(user="ada")
            with broker.lease("pw", tool_id="t", call=own) as value:
                assert "kq7-of-ada-0001" == value.reveal()
