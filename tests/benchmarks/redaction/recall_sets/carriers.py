"""The places where agents meet a credential: a dozen ways to write one down."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

Carrier = Callable[[str], str]


def _traceback(value: str) -> str:
    return (
        'Traceback (most recent call last):\n  File "/app/run.py", line 12, in main\n'
        f"    client.call({value!r})\nhttpx.HTTPStatusError: 401 for {value}\n"
    )


#: For tokens that speak for themselves.
CARRIERS: dict[str, Carrier] = {
    "prose": lambda v: f"I found {v} in the old notes, is it still in use?",
    "log line": lambda v: f"2026-11-22 01:35:05,123 INFO app.http [17] sent {v} ok",
    "JSON": lambda v: json.dumps({"id": 7, "data": {"setting": v}, "ok": True}),
    "JSON in JSON": lambda v: json.dumps({"body": json.dumps({"setting": v})}),
    "YAML": lambda v: f"service:\n  setting: {v}\n  replicas: 2\n",
    "dotenv": lambda v: f"APP_MODE=prod\nSETTING={v}\nPORT=8080\n",
    "shell": lambda v: f"export SETTING='{v}' && ./run.sh --fast",
    "header": lambda v: f"> POST /v1/x HTTP/1.1\n> X-Setting: {v}\n> Accept: */*\n",
    "URL query": lambda v: f"GET https://api.test/x?setting={quote(v, safe=':/')}&a=1",
    "Python": lambda v: f'client = Client(setting="{v}", timeout=30)\n',
    "SQL": lambda v: f"INSERT INTO settings (k, v) VALUES ('setting', '{v}');",
    "Markdown table": lambda v: f"| name | value |\n|---|---|\n| setting | {v} |\n",
    "traceback": _traceback,
    "color": lambda v: f"\x1b[1m\x1b[31m{v}\x1b[0m done",
}

#: For passwords, that only their surroundings give away.
CONTEXTS: dict[str, Carrier] = {
    "password: in prose": lambda v: f"my password: {v} and that is all",
    "password is": lambda v: f"my password is {v} by the way",
    "PW=": lambda v: f"PW={v}",
    "dotenv": lambda v: f"DB_HOST=db\nDB_PASSWORD={v}\nDB_PORT=5432",
    "JSON": lambda v: json.dumps({"user": "app", "password": v}),
    "JSON in JSON": lambda v: json.dumps({"b": json.dumps({"client_secret": v})}),
    "YAML": lambda v: f"db:\n  user: app\n  password: {v}\n",
    "TOML": lambda v: f'[db]\npassword = "{v}"\n',
    "properties": lambda v: f"spring.datasource.password={v}\n",
    "shell export": lambda v: f"export API_TOKEN='{v}'",
    "flag": lambda v: f"tool login --user me --password '{v}' --force",
    "mysql -p": lambda v: f"mysql -u root -p'{v}' app",
    "sshpass": lambda v: f"sshpass -p '{v}' ssh me@host",
    "curl -u": lambda v: f"curl -u 'admin:{v}' https://api.test/x",
    "redis-cli": lambda v: f"redis-cli -h cache -a '{v}' ping",
    "IDENTIFIED BY": lambda v: f"CREATE USER app IDENTIFIED BY '{v}';",
    "ALTER ROLE": lambda v: f"ALTER ROLE app WITH PASSWORD '{v}';",
    "getenv default": lambda v: f'key = os.getenv("API_KEY", "{v}")',
    "os.environ": lambda v: f'os.environ["DB_PASSWORD"] = "{v}"',
    "URL userinfo": lambda v: f"postgres://app:{quote(v, safe='')}@db.test:5432/app",
    "connection string": lambda v: f"Server=db;User Id=app;Password={v};Encrypt=yes",
    "X-Api-Key": lambda v: f"X-Api-Key: {v}",
    "Bearer": lambda v: f"Authorization: Bearer {quote(v, safe='')}",
    "XML": lambda v: f"<server><password>{v}</password></server>",
    "env list": lambda v: f"- name: DB_PASSWORD\n  value: '{v}'\n",
    "Dockerfile": lambda v: f"ENV DB_PASSWORD '{v}'",
    "Terraform": lambda v: f'variable "db_password" {{\n  default = "{v}"\n}}',
    "netrc": lambda v: f"machine api.test login me password {v}",
    "pgpass": lambda v: f"db.test:5432:app:me:{v}",
    "query": lambda v: f"https://a.test/x?access_token={quote(v, safe='')}&b=1",
    "Markdown": lambda v: f"**Password:** `{v}`",
}
