"""What a `tyrum.toml` declares is in its catalog, and nothing is written in vain."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.cli import main
from langchain_tyrum.errors import (
    ConfigError,
    SecretExists,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
)

VALUE = "quiet-otter-7713-lamp"

BASE = """\
[providers.db]
kind = "database"
[providers.env]
kind = "env"
[providers.env2]
kind = "env"
[policy]
allow = ["*"]
"""
X = '[secrets.x]\nprovider = "env"\nref = "X_VALUE"\n'
DB = '[secrets.d]\nprovider = "db"\n'
REF = '[references.r]\nsecret = "x"\ntools = ["t"]\n'
LIVE = '[environments.live.secrets.x]\nref = "LIVE_VALUE"\n'


@pytest.fixture(autouse=True)
def _values(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TYRUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("X_VALUE", VALUE)
    monkeypatch.setenv("LIVE_VALUE", f"{VALUE}-live")
    monkeypatch.setenv("Y_VALUE", f"{VALUE}-y")


@pytest.fixture
def load(tmp_path):
    """Load a settings file anew, as another process would; brokers close at the end."""
    opened = []

    def load(text, *, file="tyrum.toml", head="", **options) -> SecretBroker:
        path = tmp_path / file
        path.write_text(head + BASE + text, encoding="utf-8")
        opened.append(SecretBroker.from_config(path, **options))
        return opened[-1]

    yield load
    for broker in opened:
        broker.close()


def lease(broker, name="x", tool_id="t", **call):
    with broker.lease(name, tool_id=tool_id, call=CallIdentity(**call)) as value:
        return value.reveal()


def state(broker):
    """Everything that a load could have written."""
    rows = [tuple(row.items()) for row in broker.audit.tail(1000)]
    return broker.catalog.changes(), rows, broker.records(), broker.references()


class TestUpsert:
    def test_declared_is_leased(self, load):
        """What a provider holds can be used at once."""
        assert VALUE == lease(load(X))

    def test_the_same_again_writes_nothing(self, load):
        """Neither a row of the ledger, nor a change that others would have to read."""
        text = X + DB + REF + LIVE
        before = state(load(text))

        assert before == state(load(text))
        live = state(load(text, environment="live"))
        assert before != live
        assert live == state(load(text)) == state(load(text, environment="live"))
        assert load(text).audit.verify().ok

    def test_the_same_again_waits_for_no_writer(self, load):
        """It takes no write lock, so a long transaction elsewhere is no obstacle."""
        text = X + DB + REF
        broker = load(text)
        with broker.catalog.transaction():
            assert "x" == load(text).describe("x").name

    def test_the_file_wins_for_metadata(self, load, actions):
        """Also over what code has said; the handle and the version stay."""
        first = load(X).describe("x")

        broker = load(
            X + 'scope = "db:read"\nallowed_hosts = ["h"]\n'
            'expires_at = "2199-01-31T00:00:00Z"\n'
        )

        record = broker.describe("x")
        assert (first.handle_id, 1) == (record.handle_id, record.version)
        assert ("db:read", ("h",), 2199) == (
            record.scope,
            record.allowed_hosts,
            record.expires_at.year,
        )
        assert [("declare", "ok"), ("declare", "changed")] == actions(broker)
        assert ((), None, "x") == (
            (again := load(X).describe("x")).allowed_hosts,
            again.expires_at,
            again.scope,
        )

    def test_another_ref_is_another_value(self, load, actions):
        """A new version; grants for the old one end, those for always stay."""
        policy = '[environments.p.policy]\nrequire_approval = ["*"]\n'
        broker = load(X + policy, environment="p")
        call = CallIdentity(thread_id="1")
        for mode in ("session", "always"):
            broker.grant(mode=mode, tool_id=f"{mode}-t", scopes=["x"], call=call)

        moved = X.replace("X_VALUE", "Y_VALUE")
        broker = load(moved + policy, environment="p")

        assert 2 == broker.describe("x").version
        active = [grant.mode for grant in broker.grants() if grant.status == "active"]
        assert ["always"] == active
        assert f"{VALUE}-y" == lease(broker, tool_id="always-t")
        assert ("declare", "moved") in actions(broker)
        assert ("grant_ended", "session") in actions(broker)
        before = state(broker)
        assert before == state(load(moved + policy, environment="p"))

    def test_another_provider_is_another_value(self, load):
        """Even under the same ref."""
        load(X)
        broker = load(X.replace('"env"', '"env2"'))
        record = broker.describe("x")
        assert (2, "env2") == (record.version, record.provider)

    def test_where_it_moved_nothing_is_known_of_the_value(self, load):
        """The same value may be stored there, and old versions are not looked for."""
        load(DB).put("d", VALUE)
        moved = DB + 'ref = "elsewhere"\n'
        broker = load(moved)
        with broker.catalog.reading() as connection:
            (entry,) = broker.catalog.find(connection)
        assert ("", entry.record.version) == (entry.fingerprint, entry.first_version)

        broker.put("d", VALUE)

        assert VALUE == lease(load(moved), "d")

    def test_code_put_it_first(self, load):
        """The file takes it over, and the value stays where it is."""
        load("").put("d", VALUE, scope="code:scope")

        broker = load(DB)

        record = broker.describe("d")
        assert (1, "d", "active") == (record.version, record.scope, record.status)
        assert VALUE == lease(broker, "d")
        assert "disabled" == load("").describe("d").status

    def test_an_explicit_ref_of_the_database(self, load):
        """Without one the broker chooses the ref; taking it away goes back there."""
        load("").put("d", VALUE)
        load(DB + 'ref = "elsewhere"\n')
        broker = load(DB)

        assert 3 == broker.describe("d").version
        with pytest.raises(SecretNotFound):
            lease(broker, "d")


class TestTogether:
    def test_many_at_once_declare_once(self, load, tmp_path):
        """Processes that start together do not stumble over each other."""
        (tmp_path / "tyrum.toml").write_text(BASE + X + DB + REF)

        def start(_):
            with SecretBroker.from_config(tmp_path) as broker:
                return broker.describe("x").handle_id

        with ThreadPoolExecutor(6) as pool:
            handles = set(pool.map(start, range(12)))

        broker = load(X + DB + REF)
        assert {broker.describe("x").handle_id} == handles
        assert 3 == len(broker.audit.tail(100))
        assert broker.audit.verify().ok

    def test_a_refused_file_changes_nothing(self, load):
        """Also when some of what it says could have been done."""
        before = state(load(X))
        load(X).reference("x", alias="q", tools=["t"])
        after = state(load(X))

        with pytest.raises(ConfigError, match=r"secrets\.q"):
            load(DB + '[secrets.q]\nprovider = "env"\n')

        assert after == state(load(X)) != before


class TestRemoval:
    def test_it_disables_and_never_deletes(self, load, actions):
        """A lease says what happened and how it is mended."""
        first = load(X).describe("x")

        broker = load("")

        record = broker.describe("x")
        assert (first.handle_id, "disabled") == (record.handle_id, record.status)
        with pytest.raises(SecretRevoked, match=r"no longer declared in tyrum.toml"):
            lease(broker)
        assert ("declare", "disabled") in actions(broker)
        before = state(broker)
        assert before == state(load(""))

    def test_putting_it_back_enables_it(self, load, actions):
        """Under the same handle, with the same value."""
        first = load(X).describe("x")
        load("")

        broker = load(X)

        assert first.handle_id == broker.describe("x").handle_id
        assert VALUE == lease(broker)
        wanted = [("declare", "ok"), ("declare", "disabled"), ("declare", "enabled")]
        assert wanted == actions(broker)[:3]

    def test_what_is_revoked_stays_so(self, load):
        """Neither removal nor putting it back lifts a revocation, nor a new ref."""
        load(X).revoke("x", reason="leaked")
        for text in (X, "", X, X.replace("X_VALUE", "Y_VALUE"), X + 'scope = "s"\n'):
            broker = load(text)
            assert "revoked" == broker.describe("x").status
            with pytest.raises(SecretRevoked, match="reauthorize"):
                lease(broker)
            before = state(broker)
            assert before == state(load(text))
        broker.reauthorize("x")
        assert VALUE == lease(load(X))

    def test_revoked_and_removed_needs_both(self, load):
        """Reauthorizing does not bring back what the file no longer declares."""
        load(X).revoke("x")
        broker = load("")
        broker.reauthorize("x")
        with pytest.raises(SecretRevoked, match=r"tyrum\.toml"):
            lease(broker)

    def test_what_code_put_stays(self, load):
        """A file disables only what a file declared."""
        load(X).put("mine", VALUE)

        broker = load("")

        assert VALUE == lease(broker, "mine")

    def test_the_whole_file_counts(self, load):
        """What only another environment declares is no removal."""
        only = '[environments.live.secrets.y]\nprovider = "env"\nref = "Y_VALUE"\n'
        broker = load(X + LIVE + only, environment="live")
        assert f"{VALUE}-y" == lease(broker, "y")

        load(X + LIVE + only)

        broker = load(X + LIVE + only, environment="live")
        assert {"active"} == {record.status for record in broker.records()}
        disabled = {(r.name, r.status) for r in load(X).records()}
        assert {("x", "active"), ("x", "disabled"), ("y", "disabled")} == disabled

    def test_an_owner_that_is_not_known_here(self, load, monkeypatch):
        """Another environment's variables need not be set; its secrets stay."""
        text = (
            '[environments.live.secrets.y]\nprovider = "env"\nowner = "${LIVE_OWNER}"\n'
        )
        monkeypatch.setenv("LIVE_OWNER", "ada")
        load(text, environment="live")
        monkeypatch.delenv("LIVE_OWNER")

        broker = load(text)

        assert ["active"] == [each.status for each in broker.records(owner="ada")]

    def test_another_owner_or_tenant_is_another_secret(self, load):
        """The former one is no longer declared."""
        load(X + 'tenant = "acme"\n')
        broker = load(X + 'tenant = "other"\nowner = "ada"\n')

        (old,) = broker.records(tenant="acme")
        assert "disabled" == old.status
        assert VALUE == lease(broker, tenant="other", user="ada")


class TestApplications:
    SHARED = '[catalog]\nurl = "sqlite:///shared.db"\n'

    def test_each_disables_its_own_only(self, load):
        """Files that share a catalog under different names do not fight."""
        a, b = (f'application = "{name}"\n' for name in "ab")
        y = X.replace("secrets.x", "secrets.y").replace("X_VALUE", "Y_VALUE")
        load_app(load, X, a)
        broker = load_app(load, y, b)
        assert {"x", "y"} == {handle.name for handle in broker.handles()}

        broker = load_app(load, "", b)
        statuses = {record.name: record.status for record in broker.records()}
        assert {"x": "active", "y": "disabled"} == statuses

    def test_both_may_say_the_same(self, load):
        """A shared secret stays the first one's, and is enabled for the second."""
        a, b = (f'application = "{name}"\n' for name in "ab")
        load_app(load, X, a)
        before = state(load_app(load, X, b))
        assert before == state(load_app(load, X, a))

        load_app(load, "", a)
        assert VALUE == lease(load_app(load, X, b))

    def test_what_they_say_otherwise_is_refused(self, load):
        """Else each start would change it, and nothing has been changed."""
        a, b = (f'application = "{name}"\n' for name in "ab")
        before = state(load_app(load, X, a))

        with pytest.raises(ConfigError, match=r"secrets.x: another application"):
            load_app(load, X + 'scope = "s"\n' + DB, b)

        assert before == state(load_app(load, X, a))

    def test_two_files_of_one_name_do_not_disable_each_other(self, load):
        """Each would do it at each start; the second one is told to get a name."""
        y = self.SHARED + X.replace("secrets.x", "secrets.y")
        before = state(load(self.SHARED + X))

        for text in (y, self.SHARED):
            with pytest.raises(ConfigError, match=r"its own application"):
                load(text, file="b.toml")

        assert before == state(load(self.SHARED + X))
        assert VALUE == lease(load(y, file="b.toml", head='application = "b"\n'), "y")

    def test_the_same_file_may_start_anew(self, load):
        """One that was edited declares what it likes, and so does one that moved."""
        y = self.SHARED + X.replace("secrets.x", "secrets.y")
        load(self.SHARED + X)
        assert VALUE == lease(load(y), "y")

        both = y + X
        assert VALUE == lease(load(both, file="moved.toml"), "x")
        assert VALUE == lease(load(self.SHARED + X, file="moved.toml"), "x")


def load_app(load, text, application):
    """Load a file of one application; both lie beside one catalog."""
    file = f"{re.sub('[^a-z]', '', application)}.toml"
    return load(TestApplications.SHARED + text, file=file, head=application)


class TestEnvironments:
    def test_two_environments_share_a_catalog(self, load):
        """One name, a value per environment, and neither load disturbs the other."""
        text = X + LIVE
        here, live = load(text), load(text, environment="live")

        assert (VALUE, f"{VALUE}-live") == (lease(here), lease(live))
        assert (None, "live") == (
            here.describe("x").environment,
            live.describe("x").environment,
        )
        assert VALUE == lease(here)

    def test_a_production_secret_stays_there(self, load):
        """What only one environment declares cannot be leased in another."""
        only = '[environments.live.secrets.y]\nprovider = "env"\nref = "Y_VALUE"\n'
        load(only, environment="live")
        with pytest.raises(SecretForbidden, match="'live'"):
            lease(load(only), "y")

    def test_an_override_that_is_removed(self, load):
        """What the top of the file says then holds there too."""
        load(X + LIVE, environment="live")
        rest = '[environments.live.policy]\nallow = ["*"]\n'

        assert VALUE == lease(load(X + rest, environment="live"))

    def test_a_value_for_an_override(self, load):
        """`put` in an environment fills the secret that is declared for it."""
        own = '[environments.live.secrets.d]\nscope = "s"\n'
        broker = load(DB + own, environment="live")

        broker.put("d", VALUE)

        assert VALUE == lease(broker, "d")

    def test_a_reference_means_the_environments_own(self, load):
        """One alias in the catalog; each environment resolves it to its own secret."""
        text = X + LIVE + REF
        here, live = load(text), load(text, environment="live")
        for broker, environment in ((here, None), (live, "live"), (here, None)):
            record = broker.resolve_reference("r", tool_id="t")
            assert environment == record.environment


class TestLooking:
    def test_a_command_disables_nothing(self, load, tmp_path, capsys):
        """`secret list` with another file leaves what a program uses as it is."""
        running = load(X + REF)
        (tmp_path / "tyrum.toml").write_text(BASE, encoding="utf-8")

        code = main(["--config", str(tmp_path), "secret", "list"])

        assert (0, VALUE) == (code, lease(running))
        assert ["r"] == [each.secret_alias for each in running.references()]
        capsys.readouterr()

    def test_a_program_says_what_it_disables(self, load, caplog):
        """One line of the log names the secret and the file."""
        load(X)
        load("")

        assert ["'x' is no longer declared"] == [
            record.getMessage()[:25] for record in caplog.records
        ]


class TestReferences:
    def test_they_are_kept_and_changed_in_place(self, load, actions):
        """The id stays when the tools change; the same again writes nothing."""
        (first,) = load(X + REF).references()
        assert "r" == first.secret_alias

        broker = load(X + REF.replace('["t"]', '["t", "u"]') + 'display_name = "R"\n')

        (second,) = broker.references()
        assert first.secret_ref_id == second.secret_ref_id
        assert (("t", "u"), "R") == (second.allowed_tool_ids, second.display_name)
        assert 2 == actions(broker).count(("reference", "ok"))
        fewer = load(X + REF + 'display_name = "R"\n').references()
        assert [("t",)] == [each.allowed_tool_ids for each in fewer]

    def test_an_environment_may_widen_only_its_own(self, load):
        """Tools that one environment allows hold there alone, whoever loads last."""
        text = X + REF + '[environments.dev.references.r]\ntools = ["t", "shell"]\n'
        text += "[environments.live]\n"
        live = load(text, environment="live")
        dev = load(text, environment="dev")

        assert [("t", "shell")] == [each.allowed_tool_ids for each in dev.references()]
        assert [("t",)] == [each.allowed_tool_ids for each in live.references()]
        assert "x" == dev.resolve_reference("r", tool_id="shell").name
        for selector in ("r", dev.references()[0].secret_ref_id):
            with pytest.raises((SecretForbidden, SecretNotFound)):
                live.resolve_reference(selector, tool_id="shell")
        shared = live.references()[0].secret_ref_id
        with pytest.raises(SecretNotFound):  # dev has its own in its place
            dev.resolve_reference(shared, tool_id="t")

    def test_one_that_an_environment_declares_alone(self, load, actions):
        """It shows nowhere else, and leaves with its table."""
        text = X + '[environments.dev.references.r]\nsecret = "x"\ntools = ["t"]\n'

        dev, here = load(text, environment="dev"), load(text)

        assert (["r"], []) == tuple(
            [each.secret_alias for each in broker.references()]
            for broker in (dev, here)
        )
        broker = load(X + "[environments.dev]\n", environment="dev")
        assert [] == broker.references()
        assert ("reference", "removed") in actions(broker)

    def test_another_secret(self, load):
        """The alias then stands for that one."""
        load(X + DB + REF)
        broker = load(X + DB + REF.replace('"x"', '"d"'))
        assert "d" == broker.resolve_reference("r", tool_id="t").name

    def test_one_that_code_made_keeps_its_id(self, load):
        """The file takes it over, and may change it."""
        made = load(X).reference("x", alias="r", tools=["t"], display_name="code")

        (found,) = load(X + REF).references()

        assert (made.secret_ref_id, None) == (found.secret_ref_id, found.display_name)

    def test_removal_takes_it_from_models(self, load, actions):
        """Those that code made stay."""
        broker = load(X + REF)
        broker.reference("x", alias="mine", tools=["t"])

        broker = load(X)

        assert ["mine"] == [each.secret_alias for each in broker.references()]
        assert ("reference", "removed") in actions(broker)

    def test_an_alias_that_is_taken(self, load):
        """By a name in the catalog: the line is told and nothing is changed."""
        before = state(load(X))
        load(X).put("r", VALUE)

        with pytest.raises(ConfigError, match=r"tyrum.toml:\d+: references.r: "):
            load(X + REF)
        with pytest.raises(ConfigError, match=r"tyrum.toml:\d+: secrets.q: "):
            load(X).reference("x", alias="q", tools=["t"])
            load(X + '[secrets.q]\nprovider = "env"\n')
        assert before[3] == [r for r in load(X).references() if r.secret_alias != "q"]

    def test_an_alias_that_is_taken_keeps_new_secrets_out(self, load):
        """Secrets and references come together, or none of them does."""
        broker = load(X)
        broker.put("r", VALUE)
        before = state(broker)

        with pytest.raises(ConfigError, match=r"tyrum.toml:\d+: references.r: "):
            load(X + DB + REF)
        assert before == state(broker)


class TestPut:
    def test_a_declared_secret_gets_its_first_value(self, load):
        """`put` stores it where the file says, under the declared handle."""
        broker = load(DB)
        declared = broker.describe("d")

        handle = broker.put("d", VALUE)

        assert declared.handle_id == handle.handle_id
        assert VALUE == lease(load(DB), "d")
        with pytest.raises(SecretExists):
            broker.put("d", f"{VALUE}-other")

    def test_loading_changes_no_value(self, load):
        """Neither the value that was put, nor its version."""
        load(DB).put("d", VALUE)
        version = load(DB).describe("d").version
        broker = load(DB + 'scope = "s"\n')
        assert (version, VALUE) == (broker.describe("d").version, lease(broker, "d"))
