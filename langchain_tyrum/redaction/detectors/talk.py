"""Credentials in chats, mails and notes."""

from __future__ import annotations

from langchain_tyrum.redaction.detectors.rows import Detector
from langchain_tyrum.redaction.detectors.words import (
    BARE,
    CLOSE,
    HOLLOW,
    KEYWORDS,
    LONG,
    NAME,
    ODD,
    OPEN,
    STRANGE,
    VALUE,
    WORDS,
)

_ABROAD = (
    r"(?:(?i:kennwort|zugangstoken|zugriffstoken|geheimnis|api-schl[\xc3-\xc3]\xbcssel|"
    r"wachtwoord|senha|contrase(?:[\xc3-\xc3]\xb1|n)a|clave(?: de api| secreta)?|"
    r"mot de passe|has(?:[\xc5-\xc5]\x82|l)o|palavra-passe|parola d'ordine|"
    r"cl(?:[\xc3-\xc3]\xa9|e) (?:api|secr[\xc3-\xc3]\xa8te)|passwort)|"
    r"\xe5\xaf\x86[\xe7-\xe7]\xa0\x81|"  # Chinese: password
    r"\xe3\x83\x91[\xe3-\xe3]\x82\xb9\xe3\x83\xaf\xe3\x83\xbc\xe3\x83\x89)"  # Japanese
)
# what may stand in a value of talk: no byte of another script
_ASCII = r"[!#$%*+\-./0-9:=?@A-Z^_a-z~]"

TALK: tuple[Detector, ...] = (
    Detector(
        name="prose",
        kind="password",
        pattern=r"(?<![A-Za-z])(?i:passwords?|passphrase|passcode|pass|pwd|pw|token|"
        r"api[ -]key|secret(?: key)?|access key|credentials?|pin)"
        r"(?i:\s{1,2}(?:for|of|to|on)\s(?:[A-Za-z0-9_.@-]{1,40}\s){1,4}|\s{1,4})"
        r"(?i:is|was|are|will be|to|equals)(?![A-Za-z0-9])\s{0,4}:?\s{0,4}"
        rf"[\"'`]?{HOLLOW}{WORDS}{STRANGE}"
        rf"({BARE}{{8,1024}}(?<![.,;:?]))",
        keywords=("pass", "pwd", "token", "key", "secret", "credential", "pin"),
        max_length=1408,
        source="what people write in chats",
        positive=(
            "my password is hunter2!x",
            "The API key is '<a24>'.",
            "my password for gmail is Winter2026",
        ),
        negative=(
            "my password is not working",
            "the token is base64-encoded, as always",
            "your secret is safe with me",
            "app.passwords was commit=<h40> took=9ms",
            "the password is case-sensitive.",
        ),
    ),
    Detector(
        name="said-in-quotes",
        kind="password",
        pattern=r"(?<![A-Za-z.])(?i:password|passphrase|api[ -]key|secret|token)"
        r"(?i:\s(?:for|of|to|on)\s(?:[A-Za-z0-9_.@-]{1,40}\s){1,4}|\s{1,4})"
        r"(?i:is|was|:|=)?\s{0,4}[\"'`]"
        rf"{HOLLOW}(?=[^\"'`\r\n]{{0,64}}[{ODD}])([^\"'`\r\n]{{8,128}})[\"'`]",
        keywords=("pass", "key", "secret", "token"),
        source="what people write in chats",
        positive=(
            'use the password "open sesame 42" there',
            "the passphrase for the backup disk is 'open sesame 42'",
        ),
        negative=(
            'the password "field" is required',
            'INFO app.token "asked prices 0001"',
            'passwords "asked prices 0001"',
        ),
    ),
    Detector(
        name="abroad",
        kind="password",
        pattern=rf"{_ABROAD}(?:\*\*|`)?(?:\s{{0,4}}(?:[:=]|\xef\xbc\x9a)\s{{0,8}}|"
        r"\s{1,2}(?i:ist|lautet|est|es|is|[\xc3-\xc3]\xa9|[\xc3-\xc3]\xa8)"
        r"\s{1,2}:?\s?|\xe6\x98\xaf|\xe3\x81\xaf)"
        rf"(?:\*\*\s?)?[\"'`]?{HOLLOW}{WORDS}"
        rf"(?={_ASCII}{{0,40}}(?:[{ODD}]|[bcdfghjklmnpqrstvwxz]{{5}}))"
        rf"({_ASCII}{{6,512}}(?<![.:?]))",
        max_length=640,
        source="what people write in chats that are not in English",
        positive=(
            "Kennwort: Winter2026!",
            "le mot de passe est hunter2x, merci",
            "Contrase\u00f1a: hunter2x",
            "\u5bc6\u7801\uff1ahunter2x",
            "\u30d1\u30b9\u30ef\u30fc\u30c9\u306fhunter2x\u3067\u3059",
        ),
        negative=(
            "le mot de passe est obligatoire",
            "Mot de passe : ${MOT_DE_PASSE1}",
            "La clave es importante.",
        ),
    ),
    Detector(
        name="pointed-at",
        kind="password",
        pattern=rf"(?i:{NAME}){CLOSE}\s{{1,4}}(?:->|\xe2\x86\x92)\s{{1,4}}{OPEN}{VALUE}",
        keywords=KEYWORDS,
        max_length=LONG,
        source="notes",
        positive=("db password -> hunter2!x", "api token -> <a24>"),
        negative=("token -> string", "password -> $PASSWORD_1"),
    ),
    Detector(
        name="user-password",
        kind="password",
        pattern=r"(?i:user(?:name)?|login|account)[ :=]{1,3}[\"'`]?"
        r"[A-Za-z0-9_.@-]{1,48}[\"'`]?(?:,|;| /| and|, and)?\s"
        r"(?i:pass(?:word)?|pwd|pw)[ \t]{1,2}[\"'`]?"
        rf"(?!(?i:is|was|for)\s){HOLLOW}{WORDS}{STRANGE}({BARE}{{6,256}}(?<![.,;:?]))",
        keywords=("pass", "pwd", "pw"),
        source="what people write in chats",
        positive=("use username ops, password hunter2x.", "login: me pw hunter2x"),
        negative=("username ops, password as before", "user a, password field"),
    ),
    Detector(
        name="table-cell",
        kind="password",
        pattern=r"(?:(?<=\|)|(?<=\| )|(?<=\|  ))"
        r"(?i:passwords?|secret|api[ _-]key|token)"
        rf"\s{{0,24}}\|\s{{0,8}}`?{HOLLOW}{WORDS}{STRANGE}({BARE}{{8,256}})",
        keywords=("|",),
        source="Markdown tables",
        positive=("| user | me |\n| password | Winter2026! |",),
        negative=("| password | string | required |", "| token | base64-encoded |"),
    ),
)
