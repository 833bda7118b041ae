"""`scan` on real files."""

import sqlite3

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver


@pytest.fixture
def threads(tmp_path):
    """Write checkpoints to a SQLite file, each with one message."""

    def write(messages, *, file="graph.db"):
        path = tmp_path / file
        with SqliteSaver.from_conn_string(str(path)) as saver:
            for thread, message in messages.items():
                checkpoint = empty_checkpoint()
                checkpoint["channel_values"] = {"note": message}
                config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
                saver.put(config, checkpoint, {}, {})
        return path

    return write


@pytest.fixture
def known(run, canary):
    """A store that knows the canary."""
    run("secret", "set", "github/token", value=canary)
    return run


@pytest.fixture
def alter(store):
    """Change the record of a secret in the catalog, past every check."""

    def alter(name, **columns):
        sets = ", ".join(f"{column} = ?" for column in columns)
        (file,) = store.glob("*.db")
        with sqlite3.connect(file) as catalog:
            catalog.execute(
                f"UPDATE secrets SET {sets} WHERE name = ?", (*columns.values(), name)
            )
        catalog.close()

    return alter


class TestUnknownValues:
    """Secrets whose values cannot be read."""

    def test_provider_is_gone(self, known, alter, threads, canary):
        """The others are looked for; what could not be is named, and is not ok."""
        known("secret", "set", "old/token", value="other-5d0e7c21b9f84a63")
        alter("old/token", provider="elsewhere")

        clean = known("scan", str(threads({"1": "hello"})))
        found = known("scan", str(threads({"1": canary}, file="b.db")), "--json")

        assert (1, "") == (clean.code, clean.out)
        assert "cannot be read: old/token;" in clean.err
        assert 1 == len(clean.err.splitlines())
        assert (1, False, 1, ["old/token"]) == (
            found.code,
            found.data["ok"],
            found.data["found"],
            found.data["unknown"],
        )

    def test_repair_goes_on(self, known, alter, threads, canary):
        """A repair puts markers where known values stand, and says it is not all."""
        known("secret", "set", "old/token", value="other-5d0e7c21b9f84a63")
        alter("old/token", provider="elsewhere")
        path = threads({"1": canary})

        ran = known("scan", str(path), "--repair")

        assert 1 == ran.code
        assert b"[REDACTED:github/token]" in path.read_bytes()
        assert canary.encode() not in path.read_bytes()

    def test_disabled(self, known, alter, threads):
        """A secret that is disabled is warned of only."""
        known("secret", "set", "old/token", value="other-5d0e7c21b9f84a63")
        alter("old/token", provider="elsewhere", disabled=True)

        ran = known("scan", str(threads({"1": "hello"})))

        assert (0, "ok\t1 rows\t0 repaired\n") == (ran.code, ran.out)
        assert "disabled or without a value: old/token;" in ran.err


class TestScan:
    def test_clean(self, known, threads):
        """A file without values is ok, and the command says how much it read."""
        ran = known("scan", str(threads({"1": "hello", "2": "world"})))

        assert (0, "ok\t2 rows\t0 repaired\n") == (ran.code, ran.out)

    def test_finds_and_names(self, known, threads, canary):
        """Each value is told with its place and name; the value is not."""
        ran = known("scan", str(threads({"1": f"it is {canary}", "2": "nothing"})))

        assert 1 == ran.code
        (row,) = ran.out.splitlines()
        assert ["checkpoints", "1"] == row.split("\t")[:2]
        assert {"github/token", "raw"} <= set(row.split("\t"))
        assert "--repair" in ran.err

    def test_repairs(self, known, threads, canary):
        """After `--repair` no byte of the value is in the file, and a scan is ok."""
        path = threads({"1": f"it is {canary}"})
        assert canary.encode() in path.read_bytes()

        ran = known("scan", str(path), "--repair")

        assert (0, True) == (ran.code, ran.out.endswith("1 repaired\n"))
        assert canary.encode() not in path.read_bytes()
        assert b"[REDACTED:github/token]" in path.read_bytes()
        assert 0 == known("scan", str(path)).code

    def test_a_thread_id_cannot_be_repaired(self, known, threads, canary):
        """A key that holds a value is told; the command says what to do."""
        path = threads({canary: "hello"})

        ran = known("scan", str(path), "--repair")

        assert 1 == ran.code
        assert "delete those threads" in ran.err

    def test_as_json(self, known, threads, canary):
        """`--json` gives counts and places."""
        data = known("scan", str(threads({"1": canary})), "--json").data

        assert (False, 1, 1, 0) == tuple(
            data[key] for key in ("ok", "rows", "found", "repaired")
        )
        assert ["github/token"] == [one["name"] for one in data["findings"]]

    def test_is_in_the_ledger(self, known, threads, canary):
        """Where and by which rule a leak was found is on record."""
        known("scan", str(threads({"1": canary, "2": canary})))

        row = known("audit", "tail", "-n", "1", "--json").data[0]
        assert ("leak_found", "raw", "github/token") == (
            row["action"],
            row["outcome"],
            row["name"],
        )
        assert "2 times in checkpoints, rule registered" == row["error"]

    def test_encrypted(self, known, threads, canary, monkeypatch, tmp_path):
        """`--encrypted` reads what LangGraph encrypted, with its own key."""
        from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

        monkeypatch.setenv("LANGGRAPH_AES_KEY", "k" * 32)
        path = tmp_path / "sealed.db"
        connection = sqlite3.connect(path)
        saver = SqliteSaver(
            connection, serde=EncryptedSerializer.from_pycryptodome_aes()
        )
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"note": canary}
        config = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
        saver.put(config, checkpoint, {}, {})
        connection.close()

        blind = known("scan", str(path), "--json")
        seen = known("scan", str(path), "--encrypted", "--json")

        assert ["unreadable"] == [one["rule"] for one in blind.data["findings"]]
        assert ["github/token"] == [one["name"] for one in seen.data["findings"]]

    @pytest.mark.parametrize(
        ("target", "mend"),
        [
            ("missing.db", "check the path"),
            ("notes.txt", "neither a SQLite file"),
            ("empty.db", "'empty.db' is empty"),
            ("folder", "'folder' is a folder"),
        ],
    )
    def test_bad_targets(self, known, tmp_path, target, mend):
        """What cannot be scanned is told in one line."""
        (tmp_path / "notes.txt").write_text("not a database, for sure")
        (tmp_path / "empty.db").touch()
        (tmp_path / "folder").mkdir()

        ran = known("scan", str(tmp_path / target))

        assert 1 == ran.code
        assert mend in ran.err
        assert 1 == len(ran.err.splitlines())

    def test_this_folder(self, known):
        """The folder that one is in has a name too."""
        assert "'.' is a folder" in known("scan", ".").err

    def test_target_first(self, run, tmp_path):
        """A wrong path is told even where there is no store."""
        ran = run("scan", "missing.db", "--encrypted", path=tmp_path / "none")

        assert (1, True) == (ran.code, "'missing.db'" in ran.err)

    def test_encrypted_needs_the_key(self, known, threads, monkeypatch):
        """Without the key the command says which variable it wants."""
        monkeypatch.delenv("LANGGRAPH_AES_KEY", raising=False)

        ran = known("scan", str(threads({"1": "x"})), "--encrypted")

        assert (1, True) == (ran.code, "LANGGRAPH_AES_KEY" in ran.err)
