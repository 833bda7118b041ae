import base64

import pytest

from langchain_tyrum.ledger.master import MasterKey


@pytest.fixture
def filled(run, canary):
    """A store with one value."""
    run("secret", "set", "a", value=canary)
    return run


@pytest.fixture
def key_text(store):
    """A reader of the key file."""
    return (store / "tyrum.keys" / "master.key").read_text


class TestShow:
    def test_ids_only(self, filled, key_text):
        """The id of the key and its place are shown, never the key."""
        ran = filled("key", "show")
        key = MasterKey.from_text(key_text())

        assert f"{key.key_id}\tnewest\n" == ran.out
        assert "master.key" in ran.err
        assert key_text().strip() not in ran.out + ran.err

    def test_json(self, filled, key_text):
        """As JSON too."""
        data = filled("key", "show", "--json").data

        assert [MasterKey.from_text(key_text()).key_id] == data["keys"]


class TestRotate:
    def test_rotate(self, filled, key_text):
        """The key changes, and what was stored still verifies and opens."""
        old = key_text()
        ran = filled("key", "rotate", "--drop-old")
        new = MasterKey.from_text(key_text())

        assert (0, f"{new.key_id}\t1 values\n") == (ran.code, ran.out)
        assert old != key_text()
        for text in (old, key_text()):
            assert text.strip() not in ran.out + ran.err
        assert 0 == filled("audit", "verify").code

    def test_the_old_key_stays_until_it_is_dropped(self, filled, key_text):
        """Another store may share the file; `key drop` says when none does."""
        old = key_text()
        ran = filled("key", "rotate")

        assert old in key_text()
        assert "key drop" in ran.err
        dropped = filled("key", "drop")
        key_id = MasterKey.from_text(key_text()).key_id
        assert (0, f"{key_id}\t1 older keys dropped\n") == (dropped.code, dropped.out)
        assert {"dropped": 0, "key_id": key_id} == filled("key", "drop", "--json").data

    def test_both_keys_in_the_environment(self, run, store, monkeypatch, canary):
        """With both keys in the variable, it changes to the first one there."""
        old, new = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))
        monkeypatch.setenv("TYRUM_MASTER_KEY", old)
        run("secret", "set", "a", value=canary)
        assert 1 == run("key", "rotate").code
        monkeypatch.setenv("TYRUM_MASTER_KEY", f"{new} {old}")
        ran = run("key", "rotate", "--json")

        assert (1, "TYRUM_MASTER_KEY") == (
            ran.data["rewrapped"],
            ran.data["next_step"].split("variable ")[1].split(";")[0],
        )
        monkeypatch.setenv("TYRUM_MASTER_KEY", new)
        assert 0 == run("audit", "verify").code
