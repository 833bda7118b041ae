"""The leak matrix: plant canaries, run a graph in every way, read every sink back."""

from langchain_tyrum.testing.leaks.asserting import aassert_no_leaks, assert_no_leaks
from langchain_tyrum.testing.leaks.matrix import LeakMatrix
from langchain_tyrum.testing.leaks.report import Leak, LeakReport, LeaksFound, Trial

__all__ = [
    "Leak",
    "LeakMatrix",
    "LeakReport",
    "LeaksFound",
    "Trial",
    "aassert_no_leaks",
    "assert_no_leaks",
]
