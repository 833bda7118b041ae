"""`Snapshots`: a history is compared as one, and what was edited in it is told."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from langchain_tyrum.redaction import rows
from langchain_tyrum.redaction.made import made_of
from langchain_tyrum.redaction.snapshots import Snapshots


def called(page):
    """A message that calls a tool with a number."""
    call = {"name": "read", "args": {"page": page}, "id": f"call_{page}"}
    return AIMessage(f"turn {page}", tool_calls=[call], id=f"id {page}")


def known_history(count=12):
    """Messages that were noted, and seen as one history."""
    known, items = Snapshots(), [called(page) for page in range(1, count + 1)]
    for item in items:
        known.note(item, made_of(item))
    assert [[], []] == [known.fresh(items) for _ in range(2)]
    assert 1 == len(known._rows)
    return known, items


class Odd:
    """Cannot be compared."""

    def __eq__(self, other):
        raise ArithmeticError

    __hash__ = None


class TestHistory:
    """What was seen as one history comes again."""

    def test_it_is_known(self):
        """Nothing in it is new, however often and in whatever list it comes."""
        known, items = known_history()

        assert [[], []] == [known.fresh(items), known.fresh(list(items))]

    @pytest.mark.parametrize("at", [0, 5, 11])
    @pytest.mark.parametrize(
        "edit",
        [
            lambda item: setattr(item, "content", "edited"),
            lambda item: item.additional_kwargs.update(note="edited"),
            lambda item: item.tool_calls[0]["args"].update(page="edited"),
            lambda item: item.tool_calls[0]["args"].update(
                page=float(item.tool_calls[0]["args"]["page"])
            ),
            lambda item: setattr(item, "note", "edited"),
            lambda item: vars(item).update(note="edited"),
            lambda item: setattr(item, "tool_calls", []),
            lambda item: setattr(item, "content", Odd()),
            lambda item: setattr(item, "additional_kwargs", {"odd": Odd()}),
        ],
        ids=["text", "kwargs", "deep", "number", "extra", "field", "less", "odd", "in"],
    )
    def test_an_edit_in_it_is_told(self, at, edit):
        """Whatever was edited, in whichever message."""
        known, items = known_history()
        edit(items[at])

        assert at in known.fresh(items)
        assert [0] == known.fresh([items[at]])

    def test_an_edit_is_known_once_it_was_noted(self):
        """The history goes on as one with what its message holds now."""
        known, items = known_history()
        items[3].content = "edited"
        known.note(items[3], made_of(items[3]))
        assert [] == known.fresh(items)

        items[3].content = "turn 4"

        assert [3] == known.fresh(items)

    def test_what_is_new_in_it_is_told(self):
        """It grows by messages that are known and by others."""
        known, items = known_history()
        noted, new = called(13), called(14)
        known.note(noted, made_of(noted))

        assert [13] == known.fresh([*items, noted, new])
        assert [12, 13] == known.fresh([*items, new, new])

        noted.content = "edited"

        assert [12, 13] == known.fresh([*items, noted, new])

    @pytest.mark.parametrize(
        ("change", "fresh"),
        [
            (lambda items: items[:10], []),
            (lambda items: items[1:], []),
            (lambda items: [items[0], *items[2:]], []),
            (lambda items: [items[0], items[2], items[1], *items[3:]], []),
            (lambda items: [*items[:2], called(3), *items[3:]], [2]),
            (lambda items: [SystemMessage("first"), *items], [0]),
            (lambda items: [items[0], items[0], *items[1:]], []),
        ],
        ids=["cut", "slid", "left out", "turned", "replaced", "led", "twice"],
    )
    def test_another_list_is_looked_up(self, change, fresh):
        """Lists that begin as the history did are not the history."""
        known, items = known_history()

        assert fresh == known.fresh(change(items))

        items[2].content = "edited"

        changed = change(items)
        edited = [at for at, item in enumerate(changed) if item is items[2]]
        assert sorted({*fresh, *edited}) == known.fresh(changed)

    @pytest.mark.parametrize("more", [1, 12])
    def test_what_comes_later_is_compared_as_well(self, more):
        """One by one, or all at once when they are many."""
        known, items = known_history()
        later = [called(page) for page in range(13, 13 + more)]
        for item in later:
            known.note(item, made_of(item))
        assert [[], []] == [known.fresh(items + later) for _ in range(2)]

        later[-1].tool_calls[0]["args"]["page"] = float(12 + more)

        assert [11 + more] == known.fresh(items + later)

    def test_those_that_are_kept_are_few(self):
        """One for each first message; the state of a run has few of them."""
        known = Snapshots()
        for _ in range(3 * rows.MOST):
            items = [HumanMessage("next") for _ in range(12)]
            for item in items:
                known.note(item, made_of(item))
            assert [[], []] == [known.fresh(items) for _ in range(2)]

        assert rows.MOST >= len(known._rows) > 0

    def test_what_is_noted_anew_is_what_counts(self):
        """A message that goes back to what it held before is not what was noted."""
        known, items = known_history()
        for text in ("turn 1", "turn 4"):
            item = items[int(text[-1]) - 1]
            item.content = "edited"
            known.note(item, made_of(item))
            item.content = text

            assert [items.index(item)] == known.fresh(items)

            known.note(item, made_of(item))
            assert [[], []] == [known.fresh(items) for _ in range(2)]

    def test_what_is_noted_anew_beside_it_changes_nothing(self):
        """Each turn names a message that was known; the history is kept as one."""
        known, items = known_history()
        other, row = called(40), known._rows.that_leads(items)
        known.note(other, made_of(other))
        known.note(other, made_of(other))
        assert row is known._rows.that_leads(items)

        again = items[1:]
        for _ in range(2):
            assert [] == known.fresh(again)
            known.note(other, made_of(other))

        assert 2 == len(known._rows)

    def test_what_is_compared_meanwhile_does_not_count(self):
        """A thread that compares while a message is noted anew keeps nothing."""
        known, items = known_history()
        before = known._rows
        items[3].content = "edited"
        known.note(items[3], made_of(items[3]))
        before.add(None, items[:2], list(map(made_of, items[:2])))
        before.add(None, items[:2], list(map(made_of, items[:2])))

        assert 0 == len(known._rows)

    def test_a_window_that_slides_is_not_kept(self):
        """It begins with another message each time, so nothing comes again."""
        known, items = known_history(40)
        for start in range(1, 20):
            assert [] == known.fresh(items[start : start + 12])

        assert 1 == len(known._rows)
