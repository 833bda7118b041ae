"""What the front door names."""

import importlib

import pytest

import langchain_tyrum

ROOMS = [
    "errors",
    "handles",
    "policy",
    "redaction",
    "providers",
    "ledger",
    "broker",
    "state",
    "traces",
    "models",
    "approval",
    "intake",
    "tools",
    "membrane",
    "middleware",
]


class TestTheFrontDoor:
    @pytest.mark.parametrize("room", ROOMS)
    def test_it_lists_what_a_room_names_public(self, room):
        """`dir` of the package has every name of each room, and each can be read."""
        module = importlib.import_module(f"langchain_tyrum.{room}")

        assert module.__all__
        assert set() == set(module.__all__) - set(dir(langchain_tyrum))
        for name in module.__all__:
            assert hasattr(langchain_tyrum, name)

    def test_the_words_and_the_errors_are_named(self):
        """Nouns and errors, which have no room of their own, are public names too."""
        assert {"SecretHandle", "SecretRecord", "SecretReference", "SecretValue"} <= {
            *langchain_tyrum.handles.__all__
        }
        errors = importlib.import_module("langchain_tyrum.errors")
        tree = {
            name
            for name, found in vars(errors).items()
            if isinstance(found, type) and issubclass(found, errors.TyrumError)
        }
        assert tree == {*errors.__all__}

    def test_a_grant_is_named_by_the_room_that_gives_it(self):
        """`broker.grant` returns one, so the room of the broker names the class."""
        from langchain_tyrum.broker import Grant, SecretBroker

        with SecretBroker.in_memory() as broker:
            made = broker.grant(mode="always", tool_id="t", scopes=["a"])

        assert isinstance(made, Grant)
