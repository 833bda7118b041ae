"""What is wrong with a `tyrum.toml` is told all at once, each with its line."""

import os
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.broker.config import read_config
from langchain_tyrum.broker.config.keys import leaves
from langchain_tyrum.broker.config.positions import Positions
from langchain_tyrum.errors import ConfigError

ENV = '[providers.a]\nkind = "env"\n'


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TYRUM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def problems(tmp_path):
    """The problems of a settings file, as (line, rest), nothing having been opened."""
    file = tmp_path / "tyrum.toml"

    def problems(text, **options):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            SecretBroker.from_config(file, **options)
        assert [file] == list(tmp_path.iterdir())
        lines = str(caught.value).splitlines()
        assert all(line.startswith(f"{file}:") for line in lines)
        placed = [line.removeprefix(f"{file}:").split(": ", 1) for line in lines]
        return [(int(number), rest) for number, rest in placed]

    return problems


class TestProblems:
    @pytest.mark.parametrize(
        ("text", "line", "key", "told"),
        [
            ("\n\nenviroment = 'x'", 3, "enviroment", "did you mean 'environment'"),
            (ENV + "kinds = 'x'", 3, "providers.a.kinds", "no such option"),
            ("[catalog]\nurl = 5", 2, "catalog.url", "must be text"),
            ("[catalog]\nurl = ''", 2, "catalog.url", "is empty"),
            ("[catalog]\nurl = 'x'", 2, "catalog.url", "no database URL"),
            ("[catalog]\nurl = 'nosuch://x/y'", 2, "catalog.url", "cannot be"),
            ("policy = []", 1, "policy", "must be a table"),
            ("secrets = 'x'", 1, "secrets", "must be a table"),
            ("[environment.x]", 1, "environment", "[environments.<name>]"),
            (f"{ENV}[secrets.x]", 3, "secrets.x", "provider is missing"),
            (
                f"{ENV}\n[secrets.x]\nprovider = 'aa'",
                5,
                "secrets.x.provider",
                "did you mean 'a'? known: a",
            ),
            (
                f"{ENV}[secrets.'x y']\nprovider = 'a'",
                3,
                'secrets."x y"',
                "1 to 256 characters",
            ),
            (
                f"{ENV}[secrets.x]\nprovider = 'a'\nallowed_hosts = 'h'",
                5,
                "secrets.x.allowed_hosts",
                "must be a list",
            ),
            (
                f"{ENV}[secrets.x]\nprovider = 'a'\nallowed_hosts = [\n'https://h']",
                5,
                "secrets.x.allowed_hosts[0]",
                "a host alone",
            ),
            (
                f"{ENV}[secrets.x]\nprovider = 'a'\nexpires_at = 5",
                5,
                "secrets.x.expires_at",
                "must be a time",
            ),
            (
                f"{ENV}[secrets.x]\nprovider = 'a'\nscope = ''",
                5,
                "secrets.x.scope",
                "is empty",
            ),
            ("[references.r]\ntools = ['t']", 1, "references.r", "secret is missing"),
            (
                "[references.r]\ntools = ['t']\nsecret = 'x'",
                3,
                "references.r.secret",
                "no such secret",
            ),
            ("[references.r]", 1, "references.r", "tools that may take it are missing"),
            ("[references.'r r']", 1, 'references."r r"', "an alias has letters"),
            (
                f"{ENV}[secrets.x]\nprovider = 'a'\n[references.x]\nsecret = 'x'",
                5,
                "references.x",
                "also the name of a secret",
            ),
            (
                "[providers.x]\nkind = 'enw'",
                2,
                "providers.x.kind",
                "did you mean 'env'",
            ),
            ("[providers.x]", 1, "providers.x", "kind is missing"),
            (
                "[providers.x]\nkind = 'keyring'\nservice = 5",
                3,
                "providers.x.service",
                "must be text",
            ),
            ("[providers.x]\nkind = 'chain'", 1, "providers.x", "needs 'providers'"),
            (
                "[providers.x]\nkind = 'memory'\nvalues = {}",
                3,
                "providers.x.values",
                "",
            ),
            ("[policy]\ndefault = 'alow'", 2, "policy.default", "must be 'allow'"),
            ("[policy]\nallow = 'x'", 2, "policy.allow", "must be a list"),
            ("[policy]\nallow = [\n'x',\n5]", 2, "policy.allow[1]", "must be text"),
            ("[policy]\nallow = [{}]", 2, "policy.allow[0]", "write '*'"),
            ("[policy]\ndeny = ['']", 2, "policy.deny[0]", "is empty"),
            (
                "[policy]\nallow = [{scop = 'x'}]",
                2,
                "policy.allow[0].scop",
                "did you mean 'scope'",
            ),
            (
                "[environments.p.policy]\nalow = []",
                2,
                "environments.p.policy.alow",
                "did you mean 'allow'",
            ),
            (
                f"{ENV}[environments.p.secrets.x]\nprovider = 'b'",
                4,
                "environments.p.secrets.x.provider",
                "known: a",
            ),
            ("application = ''", 1, "application", "is empty"),
            (
                f"[environments.{'e' * 121}.policy]\nallow = []",
                1,
                f"environments.{'e' * 121}",
                "1 to 120 characters",
            ),
        ],
        ids=lambda each: each if isinstance(each, str) else None,
    )
    def test_each_names_its_line_key_and_mend(self, problems, text, line, key, told):
        """One mistake is one problem, where it stands."""
        found = problems(text)

        assert (line, True) == (found[0][0], found[0][1].startswith(f"{key}: "))
        assert any(told in rest for _, rest in found)

    def test_all_are_told_at_once(self, problems):
        """In the order of the file, each once."""
        found = problems(
            "enviroment = 'x'\n[catalog]\nurl = 5\n[secrets.x]\n"
            "provider = 'nosuch'\n[policy]\ndefault = 'alow'\n"
        )

        assert [1, 3, 5, 7] == [line for line, _ in found]

    def test_an_environments_mistakes_are_found_in_every_other(self, problems):
        """What would fail in production is told in development."""
        text = ENV + "[environments.production.secrets.x]\nprovider = 'b'\n"

        assert problems(text) == problems(text, environment="production")

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('a = 1\nb = "x\n', 2),
            ("[catalog]\nurl = sqlite\n", 2),
            ("[secrets.github/token]\n", 1),
            ("[a]\n[a]\n", 2),
            ("a = [\n1,\n", 3),
            ("a = " + "[" * 5000, 1),
        ],
    )
    def test_what_is_no_toml(self, problems, text, line):
        """The line is told, and what most often is the mistake."""
        ((found, told),) = problems(text)

        assert line == found
        assert 'as in [secrets."github/token"]' in told

    @pytest.mark.parametrize("raw", [b"\xff\xfe", b"\xff = 1"])
    def test_what_is_no_text(self, tmp_path, raw):
        """A file in another encoding is told as such; a mark at its start is fine."""
        file = tmp_path / "tyrum.toml"
        file.write_bytes(raw)
        with pytest.raises(ConfigError, match="UTF-8"):
            read_config(file)
        file.write_bytes(b"\xef\xbb\xbfapplication = 'b'\r\n")
        assert "b" == read_config(file).application

    def test_a_name_in_a_terminal(self, problems):
        """Control characters of names are written out."""
        (_, told), *_ = problems('[secrets."a\\u001b[31m"]\nprovider = "x"\n')
        assert "\x1b" not in told
        assert "x1b" in told


NAMES = st.sampled_from(["a", "b", "c", '"d/e"'])
VALUES = st.sampled_from(
    ["1", '"x"', "[1, 2]", "[\n1,\n2,\n]", '"""\n[a]\nb = 1\n"""', "{ a = 1 }"]
)
STATEMENTS = st.one_of(
    st.builds("{} = {}".format, NAMES, VALUES),
    st.builds("[{}]".format, NAMES),
    st.builds("[{}.{}]".format, NAMES, NAMES),
    st.just("# b = 1"),
    st.just(""),
)


class TestPositions:
    @given(st.lists(STATEMENTS, max_size=12))
    def test_a_line_brings_its_key(self, statements):
        """Before the line the key is not there; behind its statement it is."""
        kept = []
        for statement in statements:
            try:
                tomllib.loads("\n".join([*kept, statement]))
            except tomllib.TOMLDecodeError:
                continue
            kept.append(statement)
        text = "\n".join(kept)
        starts, line = {}, 1
        for number, statement in enumerate(kept):
            starts[line] = number
            line += statement.count("\n") + 1

        for key, _ in leaves(tomllib.loads(text)):
            found = starts[Positions(text).line(key)]
            before = tomllib.loads("\n".join(kept[:found]))
            after = tomllib.loads("\n".join(kept[: found + 1]))
            assert key not in dict(leaves(before))
            assert key in dict(leaves(after))

    def test_of_a_key_that_is_missing(self):
        """The table it is missing from; of nothing, the first line."""
        positions = Positions("a = 1\n[b.c]\nd = 1\n")

        assert [2, 1] == [positions.line(("b", "c", "x")), positions.line(("x",))]
