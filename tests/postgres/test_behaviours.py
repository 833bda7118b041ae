"""What the broker does, it does on PostgreSQL and on SQLite alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import (
    ApprovalRequired,
    ConfigError,
    LeaseExpired,
    LedgerError,
    SecretExists,
    SecretExpired,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
    TyrumError,
)
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.ledger.requests import ApprovalRequests, Draft, Place
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider, EnvProvider

ADA = CallIdentity(user="ada", thread_id="th")
GATE = SecretPolicy(require_approval=["*"])


@pytest.fixture
def broker(store):
    return store.open()


def value_of(broker, secret, *, call=ADA, digest=None):
    with broker.lease(secret, tool_id="t", call=call, digest=digest) as value:
        return value.reveal()


def rows_of(broker):
    return broker.audit.verify().rows


class TestLifecycle:
    def test_put(self, broker, store, canary):
        """A value comes back in every process, by name and by handle."""
        raw = canary()
        handle = broker.put("github/token", raw, scope="github:write")
        other = store.open()

        assert raw == value_of(broker, handle) == value_of(other, "github/token")
        assert handle == broker.put("github/token", raw)
        with pytest.raises(SecretExists, match="replace=True"):
            other.put("github/token", canary())
        assert 1 == other.describe("github/token").version

    def test_values_of_all_kinds(self, broker):
        """Bytes, long text and text of any script come back as they were put."""
        values = [b"\x00\xff\xfe-bytes", "größe-密码-🔑-x", "0123456789ab" * 9_000]
        for number, value in enumerate(values):
            broker.put(f"kind/{number}", value)

        with broker.lease("kind/0", tool_id="t") as value:
            assert values[0] == value.reveal_bytes()
        assert values[1:] == [value_of(broker, "kind/1"), value_of(broker, "kind/2")]

    def test_rotate_and_purge(self, broker, store, canary):
        """A rotation reaches other processes; purged versions are gone for good."""
        first, second = canary(), canary()
        broker.put("k/1", first)
        other = store.open()
        assert first == value_of(other, "k/1")
        assert 2 == broker.rotate("k/1", second).version

        assert second == value_of(other, "k/1")
        (provider,) = broker._core.providers.values()
        (ref,) = provider.names()
        assert 1 == broker.purge("k/1")
        with pytest.raises(SecretNotFound):
            provider.get(ref, version=1)
        assert second == value_of(broker, "k/1")

    def test_revoke_and_reauthorize(self, broker, store, canary):
        """A revocation holds in every process, until somebody lifts it."""
        broker.put("k/1", canary())
        other = store.open()
        with broker.lease("k/1", tool_id="t") as value:
            broker.revoke("k/1", reason="leaked")
            with pytest.raises(LeaseExpired):
                value.reveal()
        for refused in (
            lambda: value_of(other, "k/1"),
            lambda: other.rotate("k/1", canary()),
            lambda: other.put("k/1", canary(), replace=True),
        ):
            with pytest.raises(SecretRevoked):
                refused()
        fresh = canary()

        broker.reauthorize("k/1", fresh)

        assert fresh == value_of(other, "k/1")

    def test_declare(self, store, canary, monkeypatch):
        """A value that is kept elsewhere gets a handle here."""
        raw = canary()
        monkeypatch.setenv("SERP_KEY", raw)
        broker = store.open(providers=[EnvProvider()])

        broker.declare("serp/key", provider="env", ref="SERP_KEY")

        assert raw == value_of(broker, "serp/key")
        with pytest.raises(SecretExists):
            broker.declare("serp/key", provider="env", ref="OTHER")

    def test_who_may(self, broker, canary):
        """Owner, tenant, environment and expiry bind what is stored here."""
        broker.put("pin", canary(), owner="ada")
        mine = broker.put("pin", canary(), owner="bob")
        broker.put("pin", canary(), tenant="acme")
        broker.put("db/pw", canary(), environment="production")
        late = datetime.now(UTC) - timedelta(seconds=1)
        broker.put("old", canary(), expires_at=late)

        assert value_of(broker, "pin")
        for secret, error in (
            (mine, SecretForbidden),
            ("db/pw", SecretForbidden),
            ("old", SecretExpired),
            ("nosuch", SecretNotFound),
        ):
            with pytest.raises(error):
                value_of(broker, secret)

    def test_references(self, broker, store, canary):
        """A model's choice by alias is found in every process, for its tools only."""
        handle = broker.put("github/token", canary())
        broker.reference("github/token", alias="github", tools=["issue"])
        other = store.open()

        assert ["github"] == [one.secret_alias for one in other.references("issue")]
        found = other.resolve_reference("github", tool_id="issue")
        assert handle.handle_id == found.handle_id
        with pytest.raises(SecretForbidden):
            other.resolve_reference("github", tool_id="other")
        with pytest.raises(SecretExists):
            other.put("github", canary())

    def test_the_redactor_notices_other_processes(self, broker, store, canary):
        """What another process stored is redacted here at the next look."""
        raw = canary()
        store.open().put("k/1", raw)

        assert "[REDACTED:k/1]" == broker.redactor.redact_text(raw)

    async def test_twins(self, broker, canary):
        """The async twins do the same."""
        raw = canary()
        await broker.aput("k/1", raw)
        await broker.arotate("k/1", raw[::-1])

        async with broker.alease("k/1", tool_id="t") as value:
            assert raw[::-1] == value.reveal()
        assert 2 == (await broker.adescribe("k/1")).version


class TestGrants:
    @pytest.fixture
    def gated(self, store, canary):
        broker = store.open(GATE)
        broker.put("k/1", canary(), scope="github:write")
        return broker

    def grant(self, broker, mode, **options):
        options.setdefault("call", ADA)
        return broker.grant(mode=mode, tool_id="t", scopes=["github:write"], **options)

    def test_modes(self, gated, store):
        """`once`, `session` and `always` cover what they say, in every process."""
        other = store.open(GATE)
        elsewhere = CallIdentity(user="ada", thread_id="x")
        with pytest.raises(ApprovalRequired):
            value_of(gated, "k/1")
        self.grant(gated, "once", digest="d" * 64)
        assert value_of(other, "k/1", digest="d" * 64)
        with pytest.raises(ApprovalRequired):
            value_of(gated, "k/1", digest="d" * 64)
        self.grant(gated, "session", max_uses=2)
        assert value_of(other, "k/1")
        with pytest.raises(ApprovalRequired):
            value_of(other, "k/1", call=elsewhere)
        self.grant(gated, "always")
        assert value_of(other, "k/1", call=elsewhere)

    def test_ends(self, gated, canary):
        """Rotation ends a `session`, revocation ends all, and so does taking back."""
        self.grant(gated, "session")
        self.grant(gated, "always")
        gated.rotate("k/1", canary())
        assert ["ended", "active"] == [grant.status for grant in gated.grants()]
        gated.revoke("k/1")
        gated.reauthorize("k/1")
        with pytest.raises(ApprovalRequired):
            value_of(gated, "k/1")
        last = self.grant(gated, "always")
        taken = gated.revoke_grant(last.grant_id)
        assert (last.grant_id, "ended") == (taken.grant_id, taken.status)
        with pytest.raises(ApprovalRequired):
            value_of(gated, "k/1")

    def test_a_failed_lease_gives_the_use_back(self, gated, store):
        """A value that is not there costs no grant."""
        grant = self.grant(gated, "once", digest="d" * 64)
        sealed = store.run("SELECT count(*) FROM tyrum_values")
        store.run("ALTER TABLE tyrum_values RENAME TO away")
        with pytest.raises(TyrumError):
            value_of(gated, "k/1", digest="d" * 64)
        store.run("DROP TABLE IF EXISTS tyrum_values")
        store.run("ALTER TABLE away RENAME TO tyrum_values")

        assert [(1,)] == sealed
        assert [0] == [g.uses for g in gated.grants() if g.grant_id == grant.grant_id]
        assert value_of(gated, "k/1", digest="d" * 64)


PLACE = Place("default", "ada", "th", "approve:1", "task-1")


def draft(calls=("c1",), content="a", **place):
    return Draft(
        place=Place(**{**vars(PLACE), **place}),
        tool_call_ids=calls,
        digest_of=lambda request_id: f"{content}/{request_id}",
        payload_of=lambda request_id, *_: {"for": request_id, "odd": "\0 \ud800 ü"},
        policy_sha256="p" * 64,
        lifetime=timedelta(seconds=60),
    )


class TestRequests:
    @pytest.fixture
    def requests(self, broker):
        return ApprovalRequests(broker.catalog)

    def test_open_and_answer(self, requests):
        """A question is kept as asked, found again, and answered once."""
        opened = requests.open(draft())
        again = requests.open(draft())
        changed = requests.open(draft(content="b"))

        assert (True, False) == (opened.created, again.created)
        assert opened.request == again.request
        assert (opened.request.request_id,) == changed.superseded
        kept = requests.find(changed.request.request_id)
        assert {"for": kept.request_id, "odd": "\0 \ud800 ü"} == kept.payload
        requests.shown(kept.request_id, 0)
        assert kept.request_id == requests.at(PLACE, 0).request_id
        assert requests.answer(kept.request_id, {"decisions": [1]})
        assert not requests.answer(kept.request_id, {"decisions": [2]})
        assert not requests.supersede(kept.request_id)
        assert [] == requests.waiting()

    def test_answers_are_found_by_call(self, requests):
        """Answers are found by the calls they are about, whatever their ids."""
        ids = ['we"ird', "per%cent", "under_score", "back\\slash", "ünï", "\0", "c1"]
        for one in ids:
            request = requests.open(draft(calls=(one,))).request
            requests.answer(request.request_id, {"for": one})

        for one in ids:
            (found,) = requests.answered(PLACE, [one])
            assert {"for": one} == found.answer
        assert ids == [one.answer["for"] for one in requests.answered(PLACE, ids)]
        assert [] == requests.answered(PLACE, ["c", "per", "underXscore"])


class TestTamper:
    @pytest.fixture
    def used(self, store, canary, tmp_path):
        broker = store.open(head_file=tmp_path / "head")
        for name in ("one", "two", "three"):
            broker.put(name, canary())
            with broker.lease(name, tool_id="t"):
                pass
            broker.rotate(name, canary())
        return broker

    def kinds(self, broker, expected=None):
        return {problem.kind for problem in broker.audit.verify(expected).problems}

    def test_an_honest_ledger_verifies(self, used):
        """Nothing is found where nothing was done."""
        report = used.audit.verify()

        assert (True, 12) == (report.ok, report.rows)

    @pytest.mark.parametrize(
        ("found", "statements"),
        [
            ({"edited"}, ["UPDATE ledger SET outcome='failed' WHERE seq=5"]),
            ({"edited"}, ["UPDATE ledger SET occurred_at='2020' WHERE seq=5"]),
            ({"edited"}, ["UPDATE ledger SET \"user\"='eve' WHERE seq=5"]),
            ({"edited"}, ["UPDATE ledger SET environment='x' WHERE seq=12"]),
            ({"missing", "broken_chain"}, ["DELETE FROM ledger WHERE seq=5"]),
            (
                {"broken_chain"},
                [
                    "DELETE FROM ledger WHERE seq=5",
                    "UPDATE ledger SET seq=seq-1 WHERE seq=6",
                ],
            ),
            (
                {"broken_chain"},
                [
                    "UPDATE ledger SET seq=-1 WHERE seq=4",
                    "UPDATE ledger SET seq=4 WHERE seq=5",
                    "UPDATE ledger SET seq=5 WHERE seq=-1",
                ],
            ),
            (
                {"head_mismatch"},
                [
                    """INSERT INTO ledger (seq, occurred_at, action, outcome,
                    prev_hash, hash) SELECT 13, occurred_at, action, outcome, hash,
                    hash FROM ledger WHERE seq=12""",
                ],
            ),
            (
                {"truncated"},
                [
                    "DELETE FROM ledger WHERE seq>8",
                    """UPDATE ledger_head SET seq=8,
                    hash=(SELECT hash FROM ledger WHERE seq=8)""",
                ],
            ),
        ],
    )
    def test_each_class_shows(self, used, store, found, statements):
        """Edits, deletions, reordering, insertion and truncation show."""
        store.run(*statements)

        assert found <= self.kinds(used)

    def test_rollback_and_fork(self, used, store, canary):
        """An older copy that went on differently shows against the later head."""
        store.run(
            "CREATE TABLE kept AS SELECT * FROM ledger",
            "CREATE TABLE kept_head AS SELECT * FROM ledger_head",
        )
        early = used.audit.head()
        used.put("four", canary())
        later = used.audit.head()
        for table in ("ledger", "ledger_head"):
            kept = table.replace("ledger", "kept")
            store.run(
                f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM {kept}"
            )
        store.open().put("five", canary())

        assert set() == self.kinds(used, early)
        assert {"rolled_back"} == self.kinds(used, later)

    def test_replay_from_another_ledger(self, used, store, tmp_path):
        """Rows of another ledger under the same key do not pass here."""
        other = type(store)(f"sqlite:///{tmp_path}/other.db", "sqlite", "").open()
        for _ in range(12):
            other.record("note", "ok")
        rows = [dict(row) for row in other.audit.tail(12)]
        with used.catalog.transaction() as connection:
            connection.execute(schema.ledger.delete())
            connection.execute(insert(schema.ledger), rows)

        assert "edited" in self.kinds(used)
        assert {"other_ledger"} <= self.kinds(used, other.audit.head())
        other.close()

    def test_no_audit_no_secret(self, used, store):
        """A ledger that cannot be written means that nothing is leased."""
        store.run("ALTER TABLE ledger RENAME TO elsewhere")

        with pytest.raises(LedgerError, match="nothing was changed") as caught:
            value_of(used, "one")
        assert caught.value.__context__ is None

    def test_a_lost_state_is_no_licence(self, used, store):
        """Without the row that all writers lock, nobody writes."""
        store.run("DELETE FROM catalog_state")

        with pytest.raises(LedgerError, match="nothing was changed"):
            value_of(used, "one")


def tables_of(store):
    """Every row of every table."""
    engine = store.engine()
    found = {}
    with engine.connect() as connection:
        for table in [*schema.metadata.tables.values()]:
            found[table.name] = connection.execute(select(table)).all()
    return found


class TestNewerSchema:
    def test_is_refused_untouched(self, broker, store, canary):
        """A catalog of a newer version is not opened, and stays as it is."""
        broker.put("k/1", canary())
        store.run(f"UPDATE catalog_state SET schema = {schema.SCHEMA + 1}")
        before = tables_of(store)

        with pytest.raises(LedgerError, match="install the version"):
            store.open()
        with pytest.raises(LedgerError, match="install the version"):
            Catalog(store.engine())

        assert before == tables_of(store)

    def test_is_noticed_by_a_running_broker(self, broker, store, canary):
        """A broker whose catalog is migrated under it writes nothing more."""
        broker.put("k/1", canary())
        store.run(f"UPDATE catalog_state SET schema = {schema.SCHEMA + 1}")
        before = tables_of(store)

        for change in (
            lambda: value_of(broker, "k/1"),
            lambda: broker.record("note", "ok"),
            lambda: broker.rotate("k/1", canary()),
        ):
            with pytest.raises(LedgerError, match="install the version"):
                change()

        assert before == tables_of(store)


ODD = {"nul": "a\0b", "surrogate": "a\ud800b"}


class TestOddText:
    """What one database cannot hold, all refuse alike."""

    @pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
    @pytest.mark.parametrize("field", ["thread_id", "tool_call_id", "run_id", "user"])
    def test_in_a_call(self, broker, canary, odd, field):
        """Ids that no database holds lease nothing and leave no row."""
        broker.put("k/1", canary())
        before = rows_of(broker)

        with pytest.raises((LedgerError, ConfigError), match="Unicode"):
            value_of(broker, "k/1", call=CallIdentity(**{field: odd}))

        assert before == rows_of(broker)
        assert "leases=0" in repr(broker)
        assert value_of(broker, "k/1")

    @pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
    def test_in_tool_ids_and_names(self, broker, canary, odd):
        """Neither tool ids nor names nor scopes nor references can hold them."""
        broker.put("k/1", canary())
        before = rows_of(broker), broker.catalog.changes()
        doors = [
            lambda: broker.lease("k/1", tool_id=odd).__enter__(),
            lambda: broker.lease(odd, tool_id="t").__enter__(),
            lambda: broker.describe(odd),
            lambda: broker.put(odd, canary()),
            lambda: broker.put("k/2", canary(), scope=odd),
            lambda: broker.put("k/2", canary(), tenant=odd),
            lambda: broker.put("k/2", canary(), owner=odd),
            lambda: broker.put("k/2", canary(), environment=odd),
            lambda: broker.revoke("k/1", reason=odd),
            lambda: broker.grant(mode="always", tool_id=odd, scopes=["k/1"], call=ADA),
            lambda: broker.requests.open(draft(thread_id=odd)),
            lambda: broker.requests.waiting(thread_id=odd),
            lambda: broker.record("note", odd),
        ]
        for door in doors:
            with pytest.raises(TyrumError) as caught:
                door()
            assert caught.value.__context__ is None

        assert before == (rows_of(broker), broker.catalog.changes())
        (provider,) = broker._core.providers.values()
        assert 1 == len(provider.names())
        assert value_of(broker, "k/1")

    def test_too_long(self, broker, canary):
        """What does not fit its column is refused by its length, not cut."""
        broker.put("k/1", canary())
        before = rows_of(broker), broker.catalog.changes()
        doors = [
            lambda: broker.put("k/2", canary(), scope="s" * 513),
            lambda: broker.put("k/2", canary(), tenant="t" * 257),
            lambda: broker.put("k/2", canary(), owner="o" * 257),
            lambda: broker.put("k/2", canary(), environment="e" * 121),
            lambda: broker.grant(
                mode="always", tool_id="t" * 257, scopes=["k/1"], call=ADA
            ),
            lambda: broker.record("a" * 41, "ok"),
        ]
        for door in doors:
            with pytest.raises((LedgerError, ConfigError)) as caught:
                door()
            assert "shorten" in str(caught.value)

        assert before == (rows_of(broker), broker.catalog.changes())
        (provider,) = broker._core.providers.values()
        assert 1 == len(provider.names())

    def test_long_ids_that_fit(self, broker, canary):
        """Ids of up to 1,024 characters are kept whole; longer ones work, cut."""
        broker.put("k/1", canary())
        call = CallIdentity(thread_id="t" * 1024, run_id="r" * 5000)

        with broker.lease("k/1", tool_id="mcp:" + "x" * 500, call=call) as value:
            assert value.reveal()
        last = broker.audit.tail(1)[0]
        assert (1024, 504) == (len(last["thread_id"]), len(last["tool_id"]))
        assert last["run_id"].startswith("r" * 256 + "… (5000 characters, sha256 ")
        assert broker.audit.verify().ok


class TestNames:
    def test_a_password_is_never_shown(self, store):
        """What prints of a broker on a server holds no password."""
        broker = store.open()
        provider = DatabaseProvider(store.url, key=bytes(32))

        assert "loopback-pass" not in f"{broker!r} {provider!r} {broker.catalog!r}"
        provider.close()
