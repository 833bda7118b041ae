"""No credential stands in a settings file, and no error repeats one."""

import os
import re
import secrets
import traceback

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.broker.config import read_config
from langchain_tyrum.errors import ConfigError, TyrumError
from langchain_tyrum.providers import BaseProvider

PAT = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
CANARY = "quietotter7713lamp"
ENV = '[providers.a]\nkind = "env"\n'


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TYRUM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path):
    file = tmp_path / "tyrum.toml"

    def write(text):
        file.write_text(text, encoding="utf-8")
        return file

    return write


def everything(error: BaseException) -> str:
    """All that an error tells, to whoever looks into it."""
    parts = [str(error), repr(error), repr(error.args), repr(vars(error))]
    parts += getattr(error, "__notes__", [])
    assert error.__cause__ is None
    if error.__context__ is not None:
        parts.append(everything(error.__context__))
    parts += traceback.format_exception(error)
    return "\n".join(parts)


@pytest.fixture
def refused(write):
    """What a file is refused with; it repeats no canary, wherever one looks."""

    def refused(text, **options):
        file = write(text)
        with pytest.raises(TyrumError) as caught:
            SecretBroker.from_config(file, **options)
        told = everything(caught.value)
        assert CANARY not in told
        assert PAT not in told
        return str(caught.value)

    return refused


class TestLiterals:
    @pytest.mark.parametrize(
        "url",
        [
            f"postgresql://tyrum:{CANARY}@db/x",
            f"postgresql+psycopg://tyrum:{CANARY}${{NAME}}@db/x",
            f"postgresql://tyrum:pa/{CANARY} x@db/x",
            f"postgresql://:{CANARY}@db/x",
            f"postgresql://tyrum@db/x?password={CANARY}",
            f"mysql://tyrum@db/x?a=b&passwd={CANARY}",
        ],
    )
    def test_a_password_in_a_url(self, refused, url):
        """Neither the catalog's nor a provider's, nor one behind the `?`."""
        assert ":2: catalog.url: a" in refused(f'[catalog]\nurl = "{url}"\n')
        told = refused(f'[providers.a]\nkind = "database"\nurl = "{url}"\n')
        assert ":3: providers.a.url: a" in told
        assert "${NAME}" in told

    @pytest.mark.parametrize(
        "option",
        ["token", "password", "secret", "secret_id", "api_key", "key", "auth_token"],
    )
    def test_an_option_that_is_a_credential_by_name(self, refused, option):
        """The mend is the environment; in environments' tables too."""
        text = f'kind = "env"\n{option} = "{CANARY}"\n'
        for head in ("providers.a", "environments.p.providers.a"):
            told = refused(f"[{head}]\n{text}")
            assert f":3: {head}.{option}: a credential does not stand" in told
            assert "${NAME}" in told

    @pytest.mark.parametrize(
        "text",
        [
            f'application = "{PAT}"',
            f'{ENV}[secrets.x]\nprovider = "a"\nref = "{PAT}"',
            f'{ENV}[secrets.x]\nprovider = "a"\nallowed_hosts = ["{PAT}"]',
            f'{ENV}variables = {{x = "{PAT}"}}',
            f'[policy]\nallow = ["{PAT}"]',
            f'{ENV}[secrets."{PAT}"]\nprovider = "a"',
            f'[environments."{PAT}".policy]\nallow = ["x"]',
            f'{ENV}[references.r]\nsecret = "{PAT}"\ntools = ["t"]',
            f'{ENV}password = "{PAT}"',
        ],
    )
    def test_a_credential_by_its_shape(self, refused, text):
        """Wherever it stands, as a value or as a name."""
        assert re.search(r"reads like a credential|does not stand", refused(text))

    @pytest.mark.parametrize(
        "text",
        [
            f'kind = "{CANARY}"',
            f'{ENV}{CANARY[:5]} = "{CANARY}"',
            f'{ENV}[secrets.x]\nprovider = "{CANARY}"',
            f'{ENV}[secrets.x]\nprovider = "a"\nscope = ["{CANARY}"]',
            f'{ENV}[secrets.x]\nprovider = "a"\nexpires_at = "{CANARY}"',
            f'{ENV}[secrets.x]\nprovider = "a"\nallowed_hosts = ["https://{CANARY}"]',
            f'[references.x]\nsecret = "{CANARY}"\ntools = ["t"]',
            f'[policy]\ndefault = "{CANARY}"',
            f'[catalog]\nurl = "{CANARY}"',
            f'[catalog]\nurl = "{CANARY}://x"',
            f'[providers.a]\nkind = "chain"\nproviders = ["{CANARY}"]',
            f"password = {CANARY}",
            f'a = "{CANARY}',
            f'[policy]\nallow = [{{scope = "x", tools = [["{CANARY}"]]}}]',
        ],
    )
    def test_what_stands_at_the_wrong_place(self, refused, text):
        """It could be a value, so no problem repeats what it found."""
        assert "tyrum.toml:" in refused(text)

    def test_ordinary_settings_are_none(self, write):
        """References, paths and names of variables pass."""
        file = write(
            '[catalog]\nkey_file = "keys/master.key"\n'
            '[providers.a]\nkind = "env"\n'
            'variables = {"db/password" = "DB_PASSWORD", token = "GH_TOKEN"}\n'
            '[secrets."db/password"]\nprovider = "a"\n'
            '[secrets.arn]\nprovider = "a"\n'
            'ref = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"\n'
        )
        assert 2 == len(read_config(file).tables.secrets)


class TestVariables:
    def test_they_are_read_in_every_string(self, write, monkeypatch):
        """In tables, lists and at the top; `$${` is a literal `${`."""
        for name, value in {"E": "blue", "S": "db:read", "H": "db", "P": "a"}.items():
            monkeypatch.setenv(name, value)
        file = write(
            f'environment = "${{E}}"\napplication = "app-${{E}}"\n{ENV}[secrets.x]\n'
            'provider = "${P}"\nscope = "${S}:$${x}"\n'
            'allowed_hosts = ["${H}.example"]\n[policy]\nallow = ["${S}*"]\n'
        )

        found = read_config(file)

        secret = found.tables.secrets["x"]
        assert ("blue", "app-blue") == (found.environment, found.application)
        assert ("a", "db:read:${x}") == (secret.provider, secret.scope)
        assert ("db.example",) == secret.allowed_hosts
        assert "db:read*" == found.layers[0].allow[0].scope

    @pytest.mark.parametrize("value", [None, ""])
    def test_unset_and_empty_are_errors(self, refused, monkeypatch, value):
        """With line, key and mend."""
        if value is not None:
            monkeypatch.setenv("NOSUCH_NAME", value)

        told = refused(f'{ENV}[secrets.x]\nprovider = "a"\nref = "${{NOSUCH_NAME}}"\n')

        assert ":5: secrets.x.ref: the environment variable 'NOSUCH_NAME'" in told
        assert "set it" in told

    def test_one_that_is_not_set_is_one_problem(self, refused):
        """What would have been said of its value is not said as well."""
        for line in ('provider = "${NOSUCH}"', 'provider = "a"\nref = "${NOSUCH}"'):
            assert 1 == len(refused(f"{ENV}[secrets.x]\n{line}\n").splitlines())
        assert 1 == len(refused('[providers.a]\nkind = "${NOSUCH}"\n').splitlines())

    @pytest.mark.parametrize("raw", ["${}", "${a b}", "${A:-x}", "${A", "${1A}"])
    def test_what_is_no_variable(self, refused, raw):
        """It is refused rather than taken literally."""
        told = refused(f'{ENV}[secrets.x]\nprovider = "a"\nref = "{raw}"\n')
        assert "this is no variable" in told

    def test_only_what_is_used_has_to_be_set(self, write):
        """Neither another environment's, nor what the environment overrides."""
        file = write(
            'environment = "${STAGE}"\n[catalog]\nurl = "${LIVE_URL}"\n'
            '[environments.dev.catalog]\nurl = "sqlite:///dev.db"\n'
            '[environments.live.policy]\nallow = ["${LIVE_SCOPE}"]\n'
            '[environments.live.providers.a]\nkind = "${LIVE_KIND}"\n'
        )

        found = read_config(file, environment="dev")

        assert "sqlite:///dev.db" == found.tables.catalog.url
        with pytest.raises(ConfigError) as caught:
            read_config(file, environment="live")
        for name in ("LIVE_URL", "LIVE_SCOPE", "LIVE_KIND"):
            assert name in str(caught.value)

    @pytest.mark.parametrize(
        "text",
        [
            '[catalog]\nurl = "${CANARY}"',
            '[catalog]\nurl = "${CANARY}://x:y@db/x"',
            '[catalog]\nurl = "postgresql+nosuchdriver://tyrum:${CANARY}@db/x"',
            '[catalog]\nurl = "nosuch://tyrum:${CANARY}@db/x"',
            '[catalog]\nurl = "postgresql://tyrum@db/x?password=${CANARY}"',
            '[catalog]\nurl = "sqlite:////nosuch-${CANARY}/\\u0000/x.db"',
            '[providers.a]\nkind = "${CANARY}"',
            '[providers.a]\nkind = "env"\nvariabels = "${CANARY}"',
            '[providers.a]\nkind = "keyring"\nservice = ["${CANARY}"]',
            '[providers.a]\nkind = "env"\nvariables = "${CANARY}"',
            '[providers.a]\nkind = "chain"\nproviders = ["${CANARY}"]',
            '[secrets.x]\nprovider = "${CANARY}"',
            '[references.x]\nsecret = "${CANARY}"\ntools = ["t"]',
            f'{ENV}[secrets.x]\nprovider = "a"\nexpires_at = "${{CANARY}}"',
            f'{ENV}[secrets.x]\nprovider = "a"\nallowed_hosts = ["a/${{CANARY}}"]',
            '[policy]\ndefault = "${CANARY}"',
            'environment = "${CANARY}"\n[environments.p.policy]\nallow=[{}]',
            f'{ENV}[secrets.x]\nprovider = "a"\nscope = "${{PAT}}"',
            '[policy]\nallow = ["${PAT}"]',
        ],
    )
    def test_their_values_are_never_repeated(self, refused, monkeypatch, text):
        """Wherever a value from the environment does harm."""
        monkeypatch.setenv("CANARY", CANARY)
        monkeypatch.setenv("PAT", PAT)

        assert "tyrum.toml:" in refused(text)

    def test_a_whole_url_with_a_password_behind_the_question_mark(
        self, refused, monkeypatch
    ):
        """Drivers and errors would show it, so it is refused from there too."""
        monkeypatch.setenv("CANARY", f"postgresql://u@db/x?password={CANARY}")
        assert "behind the '?'" in refused('[catalog]\nurl = "${CANARY}"')

    def test_an_environment_that_is_not_in_the_file(self, refused, monkeypatch):
        """Its name comes from the environment too."""
        monkeypatch.setenv("TYRUM_ENVIRONMENT", CANARY)
        assert "TYRUM_ENVIRONMENT" in refused("[environments.live.policy]\nallow = []")

    def test_settings_show_no_values(self, write, monkeypatch):
        """A printed `Config` shows where it stands, and nothing of what it says."""
        monkeypatch.setenv("CANARY", CANARY)
        url = "postgresql://u:${CANARY}@db/x"

        found = read_config(write(f'[catalog]\nurl = "{url}"\n'))

        assert CANARY in found.tables.catalog.url
        shown = f"{found} {found!r} {found.tables} {found.variables} {found.report}"
        assert CANARY not in shown + repr(vars(found).keys())


class TestRedaction:
    def test_passwords_are_registered(self, write, monkeypatch):
        """The redactor knows what logs in before anything is opened with it."""
        password = "p@ss/" + secrets.token_hex(8)
        monkeypatch.setenv("PW", password)
        file = write(
            '[catalog]\nurl = "sqlite:///tyrum.db"\n'
            '[providers.a]\nkind = "database"\nurl = "${URL}"\n'
            '[providers.b]\nkind = "database"\nurl = "postgresql://u:${PW}@h/x"\n'
        )
        other = secrets.token_hex(8)
        monkeypatch.setenv("URL", f"postgresql://u:{other}@h/x")
        monkeypatch.setattr(
            "langchain_tyrum.broker.config.building.DatabaseProvider",
            lambda engine, *, key, label: Opened(engine, label),
        )
        monkeypatch.setattr(
            "langchain_tyrum.broker.config.opening._any_rows", lambda _: False
        )

        with SecretBroker.from_config(file) as broker:
            redact = broker.redactor.redact_text

            assert password == Opened.passwords["b"]
            assert other == Opened.passwords["a"]
            assert "x [REDACTED:a/url]" == redact(f"x {other}")
            assert "x [REDACTED:b/url]" == redact(f"x {password}")

    def test_the_catalogs_too(self, write, monkeypatch):
        """A password of the catalog is covered under its own name."""
        monkeypatch.setenv("PW", CANARY)
        file = write('[catalog]\nurl = "postgresql://u:${PW}@db/x"\n')

        assert {"catalog/url": CANARY} == dict(read_config(file).credentials)

    def test_one_that_cannot_be_redacted_is_refused(self, refused, monkeypatch):
        """A password like an ordinary word would tear up every text."""
        monkeypatch.setenv("PW", "password")
        told = refused('[catalog]\nurl = "sqlite://u:${PW}@/x.db"\n')
        assert "too short or too common" in told


class Opened(BaseProvider):
    """A provider that remembers with which password it was opened."""

    passwords: dict = {}  # noqa: RUF012

    def __init__(self, url, label):
        from sqlalchemy import make_url

        super().__init__(label)
        self.passwords[label] = make_url(url).password

    def get(self, name, *, version=None):
        raise self._missing(name, version)

    def names(self):
        return []
