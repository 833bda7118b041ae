"""`tyrum.toml`: where it is found, what it says, and to which environment."""

import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.broker.config import find_config, json_schema, read_config
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.policy import PolicyRequest, SecretPolicy, evaluate

#: The example of the design, with kinds that need nothing installed.
EXAMPLE = """\
environment = "development"            # or TYRUM_ENVIRONMENT, or from_config(…)

[catalog]
url = "sqlite:///tyrum.db"             # any SQLAlchemy URL

[providers.default]
kind = "database"
[providers.op]
kind = "env"

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
"""

ENVIRONMENTS = """\
environment = "development"
[providers.a]
kind = "env"
[environments.production.secrets.x]
provider = "a"
[environments.staging.providers.b]
kind = "env"
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TYRUM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path):
    """Write a settings file."""

    def write(text, folder="app") -> Path:
        file = tmp_path / folder / "tyrum.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


class TestDiscovery:
    def test_a_file_or_its_folder_is_given(self, write):
        """Both mean the same file."""
        file = write(EXAMPLE)

        assert file == find_config(file) == find_config(file.parent)

    def test_the_order_is_given_named_nearby(self, write, monkeypatch):
        """An argument beats `TYRUM_CONFIG`, which beats what lies nearby."""
        one, two, three = (write(EXAMPLE, name) for name in "abc")
        monkeypatch.chdir(three.parent)
        assert three == find_config()
        monkeypatch.setenv("TYRUM_CONFIG", str(two.parent))
        assert two == find_config()
        assert one == find_config(one)

    def test_it_is_searched_upwards(self, write, monkeypatch):
        """The nearest folder above that holds one is meant."""
        write(EXAMPLE, "outer")
        file = write(EXAMPLE, "outer/inner")
        deep = file.parent / "a" / "b"
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)

        assert file == find_config()

    def test_nothing_found(self, tmp_path, monkeypatch):
        """The error says where it was looked for, and two mends."""
        monkeypatch.chdir(tmp_path)

        with pytest.raises(ConfigError) as caught:
            SecretBroker.from_config()

        for told in (str(tmp_path), "TYRUM_CONFIG", "SecretBroker.local()"):
            assert told in str(caught.value)

    def test_a_path_that_leads_nowhere(self, tmp_path, monkeypatch):
        """Neither the argument nor the variable falls back to another file."""
        with pytest.raises(ConfigError, match=r"nowhere.*correct the path"):
            find_config(tmp_path / "nowhere")
        monkeypatch.setenv("TYRUM_CONFIG", str(tmp_path / "nowhere"))
        with pytest.raises(ConfigError, match=r"nowhere.*TYRUM_CONFIG"):
            find_config()

    def test_a_file_that_others_can_write_is_not_found_by_search(
        self, write, monkeypatch
    ):
        """What anybody may have left in a shared folder has to be named."""
        file = write(EXAMPLE)
        file.chmod(0o666)
        monkeypatch.chdir(file.parent)

        with pytest.raises(ConfigError, match="others can write it"):
            find_config()
        assert file == find_config(file)

    @pytest.mark.parametrize(
        ("part", "mode"), [("file", 0o664), ("folder", 0o777), ("folder", 0o775)]
    )
    def test_nor_one_that_a_group_or_its_folder_opens(
        self, write, monkeypatch, part, mode
    ):
        """A folder lets others replace it; a user's private group is nobody else."""
        file = write(EXAMPLE)
        place = file if part == "file" else file.parent
        stat_of = Path.stat
        groups = {place: os.getuid() + 1}

        def stat(self, **options):
            found = list(stat_of(self, **options))
            found[5] = groups.get(self, os.getuid())
            return os.stat_result(found)

        place.chmod(mode)
        monkeypatch.chdir(file.parent)
        monkeypatch.setattr(Path, "stat", stat)
        with pytest.raises(ConfigError, match="others can write it"):
            find_config()
        groups.clear()
        if not mode & 0o002:
            assert file == find_config()

    def test_in_a_sticky_folder_it_cannot_be_replaced(self, write, monkeypatch):
        """One's own file in `/tmp` is one's own."""
        file = write(EXAMPLE)
        file.parent.chmod(0o1777)
        monkeypatch.chdir(file.parent)

        assert file == find_config()

    @pytest.mark.parametrize("part", ["link", "file", "folder"])
    def test_nor_one_of_somebody_else(self, write, monkeypatch, part):
        """Neither the file, nor the link to it, nor its folder may be a stranger's."""
        target = write(EXAMPLE)
        file = target.parent.parent / "tyrum.toml"
        file.symlink_to(target)
        foreign = []
        stat_of = Path.stat

        def stat(self, *, follow_symlinks=True):
            found = list(stat_of(self, follow_symlinks=follow_symlinks))
            what = "folder" if self == file.parent else "file"
            if (what if follow_symlinks else "link") in foreign:
                found[4] = os.getuid() + 1
            return os.stat_result(found)

        monkeypatch.setattr(Path, "stat", stat)
        monkeypatch.setattr(
            Path, "lstat", lambda self: stat(self, follow_symlinks=False)
        )
        assert file == find_config(folder=file.parent)
        foreign.append(part)
        with pytest.raises(ConfigError, match="others can write it"):
            find_config(folder=file.parent)


class TestFormat:
    def test_the_example_of_the_design_loads(self, write):
        """A newcomer's first file works as it stands."""
        file = write(EXAMPLE)

        with SecretBroker.from_config(file) as broker:
            record = broker.describe("github/token")
            (reference,) = broker.references("create_issue")

        assert "github:issues:write" == record.scope
        assert ("api.github.com",) == record.allowed_hosts
        assert "op" == record.provider
        assert ("github", "GitHub bot") == (
            reference.secret_alias,
            reference.display_name,
        )

    def test_every_field_of_a_secret(self, write):
        """All of them reach the record; a time without a zone is UTC."""
        file = write(
            '[providers.a]\nkind = "env"\n[secrets.x]\nprovider = "a"\nowner = "ada"\n'
            'tenant = "acme"\nref = "X"\nexpires_at = 2199-01-31T12:00:00\n'
        )

        with SecretBroker.from_config(file) as broker:
            record = broker.describe("x", tenant="acme", owner="ada")

        assert ("acme", "ada", "x") == (record.tenant, record.owner, record.scope)
        assert datetime(2199, 1, 31, 12, tzinfo=UTC) == record.expires_at

    @pytest.mark.parametrize("raw", ["2199-01-31", '"2199-01-31T00:00:00+00:00"'])
    def test_spellings_of_a_time(self, write, raw):
        """A TOML date and a text are times too."""
        file = write(
            '[providers.a]\nkind = "env"\n'
            f'[secrets.x]\nprovider = "a"\nexpires_at = {raw}\n'
        )

        found = read_config(file).tables.secrets["x"].expires_at

        assert datetime(2199, 1, 31, tzinfo=UTC) == found

    def test_an_empty_file_is_a_store_beside_it(self, write):
        """Nothing has to be said: values are sealed in `tyrum.db`."""
        file = write("")

        with SecretBroker.from_config(file) as broker:
            broker.put("a/b", "quiet-otter-7713")
            assert "database" == broker.describe("a/b").provider
        assert (file.parent / "tyrum.db").exists()

    def test_the_application_has_a_name(self, write):
        """It is `default` unless the file says otherwise."""
        assert "default" == read_config(write("")).application
        assert "billing" == read_config(write('application = "billing"')).application


class TestSchema:
    def test_it_is_a_valid_schema_that_describes_every_key(self):
        """Editors show what each key means."""
        schema = json_schema()

        jsonschema.Draft202012Validator.check_schema(schema)
        assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
        assert "$id" not in schema
        for table in (schema, *schema["$defs"].values()):
            for name, key in table["properties"].items():
                assert key.get("description"), name

    def test_it_accepts_the_example_and_finds_mistakes(self):
        """An editor underlines what loading would refuse, and nothing else."""
        validator = jsonschema.Draft202012Validator(json_schema())
        document = tomllib.loads(EXAMPLE)
        assert validator.is_valid(document)

        document["secrets"]["github/token"]["scop"] = "x"
        assert not validator.is_valid(document)
        assert not validator.is_valid({"environments": {"p": {"secret": {}}}})


class TestEnvironments:
    def test_the_order_is_argument_variable_file(self, write, monkeypatch):
        """Each beats what comes after it."""
        file = write(ENVIRONMENTS)
        assert "development" == read_config(file).environment
        monkeypatch.setenv("TYRUM_ENVIRONMENT", "staging")
        assert "staging" == read_config(file).environment
        assert "production" == read_config(file, environment="production").environment
        with SecretBroker.from_config(file) as broker:
            assert "staging" == broker._core.environment

    def test_a_misspelt_environment_is_refused(self, write, monkeypatch):
        """Else its policy layer would silently be missing."""
        file = write(ENVIRONMENTS)

        with pytest.raises(ConfigError) as caught:
            read_config(file, environment="prodution")
        assert "did you mean 'production'" in str(caught.value)
        assert "development, production, staging" in str(caught.value)
        monkeypatch.setenv("TYRUM_ENVIRONMENT", "prodution")
        with pytest.raises(ConfigError, match="TYRUM_ENVIRONMENT"):
            SecretBroker.from_config(file)

    def test_the_files_own_environment_needs_no_table(self, write):
        """What stands at the top of the file is meant for it."""
        file = write(ENVIRONMENTS)
        assert "development" == read_config(file, environment="development").environment

    @pytest.mark.parametrize("name", ["prodution", "PRODUCTION", "staging "])
    def test_a_misspelt_variable_of_the_file_is_refused(self, write, monkeypatch, name):
        """What stands in the variable is no more trusted than `TYRUM_ENVIRONMENT`."""
        text = ENVIRONMENTS.replace('"development"', '"${APP_ENV}"', 1)
        assert text != ENVIRONMENTS
        file = write(text)
        monkeypatch.setenv("APP_ENV", name)

        with pytest.raises(ConfigError, match="known: production, staging") as caught:
            read_config(file)
        assert f"{name!r}" not in str(caught.value)
        monkeypatch.setenv("APP_ENV", "production")
        assert "production" == read_config(file).environment

    def test_without_environments_any_name_will_do(self, write):
        """There is no layer that could be missing."""
        file = write('[providers.a]\nkind = "env"\n')
        assert "blue" == read_config(file, environment="blue").environment

    def test_tables_are_stacked_field_by_field(self, write):
        """What an environment does not say, the top of the file says."""
        file = write(EXAMPLE)

        found = read_config(file, environment="production").tables

        secret = found.secrets["github/token"]
        assert "op://Engineering/GitHub/token" == secret.ref
        assert ("op", "github:issues:write") == (secret.provider, secret.scope)
        base = read_config(file).tables.secrets["github/token"]
        assert "op://Sandbox/GitHub/token" == base.ref

    def test_an_environment_may_add(self, write):
        """Its own secrets, providers and references, and another catalog."""
        file = write(
            ENVIRONMENTS + '[environments.staging.catalog]\nurl = "sqlite:///s.db"\n'
            '[environments.staging.secrets.y]\nprovider = "b"\n'
            '[environments.staging.references.why]\nsecret = "y"\ntools = ["t"]\n'
        )

        with SecretBroker.from_config(file, environment="staging") as broker:
            assert {"a", "b"} == set(broker._core.providers)
            assert ["y"] == [record.name for record in broker.records()]
            assert ["why"] == [each.secret_alias for each in broker.references()]
        assert (file.parent / "s.db").exists()
        assert {"a"} == set(read_config(file).tables.providers)

    def test_another_kind_starts_anew(self, write):
        """Options of the former kind mean nothing to it."""
        file = write(
            '[providers.a]\nkind = "keyring"\nservice = "acme"\n'
            '[environments.test.providers.a]\nkind = "memory"\n'
        )

        with SecretBroker.from_config(file, environment="test") as broker:
            assert "MemoryProvider" == type(broker._core.providers["a"]).__name__


class TestLayers:
    def test_their_order_and_names(self, write):
        """File, environment, program: from the outermost to the innermost."""
        inner = SecretPolicy(deny=["x"], name="agent")

        with SecretBroker.from_config(
            write(EXAMPLE), environment="production", policy=inner
        ) as broker:
            names = [layer.name for layer in broker.policy]
            decision = broker.decide("create_issue", ["github/token"])

        assert ["tyrum.toml", "environment production", "agent"] == names
        assert "require_approval" == decision.outcome

    def test_several_further_layers(self, write):
        """A list is taken as it is; what is no policy is refused."""
        layers = [SecretPolicy(deny=["x"]), SecretPolicy(deny=["y"])]

        with SecretBroker.from_config(write(EXAMPLE), policy=layers) as broker:
            assert 3 == len(broker.policy)
        with pytest.raises(ConfigError, match="policy"):
            SecretBroker.from_config(write(EXAMPLE), policy=["*"])

    def test_no_policy_at_all_asks(self, write):
        """A file that says nothing of it leaves every use to a person."""
        file = write('[providers.a]\nkind = "env"\n[secrets.x]\nprovider = "a"\n')

        with SecretBroker.from_config(file) as broker:
            assert "require_approval" == broker.decide("t", ["x"]).outcome


OUTCOMES = ("allow", "require_approval", "deny")
PATTERNS = st.lists(st.sampled_from(["*", "a:*", "a:b", "*:b", "c"]), max_size=2)
POLICY = st.fixed_dictionaries(
    {"allow": PATTERNS, "require_approval": PATTERNS, "deny": PATTERNS},
    optional={"default": st.sampled_from(OUTCOMES)},
)


def as_toml(key, policy):
    lines = [f"[{key}]", *(f"{name} = {value!r}" for name, value in policy.items())]
    return "\n".join(lines) + "\n"


class TestNarrowing:
    @settings(deadline=None)
    @given(POLICY, POLICY, st.sampled_from(["a:b", "a:c", "c", "d:b"]))
    def test_an_environment_never_widens(self, tmp_path_factory, base, over, scope):
        """Whatever the top of the file says to a scope, no environment relaxes it.

        Unless it says nothing: then a closed list is open to lower layers, as the
        truth table has it.
        """
        file = tmp_path_factory.mktemp("narrow") / "tyrum.toml"
        file.write_text(
            as_toml("policy", base) + as_toml("environments.live.policy", over)
        )
        request = [PolicyRequest(scope=scope)]

        top = read_config(file).layers
        both = read_config(file, environment="live").layers

        before, after = evaluate(top, request), evaluate(both, request)
        assert ["tyrum.toml", "environment live"] == [layer.name for layer in both]
        silent = before.rules[0].rule in ("no policy", "nothing matches")
        if not silent:
            order = OUTCOMES.index
            assert order(after.outcome) >= order(before.outcome)
