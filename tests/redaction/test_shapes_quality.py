"""What the benchmark bench_recall.py measures at length, asserted on smaller sets."""

from __future__ import annotations

import base64
import importlib
import random
from pathlib import Path

import pytest

from langchain_tyrum.redaction import Redactor

SETS = Path(__file__).parents[1] / "benchmarks" / "redaction"


@pytest.fixture
def measure(monkeypatch):
    """The generated sets, which live beside the benchmark."""
    monkeypatch.syspath_prepend(str(SETS))
    return importlib.import_module("recall_sets.measure")


class TestRecall:
    def test_tokens_of_providers_are_found_wherever_they_stand(self, measure):
        """Of the tokens of 110 providers and more, 99 % are hidden in any carrier."""
        score = measure.recall(Redactor().redact_text, measure.tokens(1, seed=11))

        assert len(score.asked) >= 110
        assert score.recall >= 0.99, score.missed[:5]

    def test_no_provider_is_forgotten(self, measure):
        """Each provider's tokens are hidden in at least nine of ten carriers."""
        score = measure.recall(Redactor().redact_text, measure.tokens(1, seed=12))

        assert {
            provider: score.found[provider]
            for provider, asked in score.asked.items()
            if score.found[provider] < 0.9 * asked
        } == {}

    def test_passwords_are_found_by_their_surroundings(self, measure):
        """Of passwords in thirty kinds of surroundings 98 % are hidden."""
        score = measure.recall(Redactor().redact_text, measure.passwords(2, seed=13))

        assert len(score.asked) >= 30
        assert score.recall >= 0.98, score.missed[:5]

    def test_the_measure_sees_what_is_not_hidden(self, measure):
        """Without detectors nothing counts as hidden."""
        score = measure.recall(lambda text: text, measure.tokens(1)[:300])
        assert score.recall == 0


@pytest.fixture
def whole(monkeypatch):
    """Whole files, logs and talk, which live beside the benchmark too."""
    monkeypatch.syspath_prepend(str(SETS))
    return importlib.import_module("recall_sets.mixed")


class TestWholeFiles:
    def test_credentials_in_files_logs_and_talk_are_found(self, whole):
        """Of credentials in 200 kinds of texts 80 % are hidden, 95 % of it rightly."""
        real, twins = whole.places(1, seed=16), whole.twins(1, seed=17)
        found = whole.mixed(Redactor().redact_text, real, twins)

        assert len({place.name for place in real}) >= 200
        assert found.recall >= 0.8, found.missed[:5]
        assert found.precision >= 0.95, found.wrong[:5]

    def test_texts_that_no_row_was_mended_by(self, whole):
        """Of the half that is held out, three in four are hidden."""
        real = [place for place in whole.places(1, seed=18) if place.held_out]
        found = whole.mixed(Redactor().redact_text, real, [])

        assert len({place.name for place in real}) >= 80
        assert found.recall >= 0.75

    def test_the_measure_sees_both_faults(self, whole):
        """What hides nothing finds nothing, and what alters all is nowhere right."""
        real, twins = whole.places(1), whole.twins(1)
        idle = whole.mixed(lambda text: text, real, twins)
        blunt = whole.mixed(lambda text: "", real, twins)

        assert (0, []) == (idle.recall, idle.wrong)
        assert blunt.recall == 1
        assert blunt.precision < 0.5


class TestFalsePositives:
    def test_benign_lines_stay(self, measure):
        """Of 20,000 benign lines at most two in a thousand are altered."""
        altered = measure.altered(Redactor().redact_text, 20_000, seed=14)
        assert len(altered) <= 40, altered[:5]

    @pytest.mark.parametrize(
        "encode", [base64.b64encode, base64.encodebytes, bytes.hex]
    )
    def test_encoded_data_stays(self, encode):
        """Images and other data in base64 or hexadecimal hold no shapes by chance."""
        rng, redactor = random.Random(3), Redactor()
        for _ in range(40):
            data = encode(rng.randbytes(30_000))
            text = data if isinstance(data, str) else data.decode()
            assert redactor.redact_text(text) is text

    def test_the_lines_are_many_and_differ(self, measure):
        """The benign lines are of more than a hundred kinds, and hardly repeat."""
        lines = measure.lines(20_000, 14)
        assert len(set(lines)) > 0.85 * len(lines)
        assert len(set(measure.lines(200, 14))) > 100

    def test_the_measure_sees_what_is_altered(self, measure):
        """A redactor that alters each line alters each line."""
        assert len(measure.altered(str.swapcase, 500)) == 500

    def test_what_surrounds_a_token_stays(self, measure):
        """Carriers keep what stands before and behind the credential."""
        redact = Redactor().redact_text
        for case in measure.tokens(1, seed=15)[:1500]:
            before = case.text.partition(case.value)[0]
            behind = case.text.rpartition(case.value)[2]
            if behind != case.text:
                shown = redact(case.text)
                assert shown.startswith(before[: len(before) // 2]), case
                assert shown.endswith(behind[len(behind) // 2 :]), case
