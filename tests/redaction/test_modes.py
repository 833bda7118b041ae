"""What happens to credentials that nobody registered."""

from __future__ import annotations

import pytest

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.redaction import Redactor

SHAPE = "ghp_R2d9Kx7LmQ4vTz8WcN1bYp6HsJf3Ga0eUiXo"
VALUE = "kq7-plain-value-zt9"


class TestModes:
    def test_observe_reports_shapes_and_hides_values(self):
        """Observed shapes stay and are reported; registered values never stay."""
        redactor = Redactor(shapes="observe")
        redactor.register("name", VALUE)

        text = redactor.redact_text(f"{SHAPE} {VALUE}")

        assert f"{SHAPE} [REDACTED:name]" == text
        assert "registered" not in {one.rule for one in redactor.scan(SHAPE)}
        assert 1 == len(redactor.scan(SHAPE))

    def test_refuse_names_the_rule(self):
        """A refused shape raises, with the rule and without the credential."""
        with pytest.raises(RawSecretFound) as caught:
            Redactor(shapes="refuse").redact_text(SHAPE)

        assert SHAPE not in str(caught.value)
        assert caught.value.rule

    def test_typo_is_no_mode(self):
        """A misspelled mode is an error, not a redactor without shapes."""
        with pytest.raises(ConfigError, match="'refuse' or 'observe'"):
            Redactor(shapes="refuze")
