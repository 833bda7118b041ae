"""JSON as it reads: what stands around a token is what stood there."""

from __future__ import annotations

import json
import random

import pytest

from langchain_tyrum.traces.unescape import plain_text

LETTERS = 'abn"\\\n\t\r\b\fu/\x01\x7f é😀0'


def _read(data: bytes) -> bytes:
    text = json.loads(b'"' + data + b'"')
    return text.encode("utf-8", "surrogatepass")


class TestPlainText:
    @pytest.mark.parametrize("alphabet", ["ab\n", 'ab"\\\n\t', "a\\u/0", LETTERS])
    def test_it_is_what_was_written(self, alphabet):
        """Whatever escapes there are, with and without those of other writers."""
        rng = random.Random(3)
        for _ in range(300):
            text = "".join(rng.choices(alphabet, k=rng.randrange(40)))
            data = json.dumps(text, ensure_ascii=False)[1:-1].encode()

            assert _read(data) == plain_text(data)

    def test_slashes_and_codes(self):
        """Other writers escape more than they must."""
        assert b"a/b\n" == plain_text(rb"a\/b\n")
        assert b"a/\\u \x01" == plain_text(rb"a\/\\u \u0001")

    def test_a_path_is_no_code(self):
        """An escaped backslash before a `u`."""
        assert rb"C:\users\new" == plain_text(rb"C:\\users\\new")

    def test_what_is_cut_off_is_read_to_there(self):
        """Text that ends within an escape."""
        assert plain_text(b"a\\nb\\").startswith(b"a\nb")
