import pytest

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import Principal
from langchain_tyrum.policy import PolicyRequest, PolicyRule, SecretPolicy, evaluate

ADA = Principal("acme", "ada")
SERVICE = Principal("acme")


def asked(**where):
    """A request for one secret."""
    facts = {"scope": "github:issues", "provider": "vault", "tool_id": "create_issue"}
    return PolicyRequest(**{**facts, **where})


class TestTableForm:
    @pytest.mark.parametrize(
        ("table", "where", "expected"),
        [
            ({"scope": "github:*"}, {}, True),
            ({"scope": "gitlab:*"}, {}, False),
            ({"provider": "vault"}, {}, True),
            ({"provider": "op"}, {}, False),
            ({"tools": ["create_*", "x"]}, {}, True),
            ({"tools": ["delete_*"]}, {}, False),
            ({"tools": "create_issue"}, {}, True),
            ({"environments": ["production"]}, {"environment": "production"}, True),
            ({"environments": ["production"]}, {"environment": "development"}, False),
            ({"environments": ["*"]}, {"environment": None}, False),
            ({"principals": ["service"]}, {"principal": SERVICE}, True),
            ({"principals": ["service"]}, {"principal": ADA}, False),
            ({"principals": ["user"]}, {"principal": ADA}, True),
            ({"principals": ["ada"]}, {"principal": ADA}, True),
            ({"principals": ["user:ada"]}, {"principal": ADA}, True),
            ({"principals": ["acme/*"]}, {"principal": ADA}, True),
            ({"principals": ["acme/service"]}, {"principal": SERVICE}, True),
            ({"principals": ["other/*"]}, {"principal": ADA}, False),
            ({"principals": ["bob"]}, {"principal": "bob"}, True),
            ({"principals": ["bob"]}, {}, False),
            ({"scope": "github:*", "tools": ["delete_*"]}, {}, False),
        ],
    )
    def test_each_key_narrows(self, table, where, expected):
        """An entry covers a request only if each of its keys does, in every list."""
        request = asked(**where)

        for outcome in ("allow", "require_approval", "deny"):
            policy = SecretPolicy(**{outcome: [table]})
            spoke = evaluate([policy], [request]).rules[0].rule != "nothing matches"
            assert expected is spoke

    @pytest.mark.parametrize("user", ["service", "user", "user:ada", "acme/user:ada"])
    def test_a_user_cannot_be_named_like_another(self, user):
        """An id that looks like another principal's name does not pass for it."""
        request = asked(principal=Principal("evil", user))
        policy = SecretPolicy(
            allow=[{"principals": ["service", "user:ada", "acme/user:ada"]}]
        )

        assert evaluate([policy], [request]).outcome == "deny"

    @pytest.mark.parametrize(
        ("hosts", "allowed", "denied"),
        [
            (("api.github.com",), True, True),
            (("API.GitHub.com",), True, True),
            (("api.github.com", "evil.example"), False, True),
            (("evil.example",), False, False),
            ((), False, True),
        ],
    )
    def test_hosts_are_read_on_the_safe_side(self, hosts, allowed, denied):
        """`allow` wants every host covered, `deny` one; no host means anywhere."""
        request = asked(hosts=hosts)
        table = [{"hosts": ["*.github.com"]}]
        allow = evaluate([SecretPolicy(allow=table)], [request])
        deny = evaluate([SecretPolicy("allow", deny=table)], [request])

        assert (allowed, denied) == (allow.outcome == "allow", deny.outcome == "deny")


class TestReading:
    @pytest.mark.parametrize(
        "entry", [{}, {"scopes": "x"}, 3, None, ["x"], "", {"scope": ""}, {"tools": 3}]
    )
    def test_refuses_what_it_does_not_understand(self, entry):
        """An unknown key or a wrong type is refused, never ignored."""
        with pytest.raises(ConfigError, match="a policy entry"):
            SecretPolicy(allow=[entry])

    @pytest.mark.parametrize(
        ("entries", "mend"),
        [
            ("github:*", "deny=['github:*']"),
            ({"scope": "x"}, "deny=[{'scope': 'x'}]"),
            ("", "deny=['*']"),
            (3, "deny=['*']"),
            (None, "deny=['*']"),
        ],
    )
    def test_a_list_is_a_list(self, entries, mend):
        """A bare text where a list belongs is refused; the mend echoes the pattern."""
        with pytest.raises(ConfigError, match="is a list") as caught:
            SecretPolicy(deny=entries)
        assert str(caught.value).endswith(f"write {mend}")

    def test_unknown_default(self):
        """A default is one of the three outcomes."""
        with pytest.raises(ConfigError, match="allow, require_approval, deny"):
            SecretPolicy("allowed")

    def test_takes_rules(self):
        """A `PolicyRule` is an entry like any other."""
        rule = PolicyRule(scope="github:*")

        assert (
            SecretPolicy(allow=[rule]).sha256 == SecretPolicy(allow=["github:*"]).sha256
        )

    def test_from_a_table(self):
        """A table of a settings file is read whole; an unknown key is named."""
        table = {"default": "deny", "allow": ["a", {"scope": "b", "tools": ["x"]}]}

        read = SecretPolicy.from_table(table, name="production")
        assert (read.sha256, read.name) == (SecretPolicy(**table).sha256, "production")
        with pytest.raises(ConfigError, match="a policy has no 'alow': its keys are"):
            SecretPolicy.from_table({"alow": ["a"]})

    def test_frozen(self):
        """A policy cannot be changed once it is made, nor through the list given."""
        entries = ["github:*"]
        policy = SecretPolicy(allow=entries)
        before = policy.sha256
        entries.append("*")

        assert before == SecretPolicy(allow=policy.allow).sha256
        with pytest.raises(AttributeError):
            policy.default = "allow"


class TestHash:
    def test_order_and_spelling_do_not_count(self):
        """Order, repetition and the form of an entry leave the hash as it is."""
        one = SecretPolicy(allow=["a", {"scope": "b", "tools": ["x", "y"]}])
        two = SecretPolicy(
            allow=({"tools": ("y", "x"), "scope": "b"}, {"scope": "a"}, "a")
        )

        assert one.sha256 == two.sha256
        assert len(one.sha256) == 64

    @pytest.mark.parametrize(
        "other",
        [
            SecretPolicy(),
            SecretPolicy("deny", allow=["a"]),
            SecretPolicy(allow=["b"]),
            SecretPolicy(allow=["a", "b"]),
            SecretPolicy(deny=["a"]),
            SecretPolicy(require_approval=["a"]),
            SecretPolicy(allow=[{"scope": "a", "tools": ["x"]}]),
            SecretPolicy(allow=[{"scope": "a", "hosts": ["x"]}]),
            SecretPolicy(allow=[{"tools": ["a"]}]),
        ],
    )
    def test_meaning_counts(self, other):
        """Whatever changes a decision changes the hash."""
        assert other.sha256 != SecretPolicy(allow=["a"]).sha256

    def test_the_name_does_not_count(self):
        """What a layer is called is no part of what it says."""
        named = SecretPolicy(allow=["a"], name="production")

        assert named.sha256 == SecretPolicy(allow=["a"]).sha256


class TestPrincipals:
    @pytest.mark.parametrize(
        "user",
        ["auth0|ada", "o'neil@x.org", "ada lovelace", "CN=ada,O=x", "google-oauth2|1"],
    )
    def test_a_bare_id_of_any_identity_provider(self, user):
        """A `deny` that names a user as others do denies that user."""
        policy = SecretPolicy("allow", deny=[{"principals": [user]}])

        def outcome(who):
            principal = Principal("acme", who)
            return evaluate([policy], [asked(principal=principal)]).outcome

        assert ("deny", "allow") == (outcome(user), outcome("bob"))

    @pytest.mark.parametrize(
        "pattern",
        [
            "arn:aws:iam::1:user/ada",
            "spiffe://acme/ada",
            "users/ada",
            "acme/ada",
            "acme/users:*",
            "acme:eu/*",
            "User:ada",
            "acme/team/user:ada",
        ],
    )
    def test_one_that_can_never_match_is_refused(self, pattern):
        """Else a `deny` would silently be none; the mend is told."""
        with pytest.raises(ConfigError, match="'user:<id>'"):
            SecretPolicy("allow", deny=[{"principals": [pattern]}])

    @pytest.mark.parametrize(
        "pattern",
        [
            *("*", "?", "a*", "ada", "service", "user", "user:*", "user:a/b:c"),
            *("acme/*", "acme/s*", "acme/service", "acme/user:ada", "acme/us?r:ada"),
            *("*/service", "acme%2Feu/user:*", "*:ada", "ac*/user:ada"),
        ],
    )
    def test_one_that_can_match_is_taken(self, pattern):
        """Wildcards may stand anywhere."""
        assert (pattern,) == PolicyRule(principals=(pattern,)).principals
