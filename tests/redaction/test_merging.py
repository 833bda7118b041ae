"""Small tiers become one: each costs a search of its own, at every look."""

from __future__ import annotations

import threading

import pytest

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.registry import Registry


def registered(redactor, number):
    redactor.register(f"name/{number}", f"Vq{number:03}-mango-lamp-{number * 7919}")
    return redactor._registry.tiers()


def joined():
    """Wait for the threads that merge."""
    for thread in threading.enumerate():
        if thread.name == "tyrum-merge":
            thread.join()


class TestMerging:
    def test_values_that_come_one_by_one_end_in_one_tier(self):
        """Fifty values cost as many searches as one."""
        redactor = Redactor()
        for number in range(50):
            registered(redactor, number)
        joined()

        assert 1 == len(redactor._registry.tiers())

    @pytest.mark.parametrize("last", [0, 1, 2])
    def test_one_that_comes_while_others_merge_is_joined_too(self, monkeypatch, last):
        """A tier that is compiled at the end of a merge does not stay beside it."""
        redactor = Redactor()
        come = threading.Event()
        replace = Registry._replace
        tries = []

        def replaced(self, tiers):
            replace(self, tiers)
            tries.append(len(tiers))
            if len(tries) == 1 + last:
                for number in range(100, 112):
                    registered(redactor, number)
                come.set()

        monkeypatch.setattr(Registry, "_replace", replaced)
        number = 0
        while not come.is_set():
            registered(redactor, number)
            number += 1
            joined()
        joined()

        assert 1 == len(redactor._registry.tiers())

    def test_one_that_spoils_a_try_is_joined_too(self, monkeypatch):
        """A merge that a registration spoiled is tried again, however often."""
        redactor = Redactor()
        replace = Registry._replace
        spoiled = []

        def replaced(self, tiers):
            if len(spoiled) < 6:
                spoiled.append(registered(redactor, 200 + len(spoiled)))
                return
            replace(self, tiers)

        monkeypatch.setattr(Registry, "_replace", replaced)
        for number in range(30):
            registered(redactor, number)
        joined()

        assert 6 == len(spoiled)
        assert 1 == len(redactor._registry.tiers())
