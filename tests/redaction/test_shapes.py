from __future__ import annotations

import base64
import re
import uuid

import pytest

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import DETECTORS, MARKER, Detector, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.markers import marker
from langchain_tyrum.redaction.shapes.heads import heads
from langchain_tyrum.redaction.shapes.regex_tree import gate, opening

POSITIVE = [(row, spell(text)) for row in DETECTORS for text in row.positive]
NEGATIVE = [(row, spell(text)) for row in DETECTORS for text in row.negative]
BENIGN = """
I ran the tests and they pass: 412 passed in 33.2s.
The commit is 9fceb02d0ae598e95dc970b74767f19372d61af8 on branch main.
run_id: 0199f1de-7d3c-7a51-9c57-2f1e3b0d9a11 thread_id=user-42
tool_call_id='call_AbC123dEf456GhI789' name='search'
my password is not working
I forgot my password, can you reset it?
Please rotate the token before it expires on 2026-12-01.
The key point is that secrets never leave the broker.
password: string (required)
token: Annotated[str, InjectedToolArg]
def login(user: str, password: str) -> Token:
api_key=os.environ["OPENAI_API_KEY"]
Set API_KEY=<your key> in the environment.
export GITHUB_TOKEN=$(gh auth token)
Authorization: Bearer ${TOKEN}
usage: input_tokens=1204 output_tokens=88 total_tokens: 1292
{"max_tokens": 4096, "stop_token": "###", "token_count": 1200}
{"next_page_token": "CAUQAA1234567"}
see https://docs.test:8443/guide#auth or mail ops@example.test
git clone https://github.com/org/repo.git
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L is the handle of github/token
The secret to good bread is patience.
task-0a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d finished
Basic authentication is deprecated; use a bearer token instead.
risk-assessment-2026-q4-final-v2-approved.pdf
base64: aGVsbG8gd29ybGQgdGhpcyBpcyBqdXN0IHRleHQ=
password_hash_rounds = 12
"secret_name": "github/token", "secret_ref_id": "ref_01"
token = tokenizer.encode(text)[0]
AWS_REGION=eu-central-1
PasswordAuthentication no
if password == expected_password_1: return
session:token:597597:index:42
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq7n0Z3 me@host
"integrity": "sha512-dGhpcyBpcyBub3QgYSBzZWNyZXQgYnV0IGEgaGFzaA=="
pip install langchain-tyrum[detect]==0.1.0
Set-Cookie: theme=dark; Path=/; SameSite=Lax
mysql -u root -p app < dump-2026.sql
https://a.test/?page_token=CAUQAA1234567&token_type=bearer
password: changeme
user:password@host is the form of it
"""


class TestRows:
    @pytest.mark.parametrize(
        ("row", "text"), POSITIVE, ids=lambda x: getattr(x, "name", "")
    )
    def test_positive_examples_are_found(self, row, text):
        """Each row finds its own examples, and nothing of the credential is left."""
        redactor = Redactor(detectors=[row])
        hidden = redactor.redact_text(f"see: {text} <")

        assert f"[REDACTED:{row.kind}]" in hidden
        assert redactor.redact_text(hidden) == hidden

    @pytest.mark.parametrize(
        ("row", "text"), NEGATIVE, ids=lambda x: getattr(x, "name", "")
    )
    def test_negative_examples_stay(self, row, text):
        """Each row leaves its counterexamples alone."""
        text = f"see: {text} <"
        assert Redactor(detectors=[row]).redact_text(text) is text

    def test_there_are_enough(self):
        """More than two hundred rows, each with a name of its own."""
        assert len(DETECTORS) >= 200
        assert len({row.name for row in DETECTORS}) == len(DETECTORS)

    @pytest.mark.parametrize("row", DETECTORS, ids=lambda row: row.name)
    def test_rows_are_complete(self, row):
        """Each row has a source, examples and counterexamples, and can be a marker."""
        assert row.source
        assert row.positive
        assert row.negative
        assert marker(row.kind) == f"[REDACTED:{row.kind}]"

    @pytest.mark.parametrize(
        "row", [row for row in DETECTORS if row.keywords], ids=lambda row: row.name
    )
    def test_keywords_are_in_each_match(self, row):
        """Each example holds one of the row's keywords."""
        for text in row.positive:
            assert any(word in spell(text).lower() for word in row.keywords)

    @pytest.mark.parametrize("row", DETECTORS, ids=lambda row: row.name)
    def test_rows_can_be_gated_and_streamed(self, row):
        """Each built-in pattern has a gate and an opening, and its heads begin it."""
        text = spell(row.positive[0]).encode()
        match = re.search(row.pattern.encode(), b"see: " + text + b" <")

        assert match
        assert re.search(gate(row.pattern).encode(), b"see: " + text + b" <", re.DOTALL)
        for size in range(1, match.end() - match.start()):
            part = match.string[: match.start() + size]
            assert re.compile(opening(row.pattern).encode()).match(part, match.start())
        begins = heads(row.pattern)
        if begins is not None:
            assert match.group().lower().startswith(tuple(begins))


class TestStreams:
    @pytest.mark.parametrize(
        ("row", "text"), POSITIVE, ids=lambda x: getattr(x, "name", "")
    )
    def test_streams_say_what_texts_say(self, row, text):
        """Every example comes out of a stream, cut anywhere, as out of one text."""
        redactor, text = Redactor(), f"see: {text} < so"
        whole = redactor.redact_text(text)
        for cut in range(1, len(text), max(1, len(text) // 40)):
            with redactor.stream() as stream:
                parts = [stream.feed(text[:cut]), stream.feed(text[cut:])]
                parts.append(stream.close())
            assert whole == "".join(parts), cut
        for size in (1, 4, 7):
            with redactor.stream() as stream:
                parts = [
                    stream.feed(text[at : at + size])
                    for at in range(0, len(text), size)
                ]
                parts.append(stream.close())
            assert whole == "".join(parts), size


class TestText:
    def test_only_the_credential_is_replaced(self):
        """Names and separators around a credential stay readable."""
        redactor = Redactor()
        assert redactor.redact_text('{"password": "hunter2!x", "a": 1}') == (
            '{"password": "[REDACTED:password]", "a": 1}'
        )
        assert redactor.redact_text("postgres://app:hunter2@db/x") == (
            "postgres://app:[REDACTED:password]@db/x"
        )

    def test_benign_agent_lines_stay(self):
        """What agents write all day is not altered."""
        redactor = Redactor()
        altered = [
            line for line in BENIGN.splitlines() if redactor.redact_text(line) != line
        ]
        assert altered == []

    def test_ids_are_never_touched(self):
        """Handles, markers, UUIDs and hashes are no credentials, whatever is around."""
        redactor = Redactor()
        for inert in (
            "tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L",
            "tyrum://github/token-1",
            "[REDACTED:github/token]",
            str(uuid.UUID(int=7**40)),
        ):
            for text in (
                inert,
                f"token: {inert}",
                f"password={inert}",
                f'"secret": "{inert}"',
            ):
                assert redactor.redact_text(text) is text

    def test_a_uuid_is_a_credential_under_the_name_of_one(self):
        """UUIDs are keys where a name says so, and ids everywhere else."""
        redact, value = Redactor().redact_text, str(uuid.UUID(int=7**40))
        for text in (
            f"api_key: {value}",
            f"NPM_TOKEN={value}",
            f"X-Auth-Token: {value}",
            f"tool deploy --token {value}",
        ):
            assert value not in redact(text)
        for text in (f"run_id: {value}", f"ns=token:{value}", f"api_key_id={value}"):
            assert redact(text) is text

    def test_colors_hide_nothing(self):
        """ANSI colors around names, tokens and values cover no credential."""
        redact, token = Redactor().redact_text, spell("ghp_<a36>")
        for shown in (
            redact(f"\x1b[31m{token}\x1b[0m"),
            redact(f"\x1b[38;5;196m{token}\x1b[K"),
            redact(f"\x1b[36mtoken\x1b[0m: \x1b[1m{token[4:]}\x1b[0m"),
        ):
            assert token[4:] not in shown
            assert shown.endswith(("\x1b[0m", "\x1b[K"))

    @pytest.mark.parametrize("before", ["", "A=1\n", "AB=1\n"])
    def test_an_assignment_in_base64_is_hidden(self, before):
        """What follows a credential's name is hidden at each alignment of base64."""
        text = f"{before}DB_PASSWORD=hunter2-and-more\n"
        blob = base64.b64encode(text.encode()).decode()
        shown = Redactor().redact_text(f"payload: {blob} .")

        assert shown.endswith("[REDACTED:password] .")
        assert base64.b64encode(b"hunter2-and-more")[:12].decode() not in shown

    def test_a_private_key_swallows_to_its_end(self):
        """After the header of a private key nothing is shown until its footer."""
        redactor = Redactor()
        key = "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----"

        assert redactor.redact_text(f"a {key} b") == "a [REDACTED:private-key] b"
        assert redactor.redact_text(f"a {key[:-20]}") == "a [REDACTED:private-key]"

    def test_tokens_after_an_escape_are_found(self):
        """A token after an escaped line break is found, letter before it or not."""
        token = spell("ghp_<a36>")
        assert token not in Redactor().redact_text(f'{{"a": "x\\n{token}"}}')

    def test_registering_part_of_a_token_uncovers_nothing(self):
        """A registered stretch within a shape does not leave the rest readable."""
        redactor = Redactor()
        token = spell("ghp_<a36>")
        redactor.register("part", token[8:20])

        assert redactor.redact_text(f"<{token}>") == "<[REDACTED:github-pat]>"


X = "hunter2!x"
LONG = spell("<a40>")
SURROUNDED = [
    ("os.environ['DB_PASSWORD'] = '{}'", X),
    ("config('SECRET_KEY', default='{}')", X),
    ("export API_TOKEN={} && run", LONG),
    ("-e POSTGRES_PASSWORD={} postgres:17", "letmeinplease"),
    ("run --db-password {} --verbose", X),
    ("gh auth login --token={} --quiet", LONG),
    ("mysql -h db -u root -p{} app", "hunter2x"),
    ("sshpass -p {} ssh me@db", "hunter2x"),
    ("docker login -u me -p {} r.test", "hunter2x"),
    ("curl --user me:{} https://a.test", "hunter2x"),
    ("redis-cli -a {} ping", "hunter2x"),
    ("CREATE USER a IDENTIFIED BY '{}' QUOTA 5M", "tiger"),
    ("CREATE LOGIN a WITH PASSWORD = N'{}';", "hunter2x"),
    ("<password>{}</password>", "hunter2x"),
    ('<add key="Password" value="{}" />', "hunter2x"),
    ("- name: API_TOKEN\n  value: {}\n", LONG),
    ("ENV DB_PASSWORD {}\n", "hunter2x"),
    ('variable "db_password" {{\n  default = "{}"\n}}', "hunter2x"),
    ("Authorization: Basic {}\r\n", "dXNlcjpwYXNz"),
    ("Authorization: Token token={}\r\n", LONG),
    ('Authorization: Digest username="a", response="{}"', spell("<h32>")),
    ("X-Api-Key: {}\r\n", LONG),
    ("Set-Cookie: session={}; Path=/; HttpOnly", LONG),
    ("Cookie: theme=dark; connect.sid={}", LONG),
    ("mongodb+srv://app:{}@cluster0.test/db", "hunter2"),
    ("https://{}@dev.azure.com/acme/_git/app", spell("<l52>")),
    ("https://a.test/cb?access_token={}&state=1", LONG),
    ("Server=db;User Id=sa;Password={};Encrypt=yes", "hunter"),
    ("host=db user=app password={} dbname=x", "hunt3r"),
    ("db.test:5432:app:me:{}", "hunter2"),
    ("machine a.test login me password {}", "hunter2"),
    ("otpauth://totp/a:me?secret={}&issuer=a", "JBSWY3DPEHPK3PXP"),
    ("| password | {} |", "Winter2026!"),
    ("**Password:** `{}`", "Winter2026!"),
    ("//registry.npmjs.org/:_authToken={}", LONG),
    ("HEROKU_API_KEY={}", spell("<h8>-<h4>-<h4>-<h4>-<h12>")),
]


class TestSurroundings:
    @pytest.mark.parametrize(("text", "value"), SURROUNDED)
    def test_the_value_goes_and_the_rest_stays(self, text, value):
        """Only what stands at the credential's place is replaced, by one marker."""
        shown = Redactor().redact_text(text.format(value))
        left, right = text.format("\0").split("\0")

        assert shown.startswith(left)
        assert shown.endswith(right)
        assert MARKER.fullmatch(shown[len(left) : len(shown) - len(right)])

    def test_the_data_of_a_kubernetes_secret(self):
        """All values of a Secret are hidden, those with harmless keys too."""
        shown = Redactor().redact_text(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ndata:\n"
            "  user: bWU=\n  other: aHVudGVy\ntype: Opaque\n"
        )
        assert "aHVudGVy" not in shown
        assert "bWU=" not in shown
        assert shown.endswith("type: Opaque\n")

    def test_password_hashes_are_hidden(self):
        """A hash can be tried offline, so it goes, in shadow files and in JSON."""
        digest = spell("$2b$12$<a53>")
        shown = Redactor().redact_text(f'{{"hash": "{digest}"}}')
        assert shown == '{"hash": "[REDACTED:password-hash]"}'


class TestModes:
    def test_observe_reports_only(self):
        """Observed shapes are reported and left in place; known values are not."""
        redactor = Redactor(shapes="observe")
        redactor.register("known", "known-value-123")
        text = spell("ghp_<a36> known-value-123")

        assert redactor.redact_text(text).startswith("ghp_")
        assert "known-value" not in redactor.redact_text(text)
        assert [f.rule for f in redactor.scan(text)] == ["github-pat", "registered"]

    def test_refuse_raises_and_names_the_place(self):
        """Refused shapes raise with path and rule, without the credential."""
        redactor = Redactor(shapes="refuse")
        token = spell("ghp_<a36>")

        with pytest.raises(RawSecretFound) as caught:
            redactor.redact({"messages": [{"content": token}]})

        assert caught.value.path == "messages[0].content"
        assert caught.value.rule == "github-pat"
        assert token not in str(caught.value)
        with pytest.raises(RawSecretFound):
            redactor.redact_text(token)

    def test_refuse_still_redacts_known_values(self):
        """Registered values are redacted in every mode."""
        redactor = Redactor(shapes="refuse")
        redactor.register("known", "known-value-123")
        assert redactor.redact(["known-value-123"]) == ["[REDACTED:known]"]


class TestOwnRows:
    def test_users_add_rows(self):
        """A row of one's own is found like the built-in ones."""
        row = Detector(name="acme", kind="acme-key", pattern=r"acme_[a-z0-9]{16}")
        redactor = Redactor(detectors=[*DETECTORS, row])

        assert (
            redactor.redact_text("k acme_0123456789abcdef k")
            == "k [REDACTED:acme-key] k"
        )

    def test_a_row_has_one_way_to_find(self):
        """A row with neither pattern nor finder is refused, and one with both."""
        with pytest.raises(ValueError, match="acme"):
            Detector(name="acme", kind="acme-key")
        with pytest.raises(ValueError, match="acme"):
            Detector(name="acme", kind="acme-key", pattern="x", finder=lambda _: [])

    def test_a_row_can_find_by_code(self):
        """A row with a finder names what it found, in texts and in streams."""

        def finder(data):
            at = data.find(b"acme-")
            return [(at, at + 8, "acme-key")] if at >= 0 else []

        row = Detector(name="acme", kind="k", max_length=16, finder=finder)
        redactor = Redactor(detectors=[*DETECTORS, row])
        with redactor.stream() as stream:
            parts = [stream.feed(char) for char in "an acme-123 here"]
            parts.append(stream.close())

        assert redactor.redact_text("an acme-123 here") == "an [REDACTED:acme-key] here"
        assert "".join(parts) == "an [REDACTED:acme-key] here"

    def test_a_row_need_not_begin_with_a_literal(self):
        """A pattern without literals, or with a back-reference, can be streamed."""
        for pattern in (
            r"[0-9]{3}-[0-9]{2}-[0-9]{4}",
            r"([0-9])\1\1-[0-9]{2}-[0-9]{4}",
        ):
            row = Detector(name="n", kind="number", pattern=pattern, max_length=16)
            redactor = Redactor(detectors=[row])
            text = "is 555-12-9876 ok, 555-12-98 not" + " x" * 20
            whole = redactor.redact_text(text)
            with redactor.stream() as stream:
                parts = [stream.feed(char) for char in text] + [stream.close()]

            assert MARKER.search(whole)
            assert whole == "".join(parts)
