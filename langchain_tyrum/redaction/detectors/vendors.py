"""Tokens that their prefix gives away, vendor by vendor.

No pattern asks what comes behind the token: a marker might come to stand there, and
then a second look would find what the first did not.
"""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector, token

_MODELS = (
    token(
        "anthropic-key",
        r"sk-ant-[A-Za-z0-9_-]{20,200}",
        "sk-ant-api03-<a93>AA",
        source="https://docs.anthropic.com/en/api/overview",
        negative="the sk-ant- prefix",
    ),
    token(
        "openai-key",
        r"sk-(?!ant-|or-v1-|lf-)(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}"
        r"|[A-Za-z0-9]{20,64})",
        "sk-proj-<a48>_<a20>",
        "sk-<a48>",
        "sk-svcacct-<a40>",
        source="https://platform.openai.com/docs/api-reference/authentication",
        negative="a task-<a30> and a risk-assessment-for-something-long",
    ),
    token("openrouter-key", r"sk-or-v1-[0-9a-f]{64}", "sk-or-v1-<h64>"),
    token("langfuse-key", r"sk-lf-[0-9a-f-]{36}", "sk-lf-<h8>-<h4>-<h4>-<h4>-<h12>"),
    token(
        "langsmith-key",
        r"(?:lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|ls__[0-9a-f]{32})",
        "lsv2_pt_<h32>_<h10>",
        "ls__<h32>",
    ),
    token("groq-key", r"gsk_[A-Za-z0-9]{40,64}", "gsk_<a52>"),
    token("huggingface-token", r"hf_[A-Za-z0-9]{30,64}", "hf_<a34>"),
    token("perplexity-key", r"pplx-[A-Za-z0-9]{40,64}", "pplx-<a48>"),
    token("replicate-token", r"r8_[A-Za-z0-9]{37,40}", "r8_<a37>"),
    token("xai-key", r"xai-[A-Za-z0-9]{60,100}", "xai-<a80>"),
    token("nvidia-key", r"nvapi-[A-Za-z0-9_-]{60,80}", "nvapi-<a64>"),
    token("tavily-key", r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{20,64}", "tvly-dev-<a32>"),
    token("pinecone-key", r"pcsk_[A-Za-z0-9_]{50,90}", "pcsk_<a70>"),
    token("firecrawl-key", r"fc-[0-9a-f]{32}", "fc-<h32>"),
    token("e2b-key", r"e2b_[0-9a-f]{40}", "e2b_<h40>"),
    token("jina-key", r"jina_[A-Za-z0-9_-]{50,80}", "jina_<a60>"),
    token("elevenlabs-key", r"sk_[0-9a-f]{48}", "sk_<h48>"),
)
_CODE = (
    token(
        "github-pat",
        r"(?:ghp_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255})",
        "ghp_<a36>",
        "github_pat_<a22>_<a59>",
        source="https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/",
        negative="ghp_short and a ghp_<a10>",
    ),
    token(
        "github-token",
        r"gh[ousr]_[A-Za-z0-9]{36,255}",
        "gho_<a36>",
        "ghs_<a36>",
        "ghu_<a36>",
        "ghr_<a76>",
    ),
    token(
        "gitlab-token",
        r"(?:gl(?:pat|dt|rt|rtr|ptt|soat|cbt|ft|imt|oas|agent|wt)-|glffct-|GR1348941)"
        r"[A-Za-z0-9_.-]{20,300}",
        "glpat-<a20>",
        "glrt-<a20>",
        "glpat-<a27>.01.<a9>",
        source="https://docs.gitlab.com/security/tokens/",
    ),
    token("bitbucket-token", r"ATBB[A-Za-z0-9]{24,40}", "ATBB<a32>"),
    token("atlassian-token", r"ATATT3[A-Za-z0-9_=-]{180,220}", "ATATT3<a186>"),
    token("npm-token", r"npm_[A-Za-z0-9]{36}", "npm_<a36>"),
    token(
        "pypi-token",
        r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,300}",
        "pypi-AgEIcHlwaS5vcmc<a90>",
    ),
    token("rubygems-key", r"rubygems_[0-9a-f]{48}", "rubygems_<h48>"),
    token("crates-token", r"cio[A-Za-z0-9]{32}", "cio<a32>"),
    token("docker-token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,64}", "dckr_pat_<a27>"),
    token("sentry-token", r"sntry[su]_[A-Za-z0-9+/=_-]{40,400}", "sntryu_<h64>"),
    token("linear-key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}", "lin_api_<a40>"),
    token("notion-token", r"(?:ntn_|secret_)[A-Za-z0-9]{40,50}", "ntn_<a46>"),
    token("figma-token", r"figd_[A-Za-z0-9_-]{38,48}", "figd_<a40>"),
    token("postman-key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}", "PMAK-<h24>-<h34>"),
    token(
        "doppler-token",
        r"dp\.(?:pt|st|sa|ct|scim|audit)\.[A-Za-z0-9_.-]{40,80}",
        "dp.pt.<a43>",
    ),
    token("pulumi-token", r"pul-[0-9a-f]{40}", "pul-<h40>"),
    Detector(
        name="terraform-token",
        kind="terraform-token",
        pattern=r"(?<=[A-Za-z0-9]{14})\.atlasv1\.[A-Za-z0-9_=-]{60,80}",
        keywords=("atlasv1",),
        positive=("<a14>.atlasv1.<a67>",),
    ),
)
_CLOUD = (
    token(
        "aws-access-key-id",
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
        "AKIA<u16>",
        "ASIA<u16>",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        negative="AKIA<u9>",
    ),
    token(
        "google-api-key",
        r"AIza[A-Za-z0-9_-]{35}",
        "AIza<a35>",
        source="https://cloud.google.com/docs/authentication/api-keys",
        negative="AIza<a30>",
    ),
    token(
        "google-oauth",
        r"(?:GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{20,300})",
        "GOCSPX-<a28>",
        "ya29.<a60>",
    ),
    token("digitalocean-token", r"do[opr]_v1_[0-9a-f]{64}", "dop_v1_<h64>"),
    token("databricks-token", r"dapi[0-9a-h]{32}(?:-\d)?", "dapi<h32>"),
    token("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{24,300}", "hvs.<a24>"),
    token("onepassword-token", r"ops_eyJ[A-Za-z0-9+/_=-]{250,2000}", "ops_eyJ<a256>"),
    token("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", "AGE-SECRET-KEY-1<u58>"),
    token(
        "supabase-key",
        r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,60})",
        "sbp_<h40>",
        "sb_secret_<a31>",
    ),
    token(
        "planetscale-token",
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}",
        "pscale_tkn_<a43>",
    ),
    token(
        "flyio-token",
        r"(?:fo1_[A-Za-z0-9_-]{43}|fm[12][ar]?_[A-Za-z0-9+/=]{100,400})",
        "fo1_<a43>",
    ),
    token("heroku-key", r"HRKU-AA[A-Za-z0-9_-]{58}", "HRKU-AA<a58>"),
    token(
        "grafana-token",
        r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|glc_[A-Za-z0-9+/=]{32,400})",
        "glsa_<a32>_<h8>",
    ),
    token("newrelic-key", r"NRAK-[A-Z0-9]{27}", "NRAK-<u27>"),
    token("posthog-key", r"ph[sx]_[A-Za-z0-9]{32,60}", "phx_<a43>"),
)
_BUSINESS = (
    token(
        "stripe-key",
        r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,247}",
        "sk_live_<a24>",
        "rk_test_<a24>",
        source="https://docs.stripe.com/keys",
        negative="pk_live_<a24>",
    ),
    token("stripe-webhook", r"whsec_[A-Za-z0-9+/]{32,64}", "whsec_<a32>"),
    token(
        "slack-token",
        r"(?:xox[abceoprs]-|xoxe\.xox[bp]-|xapp-\d-)[A-Za-z0-9-]{10,250}",
        "xoxb-<d12>-<d12>-<a24>",
        "xapp-1-A<u10>-<d13>-<h64>",
        source="https://api.slack.com/authentication/token-types",
    ),
    token(
        "slack-webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/"
        r"([A-Za-z0-9/+_-]{20,120})",
        "hooks.slack.com/services/T<u9>/B<u9>/<a24>",
    ),
    token(
        "discord-webhook",
        r"discord(?:app)?\.com/api/webhooks/\d{10,22}/"
        r"([A-Za-z0-9_-]{50,90})",
        "discord.com/api/webhooks/<d18>/<a68>",
    ),
    token(
        "sendgrid-key",
        r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
        "SG.<a22>.<a43>",
    ),
    token("mailgun-key", r"key-[0-9a-f]{32}", "key-<h32>"),
    token("twilio-key", r"SK[0-9a-f]{32}", "SK<h32>"),
    token("shopify-token", r"shp(?:at|ss|ca|pa|tka)_[0-9a-fA-F]{32}", "shpat_<h32>"),
    token(
        "square-token",
        r"(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})",
        "sq0atp-<a22>",
    ),
    token("easypost-key", r"EZ[AT]K[A-Za-z0-9]{54}", "EZAK<a54>"),
    token("airtable-pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat<a14>.<h64>"),
    Detector(
        name="telegram-token",
        kind="telegram-token",
        pattern=r"(?<=[0-9]{8}):(AA[A-Za-z0-9_-]{33})",
        keywords=(":aa",),
        positive=("<d10>:AA<a33>",),
    ),
    token("facebook-token", r"EAA[A-Za-z0-9]{90,250}", "EAA<a120>"),
)

VENDORS: tuple[Detector, ...] = (*_MODELS, *_CODE, *_CLOUD, *_BUSINESS)
