"""An older catalog comes to the present shape, on either database."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, select, text

from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import LedgerError, SecretRevoked
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.ledger.migrations import to_2
from langchain_tyrum.policy import SecretPolicy

ADA = CallIdentity(user="ada", thread_id="t1")
POLICY = SecretPolicy(require_approval=["github:*"], allow=["bank/*"])


@pytest.fixture
def old(store, fill_schema_1):
    """A database that an older version left, with data in it."""
    fill_schema_1(store.engine())
    return store


@pytest.fixture
def migrated(old):
    return old.open(POLICY)


def shape(engine):
    """Tables with their columns, and what is unique or indexed; names aside."""
    found = inspect(engine)
    return {
        table: (
            {
                (column["name"], str(column["type"]), column["nullable"])
                for column in found.get_columns(table)
            },
            tuple(found.get_pk_constraint(table)["constrained_columns"]),
            {tuple(u["column_names"]) for u in found.get_unique_constraints(table)},
            {
                tuple(index["column_names"])
                for index in found.get_indexes(table)
                if not index.get("duplicates_constraint")
            },
        )
        for table in schema.metadata.tables
    }


class TestFromOne:
    def test_values_and_grants_live_on(self, migrated):
        """Old values lease under old grants, by their old names and owners."""
        with migrated.lease("github/token", tool_id="create_issue", call=ADA) as value:
            assert "older-version-2" == value.reveal()
        with migrated.lease("bank/pin", tool_id="t", call=ADA) as value:
            assert "adas-own-value-1" == value.reveal()
        record = migrated.describe("github/token")

        assert (2, ("api.github.com",)) == (record.version, record.allowed_hosts)
        assert ["github"] == [one.secret_alias for one in migrated.references()]
        assert "production" == migrated.describe("db/password").environment

    def test_revoked_stays_revoked(self, migrated):
        """A migration brings nothing back."""
        with pytest.raises(SecretRevoked):
            migrated.decide("t", ["old/key"])

    def test_the_ledger_still_verifies(self, migrated):
        """The chain goes on where the older version left it."""
        before = migrated.audit.verify()
        migrated.put("another/key", "another-value-77")

        after = migrated.audit.verify()

        assert (True, True, before.rows + 1) == (before.ok, after.ok, after.rows)

    def test_the_new_shape_is_the_shape_of_a_new_catalog(
        self, migrated, server, tmp_path
    ):
        """Tables, columns and constraints are those of a fresh catalog."""
        url, database = f"sqlite:///{tmp_path / 'fresh.db'}", server.fresh()
        if migrated.catalog.engine.dialect.name == "postgresql":
            address = server.address(database)
            url = address.replace("postgresql:", "postgresql+psycopg:")
        fresh = Catalog(url)

        assert shape(fresh.engine) == shape(migrated.catalog.engine)
        fresh.close()
        server.give_back(database)

    def test_one_name_may_have_several_environments(self, migrated):
        """What the older version refused is possible afterwards."""
        migrated.put("db/password", "staging-value-12", environment="staging")

        places = {r.environment for r in migrated.records() if r.name == "db/password"}
        assert {"production", "staging"} == places


class TestFailure:
    def untouched(self, old, before):
        engine = old.engine()
        with engine.connect() as connection:
            found = connection.execute(text("SELECT schema FROM catalog_state"))
            assert 1 == found.scalar()
        assert before == shape_of_old(engine)

    def test_a_failed_step_changes_nothing(self, old, monkeypatch):
        """A migration that dies half-way leaves the older catalog whole."""
        before = shape_of_old(old.engine())

        def die(operations):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(to_2, "_new_tables", die)
            with pytest.raises(KeyboardInterrupt):
                old.open(POLICY)
        self.untouched(old, before)

        broker = old.open(POLICY)
        assert broker.audit.verify().ok
        with broker.catalog.reading() as connection:
            found = connection.execute(select(schema.catalog_state.c.schema))
            assert schema.SCHEMA == found.scalar()

    def test_dying_after_the_last_step_changes_nothing(self, old, monkeypatch):
        """Tables and the number of their schema change together, or not at all."""
        from langchain_tyrum.ledger import migrations

        before, migrate = shape_of_old(old.engine()), migrations.migrate

        def die(connection, found):
            migrate(connection, found)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(migrations, "migrate", die)
            with pytest.raises(KeyboardInterrupt):
                old.open(POLICY)
        self.untouched(old, before)

        assert old.open(POLICY).audit.verify().ok

    def test_a_lost_server_changes_nothing(
        self, postgres, fill_schema_1, server, monkeypatch
    ):
        """A server that goes away in the middle leaves the older catalog whole."""
        fill_schema_1(postgres.engine())
        before = shape_of_old(postgres.engine())
        new_tables = to_2._new_tables

        def cut(operations):
            server.cut(postgres.name)
            new_tables(operations)

        with monkeypatch.context() as patch:
            patch.setattr(to_2, "_new_tables", cut)
            with pytest.raises(LedgerError, match="was lost"):
                postgres.open(POLICY)
        self.untouched(postgres, before)

        assert postgres.open(POLICY).audit.verify().ok

    def test_a_user_without_rights(self, postgres, fill_schema_1, server):
        """Who may not change tables is told so, and changes nothing."""
        fill_schema_1(postgres.engine())
        before = shape_of_old(postgres.engine())
        server.query("CREATE ROLE guest LOGIN PASSWORD 'guest-pass-12'")
        server.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO guest", postgres.name)
        url = postgres.url.replace("tyrum:loopback-pass-4711", "guest:guest-pass-12")

        with pytest.raises(LedgerError, match="InsufficientPrivilege"):
            postgres.open(POLICY, database=url)

        self.untouched(postgres, before)
        server.query("DROP OWNED BY guest", postgres.name)
        server.query("DROP ROLE guest")

    @pytest.mark.parametrize(
        "change",
        ["UPDATE catalog_state SET schema = 0", "DELETE FROM catalog_state"],
    )
    def test_a_lost_number_is_not_guessed(self, old, change):
        """A catalog that does not tell its schema is refused, and stays as it is."""
        old.run(change)
        before = shape_of_old(old.engine()), old.run("SELECT * FROM catalog_state")

        with pytest.raises(LedgerError, match="lost the number"):
            old.open(POLICY)

        after = shape_of_old(old.engine()), old.run("SELECT * FROM catalog_state")
        assert before == after


def shape_of_old(engine):
    found = inspect(engine)
    return {
        table: [(c["name"], str(c["type"])) for c in found.get_columns(table)]
        for table in sorted(found.get_table_names())
    }
