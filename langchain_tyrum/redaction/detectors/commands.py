"""Credentials in command lines."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import (
    BARE,
    EMPTY,
    HOLLOW,
    KEYWORDS,
    NO_CURSOR,
    STRANGE,
    STRONG,
)

COMMANDS: tuple[Detector, ...] = (
    Detector(
        name="flag",
        kind="password",
        pattern=rf"--(?=[A-Za-z])(?i:[a-z0-9-]{{0,24}}(?:{STRONG}|{NO_CURSOR}token|secret|pass|pwd|"
        r"pat))"
        rf"(?:\s{{1,4}}|=)[\"']?(?!--?[a-z]){EMPTY}{STRANGE}"
        rf"({BARE}{{6,1024}})",
        keywords=KEYWORDS,
        max_length=1152,
        source="getopt_long(3)",
        positive=(
            "mysql --password hunter2!x",
            "gh auth --token=<a20>",
            "x --api-key <h8>-<h4>-<h4>-<h4>-<h12>",
        ),
        negative=("tool --token --verbose1 x", "run --password $PASSWORD1"),
    ),
    Detector(
        name="long-flag",
        kind="password",
        pattern=r"(?<=\s)-(?i:(?:src|dest|new|old)?(?:store|key)pass|passphrase|password|"
        r"apikey|api-key|passin|passout|secret|token|storepassword)"
        rf"(?:\s{{1,4}}|[=:])(?:pass:)?[\"']?(?!-|pass:|file:|env:|stdin){HOLLOW}"
        rf"{STRANGE}({BARE}{{6,1024}})",
        keywords=("pass", "apikey", "api-key", "secret", "token"),
        max_length=1152,
        source="keytool(1), openssl(1), nuget",
        positive=(
            "keytool -storepass hunter2x -alias a",
            "openssl rsa -passin pass:hunter2x",
            "nuget push a.nupkg -ApiKey <a32>",
        ),
        negative=("openssl rsa -passin file:secret1.txt", "keytool -storepass $PASS1"),
    ),
    Detector(
        name="short-flag",
        kind="password",
        pattern=r"(?:(?:ldap(?:search|modify|add|delete|passwd|whoami)|sqlcmd|bcp|zip|unzip"
        r")\s[^\r\n|;&]{0,160}?(?<=\s)-[wPA]"
        r"\s{0,4}|7za?\s[^\r\n|;&]{0,160}?(?<=\s)-p(?!\s)|"
        r"lftp\s[^\r\n|;&]{0,80}?-u\s{1,4}[^\s,]{1,64},|"
        r"cmdkey\s[^\r\n|;&]{0,160}?/pass:|"
        r"smbclient\s[^\r\n|;&]{0,160}?-U\s{0,4}[\"']?[^\s%\"']{1,64}%)[\"']?(?!-)"
        rf"{HOLLOW}{STRANGE}([^\s\"'|;&]{{4,256}})",
        keywords=(
            "ldap",
            "sqlcmd",
            "bcp",
            "zip",
            "7z",
            "lftp",
            "cmdkey",
            "smb",
        ),
        max_length=640,
        source="the manuals of the commands",
        positive=(
            "ldapsearch -x -D cn=a -w hunter2x -b dc=b",
            "sqlcmd -S db -U sa -P hunter2x -Q x",
            "7z a -phunter2x b.7z",
            "lftp -u ops,hunter2x ftp.test",
            "smbclient //f/s -U 'ops%hunter2x'",
        ),
        negative=(
            "ldapsearch -x -W -b dc=b",
            "unzip -P $PASS1 a.zip",
            "zip -r a2.zip b",
        ),
    ),
    Detector(
        name="piped-password",
        kind="password",
        pattern=r"(?:echo|printf)\s{1,4}(?:-[neE]{1,2}\s{1,4})?[\"']?(?:[A-Za-z0-9_.-]{1,32}:)?"
        r"(?![A-Za-z0-9_.-]{1,32}:(?:[$<{*%]|\.{3}|x{4}))"
        rf"{HOLLOW}([^\s\"'|;&]{{6,512}})[\"']?\s{{0,4}}\|\s{{0,4}}(?:sudo\s{{1,4}})?(?:"
        r"(?:docker|podman|helm registry)\s[^\r\n|;&]{0,120}--password-stdin|chpasswd|"
        r"sudo -S|passwd|gh auth login|kinit|cryptsetup|openssl|vault login)",
        keywords=("echo", "printf"),
        max_length=768,
        source="commands that read a password from their input",
        positive=(
            "echo hunter2x | docker login -u me --password-stdin r.io",
            'echo "ops:hunter2x" | chpasswd',
            "echo 'hunter2x' | sudo -S apt-get update",
        ),
        negative=("echo $TOKEN1 | docker login --password-stdin", "echo hunter2x | wc"),
    ),
    Detector(
        name="given-password",
        kind="password",
        pattern=r"(?:(?i:requirepass|masterauth)\s{1,4}|ConvertTo-SecureString\s{1,4}(?:-String"
        r"\s{1,4})?(?=[\"'])|aws_secret_access_key\s{1,4}|:_authToken\s{1,4}|"
        r"(?<=> )AUTH\s{1,4}|(?<=\n)PASS\s{1,2}|(?<=AUTH )PLAIN\s{1,2}|"
        r"sqlplus\s{1,4}(?:-[sSlL]{1,2}\s{1,4})?[A-Za-z0-9_]{1,32}/|"
        r"jdbc:oracle:(?:thin|oci):[A-Za-z0-9_]{1,32}/|net use\s[^\r\n/]{1,120}?\s"
        r"(?=[^\s/]{4,64}\s{1,4}/user:))[\"']?(?!-)"
        rf"{EMPTY}([^\s\"'@|;&,]{{6,512}})",
        keywords=(
            "pass",
            "auth",
            "securestring",
            "secret",
            "plain",
            "sqlplus",
            "oracle",
        ),
        max_length=768,
        source="redis.conf; PowerShell; aws configure; npm config; RFC 959; RFC 4954",
        positive=(
            "redis-server --requirepass hunter2x --appendonly yes",
            'ConvertTo-SecureString "hunter2x" -AsPlainText',
            "aws configure set aws_secret_access_key <a40>",
            "sqlplus scott/hunter2x@db",
            "USER a\n331 ok\nPASS hunter2x",
        ),
        negative=(
            "aws configure set aws_secret_access_key $SECRET",
            "ConvertTo-SecureString $pw -AsPlainText",
        ),
    ),
    Detector(
        name="user-flag",
        kind="password",
        pattern=r"(?<=\s)(?:-u|--user|--proxy-user|--auth)(?:\s{0,4}|=)[\"']?"
        rf"[A-Za-z0-9_.@%+-]{{1,64}}:(?![0-9]{{1,10}}(?:\s|\Z))(?!//){HOLLOW}"
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
        pattern=r"(?:sshpass|(?:docker|podman|helm registry|oras|az) login|useradd|"
        r"twine upload|"
        r"mongo(?:sh|dump|restore|import)?|mosquitto_[ps]ub|rabbitmqadmin|lftp)\s"
        rf"[^\r\n|;&]{{0,160}}?(?<=\s)-p(?:\s{{1,4}}|=)?[\"']?(?!-){HOLLOW}"
        r"([^\s\"'|;&]{4,256})",
        keywords=(
            "sshpass",
            " login",
            "twine",
            "useradd",
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
            "twine upload -u ci -p hunter2x dist/a",
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
)
