"""Credentials in source code, as arguments and in declarations."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import (
    HOLLOW,
    KEYWORDS,
    LONG,
    NAME,
    ODD,
    QUOTE,
    SLUG,
    VALUE,
)

CALLS: tuple[Detector, ...] = (
    Detector(
        name="fallback",
        kind="password",
        pattern=rf"(?i:{NAME})[\"']\s{{0,4}},\s{{0,4}}(?:default\s?=\s?)?[\"']{HOLLOW}"
        rf"(?=[^\"'\s]{{0,64}}[{ODD}])([^\"'\s]{{8,256}})[\"']",
        keywords=KEYWORDS,
        source="os.getenv, os.environ.get, setdefault, setenv",
        positive=(
            'os.getenv("DB_PASSWORD", "hunter2!x")',
            "config('SECRET_KEY', default='<a50>')",
        ),
        negative=('os.getenv("DB_PASSWORD", "")', 'pick("password", "username")'),
    ),
    Detector(
        name="fallback-operator",
        kind="password",
        pattern=rf"(?i:{NAME})(?:(?:[\"']\]?\)?)?\s{{0,4}}(?:\|\||\?\?|\?:|:-)|"
        r"[\"'][\])]\s{1,4}or(?=\s))\s{0,4}"
        rf"(?:{QUOTE})?{VALUE}",
        keywords=KEYWORDS,
        max_length=LONG,
        source="JavaScript, Ruby, PHP, Python and shells: the value where none is set",
        positive=(
            "process.env.DB_PASS || 'hunter2!x'",
            'TOKEN="${TOKEN:-<a24>}"',
            "os.environ.get('DB_PASSWORD') or 'hunter2!x'",
        ),
        negative=("process.env.DB_PASS || ''", "password or username2", "${TOKEN:-}"),
    ),
    Detector(
        name="typed-assignment",
        kind="password",
        pattern=rf"(?i:{NAME})(?: ?\??: {{0,4}}&?[A-Za-z]"
        r"[A-Za-z0-9_.<>\[\]]{0,24}(?: ?\| ?[A-Za-z]{1,12})?| (?:[Aa]s )?[Ss]tring)"
        r" {0,4}= {0,4}"
        rf"(?:field\(default=)?b?[\"'`]{HOLLOW}"
        rf"(?=[^\"'`\s]{{0,64}}(?:[{ODD}]|[bcdfghjklmnpqrstvwxz]{{5}}))"
        r"([^\"'`\s]{6,512})[\"'`]",
        keywords=KEYWORDS,
        max_length=640,
        source="Python, TypeScript, Kotlin, Swift, Rust, Go, Visual Basic",
        positive=(
            'db_password: str = "hunter2!x"',
            "private readonly password: string = 'hunter2!x';",
            'const API_KEY: &str = "<a32>";',
            'var token string = "<h32>"',
            'Dim strPassword As String = "hunter2!x"',
        ),
        negative=('password: str = ""', 'token: str = Field(pattern="[a-z]{2}")'),
    ),
    Detector(
        name="constructed",
        kind="password",
        pattern=rf"(?i:{NAME})(?:\{{|\s?=\s?String::from\(|\s?=\s?b?[\"']{{3}}|\s?=\s?b)"
        rf"[\"']?{HOLLOW}(?=[^\"'\s]{{0,64}}[{ODD}])([^\"'\s{{}}]{{8,256}})[\"']",
        keywords=KEYWORDS,
        source="C++, Rust and Python: literals that are built",
        positive=('string password{"hunter2!x"};', 'secret_key = b"hunter2!x"'),
        negative=("password{}", 'token = b""'),
    ),
    Detector(
        name="call-argument",
        kind="password",
        pattern=r"(?:(?<=[sS]et)|(?<=[sS]et_)|(?<=[wW]ith)|(?<=with_)|(?<=\.)|(?<=->))"
        r"(?i:password|passwd|passphrase|api_?key|access_?key|secret_?key|token|secret|"
        r"access_?token|auth_?token|bearer_?auth|client_?secret)\(\s{0,4}b?[\"']"
        rf"{HOLLOW}{SLUG}(?=[^\"'\s]{{0,64}}[{ODD}])([^\"'\s]{{6,512}})[\"']\s{{0,4}}[,)]",
        keywords=("pass", "key", "token", "secret", "auth"),
        max_length=640,
        source="setters and builders",
        positive=('ds.setPassword("hunter2x");', 'builder().apiKey("<a32>").build()'),
        negative=(
            'vault.secret("django/secret-key-v2")',
            'ds.setPassword(env.get("db.password1"))',
            'form.password("", 12)',
        ),
    ),
    Detector(
        name="user-and-password",
        kind="password",
        pattern=r"(?:(?:[aA]uth|auth\s?=\s?|Credentials?|Authentication|\blogin|logIn)"
        r"(?:Token)?\(|auth\s?=\s?\()\s{0,4}[\"'][A-Za-z0-9_.@+\\-]{1,64}[\"'],"
        rf"\s{{0,4}}[\"']{HOLLOW}{SLUG}([^\"'\s]{{6,128}})[\"']\s{{0,4}}[,)]",
        keywords=("auth", "credential", "login"),
        source="requests, net/http, java.net, System.Net",
        positive=(
            'HTTPBasicAuth("ops", "hunter2x")',
            "get(url, auth=('ops', 'hunter2x'), timeout=1)",
            'req.SetBasicAuth("ops", "hunter2x")',
            'new NetworkCredential("ops", "hunter2x")',
            'smtp.login("me@a.test", "hunter2x")',
        ),
        negative=(
            'login("username", "")',
            'auth=("user", os.environ["PASS1"])',
            'Credential("a", "path/to/one-2")',
        ),
    ),
    Detector(
        name="connect-arguments",
        kind="password",
        pattern=r"(?i:getconnection|new pdo|mysqli_connect|new mysqli|dbi->connect|"
        r"pg_connect|oci_connect|create_connection)\(\s{0,4}[\"'][^\"'\r\n]{0,200}[\"'],"
        rf"\s{{0,4}}[\"'][^\"'\s]{{0,64}}[\"'],\s{{0,4}}[\"']{HOLLOW}"
        r"([^\"'\s]{4,128})[\"']",
        keywords=("connect", "pdo", "mysqli"),
        source="JDBC, PDO, mysqli, DBI",
        positive=(
            "new PDO('mysql:host=db;dbname=shop', 'app', 'hunter2x')",
            'DriverManager.getConnection("jdbc:mysql://db/a", "root", "hunter2x")',
        ),
        negative=("new PDO('mysql:host=db', $user, $password)",),
    ),
    Detector(
        name="header-call",
        kind="authorization",
        pattern=r"(?i:\"(?:bearer|basic|x-[a-z-]{0,24}(?:key|token)|authorization)\""
        r"|'(?:bearer|basic|x-[a-z-]{0,24}(?:key|token)|authorization)')\s{0,4},"
        rf"\s{{0,4}}[\"']{HOLLOW}(?=[^\"'\s]{{0,64}}[0-9])([A-Za-z0-9._~+/=-]{{16,2048}})"
        r"[\"']",
        keywords=("bearer", "basic", "x-", "authorization"),
        max_length=2176,
        source="System.Net.Http; setters of headers",
        positive=('new AuthenticationHeaderValue("Bearer", "<a32>")',),
        negative=('setHeader("Authorization", "see-chapter-two")',),
    ),
    Detector(
        name="curl-option",
        kind="password",
        pattern=r"CURLOPT_(?:(?:KEY|PROXY|TLSAUTH_)?PASSW(?:OR)?D|(?:PROXY)?USERPWD|"
        r"XOAUTH2_BEARER)\s{0,4}(?:,|=>)\s{0,4}[\"']"
        rf"(?:[^\"':\s]{{1,64}}:)?{HOLLOW}([^\"'\r\n]{{4,256}})[\"']",
        keywords=("curlopt_",),
        source="https://curl.se/libcurl/c/curl_easy_setopt.html",
        positive=('curl_easy_setopt(curl, CURLOPT_USERPWD, "root:hunter2x");',),
        negative=('curl_easy_setopt(curl, CURLOPT_URL, "https://a.test");',),
    ),
)
