"""To register or drop one value of many is no work on all the others."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor, tiers
from langchain_tyrum.redaction.beginnings import Beginnings
from langchain_tyrum.redaction.encodings import derived_forms

MANY = 400
#: Less than a tenth of all forms, and more than one value has.
FEW = 300
OWNERS = (None, "ann")


class Work(NamedTuple):
    """How many forms were sorted for streams, and how many compiled for scans."""

    sorted: list[int]
    compiled: list[int]

    def clear(self) -> None:
        self.sorted.clear()
        self.compiled.clear()


def value_of(number: int) -> str:
    return f"k{number * 7919:06d}Zq{number:04d}wX{number * 104729:08x}"


@pytest.fixture
def work(monkeypatch):
    """Count forms as they are sorted, and as they are compiled."""
    counted = Work([], [])
    begin, tier = Beginnings.__init__, tiers.Tier.__init__

    def sorting(self, forms):
        begin(self, forms)
        if not isinstance(self, tiers.Tier):
            counted.sorted.append(len(self.forms))

    def compiling(self, forms, *, beside=0):
        tier(self, forms, beside=beside)
        counted.compiled.append(len(self.forms))

    monkeypatch.setattr(Beginnings, "__init__", sorting)
    monkeypatch.setattr(tiers.Tier, "__init__", compiling)
    return counted


def knowing(owner):
    redactor = Redactor(detectors=[])
    for number in range(MANY):
        redactor.register(f"n{number}", value_of(number), owner=owner)
    return redactor


def streamed(redactor, text):
    with redactor.stream() as stream:
        return stream.feed(text) + stream.close()


def used(redactor, text):
    """Redact through a view, in one piece and as a stream."""
    view = redactor.view(Principal(user="ann"))
    shown = view.redact_text(text)
    assert shown == streamed(view, text)
    return shown


class TestOneOfMany:
    @pytest.mark.parametrize("owner", OWNERS)
    def test_a_registration_compiles_and_sorts_the_new_value_only(self, work, owner):
        """One more value is hidden at once, and costs what it has forms itself."""
        redactor = knowing(owner)
        used(redactor, "all are compiled by whoever reads first")
        assert min(sum(work.sorted), sum(work.compiled)) > 10 * FEW
        work.clear()

        redactor.register("late", value_of(MANY), owner=owner)

        assert used(redactor, f"so {value_of(MANY)}.") == "so [REDACTED:late]."
        assert 0 < sum(work.compiled) < FEW
        assert 0 < sum(work.sorted) < FEW

    @pytest.mark.parametrize("owner", OWNERS)
    def test_a_drop_compiles_and_sorts_nothing(self, work, owner):
        """One value less is shown at once, the others stay hidden, for no work."""
        redactor = knowing(owner)
        used(redactor, "all are compiled by whoever reads first")
        work.clear()

        redactor.unregister("n7", owner=owner)

        assert used(redactor, f"{value_of(7)} {value_of(8)}.") == (
            f"{value_of(7)} [REDACTED:n8]."
        )
        assert work == ([], [])

    def test_many_registrations_are_sorted_a_few_times_each(self, work):
        """Values that come one by one, with a stream after each, end in few steps."""
        redactor = Redactor(detectors=[])
        forms = 0
        for number in range(MANY):
            redactor.register(f"n{number}", value_of(number), owner="ann")
            forms += len(derived_forms(value_of(number).encode()))
            redactor.view(Principal(user="ann")).stream().feed("x")

        assert sum(work.sorted) < MANY * 3_000
        assert len(redactor._registry.beginnings("default", "ann")) <= 3


class TestStreamsAfterwards:
    def test_all_of_many_steps_is_waited_for(self):
        """Values of early and late registrations are held back alike."""
        redactor = Redactor(detectors=[])
        view = redactor.view(Principal(user="ann"))
        for number in range(120):
            redactor.register(f"n{number}", value_of(number), owner="ann")
            assert view.stream().feed(value_of(number)[:7]) == ""

        for number in range(120):
            cut = view.stream()
            shown = "".join(map(cut.feed, value_of(number))) + cut.close()
            assert shown == f"[REDACTED:n{number}]"

    def test_what_was_dropped_is_forgotten_in_time(self):
        """A stream does not wait for values that are gone, once they are many."""
        redactor = knowing("ann")
        view = redactor.view(Principal(user="ann"))
        assert view.stream().feed(value_of(3)[:7]) == ""
        for number in range(MANY - 1):
            redactor.unregister(f"n{number}", owner="ann")

        assert view.stream().feed(value_of(3)[:7]).startswith(value_of(3)[:5])
        assert view.stream().feed(value_of(MANY - 1)[:7]) == ""

    def test_of_few_values_each_is_forgotten_at_once(self):
        """Where there is little to sort, a dropped value is not waited for."""
        redactor = Redactor(detectors=[])
        redactor.register("a", "value-aaaa-1", owner="ann")
        redactor.register("b", "worth-bbbb-2", owner="ann")
        view = redactor.view(Principal(user="ann"))
        redactor.unregister("a", owner="ann")

        assert view.stream().feed("value-aa") == "value-aa"
        assert view.stream().feed("worth-bb") == ""

    def test_what_others_hold_still_does_not_show(self):
        """Who drops a value is not told by a stream that others have it too."""
        redactor = Redactor(detectors=[])
        for owner in ("ann", "bob"):
            redactor.register("a", "value-aaaa-1", owner=owner)
        redactor.unregister("a", owner="ann")

        view = redactor.view(Principal(user="ann"))
        assert view.stream().feed("value-aa") == "value-aa"

    def test_a_value_that_comes_back_is_covered_again(self):
        """What is registered again after a drop is hidden and waited for again."""
        redactor = knowing("ann")
        view = redactor.view(Principal(user="ann"))
        redactor.unregister("n5", owner="ann")
        redactor.register("again", value_of(5), owner="ann")

        assert used(redactor, value_of(5)) == "[REDACTED:again]"
        assert view.stream().feed(value_of(5)[:7]) == ""
