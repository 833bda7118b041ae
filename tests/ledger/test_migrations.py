"""An older catalog comes to the present shape with all that is in it."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect, select, text

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import SecretRevoked
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.policy import SecretPolicy

ADA = CallIdentity(user="ada", thread_id="t1")


@pytest.fixture
def old_store(tmp_path, fill_schema_1):
    path = tmp_path / "tyrum.db"
    engine = create_engine(f"sqlite:///{path}")
    fill_schema_1(engine)
    engine.dispose()
    return path


@pytest.fixture
def migrated(old_store, old_key):
    policy = SecretPolicy(require_approval=["github:*"], allow=["bank/*"])
    with SecretBroker.local(old_store, policy=policy, key=old_key) as broker:
        yield broker


class TestFromOne:
    def test_values_records_and_grants_live_on(self, migrated):
        """The old value leases under the old grant, by its old handle."""
        with migrated.lease("github/token", tool_id="create_issue", call=ADA) as value:
            assert "older-version-2" == value.reveal()
        record = migrated.describe("github/token")

        assert (2, ("api.github.com",)) == (record.version, record.allowed_hosts)
        assert ["github"] == [r.secret_alias for r in migrated.references()]
        assert "production" == migrated.describe("db/password").environment
        with migrated.lease("bank/pin", tool_id="t", call=ADA) as value:
            assert "adas-own-value-1" == value.reveal()

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

    def test_the_new_shape_is_the_shape_of_a_new_catalog(self, migrated, tmp_path):
        """Tables, columns and constraints are those of a fresh catalog."""
        fresh = Catalog(f"sqlite:///{tmp_path / 'fresh.db'}")

        def shape(catalog):
            found = inspect(catalog.engine)
            return {
                table: (
                    {
                        (c["name"], str(c["type"]), c["nullable"])
                        for c in found.get_columns(table)
                    },
                    {
                        tuple(u["column_names"])
                        for u in found.get_unique_constraints(table)
                    },
                    {tuple(i["column_names"]) for i in found.get_indexes(table)},
                )
                for table in schema.metadata.tables
            }

        assert shape(fresh) == shape(migrated.catalog)
        fresh.close()

    def test_one_name_may_have_several_environments(self, migrated):
        """What schema 1 refused is possible afterwards."""
        migrated.put("db/password", "staging-value-12", environment="staging")

        assert {"production", "staging"} == {
            record.environment
            for record in migrated.records()
            if record.name == "db/password"
        }


class TestCrash:
    def test_a_failed_step_changes_nothing(
        self, old_store, old_key, monkeypatch, fill_schema_1
    ):
        """A migration that dies half-way leaves the older catalog whole."""
        from langchain_tyrum.ledger.migrations import to_2

        def die(operations):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(to_2, "_new_tables", die)
            with pytest.raises(KeyboardInterrupt):
                SecretBroker.local(old_store, key=old_key)
        engine = create_engine(f"sqlite:///{old_store}")
        with engine.connect() as connection:
            found = connection.execute(text("SELECT schema FROM catalog_state"))
            assert 1 == found.scalar()
            assert "disabled" not in {
                column["name"] for column in inspect(connection).get_columns("secrets")
            }
        engine.dispose()

        with SecretBroker.local(old_store, key=old_key) as broker:
            assert broker.audit.verify().ok
            with broker.catalog.reading() as connection:
                found = connection.execute(select(schema.catalog_state.c.schema))
                assert schema.SCHEMA == found.scalar()
