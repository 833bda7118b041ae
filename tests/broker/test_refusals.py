"""What a refusal tells: the secret, the scope, the consumer, and the mend."""

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import ApprovalRequired, SecretForbidden, SecretNotFound
from langchain_tyrum.policy import SecretPolicy

VALUE = "quiet-otter-7713-lamp-rail"


def refused(broker, *names, call=None):
    """The error of a lease, and the ledger's row about it."""
    with (
        pytest.raises((SecretForbidden, ApprovalRequired, SecretNotFound)) as caught,
        broker.lease_all({str(name): name for name in names}, tool_id="t", call=call),
    ):
        pytest.fail("it was leased")
    return caught.value, broker.audit.tail(1)[0]


@pytest.fixture
def make():
    def opened(**policy):
        return SecretBroker.in_memory(
            {"a": VALUE, "b": f"{VALUE}-b", "c": f"{VALUE}-c"},
            policy=SecretPolicy(**policy),
        )

    return opened


class TestByPolicy:
    def test_a_denied_secret_is_told_by_its_handle(self, make):
        """The error and its row name the secret that is denied, among allowed ones."""
        broker = make(allow=["a"], deny=["b"])
        handle_id = broker.describe("b").handle_id

        error, row = refused(broker, "a", "b")

        assert (SecretForbidden, handle_id) == (type(error), error.handle)
        assert ("a, b", "t") == (error.scope, error.tool_id)
        assert ("lease_denied", handle_id) == (row["action"], row["handle_id"])
        assert ("a, b", "t") == (row["scope"], row["tool_id"])

    def test_one_that_needs_a_person_is_told_by_its_handle(self, make):
        """So is the one that nobody has agreed to."""
        broker = make(allow=["a"], require_approval=["c"])
        handle_id = broker.describe("c").handle_id

        error, row = refused(broker, "a", "c")

        assert (ApprovalRequired, handle_id) == (type(error), error.handle)
        assert ("a, c", "t") == (error.scope, error.tool_id)
        assert ("lease_denied", handle_id) == (row["action"], row["handle_id"])

    def test_the_allow_line_has_every_scope_it_needs(self, make):
        """Whoever writes it down is not asked again, for the next scope."""
        broker = make(allow=["a"], require_approval=["b", "c"])

        error, _ = refused(broker, "a", "b", "c")

        assert "SecretPolicy(allow=['b', 'c'])" in str(error)
        enough = make(allow=["a", "b", "c"])
        with enough.lease_all({x: x for x in "abc"}, tool_id="t") as values:
            assert {*"abc"} == {*values}


class TestOthersSecrets:
    @pytest.fixture
    def broker(self, make):
        made = make(allow=["*"])
        made.put("own", f"{VALUE}-ada", owner="ada")
        return made

    @pytest.mark.parametrize("user", [None, "eve"])
    def test_by_handle_it_is_forbidden(self, broker, user):
        """Whoever has the handle knows that it exists; the row tells which it was."""
        handle = broker.describe("own", owner="ada").handle

        error, row = refused(broker, handle, call=CallIdentity(user=user))

        assert (SecretForbidden, handle.handle_id) == (type(error), error.handle)
        assert handle.handle_id == row["handle_id"]

    @pytest.mark.parametrize("user", [None, "eve"])
    def test_by_name_it_is_like_one_that_nobody_has(self, broker, user):
        """Who tries names learns of no other user's: errors are equal but for them."""
        call = CallIdentity(user=user)

        theirs, row = refused(broker, "own", call=call)
        nobodys, _ = refused(broker, "owt", call=call)

        assert SecretNotFound is type(theirs) is type(nobodys)
        assert str(theirs) == str(nobodys).replace("owt", "own")
        assert row["handle_id"] is None

    def test_without_a_user_the_call_is_the_mend(self, broker):
        """Inside a node the user stands in the config, which a bare lease ignores."""
        handle = broker.describe("own", owner="ada").handle

        nobody, _ = refused(broker, handle)
        eve, _ = refused(broker, handle, call=CallIdentity(user="eve"))

        assert "call=broker.identify(config)" in str(nobody)
        assert "call=broker.identify(config)" not in str(eve)


class TestEndedGrants:
    async def test_a_revoked_grant_is_shown_as_ended(self, make):
        """What comes back is the grant as it is then, by both twins."""
        broker = make(require_approval=["*"])
        first, second = (
            broker.grant(mode="always", tool_id="t", scopes=["a"]) for _ in range(2)
        )

        assert "ended" == broker.revoke_grant(first.grant_id).status
        assert "ended" == (await broker.arevoke_grant(second.grant_id)).status
        assert broker.revoke_grant(first.grant_id) is None
        assert {"ended"} == {grant.status for grant in broker.grants()}
