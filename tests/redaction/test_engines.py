from __future__ import annotations

import os
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_tyrum.redaction import Redactor, engines, tiers
from langchain_tyrum.redaction.engines import build_engines, hyper
from langchain_tyrum.redaction.engines.aho import AhoEngine
from langchain_tyrum.redaction.engines.base import MAX_HITS, EngineError
from langchain_tyrum.redaction.engines.hyper import HyperEngine
from langchain_tyrum.redaction.engines.plain import PlainEngine
from langchain_tyrum.redaction.tiers import Tier

ENGINES = [PlainEngine, AhoEngine, HyperEngine]


def _brute(patterns, data):
    return sorted(
        (start, index)
        for index, pattern in enumerate(patterns)
        for start in range(len(data))
        if data.startswith(pattern, start)
    )


class TestEngines:
    @pytest.mark.parametrize("engine", ENGINES)
    @settings(max_examples=200, deadline=None)
    @given(
        patterns=st.lists(
            st.text("abc", min_size=3, max_size=8), min_size=1, max_size=8, unique=True
        ),
        text=st.text("abcd", max_size=60),
    )
    def test_every_occurrence_is_found(self, engine, patterns, text):
        """Each engine finds all occurrences, overlapping and nested ones too."""
        encoded = [pattern.encode() for pattern in patterns]
        assert sorted(engine(encoded).hits(text.encode())) == _brute(
            encoded, text.encode()
        )

    @pytest.mark.parametrize("engine", ENGINES)
    def test_a_flood_is_an_error(self, engine):
        """Too many matches are an error, so that the text is withheld."""
        with pytest.raises(EngineError):
            engine([b"abab"]).hits(b"ab" * (MAX_HITS + 10))

    def test_patterns_with_nul_are_found(self):
        """Patterns with NUL go to an engine that can take them."""
        patterns = [b"a\0bcdefgh", *(f"pattern-{i:04d}".encode() for i in range(100))]
        found = [
            (start, table[index])
            for engine, table in build_engines(patterns)
            for start, index in engine.hits(b"a a\0bcdefgh pattern-0042 aaaa")
        ]
        assert sorted(found) == [(2, 0), (12, 43)]

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize("count", range(1, 6))
    def test_each_pattern_counts(self, engine, count):
        """Whichever of a few patterns a text holds, it is found."""
        patterns = [f"pattern-{index}".encode() for index in range(count)]
        made = engine(patterns)
        assert made.hits(b"a pattern of none") == []
        for index, pattern in enumerate(patterns):
            assert made.hits(b"a " + pattern) == [(2, index)]

    def test_a_text_without_nul_is_spared_their_engine(self, monkeypatch):
        """What looks for patterns with NUL is asked about texts with one only."""
        asked, hits = [], PlainEngine.hits

        def noting(self, data):
            asked.append(data)
            return hits(self, data)

        monkeypatch.setattr(PlainEngine, "hits", noting)
        ((engine, _),) = build_engines([b"a\0bcdefgh"])

        assert engine.hits(b"abcdefgh a bcdefgh") == []
        assert asked == []
        assert engine.hits(b"x a\0bcdefgh") == [(2, 0)]
        assert asked == [b"x a\0bcdefgh"]

    @pytest.mark.parametrize("count", [99, 100, 150])
    def test_memory_is_given_back(self, count, monkeypatch):
        """Compiling many patterns leaves no memory with the process that it freed."""
        trimmed = []
        monkeypatch.setattr(hyper, "_MANY", 100)
        monkeypatch.setattr(hyper, "_trimming", lambda: trimmed.append)
        patterns = [f"pattern-{i:04d}".encode() for i in range(count)]
        assert HyperEngine(patterns).hits(b"a pattern-0042") == [(2, 42)]
        assert trimmed == ([0] if count >= 100 else [])

        monkeypatch.setattr(hyper, "_trimming", lambda: None)
        assert HyperEngine(patterns).hits(b"a pattern-0042") == [(2, 42)]

    @pytest.mark.parametrize("failure", [AttributeError, OSError, TypeError])
    def test_where_no_memory_can_be_given_back(self, failure, monkeypatch):
        """Other systems than those with glibc do without."""

        def missing(name):
            raise failure(name)

        trim = hyper._trimming.__wrapped__()
        assert trim is None or trim(0) in (0, 1)
        monkeypatch.setattr(hyper.ctypes, "CDLL", missing)
        assert hyper._trimming.__wrapped__() is None

    def test_more_patterns_than_are_compiled_at_once(self, monkeypatch):
        """Shares of many patterns find together what one engine finds."""
        patterns = [f"pattern-{number:04d}".encode() for number in range(1000)]
        text = b" ".join(patterns[::7])
        monkeypatch.setattr(engines, "_MOST", 300)
        groups = build_engines(patterns)
        found = {
            table[index] for engine, table in groups for _, index in engine.hits(text)
        }

        assert ["hyperscan"] * 4 == [engine.label for engine, _ in groups]
        assert set(range(0, 1000, 7)) == found

    @pytest.mark.parametrize(
        ("count", "label"),
        [
            (1, "plain"),
            (3, "plain"),
            (4, "ahocorasick"),
            (64, "ahocorasick"),
            (65, "hyperscan"),
        ],
    )
    def test_the_number_of_patterns_chooses(self, count, label):
        """Few patterns, some and many each have their engine."""
        ((engine, _),) = build_engines(
            [f"pattern-{i:04d}".encode() for i in range(count)]
        )
        assert engine.label == label

    def test_scans_in_many_threads(self):
        """Each thread has its own scratch, so scans never collide."""
        patterns = [f"pattern-{i:04d}".encode() for i in range(200)]
        engine, errors = HyperEngine(patterns), []

        def scan() -> None:
            for _ in range(100):
                if len(engine.hits(b"x pattern-0007 y" * 50)) != 50:
                    errors.append(1)

        threads = [threading.Thread(target=scan) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []


class TestSharers:
    def test_forms_of_one_issuer(self):
        """Forms that share their beginning are told apart, overlaps included."""
        common = b"a-common-beginning-of-all/"
        forms = [common + f"{number:03d}".encode() for number in range(300)]
        forms += [common + b"0071", common + b"0071-and-more", b"g-of-all/007"]
        tier = Tier(forms)
        text = b"x " + common + b"0071-and-mor " + common + b"999"

        found = sorted(hit for hit in tier.find(text) if hit[1])

        assert [(text.index(f), f) for f in sorted(forms) if f in text] == sorted(found)
        assert 3 == len(found)

    def test_a_hit_is_not_compared_with_each_of_them(self, monkeypatch):
        """What a hit costs does not grow with the number of those that share it."""
        asked = []
        anchors = tiers.anchors
        common = b"a-common-beginning-of-all/"
        forms = [common + f"{number:04d}".encode() for number in range(2000)]
        tier = Tier(forms)
        monkeypatch.setattr(
            tiers, "anchors", lambda form: asked.append(form) or anchors(form)
        )

        assert (1, forms[77]) in tier.find(b" " + forms[77] + b" ")
        assert len(asked) <= 10


class TestFallback:
    @pytest.fixture(params=["no hyperscan", "nothing"])
    def poor(self, request, monkeypatch):
        """A machine on which native engines are missing."""
        load = engines._load
        missing = ("hyper:", "aho:") if request.param == "nothing" else ("hyper:",)
        monkeypatch.setattr(
            engines,
            "_load",
            lambda rung: None if rung.startswith(missing) else load(rung),
        )

    def test_missing_engines_change_nothing(self, poor):
        """Without native engines the result is the same."""
        rng = random.Random(3)
        values = [f"{rng.getrandbits(120):030x}" for _ in range(20)]
        redactor = Redactor(detectors=[])
        for index, value in enumerate(values):
            redactor.register(f"n{index}", value)
        text = " ".join(values)

        assert redactor.redact_text(text) == " ".join(
            f"[REDACTED:n{i}]" for i in range(20)
        )
        labels = {
            e.label for tier in redactor._registry.tiers() for e, _ in tier._groups
        }
        assert "hyperscan" not in labels

    def test_an_engine_that_cannot_be_built_is_passed_over(self, monkeypatch):
        """A failing constructor is no failure of the redactor."""

        def fail(patterns):
            raise MemoryError

        load = engines._load
        monkeypatch.setattr(
            engines,
            "_load",
            lambda rung: fail if rung.startswith("hyper") else load(rung),
        )
        ((engine, _),) = build_engines([f"pattern-{i:04d}".encode() for i in range(70)])
        assert engine.label == "ahocorasick"


class TestFailingClosed:
    @pytest.fixture
    def broken(self, redactor, monkeypatch):
        def fail(self, data):
            raise EngineError("broken")

        monkeypatch.setattr(Tier, "find", fail)
        return redactor

    def test_text_is_withheld(self, broken):
        """When the search fails, nothing of the text is shown."""
        assert broken.redact_text("harmless?") == "[REDACTED]"
        assert broken.redact_bytes(b"harmless?") == b"[REDACTED]"
        assert broken.redact({"a": ["harmless?"]}) == "[REDACTED]"
        assert broken.contains(b"harmless?")
        assert broken.scan("harmless?")[0].rule == "withheld"
        with broken.stream() as stream:
            assert stream.feed("Zq7-canary?") + stream.close() == "[REDACTED]"

    def test_a_flood_is_withheld(self):
        """A text with more matches than can be handled is withheld."""
        redactor = Redactor(detectors=[])
        redactor.register("flood", "abcabcabcabc")
        assert redactor.redact_text("abc" * (MAX_HITS + 20)) == "[REDACTED]"


class TestFork:
    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_child_process_goes_on(self, redactor, value):
        """After a fork the child redacts and registers, whatever locks were held."""
        redactor.redact_text(value)
        with redactor._registry._lock:
            pid = os.fork()
            if pid == 0:
                redactor.register("child", "child-value-123")
                hidden = redactor.redact_text(f"{value} child-value-123")
                os._exit(0 if hidden.count("REDACTED") == 2 else 1)
        _, status = os.waitpid(pid, 0)
        assert status == 0
