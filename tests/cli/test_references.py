"""`reference`, `policy check` and `lease`: who may name, use and leave what."""

from datetime import UTC, datetime

import pytest

from langchain_tyrum.__main__ import main
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.ledger import schema

RULES = """\
[providers.store]
kind = "database"
[policy]
allow = ["github:issues:*"]
[environments.production.policy]
require_approval = ["*:write"]
"""


@pytest.fixture
def one(run, canary):
    """A store with one secret; its handle."""
    ran = run(
        *("secret", "set", "github/token", "--scope", "github:issues:write"),
        value=canary,
    )
    return ran.out.strip()


class TestReference:
    def test_what_to_write(self, run, one):
        """The handle, and how code, settings and environments name the secret."""
        ran = run("reference", "show", "github/token")

        rows = dict(line.split("\t") for line in ran.out.splitlines())
        assert {
            "handle": one,
            "code": '@secret_tool(broker, PARAMETER="github/token")',
            "settings": '[secrets."github/token"]',
            "environment": f"VARIABLE={one}",
            "models": "-",
        } == rows

    def test_models_name_it_after_it_was_added(self, run, one):
        """The alias is listed with its secret and tools, and shown with the secret."""
        ran = run(
            *("reference", "add", "github/token", "--alias", "github"),
            *("--tool", "create_issue", "--tool", "close_issue"),
            *("--display-name", "GitHub bot"),
        )
        assert (0, "tyrum://github\n") == (ran.code, ran.out)
        told = "tyrum://github\tgithub/token\tcreate_issue, close_issue\tGitHub bot\n"
        assert told == run("reference", "list").out
        assert told == run("reference", "list", "--tool", "close_issue").out
        assert "" == run("reference", "list", "--tool", "other").out
        [row] = run("reference", "list", "--json").data
        assert ("github", "github/token") == (row["secret_alias"], row["secret"])
        run("secret", "set", "other/token", value="another-value-1")
        assert [] == run("reference", "show", "other/token", "--json").data["models"]
        data = run("reference", "show", one, "--json").data
        assert (one, ["tyrum://github"]) == (data["handle"], data["models"])

    def test_an_unknown_name(self, run, one):
        """It is answered as by the other commands."""
        for argv in (("show",), ("add", "--alias", "a", "--tool", "t")):
            ran = run("reference", argv[0], "githb/token", *argv[1:])
            assert (1, True) == (ran.code, "did you mean 'github/token'" in ran.err)

    def test_whose(self, run, one, canary):
        """A user's references are that user's alone."""
        run("secret", "set", "mine", "--owner", "ada", value=canary)
        whose = ("--owner", "ada")
        add = ("reference", "add", "mine", "--alias", "m", "--tool", "t")
        assert 0 == run(*add, *whose).code
        assert "" == run("reference", "list").out
        assert run("reference", "list", *whose).out.startswith("tyrum://m\tmine\t")
        assert 1 == run("reference", "show", "mine", "--owner", "bob").code


class TestPolicyCheck:
    @pytest.fixture
    def check(self, tmp_path, capsys, canary, monkeypatch):
        """Ask with a settings file that has a layer for production."""
        monkeypatch.delenv("TYRUM_CONFIG", raising=False)
        file = tmp_path / "tyrum.toml"
        file.write_text(RULES)
        with SecretBroker.from_config(file) as broker:
            broker.put("github/token", canary, scope="github:issues:write")

        def check(*argv, environment=""):
            monkeypatch.setenv("TYRUM_ENVIRONMENT", environment)
            code = main(["policy", "check", *argv, "--config", str(file)])
            told = capsys.readouterr()
            assert canary not in told.out + told.err
            return code, told.out, told.err

        check.file = file
        return check

    def test_layer_and_rule_are_told(self, check):
        """For a secret in use, and for a scope that none has yet."""
        for asked in (("github/token",), ("--scope", "github:issues:write")):
            code, out, err = check("create_issue", *asked)
            assert (0, "") == (code, err)
            assert out.startswith("allow\tgithub:issues:write\t")
            assert "\tallow\t'github:issues:*'\ttyrum.toml\n" in out
            _, out, _ = check("create_issue", *asked, environment="production")
            assert out.startswith("require_approval\tgithub:issues:write\t")
            assert "'*:write'\tenvironment production\n" in out

    def test_whose_and_where_count_for_scopes_too(self, check):
        """A rule for one user in one environment is found with both, not with one."""
        rule = '{scope = "db:*", principals = ["user:ada"], environments = ["test"]}'
        text = RULES.replace('"github:issues:*"', rule)
        check.file.write_text(text + "[environments.test]\n")
        for user, environment, outcome in (
            ("ada", "test", "allow"),
            ("ada", "", "deny"),
            ("bob", "test", "deny"),
        ):
            asked = ("t", "--scope", "db:read", "--user", user)
            assert check(*asked, environment=environment)[1].startswith(outcome)

    def test_nothing_is_leased(self, check, canary):
        """The ledger has no row of it."""
        with SecretBroker.from_config(check.file) as broker:
            before = broker.audit.head()
        check("create_issue", "github/token")
        check("create_issue", "--scope", "x")
        with SecretBroker.from_config(check.file) as broker:
            assert before == broker.audit.head()

    def test_a_grant_that_counts_is_named(self, check, monkeypatch):
        """For the user and thread that it was given to, and for no other."""
        import json

        monkeypatch.setenv("TYRUM_ENVIRONMENT", "production")
        with SecretBroker.from_config(check.file) as broker:
            call = broker.identify(
                {"configurable": {"langgraph_auth_user": {"identity": "ada"}}}
            )
            grant = broker.grant(
                mode="always", tool_id="t", scopes=["github:issues:write"], call=call
            )
        for user, wanted in (("ada", grant.grant_id), ("bob", None)):
            _, out, _ = check(
                *("t", "github/token", "--user", user, "--json"),
                environment="production",
            )
            assert wanted == json.loads(out)["grant_id"]
        _, out, _ = check(
            "t", "github/token", "--user", "ada", environment="production"
        )
        assert f"grant\t{grant.grant_id}\talways\n" in out

    def test_a_store_without_a_file(self, run, one):
        """What stands in code cannot be seen from here, and that is said."""
        ran = run("policy", "check", "t", "github/token")
        assert (0, True) == (ran.code, ran.out.startswith("require_approval\t"))
        assert "policy= is not seen" in ran.err

    def test_one_of_the_two_is_asked(self, run, one):
        """Secrets or scopes, not both and not nothing."""
        for argv in ((), ("github/token", "--scope", "x")):
            ran = run("policy", "check", "t", *argv)
            assert (1, True) == (ran.code, "one of the two" in ran.err)


class TestLease:
    def test_an_unfinished_one_is_listed_and_settled(self, run, one, store):
        """Once; afterwards the ledger says so, and nothing is left."""
        with SecretBroker.local(store) as broker:
            broker.record("lease_intent", "reserved", tool_id="push")
            row = {
                "intent_seq": 2,
                "handle_ids": ["h_x"],
                "tool_id": "push",
                "tenant": "default",
                "reserved_at": datetime(2026, 1, 2, tzinfo=UTC).isoformat(),
            }
            with broker.catalog.transaction() as connection:
                connection.execute(schema.reservations.insert().values(**row))

        assert run("lease", "list").out.startswith("2\t2026-01-02")
        assert ["push"] == [x["tool_id"] for x in run("lease", "list", "--json").data]
        ran = run("lease", "settle", "2")
        assert (0, "2\n") == (ran.code, ran.out)
        assert "unfinished" in run("audit", "tail").out
        assert "no lease is unfinished" in run("lease", "list").err
        ran = run("lease", "settle", "2")
        assert (1, True) == (ran.code, "`lease list`" in ran.err)
