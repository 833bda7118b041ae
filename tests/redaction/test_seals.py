from __future__ import annotations

import base64
import json
import re
import string
from decimal import Decimal
from uuid import UUID

import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tyrum.errors import RawSecretFound, WeakSecret
from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import MARKER, Redactor, contains_marker
from langchain_tyrum.redaction.sealing import Unsealing, unseal
from langchain_tyrum.redaction.seals import Seals

ANN, BOB = Principal("acme", "ann"), Principal("acme", "bob")
EVE, SERVICE = Principal("evil", "bob"), Principal("acme", None)
ANNS, BOBS, EVIL = "anns-value-3c4d", "bobs-value-5e6f", "evil-service-7g8h"
NUMBER, UNIQUE = 40712345678, UUID("5bf1f0c6-9a7f-4b57-8b26-0d6f7f1f9b11")
KEY = b"k" * 32
SEALED = re.compile(r"\[REDACTED:~[\w-]+\]")


def made(key=KEY, **options):
    redactor = Redactor(**options)
    if key is not None:
        redactor.seal_with(key)
    redactor.register("ann", ANNS, tenant="acme", owner="ann")
    redactor.register("bob", BOBS, tenant="acme", owner="bob")
    redactor.register("service", EVIL, tenant="evil")
    redactor.register("number", str(NUMBER), tenant="acme", owner="ann")
    redactor.register("unique", str(UNIQUE), tenant="acme", owner="ann")
    redactor.register("pin", "8123", tenant="acme", owner="ann", allow_short=True)
    return redactor


SHARED = made()


def read_by(redactor, *principals):
    visitor = Unsealing([redactor.stored_for(each).open for each in principals])
    return lambda obj: unseal(obj, visitor)


def body(text):
    return text.removeprefix("[REDACTED:~").removesuffix("]").encode()


TEXTS = [
    f"it is {ANNS}, or {EVIL}.",
    base64.b64encode(f"xx{ANNS}yy".encode()).decode(),
    json.dumps(json.dumps({"k": ANNS + '"'})),
    ANNS[::-1],
    "\0".join(ANNS),
    f"pin 8123 and {BOBS}",
    f"{EVIL}ghp_" + "Zx9" * 12,
    f"\ud800{ANNS}",
    f"[REDACTED:~{ANNS}]",
    f"{ANNS} " * 3000,
]
OBJECTS = [
    {ANNS: [ANNS, {"deep": (ANNS, EVIL)}], "n": NUMBER, "u": UNIQUE},
    {"d": Decimal(NUMBER), "f": float(NUMBER)},
    [b"text " + ANNS.encode(), b"\x00\x01\xff" + ANNS.encode(), ANNS.encode("utf-16")],
    {
        "content": [
            {"type": "text", "text": ANNS[:7]},
            {"type": "text", "text": ANNS[7:]},
        ]
    },
    {"content": [{"type": "text", "text": ANNS[:7]}, {"type": "image"}, ANNS[7:]]},
    {"password": ANNS, "token": "nobodys-password-1"},
]


class TestRoundTrip:
    @pytest.mark.parametrize("obj", [*TEXTS, *OBJECTS])
    def test_the_writer_reads_what_they_were_shown(self, obj):
        """What is stored for somebody reads back as what they saw, and hides all."""
        stored = SHARED.stored_for(BOB)

        written = stored.redact(obj)

        assert written != obj
        assert SHARED.view(BOB).redact(obj) == read_by(SHARED, BOB)(written)
        assert [] == [f for f in stored.scan(written) if f.rule == "registered"]

    @pytest.mark.parametrize("obj", [*TEXTS, *OBJECTS])
    def test_sealing_twice_changes_nothing(self, obj):
        """A sealed marker is a marker."""
        stored = SHARED.stored_for(BOB)
        written = stored.redact(obj)

        assert written == stored.redact(written)

    @pytest.mark.parametrize(
        ("writer", "reader"),
        [
            (Principal("a b", "c"), Principal("a", "b c")),
            (Principal("a", ""), Principal("a", None)),
            (Principal("a", "service"), Principal("a", None)),
            (Principal("a service", None), Principal("a", None)),
        ],
    )
    def test_no_two_principals_are_one(self, writer, reader):
        """However tenant and user are cut, a partition is one principal's alone."""
        there, back = SHARED.stored_for(writer), SHARED.stored_for(reader)

        assert None is back.open(body(there.redact(ANNS)))
        assert None is there.open(body(back.redact(ANNS)))

    @pytest.mark.parametrize("reader", [ANN, EVE, SERVICE, Principal("acme", "")])
    @pytest.mark.parametrize("obj", [*TEXTS, *OBJECTS])
    def test_nobody_else_reads_it(self, obj, reader):
        """To everybody else a sealed marker is a nameless one."""
        written = SHARED.stored_for(BOB).redact(obj)

        shown = repr(read_by(SHARED, reader)(written))

        assert "[REDACTED" in shown
        assert "[REDACTED:~" not in shown
        assert ANNS not in shown

    def test_own_values_keep_their_names(self):
        """Only what is somebody else's is sealed."""
        written = SHARED.stored_for(BOB).redact(f"{BOBS} {ANNS}")

        assert written.startswith("[REDACTED:bob] [REDACTED:~")

    def test_a_value_gives_no_marker_away_by_its_length(self):
        """Values of similar length have sealed markers of one length."""
        redactor = made()
        redactor.register("a", "short-one", tenant="evil")
        redactor.register("b", "a-longer-one-of-many", tenant="evil")
        stored = redactor.stored_for(BOB)

        lengths = map(len, map(stored.redact, ("short-one", "a-longer-one-of-many")))

        assert 1 == len({*lengths})

    def test_the_same_text_gives_the_same_marker_for_one_principal(self):
        """Sealing is deterministic, and differs between partitions and keys."""
        first = SHARED.stored_for(BOB).redact(EVIL[:-1] + ANNS)
        others = [
            SHARED.stored_for(Principal("acme", "cid")).redact(EVIL[:-1] + ANNS),
            made(b"x" * 32).stored_for(BOB).redact(EVIL[:-1] + ANNS),
        ]

        assert first == made().stored_for(BOB).redact(EVIL[:-1] + ANNS)
        assert first not in others

    def test_the_first_key_stays(self):
        """A redactor that two brokers share keeps the key it has."""
        redactor = made()
        written = redactor.stored_for(BOB).redact(ANNS)

        redactor.seal_with(b"another key")

        assert ANNS == read_by(redactor, BOB)(written)

    def test_it_survives_packing(self):
        """JSON and msgpack write a sealed marker as it is."""
        written = SHARED.stored_for(BOB).redact(ANNS)

        assert written in json.dumps([written])
        assert written.encode() in ormsgpack.packb([written])


class TestMarkers:
    def test_it_is_a_marker(self):
        """A sealed marker is known as a marker, and is no name's."""
        written = SHARED.stored_for(BOB).redact(ANNS)

        assert MARKER.fullmatch(written)
        assert contains_marker({"argument": [f"take {written}"]})
        assert None is MARKER.fullmatch("[REDACTED:~]")

    def test_shapes_leave_it_alone(self):
        """No detector finds a credential in it, not under a telling key either."""
        written = SHARED.stored_for(BOB).redact(f"token {ANNS}")

        assert {"password": written} == SHARED.redact({"password": written})

    def test_without_a_key_it_is_nameless(self):
        """A redactor that stands alone has no key and stores what it always did."""
        stored = made(None).stored_for(BOB)

        assert "[REDACTED] [REDACTED:bob]" == stored.redact(f"{ANNS} {BOBS}")
        assert None is stored.open(b"AAAA")

    @pytest.mark.parametrize("view", ["view", "stream"])
    def test_nobody_is_shown_one(self, view):
        """Who types a sealed marker, made up or copied, sees a nameless one."""
        copied = SHARED.stored_for(BOB).redact(ANNS)
        text = f"a {copied} b [REDACTED:~made_up] c"
        eyes = SHARED.view(BOB)

        if view == "view":
            shown = eyes.redact({"x": text})["x"]
        else:
            with eyes.stream() as stream:
                shown = "".join(map(stream.feed, text)) + stream.close()

        assert "a [REDACTED] b [REDACTED] c" == shown

    def test_one_that_does_not_open_is_not_stored(self):
        """What only looks like a sealed marker is not stored as one."""
        anns = SHARED.stored_for(ANN).redact(BOBS)
        bobs = SHARED.stored_for(BOB).redact(ANNS)

        stored = SHARED.stored_for(BOB).redact([anns, "[REDACTED:~AAAA]", bobs])

        assert ["[REDACTED]", "[REDACTED]", bobs] == stored

    @pytest.mark.parametrize("size", [4, 40, 80])
    def test_every_damage_closes_it(self, size):
        """A seal that was changed anywhere, in spare bits too, opens for nobody."""
        seals = Seals(KEY, BOB)
        written = body(seals.seal(b"x" * size).decode())

        changed = [
            written[:at] + letter.encode() + written[at + 1 :]
            for at in range(len(written))
            for letter in f"{string.ascii_letters}{string.digits}-_"
        ]

        assert b"x" * size == seals.open(written)
        opened = {each for each in changed if seals.open(each) is not None}
        assert opened <= {written}
        assert {None} == {*map(seals.open, [written[:-1], written + b"A"])}

    def test_what_stands_beside_a_value_is_sealed_with_it(self):
        """A token that only a marker before it shows to be one is not left raw."""
        token = "ghp_" + "Zx9" * 12

        written = SHARED.stored_for(BOB).redact(f"{EVIL}{token}")

        assert token not in written
        assert f"{EVIL}{token}" == read_by(SHARED, BOB)(written)

    def test_its_key_stays_inside(self):
        """Neither a seal nor a redactor tells its key, and seals are not pickled."""
        seals = Seals(KEY, BOB)

        assert "Seals()" == repr(seals)
        assert "kkk" not in repr(SHARED.stored_for(BOB))
        with pytest.raises(TypeError):
            seals.__reduce__()


class TestRegistrationIsNoWeapon:
    @pytest.mark.parametrize(
        "value",
        [
            "REDACTED]",
            "[REDACTED:",
            "EDACTED]",
            "DACTED:~A",
            ":~ABCDEF",
            "[REDACTED:~A",
        ],
    )
    def test_pieces_of_markers_are_refused(self, value):
        """Nobody registers what stands in everybody's markers."""
        with pytest.raises(WeakSecret):
            Redactor().register("x", value)

    def test_nor_is_a_form_of_one_looked_for(self):
        """A value that is such a piece in another form leaves markers whole."""
        redactor = made()
        redactor.register("x", "]DETCADER[", tenant="evil")

        stored = redactor.stored_for(BOB).redact(ANNS)

        assert ANNS == read_by(redactor, BOB)(stored)

    @pytest.mark.parametrize("value", ["red", "acted", "x:~"])
    def test_short_words_stay_registrable(self, value):
        """Short values match as whole words, which no part of a marker is."""
        Redactor().register("x", value, allow_short=True)


class TestRefusing:
    def test_shapes_are_refused_as_before(self):
        """In mode `refuse` a credential that nobody registered is not stored."""
        stored = made(shapes="refuse").stored_for(BOB)

        with pytest.raises(RawSecretFound):
            stored.redact(f"{ANNS} and ghp_" + "Zx9" * 12)


class TestStreams:
    @pytest.mark.parametrize("value", [ANNS, EVIL, str(NUMBER), "8123"])
    def test_nothing_is_held_back_for_others(self, value):
        """A stream that stopped at a foreign value's beginning would tell of it."""
        alone = Redactor()
        alone.register("bob", BOBS, tenant="acme", owner="bob")
        text = f"it is {value} is it"
        with SHARED.view(BOB).stream() as stream, alone.view(BOB).stream() as other:
            assert list(map(other.feed, text)) == list(map(stream.feed, text))

    def test_the_own_beginning_waits(self):
        """What may become the caller's own value is held back."""
        with SHARED.view(BOB).stream() as stream:
            assert "it is " == stream.feed("it is bobs-val")
            assert "" == stream.feed("ue-5e6f")
            assert "[REDACTED:bob]" == stream.close()

    def test_a_later_registration_waits_too(self):
        """Values that come and go are waited for as they are registered."""
        redactor = made()
        redactor.view(BOB).stream().feed("x")
        redactor.unregister("bob", tenant="acme", owner="bob")
        redactor.register("new", "newer-value-9i0j", tenant="acme", owner="bob")

        with redactor.view(BOB).stream() as stream:
            assert "bobs-val " == stream.feed("bobs-val newer-v")


PIECES = st.sampled_from(
    [
        *(ANNS, BOBS, EVIL, "8123", str(NUMBER), "ghp_" + "Zx9" * 12),
        *("[REDACTED:~", "[REDACTED]", "]", "[REDACTED:bob]", "\0", "\\u0061", " "),
        *(SHARED.stored_for(BOB).redact(ANNS), SHARED.stored_for(ANN).redact(BOBS)),
        *(ANNS[:6], ANNS[6:], base64.b64encode(ANNS.encode()).decode(), "é", "\ud800"),
    ]
)
TEXT = st.lists(PIECES | st.text(max_size=6), max_size=6).map("".join)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.just(NUMBER)
LEAVES = TEXT | ATOMS | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))
TREES = st.recursive(
    LEAVES,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXT, each, max_size=3),
    max_leaves=8,
)


class TestProperties:
    @given(TREES)
    def test_reading_back_is_what_the_view_shows(self, tree):
        """For any data: stored, hidden, the same when stored again, and read back."""
        stored, open_own = SHARED.stored_for(BOB), read_by(SHARED, BOB)

        written = stored.redact(tree)
        shown = open_own(written)

        assert repr(written) == repr(stored.redact(written))
        assert repr(shown) == repr(SHARED.view(BOB).redact(open_own(tree)))
        assert not stored.contains(ormsgpack.packb(_plain(written), option=_KEYS))

    @given(TREES)
    def test_others_learn_nothing(self, tree):
        """For any data: nobody else reads a sealed marker, whatever it holds."""
        written = SHARED.stored_for(BOB).redact(tree)

        assert not SEALED.search(repr(read_by(SHARED, EVE)(written)))

    @given(st.binary(), st.sampled_from([ANN, BOB, EVE, SERVICE]))
    def test_anything_can_be_sealed(self, data, principal):
        """Whatever bytes: they come back to their principal, and to nobody else."""
        marker = Seals(KEY, principal).seal(data).decode()
        others = {ANN, BOB, EVE, SERVICE} - {principal}

        assert data == Seals(KEY, principal).open(body(marker))
        assert {None} == {Seals(KEY, each).open(body(marker)) for each in others}

    @given(st.binary() | st.text(alphabet="AQgw-_").map(str.encode))
    def test_nothing_made_up_opens(self, made_up):
        """Opening never raises."""
        assert None is Seals(KEY, BOB).open(made_up)


_KEYS = ormsgpack.OPT_NON_STR_KEYS


def _plain(tree):
    """What msgpack can take: text without lone surrogates, numbers of 64 bits."""
    if isinstance(tree, str):
        return tree.encode("utf-8", "surrogatepass")
    if isinstance(tree, list):
        return list(map(_plain, tree))
    if isinstance(tree, dict):
        return [[_plain(key), _plain(value)] for key, value in tree.items()]
    return str(tree) if isinstance(tree, int) else tree
