"""Values that other people change where they live."""

from __future__ import annotations

import threading

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.broker.lease.reading import Tampered
from langchain_tyrum.errors import (
    ApprovalRequired,
    ProviderError,
    SecretExists,
    SecretNotFound,
    SecretRevoked,
)
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import EnvProvider, KeyringProvider, MemoryProvider

ALLOW = SecretPolicy(allow=["*"])
CALL = CallIdentity(thread_id="th", user="alice")


class Ring:
    """A keyring that a person may write to by hand."""

    def __init__(self):
        self.entries = {}

    def get_password(self, service, username):
        return self.entries.get(username)

    def set_password(self, service, username, password):
        self.entries[username] = password

    def delete_password(self, service, username):
        del self.entries[username]


class Env:
    provider = property(lambda self: EnvProvider())

    def __init__(self, monkeypatch):
        self.write = lambda value: monkeypatch.setenv("THE_TOKEN", value)


class Keyring:
    def __init__(self, _):
        self.ring = Ring()
        self.write = lambda value: self.ring.entries.update(THE_TOKEN=value)

    @property
    def provider(self):
        return KeyringProvider(backend=self.ring)


@pytest.fixture(params=[Env, Keyring])
def place(request, monkeypatch):
    """A place where other people write the value."""
    return request.param(monkeypatch)


@pytest.fixture
def open_broker(place, tmp_path):
    opened = []

    def make(policy=ALLOW):
        broker = SecretBroker(
            providers={"there": place.provider},
            catalog=f"sqlite:///{tmp_path / 'c.db'}",
            key=bytes(32),
            policy=policy,
        )
        opened.append(broker)
        broker.declare("k/1", provider="there", ref="THE_TOKEN", scope="s")
        return broker

    yield make
    for broker in opened:
        broker.close()


def value_of(broker) -> str:
    with broker.lease("k/1", tool_id="t", call=CALL) as value:
        return value.reveal()


def rotations(broker) -> list[tuple[str, int]]:
    return [
        (row["outcome"], row["version"])
        for row in broker.audit.tail(1000)
        if row["action"] == "rotate"
    ]


class TestChangedOutside:
    def test_the_first_look_is_no_rotation(self, open_broker, place, canary):
        """What a declared secret holds when it is first seen is its version 1."""
        broker = open_broker()
        raw = canary()
        place.write(raw)

        assert [raw, raw] == [value_of(broker), value_of(broker)]

        assert ([], 1) == (rotations(broker), broker.describe("k/1").version)

    @pytest.mark.parametrize("look", ["lease", "arm", "verify", "redactor"])
    def test_is_a_version_of_its_own(self, open_broker, place, canary, look):
        """A lease, `arm` and `verify` notice it: next version, one row, both hidden."""
        broker = open_broker()
        old, new = canary(), canary()
        place.write(old)
        assert old == value_of(broker)
        place.write(new)

        if look in ("arm", "verify"):
            getattr(broker, look)()
        elif look == "redactor":  # another process has not seen the old one
            broker = open_broker()
            broker._core.redactor.register("k/1", old)
            _ = broker.redactor
        if look != "lease":
            assert [("external", 2)] == rotations(broker)
        assert new == value_of(broker)

        assert [("external", 2)] == rotations(broker)
        assert 2 == broker.describe("k/1").version
        row = broker.audit.tail(1)[0]
        assert ("lease", 2) == (row["action"], row["version"])
        shown = broker.redactor.redact_text(f"{old} {new}")
        assert "[REDACTED:k/1] [REDACTED:k/1]" == shown
        assert broker.audit.verify().ok

    def test_an_approval_does_not_cover_it(self, open_broker, place, canary):
        """What a person allowed for the old value is asked again for the new one."""
        broker = open_broker(policy=None)
        place.write(canary())
        broker.grant(mode="session", tool_id="t", scopes=["s"], call=CALL)
        assert value_of(broker)
        new = canary()
        place.write(new)

        with pytest.raises(ApprovalRequired):
            value_of(broker)

        assert [("external", 2)] == rotations(broker)
        assert [] == broker.unfinished(older_than_seconds=0)
        assert ["ended"] == [grant.status for grant in broker.grants()]
        broker.grant(mode="always", tool_id="t", scopes=["s"], call=CALL)
        assert new == value_of(broker)
        newer = canary()
        place.write(newer)
        assert newer == value_of(broker)

    def test_two_that_notice_write_it_once(self, open_broker, place, canary):
        """Two processes that lease the changed value at once bump one version."""
        brokers = [open_broker() for _ in range(2)]
        place.write(canary())
        assert value_of(brokers[0])
        new = canary()
        place.write(new)
        start, found = threading.Barrier(2), []

        def look(broker):
            start.wait()
            found.append(value_of(broker))

        threads = [threading.Thread(target=look, args=[one]) for one in brokers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [new, new] == found
        assert [("external", 2)] == rotations(brokers[0])

    def test_another_process_is_armed_anew(self, open_broker, place, canary):
        """What one process notices, the redactor of another knows at its next look."""
        first, second = open_broker(), open_broker()
        old, new = canary(), canary()
        place.write(old)
        assert value_of(first)
        _ = second.redactor
        place.write(new)
        assert value_of(first)

        shown = second.redactor.redact_text(f"{old} {new}")

        assert "[REDACTED:k/1] [REDACTED:k/1]" == shown

    def test_a_revoked_one_stays_as_it_is(self, open_broker, place, canary):
        """A change from outside brings no revoked secret back to life."""
        broker = open_broker()
        place.write(canary())
        assert value_of(broker)
        broker.revoke("k/1")
        place.write(canary())

        broker.arm()

        with pytest.raises(SecretRevoked):
            value_of(broker)
        assert ([], 1) == (rotations(broker), broker.describe("k/1").version)

    def test_neither_value_nor_fingerprint_is_written(
        self, open_broker, place, canary, tmp_path, all_bytes
    ):
        """The catalog holds a keyed digest only, and the ledger not even that."""
        broker = open_broker()
        old, new = canary(), canary()
        for raw in (old, new):
            place.write(raw)
            assert raw == value_of(broker)

        with broker.catalog.reading() as connection:
            mark = broker._core.find(connection, "k/1").fingerprint
        data = all_bytes(tmp_path)
        assert (False, False) == (old.encode() in data, new.encode() in data)
        assert mark
        assert mark not in str(broker.audit.tail(1000))


class TestOverwritten:
    """A provider that keeps versions never changes one."""

    def test_is_refused(self, allow_all, canary):
        """A stored version that changed is no lease, and is hidden all the same."""
        provider = MemoryProvider()
        broker = SecretBroker(
            providers=[provider], catalog="sqlite://", policy=allow_all
        )
        broker.put("k/1", canary())
        forged = canary()
        provider.put(provider.names()[0], forged, version=1)

        with pytest.raises(Tampered, match="past the broker"):
            value_of(broker)

        assert "[REDACTED:k/1]" == broker.redactor.redact_text(forged)
        assert [Tampered] == [type(p.error) for p in broker.verify()]
        new = canary()
        broker.rotate("k/1", new)
        assert new == value_of(broker)
        broker.close()


class TestFirstValue:
    """`put` on a secret that was declared and has no value yet."""

    @pytest.fixture
    def broker(self, memory_broker):
        broker = memory_broker()
        broker.declare("k/1", provider="memory")
        return broker

    def test_is_version_1(self, broker, canary):
        """It is stored without `replace`, under the handle that was declared."""
        handle = broker.describe("k/1").handle
        with pytest.raises(SecretNotFound):
            value_of(broker)
        raw = canary()

        assert handle == broker.put("k/1", raw)

        assert (raw, 1) == (value_of(broker), broker.describe("k/1").version)
        assert broker.put("k/1", raw) == handle
        with pytest.raises(SecretExists):
            broker.put("k/1", canary())

    def test_what_is_there_already_counts(self, broker, canary):
        """A value that somebody wrote there first is not overwritten."""
        raw = canary()
        broker._core.providers["memory"].put("k/1", raw)

        with pytest.raises(SecretExists):
            broker.put("k/1", canary())

        assert raw == value_of(broker)
        broker.put("k/1", raw)

    def test_a_read_only_place_is_told(self, monkeypatch, canary):
        """Where nobody can write, the mend is to change the value there."""
        broker = SecretBroker(
            providers=[EnvProvider()], catalog="sqlite://", policy=ALLOW
        )
        broker.declare("k/1", provider="env", ref="NO_SUCH_TOKEN")

        with pytest.raises(ProviderError, match="read-only"):
            broker._lifecycle._versions.first(
                broker._lifecycle._entry("k/1", "default", None), canary()
            )
        broker.close()

    def test_of_two_at_once_one_wins(self, tmp_path, canary):
        """Two that store a first value at once: one stands, the other is told."""
        path = tmp_path / "t.db"
        brokers = [SecretBroker.local(path, policy=ALLOW) for _ in range(2)]
        brokers[0].declare("k/1", provider="database")
        start, won, lost = threading.Barrier(2), [], []

        def store(broker, raw):
            start.wait()
            try:
                broker.put("k/1", raw)
                won.append(raw)
            except SecretExists:
                lost.append(raw)

        threads = [
            threading.Thread(target=store, args=[broker, canary()])
            for broker in brokers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (1, 1) == (len(won), len(lost))
        assert won == [value_of(brokers[0])]
        for broker in brokers:
            broker.close()


class TestWithdrawn:
    """A secret that its settings file no longer declares."""

    def test_nothing_but_its_file_brings_it_back(self, memory_broker, canary):
        """No lease, put, rotation or reauthorization; each says where to put it."""
        broker = memory_broker()
        raw = canary()
        handle_id = broker.put("k/1", raw).handle_id
        with broker.catalog.transaction() as connection:
            broker.catalog.change(connection, handle_id, disabled=True)

        for act in (
            lambda: value_of(broker),
            lambda: broker.put("k/1", raw),
            lambda: broker.put("k/1", canary(), replace=True),
            lambda: broker.rotate("k/1", canary()),
            lambda: broker.reauthorize("k/1"),
            lambda: broker.reauthorize("k/1", canary()),
        ):
            with pytest.raises(SecretRevoked, match=r"tyrum\.toml"):
                act()
        assert ("disabled", 1) == (
            broker.describe("k/1").status,
            broker.describe("k/1").version,
        )
