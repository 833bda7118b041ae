"""Lines that agents write and read all day, without a credential in them."""

from __future__ import annotations

import base64
import random
import string
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SAID = (
    "the agent calls a tool and waits for its answer then it writes plan reads file "
    "search query weather returns value error retry branch merge deploy release "
    "config secret token password key policy user session cache index table model"
)
_WORDS = _SAID.split()
_B62 = string.ascii_letters + string.digits
_B64 = _B62 + "+/"
_HEX = "0123456789abcdef"


class Maker:
    """Random parts of lines, from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def of(self, alphabet: str, size: int) -> str:
        return "".join(self.rng.choices(alphabet, k=size))

    def hex(self, size: int) -> str:
        return self.of(_HEX, size)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def words(self, low: int = 2, high: int = 8) -> str:
        return " ".join(self.rng.choices(_WORDS, k=self.rng.randint(low, high)))

    def word(self) -> str:
        return self.rng.choice(_WORDS)

    def slug(self, sep: str = "-") -> str:
        return sep.join(self.rng.choices(_WORDS, k=self.rng.randint(2, 6)))

    def number(self, most: int = 10**6) -> int:
        return self.rng.randrange(most)

    def version(self) -> str:
        return ".".join(str(self.number(40)) for _ in range(3))

    def ulid(self) -> str:
        return "01" + self.of("0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24)

    def b64(self, size: int) -> str:
        return base64.b64encode(self.rng.randbytes(size)).decode()


_KINDS: list[Callable[[Maker], str]] = [
    # ids and digests
    lambda m: f"run_id: {m.uuid()} thread_id={m.uuid()}",
    lambda m: f"commit {m.hex(40)}\nAuthor: Ann <ann@test>",
    lambda m: f"{m.hex(7)} fix: {m.words()}",
    lambda m: f"index {m.hex(7)}..{m.hex(7)} 100644",
    lambda m: f"Digest: sha256:{m.hex(64)}",
    lambda m: f"image: registry.test/{m.slug()}@sha256:{m.hex(64)}",
    lambda m: f"{m.hex(64)}  {m.slug()}.tar.gz",
    lambda m: f"MD5 ({m.slug()}.iso) = {m.hex(32)}",
    lambda m: f"tool_call_id='call_{m.of(_B62, 24)}' name='{m.word()}'",
    lambda m: f'{{"id": "toolu_{m.of(_B62, 24)}", "type": "tool_use"}}',
    lambda m: f'{{"id": "chatcmpl-{m.of(_B62, 29)}", "object": "chat.completion"}}',
    lambda m: f'"id": "resp_{m.hex(48)}", "msg": "msg_{m.hex(48)}"',
    lambda m: f"traceparent: 00-{m.hex(32)}-{m.hex(16)}-01",
    lambda m: f"trace_id={m.hex(32)} span_id={m.hex(16)}",
    lambda m: f"x-request-id: {m.uuid()}",
    lambda m: f"request id req_{m.of(_B62, 24)} took {m.number()} ms",
    lambda m: f"job {m.ulid()} queued behind {m.ulid()}",
    lambda m: f"checkpoint_id: {m.uuid()} ns={m.word()}:{m.uuid()}",
    lambda m: f"cus_{m.of(_B62, 14)} pi_{m.of(_B62, 24)} price_{m.of(_B62, 24)}",
    lambda m: f"arn:aws:iam::{m.number(10**12):012}:role/{m.slug()}",
    lambda m: f"vpc-{m.hex(17)} subnet-{m.hex(17)} i-{m.hex(17)}",
    lambda m: f"projects/{m.slug()}/secrets/{m.slug()}/versions/{m.number(9)}",
    lambda m: f'ETag: "{m.hex(32)}"',
    lambda m: f"build {m.version()}+{m.hex(7)} on {m.slug()}-{m.hex(10)}-{m.hex(5)}",
    # lock files, packages, certificates, keys that are public
    lambda m: f'"integrity": "sha512-{m.b64(64)}"',
    lambda m: f"  integrity sha512-{m.b64(64)}",
    lambda m: f'    {{file = "{m.slug()}.whl", hash = "sha256:{m.hex(64)}"}},',
    lambda m: f"    --hash=sha256:{m.hex(64)} \\",
    lambda m: f"github.com/{m.word()}/{m.word()} v{m.version()} h1:{m.b64(32)}",
    lambda m: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{m.of(_B64, 48)} ann@host",
    lambda m: f"-----BEGIN CERTIFICATE-----\n{m.b64(48)}\n-----END CERTIFICATE-----",
    lambda m: f"-----BEGIN PUBLIC KEY-----\n{m.b64(48)}\n-----END PUBLIC KEY-----",
    lambda m: f'{{"kty": "EC", "crv": "P-256", "x": "{m.of(_B62, 43)}"}}',
    lambda m: f"SHA256:{m.of(_B64, 43)} ann@host (ED25519)",
    lambda m: f"age1{m.of('023456789acdefghjklmnpqrstuvwxyz', 58)}",
    lambda m: f"pk_live_{m.of(_B62, 24)} is the publishable key",
    # encodings
    lambda m: f"data:image/png;base64,iVBORw0KGgo{m.b64(150)}",
    lambda m: f'{{"type": "image", "data": "{m.b64(240)}"}}',
    lambda m: f"base64: {base64.b64encode(m.words().encode()).decode()}",
    lambda m: f"cursor=eyJ{m.of(_B62, 40)}&limit=20",
    lambda m: f"next_page_token: {m.of(_B62, 40)}",
    lambda m: f'"continuation_token": "{m.of(_B62, 60)}"',
    lambda m: f"\\x{m.hex(2)}\\x{m.hex(2)} %{m.of('0123456789ABCDEF', 2)}",
    # handles and markers
    lambda m: f"token: tyrum://h_{m.of(_B62, 22)}",
    lambda m: f'{{"password": "tyrum://{m.word()}/{m.word()}"}}',
    lambda m: f"api_key=[REDACTED:{m.word()}/key] and [REDACTED]",
    # prose about secrets
    lambda m: f"my password is not working, {m.words()}",
    lambda m: f"I forgot my password {m.number(9)} times this week",
    lambda m: f"The token expires on 2026-{m.number(12) + 1:02}-{m.number(28) + 1:02}.",
    lambda m: f"The secret to {m.words()} is patience.",
    lambda m: f"passwords are hashed with bcrypt, cost {m.number(20)}",
    lambda m: f"Step {m.number(20)}: paste your API key into the {m.word()} field.",
    lambda m: f"the token is valid for {m.number()} seconds",
    lambda m: f"Error 401: invalid token, see section {m.version()}",
    lambda m: f"the password must be {m.number(20)} to 64 characters long",
    lambda m: f"We store the {m.word()} key under secret/{m.slug('/')}",
    lambda m: f"Basic authentication is deprecated since v{m.version()}",
    lambda m: f"She said the key is {m.word()}, and the pass is {m.number(50)} km away",
    # code and configuration without values
    lambda m: f"def login_{m.word()}(user: str, password: str) -> Token:",
    lambda m: f"    {m.word()}_token: str | None = None",
    lambda m: f"token=None, secret=None, {m.word()}={m.number()}",
    lambda m: f'api_key=os.environ["{m.word().upper()}_API_KEY{m.number(9)}"]',
    lambda m: f'password = os.getenv("{m.word().upper()}_PASSWORD")',
    lambda m: f"password = getpass.getpass('{m.words()}: ')",
    lambda m: f"token = jwt.encode({m.word()}{m.number(9)}, key, 'HS256')",
    lambda m: f"const token = await get{m.word().title()}V2Token({m.number(9)});",
    lambda m: f"token = response.json()['{m.word()}{m.number(9)}']",
    lambda m: f"secret = settings.{m.word().upper()}_V{m.number(9)}",
    lambda m: f"password: ${{{m.word().upper()}_PASSWORD{m.number(9)}}}",
    lambda m: f"password: {{{{ .Values.{m.word()}.password{m.number(9)} }}}}",
    lambda m: f"export {m.word().upper()}_TOKEN=$(gh auth token {m.number(9)})",
    lambda m: f"GITHUB_TOKEN: ${{{{ secrets.{m.word().upper()}_{m.number(9)} }}}}",
    lambda m: f"Set {m.word().upper()}_API_KEY=<your-{m.word()}-key-{m.number(9)}>",
    lambda m: f"password: {m.rng.choice(['***', 'xxxxxxxx', '********', 'string'])}",
    lambda m: f"Authorization: Bearer ${{{m.word().upper()}{m.number(9)}}}",
    lambda m: "curl -H 'Authorization: Bearer <token>' https://api.test/v1",
    lambda m: f'  "secret_name": "{m.word()}/token", "version": {m.number(9)}',
    lambda m: f"valueFrom: {{secretKeyRef: {{name: {m.slug()}, key: password}}}}",
    lambda m: f'{{"name": "password", "type": "string", "maxLength": {m.number(99)}}}',
    lambda m: f'{{"type": "apiKey", "in": "header", "name": "X-{m.word()}-Key"}}',
    lambda m: f"assert password_hash_rounds == {m.number()}",
    lambda m: f"#define AUTH_TOKEN_SIZE {m.number()}",
    lambda m: f"CREATE TABLE users (id BIGINT, password VARCHAR({m.number(255)}));",
    lambda m: f"| password | VARCHAR({m.number(255)}) | {m.words()} |",
    lambda m: f"| token_{m.word()} | {m.number()} | {m.version()} |",
    lambda m: f'"tokens": {m.number()}, "token_type": "bearer", "expires_in": 3600',
    lambda m: f"input_tokens={m.number()} output_tokens={m.number()} max_tokens: 4096",
    lambda m: f"tokenizer=tiktoken/cl100k_base, stop_token='###', n={m.number(9)}",
    lambda m: f"primary_key={m.word()}_{m.number()} partition_key: user#{m.number()}",
    lambda m: f"cache_key = '{m.slug(':')}:{m.number()}'",
    lambda m: f"public_key_id: {m.hex(16)} key_version: {m.number(99)}",
    lambda m: f"git clone https://github.com/{m.word()}/{m.slug()}.git",
    lambda m: f"postgres://${{DB_USER}}:${{DB_PASS{m.number(9)}}}@{m.word()}:5432/app",
    lambda m: f"see https://docs.test:8443/{m.slug()}#auth or mail ops@example.test",
    lambda m: (
        f"https://{m.word()}.test/?page={m.number()}&token_type=x&q={m.slug('+')}"
    ),
    lambda m: f"mysql -u root -p {m.word()} < dump_{m.number()}.sql",
    lambda m: f"docker run -u {m.number(9999)}:{m.number(9999)} -p 8080:80 {m.slug()}",
    lambda m: f"ssh -p {m.number(65535)} me@{m.slug()}.test",
    lambda m: f"tar -xzf {m.slug()}-{m.version()}.tar.gz -C /opt --strip 1",
    lambda m: f"--password-stdin --token-file /run/secrets/{m.word()}{m.number(9)}",
    lambda m: f"Set-Cookie: theme=dark-{m.number()}; Path=/; SameSite=Lax",
    lambda m: f"Cookie: lang=en-US; cf_ray={m.hex(16)}; consent=v2-{m.number()}",
    # minified code, data, text
    lambda m: (
        f"!function(e,t){{var n={m.number()};return e.key=t.token,n}}(a,b{m.hex(3)})"
    ),
    lambda m: f"var a={{k:{m.number()},p:'{m.word()}',d:[{m.number()},{m.number()}]}};",
    lambda m: f".{m.slug()}{{color:#{m.hex(6)};margin:{m.number(99)}px}}",
    lambda m: f"{m.words(6, 30)}",
    lambda m: f"2026-11-22T01:35:05.{m.number():06}Z INFO {m.slug('.')} {m.words()}",
    lambda m: (
        f'{m.number(255)}.{m.number(255)}.0.1 - - "GET /{m.slug("/")} HTTP/1.1" 200'
    ),
    lambda m: f"[{m.number()}.{m.number()}, -{m.number()}.{m.number()}e-05, 0.0]",
    lambda m: f"import {m.word()}_{m.word()} as {m.word()}  # noqa: F{m.number(999)}",
    lambda m: (
        f"/usr/lib/python3.11/site-packages/{m.slug('/')}/{m.word()}.py:{m.number()}"
    ),
    lambda m: f"feature/{m.slug()}-{m.number()}-{m.slug()}-{m.slug()}-{m.word()}",
    lambda m: (
        f"test_{m.slug('_')}_{m.slug('_')}_{m.slug('_')}[{m.word()}-{m.number()}]"
    ),
    lambda m: f"live_{m.slug('_')} sandbox_{m.slug('_')} api-{m.slug()} pat.{m.word()}",
    lambda m: f"risk-{m.slug()}-task-{m.slug()}-{m.hex(8)} sk-{m.slug()}-{m.slug()}",
    lambda m: f"mailto:{m.word()}.{m.word()}@example.test +49 30 {m.number(10**8)}",
    lambda m: f"DE{m.number(10**12):020} 4111 1111 1111 1111 {m.number(10**9)}",
    lambda m: f"0x{m.hex(40)} block {m.number(10**8)} gas {m.number(10**7)}",
    lambda m: f"{m.of(_B62, 11)} https://www.youtube.com/watch?v={m.of(_B62, 11)}",
    lambda m: (
        f"doi:10.{m.number(9999)}/{m.slug('.')}.{m.number()} isbn 978{m.number(10**9)}"
    ),
    lambda m: (
        f"{m.word()}:{m.number(65535)}:{m.word()} 5432:5432 {m.word()}/{m.version()}"
    ),
    lambda m: f'W/"{m.hex(8)}-{m.of(_B62, 27)}" max-age={m.number()}',
    lambda m: f'<div id="{m.slug()}-{m.hex(8)}" data-token-count="{m.number()}">',
    lambda m: f"für Müller, 密码 {m.number()} パスワード {m.words()}",
]


def lines(count: int, seed: int = 1) -> list[str]:
    """Make lines, each kind in its turn; some stand for two or three lines of text."""
    maker = Maker(seed)
    return [_KINDS[index % len(_KINDS)](maker) for index in range(count)]
