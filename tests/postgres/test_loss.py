"""The server goes away and comes back: no value meanwhile, and nothing forgotten."""

from __future__ import annotations

import os
import traceback

import pytest
from sqlalchemy import make_url, select

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import (
    ApprovalRequired,
    ConfigError,
    LeaseExpired,
    LedgerError,
    ProviderError,
)
from langchain_tyrum.handles import SecretValue
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider, MemoryProvider

VALUE = "canary7f3a9c51e2d8"
CALL = CallIdentity(thread_id="th", user="ada")
DIGEST = "d" * 64


class Interrupted(MemoryProvider):
    """A provider in whose answer something happens to the server."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile = lambda: None
        self.reads = 0

    def get(self, name, *, version=None):
        self.reads += 1
        value = super().get(name, version=version)
        self.meanwhile()
        return value


@pytest.fixture
def provider():
    return Interrupted()


@pytest.fixture
def broker(postgres, provider):
    broker = postgres.open(SecretPolicy(require_approval=["*"]), providers=[provider])
    broker.put("k/1", VALUE)
    return broker


@pytest.fixture
def lost(server, request):
    """A way to lose the server: how it goes, how it comes back."""
    return (lambda: server.stop(request.param)), server.start


down = pytest.mark.parametrize("lost", ["fast", "immediate"], indirect=True)


def told(error) -> str:
    """All that an error tells, and all it hangs on to."""
    return "".join(traceback.format_exception(error)) + repr(
        [error.args, vars(error), error.__cause__, error.__context__]
    )


def says_nothing(error, server) -> bool:
    text = told(error).split("Error: ", 1)[1]
    assert error.__context__ is None
    assert error.__cause__ is None
    return not any(
        word in text
        for word in (VALUE, "loopback-pass", "SELECT", "psycopg.", "server closed")
    )


def lease(broker, digest=DIGEST):
    with broker.lease("k/1", tool_id="t", call=CALL, digest=digest) as value:
        return value.reveal()


def allow_once(broker, digest=DIGEST):
    return broker.grant(
        mode="once", tool_id="t", scopes=["k/1"], call=CALL, digest=digest
    )


class TestLost:
    @down
    def test_before_the_intent(self, broker, provider, server, lost):
        """Without a ledger nothing is leased, no provider is asked, no use is spent."""
        allow_once(broker)
        go, come_back = lost
        go()
        try:
            with pytest.raises(LedgerError) as caught:
                lease(broker)
        finally:
            come_back()

        assert says_nothing(caught.value, server)
        assert 0 == provider.reads
        assert VALUE == lease(broker)
        assert broker.audit.verify().ok

    @down
    def test_between_intent_and_outcome(
        self, broker, provider, server, lost, monkeypatch
    ):
        """No value is yielded, the one that was read is gone, the use is spent."""
        allow_once(broker)
        made = []
        init = SecretValue.__init__

        def keep(self, *args, **kwargs):
            init(self, *args, **kwargs)
            made.append(self)

        monkeypatch.setattr(SecretValue, "__init__", keep)
        go, come_back = lost
        provider.meanwhile = go
        try:
            with pytest.raises(LedgerError) as caught:
                lease(broker)
        finally:
            provider.meanwhile = lambda: None
            come_back()

        assert says_nothing(caught.value, server)
        (value,) = made
        with pytest.raises(LeaseExpired):
            value.reveal()
        assert "leases=0" in repr(broker)
        with pytest.raises(ApprovalRequired):  # unfinished counts as used
            lease(broker)
        with broker.catalog.reading() as connection:
            left = connection.execute(select(schema.reservations)).mappings().all()
        assert [("t", "ada", "th")] == [
            (row["tool_id"], row["user"], row["thread_id"]) for row in left
        ]
        allow_once(broker, "e" * 64)
        assert VALUE == lease(broker, "e" * 64)
        assert broker.audit.verify().ok

    def test_cut_between_intent_and_outcome(self, broker, provider, server, postgres):
        """A server that is there again by the time of the outcome is used at once."""
        allow_once(broker)
        provider.meanwhile = lambda: server.cut(postgres.name)

        assert VALUE == lease(broker)
        with pytest.raises(ApprovalRequired):
            lease(broker)
        assert broker.audit.verify().ok

    def test_inside_the_transaction(self, broker, server, postgres, monkeypatch):
        """A transaction whose connection breaks fails, and nothing of it stays."""
        allow_once(broker)
        grants = broker._core.grants
        reserve = grants.reserve

        def cut(connection, grant):
            server.cut(postgres.name)
            return reserve(connection, grant)

        rows = broker.audit.verify().rows
        with monkeypatch.context() as patch:
            patch.setattr(grants, "reserve", cut)
            with pytest.raises(LedgerError, match="was lost") as caught:
                lease(broker)

        assert says_nothing(caught.value, server)
        assert rows == broker.audit.verify().rows
        assert VALUE == lease(broker)

    def test_idle(self, broker, server, postgres):
        """Connections that died in the pool are replaced without anybody noticing."""
        for turn in range(3):
            server.cut(postgres.name)
            allow_once(broker, f"{turn:064}")
            server.cut(postgres.name)
            assert VALUE == lease(broker, f"{turn:064}")
        assert broker.audit.verify().ok

    @down
    async def test_async(self, broker, server, lost):
        """The async lease fails closed and recovers alike."""
        allow_once(broker)
        go, come_back = lost
        go()
        try:
            with pytest.raises(LedgerError) as caught:
                async with broker.alease("k/1", tool_id="t", call=CALL, digest=DIGEST):
                    raise AssertionError("leased")
        finally:
            come_back()

        assert says_nothing(caught.value, server)
        async with broker.alease("k/1", tool_id="t", call=CALL, digest=DIGEST) as value:
            assert VALUE == value.reveal()

    @down
    def test_all_doors(self, broker, server, lost):
        """Every method tells of a lost server by the same typed error."""
        broker.reference("k/1", alias="one", tools=["t"])
        doors = [
            lambda: broker.put("k/2", "another-value-1"),
            lambda: broker.rotate("k/1", "another-value-1"),
            lambda: broker.revoke("k/1"),
            lambda: broker.describe("k/1"),
            broker.references,
            broker.grants,
            broker.handles,
            lambda: broker.audit.tail(1),
            broker.audit.verify,
            broker.requests.waiting,
            lambda: broker.redactor,
            broker.arm,
        ]
        go, come_back = lost
        go()
        try:
            for door in doors:
                with pytest.raises(LedgerError) as caught:
                    door()
                assert says_nothing(caught.value, server)
        finally:
            come_back()

        assert "active" == broker.describe("k/1").status
        assert 1 == broker.describe("k/1").version

    @down
    def test_values_on_the_server(self, postgres, server, lost):
        """A lost database of values is a provider's error, in its own words."""
        values = DatabaseProvider(postgres.url, key=bytes(32))
        values.put("x", VALUE)
        go, come_back = lost
        go()
        try:
            for call in (lambda: values.get("x"), lambda: values.put("x", VALUE)):
                with pytest.raises(ProviderError) as caught:
                    call()
                assert says_nothing(caught.value, server)
        finally:
            come_back()

        assert VALUE == values.get("x")
        values.close()


class TestRefused:
    def test_a_server_that_is_down(self, postgres, server):
        """Opening a broker needs its server; the error hides the password."""
        server.stop()
        try:
            with pytest.raises(LedgerError, match=r":\*\*\*@127") as caught:
                postgres.open()
        finally:
            server.start()

        assert says_nothing(caught.value, server)
        assert postgres.open().audit.verify().ok

    @pytest.mark.parametrize("where", ["in front", "in the options"])
    def test_a_wrong_password(self, postgres, server, where):
        """A password that is refused is not repeated, wherever it stood."""
        wrong = postgres.url.replace("loopback-pass-4711", "mistyped-pass-99")
        if where == "in the options":
            wrong = postgres.url.replace(":loopback-pass-4711", "")
            wrong += "?password=mistyped-pass-99"

        for call in (
            lambda: Catalog(wrong),
            lambda: DatabaseProvider(wrong, key=bytes(32)).names(),
        ):
            with pytest.raises((LedgerError, ProviderError)) as caught:
                call()
            assert "mistyped" not in told(caught.value)
        assert "mistyped" not in repr(DatabaseProvider(wrong, key=bytes(32)))

    @pytest.mark.parametrize(
        ("right", "wrong", "told_of"),
        [
            ("loopback-pass-4711", "mistyped-pass-99", "refuses this user or password"),
            ("127.0.0.1", "no-such-host.invalid", "host's name is not known"),
            ("/{name}", "/no_such_database", "no such user, database or table"),
            (":{port}/", ":1/", "nothing listens"),
        ],
    )
    def test_what_is_wrong_is_told_apart(self, postgres, right, wrong, told_of):
        """Password, host, database and port each have words of their own."""
        url = make_url(postgres.url)
        right = right.format(name=url.database, port=url.port)

        with pytest.raises(LedgerError, match=told_of):
            Catalog(postgres.url.replace(right, wrong))

    def test_a_reader_leases_nothing(self, postgres, server):
        """A user who cannot write the ledger gets no value and changes nothing."""
        owner = postgres.open()
        owner.put("k/1", VALUE)
        rows = owner.audit.verify().rows
        server.query("DROP ROLE IF EXISTS reader")
        server.query("CREATE ROLE reader LOGIN PASSWORD 'reader-pass-12'")
        server.query(
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", postgres.name
        )
        url = postgres.url.replace("tyrum:loopback-pass-4711", "reader:reader-pass-12")
        provider = Interrupted()
        provider.put("k/1", VALUE)

        with pytest.raises(LedgerError, match="can be written") as caught:
            postgres.open(database=url, providers=[provider]).lease(
                "k/1", tool_id="t"
            ).__enter__()

        assert says_nothing(caught.value, server)
        assert 0 == provider.reads
        assert rows == owner.audit.verify().rows
        server.query("DROP OWNED BY reader", postgres.name)
        server.query("DROP ROLE reader")

    def test_rights_withdrawn_while_running(self, postgres, server, provider):
        """A broker whose rights to write end leases no more."""
        broker = postgres.open(providers=[provider])
        broker.put("k/1", VALUE)
        server.query(
            f"ALTER DATABASE {postgres.name} SET default_transaction_read_only = on"
        )
        server.cut(postgres.name)

        with pytest.raises(LedgerError) as caught:
            lease(broker)
        assert says_nothing(caught.value, server)
        assert 0 == provider.reads

        server.query(
            f"ALTER DATABASE {postgres.name} RESET default_transaction_read_only"
        )
        server.cut(postgres.name)
        assert VALUE == lease(broker)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql+nosuch://u:hunter2@h/d",
            "nosuch://u:hunter2@h/d",
            "u:hunter2@h",
            "postgresql+pg8000://u:hunter2@h/d",
        ],
    )
    def test_an_unusable_url(self, url):
        """A URL that no driver serves is refused with the mend, and not repeated."""
        for call in (
            lambda: Catalog(url),
            lambda: DatabaseProvider(url, key=bytes(32)),
            lambda: SecretBroker(
                providers=[MemoryProvider()], catalog=url, key=bytes(32)
            ),
        ):
            with pytest.raises(
                ConfigError, match=r"langchain-tyrum\[postgres\]"
            ) as caught:
                call()
            assert "hunter2" not in told(caught.value)


class TestFork:
    def test_a_child_has_sockets_of_its_own(self, postgres, server):
        """Parent and child lease at once; neither breaks what the other sends."""
        broker = postgres.open()
        broker.put("k/1", VALUE)
        assert VALUE == lease(broker)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                for _ in range(15):
                    assert VALUE == lease(broker)
                os.write(writing, b"ok")
            except BaseException as error:
                os.write(writing, repr(error).encode())
            finally:
                os._exit(0)
        os.close(writing)
        for _ in range(15):
            assert VALUE == lease(broker)
        said = os.read(reading, 1000)
        os.waitpid(pid, 0)
        os.close(reading)

        assert b"ok" == said
        assert VALUE == lease(broker)
        report = broker.audit.verify()
        assert (True, 1 + 2 * 32) == (report.ok, report.rows)
