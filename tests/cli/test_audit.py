import sqlite3

import pytest


@pytest.fixture
def filled(run, canary):
    """A store with three rows in its audit trail."""
    run("secret", "set", "a", value=canary)
    run("secret", "rotate", "a", value="second-value-2")
    run("secret", "revoke", "a")
    return run


def change(store, statement):
    connection = sqlite3.connect(store / "tyrum.db")
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


class TestTail:
    def test_rows(self, filled):
        """Each row is one line, oldest first."""
        rows = [line.split("\t") for line in filled("audit", "tail").out.splitlines()]

        assert [row[0] for row in rows] == ["1", "2", "3"]
        assert [row[2] for row in rows] == ["put", "rotate", "revoke"]
        assert {row[4] for row in rows} == {"a"}

    def test_how_many(self, filled):
        """`-n` gives the last rows."""
        rows = filled("audit", "tail", "-n", "2", "--json").data

        assert [row["action"] for row in rows] == ["rotate", "revoke"]

    @pytest.mark.parametrize("count", ["0", "-1", "x", "1.5"])
    def test_how_many_is_a_number(self, count, filled):
        """Anything but a positive number is a usage error."""
        ran = filled("audit", "tail", f"-n{count}")

        assert ran.code == 2
        assert "argument -n: invalid number value" in ran.err

    def test_terminal_sequences_are_shown(self, filled, store):
        """What a row holds cannot steer the terminal or forge another line."""
        change(
            store, "update ledger set tool_id = 'x' || char(27) || '[2J' || char(10)"
        )
        out = filled("audit", "tail").out

        assert "\\x1b[2J\\n" in out
        assert "\x1b" not in out
        assert len(out.splitlines()) == 3

    def test_of_a_tenant(self, filled):
        """`--tenant` shows the rows of one tenant only."""
        filled("secret", "set", "b", "--tenant", "acme", value="third-value-3")
        rows = filled("audit", "tail", "--tenant", "acme", "--json").data

        assert [("b", "acme")] == [(row["name"], row["tenant"]) for row in rows]
        assert "b" not in {
            row["name"]
            for row in filled("audit", "tail", "--tenant", "default", "--json").data
        }


class TestExport:
    def test_all_rows(self, filled, tmp_path, canary):
        """The file holds every row, one line of JSON each, and no value."""
        file = tmp_path / "rows.jsonl"
        ran = filled("audit", "export", str(file))

        assert (0, f"{file}\t3 rows\n") == (ran.code, ran.out)
        assert 3 == len(file.read_text().splitlines())
        assert canary not in file.read_text()

    def test_of_a_tenant(self, filled, tmp_path):
        """`--tenant` leaves out the rows of all others."""
        filled("secret", "set", "b", "--tenant", "acme", value="third-value-3")
        file = tmp_path / "rows.jsonl"
        data = filled("audit", "export", str(file), "--tenant", "acme", "--json").data

        assert {"file": str(file), "rows": 1} == data


class TestVerify:
    def test_an_intact_trail(self, filled):
        """An intact trail is exit code 0, with its length and its head."""
        ran = filled("audit", "verify")
        data = filled("audit", "verify", "--json").data

        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("ok\t3 rows\t")
        assert (data["ok"], data["rows"], data["problems"]) == (True, 3, [])
        assert data["head"]["hash"] in ran.out

    @pytest.mark.parametrize(
        "tamper",
        [
            "update ledger set user = 'mallory' where seq = 2",
            "delete from ledger where seq = 2",
            "delete from ledger where seq = 3",
            "update ledger set seq = 9 where seq = 3",
            "update ledger_head set seq = 2",
        ],
    )
    def test_a_changed_trail(self, tamper, filled, store):
        """A changed trail is exit code 1, with the problems one a line."""
        change(store, tamper)
        ran = filled("audit", "verify")
        data = filled("audit", "verify", "--json")

        assert (ran.code, data.code) == (1, 1)
        assert len(ran.out.splitlines()) == len(data.data["problems"]) > 0
        assert "keep the database as evidence" in ran.err
        assert len(ran.err.splitlines()) == 1

    def test_a_file_that_is_no_database(self, run, tmp_path):
        """A broken store is one line that names the file."""
        file = tmp_path / "broken.db"
        file.write_bytes(b"this is no database at all" * 200)
        ran = run("audit", "verify", path=file)

        assert ran.code == 1
        assert "broken.db" in ran.err
        assert len(ran.err.splitlines()) == 1


class TestKeepHead:
    def test_a_lost_head_file_is_accepted_once_somebody_says_so(self, filled, store):
        """Until then the trail does not verify; afterwards it does."""
        (store / "tyrum.keys" / "ledger.head").unlink()
        before = filled("audit", "verify")

        kept = filled("audit", "keep-head", "--json").data

        assert (1, 3) == (before.code, kept["seq"])
        assert 0 == filled("audit", "verify").code

    def test_an_edited_trail_is_not(self, filled, store):
        """What was changed cannot be accepted this way."""
        change(store, "update ledger set outcome = 'failed' where seq = 2")

        ran = filled("audit", "keep-head")

        assert 1 == ran.code
        assert "edited" in ran.err
