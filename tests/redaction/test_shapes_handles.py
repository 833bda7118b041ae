"""Handles stay, and what is glued to one is hidden as if it stood alone."""

from __future__ import annotations

import random
import re

import pytest

from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.shapes import compiled
from langchain_tyrum.redaction.shapes.places import Alarms

HANDLE = "tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L"
REDACTOR = Redactor()
#: A text with `«…»` around what is hidden of it.
GLUED = [
    "curl -u bob:«hunter2x»{h} https://x.test",
    "curl --user 'bob:«hunter2x»{h}' https://x.test",
    "mysql -p«hunter2xyz»{h} shop",
    "redis-cli -a «hunter2xyz»{h} ping",
    "gh auth --token=«q8RtW2zL5vNc0Yb»{h}",
    "password=«hunter2xyz»{h}",
    "password: «hunter2xyz»{h}",
    'DB_PASSWORD="«hunter2xyz»{h}"',
    '{"password": "«hunter2xyz»{h}", "user": "bob"}',
    "{'api_key': '«q8RtW2zL5vNc0Yb»{h}'}",
    "my password is «hunter2xyz»{h}",
    "api_key=«q8RtW2zL5vNc0Yb»{h}&page=2",
    "https://x.test/?token=«q8RtW2zL5vNc0Yb»{h}&page=2",
    "postgres://bob:«hunter2x»{h}@db.test/shop",
    "redis://:«hunter2x»{h}@db.test:6379",
    "db.test:5432:shop:bob:«hunter2x»{h}",
    "machine db.test login bob password «hunter2x»{h}\n",
    "Authorization: Bearer «q8RtW2zL5vNc0YbT1»{h}\n",
    "Authorization: Basic «Ym9iOmh1bnRlcjI»{h}\r\n",
    "Cookie: theme=dark; session=«q8RtW2zL5vNc0YbT1»{h}; lang=en",
    "X-Api-Key: «q8RtW2zL5vNc0YbT1»{h}",
    "<password>«hunter2x»{h}</password>",
    "CREATE USER bob IDENTIFIED BY '«hunter2x»{h}'",
    "password=«hunter2xyz».{h}",
    "password=«hunter2xyz».{h}.",
    "password=«hunter2xyz»{h}«.Winter2026-x»",
    "password=«hunter2xyz»{h}«.Winter2026-x».{h}«.Summer2026-y» end",
    "password=«hunter2xyz»{h}{h}",
    "password=«hunter2xyz»{h}/{h}/{h}",
    "password=«hunter2xyz»tyrum://db/main-1",
    "password={h}«!S3cr3t!Passw0rd#9»",
    "password={h}«:S3cr3t!Passw0rd#9» end",
    "password=a{h}b{h}«.S3cr3t!Passw0rd#9» end",
    "password=a{h}.b{h}«.S3cr3t!Passw0rd#9»{h}",
    "postgres://bob:{h}«.S3cr3t!Passw0rd#9»@db.test/shop",
    "postgres://bob:{h}«!S3cr3t!Passw0rd#9»{h}@db.test/shop",
]
BENIGN = [
    "curl -u bob:{h} https://x.test",
    "curl -H 'Authorization: Bearer {h}' https://x.test?a=1&b=2",
    "Authorization: Basic {h}:x",
    'mysql -p{h} shop && echo "{h}"',
    "export GITHUB_TOKEN={h}",
    "GITHUB_TOKEN=${TOKEN:-{h}}",
    "password={h}",
    "password: ({h})",
    "password: {h}, user: bob-the-builder1",
    'password = "{h}"; // see {h}',
    '{"password": "{h}", "token":"{h}","note":"use {h}."}',
    '{"password": "Bearer {h}"}',
    '{"args": "{\\"token\\": \\"{h}\\", \\"page\\": 2}"}',
    "password: env:{h}",
    "ALTER USER bob PASSWORD 'the one of {h}'",
    "the password is {h}, the token is in <{h}>; both end in 2026",
    "postgres://bob:{h}@db.test/shop and postgres://{h}@db.test/shop",
    "https://x.test/?token={h}&user_id=1234567890",
    "https://x.test/callback#state={h}",
    "secret_ref={h}/v1?version=20260102",
    "| password | {h} |",
    "{h}{h} {h}/{h},{h}:{h}",
    "password={h}.Then read on, password={h}.more",
    "password={h}...and token={h}!",
    "password={h}:550e8400-e29b-41d4-a716-446655440000",
    "password={h}:550E8400-E29B-41D4-A716-446655440000",
    "password={h}:Port8080",
    "password={h},User2Name8 and so on",
    "password={h}.withRetry(Max3Times)",
    "password={h}\\nUser2Name: bob",
    "password={h}{h}{h}{h}{h}{h}",
    "token={h}?Version2Beta=7",
]


def _plain(text):
    return text.replace("{h}", HANDLE).replace("«", "").replace("»", "")


def _hidden(text):
    return re.sub("«[^»]*»", "[REDACTED]", text).replace("{h}", HANDLE)


def _shown(text):
    """What comes out, without the kinds in the markers."""
    return re.sub(r"\[REDACTED:[a-z-]+\]", "[REDACTED]", text)


def _streamed(text, cuts):
    with REDACTOR.stream() as stream:
        ends = zip([0, *cuts], [*cuts, len(text)], strict=True)
        parts = [stream.feed(text[low:high]) for low, high in ends]
        return "".join([*parts, stream.close()])


class TestGlued:
    @pytest.mark.parametrize("text", GLUED)
    def test_what_is_glued_to_a_handle_is_hidden(self, text):
        """A password before a handle goes, the handle and all around it stay."""
        assert _hidden(text) == _shown(REDACTOR.redact_text(_plain(text)))

    @pytest.mark.parametrize("text", GLUED)
    def test_twice_is_once(self, text):
        """What is left beside the marker and the handle is no credential."""
        once = REDACTOR.redact_text(_plain(text))
        assert REDACTOR.redact_text(once) is once
        assert [] == REDACTOR.scan(once)

    @pytest.mark.parametrize("text", GLUED)
    def test_streams_cut_anywhere(self, text):
        """A stream waits where a handle may begin in a credential."""
        text = _plain(text)
        whole = REDACTOR.redact_text(text)
        for cut in range(len(text) + 1):
            assert whole == _streamed(text, [cut]), cut
        assert whole == _streamed(text, range(1, len(text)))

    @pytest.mark.parametrize("begun", [HANDLE[:size] for size in range(1, 10)])
    def test_what_is_no_handle_after_all(self, begun):
        """A beginning of a handle that is none belongs to the password."""
        texts = "curl -u bob:hunter2x{} x", "a://bob:hunter2x{}@db", "password=q8R{};"
        for text in [each.format(begun) for each in texts]:
            whole = REDACTOR.redact_text(text)
            for cut in range(len(text) + 1):
                assert whole == _streamed(text, [cut]), cut

    @pytest.mark.parametrize("size", range(24, 34))
    @pytest.mark.parametrize("head", ["7302951846:AA", "IDENTIFIED BY k"])
    def test_a_credential_of_full_length(self, head, size):
        """A handle in the last of as many bytes as a credential may have stays."""
        text = f"{head}{spell(f'<a{size}>')}tyrum://db/main; x"
        whole = REDACTOR.redact_text(text)
        assert "tyrum://db/main; x" in whole
        for cut in range(len(text) + 1):
            assert whole == _streamed(text, [cut]), cut

    def test_nearly_every_row(self):
        """Whatever surrounds a credential, a handle glued to it hides nothing.

        But for shapes that are none with a letter behind: a UUID.
        """
        missed = set()
        for row in compiled(DETECTORS).rows:
            for text in map(spell, row.detector.positive if row.group == 1 else ()):
                span = next(row.spans(text.encode()))
                value = text.encode()[span.start : span.end].decode()
                glued = text.replace(value, f"{value}tyrum://main", 1)
                shown = REDACTOR.redact_text(glued)
                if row.ends is None and (value in shown or "tyrum://m" not in shown):
                    missed.add(row.detector.name)
        assert {"uuid-assignment"} == missed

    @pytest.mark.parametrize("seed", range(8))
    def test_examples_with_handles_anywhere(self, seed):
        """Handles, whole or begun, anywhere in an example: streams say the same."""
        rng = random.Random(seed)
        rows = [row for row in compiled(DETECTORS).rows if row.group == 1]
        begun = ["tyrum://a", "tyrum://db/main", "tyrum:/", "tyrum", "tyrum://h_1/"]
        for _ in range(12):
            text = spell(rng.choice(rng.choice(rows).detector.positive))[:300]
            for _ in range(rng.choice((1, 1, 2))):
                at = rng.randint(len(text) // 3, len(text))
                text = text[:at] + rng.choice([HANDLE, *begun]) + text[at:]
            text += rng.choice(["", " end", "\nend", ";", '"'])
            whole = REDACTOR.redact_text(text)
            assert whole == REDACTOR.redact_text(whole)
            for cut in range(0, len(text) + 1, 3):
                assert whole == _streamed(text, [cut]), (cut, text)
            assert whole == _streamed(text, range(1, len(text))), text


class TestBenign:
    @pytest.mark.parametrize("text", BENIGN)
    def test_handles_in_ordinary_text_alter_nothing(self, text):
        """Handles where a credential would stand, quoted, listed or told of, stay."""
        text = _plain(text)
        assert REDACTOR.redact_text(text) is text
        assert text == _streamed(text, range(1, len(text)))

    @pytest.mark.parametrize("token", ["ghp_<a36>", "AKIA<u16>", "sk_live_<a24>"])
    def test_a_token_is_no_handle(self, token):
        """What tells by its prefix is a token behind `tyrum://` too."""
        for before in ("", "password=", "password=hunter2xyz"):
            shown = REDACTOR.redact_text(f"{before}tyrum://{spell(token)}")
            assert shown.startswith("password=[REDACTED:" if before[9:] else before)
            assert spell(token) not in shown


class TestWork:
    @pytest.fixture
    def searched(self, monkeypatch):
        """The texts in which triggers were looked for."""
        texts, places = list[bytes](), Alarms.places

        def noting(self, data):
            texts.append(data)
            return places(self, data)

        monkeypatch.setattr(Alarms, "places", noting)
        return texts

    def test_one_search_unless_something_is_glued(self, searched):
        """Only a text in which a handle is glued to something is searched again."""
        prose = "the agent looked at the token of the page and went on to the next; "
        for text in (prose, f"{prose} '{HANDLE}' {HANDLE}"):
            searched.clear()
            assert REDACTOR.redact_text(text) is text
            assert [text.encode()] == searched

        searched.clear()
        glued = f"{prose} a={HANDLE}"
        assert REDACTOR.redact_text(glued) is glued
        assert len(searched) == 2
