"""Credentials in SQL and in markup."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import (
    HOLLOW,
    KEYWORDS,
    NAME,
    SLUG,
)

RECORDS: tuple[Detector, ...] = (
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
        name="sql-insert",
        kind="password",
        pattern=r"(?i:passwords?|passwd|pwd|secret|api_?key|token)[`\"\]]?\s{0,4}\)\s{0,8}"
        r"(?i:values)\s{0,8}\((?:[^()'\r\n]{0,64}'[^'\r\n]{0,128}'){0,12}?"
        rf"[^()'\r\n]{{0,16}}N?'{HOLLOW}([^'\r\n]{{4,256}})'\s{{0,4}}\)",
        keywords=("values",),
        max_length=1 << 12,
        source="SQL: INSERT, with the credential in the last column",
        positive=(
            "INSERT INTO users (id, name, password) VALUES (1, 'ann', 'hunter2x');",
        ),
        negative=("INSERT INTO users (name, password) VALUES (?, ?);",),
    ),
    Detector(
        name="sql-setting",
        kind="password",
        pattern=r"(?i:password|passwd|secret|api_?key|token)'\s{0,4},"
        rf"\s{{0,4}}'{HOLLOW}{SLUG}(?=[^'\r\n]{{0,64}}[0-9!@#$%^])([^'\r\n]{{6,256}})'\s{{0,4}}\)",
        keywords=("pass", "secret", "key", "token"),
        source="SQL: INSERT into a table of settings",
        positive=("INSERT INTO settings VALUES ('smtp_password', 'hunter2x');",),
        negative=("pick('password', 'user/name')",),
    ),
    Detector(
        name="xml-element",
        kind="password",
        pattern=rf"(?<=[<:])(?i:{NAME})(?:\s[^<>]{{1,120}})?>{HOLLOW}([^<>\s]{{6,1024}})(?=</)",
        keywords=KEYWORDS,
        max_length=1280,
        source="Maven settings.xml and the like",
        positive=(
            "<password>hunter2x</password>",
            '<wsse:Password Type="PasswordText">hunter2x</wsse:Password>',
        ),
        negative=("<password></password>", "<password>${env.PASS}</password>"),
    ),
    Detector(
        name="xml-named",
        kind="password",
        pattern=r"(?i:name|key|id)=[\"'][A-Za-z0-9_.-]{0,60}(?i:password|passwd|secret|token|"
        r"api_?key)[\"'](?:\s[^<>]{0,120})?>"
        rf"{HOLLOW}([^<>\s]{{6,1024}})(?=</)",
        keywords=("name=", "key=", "id="),
        max_length=1280,
        source="Hibernate, Android resources, java.util.Properties in XML",
        positive=(
            '<property name="hibernate.connection.password">hunter2x</property>',
            '<entry key="db.password">hunter2x</entry>',
        ),
        negative=('<entry key="db.password">${DB_PASSWORD}</entry>',),
    ),
    Detector(
        name="plist-key",
        kind="password",
        pattern=r"<key>[A-Za-z0-9_.-]{0,60}(?i:password|passwd|secret|token|api_?key)</key>"
        rf"\s{{0,32}}<string>{HOLLOW}([^<>\s]{{6,1024}})(?=</)",
        keywords=("<key>",),
        max_length=1280,
        source="plist(5)",
        positive=("<key>APIKey</key>\n<string><a32></string>",),
        negative=("<key>Password</key>\n<string>$(PASSWORD_1)</string>",),
    ),
    Detector(
        name="composer-auth",
        kind="token",
        pattern=r"\"(?:github|gitlab|bitbucket|forgejo)-(?:oauth|token)\"\s{0,4}:\s{0,8}\{"
        rf"\s{{0,16}}\"[^\"\r\n]{{1,128}}\"\s{{0,4}}:\s{{0,4}}\"{HOLLOW}"
        r"([A-Za-z0-9_.-]{16,256})\"",
        keywords=("-oauth", "-token"),
        source="https://getcomposer.org/doc/articles/authentication-for-private-packages.md",
        positive=('{"github-oauth": {"github.com": "<h40>"}}',),
        negative=('{"github-oauth": {"github.com": "${TOKEN}"}}',),
    ),
)
