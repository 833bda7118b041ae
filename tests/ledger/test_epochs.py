"""A ledger over several master keys: each part holds under its own."""

from __future__ import annotations

import base64
import json

import pytest
from sqlalchemy import create_engine, text

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError, KeyMismatch, LedgerError
from langchain_tyrum.ledger.chain import row_hash
from langchain_tyrum.ledger.master import MasterKey
from langchain_tyrum.policy import SecretPolicy

OLD, MIDDLE, NEW = (bytes([number]) * 32 for number in (1, 2, 3))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tyrum.db"


@pytest.fixture
def rotated(path):
    """A ledger of three parts: rows 1 to 6, 7 to 12, and 13 to 17."""
    policy = SecretPolicy(allow=["*"])
    with SecretBroker.local(path, key=OLD, policy=policy) as broker:
        for key in (MIDDLE, NEW, None):
            for _ in range(5):
                broker.record("note", "ok")
            if key:
                broker.rotate_master_key(key=key)
        yield broker


@pytest.fixture
def run(path):
    """Run statements behind the broker's back; the rows of the last one."""

    def run(*statements, **parameters):
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            for statement in statements:
                found = connection.execute(text(statement), parameters)
        rows = [dict(row) for row in found.mappings()] if found.returns_rows else []
        engine.dispose()
        return rows

    return run


def found(broker) -> list[tuple[str, int]]:
    return [(problem.kind, problem.seq) for problem in broker.audit.verify().problems]


@pytest.fixture
def resign(run, rotated):
    """Write rows anew as somebody would who knows a key, from one row to another."""

    def resign(key, first, last, **changes):
        audit = MasterKey(key).derive("audit")
        rows = run("SELECT * FROM ledger ORDER BY seq")
        before = rows[first - 2]["hash"] if first > 1 else rows[0]["prev_hash"]
        for row in rows[first - 1 : last]:
            row |= {**changes, "prev_hash": before}
            row["hash"] = before = row_hash(audit, rotated.audit.ledger_id, row)
            run(
                "UPDATE ledger SET outcome=:outcome, prev_hash=:prev_hash, hash=:hash"
                " WHERE seq=:seq",
                **{name: row[name] for name in ("outcome", "prev_hash", "hash", "seq")},
            )

    return resign


class TestEpochs:
    def test_an_honest_ledger(self, rotated, path):
        """All parts verify, in this process and in the next."""
        assert (17, []) == (rotated.audit.verify().rows, found(rotated))
        with SecretBroker.local(path, key=NEW) as again:
            assert [] == found(again)

    @pytest.mark.parametrize("seq", [1, 3, 6, 7, 10, 12, 13, 17])
    def test_an_edit_in_any_part(self, seq, rotated, run):
        """A changed field shows at its row, whichever key signed it."""
        run("UPDATE ledger SET outcome='failed' WHERE seq=:seq", seq=seq)

        assert [("edited", seq)] == found(rotated)

    def test_the_last_row_of_a_part_is_the_rotation(self, rotated):
        """Each part ends with the row that tells of the new key."""
        rows = rotated.audit.tail(100)
        ends = {row["seq"]: row["name"] for row in rows if "rotate_" in row["action"]}

        assert {6: MasterKey(MIDDLE).key_id, 12: MasterKey(NEW).key_id} == ends

    def test_the_old_part_written_anew(self, rotated, resign):
        """Who has the old key can sign a false past, but not fit it to the present."""
        resign(OLD, 2, 6, outcome="never")

        assert [("key_change", 6), ("broken_chain", 7)] == found(rotated)

    def test_the_old_part_written_anew_at_once(self, path, run):
        """That shows too before the new key has signed its first row."""
        with SecretBroker.local(path, key=OLD) as broker:
            broker.record("note", "ok")
            broker.rotate_master_key(key=NEW)
            (last,) = run("SELECT * FROM ledger WHERE seq=2")
            last |= {"outcome": "0 values or so"}
            audit = MasterKey(OLD).derive("audit")
            forged = row_hash(audit, broker.audit.ledger_id, last)
            run(
                "UPDATE ledger SET outcome='0 values or so', hash=:hash WHERE seq=2",
                "UPDATE ledger_head SET hash=:hash",
                hash=forged,
            )

            kinds = {kind for kind, _ in found(broker)}
            assert {"key_change", "rolled_back"} == kinds

    def test_rows_forged_with_the_old_key(self, rotated, resign):
        """The old key signs nothing after the row at which it was retired."""
        resign(OLD, 15, 15)

        assert ("edited", 15) in found(rotated)

    def test_the_rotation_row_removed(self, rotated, run):
        """Without the row at which the key changed, the chain is broken."""
        run("DELETE FROM ledger WHERE seq=6")

        assert [("missing", 7), ("broken_chain", 7)] == found(rotated)

    def test_truncation_into_an_old_part(self, rotated, run, path):
        """The kept keys tell of rows that are gone, also without a head file."""
        (path.with_suffix(".keys") / "ledger.head").unlink()
        run(
            "DELETE FROM ledger WHERE seq > 8",
            "UPDATE ledger_head SET seq=8, hash=(SELECT hash FROM ledger WHERE seq=8)",
        )

        assert {("truncated", 8), ("head_lost", 0)} == set(found(rotated))

    def test_the_boundary_moved(self, rotated, run):
        """The row up to which a key counts cannot be changed."""
        run("UPDATE data_keys SET until_seq=9 WHERE label='audit' AND epoch=0")

        assert ("key_lost", 0) in found(rotated)

    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM data_keys WHERE label='audit' AND epoch=0",
            "DELETE FROM data_keys WHERE label='audit' AND epoch=1",
            "DELETE FROM data_keys WHERE label='audit'",
            "DELETE FROM data_keys WHERE label='fingerprint'",
            "UPDATE data_keys SET sealed=x'00' WHERE label='audit' AND epoch=1",
            "UPDATE data_keys SET epoch=7 WHERE label='audit' AND epoch=1",
            (
                "UPDATE data_keys SET (nonce, sealed)=(SELECT nonce, sealed"
                " FROM data_keys WHERE label='seal') WHERE label='fingerprint'"
            ),
        ],
    )
    def test_kept_keys_changed(self, change, rotated, run):
        """Kept keys that are gone, altered or exchanged show as such, and only so."""
        run(change)

        assert {("key_lost", 0)} == set(found(rotated))

    def test_a_kept_key_added(self, rotated, run):
        """A key of a part that never was shows."""
        run(
            "INSERT INTO data_keys SELECT label, 2, 15, key_id, nonce, sealed"
            " FROM data_keys WHERE label='audit' AND epoch=1"
        )

        assert [("key_lost", 0)] == found(rotated)

    def test_an_edit_where_a_key_is_lost(self, rotated, run):
        """A lost key makes its part unreadable, and no other one."""
        run("DELETE FROM data_keys WHERE label='audit' AND epoch=0")
        run("UPDATE ledger SET outcome='failed' WHERE seq IN (3, 15)")

        assert [("key_lost", 0), ("edited", 15)] == found(rotated)

    def test_lost_keys_are_not_made_anew(self, rotated, run, path):
        """Fingerprints under another key would tell lies: no broker opens then."""
        run("DELETE FROM data_keys")

        with pytest.raises(LedgerError, match="data_keys"):
            SecretBroker.local(path, key=NEW)
        with pytest.raises(LedgerError, match="before the master key is rotated"):
            rotated.rotate_master_key(key=OLD)

    def test_the_old_key_opens_nothing(self, rotated, path):
        """A ledger set back to its old key is refused by who has the new one."""
        with pytest.raises(KeyMismatch):
            SecretBroker.local(path, key=OLD)

    def test_the_head_set_back_to_the_old_key(self, rotated, path, run):
        """A head that names the old key again is refused, or shows where both are."""
        twin = path.with_name("twin.db")
        with SecretBroker.local(twin, key=OLD) as other:
            old_check = other.audit._keys.known.key_check
        run("UPDATE ledger_head SET key_check=:check", check=old_check)

        with pytest.raises(KeyMismatch):
            rotated.record("note", "ok")
        with pytest.raises(KeyMismatch):
            rotated.audit.verify()

    def test_an_old_key_as_the_new_one(self, rotated):
        """To go back to a key that was retired is just another rotation."""
        rotated.rotate_master_key(key=OLD)
        rotated.record("note", "ok")

        assert [] == found(rotated)

    def test_no_key_in_the_database(self, rotated, path):
        """What is kept of earlier keys is sealed."""
        data = path.read_bytes() + path.with_name("tyrum.db-wal").read_bytes()
        for key in (OLD, MIDDLE, NEW):
            derived = [
                MasterKey(key).derive(x) for x in ("audit", "seal", "fingerprint")
            ]
            for secret in (key, *derived):
                assert secret not in data
                assert secret.hex().encode() not in data
                assert base64.b64encode(secret) not in data
        assert rotated.audit.ledger_id.encode() in data

    def test_an_empty_list(self, path):
        """An empty list of keys is refused."""
        with pytest.raises(ConfigError, match="empty list"):
            SecretBroker.local(path, key=[])

    def test_export_of_all_parts(self, rotated, tmp_path):
        """An export has the rows of every part."""
        assert 17 == rotated.audit.export(tmp_path / "a.jsonl")
        rows = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
        assert list(range(1, 18)) == [row["seq"] for row in rows]
