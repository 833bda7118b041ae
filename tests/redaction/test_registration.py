from __future__ import annotations

import copy
import pickle
import threading

import pytest

from langchain_tyrum.errors import ConfigError, WeakSecret
from langchain_tyrum.redaction import Redactor


class TestWeakValues:
    @pytest.mark.parametrize(
        "weak",
        [
            "",
            "        ",
            "brief",
            "1234567",
            "tool_calls",
            "assistant",
            "Authorization",
            "********",
            "--------",
            "aaaaaaaaaaaa",
            "!!??!!??!!",
            "-----BEGIN PRIVATE KEY-----",
            "-----END RSA PRIVATE KEY-----",
            "[REDACTED:github/token]",
            "EDACTED:",
            "REDACTED:",
            "REDACTED]",
            "ACTED:github/token]",
            '"content": "',
            '"role": "user"',
            '{\\"role\\": \\"assistant\\"',
            "tool_calls=[]",
            "HumanMessage(content=",
            "tyrum://h_abcdefghijklmnopqrstuv",
        ],
    )
    def test_common_values_are_refused(self, weak):
        """What cannot be told from ordinary text is refused, and not repeated."""
        redactor = Redactor()

        with pytest.raises(WeakSecret) as caught:
            redactor.register("name", weak)

        assert not weak.strip() or len(weak) < 3 or weak not in str(caught.value)
        assert redactor.generation == 0

    @pytest.mark.parametrize(
        "value", ["CTED:k7Qm2ZpX9w", "role: k7Qm2Zp", "tool_calls=[]x", "D:tokens/7"]
    )
    def test_what_only_resembles_them_is_a_value(self, value):
        """A value may hold such words, and begin like the end of a marker."""
        redactor = Redactor(detectors=[])
        redactor.register("name", value)

        assert "so [REDACTED:name]" == redactor.redact_text(f"so {value}")

    def test_vocabulary_stays_readable(self, redactor):
        """No registered value tears up the words agents are made of."""
        text = "assistant tool_calls tool_call_id -----BEGIN PRIVATE KEY-----"[:35]
        assert redactor.redact_text(text) is text

    def test_a_key_does_not_hide_its_header(self):
        """The header and footer lines of a registered key stay readable."""
        redactor = Redactor(detectors=[])
        redactor.register(
            "key",
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n-----END PRIVATE KEY-----",
        )

        assert redactor.redact_text("-----BEGIN PRIVATE KEY-----") == (
            "-----BEGIN PRIVATE KEY-----"
        )
        assert redactor.redact_text("MIIEvQIBADANBgkq") == "[REDACTED:key]"


class TestShortValues:
    def test_short_values_match_as_whole_words(self):
        """A short value is hidden as a word, and not within one."""
        redactor = Redactor()
        redactor.register("pin", "4711", allow_short=True)

        assert redactor.redact_text("pin 4711.") == "pin [REDACTED:pin]."
        assert redactor.redact_text("x47110 a4711") == "x47110 a4711"

    def test_short_values_stay_in_their_tenant(self):
        """Another tenant's short value hides nothing here."""
        redactor = Redactor()
        redactor.register("pin", "4711", tenant="acme", allow_short=True)

        assert redactor.redact_text("pin 4711") == "pin 4711"


class TestRegistration:
    def test_registering_twice_changes_nothing(self, redactor, value):
        """The same value under the same name is registered once."""
        before = redactor.generation
        redactor.register("vault/canary", value)

        assert before == redactor.generation

    def test_old_versions_stay_covered(self, redactor, value):
        """A second value under a name does not uncover the first."""
        redactor.register("vault/canary", "the-next-value-55")

        text = f"{value} the-next-value-55"
        assert redactor.redact_text(text) == "[REDACTED:vault/canary] " * 1 + (
            "[REDACTED:vault/canary]"
        )

    def test_one_version_can_be_unregistered(self, redactor, value):
        """Unregistering one value leaves the name's others covered."""
        redactor.register("vault/canary", "the-next-value-55")
        redactor.unregister("vault/canary", value=value)

        assert redactor.redact_text(value) == value
        assert redactor.redact_text("the-next-value-55") == "[REDACTED:vault/canary]"

    def test_all_versions_can_be_unregistered(self, redactor, value):
        """Unregistering a name uncovers all of its values, and unknown ones pass."""
        redactor.unregister("vault/canary")
        redactor.unregister("nobody")

        assert redactor.redact_text(value) == value

    def test_two_names_may_share_a_value(self, redactor, value):
        """A value stays covered until its last name is gone."""
        redactor.register("other", value)
        redactor.unregister("vault/canary")

        assert redactor.redact_text(value) == "[REDACTED:other]"

    def test_generation_grows(self, redactor):
        """Each registration makes a new generation, so memos forget."""
        before = redactor.generation
        redactor.register("other", "another-value-1")
        assert redactor.generation > before

    def test_many_values_are_all_covered(self):
        """Values registered one by one, between scans, are covered at once."""
        redactor = Redactor(detectors=[])
        values = [f"value-{i:05d}-{i * 7919:08x}" for i in range(400)]
        for index, value in enumerate(values):
            redactor.register(f"n{index}", value)
            assert redactor.redact_text(value) == f"[REDACTED:n{index}]"

        text = " ".join(values)
        expected = " ".join(f"[REDACTED:n{i}]" for i in range(400))
        assert redactor.redact_text(text) == expected


class TestSafety:
    def test_repr_shows_counts_only(self, redactor, value):
        """The repr of a redactor tells how much it knows, not what."""
        assert "values=1" in repr(redactor)
        assert value not in repr(redactor)
        assert value not in repr(redactor.stream())

    def test_copies_are_the_redactor_itself(self, redactor):
        """Tools that hold a redactor stay copyable."""
        assert copy.copy(redactor) is redactor
        assert copy.deepcopy(redactor) is redactor

    def test_pickle_is_refused(self, redactor):
        """Live values cannot be pickled along."""
        with pytest.raises(TypeError, match="live values"):
            pickle.dumps(redactor)


class TestThreads:
    def test_registering_while_others_redact(self):
        """Each value is covered as soon as its registration returns, in all threads."""
        redactor = Redactor()
        redactor.register("base", "the-base-value-00")
        failures: list[str] = []
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                if "the-base" in redactor.redact_text("x the-base-value-00 y" * 20):
                    failures.append("base")

        def write(worker: int) -> None:
            for number in range(60):
                value = f"w{worker}-value-{number:04d}-{number * 31:x}"
                redactor.register(f"{worker}/{number}", value)
                if value in redactor.redact_text(f"<{value}>"):
                    failures.append(value)

        readers = [threading.Thread(target=read) for _ in range(2)]
        writers = [threading.Thread(target=write, args=(i,)) for i in range(3)]
        for thread in readers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        stop.set()
        for thread in readers:
            thread.join()

        assert failures == []


class TestWrongArguments:
    """What is no name, no value or no text is told so, with the mend."""

    @pytest.mark.parametrize("value", [None, 5, ["a value of its own"]], ids=str)
    def test_a_value_is_text_or_bytes(self, value):
        """Anything else is refused before something is registered."""
        redactor = Redactor()
        with pytest.raises(ConfigError, match="text or bytes"):
            redactor.register("name", value)
        assert "values=0" in repr(redactor)

    @pytest.mark.parametrize("name", [None, b"name", 5], ids=repr)
    def test_a_name_is_text(self, name):
        """A name that is none is refused."""
        with pytest.raises(ConfigError, match="name"):
            Redactor().register(name, "tulip orbit lantern 93")

    @pytest.mark.parametrize("text", [None, b"x", 5], ids=repr)
    def test_text_is_text(self, text):
        """`redact_text` says which method takes what it was given."""
        with pytest.raises(TypeError, match="redact_bytes"):
            Redactor().redact_text(text)
