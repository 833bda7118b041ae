import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import langchain_tyrum.policy
from langchain_tyrum.policy import (
    Decision,
    PolicyRequest,
    SecretPolicy,
    evaluate,
    policy_sha256,
    strictest,
)

ASK, ALLOW, DENY = "require_approval", "allow", "deny"
OUTCOMES = (ALLOW, ASK, DENY)

#: Entries over two scopes; `c` is the pattern that matches neither.
PATTERNS = st.lists(st.sampled_from(["a", "b", "?", "c"]), max_size=2)
LAYERS = st.builds(
    SecretPolicy,
    st.sampled_from([None, *OUTCOMES]),
    PATTERNS,
    PATTERNS,
    PATTERNS,
)


def outcome(*layers, scope="a"):
    """What some layers say about one scope."""
    return evaluate(layers, [PolicyRequest(scope=scope)]).outcome


def strictness(*layers, scope="a"):
    """The same as a number."""
    return OUTCOMES.index(outcome(*layers, scope=scope))


def policy(**options):
    """A layer of policy."""
    return SecretPolicy(**options)


A = ["a"]
#: The table of the module's docstring, row by row.
TABLE = {
    "nothing, or no layers": [
        ([], ASK),
        ([policy()], ASK),
        ([policy(), policy()], ASK),
    ],
    "lists, no match": [
        ([policy(allow=["b"])], DENY),
        ([policy(deny=["b"])], DENY),
        ([policy(require_approval=["b"]), policy()], DENY),
    ],
    "`default=X`, no match": [
        ([policy(default=one, allow=["b"])], one) for one in OUTCOMES
    ],
    "`allow` match": [([policy(allow=A)], ALLOW)],
    "`require_approval` match": [([policy(require_approval=A)], ASK)],
    "`deny` match": [([policy(deny=A)], DENY)],
    "`allow` and `require_approval` match": [
        ([policy(allow=A, require_approval=["*"])], ASK)
    ],
    "`allow` and `deny` match": [([policy(allow=A, deny=["*"])], DENY)],
    "`require_approval` and `deny` match": [
        ([policy(require_approval=A, deny=["*"])], DENY)
    ],
    "`default=deny`, `allow` match": [([policy(default=DENY, allow=A)], ALLOW)],
    "`allow` match · `deny` match": [([policy(allow=A), policy(deny=A)], DENY)],
    "`deny` match · `allow` match": [([policy(deny=A), policy(allow=A)], DENY)],
    "`default=allow` · `default=deny`, no match": [
        ([policy(default=ALLOW), policy(default=DENY)], DENY)
    ],
    "`default=deny` · `default=allow`, no match": [
        ([policy(default=DENY), policy(default=ALLOW)], DENY)
    ],
    "`default=allow` · lists, no match": [
        ([policy(default=ALLOW), policy(allow=["b"], deny=["c"])], ALLOW)
    ],
    "lists, no match · `allow` match": [([policy(deny=["b"]), policy(allow=A)], ALLOW)],
    "`allow` match · `default=deny`": [
        ([policy(allow=A), policy(default=DENY)], ALLOW)
    ],
    "`default=allow` · `deny` match": [([policy(default=ALLOW), policy(deny=A)], DENY)],
    "`default=deny` · `allow` match": [
        ([policy(default=DENY), policy(allow=["*"])], DENY)
    ],
    "`default=require_approval` · `allow` match": [
        ([policy(default=ASK), policy(allow=["*"])], ASK)
    ],
}
CASES = [(row, *case) for row, cases in TABLE.items() for case in cases]


class TestTruthTable:
    @pytest.mark.parametrize(("row", "layers", "expected"), CASES)
    def test_row(self, row, layers, expected):
        """Every row of the table holds."""
        assert expected == outcome(*layers)

    def test_the_docstring_says_the_same(self):
        """The table that users read has these rows and outcomes, and no others."""
        rows = re.findall(
            r"^\| (.+?) +\| (\w+) +\| ", langchain_tyrum.policy.__doc__, re.MULTILINE
        )
        written = dict(rows[1:])

        expected = {
            row: "X" if row.startswith("`default=X") else cases[0][1]
            for row, cases in TABLE.items()
        }
        assert expected == written

    def test_the_example_of_the_design(self):
        """An environment layer narrows what the main policy allows and asks."""
        main = policy(default=ASK, allow=["weather:*"], deny=["prod:*"])
        production = policy(require_approval=["*:write"])

        assert outcome(main, production, scope="weather:read") == ALLOW
        assert outcome(main, production, scope="weather:write") == ASK
        assert outcome(main, production, scope="github:issues") == ASK
        assert outcome(main, production, scope="prod:write") == DENY


class TestLayers:
    @given(st.lists(LAYERS, max_size=3), LAYERS)
    def test_a_lower_layer_never_widens(self, layers, lower):
        """What some layer has said, by pattern or default, no layer below it widens."""
        decided = evaluate(layers, [PolicyRequest(scope="a")])

        if decided.rules[0].rule not in ("no policy", "nothing matches"):
            assert strictness(*layers) <= strictness(*layers, lower)

    @given(st.lists(LAYERS, max_size=3), LAYERS, st.integers(0, 3))
    def test_a_strict_match_holds_at_any_place(self, layers, extra, place):
        """A pattern's `deny` or `require_approval` holds wherever layers are added."""
        patterns = evaluate(layers, [PolicyRequest(scope="a")]).rules
        strict = [
            OUTCOMES.index(hit.outcome) for hit in patterns if hit.rule.startswith("'")
        ]

        stacked = [*layers[:place], extra, *layers[place:]]
        assert strictness(*stacked) >= max(strict, default=0)

    @given(st.lists(LAYERS, max_size=3))
    def test_a_default_is_silent_where_a_pattern_speaks(self, layers):
        """With a match in the uppermost layer, no default plays a part."""
        top = policy(require_approval=A)
        bare = [SecretPolicy(None, x.allow, x.require_approval, x.deny) for x in layers]

        assert outcome(top, *bare) == outcome(top, *layers)

    @given(st.lists(LAYERS, max_size=3), st.integers(0, 3))
    def test_an_empty_layer_changes_nothing(self, layers, place):
        """A layer without lists and default is as good as none, in hash and outcome."""
        more = [*layers[:place], SecretPolicy(), *layers[place:]]

        assert outcome(*layers) == outcome(*more)
        assert policy_sha256(layers) == policy_sha256(more)

    @given(st.lists(LAYERS, max_size=3), st.randoms())
    def test_the_order_of_entries_changes_nothing(self, layers, random):
        """Entries may stand in any order."""

        def shuffled(entries):
            return random.sample(entries, len(entries))

        others = [
            SecretPolicy(
                x.default,
                shuffled(x.allow),
                shuffled(x.require_approval),
                shuffled(x.deny),
            )
            for x in layers
        ]
        assert outcome(*layers) == outcome(*others)
        assert policy_sha256(layers) == policy_sha256(others)


class TestDecision:
    def test_several_scopes(self):
        """The most restrictive outcome over all scopes holds for the whole use."""
        layer = policy(allow=["a"], require_approval=["b"], deny=["c"])

        def decided(*scopes):
            return evaluate([layer], [PolicyRequest(scope=x) for x in scopes]).outcome

        assert [decided("a"), decided("a", "b"), decided("c", "a", "b")] == [
            ALLOW,
            ASK,
            DENY,
        ]

    def test_nothing_asked(self):
        """A use without secrets is allowed, whatever the policy."""
        assert evaluate([policy(default=DENY)], []).outcome == ALLOW

    def test_explains_itself(self):
        """Each rule that spoke is named, with its scope, outcome and layer."""
        layers = [
            policy(default=ASK, name="deployment"),
            policy(deny=["prod:*", {"scope": "*", "tools": ["shell"]}]),
        ]
        decision = evaluate(layers, [PolicyRequest(scope="prod:db", tool_id="shell")])

        assert list(map(str, decision.rules)) == [
            "prod:db: require_approval by default (layer deployment)",
            "prod:db: deny by 'prod:*' (layer 2)",
            'prod:db: deny by {"tools":["shell"]} (layer 2)',
        ]

    @pytest.mark.parametrize(
        ("layers", "expected"),
        [
            ([], "a: require_approval by no policy"),
            ([policy(allow=["b"])], "a: deny by nothing matches"),
        ],
    )
    def test_explains_silence(self, layers, expected):
        """Where no rule spoke, the decision says so."""
        decision = evaluate(layers, [PolicyRequest(scope="a")])

        assert [expected] == list(map(str, decision.rules))

    def test_scopes_are_sorted_and_unique(self):
        """The scopes of a decision are the same however they were asked."""
        requests = [PolicyRequest(scope=scope) for scope in ("b", "a", "b")]

        assert evaluate([], requests).scopes == ("a", "b")

    def test_frozen(self):
        """A decision cannot be changed."""
        decision = evaluate([], [])

        assert isinstance(decision, Decision)
        with pytest.raises(AttributeError):
            decision.outcome = ALLOW

    def test_the_hash_of_the_layers(self):
        """One layer gives its own hash; several, one that depends on their order."""
        one, two = policy(allow=["a"]), policy(deny=["b"])

        assert evaluate([one], []).policy_sha256 == one.sha256
        assert policy_sha256([one, two]) not in (one.sha256, two.sha256)
        assert policy_sha256([one, two]) != policy_sha256([two, one])
        assert policy_sha256([]) == SecretPolicy().sha256

    def test_strictest(self):
        """Deny beats require_approval beats allow; of none it is allow."""
        assert [
            strictest([ASK, DENY, ALLOW]),
            strictest([ALLOW, ASK]),
            strictest([]),
        ] == [
            DENY,
            ASK,
            ALLOW,
        ]
