"""What the rows for surroundings are built from: names, separators, values."""

from __future__ import annotations

_UNIQUE = (
    r"passwords?|passwd|passwort|passphrase|client_?secret|api[_-]?(?:key|secret)|"
    r"secret[_-]?(?:access[_-]?)?key|access[_-]?key|private[_-]?key|"
    r"(?:access|auth|refresh|bearer|session|bot|api|id|identity|oauth|private|deploy)"
    r"[_-]?token|(?:account|shared|signing|encryption|master|license|deploy|app)"
    r"[_-]?key|(?:webhook|consumer|app|jwt|oauth|hmac|cookie)[_-]?secret|"
    r"application[_-]?key|(?:git(?:hub|lab)|devops|azure|ext|ado|gh|gl)_pat"
)
#: Names under which credentials are stored, whatever stands before them.
STRONG = rf"(?:{_UNIQUE})"
# page tokens and the like are no credentials, and agents need them
_NO_CURSOR = r"(?<!page[_-])(?<!next[_-])(?<!sync[_-])(?<!tion[_-])(?<!stop[_-])"
_WEAK = (
    rf"(?<![A-Za-z]){_NO_CURSOR}"
    r"(?:pwd|pw|pass|passcode|secret|token|credentials?|auth(?!0))"
)
#: The same, and shorter ones that must begin a word.
NAME = rf"(?:{STRONG}|{_WEAK})[0-9]?"

_UUID = (
    r"(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"(?![0-9a-zA-Z-]))"
)
#: What stands where a value should: variables, placeholders, handles, markers, code.
HOLLOW = (
    r"(?!\$[A-Za-z_({]|\{|<|%[\w({]|\*{3}|\.{3}|-{3}|@|\[REDACTED|tyrum://|op://|"
    r"vault:|arn:|sha(?:1|256|384|512)[:-]|md5:|[a-z_]{2,24}\.[A-Za-z_]|"
    r"[A-Za-z_][\w.]{0,64}\(|(?<=:)[a-z0-9_*-]{1,32}[:/][a-z0-9_*]|"
    r"(?i:x{4}|your[-_ ]|example|redacted|placeholder|changeme|none\b|null\b|true\b|"
    r"false\b|undefined\b|process\.env|https?://))" + _UUID
)
#: Prose that follows "the token is": words with a hyphen, a dot or a slash.
WORDS = r"(?![A-Za-z0-9]{1,20}[-/.][a-z]{2,20}(?:[\s.,;:!?)]|\Z))"
#: Ordinary values hold none of these, most credentials one.
ODD = r"0-9!@#$%^*+?~"
BARE = r"[^\s\"'`\\<>(){}\[\],;&|]"
STRANGE = rf"(?={BARE}{{0,64}}[{ODD}])"
VALUE = rf"{HOLLOW}{STRANGE}({BARE}{{8,32768}}(?<![.:]))"
QUOTE = r"\\{0,3}[\"'`]"
SEP = r"\s{0,4}(?::=|=>|=(?!=)|==(?=\s{0,2}\\{0,3}[\"'])|:)\s{0,8}"
#: Behind a name: the end of its quotes, of a subscript, of emphasis.
CLOSE = rf"(?:{QUOTE}\]?|\*\*)?"
#: Before a value: the begin of its quotes or of emphasis.
OPEN = rf"(?:\*\*\s?)?(?:N?{QUOTE})?"
#: Longest match of a row that ends in `VALUE`.
LONG = 33024

KEYWORDS = ("pass", "pw", "secret", "token", "key", "credential", "auth", "pat")
