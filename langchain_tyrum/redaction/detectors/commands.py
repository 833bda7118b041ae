"""Credentials in command lines, SQL and markup."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import (
    BARE,
    HOLLOW,
    KEYWORDS,
    NAME,
    ODD,
    STRONG,
)

COMMANDS: tuple[Detector, ...] = (
    Detector(
        name="flag",
        kind="password",
        pattern=rf"--(?=[A-Za-z])(?i:[a-z0-9-]{{0,24}}(?:{STRONG}|token|secret|pass|pwd|pat))"
        rf"(?:\s{{1,4}}|=)[\"']?(?!--?[a-z]){HOLLOW}(?={BARE}{{0,64}}[{ODD}])"
        rf"({BARE}{{6,1024}})",
        keywords=KEYWORDS,
        max_length=1152,
        source="getopt_long(3)",
        positive=("mysql --password hunter2!x", "gh auth --token=<a20>"),
        negative=("tool --token --verbose1 x", "run --password $PASSWORD1"),
    ),
    Detector(
        name="user-flag",
        kind="password",
        pattern=r"(?<=\s)(?:-u|--user|--proxy-user|--auth)(?:\s{0,4}|=)[\"']?"
        rf"[A-Za-z0-9_.@%+-]{{1,64}}:(?![0-9]{{1,10}}(?:\s|\Z)){HOLLOW}"
        r"([^\s\"':]{4,256})",
        keywords=("-u", "--user", "--proxy-user", "--auth"),
        source="curl(1)",
        positive=("curl -u admin:hunter2x https://api.test", "curl --user=me:hunter2x"),
        negative=("docker run -u 1000:1000 image",),
    ),
    Detector(
        name="mysql-flag",
        kind="password",
        pattern=r"(?:mysql(?:dump|admin|import|sh)?|mariadb(?:-dump)?)\s"
        r"[^\r\n|;&]{0,160}?(?<=\s)-p[\"']?"
        r"(?!ort|ipe|rotocol|assword|lugin|arallel|refix)"
        rf"{HOLLOW}([^\s\"'|;&]{{4,128}})",
        keywords=("mysql", "mariadb"),
        source="mysql(1)",
        positive=("mysql -u root -phunter2x app", "mysqldump -h db -p'hunter2x' app"),
        negative=("mysql -u root -p app", "mysql -h db --port=3306"),
    ),
    Detector(
        name="login-flag",
        kind="password",
        pattern=r"(?:sshpass|(?:docker|podman|helm registry|oras) login|"
        r"mongo(?:sh|dump|restore|import)?|mosquitto_[ps]ub|rabbitmqadmin|lftp)\s"
        rf"[^\r\n|;&]{{0,160}}?(?<=\s)-p(?:\s{{1,4}}|=)?[\"']?(?!-){HOLLOW}"
        r"([^\s\"'|;&]{4,256})",
        keywords=(
            "sshpass",
            " login",
            "mongo",
            "mosquitto_",
            "rabbitmqadmin",
            "lftp",
        ),
        max_length=640,
        source="sshpass(1); docker login --help; mongosh --help",
        positive=(
            "sshpass -p hunter2x ssh me@db",
            "docker login -u me -p hunter2x r.io",
        ),
        negative=("docker login -u me --password-stdin r.io", "sshpass -p $PASS ssh x"),
    ),
    Detector(
        name="redis-flag",
        kind="password",
        pattern=r"redis-cli\s[^\r\n|;&]{0,160}?(?<=\s)(?:-a|--pass)\s{1,4}[\"']?"
        rf"{HOLLOW}([^\s\"'|;&]{{4,256}})",
        keywords=("redis-cli",),
        source="redis-cli --help",
        positive=("redis-cli -h cache -a hunter2x ping",),
        negative=("redis-cli -h cache ping", "redis-cli -a $REDIS_PASS ping"),
    ),
    Detector(
        name="sql-identified",
        kind="password",
        pattern=r"(?i:identified\s{1,4}(?:with\s{1,4}[\w\"']{1,40}\s{1,4})?by)"
        r"\s{1,4}(?i:password\s{1,4})?"
        rf"[\"']{HOLLOW}([^\"'\r\n]{{4,128}})[\"']",
        keywords=("identified",),
        source="MySQL and Oracle: CREATE USER",
        positive=("CREATE USER a IDENTIFIED BY 'hunter2x'",),
        negative=("identified by the team",),
    ),
    Detector(
        name="sql-identified-bare",
        kind="password",
        pattern=r"IDENTIFIED BY\s{1,4}(?!VALUES\b|PASSWORD\b|EXTERNALLY\b)"
        rf"{HOLLOW}([A-Za-z][A-Za-z0-9_#$!]{{3,30}})",
        keywords=("identified",),
        source="Oracle: CREATE USER",
        positive=("CREATE USER app IDENTIFIED BY tiger9 QUOTA 5M ON users",),
        negative=("Issues IDENTIFIED BY VALUES",),
    ),
    Detector(
        name="sql-password",
        kind="password",
        pattern=r"(?i:(?<![A-Za-z0-9_])password)(?:\s{0,4}=\s{0,4}|\s{0,4}\(\s{0,4}|"
        rf"\s{{1,4}})N?'{HOLLOW}([^'\r\n]{{6,128}})'",
        keywords=("password",),
        source="PostgreSQL: ALTER ROLE; MySQL: SET PASSWORD; SQL Server: CREATE LOGIN",
        positive=(
            "ALTER ROLE app WITH PASSWORD 'hunter2x'",
            "SET PASSWORD FOR app = PASSWORD('hunter2x')",
            "CREATE LOGIN app WITH PASSWORD = N'hunter2x'",
        ),
        negative=("the password isn't here, and won't be",),
    ),
    Detector(
        name="xml-element",
        kind="password",
        pattern=rf"(?<=[<:])(?i:{NAME})>{HOLLOW}([^<>\s]{{6,1024}})(?=</)",
        keywords=KEYWORDS,
        max_length=1152,
        source="Maven settings.xml and the like",
        positive=("<password>hunter2x</password>",),
        negative=("<password></password>", "<password>${env.PASS}</password>"),
    ),
)
