"""Keys as text, and the files that clouds and tools keep credentials in."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import LEFT, Detector
from langchain_tyrum.redaction.detectors.words import HOLLOW, QUOTE, SEP

_OPENVPN = r"(?:Static key V1|tls-crypt-v2 (?:client|server) key)"
_LINE = r"[ \t]{1,16}[A-Za-z0-9_.-]{1,128}:[ \t]{0,8}[^\r\n]{1,4096}\r?\n"


def _jwk(name: str, quote: str, positive: tuple[str, ...]) -> Detector:
    """Write the row for private members in one kind of quotes: both cost far more."""
    return Detector(
        name=name,
        kind="private-key",
        pattern=rf"(?<={quote})(?:d|p|q|dp|dq|qi|k)(?:{quote}|\\{quote}|\\\\\\{quote})"
        rf"\s{{0,4}}:\s{{0,4}}\\{{0,3}}{quote}"
        r"(?=[A-Za-z0-9_-]{0,39}[0-9])(?=[A-Za-z0-9_-]{0,39}[A-Z])"
        rf"([A-Za-z0-9_-]{{40,1400}})(?=\\{{0,3}}{quote})",
        keywords=(quote,),
        max_length=1472,
        source="RFC 7517; RFC 7518, section 6",
        positive=positive,
        negative=(f"{quote}d{quote}: {quote}short{quote}", '{"x": "<a43>"}'),
    )


KEYS: tuple[Detector, ...] = (
    Detector(
        name="jwt",
        kind="jwt",
        pattern=LEFT + r"eyJ[A-Za-z0-9_-]{10,2048}\.[A-Za-z0-9_-]{10,8192}"
        r"\.[A-Za-z0-9_-]{10,8192}",
        keywords=("eyj",),
        max_length=18560,
        source="RFC 7519",
        positive=("eyJ<a33>.eyJ<a60>.<a43>",),
        negative=("eyJ<a30> alone", "eyJ<a12>.txt"),
    ),
    Detector(
        name="jwe",
        kind="jwt",
        pattern=LEFT + r"eyJ[A-Za-z0-9_-]{10,2048}\.\.[A-Za-z0-9_-]{10,64}"
        r"\.[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{10,64}",
        keywords=("eyj",),
        max_length=10496,
        source="RFC 7516",
        positive=("eyJ<a33>..<a16>.<a60>.<a22>",),
        negative=("eyJ<a33>..<a16>",),
    ),
    Detector(
        name="base64-jwt",
        kind="jwt",
        pattern=LEFT + r"ZXlK(?:aGJHY|MGVYQ|cmFXU|amRI)[A-Za-z0-9+/_-]{60,16384}={0,2}",
        max_length=16512,
        source="RFC 7519, in the data of a Kubernetes Secret",
        positive=("token: ZXlKaGJHY2lPaUpJVXpJMU5pSjk<a80>",),
        negative=("ZXlKaGJHY<a12>",),
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
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n<a64>\n",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n<a64>",
        ),
        negative=("-----BEGIN CERTIFICATE-----", "'-----BEGIN PRIVATE KEY-----' in s"),
    ),
    Detector(
        name="ssh2-private-key",
        kind="private-key",
        pattern=r"---- BEGIN SSH2 (?:ENCRYPTED )?PRIVATE KEY ----(?![\"'`)\]])",
        ends=r"---- END SSH2 (?:ENCRYPTED )?PRIVATE KEY ----",
        source="RFC 4716",
        positive=("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n<a64>",),
        negative=("---- BEGIN SSH2 PUBLIC KEY ----",),
    ),
    Detector(
        name="openvpn-static-key",
        kind="private-key",
        pattern=rf"-----BEGIN OpenVPN {_OPENVPN}-----(?![\"'`)\]])",
        ends=rf"-----END OpenVPN {_OPENVPN}-----",
        source="openvpn(8)",
        positive=("-----BEGIN OpenVPN Static key V1-----\n<h32>\n<h32>",),
        negative=("OpenVPN Static key V1",),
    ),
    Detector(
        name="putty-private-key",
        kind="private-key",
        pattern=r"PuTTY-User-Key-File-[23]: [a-z0-9-]{3,40}\r?\n",
        ends=r"Private-MAC: [0-9a-f]{40,64}",
        source="https://tartarus.org/~simon/putty-snapshots/htmldoc/AppendixC.html",
        positive=("PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n<a64>",),
        negative=("PuTTY-User-Key-File-3 is the newest",),
    ),
    Detector(
        name="base64-private-key",
        kind="private-key",
        pattern=LEFT + r"LS0tLS1CRUdJTi(?:BQUklW|BQR1Ag|BSU0EgUFJJ|BF|BPUEVOU1NI|BE)"
        r"[A-Za-z0-9+/]{40,16384}={0,2}",
        max_length=16512,
        source="kubeconfig client-key-data; data of Kubernetes Secrets",
        positive=("client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVk<a60>",),
        negative=("client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS<a60>",),
    ),
    _jwk("jwk", '"', ('{"kty": "EC", "d": "<a43>"}', '{"kty":"oct","k":"<a43>"}')),
    _jwk("jwk-repr", "'", ("{'kty': 'RSA', 'd': '<a86>', 'p': '<a43>'}",)),
    Detector(
        name="otpauth",
        kind="totp-secret",
        pattern=r"otpauth://[th]otp/[^\s\"'?]{0,200}\?[^\s\"']{0,200}?"
        r"secret=([A-Za-z2-7]{8,256})",
        max_length=768,
        source="https://github.com/google/google-authenticator/wiki/Key-Uri-Format",
        positive=("otpauth://totp/acme:me?secret=JBSWY3DPEHPK3PXP&issuer=acme",),
        negative=("otpauth://totp/acme:me?issuer=acme",),
    ),
    Detector(
        name="password-hash",
        kind="password-hash",
        pattern=r"\$(?:2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|"
        r"[156]\$(?:rounds=[0-9]{1,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}|"
        r"y\$[./A-Za-z0-9]{1,12}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}|"
        r"apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}|[89]\$[./A-Za-z0-9]{14}"
        r"\$[./A-Za-z0-9]{43}|argon2(?:id|i|d)\$v=[0-9]{1,3}\$[a-z0-9=,]{8,40}\$[A-Za-z0-9+/]{8,88}"
        r"\$[A-Za-z0-9+/]{16,128})",
        keywords=("$",),
        source="crypt(5); the PHC string format",
        positive=(
            "$2b$12$<a53>",
            "root:$6$<a16>$<a86>:19000",
            "admin:$apr1$<a8>$<a22>",
            "$argon2id$v=19$m=65536,t=3,p=4$<a22>$<a43>",
        ),
        negative=("$2b$12$short", "costs $6$ or $1"),
    ),
    Detector(
        name="kubernetes-secret",
        kind="kubernetes-secret",
        pattern=r"kind:[ \t]{0,4}[\"']?Secret[\"']?(?=\s)(?:(?!\n---)[^{}]){0,800}?"
        rf"\n[ \t]{{0,8}}(?:data|stringData):[ \t]{{0,4}}\r?\n((?:{_LINE}){{1,24}})",
        keywords=("kind:",),
        max_length=1 << 17,
        source="https://kubernetes.io/docs/concepts/configuration/secret/",
        positive=(
            "kind: Secret\nmetadata:\n  name: a\ndata:\n  user: bWU=\n  x: aHVudGVy\n",
        ),
        negative=("kind: ConfigMap\ndata:\n  a: b\n", "kind: SecretStore\n"),
    ),
    Detector(
        name="aws-secret-key",
        kind="aws-secret-access-key",
        pattern=rf"(?i:aws_?secret_?(?:access_?)?key|secretaccesskey)(?:{QUOTE})?"
        rf"{SEP}(?:{QUOTE})?([A-Za-z0-9/+]{{40}})",
        keywords=("secret",),
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
        positive=("aws_secret_access_key = <a40>", '"SecretAccessKey": "<a40>"'),
        negative=("aws_secret_access_key = ${AWS_SECRET}",),
    ),
    Detector(
        name="docker-auth",
        kind="authorization",
        pattern=r"\"auth\"\s{0,4}:\s{0,4}\"([A-Za-z0-9+/=]{12,1024})\"",
        keywords=('"auth"',),
        max_length=1152,
        source="https://docs.docker.com/reference/cli/docker/login/",
        positive=('{"auths": {"r.io": {"auth": "dXNlcjpodW50ZXIy"}}}',),
        negative=('{"auth": "none"}',),
    ),
    Detector(
        name="netrc",
        kind="password",
        pattern=r"(?<![a-z])machine\s{1,8}\S{1,128}\s{1,8}login\s{1,8}\S{1,128}"
        r"\s{1,8}password\s{1,8}"
        rf"{HOLLOW}(\S{{4,128}})",
        keywords=("machine",),
        source="netrc(5)",
        positive=("machine api.test\n  login me\n  password hunter2",),
        negative=("the machine api.test needs login and password",),
    ),
    Detector(  # without its machine only on one line: prose and lists break lines
        name="netrc-line",
        kind="password",
        pattern=r"(?<![a-z])login[ \t]{1,8}\S{1,128}[ \t]{1,8}password[ \t]{1,8}"
        rf"{HOLLOW}(\S{{4,128}})",
        keywords=("login",),
        source="netrc(5)",
        positive=("default login me password hunter2",),
        negative=("login with your password please", "login me\npassword fields"),
    ),
    Detector(
        name="pgpass",
        kind="password",
        pattern=r"(?<=[A-Za-z0-9*.-]):(?:543[2-5]|6432|6543|25060|26257|\*):[A-Za-z0-9_*-]{1,64}:"
        rf"[A-Za-z0-9_*.-]{{1,64}}:{HOLLOW}([^\s:\"']{{4,128}})",
        keywords=(":543", ":6432:", ":6543:", ":25060:", ":26257:", ":*:"),
        source="https://www.postgresql.org/docs/current/libpq-pgpass.html",
        positive=("db.test:5432:app:me:hunter2", "*:*:*:me:hunter2"),
        negative=("ports: 5432:5432 and 8080:80",),
    ),
)
