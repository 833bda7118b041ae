"""Names: what is said when one is unknown, and what never is."""

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import SecretExists, SecretNotFound

VALUE = "quiet-otter-7713-lamp-rail"


@pytest.fixture
def broker():
    with SecretBroker.in_memory({"github/token": VALUE}) as made:
        made.put("gitlab/tokens", f"{VALUE}-2", tenant="acme")
        made.put("github/tokns", f"{VALUE}-3", owner="bob")
        made.put("mail/password", f"{VALUE}-4", owner="ada")
        yield made


class TestDidYouMean:
    def test_the_closest_name_is_proposed(self, broker):
        """A misspelt name is answered with the name that was probably meant."""
        with pytest.raises(SecretNotFound, match="did you mean 'github/token'"):
            broker.describe("github/tokn")

    async def test_it_is_proposed_by_a_lease_too(self, broker):
        """Every way to name a secret says it, sync and async."""
        with (
            pytest.raises(SecretNotFound, match="did you mean 'github/token'"),
            broker.lease("github/tokn", tool_id="t"),
        ):
            pass
        with pytest.raises(SecretNotFound, match="did you mean 'github/token'"):
            await broker.adescribe("github/tokn")

    def test_a_name_that_nothing_is_like_gets_the_mend_only(self, broker):
        """Without a close name there is no guess."""
        with pytest.raises(SecretNotFound, match=r"broker\.put") as caught:
            broker.describe("zzz")
        assert "did you mean" not in str(caught.value)

    def test_names_of_others_are_never_told(self, broker):
        """Neither another user's names nor another tenant's are proposed."""
        for name in ("gitlab/tokens ", "github/tokns ", "mail/passwords"):
            with pytest.raises(SecretNotFound) as caught:
                broker.describe(name)
            told = str(caught.value).replace(repr(name), "")
            assert not any(x in told for x in ("gitlab", "tokns", "mail/"))
        with pytest.raises(SecretNotFound, match="did you mean 'mail/password'"):
            broker.describe("mail/passwords", owner="ada")
        with pytest.raises(SecretNotFound, match="did you mean 'gitlab/tokens'"):
            broker.describe("gitlab/token", tenant="acme")


class TestTaken:
    def test_it_is_not_told_by_whom(self, broker):
        """A user who meets an operator's alias learns that the name is taken."""
        broker.reference("github/token", alias="jira", tools=["t"])

        with pytest.raises(SecretExists, match="'jira' is taken") as caught:
            broker.put("jira", f"{VALUE}-5", owner="ada")
        assert "already the" not in str(caught.value)
