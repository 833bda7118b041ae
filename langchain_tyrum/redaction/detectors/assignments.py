"""Credentials that a name before them gives away, in data and configuration."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import (
    BARE,
    CLOSE,
    HOLLOW,
    KEY,
    KEYWORDS,
    LONG,
    MOST,
    ODD,
    OPEN,
    QUOTE,
    SEP,
    STRANGE,
    STRONG,
    VALUE,
    WORD,
)

#: Services whose keys are plain hexadecimal, letters and digits, or UUIDs.
_SERVICES = (
    r"(?:adafruit|algolia|alchemy|amplitude|anyscale|assemblyai|auth0|bitbucket|bitly|"
    r"browserstack|cloudinary|codecov|cohere|coinbase|confluent|datadog|deepgram|"
    r"discord|dropbox|fastly|finnhub|freshdesk|gitter|heroku|infura|influx|intercom|"
    r"jenkins|jumpcloud|kraken|kucoin|lokalise|mailchimp|mapbox|mattermost|meraki|"
    r"mistral|netlify|okta|openweather|opsgenie|pagerduty|paypal|pendo|plivo|postmark|"
    r"rapidapi|rollbar|scaleway|sendbird|sentry|snyk|sonar|splunk|spotify|strava|"
    r"sumologic|telnyx|travis|trello|twilio|twitch|twitter|typesense|upstash|vercel|"
    r"wandb|zendesk|zoom)"
)

ASSIGNMENTS: tuple[Detector, ...] = (
    Detector(
        name="assignment",
        kind="password",
        pattern=rf"(?i:{WORD}){CLOSE}{SEP}{OPEN}{VALUE}",
        keywords=KEYWORDS,
        max_length=LONG,
        source="twelve-factor config, JSON, YAML, TOML, INI and Java properties",
        positive=(
            "DB_PASSWORD=hunter2!x",
            "passwd: Tr0ub4dor&3",
            r"{\"client_secret\": \"<a24>\"}",
            "token = '<a24>'",
            "PW: Winter2026!",
            "os.environ['DB_PASSWORD'] = 'hunter2!x'",
            "**Password:** Winter2026",
            "//registry.npmjs.org/:_authToken=<a36>",
            "aws_session_token = <a300>",
            "AZURE_DEVOPS_EXT_PAT=<l52>",
        ),
        negative=(
            "password: string",
            "token: tyrum://h_<a22>",
            "api_key = os.environ['KEY_1234']",
            "password=${DB_PASSWORD1}",
            "max_tokens: 4096000000",
            "password: <your-password-1>",
            "auth: [REDACTED:password]",
            "token = base64.b64encode(raw)",
            "token = settings.API_V2_TOKEN",
            "token: sha256:<h64>",
        ),
    ),
    Detector(
        name="key-assignment",
        kind="password",
        pattern=rf"(?i:{KEY}){CLOSE}{SEP}{OPEN}{VALUE}",
        keywords=("key",),
        max_length=LONG,
        source="as `assignment`",
        positive=('{"api_key": "<a20>"}', "API key: <h40>", "accessKey='<a24>'"),
        negative=("api_key = os.environ['KEY_1234']", "primary_key: user_1234"),
    ),
    Detector(
        name="short-assignment",
        kind="password",
        pattern=rf"(?i:password|passwd|passphrase|(?<![A-Za-z])pwd)[0-9]?{CLOSE}{SEP}"
        rf"{OPEN}{HOLLOW}(?={BARE}{{0,6}}[{ODD}])(?={BARE}{{0,6}}[A-Za-z])"
        rf"({BARE}{{6,7}}(?<![.:]))",
        keywords=("pass", "pwd"),
        source="as `assignment`, down to six characters for passwords",
        positive=("password: abc12!", "pwd=hunt3r"),
        negative=("password: 123456", "password: string"),
    ),
    Detector(
        name="environment",
        kind="password",
        pattern=r"(?<=[A-Z]_)(?:PASSWORD|PASSWD|PASS|SECRET)="
        rf"(?!(?i:required|optional|password|string|secret)){HOLLOW}([^\s\"'`\\<>(){{}}"
        rf"\[\],;&|$]{{6,{MOST}}})",
        keywords=("_pass", "_secret"),
        max_length=LONG,
        source="dotenv and docker --env-file",
        positive=("POSTGRES_PASSWORD=letmeinplease", "export DB_PASS=correcthorse"),
        negative=("db_password=password", "DB_PASSWORD=get_password()", "A_SECRET=$X"),
    ),
    Detector(
        name="quoted-assignment",
        kind="password",
        pattern=rf"(?i:{STRONG}|(?<![A-Za-z])(?:pwd|pass)){CLOSE}{SEP}"
        rf"N?\\{{0,3}}[\"']{HOLLOW}(?=[^\"'\r\n\\]{{0,200}}[{ODD}])"
        r"([^\"'\r\n\\]{8,256})(?=\\{0,3}[\"'])",
        keywords=KEYWORDS,
        source="as `assignment`, with blanks in the value",
        positive=('password = "correct horse battery staple 9"',),
        negative=('password: "the usual one, as before"',),
    ),
    Detector(
        name="named-value",
        kind="password",
        pattern=rf"(?i:name|key){CLOSE}{SEP}(?:{QUOTE})?[A-Za-z0-9_.-]{{0,40}}"
        rf"(?i:password|passwd|secret|token|api_?key)(?:[0-9_.-][A-Za-z0-9_.-]{{0,20}})?"
        rf"(?:{QUOTE})?"
        rf"\s{{0,4}},?\s{{0,24}}(?:{QUOTE})?(?i:value){CLOSE}{SEP}{OPEN}{HOLLOW}"
        rf"(?={BARE}{{0,64}}[{ODD}])({BARE}{{6,{MOST}}})",
        keywords=("value",),
        max_length=LONG,
        source="environment lists of Kubernetes and of CI services; NuGet.Config",
        positive=(
            "- name: DB_PASSWORD\n  value: hunter2x",
            '{"name": "API_TOKEN", "value": "<a24>"}',
            '<add key="ClearTextPassword" value="hunter2x" />',
        ),
        negative=(
            "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {key: v1}",
            '{"name": "token_count", "value": 12}',
        ),
    ),
    Detector(
        name="uuid-assignment",
        kind="token",
        pattern=rf"(?:(?i:client[_-]?secret|api[ _-]?"
        r"(?:key|token|secret)|access[ _-]?(?:key|token)|(?:auth|private)[_-]?token|"
        r"secret[_-]?key|license[_-]?key|vault[_-]?token)|(?<=[A-Z]_)TOKEN)"
        rf"{CLOSE}(?:{SEP}|\s){OPEN}([0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}"
        r"-[0-9a-fA-F]{12})(?![0-9A-Za-z-])",
        keywords=KEYWORDS,
        source="services whose keys are UUIDs; npm's _authToken of private registries",
        positive=(
            "api_key: <h8>-<h4>-<h4>-<h4>-<h12>",
            "//r.test/:_authToken=<h8>-<h4>-<h4>-<h4>-<h12>",
            "NPM_TOKEN='<h8>-<h4>-<h4>-<h4>-<h12>'",
            "X-Auth-Token: <h8>-<h4>-<h4>-<h4>-<h12>",
        ),
        negative=(
            "run_id: <h8>-<h4>-<h4>-<h4>-<h12>",
            "ns=password:<h8>-<h4>-<h4>-<h4>-<h12>",
            "resume_token=<h8>-<h4>-<h4>-<h4>-<h12>",
            "api_key_id: <h8>-<h4>-<h4>-<h4>-<h12>",
        ),
    ),
    Detector(
        name="key-variable",
        kind="token",
        pattern=r"(?<=[A-Z0-9]_)(?<!PUBLIC_)(?<!CACHE_)(?<!PRIMARY_)(?<!PARTITION_)"
        r"(?<!SORT_)(?<!OBJECT_)(?<!ENCY_)(?<!PUB_)KEY"
        rf"{CLOSE}{SEP}{OPEN}(?:base64:)?{HOLLOW}(?=[A-Za-z0-9+/=_-]{{0,24}}[0-9])"
        r"(?=[0-9+/=_-]{0,24}[A-Za-z])(?![A-Za-z]{2,24}[-_][A-Za-z])"
        rf"([A-Za-z0-9+/=_-]{{20,{MOST}}})",
        keywords=("key",),
        max_length=LONG,
        source="environment variables of services: <SERVICE>_KEY",
        positive=("MAPS_KEY=<a32>", "ADAFRUIT_KEY: '<h40>'", "APP_KEY=base64:<a43>="),
        negative=(
            "CACHE_KEY=<h40>",
            "PUBLIC_KEY=<a43>",
            "MAPS_KEY=projects-are-named-2026-here",
        ),
    ),
    Detector(
        name="service-key",
        kind="token",
        pattern=rf"(?i:{_SERVICES}[A-Za-z0-9_.-]{{0,16}}(?:key|token|secret|password|api|"
        rf"pat|auth)){CLOSE}{SEP}{OPEN}(?={BARE}{{0,24}}[0-9])"
        rf"([A-Za-z0-9_+/=.-]{{16,{MOST}}}(?<![.:]))",
        keywords=("key", "token", "secret", "password", "api", "pat", "auth"),
        max_length=LONG,
        source="services whose keys have no prefix, by their own documentation",
        positive=(
            "HEROKU_API_KEY=<h8>-<h4>-<h4>-<h4>-<h12>",
            "snyk_token: <h8>-<h4>-<h4>-<h4>-<h12>",
            "datadog_api = '<h32>'",
            "ALGOLIA_ADMIN_KEY=<h32>",
        ),
        negative=("datadog_api = get_the_key(1)", "snyk_token: ${SNYK_TOKEN_1}"),
    ),
    Detector(
        name="declared-environment",
        kind="password",
        pattern=r"(?<![A-Za-z])(?:ENV|ARG|setx|setenv|set -gx|set -Ux)\s{1,4}"
        rf"[A-Za-z0-9_]{{0,40}}(?i:password|passwd|pass|secret|token|api_?key)"
        rf"\s{{1,4}}[\"']?{HOLLOW}{STRANGE}({BARE}{{6,{MOST}}})",
        keywords=("env", "arg", "set"),
        max_length=LONG,
        source="Dockerfile reference; fish; cmd.exe",
        positive=("ENV DB_PASSWORD hunter2x", "set -gx API_TOKEN <a24>"),
        negative=("ENV DB_PASSWORD ${PASS1}", "the ENV TOKEN is-set-already"),
    ),
    Detector(
        name="variable-default",
        kind="password",
        pattern=r"variable\s{1,4}\"[A-Za-z0-9_-]{0,40}(?:password|secret|token|api_key)"
        r"[A-Za-z0-9_-]{0,20}\"\s{0,4}\{[^{}]{0,240}?default\s{0,8}=\s{0,4}\""
        rf"{HOLLOW}([^\"\r\n]{{6,256}})\"",
        keywords=("variable",),
        max_length=640,
        source="https://developer.hashicorp.com/terraform/language/values/variables",
        positive=('variable "db_password" {\n  default = "hunter2x"\n}',),
        negative=('variable "db_password" {\n  type = string\n}',),
    ),
)
