"""The head file: it moves on along one chain, and tells when it was left behind."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from sqlalchemy import create_engine, text

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger.headfile import HeadFile
from langchain_tyrum.ledger.verify import LedgerHead
from langchain_tyrum.policy import SecretPolicy


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tyrum.db"


@pytest.fixture
def head_file(path):
    return path.with_suffix(".keys") / "ledger.head"


@pytest.fixture
def broker(path):
    with SecretBroker.local(path, policy=SecretPolicy(allow=["*"])) as broker:
        broker.put("one", "value-of-one-0123")
        yield broker


def kinds(broker) -> list[str]:
    return [problem.kind for problem in broker.audit.verify().problems]


def kept(head_file) -> int:
    return json.loads(head_file.read_text())["seq"]


class TestLost:
    def test_a_deleted_file_shows(self, broker, head_file):
        """A head file that is gone shows, and no lease makes it appear again."""
        head_file.unlink()
        with broker.lease("one", tool_id="t"):
            pass

        assert ["head_lost"] == kinds(broker)
        assert not head_file.exists()

    def test_a_deleted_file_shows_later(self, broker, head_file, path):
        """Nor does another process make it."""
        head_file.unlink()
        broker.close()
        with SecretBroker.local(path) as again:
            again.record("note", "ok")

            assert ["head_lost"] == kinds(again)

    def test_accepted(self, broker, head_file):
        """Whoever knows why accepts the ledger as it is; then it moves on again."""
        head_file.unlink()
        head = broker.audit.keep_head()
        broker.record("note", "ok")

        assert (head.seq + 1, []) == (kept(head_file), kinds(broker))

    def test_rows_that_do_not_verify_are_not_accepted(self, broker, head_file, path):
        """A ledger whose rows were changed is not accepted."""
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            connection.execute(text("UPDATE ledger SET outcome='failed'"))
        engine.dispose()
        before = head_file.read_text()

        with pytest.raises(LedgerError, match="edited"):
            broker.audit.keep_head()
        assert before == head_file.read_text()

    def test_a_ledger_that_never_had_one(self, path, tmp_path, broker):
        """A ledger that gets a head file later keeps its head from then on."""
        keys = {"key": bytes(32), "catalog": f"sqlite:///{tmp_path}/other.db"}
        with SecretBroker(providers=[], **keys) as before:
            before.record("note", "ok")
            with pytest.raises(LedgerError, match="head_file"):
                before.audit.keep_head()
        file = tmp_path / "other.head"
        with SecretBroker(providers=[], head_file=file, **keys) as after:
            assert (1, []) == (kept(file), kinds(after))
            file.unlink()
            after.record("note", "ok")
            assert ["head_lost"] == kinds(after)

    def test_an_empty_file(self, broker, head_file):
        """An emptied file counts as lost."""
        head_file.write_text("")
        broker.record("note", "ok")

        assert ["head_lost"] == kinds(broker)

    def test_replaced_by_another_ledgers(self, broker, head_file):
        """A head of another ledger is told apart, and not covered."""
        head = {"ledger_id": "l_another", "seq": 1, "hash": "x"}
        head_file.write_text(json.dumps(head))
        broker.record("note", "ok")

        assert ["other_ledger"] == kinds(broker)

    def test_replaced_by_an_invented_one(self, broker, head_file):
        """A head that this ledger never had shows."""
        head = json.loads(head_file.read_text()) | {"hash": "ab" * 32}
        head_file.write_text(json.dumps(head))
        broker.record("note", "ok")

        assert ["rolled_back"] == kinds(broker)


class TestUnwritable:
    @pytest.fixture
    def unwritable(self, broker, head_file):
        """A broker whose head file has become something that cannot be written."""
        content = head_file.read_bytes()
        head_file.unlink()
        head_file.mkdir()
        yield broker
        head_file.rmdir()
        head_file.write_bytes(content)
        broker.audit.keep_head()
        assert [] == kinds(broker)

    def test_no_lease(self, unwritable):
        """A head that cannot be kept means no value, though the rows stand."""
        before = unwritable.audit.head().seq

        with pytest.raises(LedgerError, match=r"ledger\.head.*cannot be"):
            with unwritable.lease("one", tool_id="t"):
                pytest.fail("a value was yielded")

        rows = unwritable.audit.tail(1)
        assert before < unwritable.audit.head().seq == rows[0]["seq"]

    async def test_no_async_lease(self, unwritable):
        """Nor is it yielded to a coroutine."""
        with pytest.raises(LedgerError, match="cannot be"):
            async with unwritable.alease("one", tool_id="t"):
                pytest.fail("a value was yielded")

    def test_a_link_is_not_followed(self, broker, head_file, tmp_path):
        """A link in the place of the file is neither read nor written through."""
        target = tmp_path / "target"
        target.write_bytes(head_file.read_bytes())
        before = target.read_bytes()
        head_file.unlink()
        head_file.symlink_to(target)

        with pytest.raises(LedgerError):
            broker.record("note", "ok")
        with pytest.raises(LedgerError):
            broker.audit.verify()
        assert before == target.read_bytes()


class TestOrder:
    def test_it_never_goes_back(self, tmp_path):
        """A row that was committed earlier and told of later does not move it."""
        file = HeadFile(tmp_path / "head")
        file.begin(LedgerHead("l", 0, "h0"))
        rows = [{"seq": n, "hash": f"h{n}", "prev_hash": f"h{n - 1}"} for n in range(9)]
        hashes = {n: f"h{n}" for n in range(9)}
        for number in (2, 1, 5, 4, 3):
            file.keep("l", rows[number : number + 1], hash_at=hashes.get)

        assert LedgerHead("l", 5, "h5") == file.read()

    def test_many_processes(self, broker, head_file, path):
        """However many processes write at once, the last head is kept."""
        code = (
            "import sys\n"
            "from langchain_tyrum.broker import SecretBroker\n"
            "broker = SecretBroker.local(sys.argv[1])\n"
            "for _ in range(100): broker.record('note', 'ok')\n"
        )
        running = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in "abc"]

        assert [0] * 3 == [process.wait() for process in running]
        assert 301 == kept(head_file) == broker.audit.head().seq
        assert [] == kinds(broker)

    def test_only_yours(self, broker, head_file):
        """The file is for its owner alone."""
        assert 0o600 == head_file.stat().st_mode & 0o777


class TestUnwritableAtTheIntent:
    def test_the_grant_is_given_back(self, path, head_file):
        """A lease whose head cannot be kept hands out nothing and uses no grant."""
        policy = SecretPolicy(require_approval=["*"])
        with SecretBroker.local(path, policy=policy) as broker:
            broker.put("one", "value-of-one-0123")
            broker.grant(mode="always", tool_id="t", scopes=["one"], max_uses=1)
            aside = head_file.rename(head_file.with_name("aside"))
            head_file.mkdir()
            with (
                pytest.raises(LedgerError, match="cannot be kept"),
                broker.lease("one", tool_id="t"),
            ):
                pytest.fail("it was leased")
            head_file.rmdir()
            aside.rename(head_file)

            actions = [(row["action"], row["outcome"]) for row in broker.audit.tail(2)]
            assert [("grant_released", "always"), ("lease", "failed")] == actions
            assert 0 == broker.grants()[0].uses
            assert [] == broker.unfinished(older_than_seconds=0)
            with broker.lease("one", tool_id="t") as value:
                assert "value-of-one-0123" == value.reveal()
            assert [] == kinds(broker)
