"""What the rows for surroundings are built from: names, separators, values."""

from __future__ import annotations

# Page tokens and the like are no credentials, and agents need them.
NO_CURSOR = (
    r"(?<!page)(?<!page[_-])(?<!next)(?<!next[_-])(?<!sync)(?<!sync[_-])(?<!tion)"
    r"(?<!tion[_-])(?<!stop)(?<!stop[_-])(?<!ting[_-])(?<!cancel)(?<!cancel[_-])"
)
_OWNER = (
    r"(?:(?<=root)|(?<=db)|(?<=store)|(?<=key)|(?<=ssh)|(?<=smtp)|(?<=mail)|"
    r"(?<=admin)|(?<=user)|(?<=bind)|(?<=login)|(?<=ftp))"
)
# one word of several that are not set apart: dbPass, MYSQLPASS
_HUMP = r"(?-i:(?<=[A-Za-z0-9])(?:Pass|Pwd)|(?<=[A-Z0-9])(?:PASS|PWD))"
#: Names of passwords and tokens; matches begin with few literals, which is fast.
WORD = (
    r"(?:pass(?:words?|wd|wort|phrase)|(?:(?<![A-Za-z])|"
    rf"{_OWNER})(?:pass(?:code)?|pwd|pw)|{_HUMP}|"
    r"(?<!isting)secret(?:[ _-]?(?:access[ _-]?)?key(?:_base)?)?|"
    rf"{NO_CURSOR}(?<!-> )token|(?<![A-Za-z])(?:credentials?|auth(?!0)|psk)|"
    r"(?:(?<=hub)|(?<=lab)|(?<=devops)|(?<=azure)|(?<=ext)|(?<=ado)|(?<=gh)|(?<=gl))_pat)[0-9]?"
)
#: Names of keys.
KEY = (
    r"(?:api[ _-]{0,2}key|access[ _-]{0,2}key|private[_-]{0,2}key|account[_-]{0,2}key|"
    r"shared[_-]{0,2}key|signing[_-]{0,2}key|encryption[_-]{0,2}key|master[_-]{0,2}key|"
    r"license[_-]{0,2}key|deploy[_-]{0,2}key|app(?:lication)?[_-]{0,2}key|"
    r"subscription[_-]{0,2}key)[0-9]?"
)
#: Names under which credentials are stored, whatever stands before them.
STRONG = (
    r"(?:pass(?:words?|wd|wort|phrase)|"
    rf"(?<!isting)secret(?:[ _-]?(?:access[ _-]?)?key)?|{KEY}|"
    r"(?:(?<=ss)|(?<=th)|(?<=sh)|(?<=er)|(?<=ot)|(?<=pi))[_-]token)"
)
#: All of them.
NAME = rf"(?:{WORD}|{KEY})"
#: Not the UUID that stands under such names more often than a credential.
NO_UUID = (
    r"(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"(?![0-9a-zA-Z-]))"
)
#: What stands where a value should: variables, placeholders, handles, markers, code.
EMPTY = (
    r"(?!\$[A-Za-z_({]|\{(?!A)|<|%[\w({]|\*{3}|\.{3}|-{3}|@|\[REDACTED|tyrum://|op://|"
    r"vault:|arn:|sha(?:1|256|384|512)[:-]|md5:|[a-z_]{2,24}\.[A-Za-z_]|"
    r"base64:[$<]|"
    r"[A-Za-z_][\w.]{0,64}\(|(?<=:)[a-z0-9_*-]{1,32}[:/][a-z0-9_*]|"
    r"(?i:x{4}|your[-_ ]|example|redacted|placeholder|passphrase\b|"
    r"(?:change|replace)[-_]?me|none\b|"
    r"null\b|true\b|false\b|undefined\b|process\.env|https?://))"
)
HOLLOW = EMPTY + NO_UUID
#: What follows "the token is" in prose and logs: words with a hyphen, a dot or a
#: slash; `commit=`.
WORDS = (
    r"(?![A-Za-z0-9]{1,20}[-/.][a-z]{2,20}(?:[\s.,;:!?)]|\Z))"
    r"(?![a-z_]{2,24}=[0-9a-f]{7,64}(?![0-9A-Za-z]))"
)
#: A path or a name of several words, as what fetches a credential takes it.
SLUG = r"(?![a-z]{2,24}[-_/.:](?:[a-z0-9]{1,24}[-_/.:]){0,7}[a-z0-9]{1,24}[\"'])"
#: Ordinary values hold none of these, most credentials one.
ODD = r"0-9!@#$%^*+?~"
BARE = r"[^\s\"'`\\<>(){}\[\],;&|\x1b]"
# no word has so many consonants in a row
_UNSPEAKABLE = r"[B-DF-HJ-NP-TV-XZb-df-hj-np-tv-xz]{5}"
STRANGE = rf"(?={BARE}{{0,64}}(?:[{ODD}]|{_UNSPEAKABLE}))"
#: So long may what a name gives away be: as long as it goes on. Each such run is read
#: once, and of one that a stream waits for too long, the middle is forgotten.
MOST = 1 << 24
VALUE = rf"{HOLLOW}{STRANGE}({BARE}{{8,{MOST}}}(?<![.:]))"
QUOTE = r"\\{0,3}[\"'`]"
_COLOR = r"(?:\x1b\[[0-9;]{0,12}m)?"
SEP = r"\s{0,24}(?::=|=>|=(?!=)|==(?=\s{0,2}\\{0,3}[\"'])|:)\s{0,8}"
#: Behind a name: the end of its quotes, of a subscript, of emphasis, of a color.
CLOSE = rf"(?:{QUOTE}\]?|\*\*)?{_COLOR}"
#: Before a value: the begin of its quotes, of emphasis or of a color.
OPEN = rf"(?:\*\*\s?)?(?:N?{QUOTE})?{_COLOR}"
#: Longest match of a row that ends in `VALUE`.
LONG = MOST + 1408

KEYWORDS = ("pass", "pw", "secret", "token", "key", "credential", "auth", "pat", "psk")
