"""What a file without mistakes still lacks is told at the start."""

import logging
import os

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.broker.config import lacking, nowhere_to_put, read_config
from langchain_tyrum.broker.config.opening import open_config
from langchain_tyrum.errors import ConfigError, SecretNotFound
from langchain_tyrum.policy import SecretPolicy

VALUE = "quiet-otter-7713-lamp-rail"
ENV = """\
[providers.env]
kind = "env"
[secrets."github/token"]
provider = "env"
ref = "GITHUB_TOKEN"
[policy]
allow = ["*"]
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TYRUM_")]:
        monkeypatch.delenv(name)
    for name in ("GITHUB_TOKEN", "VAULT_TOKEN", "ROLE_SECRET", "SERP_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "tyrum.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def warned(caplog):
    """The warnings of the room, as texts."""
    caplog.set_level(logging.WARNING, logger="langchain_tyrum")
    return lambda: [record.getMessage() for record in caplog.records]


class TestUnset:
    def test_it_is_told_when_the_broker_is_opened(self, write, warned):
        """One line names file, provider and variable; the call names the mend too."""
        file = write(ENV)

        with SecretBroker.from_config(file) as broker:
            variable = "the environment variable 'GITHUB_TOKEN' is unset or empty"
            told = f"{file}: the provider 'env' cannot answer: {variable}"
            assert [told] == warned()
            with pytest.raises(SecretNotFound, match=r"'GITHUB_TOKEN'.*set it"):
                broker.lease("github/token", tool_id="t").__enter__()

    def test_nothing_is_told_of_what_is_set(self, write, warned, monkeypatch):
        """Neither of the variable nor of its value."""
        monkeypatch.setenv("GITHUB_TOKEN", VALUE)
        with SecretBroker.from_config(write(ENV)) as broker:
            with broker.lease("github/token", tool_id="t") as value:
                assert VALUE == value.reveal()
        assert [] == warned()

    def test_a_command_that_only_looks_warns_of_nothing(self, write, warned):
        """Commands tell it where they are asked, in `config check` and `doctor`."""
        open_config(
            write(ENV),
            environment=None,
            policy=SecretPolicy(),
            make=SecretBroker,
            withdraw=False,
        ).close()
        assert [] == warned()

    @pytest.mark.parametrize(
        ("login", "environ", "told"),
        [
            ("", {}, "VAULT_TOKEN"),
            ("", {"VAULT_TOKEN": VALUE}, None),
            ("token = '${TOKEN}'", {"TOKEN": VALUE}, None),
            ("role_id = 'r'\nsecret_id_env = 'ROLE_SECRET'", {}, "ROLE_SECRET"),
            (
                "role_id = 'r'\nsecret_id_env = 'ROLE_SECRET'",
                {"ROLE_SECRET": VALUE},
                None,
            ),
            ("role_id = 'r'", {}, None),
        ],
    )
    def test_what_vault_logs_in_with(self, write, login, environ, told):
        """The variable that this way to log in reads is the one that is named."""
        file = write(f"[providers.v]\nkind = 'vault'\nurl = 'http://[::1]'\n{login}")

        found = lacking(read_config(file, environ=environ), environ)

        assert (told is None) == (found == [])
        assert told is None or (told in found[0] and "'v'" in found[0])
        assert VALUE not in str(found)

    def test_variables_of_a_table(self, write):
        """A name is looked up in the provider's own table; each is told once."""
        file = write(
            "[providers.e]\nkind = 'env'\nvariables = {serp = 'SERP_KEY'}\n"
            "[secrets.serp]\nprovider = 'e'\n[secrets.other]\nprovider = 'e'\n"
            "ref = 'SERP_KEY'\n"
        )
        found = lacking(read_config(file), {})
        assert (1, 1) == (len(found), found[0].count("'SERP_KEY'"))
        assert "'serp'" not in found[0]

    def test_each_provider_answers_for_its_own_secrets(self, write):
        """What another one holds is not looked for here."""
        file = write(ENV + '[providers.other]\nkind = "env"\n')
        [told] = lacking(read_config(file), {})
        assert "'env'" in told

    def test_only_the_active_environment_counts(self, write):
        """What another environment reads need not be there."""
        text = ENV + '[environments.live.secrets."github/token"]\nref = "LIVE"\n'
        environ = {"GITHUB_TOKEN": VALUE}
        for environment, told in ((None, []), ("live", ["LIVE"])):
            config = read_config(write(text), environment=environment)
            found = lacking(config, environ)
            assert len(told) == len(found)
            assert all(name in line for name, line in zip(told, found, strict=True))

    def test_a_file_that_is_not_there(self, write, tmp_path):
        """A `.env` file is looked for from the folder of the settings file."""
        file = write("[providers.d]\nkind = 'dotenv'\npath = 'conf/.env'\n")
        config = read_config(file)

        wanted = str(tmp_path / "conf" / ".env")
        told = f"the provider 'd' cannot answer: there is no file {wanted!r}"
        assert [told] == lacking(config, {})
        (tmp_path / "conf").mkdir()
        (tmp_path / "conf" / ".env").write_text(f"A={VALUE}\n")
        assert [] == lacking(config, {})


class TestNowhereToPut:
    READ_ONLY = '[providers.e]\nkind = "env"\n[providers.op]\nkind = "onepassword"\n'

    def test_a_file_of_read_only_providers(self, write):
        """It is told what has nowhere to go, and the lines that mend it."""
        chain = '[providers.c]\nkind = "chain"\nproviders = ["e", "op"]\n'
        for text in (self.READ_ONLY, self.READ_ONLY + chain):
            [told] = nowhere_to_put(read_config(write(text)))
            assert '[providers.store] with kind = "database"' in told

    @pytest.mark.parametrize(
        "more",
        [
            '[providers.s]\nkind = "database"\n',
            '[providers.s]\nkind = "keyring"\n',
            '[providers.c]\nkind="chain"\nproviders=["e","s"]\n[providers.s]\nkind="memory"',
        ],
    )
    def test_one_that_can_be_written_is_enough(self, write, more):
        """Nothing is told of a file with a place for values, or with no provider."""
        assert [] == nowhere_to_put(read_config(write(self.READ_ONLY + more)))
        assert [] == nowhere_to_put(read_config(write("")))


class TestReferences:
    @pytest.mark.parametrize(
        ("kind", "ref", "told"),
        [
            ("onepassword", "nope", "op://vault/item/field"),
            ("onepassword", "op://vault/item", "op://vault/item/field"),
            ("onepassword", "op://vault//field", "op://vault/item/field"),
            ("onepassword", "op://a/b/c/d/e", "op://vault/item/field"),
            ("onepassword", "vault/item/field", "op://vault/item/field"),
            ("onepassword", None, "op://vault/item/field"),
            ("vault", "../x", "folder/path"),
            ("vault", "a/./b", "folder/path"),
            ("vault", "#field", "folder/path"),
            ("vault", "path#", "folder/path"),
            ("env", "A=B", "'='"),
            ("keyring", " name", "blanks"),
        ],
    )
    def test_malformed_ones_are_mistakes(self, write, kind, ref, told):
        """They are told with their line, before anything is opened."""
        line = f"ref = '{ref}'\n" if ref else ""
        url = "url = 'http://[::1]'\n" if kind == "vault" else ""
        file = write(
            f"[providers.p]\nkind = '{kind}'\n{url}"
            f"[secrets.'my/x']\nprovider = 'p'\n{line}"
        )
        with pytest.raises(ConfigError, match=told) as caught:
            read_config(file)
        where = 5 + bool(url) if ref else 3 + bool(url)
        assert str(caught.value).startswith(f'{file}:{where}: secrets."my/x"')

    @pytest.mark.parametrize(
        ("kind", "ref"),
        [
            ("onepassword", "op://Engineering/Git Hub/token"),
            ("onepassword", "op://v/i/section/field?attribute=otp"),
            ("onepassword", "${OP_REF}"),
            ("vault", "apps/github#token"),
            ("vault", None),
            ("env", "GITHUB_TOKEN"),
            ("env", None),
            ("keyring", None),
            ("database", None),
            ("memory", "any thing"),
        ],
    )
    def test_well_formed_ones_are_taken(self, write, kind, ref):
        """So is a name where the provider takes names; a variable counts filled."""
        line = f"ref = '{ref}'\n" if ref else ""
        url = "url = 'http://[::1]'\n" if kind == "vault" else ""
        file = write(
            f"[providers.p]\nkind = '{kind}'\n{url}"
            f"[secrets.'my/x']\nprovider = 'p'\n{line}"
        )
        read_config(file, environ={"OP_REF": "op://a/b/c"})
        if "${" in line:
            with pytest.raises(ConfigError, match="op://vault/item/field"):
                read_config(file, environ={"OP_REF": "nope"})

    def test_those_of_other_environments_count_too(self, write):
        """A mistake that only production would meet is told today."""
        file = write(
            "[providers.p]\nkind = 'onepassword'\n"
            "[secrets.x]\nprovider = 'p'\nref = 'op://a/b/c'\n"
            "[environments.live.secrets.x]\nref = 'nope'\n"
        )
        with pytest.raises(ConfigError, match=r":7: environments\.live\.secrets\.x"):
            read_config(file)

    def test_what_waits_for_a_variable_is_left_alone(self, write):
        """Another environment's variables need not be set here."""
        file = write(
            "[providers.p]\nkind = 'onepassword'\n"
            "[secrets.x]\nprovider = 'p'\nref = 'op://a/b/c'\n"
            "[environments.live.secrets.x]\nref = '${LIVE_REF}'\n"
        )
        assert read_config(file, environ={}).environment is None

    def test_a_kind_of_another_package_need_not_tell(self, write):
        """The two questions are optional: without an answer nothing is wrong."""
        file = write("[providers.p]\nkind = 'memory'\n[secrets.x]\nprovider = 'p'\n")
        assert [] == lacking(read_config(file), {})
