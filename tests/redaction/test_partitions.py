from __future__ import annotations

import pytest

from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor

ANN, BOB = Principal("acme", "ann"), Principal("acme", "bob")
EVE = Principal("evil", "eve")
VALUES = {
    "service": "service-value-1a2b",
    "ann": "anns-value-3c4d",
    "bob": "bobs-value-5e6f",
}
TEXT = " ".join(VALUES.values())


@pytest.fixture
def shared() -> Redactor:
    redactor = Redactor()
    redactor.register("service", VALUES["service"], tenant="acme")
    redactor.register("ann", VALUES["ann"], tenant="acme", owner="ann")
    redactor.register("bob", VALUES["bob"], tenant="acme", owner="bob")
    return redactor


class TestInteractive:
    def test_a_user_sees_own_and_service_markers(self, shared):
        """Interactive surfaces cover the own partition and the tenant's services."""
        assert shared.view(ANN).redact_text(TEXT) == (
            "[REDACTED:service] [REDACTED:ann] bobs-value-5e6f"
        )

    def test_another_tenant_learns_nothing(self, shared):
        """A foreign text is not answered with a marker, which would be an oracle."""
        assert shared.view(EVE).redact_text(TEXT) is TEXT


class TestDurable:
    def test_foreign_values_get_nameless_markers(self, shared):
        """Durable sinks cover everybody's values and name only the own ones."""
        assert shared.view(ANN, everyone=True).redact_text(TEXT) == (
            "[REDACTED:service] [REDACTED:ann] [REDACTED]"
        )
        assert shared.view(EVE, everyone=True).redact_text(TEXT) == " ".join(
            ["[REDACTED]"] * 3
        )

    def test_the_root_covers_everyone(self, shared):
        """A redactor that was given no principal covers all values."""
        shared.register("mine", "default-value-77")

        assert shared.redact_text(TEXT + " default-value-77") == (
            "[REDACTED] [REDACTED] [REDACTED] [REDACTED:mine]"
        )

    def test_findings_name_no_foreign_secret(self, shared):
        """A finding of a foreign value has no name."""
        names = [f.name for f in shared.view(BOB, everyone=True).scan(TEXT)]
        assert names == ["service", "", "bob"]


class TestSharing:
    def test_views_share_what_is_registered(self, shared):
        """A value registered in one view is covered in all."""
        view = shared.view(ANN)
        view.register("late", "late-value-9988", tenant="acme")

        assert shared.generation == view.generation
        assert "late-value" not in shared.redact_text("late-value-9988")

    def test_the_own_name_wins(self, shared):
        """A value that two partitions registered has the own name."""
        shared.register("mine", VALUES["bob"], tenant="acme", owner="ann")

        assert shared.view(ANN).redact_text(VALUES["bob"]) == "[REDACTED:mine]"
        assert shared.view(BOB).redact_text(VALUES["bob"]) == "[REDACTED:bob]"
