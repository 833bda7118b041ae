import pytest


@pytest.fixture
def grants(store):
    """Three grants: one counts, one is spent, one has ended; their ids."""
    from langchain_tyrum.broker import CallIdentity, SecretBroker

    call = CallIdentity(user="ada", thread_id="t1")
    with SecretBroker.local(store) as broker:
        broker.put("github/token", "some-quiet-value-1")
        made = [
            broker.grant(mode=mode, tool_id="push", scopes=["github/token"], call=call)
            for mode in ("always", "session")
        ]
        made.append(
            broker.grant(
                mode="session",
                tool_id="late",
                scopes=["github/token"],
                call=call,
                ttl_seconds=0.001,
            )
        )
        broker.revoke_grant(made[1].grant_id)
    return [grant.grant_id for grant in made]


class TestList:
    def test_those_that_count(self, run, grants):
        """Only grants that count now are listed, one a line."""
        ran = run("grant", "list")

        (row,) = ran.out.splitlines()
        fields = [grants[0], "active", "always", "push", "github/token", "ada", "-"]
        assert fields == row.split("\t")

    def test_all(self, run, grants):
        """`--all` lists the others too, and says why they do not count."""
        rows = [
            row.split("\t") for row in run("grant", "list", "--all").out.splitlines()
        ]

        assert list(zip(grants, ["active", "ended", "expired"], strict=True)) == [
            (row[0], row[1]) for row in rows
        ]

    def test_json_is_an_array(self, run, grants):
        """Each grant is an object with all that is known of it."""
        data = run("grant", "list", "--all", "--json").data

        assert grants == [one["grant_id"] for one in data]
        assert ["active", "ended", "expired"] == [one["status"] for one in data]
        assert ["github/token"] == data[0]["scopes"]

    def test_none(self, run, grants):
        """An empty list is empty output, and a word on stderr."""
        run("grant", "revoke", grants[0])
        ran = run("grant", "list")

        assert (ran.code, ran.out) == (0, "")
        assert "no grant counts now; --all" in ran.err
        assert run("grant", "list", "--json").data == []

    def test_of_a_tenant(self, run, grants):
        """`--tenant` leaves out the grants of all others."""
        assert grants[0] in run("grant", "list", "--tenant", "default").out
        assert run("grant", "list", "--tenant", "acme", "--all").out == ""


class TestRevoke:
    def test_it_ends(self, run, grants):
        """A grant ends once; the ledger tells of it."""
        ran = run("grant", "revoke", grants[0])

        assert (ran.code, ran.out.strip()) == (0, grants[0])
        assert "ended the grant of github/token to push" in ran.err
        assert "grant_ended" in run("audit", "tail").out
        again = run("grant", "revoke", grants[0])
        assert again.code == 1
        assert "see `grant list`" in again.err

    def test_json(self, run, grants):
        """The ended grant is printed."""
        data = run("grant", "revoke", grants[0], "--json").data
        assert (grants[0], "ended") == (data["grant_id"], data["status"])

    def test_what_is_no_id_is_not_repeated(self, run, grants, canary):
        """An unknown id may be anything, so it is not shown."""
        assert grants
        assert run("grant", "revoke", canary).code == 1
