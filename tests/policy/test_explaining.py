"""A decision explains itself: which layer said what, and which was silent, and why."""

from __future__ import annotations

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.policy import PolicyRequest, SecretPolicy, evaluate

LAYERS = [
    SecretPolicy("require_approval", allow=["weather:*"], name="deployment"),
    SecretPolicy("deny"),
    SecretPolicy(),
    SecretPolicy(deny=["prod:*"], name="run"),
]


def silences(*layers, scope="a"):
    """Why layers said nothing to a scope, by layer."""
    found = evaluate(layers, [PolicyRequest(scope=scope)]).silent
    return {one.layer: one.why for one in found}


class TestSilence:
    def test_a_default_says_who_was_before_it(self):
        """A default that is not asked names the layer whose pattern matches."""
        assert {
            "2": "since layer deployment matches, so the default deny is not asked",
            "3": "since it is empty",
            "run": "since nothing in it matches and it has no default",
        } == silences(*LAYERS, scope="weather:today")

    def test_a_default_of_the_matching_layer_itself(self):
        """Who matches by a pattern spoke; its own default is no silence."""
        assert {} == silences(SecretPolicy("deny", allow=["a"]))

    def test_defaults_that_speak_are_no_silence(self):
        """Without a match above, each default speaks and says so in `rules`."""
        decision = evaluate(LAYERS[:2], [PolicyRequest(scope="x")])

        assert () == decision.silent
        assert [("default", "deployment"), ("default", "2")] == [
            (hit.rule, hit.layer) for hit in decision.rules
        ]

    def test_a_match_below_does_not_silence_a_default_above(self):
        """A default reads down to its own layer only."""
        decision = evaluate(
            [SecretPolicy("deny"), SecretPolicy(allow=["a"])],
            [PolicyRequest(scope="a")],
        )

        assert ["default", "'a'"] == [hit.rule for hit in decision.rules]


class TestPrinting:
    def test_as_text(self):
        """One line for the outcome, one per rule, one per silent layer."""
        requests = [PolicyRequest(scope=scope) for scope in ("weather:x", "prod:db")]
        decision = evaluate(LAYERS, requests)

        asked = "since layer deployment matches, so the default deny is not asked"
        unmatched = "since nothing in it matches and it has no default"
        assert str(decision).splitlines() == [
            f"deny for prod:db, weather:x (policy {decision.policy_sha256[:12]})",
            "  weather:x: allow by 'weather:*' (layer deployment)",
            "  prod:db: require_approval by default (layer deployment)",
            "  prod:db: deny by default (layer 2)",
            "  prod:db: deny by 'prod:*' (layer run)",
            f"  weather:x: layer 2 is silent, {asked}",
            "  weather:x: layer 3 is silent, since it is empty",
            f"  weather:x: layer run is silent, {unmatched}",
            "  prod:db: layer 3 is silent, since it is empty",
        ]

    @pytest.mark.parametrize(
        ("layers", "requests", "expected"),
        [
            ([], [], "allow for no secret (policy "),
            ([], [PolicyRequest(scope="a")], "\n  a: require_approval by no policy"),
            (
                [SecretPolicy(allow=["b"])],
                [PolicyRequest(scope="a")],
                "\n  a: deny by nothing matches",
            ),
        ],
    )
    def test_where_nobody_spoke(self, layers, requests, expected):
        """Silence all round has an outcome too, and it is explained."""
        assert expected in str(evaluate(layers, requests))

    def test_in_a_notebook(self):
        """A table of who spoke and who did not; what is in it is quoted."""
        decision = evaluate(
            [SecretPolicy(allow=["<b>*"]), SecretPolicy("deny")],
            [PolicyRequest(scope="<b>bold")],
        )
        drawn = decision._repr_html_()

        assert 3 == drawn.count("<tr>")
        assert "<b>" not in drawn
        assert "&lt;b&gt;bold" in drawn
        assert "silent, since layer 1 matches" in drawn


class TestSnapshots:
    @pytest.mark.parametrize("sha256", ["0" * 64, "", "allow", None])
    def test_an_unknown_one_is_nothing(self, sha256):
        """No snapshot is never read as a policy, least of all as one that allows."""
        with SecretBroker.in_memory() as broker:
            assert broker.policy_snapshot(sha256) is None

    def test_a_grant_of_another_policy_lifts_no_deny(self):
        """What was agreed to under an older policy does not outlive a `deny`."""
        call = CallIdentity(user="ada", thread_id="t")
        policy = SecretPolicy(deny=["k"])
        with SecretBroker.in_memory({"k": "quiet-otter-7713"}, policy=policy) as broker:
            broker.grant(mode="always", tool_id="t", scopes=["k"], call=call)

            assert "deny" == broker.decide("t", ["k"], call=call).outcome
            assert broker.usable_grant("t", ["k"], call=call) is None
