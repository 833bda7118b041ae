"""Tenants and users see their own, and nothing of each other."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.broker.records.names import names_of
from langchain_tyrum.errors import (
    KeyMismatch,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    SecretForbidden,
    SecretNotFound,
    TyrumError,
)
from langchain_tyrum.handles import Principal
from langchain_tyrum.ledger import schema
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider

ALL = SecretPolicy(allow=["*"])
#: Two tenants, two users each, and their services. The same user ids in both.
PARTIES = [
    Principal(tenant, user)
    for tenant in ("default", "acme")
    for user in (None, "ada", "bob")
]


def marks_of(party):
    """The texts that only this party's data holds."""
    stem = f"{party.tenant[:3]}{party.user or 'srv'}zq"
    return {
        "name": f"{stem}-name",
        "alias": f"{stem}-alias",
        "scope": f"{stem}:scope",
        "title": f"{stem} title",
        "value": f"{stem}-value-7713",
    }


def fill(broker, party):
    """Give a party a secret with everything that could be told of it."""
    marks, whose = marks_of(party), {"tenant": party.tenant, "owner": party.user}
    handle = broker.put(marks["name"], marks["value"], scope=marks["scope"], **whose)
    broker.reference(
        marks["name"],
        alias=marks["alias"],
        display_name=marks["title"],
        tools=["t"],
        **whose,
    )
    return handle


def foreign_marks(party):
    """The texts that this party must never read: not its own, not its services'."""
    hidden = [
        other
        for other in PARTIES
        if other.tenant != party.tenant or other.user not in (None, party.user)
    ]
    return {text for other in hidden for text in marks_of(other).values()}


def call_of(party):
    return CallIdentity(tenant=party.tenant, user=party.user, thread_id="t1")


class Failing(MemoryProvider):
    """Fails on demand, with a text that names what was asked for."""

    down: type[Exception] | None = None

    def get(self, name, *, version=None):
        if self.down:
            raise self.down(f"cannot read {name!r}")
        return super().get(name, version=version)


@pytest.fixture
def filled():
    with SecretBroker.in_memory(policy=ALL) as broker:
        broker.handles_of = {party: fill(broker, party) for party in PARTIES}
        yield broker


class TestLists:
    @pytest.mark.parametrize("party", PARTIES, ids=str)
    def test_references(self, filled, party):
        """A user sees the services' references and its own; a service, services'."""
        services = Principal(party.tenant)

        for tool_id in (None, "t"):
            found = filled.references(tool_id, tenant=party.tenant, owner=party.user)
            assert {marks_of(p)["alias"] for p in (services, party)} == {
                one.secret_alias for one in found
            }
        assert [] == filled.references("other", tenant=party.tenant, owner=party.user)

    def test_nobody_named_is_a_service(self, filled):
        """Without a user no user's reference is listed, whatever is given for one."""
        for owner in (None, ""):
            assert ["defsrvzq-alias"] == [
                one.secret_alias for one in filled.references(owner=owner)
            ]

    @pytest.mark.parametrize("party", PARTIES, ids=str)
    def test_handles_and_records(self, filled, party):
        """Handles and records are of one party."""
        whose = {"tenant": party.tenant, "owner": party.user}

        assert [marks_of(party)["name"]] == [h.name for h in filled.handles(**whose)]
        assert [marks_of(party)["name"]] == [r.name for r in filled.records(**whose)]

    def test_grants(self, filled):
        """Grants are listed per tenant, or all of them."""
        made = [
            filled.grant(mode="always", tool_id="t", scopes=["s"], call=call_of(party))
            for party in PARTIES
        ]

        assert made == filled.grants()
        for tenant in ("default", "acme", "nobody"):
            assert [one for one in made if one.tenant == tenant] == filled.grants(
                tenant=tenant
            )

    async def test_async_twins(self, filled):
        """The async twins take the same arguments."""
        assert [] == await filled.agrants(tenant="acme")
        assert 2 == len(await filled.areferences(tenant="acme", owner="ada"))
        assert 6 == len(PARTIES)
        assert {} == await filled.areferences_by_handle("other", tenant="acme")


class TestErrors:
    @pytest.mark.parametrize("party", PARTIES, ids=str)
    @pytest.mark.parametrize("slip", ["{}x", "x{}", "{}"])
    def test_did_you_mean_knows_ones_own_only(self, filled, party, slip):
        """A slip is never answered with a name of somebody else."""
        hidden = foreign_marks(party)
        for other in PARTIES:
            asked = slip.format(marks_of(other)["name"])
            try:
                filled.describe(asked, tenant=party.tenant, owner=party.user)
            except SecretNotFound as error:
                told = f"{error}{error.scope}".replace(asked, "")
                assert not [text for text in hidden if text in told]

    def test_a_provider_that_fails_names_nobody_to_anybody(self):
        """A failure on somebody's secret does not tell its name to all runs."""
        provider = Failing()
        with SecretBroker(providers=[provider], catalog="sqlite://") as broker:
            handle = fill(broker, Principal("default", "bob"))
            fill(broker, Principal("default"))
            provider.down = ProviderTimeout
            for fail in (broker.arm, lambda: broker.arm([handle])):
                with pytest.raises(ProviderTimeout) as caught:
                    fail()
                assert "defbobzq" not in f"{caught.value}{caught.value.__dict__}"
                assert caught.value.__context__ is None

    def test_one_tenants_services_are_named_where_they_are_alone(self):
        """With a single tenant, whoever runs it reads which of its secrets failed."""
        provider = Failing()
        with SecretBroker(providers=[provider], catalog="sqlite://") as broker:
            fill(broker, Principal("default"))
            provider.down = ProviderUnavailable
            with pytest.raises(ProviderUnavailable, match="defsrvzq-name"):
                broker.arm()
            fill(broker, Principal("acme"))
            with pytest.raises(ProviderUnavailable, match="h_") as caught:
                broker.arm()
            assert "srvzq" not in str(caught.value)

    @pytest.mark.parametrize("kind", [ProviderTimeout, KeyMismatch, SecretNotFound])
    @pytest.mark.parametrize("party", PARTIES, ids=str)
    def test_verify_names_ones_own_only(self, party, kind):
        """Every failure is listed, those of others by their handles alone."""
        provider = Failing()
        with SecretBroker(providers=[provider], catalog="sqlite://") as broker:
            for one in PARTIES:
                fill(broker, one)
            provider.down = kind
            found = broker.verify(tenant=party.tenant, owner=party.user)

            assert len(PARTIES) == len(found)
            assert {kind} == {type(problem.error) for problem in found}
            told = "".join(f"{p}{p!r}{p.error.__dict__}" for p in found)
            assert not [text for text in foreign_marks(party) if text in told]
            assert marks_of(party)["name"] in told

    def test_a_kind_of_ones_own_is_told_as_its_base(self):
        """An error class of a provider's own is told as the one it stands on."""

        class Own(ProviderError):
            def __init__(self, ref):
                super().__init__(f"cannot read {ref!r}")

        provider = Failing()
        with SecretBroker(providers=[provider], catalog="sqlite://") as broker:
            fill(broker, Principal("acme", "ada"))
            provider.down = Own

            assert [ProviderError] == [type(p.error) for p in broker.verify()]


class TestAttributes:
    def test_of_ones_own(self):
        """An error about one's own secret carries handle, scope and tool id."""
        policy = SecretPolicy(deny=["*"])
        with SecretBroker.in_memory(policy=policy) as broker:
            handle = broker.put("k", "quiet-otter-7713", scope="s:1", owner="ada")
            call = CallIdentity(user="ada")
            broker.put("live", "quiet-otter-7714", scope="s:2", environment="prod")
            broker.put("gone", "quiet-otter-7715", scope="s:3")
            broker.revoke("gone")

            def error(name):
                with pytest.raises(TyrumError) as caught:
                    with broker.lease(name, tool_id="t", call=call):
                        pass
                return caught.value.handle, caught.value.scope, caught.value.tool_id

            ids = {r.name: r.handle_id for r in broker.records()}
            assert (ids["live"], "s:2", "t") == error("live")
            assert (ids["gone"], "s:3", "t") == error("gone")
            assert ("s:1", "t") == error("k")[1:]
            assert handle.name == "k"

    @pytest.mark.parametrize("operation", ["lease", "decide", "usable_grant"])
    @pytest.mark.parametrize("secret", ["nope", "tyrum://h_" + "a" * 22])
    def test_of_what_is_not_there(self, filled, operation, secret):
        """An error about an unknown secret carries what was asked for, and by whom."""
        with pytest.raises(SecretNotFound) as caught:
            if operation == "lease":
                with filled.lease(secret, tool_id="t"):
                    pass
            else:
                getattr(filled, operation)("t", [secret])
        error = caught.value
        assert (secret.removeprefix("tyrum://"), None, "t") == (
            error.handle,
            error.scope,
            error.tool_id,
        )

    @pytest.mark.parametrize("party", PARTIES, ids=str)
    def test_of_others(self, filled, party):
        """An error about another's carries the handle that was given, and no more."""
        for other, handle in filled.handles_of.items():
            if not set(marks_of(other).values()) <= foreign_marks(party):
                continue
            with pytest.raises(SecretForbidden) as caught:
                filled.decide("t", [handle], call=call_of(party))
            error = caught.value
            assert (handle.handle_id, None, "t") == (
                error.handle,
                error.scope,
                error.tool_id,
            )
            told = f"{error!r}{error.__dict__}"
            assert not [text for text in foreign_marks(party) if text in told]


@pytest.fixture(scope="module")
def thousands():
    with SecretBroker.in_memory() as broker:
        noise = [f"{i:04}-{'y' * (i % 40)}" for i in range(1500)]
        broker.put("team-3/service-000500/token", "quiet-otter-7713")
        with broker.catalog.transaction() as connection:
            columns = dict(connection.execute(schema.secrets.select()).mappings().one())
            connection.execute(
                schema.secrets.insert(),
                [
                    {**columns, "handle_id": f"h_{i:022}", "name": name}
                    for i, name in enumerate(noise)
                ],
            )
        yield broker


class TestNames:
    def test_a_hundred_thousand_names_are_not_all_compared(self):
        """At most a thousand candidates leave the database, the right one among."""
        with SecretBroker.in_memory() as broker:
            row = {
                "tenant": "default",
                "owner": "",
                "provider": "memory",
                "ref": "r",
                "scope": "s",
                "environment": "",
                "allowed_hosts": [],
                "status": "active",
                "disabled": False,
                "version": 1,
                "next_version": 2,
                "first_version": 1,
                "fingerprint": "",
                "created_at": "2026-01-01T00:00:00+00:00",
                "updated_at": "2026-01-01T00:00:00+00:00",
            }
            names = [f"team-{i % 97}/service-{i:06}/token" for i in range(100_000)]
            with broker.catalog.transaction() as connection:
                connection.execute(
                    schema.secrets.insert(),
                    [
                        {**row, "handle_id": f"h_{i:022}", "name": name}
                        for i, name in enumerate(names)
                    ],
                )
                asked = "team-3/servce-012516/token"
                found = names_of(
                    broker.catalog,
                    connection,
                    tenant="default",
                    owners=("",),
                    like=asked,
                )

            assert 1000 == len(found)
            with pytest.raises(SecretNotFound, match="did you mean 'team-3/service-"):
                broker.describe(asked)

    @given(st.integers(0, 25), st.sampled_from(["drop", "add", "swap", "change"]))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_one_slip_anywhere_still_finds_the_name(self, thousands, place, slip):
        """Wherever the slip is, the name that was meant is among the candidates."""
        name = "team-3/service-000500/token"
        wrong = {
            "drop": name[:place] + name[place + 1 :],
            "add": name[:place] + "x" + name[place:],
            "swap": name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
            "change": name[:place] + "x" + name[place + 1 :],
        }[slip]
        with thousands.catalog.reading() as connection:
            found = names_of(
                thousands.catalog,
                connection,
                tenant="default",
                owners=("",),
                like=wrong,
            )

        assert name in found
        assert len(found) <= 1000


#: What a random party does to its own.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(PARTIES),
        st.sampled_from(["put", "rotate", "revoke", "grant", "lease", "ask", "poke"]),
        st.sampled_from(PARTIES),
    ),
    max_size=10,
)


class TestWhateverHappens:
    @given(STEPS)
    @settings(max_examples=30, deadline=None)
    def test_nobody_reads_anothers(self, steps):
        """After any history, what one party can read holds nothing of another."""
        log = _Log()
        logging.getLogger("langchain_tyrum").addHandler(log)
        try:
            with SecretBroker.in_memory(policy=ALL) as broker:
                errors = {party: [] for party in PARTIES}
                for party in PARTIES:
                    fill(broker, party)
                for party, step, other in steps:
                    _do(broker, party, step, other, errors[party])
                for party in PARTIES:
                    read = _read(broker, party) + "".join(errors[party])
                    found = [text for text in foreign_marks(party) if text in read]
                    assert found == []
                assert not [
                    text for text in foreign_marks(Principal("x")) if text in log.text
                ]
        finally:
            logging.getLogger("langchain_tyrum").removeHandler(log)


class _Log(logging.Handler):
    text = ""

    def emit(self, record):
        self.text += record.getMessage()


def _do(broker, party, step, other, errors):
    """One step of a party; `poke` and `ask` reach for another's."""
    marks, whose = marks_of(party), {"tenant": party.tenant, "owner": party.user}
    call, theirs = call_of(party), marks_of(other)
    try:
        if step == "put":
            fill(broker, party)
        elif step in ("rotate", "revoke"):
            handle = broker.describe(marks["name"], **whose).handle
            step == "rotate" and broker.rotate(handle, f"{marks['value']}-2")
            step == "revoke" and broker.revoke(handle)
        elif step == "grant":
            broker.grant(mode="always", tool_id="t", scopes=[marks["scope"]], call=call)
        elif step == "lease":
            with broker.lease(marks["name"], tool_id="t", call=call) as value:
                errors.append(value.reveal())
        elif step == "ask":
            asked = theirs["name"] + "x"
            try:
                broker.describe(asked, **whose)
            except TyrumError as error:
                errors.append(str(error).replace(asked, ""))
        else:
            found = broker.records(tenant=other.tenant, owner=other.user)
            for record in found:
                errors.append(str(broker.decide("t", [record.handle], call=call)))
                with broker.lease(record, tool_id="t", call=call) as value:
                    errors.append(value.reveal())
    except TyrumError as error:
        errors.append(f"{error!r}{error.__dict__}")


def _read(broker, party):
    """Everything that is told to a party."""
    whose = {"tenant": party.tenant, "owner": party.user}
    rows = [
        row
        for row in broker.audit.tail(1000)
        if (row["tenant"], row["user"]) == (party.tenant, party.user)
    ]
    mine = [g for g in broker.grants(tenant=party.tenant) if g.user == party.user]
    everything = " ".join(text for p in PARTIES for text in marks_of(p).values())
    values = " ".join(marks_of(p)["value"] for p in PARTIES)
    shown = broker.redactor.view(party).redact_text(values)
    return " ".join(
        [
            str(broker.references("t", **whose)),
            str(broker.references_by_handle("t", **whose)),
            str(broker.handles(**whose)),
            str(broker.records(**whose)),
            str(broker.records(tenant=party.tenant)),
            str(broker.verify(**whose)),
            json.dumps(rows),
            str(mine),
            repr(broker),
            # What was never stored is plain text; markers are what is looked at here.
            _markers(shown) if everything else "",
        ]
    )


def _markers(text):
    return " ".join(part for part in text.split() if "[REDACTED" in part)
