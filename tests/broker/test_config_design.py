"""The settings file that the documentation shows loads as it stands."""

import hashlib
import json
import os
import re
import sys

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import ConfigError, SecretForbidden
from langchain_tyrum.providers import OnePasswordProvider, VaultProvider

CALL = CallIdentity(thread_id="t")
TOML = """\
environment = "development"            # or TYRUM_ENVIRONMENT, or from_config(environment=…)

[catalog]
url = "sqlite:///tyrum.db"             # any SQLAlchemy URL; postgresql+psycopg://${PGUSER}@…; a literal password is refused

[providers.default]
kind = "database"
[providers.vault]
kind = "vault"
url = "http://127.0.0.1:8200"          # token from VAULT_TOKEN, or role_id / secret_id_env
mount = "secret"
[providers.op]
kind = "onepassword"
account = "acme"

[secrets."github/token"]
provider = "op"
ref = "op://Sandbox/GitHub/token"      # what the provider calls it; default: the name
scope = "github:issues:write"
allowed_hosts = ["api.github.com"]
[environments.production.secrets."github/token"]
ref = "op://Engineering/GitHub/token"  # same name, live value

[references.github]                    # the alias the model sees
secret = "github/token"
tools = ["create_issue"]
display_name = "GitHub bot"

[policy]
default = "require_approval"
allow = ["weather:*"]
deny = ["prod:*"]

[environments.production.policy]       # one more layer: it can only narrow
require_approval = ["*:write"]
"""  # noqa: E501 - as it is printed

OP = """\
#!{python}
import hashlib, json, sys
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
print("cnry" + hashlib.sha256(sys.argv[2].encode()).hexdigest()[:14])
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in [n for n in os.environ if n.startswith(("TYRUM_", "VAULT_", "OP_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "tyrum.toml"
    found.write_text(TOML, encoding="utf-8")
    return found


@pytest.fixture
def op_calls(tmp_path, monkeypatch):
    """What a stand-in for `op` on the PATH was asked."""
    calls = tmp_path / "calls.jsonl"
    program = tmp_path / "bin" / "op"
    program.parent.mkdir()
    program.write_text(OP.format(python=sys.executable, calls=str(calls)))
    program.chmod(0o700)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)

    def read():
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [json.loads(line) for line in lines]

    return read


class TestTheDesignsFile:
    def test_it_loads(self, file, op_calls):
        """Every table counts, no variable has to be set, and nothing is asked."""
        with SecretBroker.from_config(file) as broker:
            providers = broker._core.providers
            record = broker.describe("github/token")
            reference = broker.resolve_reference("github", tool_id="create_issue")

            assert ["default", "vault", "op"] == list(providers)
            assert isinstance(providers["vault"], VaultProvider)
            assert isinstance(providers["op"], OnePasswordProvider)
            assert ("op", "github:issues:write") == (record.provider, record.scope)
            assert ("api.github.com",) == record.allowed_hosts
            assert record.handle_id == reference.handle_id
            decision = broker.decide("create_issue", ["github/token"], call=CALL)
            assert "require_approval" == decision.outcome
        assert [] == op_calls()

    @pytest.mark.parametrize(
        ("environment", "ref"),
        [
            ("development", "op://Sandbox/GitHub/token"),
            ("production", "op://Engineering/GitHub/token"),
        ],
    )
    def test_it_leases(self, file, op_calls, environment, ref):
        """One name, and in each environment the value of that environment."""
        with SecretBroker.from_config(file, environment=environment) as broker:
            broker.grant(
                mode="always",
                tool_id="create_issue",
                scopes=["github:issues:write"],
                call=CALL,
            )
            with broker.lease("github/token", tool_id="create_issue", call=CALL) as got:
                value = got.reveal()

            shown = broker.redactor.redact_text(f"x {value}")
        assert "cnry" + hashlib.sha256(ref.encode()).hexdigest()[:14] == value
        assert "x [REDACTED:github/token]" == shown
        assert ["read", ref, "--account", "acme"] in op_calls()

    def test_a_reference_names_its_tools(self, file):
        """Another tool does not get it."""
        with (
            SecretBroker.from_config(file) as broker,
            pytest.raises(SecretForbidden),
        ):
            broker.resolve_reference("github", tool_id="delete_repository")

    def test_the_tokens_are_redacted(self, file, op_calls, monkeypatch):
        """What the providers log in with is known from the start."""
        monkeypatch.setenv("VAULT_TOKEN", "cnry-vault-7713lamp")
        monkeypatch.setenv("OP_SERVICE_ACCOUNT_TOKEN", "cnry-onepassword-7713lamp")
        with SecretBroker.from_config(file) as broker:
            text = "cnry-vault-7713lamp cnry-onepassword-7713lamp"
            shown = broker.redactor.redact_text(text)

        assert "[REDACTED:vault/token] [REDACTED:op/OP_SERVICE_ACCOUNT_TOKEN]" == shown

    def test_a_literal_token_is_refused(self, file):
        """The error names the line and the mend, and repeats nothing."""
        line = 'mount = "secret"\n'
        assert 1 == TOML.count(line)
        text = TOML.replace(line, line + 'token = "cnry7713lamp"\n')
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"providers\.vault\.token") as caught:
            SecretBroker.from_config(file)

        assert "${NAME}" in str(caught.value)
        assert "cnry7713lamp" not in str(caught.value)

    def test_app_role(self, file, op_calls, monkeypatch):
        """A role and the name of a variable stand in the file, its value does not."""
        monkeypatch.setenv("ROLE_SECRET", "cnry-role-7713lamp")
        line = 'mount = "secret"\n'
        more = (
            'role_id = "reader"\nsecret_id_env = "ROLE_SECRET"\ntimeout_seconds = 5\n'
        )
        file.write_text(TOML.replace(line, line + more), encoding="utf-8")
        with SecretBroker.from_config(file) as broker:
            shown = broker.redactor.redact_text("x cnry-role-7713lamp")

        assert "x [REDACTED:vault/secret_id]" == shown

    def test_an_address_that_is_refused(self, file):
        """A provider that cannot be built is a problem of its line."""
        text = re.sub(r"http://127\S*8200", "http://vault.example:8200", TOML)
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"tyrum\.toml:\d+.*plain HTTP"):
            SecretBroker.from_config(file)
