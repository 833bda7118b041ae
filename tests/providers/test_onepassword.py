import json
import os
import secrets
import sys
import time
from pathlib import Path

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    SecretNotFound,
)
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import OnePasswordProvider
from langchain_tyrum.testing import ProviderContract

CANARY = "canary-7f3a9c51e2d84b06"
STUB = Path(__file__).with_name("stub_op.py")
REF = "op://Sandbox/GitHub/token"


class Op:
    """1Password, as far as its stand-in knows it."""

    def __init__(self, folder):
        self.folder = folder
        self.program = folder / "op"
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STUB}" "$@"\n')
        self.program.chmod(0o700)
        self.environ = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "OP_STUB": str(folder),
        }
        self.values = {}
        self.set()

    def set(self, **values):
        for ref, value in values.items():
            raw = value.encode() if isinstance(value, str) else value
            self.values[ref] = raw.hex()
        (self.folder / "values.json").write_text(json.dumps(self.values))

    def turn(self, mode):
        (self.folder / mode).touch()

    def calls(self):
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def provider(self, *args, **options):
        return OnePasswordProvider(*args, environ=self.environ, **options)


@pytest.fixture
def op(tmp_path):
    return Op(tmp_path)


class ByItem(OnePasswordProvider):
    """Takes items of one vault for names, as the contract's names are."""

    __slots__ = ()

    def get(self, name, *, version=None):
        return super().get(f"op://Sandbox/{name}/value", version=version)


class TestOnePasswordProvider(ProviderContract):
    versioned = False

    @pytest.fixture(autouse=True)
    def _op(self, op):
        self.op = op

    def make_provider(self):
        return ByItem(environ=self.op.environ)

    def store(self, provider, name, value):
        self.op.set(**{f"op://Sandbox/{name}/value": value})


class TestTheProgram:
    def test_what_it_is_given(self, op, monkeypatch):
        """An argv, and no environment but PATH, HOME, the locale and `OP_*`."""
        for name in ("AWS_SECRET_ACCESS_KEY", "VAULT_TOKEN", "PYTHONPATH"):
            op.environ[name] = CANARY
        op.environ |= {"LANG": "C.UTF-8", "OP_SERVICE_ACCOUNT_TOKEN": "ops_x"}
        monkeypatch.setenv("LEFT_BEHIND", CANARY)
        op.set(**{REF: "some-value"})

        assert "some-value" == op.provider("acme").get(REF)

        [call] = op.calls()
        assert ["read", REF, "--account", "acme"] == call["argv"]
        given = {"PATH", "HOME", "LANG", "OP_STUB", "OP_SERVICE_ACCOUNT_TOKEN"}
        by_shell = {"PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"}
        assert given == set(call["environ"]) - by_shell
        assert CANARY not in json.dumps(call)

    def test_no_shell_reads_the_reference(self, op):
        """What a shell would run is part of the name."""
        ref = "op://Sandbox/$(touch x); touch x/token"
        op.set(**{ref: "some-value"})

        assert "some-value" == op.provider().get(ref)
        assert not (op.folder / "x").exists()

    @pytest.mark.parametrize("value", ["two\n", "\n\nx", "x\r", b"\xff\xfe\n"])
    def test_one_newline_is_cut(self, op, value):
        """The newline that `op` adds is none of the value; others are."""
        op.set(**{REF: value})

        assert value == op.provider().get(REF)

    def test_warnings_are_no_part_of_the_value(self, op):
        """What it writes to standard error stays there."""
        op.set(**{REF: "some-value"})
        op.turn("noisy")

        assert "some-value" == op.provider().get(REF)

    def test_an_empty_field_is_missing(self, op):
        """An empty value is no secret."""
        op.set(**{REF: ""})

        with pytest.raises(SecretNotFound, match="GitHub"):
            op.provider().get(REF)

    def test_it_is_killed_with_its_children(self, op):
        """After the time-out nothing runs on, and nothing it printed is kept."""
        op.set(**{REF: "some-value"})
        op.turn("slow")

        with pytest.raises(ProviderTimeout, match=r"waited 2 seconds") as caught:
            op.provider(timeout_seconds=2).get(REF)

        assert caught.value.__context__ is None
        child = int((op.folder / "child.pid").read_text())
        assert ends(child)

    def test_signed_out(self, op):
        """A failure says what to do, and nothing of what the program said."""
        op.turn("signed-out")

        TestOnePasswordProvider().refused(lambda: op.provider().get(REF), ProviderError)
        with pytest.raises(ProviderError, match=r"status 1; sign in"):
            op.provider().get(REF)

    def test_an_absent_item(self, op):
        """It is not found; what the program said about it is not repeated."""
        TestOnePasswordProvider().refused(
            lambda: op.provider().get(REF), SecretNotFound
        )

    @pytest.mark.parametrize("program", ["no-such-op", "/no/such/op", "values.json"])
    def test_no_program(self, op, program):
        """Where it cannot be run, the error says what to install."""
        provider = op.provider(program=program)
        with pytest.raises(ProviderUnavailable, match="install the 1Password CLI"):
            provider.get(REF)

    @pytest.mark.parametrize("ref", ["--help", "GITHUB_TOKEN", "", "op://a/b\0/c"])
    def test_what_is_no_reference(self, op, ref):
        """It is refused before any program runs, and not repeated."""
        with pytest.raises(ProviderError, match="secret references only") as caught:
            op.provider().get(ref)

        assert not ref or ref not in str(caught.value)
        assert not (op.folder / "calls.jsonl").exists()

    @pytest.mark.parametrize(
        "options",
        [{"account": "--x"}, {"account": ""}, {"program": ""}, {"timeout_seconds": 0}],
    )
    def test_settings_that_do_not_fit(self, options):
        """They are refused when it is built."""
        with pytest.raises(ConfigError, match="provider 'onepassword'"):
            OnePasswordProvider(**options)


class TestMessages:
    @pytest.mark.parametrize(
        "said",
        [
            '"GitHub" isn\'t an item in the "Sandbox" vault. Specify the item with',
            '"Sandbox" isn\'t a vault in this account',
            '"private_key" isn\'t a field in the "example" item',
            "item 'Sandbox/GitHub' does not have a field 'token'",
            "could not find field or file token on item GitHub in vault Sandbox",
            "no item found for the query",
        ],
    )
    def test_absence(self, op, said):
        """What `op` says of items, vaults and fields that are not there is known."""
        with pytest.raises(SecretNotFound):
            self._fail(op, said)

    @pytest.mark.parametrize(
        "said",
        [
            "error initializing client: you are not currently signed in",
            "dial tcp: lookup my.1password.com: no such host, vault host not reached",
            "could not get vault: server answered 503",
            "authorization prompt dismissed, please try again",
        ],
    )
    def test_failure(self, op, said):
        """Everything else is a failure, never an absent secret."""
        with pytest.raises(ProviderError):
            self._fail(op, said)

    def _fail(self, op, said):
        (op.folder / "said").write_text(f"[ERROR] 2026/11/22 10:00:00 {said}\n")
        op.program.write_text(f"#!/bin/sh\ncat '{op.folder}/said' >&2\nexit 1\n")
        op.provider().get(REF)


class TestWithTheBroker:
    def test_a_lease(self, op):
        """A declared reference is leased, and the value is redacted from then on."""
        value = secrets.token_hex(12)
        op.set(**{REF: value})
        broker = SecretBroker(
            providers={"op": op.provider()},
            catalog="sqlite://",
            key=bytes(32),
            policy=SecretPolicy(allow=["*"]),
        )
        with broker:
            broker.declare("github/token", provider="op", ref=REF)
            call = CallIdentity(thread_id="t")
            with broker.lease("github/token", tool_id="t", call=call) as leased:
                assert value == leased.reveal()

            shown = broker.redactor.redact_text(f"x {value}")
        assert "x [REDACTED:github/token]" == shown

    def test_its_tokens_are_redacted(self, op):
        """What `op` logs in with is known to the redactor from the start."""
        names = ("OP_SERVICE_ACCOUNT_TOKEN", "OP_CONNECT_TOKEN", "OP_SESSION_acme")
        tokens = {name: secrets.token_hex(12) for name in names}
        op.environ |= tokens
        with SecretBroker(
            providers={"op": op.provider(label="op")},
            catalog="sqlite://",
            key=bytes(32),
        ) as broker:
            shown = broker.redactor.redact_text(" ".join(tokens.values()))

        assert shown == " ".join(f"[REDACTED:op/{name}]" for name in names)


def ends(pid: int) -> bool:
    """Whether a process that was killed is gone, or waits to be reaped."""
    for _ in range(500):
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if stat.rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.02)
    return False
