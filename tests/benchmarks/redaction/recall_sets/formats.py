"""Tokens made from the published formats of their providers.

Written from the formats' descriptions (prefix, alphabet, length, checksum), not from
the package's patterns. `<hex:32>` stands for 32 random characters of that alphabet.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
import zlib
from collections.abc import Callable

Maker = Callable[[random.Random], str]

ALPHABETS = {
    "b62": string.ascii_letters + string.digits,
    "b36": string.ascii_lowercase + string.digits,
    "B36": string.ascii_uppercase + string.digits,
    "b32": string.ascii_uppercase + "234567",
    "l32": string.ascii_lowercase + "234567",
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
    "url": string.ascii_letters + string.digits + "_-",
    "b64": string.ascii_letters + string.digits + "+/",
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "dig": string.digits,
    "let": string.ascii_letters,
}
_RUN = re.compile(r"<(\w+):(\d+)(?:-(\d+))?>")
_UUID = "<hex:8>-<hex:4>-<hex:4>-<hex:4>-<hex:12>"


def spelled(template: str) -> Maker:
    """Make tokens of a template."""
    template = template.replace("<uuid>", _UUID)

    def make(rng: random.Random) -> str:
        def run(match: re.Match[str]) -> str:
            low = int(match[2])
            size = rng.randint(low, int(match[3] or low))
            return "".join(rng.choices(ALPHABETS[match[1]], k=size))

        return _RUN.sub(run, template)

    return make


def _base(number: int, alphabet: str, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(alphabet))
        digits = alphabet[digit] + digits
    return digits.rjust(width, alphabet[0])


def _checked(prefix: str, size: int) -> Maker:
    """GitHub's way: random characters, then their CRC32 in base 62, six wide."""
    order = string.digits + string.ascii_uppercase + string.ascii_lowercase

    def make(rng: random.Random) -> str:
        body = "".join(rng.choices(ALPHABETS["b62"], k=size))
        return prefix + body + _base(zlib.crc32(body.encode()), order, 6)

    return make


def _hex_checked(prefix: str, size: int, *, between: str = "") -> Maker:
    def make(rng: random.Random) -> str:
        body = "".join(rng.choices(ALPHABETS["b62"], k=size))
        return f"{prefix}{body}{between}{zlib.crc32((prefix + body).encode()):08x}"

    return make


def _routable(rng: random.Random) -> str:
    """GitLab's routable tokens: base64, its length and a CRC32 in base 36."""
    body = spelled("<url:27-40>")(rng)
    head = f"glpat-{body}.{_base(len(body), ALPHABETS['b36'], 2)}"
    return head + _base(zlib.crc32(head.encode()), ALPHABETS["b36"], 7)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _json64(record: object) -> str:
    return _b64(json.dumps(record, separators=(",", ":")).encode())


def _jwt(rng: random.Random) -> str:
    claims = {"sub": str(rng.randrange(10**9)), "iat": 1_760_000_000, "name": "Ann"}
    header = {"alg": rng.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    return f"{_json64(header)}.{_json64(claims)}.{_b64(rng.randbytes(32))}"


def _pypi(rng: random.Random) -> str:
    """A macaroon: version 2, location pypi.org, identifier, caveats, signature."""
    identifier = rng.randbytes(36).hex().encode()[:36]
    body = b"\x02\x01\x08pypi.org\x02\x24" + identifier + b"\x00\x02" + rng.randbytes(9)
    return "pypi-" + _b64(body + b"\x00\x00\x06\x20" + rng.randbytes(32))


def _discord(rng: random.Random) -> str:
    flake = _b64(str(rng.randrange(10**17, 10**19)).encode())
    return f"{flake}.{_b64(rng.randbytes(4))[:6]}.{_b64(rng.randbytes(28))}"


def _service_account(rng: random.Random) -> str:
    record = {"signInAddress": "acme.1password.com", "email": "a@b.test"}
    record |= {"srpX": rng.randbytes(32).hex(), "muk": {"k": _b64(rng.randbytes(32))}}
    record |= {"secretKey": "A3-" + spelled("<B36:26>")(rng), "throttleSecret": {}}
    record |= {"deviceUuid": spelled("<l32:26>")(rng)}
    return "ops_" + _json64(record)


def _sentry_org(rng: random.Random) -> str:
    record = {"iat": 1_760_000_000.1, "url": "https://sentry.io", "org": "acme"}
    packed = base64.b64encode(json.dumps(record).encode()).decode()
    return f"sntrys_{packed}_{spelled('<b64:43>')(rng)}"


def _grafana_legacy(rng: random.Random) -> str:
    record = {"k": spelled("<b62:32>")(rng), "n": "ci", "id": 1}
    return base64.b64encode(json.dumps(record, separators=(",", ":")).encode()).decode()


def _plan(text: str) -> list[tuple[str, Maker]]:
    rows = (line.split(None, 1) for line in text.strip().splitlines())
    return [(provider, spelled(template.strip())) for provider, template in rows]


#: Provider and template; a provider may have several.
_TEMPLATES = """
adobe p8e-<url:32>
age AGE-SECRET-KEY-1<B36:58>
aikido AIK_SECRET_<b62:64>
airtable pat<b62:14>.<hex:64>
aiven AVNS_<url:19>
akamai akab-<b36:16>-<b36:16>
alibaba LTAI5t<b62:18>
anthropic sk-ant-api03-<url:93>AA
anthropic sk-ant-admin01-<url:93>AA
apify apify_api_<b62:36>
artifactory AKCp<b62:69>
asaas $aact_prod_<b62:90>
asana 1/<dig:16>:<hex:32>
astra AstraCS:<b62:24>:<hex:64>
atlassian ATATT3xFfGF0<url:170>=<HEX:8>
atlas mdb_sa_sk_<url:40>
authress sc_<b36:12>.<b36:5>.acc_<b36:14>.<b64:44>
aws AKIA<b32:16>
aws ASIA<b32:16>
axiom xaat-<uuid>
azure <b62:3>8Q~<url:34>
bedrock ABSK<b64:128>
bitbucket ATBB<b62:32>
bitwarden 0.<uuid>.<b62:30>:<b64:22>==
brave BSA<url:28>
brevo xkeysib-<hex:64>-<b62:16>
brevo xsmtpsib-<hex:64>-<b62:16>
browserbase bb_live_<url:27>
buildkite bkua_<hex:40>
canva cnvca<url:51>
cartesia sk_car_<b62:20>
cerebras csk-<b36:48>
checkout sk_<uuid>
circleci CCIPAT_<b62:22>_<hex:40>
circleci CCIPRJ_<b62:22>_<hex:40>
clickhouse 4b1d<b62:38>
clickup pk_<dig:8>_<B36:32>
clojars CLOJARS_<hex:60>
cloudflare v1.0-<hex:24>-<hex:146>
cloudsmith csa_<hex:30><b62:6>
cockroach CCDB1_<b62:22>_<b62:40>
configcat configcat-sdk-1/<url:22>/<url:22>
contentful CFPAT-<url:43>
crates cio<b62:32>
dagster user:acme:<hex:32>
databento db-<b62:29>
databricks dapi<hex:32>
databricks dapi<hex:32>-3
dbt dbtc_<url:43>
deepseek sk-<hex:32>
defined-networking dnkey-<b32:26>-<b32:52>
deno ddp_<b62:36>
devcycle dvc_server_<hex:32>
devin cog_<l32:52>
digitalocean dop_v1_<hex:64>
digitalocean doo_v1_<hex:64>
discord discord.com/api/webhooks/<dig:18-19>/<url:68>
docker dckr_pat_<url:27>
docker dckr_oat_<url:32>
doppler dp.pt.<b62:43>
doppler dp.st.dev.<b62:43>
dropbox sl.<url:140>
duffel duffel_live_<url:43>
dynatrace dt0c01.<B36:24>.<B36:64>
e2b e2b_<hex:40>
easypost EZAK<b62:54>
elastic essu_<b64:80>
elevenlabs sk_<hex:48>
facebook EAA<b62:160-200>
figma figd_<url:40>
firecrawl fc-<hex:32>
fireworks fw_<b62:24>
flagsmith ser.<b62:22>
flutterwave FLWSECK-<hex:32>-X
flyio fo1_<url:43>
frameio fio-u-<url:64>
gemini AQ.Ab8RN6<url:44>
github github_pat_<b62:22>_<b62:59>
gitlab glpat-<url:20>
gitlab glrt-<url:20>
gitlab gldt-<url:20>
google AIza<url:35>
google GOCSPX-<url:28>
google ya29.<url:60-200>
google-chat chat.googleapis.com/v1/spaces/<b62:11>/messages?key=<url:39>&token=<url:43>
grafana glc_<b64:120>
groq gsk_<b62:52>
harness pat.<url:22>.<hex:24>.<b62:20>
helicone sk-helicone-<b36:7>-<b36:7>-<b36:7>-<b36:7>
heroku HRKU-AA<url:58>
hex hxtp_<hex:64>
honeycomb hcaik_<b36:58>
hubspot pat-na1-<uuid>
huggingface hf_<let:34>
infisical st.<hex:24>.<hex:32>.<hex:32>
infracost ico-<b62:32>
instagram IGQV<url:140>
jina jina_<b62:60>
klaviyo pk_<hex:34>
lambdatest LT_<b62:47>
langfuse sk-lf-<uuid>
langsmith lsv2_pt_<hex:32>_<hex:10>
langsmith lsv2_sk_<hex:32>_<hex:10>
launchdarkly sdk-<uuid>
launchdarkly api-<uuid>
lichess lip_<b62:20>
linear lin_api_<b62:40>
linkedin WPL_AP1.<b62:16>.<b64:8>
llamacloud llx-<b62:48>
logfire pylf_v1_us_<b62:43>
mailersend mlsn.<hex:64>
mailgun key-<hex:32>
mercury mercury_production_rw_<b62:43>_yrucrem
mergify mergify_application_key_<url:64>
minimax sk-api-<url:119>
mollie live_<b62:30>
moonshot sk-<b62:48>
neon napi_<b36:64>
netlify nfp_<b62:36>
newrelic NRAK-<B36:27>
notion ntn_<dig:11><b62:35>
nuget oy2<b36:43>
nvidia nvapi-<url:64>
nylas nyk_v0_<b62:64>
octopus API-<B36:26>
okta SSWS 00<url:40>
onesignal os_v2_app_<l32:103>
onfido api_live.<url:11>.<url:32>
openai sk-proj-<url:74>T3BlbkFJ<url:74>
openai sk-<b62:20>T3BlbkFJ<b62:20>
openai sk-svcacct-<url:58>T3BlbkFJ<url:58>
openrouter sk-or-v1-<hex:64>
openshift sha256~<url:43>
packagist packagist_ort_<hex:68>
paddle pdl_live_apikey_<b36:26>_<b62:22>_<b62:3>
perplexity pplx-<b62:48>
persona persona_production_<b36:36>
pinecone pcsk_<b62:6>_<b62:63>
pinterest pina_<B36:92>
plaid access-production-<uuid>
planetscale pscale_tkn_<url:43>
planetscale pscale_pw_<url:43>
polar polar_oat_<b62:43>
postman PMAK-<hex:24>-<hex:34>
posthog phx_<b62:43>
prefect pnu_<b62:36>
pulumi pul-<hex:40>
ramp ramp_sec_<b62:48>
razorpay rzp_live_<b62:14>
readme rdme_<b36:70>
render rnd_<b62:28>
replicate r8_<b62:37>
resend re_<b58:8>_<b58:24>
rootly rootly_<hex:64>
rubygems rubygems_<hex:48>
runpod rpa_<B36:40><b62:6>
salesforce 00D<b62:12>!<b62:96>
samsara samsara_api_<b62:30>
scalingo tk-us-<url:48>
sendgrid SG.<url:22>.<url:43>
sentry sntryu_<hex:64>
shippo shippo_live_<hex:40>
shopify shpat_<hex:32>
shopify shpss_<hex:32>
slack xoxb-<dig:12>-<dig:13>-<b62:24>
slack xoxp-<dig:12>-<dig:12>-<dig:12>-<hex:32>
slack xapp-1-A<B36:10>-<dig:13>-<hex:64>
slack hooks.slack.com/services/T<B36:10>/B<B36:10>/<b62:24>
snyk snyk_uat.<hex:8>.<url:100>
sonar squ_<hex:40>
sourcegraph sgp_<hex:16>_<hex:40>
square sq0atp-<url:22>
square EAAA<url:60>
statsig secret-<b62:43>
stripe sk_live_<b62:24>
stripe rk_live_<b62:99>
stripe whsec_<b62:32>
supabase sbp_<hex:40>
supabase sb_secret_<url:22>_<b62:8>
swarm SWMTKN-1-<b36:50>-<b36:25>
tailscale tskey-auth-<b62:11>CNTRL-<b62:32>
tavily tvly-dev-<b62:32>
teams x.webhook.office.com/webhookb2/<uuid>@<uuid>/IncomingWebhook/<hex:32>/<uuid>
telegram <dig:10>:AA<url:33>
telnyx KEY<HEX:32>_<b62:22>
tencent AKID<b62:32>
terraform <b62:14>.atlasv1.<b62:67>
together tgp_v1_<url:43>
twilio SK<hex:32>
twitter AAAAAAAAAAAAAAAAAAAAA<b62:80>
typeform tfp_<b62:44>_<b62:14>
unkey unkey_<b58:22>
unleash default:development.<hex:56>
upcloud ucat_<B36:26>
valtown vtwn_<b62:24>
vault hvs.<url:90-110>
vault hvb.<url:140>
vercel vcp_<b62:56>
voyage pa-<url:43>
wakatime waka_<uuid>
wandb wandb_v1_<b62:77>
xai xai-<b62:80>
xata xau_<b62:32>
xendit xnd_production_<b62:60>
yandex AQVN<url:36>
zuplo zpka_<b36:32>_<hex:8>
"""
FORMATS: list[tuple[str, Maker]] = [
    *_plan(_TEMPLATES),
    ("github", _checked("ghp_", 30)),
    ("github", _checked("gho_", 30)),
    ("github", _checked("ghs_", 30)),
    ("npm", _checked("npm_", 30)),
    ("gitlab", _routable),
    ("cloudflare", _hex_checked("cfat_", 40)),
    ("cloudflare", _hex_checked("cfut_", 40)),
    ("grafana", _hex_checked("glsa_", 32, between="_")),
    ("grafana", _grafana_legacy),
    ("jwt", _jwt),
    ("pypi", _pypi),
    ("discord", _discord),
    ("onepassword", _service_account),
    ("sentry", _sentry_org),
]
