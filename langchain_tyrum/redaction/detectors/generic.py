"""Credentials that their surroundings give away: headers, URLs, assignments, prose."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import LEFT, Detector

#: Names under which credentials are stored, split by what may stand before them.
_STRONG = (
    r"(?:passwords?|passwd|passwort|passphrase|client_?secret|api[_-]?key|apikey|"
    r"secret[_-]?(?:access[_-]?)?key|access[_-]?key|private[_-]?key|"
    r"(?:access|auth|refresh|bearer|session|bot|api|id)[_-]?token|account[_-]?key|"
    r"shared[_-]?key|signing[_-]?key|encryption[_-]?key|master[_-]?key|"
    r"webhook[_-]?secret)"
)
#: Page tokens and the like are no credentials, and agents need them.
_NO_CURSOR = r"(?<!page[_-])(?<!next[_-])(?<!sync[_-])(?<!tion[_-])(?<!stop[_-])"
_WEAK = (
    rf"(?<![A-Za-z]){_NO_CURSOR}"
    r"(?:pwd|pw|pass|passcode|secret|token|credentials?|auth)"
)
_NAME = rf"(?:{_STRONG}|{_WEAK})[0-9]?"

_UUID = (
    r"(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"(?![0-9a-zA-Z-]))"
)
#: What stands where a value should: variables, placeholders, handles, markers.
_HOLLOW = (
    r"(?!\$[\w({]|\{|<|%[\w({]|\*{3}|\.{3}|\[REDACTED|tyrum://|op://|vault:|arn:|"
    r"(?i:x{4}|your[-_ ]|example|redacted|placeholder|none\b|null\b|true\b|false\b|"
    r"undefined\b|process\.env|os\.|env\.|self\.|https?://))" + _UUID
)
#: Prose that follows "the token is": words with a hyphen, a dot or a slash.
_WORDS = r"(?![A-Za-z0-9]{1,20}[-/.][a-z]{2,20}(?:[\s.,;:!?)]|\Z))"
_ODD = r"0-9!@#$%^*+?~"
_BARE = r"[^\s\"'`\\<>(){}\[\],;&|]"
_STRANGE = rf"(?={_BARE}{{0,64}}[{_ODD}])"
_VALUE = rf"{_HOLLOW}{_STRANGE}({_BARE}{{8,256}}(?<![.:]))"
_QUOTE = r"\\{0,3}[\"'`]"
_SEP = r"\s{0,4}(?::=|=>|==?|:)\s{0,8}"

_KEYWORDS = ("pass", "pw", "secret", "token", "key", "credential", "auth")

GENERIC: tuple[Detector, ...] = (
    Detector(
        name="jwt",
        kind="jwt",
        pattern=LEFT + r"eyJ[A-Za-z0-9_-]{10,2048}\.[A-Za-z0-9_-]{10,4096}"
        r"\.[A-Za-z0-9_-]{10,1024}",
        keywords=("eyj",),
        max_length=8192,
        source="RFC 7519",
        positive=("eyJ<a33>.eyJ<a60>.<a43>",),
        negative=("eyJ<a30> alone", "eyJ<a12>.txt"),
    ),
    Detector(
        name="private-key",
        kind="private-key",
        pattern=r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?![\"'`)\]])",
        keywords=("-----begin ",),
        ends=r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        source="RFC 7468",
        positive=(
            "-----BEGIN RSA PRIVATE KEY-----\n<a64>\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n<a64>",
        ),
        negative=("-----BEGIN CERTIFICATE-----", "'-----BEGIN PRIVATE KEY-----' in s"),
    ),
    Detector(
        name="authorization-header",
        kind="authorization",
        pattern=rf"(?i:authorization){_QUOTE}?\s{{0,4}}[:=,]\s{{0,4}}(?:{_QUOTE})?"
        r"(?i:bearer|basic|token|apikey|bot)\s{1,4}"
        rf"{_HOLLOW}([A-Za-z0-9._~+/=:-]{{8,2048}})",
        keywords=("authorization",),
        max_length=2304,
        source="RFC 9110",
        positive=(
            "Authorization: Bearer <a20>",
            '{"Authorization": "Basic dXNlcjpwYXNz"}',
        ),
        negative=("Authorization: Bearer <token>", "Authorization: Bearer ${TOKEN}"),
    ),
    Detector(
        name="bearer",
        kind="authorization",
        pattern=r"(?i:bearer)\s(?=[A-Za-z0-9._~+/=-]{0,80}[0-9])"
        rf"{_HOLLOW}([A-Za-z0-9._~+/=-]{{16,2048}})",
        keywords=("bearer",),
        max_length=2304,
        source="RFC 6750",
        positive=("curl -H 'X: bearer <a24>'",),
        negative=("the bearer of this letter", "Bearer authentication-is-used-here"),
    ),
    Detector(
        name="url-userinfo",
        kind="password",
        pattern=r"(?<=[A-Za-z0-9])://[^\s:/?#\[\]@\"'<>]{0,128}:"
        rf"(?!//){_HOLLOW}([^\s/\"'<>\\]{{1,256}})@(?=[A-Za-z0-9\[_-])",
        keywords=("://",),
        source="RFC 3986",
        positive=("postgres://user:hunter2@db:5432/app", "redis://:s3cr3t@cache:6379"),
        negative=("http://localhost:8080/a@b", "see https://example.com:443 or me@x.y"),
    ),
    Detector(
        name="aws-secret-key",
        kind="aws-secret-access-key",
        pattern=rf"(?i:aws_?secret_?(?:access_?)?key|secretaccesskey)(?:{_QUOTE})?"
        rf"{_SEP}(?:{_QUOTE})?([A-Za-z0-9/+]{{40}})",
        keywords=("secret",),
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        positive=("aws_secret_access_key = <a40>", '"SecretAccessKey": "<a40>"'),
        negative=("aws_secret_access_key = ${AWS_SECRET}",),
    ),
    Detector(
        name="assignment",
        kind="password",
        pattern=rf"(?i:{_NAME})(?:{_QUOTE})?{_SEP}(?:{_QUOTE})?{_VALUE}",
        keywords=_KEYWORDS,
        positive=(
            "DB_PASSWORD=hunter2!x",
            '{"api_key": "<a20>"}',
            "passwd: Tr0ub4dor&3",
            r"{\"client_secret\": \"<a24>\"}",
            "token = '<a24>'",
            "PW: Winter2026!",
        ),
        negative=(
            "password: string",
            "token: tyrum://h_<a22>",
            "api_key = os.environ['KEY_1234']",
            "password=${DB_PASSWORD1}",
            "max_tokens: 4096000000",
            "password: <your-password-1>",
            "auth: [REDACTED:password]",
        ),
    ),
    Detector(
        name="quoted-assignment",
        kind="password",
        pattern=rf"(?i:{_STRONG}|(?<![A-Za-z])(?:pwd|pass|secret))(?:{_QUOTE})?{_SEP}"
        rf"\\{{0,3}}[\"']{_HOLLOW}(?=[^\"'\r\n\\]{{0,200}}[{_ODD}])"
        r"([^\"'\r\n\\]{8,256})(?=\\{0,3}[\"'])",
        keywords=_KEYWORDS,
        positive=('password = "correct horse battery staple 9"',),
        negative=('password: "the usual one, as before"',),
    ),
    Detector(
        name="fallback",
        kind="password",
        pattern=rf"(?i:{_NAME})[\"']\s{{0,4}},\s{{0,4}}[\"']{_HOLLOW}"
        rf"(?=[^\"'\s]{{0,64}}[{_ODD}])([^\"'\s]{{8,128}})[\"']",
        keywords=_KEYWORDS,
        positive=('os.getenv("DB_PASSWORD", "hunter2!x")',),
        negative=('os.getenv("DB_PASSWORD", "")',),
    ),
    Detector(
        name="flag",
        kind="password",
        pattern=rf"(?<=--)(?i:{_STRONG}|password|token|secret|pass|pwd)(?:\s{{1,4}}|=)"
        rf"[\"']?(?!--?[a-z]){_HOLLOW}(?={_BARE}{{0,64}}[{_ODD}])({_BARE}{{6,256}})",
        keywords=_KEYWORDS,
        positive=("mysql --password hunter2!x", "gh auth --token=<a20>"),
        negative=("tool --token --verbose1 x", "run --password $PASSWORD1"),
    ),
    Detector(
        name="user-flag",
        kind="password",
        pattern=r"(?<=\s)-u\s{0,4}[\"']?[A-Za-z0-9_.@%+-]{1,64}:"
        rf"{_HOLLOW}([^\s\"':]{{6,128}})",
        keywords=("-u",),
        source="curl(1)",
        positive=("curl -u admin:hunter2x https://api.test",),
        negative=("docker run -u 1000:1000 image",),
    ),
    Detector(
        name="prose",
        kind="password",
        pattern=r"(?<![A-Za-z])(?i:passwords?|passphrase|passcode|pass|pwd|token|"
        r"api[ -]key|secret(?: key)?|access key|credentials?|pin)"
        r"(?i:\s{1,2}for\s[A-Za-z0-9_.@-]{1,40})?"
        r"\s{1,4}(?i:is|was|are|will be|to|equals)\s{0,4}:?\s{0,4}"
        rf"[\"'`]?{_HOLLOW}{_WORDS}{_STRANGE}"
        rf"({_BARE}{{8,128}}(?<![.,;:?]))",
        keywords=("pass", "pwd", "token", "key", "secret", "credential", "pin"),
        positive=(
            "my password is hunter2!x",
            "The API key is '<a24>'.",
            "my password for gmail is Winter2026",
        ),
        negative=(
            "my password is not working",
            "the token is base64-encoded, as always",
            "your secret is safe with me",
            "the password is case-sensitive.",
        ),
    ),
    Detector(
        name="said-in-quotes",
        kind="password",
        pattern=r"(?<![A-Za-z])(?i:passwords?|passphrase|api[ -]key|secret|token)"
        r"\s{1,4}(?i:is|was|:|=)?\s{0,4}[\"'`]"
        rf"{_HOLLOW}(?=[^\"'`\r\n]{{0,64}}[{_ODD}])([^\"'`\r\n]{{8,128}})[\"'`]",
        keywords=("pass", "key", "secret", "token"),
        positive=('use the password "open sesame 42" there',),
        negative=('the password "field" is required',),
    ),
    Detector(
        name="sql-identified",
        kind="password",
        pattern=r"(?i:identified\s{1,4}(?:with\s{1,4}[\w\"']{1,40}\s{1,4})?by)\s{1,4}"
        rf"[\"']{_HOLLOW}([^\"'\r\n]{{4,128}})[\"']",
        keywords=("identified",),
        positive=("CREATE USER a IDENTIFIED BY 'hunter2x'",),
        negative=("identified by the team",),
    ),
    Detector(
        name="sql-password",
        kind="password",
        pattern=rf"(?i:\bpassword)\s{{1,4}}'{_HOLLOW}([^'\r\n]{{6,128}})'",
        keywords=("password",),
        positive=("ALTER ROLE app WITH PASSWORD 'hunter2x'",),
        negative=("the password isn't here, and won't be",),
    ),
    Detector(
        name="xml-element",
        kind="password",
        pattern=rf"(?<=[<:])(?i:{_NAME})>{_HOLLOW}([^<>\s]{{6,256}})(?=</)",
        keywords=_KEYWORDS,
        positive=("<password>hunter2x</password>",),
        negative=("<password></password>",),
    ),
    Detector(
        name="jwk",
        kind="private-key",
        pattern=r"(?<=[\"'])d(?:\"|'|\\[\"']|\\\\\\[\"'])"
        rf"\s{{0,4}}:\s{{0,4}}(?:{_QUOTE})"
        r"([A-Za-z0-9_-]{40,700})(?=\\{0,3}[\"'])",
        keywords=('d"', "d'"),
        max_length=768,
        source="RFC 7517",
        positive=('{"kty": "EC", "d": "<a43>"}',),
        negative=('{"d": "short"}',),
    ),
    Detector(
        name="docker-auth",
        kind="authorization",
        pattern=r"\"auth\"\s{0,4}:\s{0,4}\"([A-Za-z0-9+/=]{12,512})\"",
        keywords=('"auth"',),
        positive=('{"auths": {"r.io": {"auth": "dXNlcjpodW50ZXIy"}}}',),
        negative=('{"auth": "none"}',),
    ),
    Detector(
        name="netrc",
        kind="password",
        pattern=r"(?<![a-z])machine\s{1,8}\S{1,128}\s{1,8}login\s{1,8}\S{1,128}"
        r"\s{1,8}password\s{1,8}(\S{4,128})",
        keywords=("machine",),
        positive=("machine api.test\n  login me\n  password hunter2",),
        negative=("the machine api.test needs login and password",),
    ),
    Detector(  # without its machine only on one line: prose and lists break lines
        name="netrc-line",
        kind="password",
        pattern=r"(?<![a-z])login[ \t]{1,8}\S{1,128}[ \t]{1,8}password[ \t]{1,8}"
        r"(\S{4,128})",
        keywords=("login",),
        positive=("default login me password hunter2",),
        negative=("login with your password please", "login me\npassword fields"),
    ),
    Detector(
        name="connection-string",
        kind="password",
        pattern=rf"(?i:accountkey|sharedaccesskey|sharedaccesssignature)="
        rf"{_HOLLOW}([A-Za-z0-9+/=%&._-]{{40,512}})",
        keywords=("accountkey", "sharedaccess"),
        max_length=640,
        positive=("AccountName=x;AccountKey=<a86>==;",),
    ),
    Detector(
        name="signature-parameter",
        kind="signature",
        pattern=r"(?<=[?&;])(?i:sig|signature|x-amz-signature|x-amz-security-token)="
        r"([A-Za-z0-9%+/=_-]{32,2048})",
        keywords=("sig", "x-amz"),
        max_length=2304,
        positive=("https://b.test/x?se=1&sig=<a43>%3D",),
        negative=("https://b.test/x?sig=abc",),
    ),
)
