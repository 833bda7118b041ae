import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tyrum.policy import matches

TEXTS = st.text(alphabet="ab:/?*.[]\n\\", max_size=12)


def slowly(pattern, text):
    """The meaning of a pattern, spelled out character by character."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slowly(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and slowly(pattern[1:], text[1:])


class TestMatches:
    @pytest.mark.parametrize(
        ("pattern", "text", "expected"),
        [
            ("github:issues:write", "github:issues:write", True),
            ("github:*", "github:issues:write", True),
            ("*:write", "github:issues:write", True),
            ("*", "", True),
            ("a/*", "a/b/c:d", True),
            ("a?c", "a:c", True),
            ("a?c", "ac", False),
            ("github", "github:issues", False),
            ("issues", "github:issues", False),
            ("GitHub:*", "github:issues", False),
            ("[ab]", "a", False),
            ("[ab]", "[ab]", True),
            ("a.c", "abc", False),
            ("a\\*", "a\\b", True),
            ("\\?", "\\x", True),
            ("*", "two\nlines", True),
            ("a*a", "a", False),
            ("*a*b*", "xxaxxbxx", True),
            ("*ab*ab", "abab", True),
            ("*ab*ab", "aba", False),
        ],
    )
    def test_table(self, pattern, text, expected):
        """Stars cross everything, `?` is one character, the rest is literal."""
        assert expected is matches(pattern, text)

    @given(TEXTS, TEXTS)
    def test_means_what_it_says(self, pattern, text):
        """The compiled form agrees with the meaning spelled out."""
        assert slowly(pattern, text) is matches(pattern, text)

    @given(st.text(max_size=30))
    def test_a_plain_scope_matches_itself(self, text):
        """Any text without wildcards is a pattern for itself alone."""
        plain = re.sub(r"[*?]", "", text)

        assert matches(plain, plain)
        assert not matches(plain, plain + "x")

    def test_many_stars_do_not_backtrack(self):
        """A pattern of many stars against a long hostile text comes to an end."""
        assert not matches("*a" * 30 + "*b", "a" * 5000)
