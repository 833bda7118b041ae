"""What holds for every policy: layers narrow, order is nothing, the strictest wins."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tyrum.handles import Principal
from langchain_tyrum.policy import (
    PolicyRequest,
    PolicyRule,
    SecretPolicy,
    evaluate,
    matches,
    patterns,
    policy_sha256,
    strictest,
)

OUTCOMES = ("allow", "require_approval", "deny")
SCOPES = st.sampled_from(["a", "a:b", "b", "prod:db"])
LISTED = {
    "tools": ["t", "u", "*"],
    "environments": ["production", "*"],
    "hosts": ["api.x", "*.x", "y"],
    "principals": ["service", "user", "ada", "default/*", "user:bob"],
}
#: Entries with any subset of the fields.
ENTRIES = st.fixed_dictionaries(
    {"scope": st.sampled_from(["*", "a", "a*", "?", "prod:*"])},
    optional={
        "provider": st.sampled_from(["*", "vault", "op"]),
        **{
            name: st.lists(st.sampled_from(some), max_size=2)
            for name, some in LISTED.items()
        },
    },
)
LAYERS = st.builds(
    SecretPolicy,
    st.sampled_from([None, *OUTCOMES]),
    *(st.lists(ENTRIES, max_size=3) for _ in OUTCOMES),
)
STACKS = st.lists(LAYERS, max_size=3)
REQUESTS = st.builds(
    PolicyRequest,
    scope=SCOPES,
    provider=st.sampled_from(["vault", "op", "memory"]),
    tool_id=st.sampled_from(["t", "u", "v"]),
    environment=st.sampled_from([None, "production", "staging"]),
    hosts=st.lists(st.sampled_from(["api.x", "y", "z"]), max_size=2).map(tuple),
    principal=st.sampled_from(
        [Principal(), Principal(user="ada"), Principal("acme", "bob")]
    ),
)
SILENT = ("no policy", "nothing matches")


def strictness(layers, request):
    return OUTCOMES.index(evaluate(layers, [request]).outcome)


def rebuilt(layer, entries):
    """The same layer with its entries put through a function."""
    return SecretPolicy(layer.default, *(entries(layer.rules(o)) for o in OUTCOMES))


class TestLayers:
    @given(STACKS, LAYERS, REQUESTS)
    def test_one_more_never_widens_what_was_said(self, layers, lower, request_):
        """Whatever narrows its entries, a layer below only makes things stricter."""
        said = evaluate(layers, [request_]).rules[0].rule not in SILENT

        if said:
            assert strictness(layers, request_) <= strictness(
                [*layers, lower], request_
            )

    @given(STACKS, STACKS, REQUESTS)
    def test_nor_do_several_more(self, layers, lower, request_):
        """What was said above holds below any number of layers."""
        if evaluate(layers, [request_]).rules[0].rule not in SILENT:
            assert strictness(layers, request_) <= strictness(
                [*layers, *lower], request_
            )

    @given(STACKS, LAYERS, REQUESTS)
    def test_a_closed_list_stays_closed(self, layers, lower, request_):
        """Below `default="deny"` without a match, nothing opens a scope."""
        assert (
            "deny"
            == evaluate([SecretPolicy("deny"), *layers, lower], [request_]).outcome
        )

    @given(LAYERS, REQUESTS, st.sampled_from([*LISTED, "provider"]))
    def test_a_narrower_entry_speaks_no_more_often(self, layer, request_, field):
        """One more field on an `allow` entry never allows more."""
        some = LISTED.get(field, ["vault"])[:1]
        narrow = [
            PolicyRule.read({**rule.canonical, field: some[0]})
            if field == "provider"
            else PolicyRule.read({**rule.canonical, field: some})
            for rule in layer.rules("allow")
            if not rule.canonical.get(field)
        ]
        wide = [r for r in layer.rules("allow") if not r.canonical.get(field)]

        before = evaluate([SecretPolicy("deny", allow=wide)], [request_]).outcome
        after = evaluate([SecretPolicy("deny", allow=narrow)], [request_]).outcome
        assert OUTCOMES.index(before) <= OUTCOMES.index(after)


class TestOrder:
    @given(STACKS, REQUESTS, st.randoms())
    def test_of_entries_and_their_lists(self, layers, request_, random):
        """Neither entries nor the patterns of one have an order."""

        def turned(rule):
            table = dict(rule.canonical)
            for name in LISTED:
                table[name] = random.sample(table[name], len(table[name]))
            return table

        def shuffled(rules):
            return [turned(rule) for rule in random.sample(rules, len(rules))]

        others = [rebuilt(layer, shuffled) for layer in layers]
        assert strictness(layers, request_) == strictness(others, request_)
        assert policy_sha256(layers) == policy_sha256(others)

    @given(STACKS, REQUESTS)
    def test_of_repetitions(self, layers, request_):
        """An entry that stands twice says what it says once."""
        others = [rebuilt(layer, lambda rules: [*rules, *rules]) for layer in layers]

        assert strictness(layers, request_) == strictness(others, request_)
        assert policy_sha256(layers) == policy_sha256(others)

    @given(STACKS, REQUESTS)
    def test_a_layer_twice_in_a_row(self, layers, request_):
        """A layer right below itself changes nothing."""
        twice = [one for layer in layers for one in (layer, layer)]

        assert strictness(layers, request_) == strictness(twice, request_)


class TestSeveral:
    @given(STACKS, st.lists(REQUESTS, max_size=4), st.randoms())
    def test_the_strictest_of_them(self, layers, requests, random):
        """Secrets together get what the strictest gets alone, in any order."""
        alone = [evaluate(layers, [one]).outcome for one in requests]
        together = evaluate(layers, random.sample(requests, len(requests)))

        assert strictest(alone) == together.outcome
        assert set(together.scopes) == {one.scope for one in requests}

    @given(STACKS, st.lists(REQUESTS, min_size=1, max_size=4))
    def test_every_layer_is_accounted_for(self, layers, requests):
        """For each secret, each layer either spoke or says why not."""
        decision = evaluate(layers, requests)

        for one in requests:
            alone = evaluate(layers, [one])
            told = {hit.layer for hit in alone.rules if hit.rule not in SILENT} | {
                silence.layer for silence in alone.silent
            }
            assert {str(place + 1) for place in range(len(layers))} == told
            assert set(alone.rules) <= set(decision.rules)
            assert set(alone.silent) <= set(decision.silent)


class TestManyRules:
    def test_a_thousand_are_looked_at_once_each(self, monkeypatch):
        """The work grows with the rules and not beyond: one look per rule and scope."""
        looks = []
        covers = PolicyRule.covers
        monkeypatch.setattr(
            PolicyRule,
            "covers",
            lambda self, *told: looks.append(self) or covers(self, *told),
        )
        layer = SecretPolicy("deny", allow=[f"team-{i}:*" for i in range(1000)])

        evaluate([layer], [PolicyRequest(scope=f"team-{i}:x") for i in range(5)])

        assert 5000 == len(looks)

    def test_their_patterns_are_read_once(self, monkeypatch):
        """However many there are, no decision reads a pattern again."""
        rules = [
            {"scope": f"s-{i}:*", "tools": [f"t-{i}-{n}*" for n in range(5)]}
            for i in range(1000)
        ]
        layer = SecretPolicy(allow=rules, require_approval=rules)
        request = PolicyRequest(scope="s-999:x", tool_id="t-999-4")
        first = evaluate([layer], [request])
        read = []
        monkeypatch.setattr(
            patterns.re, "compile", lambda *told: read.append(told) or re.compile(*told)
        )

        assert first == evaluate([layer], [request])
        assert [] == read

    @pytest.mark.parametrize(
        "pattern",
        [
            "*a" * 200 + "b",
            "*?" * 200 + "b",
            "*" * 5000 + "b",
            "?" * 5000,
            "*a*a*a*a*a*a*a*a?b",
            "(a+)+" * 50 + "$",
            "*[^" * 100,
            "*\\" * 100,
            "*" + "a" * 5000 + "*b",
        ],
    )
    @pytest.mark.parametrize(
        "scope", ["a" * 20_000, "ab" * 10_000, "\n" * 20_000, "\\*" * 5000, "é" * 9999]
    )
    def test_hostile_patterns_and_scopes_come_to_an_end(self, pattern, scope):
        """Neither a rule nor a scope can make a decision hang."""
        layer = SecretPolicy(deny=[pattern], require_approval=[{"tools": [pattern]}])

        decision = evaluate([layer], [PolicyRequest(scope=scope, tool_id=scope)])
        spoke = decision.rules[0].rule != "nothing matches"
        assert matches(pattern, scope) is spoke


class TestNamesOfPrincipals:
    @pytest.mark.parametrize(
        ("pattern", "principal"),
        [
            ("acme/*", Principal("acme/evil")),
            ("acme/*", Principal("acme/evil", "ada")),
            ("acme/user:ada", Principal("acme/user:ada")),
            ("user:*", Principal("user:ada")),
            ("acme/user:*", Principal("acme", None)),
            ("service", Principal("x", "service")),
            ("user", Principal("user")),
        ],
    )
    def test_no_tenant_or_user_passes_for_another(self, pattern, principal):
        """What is part of one's own id is no part of the name's structure."""
        policy = SecretPolicy(allow=[{"principals": [pattern]}])
        request = PolicyRequest(scope="a", principal=principal)

        assert "deny" == evaluate([policy], [request]).outcome

    def test_a_tenant_is_written_quoted(self):
        """A tenant with a slash is matched by its quoted form."""
        policy = SecretPolicy(allow=[{"principals": ["acme%2Feu/user:*"]}])
        request = PolicyRequest(scope="a", principal=Principal("acme/eu", "ada"))

        assert "allow" == evaluate([policy], [request]).outcome

    def test_an_empty_user_is_a_service(self):
        """No third kind of caller slips between the rules."""
        policy = SecretPolicy(allow=["*"], deny=[{"principals": ["service"]}])
        request = PolicyRequest(scope="a", principal=Principal("acme", ""))

        assert "deny" == evaluate([policy], [request]).outcome
