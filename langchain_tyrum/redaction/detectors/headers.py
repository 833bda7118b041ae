"""Credentials in HTTP headers, cookies, URLs and connection strings."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import HOLLOW, LONG, MOST, ODD, QUOTE

_COOKIES = (
    r"(?:PHPSESSID|JSESSIONID|ASP\.NET_SessionId|ASPSESSIONID[A-Z]{8}|connect\.sid|"
    r"sessionid|session_id|laravel_session|_gitlab_session|user_session|"
    r"__Host-session|remember_token|remember_user_token|rack\.session|"
    r"(?:__Secure-)?(?:next-auth|authjs)\.session-token|sb-access-token|li_at)"
)

_SESSION = (
    r"[A-Za-z0-9_.-]{0,40}(?i:sess|sid|auth|token|jwt|remember|sso|login)"
    r"[A-Za-z0-9_.-]{0,24}="
)

HEADERS: tuple[Detector, ...] = (
    Detector(
        name="authorization-header",
        kind="authorization",
        pattern=rf"(?i:authorization){QUOTE}?\s{{0,4}}[:=,]\s{{0,4}}(?:{QUOTE})?"
        r"(?i:bearer|basic|token|apikey|api-key|bot|key|sso-key|geniekey|negotiate|"
        r"klaviyo-api-key|discogs|zoho-oauthtoken|oauth|splunk)\s{1,4}"
        rf"(?:token=)?[\"']?{HOLLOW}([A-Za-z0-9._~+/=:%-]{{8,{MOST}}})",
        keywords=("authorization",),
        max_length=LONG,
        source="RFC 9110",
        positive=(
            "Authorization: Bearer <a20>",
            '{"Authorization": "Basic dXNlcjpwYXNz"}',
            "Authorization: Token token=<h32>",
        ),
        negative=("Authorization: Bearer <token>", "Authorization: Bearer ${TOKEN}"),
    ),
    Detector(
        name="authorization-raw",
        kind="authorization",
        pattern=rf"(?i:authorization){QUOTE}?\s{{0,4}}[:=]\s{{0,4}}(?:{QUOTE})?"
        rf"{HOLLOW}(?=[A-Za-z0-9._~+/=%-]{{0,40}}[0-9])([A-Za-z0-9._~+/=%-]{{20,{MOST}}})",
        keywords=("authorization",),
        max_length=LONG,
        source="services that take a key without a scheme",
        positive=('{"Authorization": "<a32>"}',),
        negative=("Authorization: see-the-chapter-on-authorization",),
    ),
    Detector(
        name="digest-response",
        kind="authorization",
        pattern=r"(?i:digest\s)[^\r\n]{0,600}?response=\\{0,3}\"([0-9a-fA-F]{32,128})",
        keywords=("digest",),
        max_length=768,
        source="RFC 7616",
        positive=('Authorization: Digest username="me", response="<h32>"',),
        negative=('WWW-Authenticate: Digest realm="a", nonce="<h32>"',),
    ),
    Detector(
        name="bearer",
        kind="authorization",
        pattern=r"(?i:bearer)(?:\s|%20|\+)(?=[A-Za-z0-9._~+/=%-]{0,80}[0-9])"
        rf"{HOLLOW}([A-Za-z0-9._~+/=%-]{{16,{MOST}}})",
        keywords=("bearer",),
        max_length=LONG,
        source="RFC 6750",
        positive=("curl -H 'X: bearer <a24>'",),
        negative=("the bearer of this letter", "Bearer authentication-is-used-here"),
    ),
    Detector(
        name="cookie",
        kind="cookie",
        pattern=r"(?i:cookie)\\{0,3}[\"']?\s{0,4}[:=]\s{0,4}(?:\\{0,3}[\"'])?"
        rf"(?:(?!{_SESSION})[^;\r\n\"']{{1,256}};\s?){{0,16}}{_SESSION}{HOLLOW}"
        rf"(?=[^\s;,\"']{{0,40}}[0-9])([^\s;,\"'\\]{{12,{MOST}}})",
        keywords=("cookie",),
        max_length=(1 << 13) + LONG,
        source="RFC 6265",
        positive=(
            "Set-Cookie: session=<a32>; Path=/; HttpOnly",
            "Cookie: theme=dark; auth_token=<h40>",
        ),
        negative=("Set-Cookie: theme=dark; Path=/", "cookie: theme=dark-2026-edition"),
    ),
    Detector(
        name="session-cookie",
        kind="cookie",
        pattern=rf"(?<![A-Za-z0-9]){_COOKIES}=(?=[^\s;,\"']{{0,40}}[0-9])"
        rf"{HOLLOW}([^\s;,\"'\\&]{{16,{MOST}}})",
        keywords=("sess", "sid=", "remember_", "sb-access", "li_at"),
        max_length=LONG,
        source="the cookies of PHP, Java, ASP.NET, Express, Django, Rails, NextAuth",
        positive=("PHPSESSID=<l26>", "a=b; connect.sid=s%3A<a32>.<a43>"),
        negative=("PHPSESSID=abc", "sessionid=user-42"),
    ),
    Detector(
        name="url-userinfo",
        kind="password",
        pattern=r"(?<=[A-Za-z0-9])://[^\s:/?#\[\]@\"'<>]{0,128}:(?!//)"
        rf"(?!(?i:pass|password|pwd|secret|token)@){HOLLOW}([^\s/\"'<>\\]{{1,8192}})"
        r"@(?=[A-Za-z0-9\[_-])",
        keywords=("://",),
        max_length=8448,
        source="RFC 3986",
        positive=("postgres://user:hunter2@db:5432/app", "redis://:s3cr3t@cache:6379"),
        negative=(
            "http://localhost:8080/a@b",
            "see https://example.com:443 or me@x.y",
            "postgres://user:password@localhost/app",
        ),
    ),
    Detector(
        name="url-token",
        kind="token",
        pattern=r"(?<=https)://(?=[A-Za-z0-9_-]{0,60}[0-9])([A-Za-z0-9_-]{40,255})@",
        keywords=("https://",),
        source="git-credential(1)",
        positive=("git clone https://<l52>@dev.azure.com/acme/_git/app",),
        negative=("https://<h32>@o1.ingest.sentry.io/42",),
    ),
    Detector(
        name="query-parameter",
        kind="token",
        pattern=r"(?<=[?&])(?i:access_token|refresh_token|id_token|auth_token|token|"
        r"api_?key|apikey|key|client_secret|secret|password|passwd|pwd|auth|jwt|"
        r"subscription-key|private_token|appid)="
        rf"{HOLLOW}(?=[A-Za-z0-9%._~+/=-]{{0,60}}[0-9])([A-Za-z0-9%._~+/=!*-]{{12,{MOST}}})",
        keywords=(
            "token=",
            "key=",
            "appid=",
            "secret=",
            "passw",
            "pwd=",
            "auth=",
            "jwt=",
        ),
        max_length=LONG,
        source="RFC 6750, 2.3",
        positive=(
            "https://a.test/x?access_token=<a32>",
            "https://a.test/?a=b&key=<a39>",
        ),
        negative=("https://a.test/?token=next-page", "https://a.test/?key=value"),
    ),
    Detector(
        name="signature-parameter",
        kind="signature",
        pattern=r"(?<=[?&;, ])(?i:sig|signature|x-amz-signature|x-amz-security-token|"
        r"x-goog-signature)=([A-Za-z0-9%+/=_-]{32,2048})",
        keywords=("sig", "x-amz"),
        max_length=2304,
        source="signed URLs of AWS, Azure and Google Cloud",
        positive=("https://b.test/x?se=1&sig=<a43>%3D",),
        negative=("https://b.test/x?sig=abc",),
    ),
    Detector(
        name="connection-string",
        kind="password",
        pattern=r"(?i:accountkey|sharedaccesskey|sharedaccesssignature|sharedkey)="
        rf"{HOLLOW}([A-Za-z0-9+/=%&._-]{{40,512}})",
        keywords=("accountkey", "sharedaccess", "sharedkey"),
        max_length=640,
        source="https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string",
        positive=("AccountName=x;AccountKey=<a86>==;",),
        negative=("AccountKey=<the account's key>",),
    ),
    Detector(
        name="connection-password",
        kind="password",
        pattern=r"(?:(?<=;)|(?<=; ))(?i:password|pwd)\s?=\s?"
        rf"(?!(?i:password|secret)[;\"'])[\"']?{HOLLOW}([^;\s\"'\\]{{3,128}})",
        keywords=("password", "pwd"),
        source="ADO.NET, ODBC and JDBC connection strings",
        positive=("Server=db;User Id=app;Password=hunter;Encrypt=yes",),
        negative=(
            "Server=db;User Id=app;Password=${PASS};",
            "a; password = {password}",
        ),
    ),
    Detector(
        name="libpq-password",
        kind="password",
        pattern=r"(?<=[a-z0-9'] )password=(?!password|secret)[\"']?"
        rf"{HOLLOW}(?=[^\s\"'\\]{{0,24}}[{ODD}])([^\s\"'\\,)]{{4,128}})",
        keywords=("password=",),
        source="PostgreSQL: libpq keyword/value connection strings",
        positive=("host=db user=app password=hunt3r dbname=x",),
        negative=("host=db user=app password=$PASS dbname=x",),
    ),
)
