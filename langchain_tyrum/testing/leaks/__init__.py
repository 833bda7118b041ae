"""The leak matrix: plant canaries, run a graph in every way, read every sink back."""

from langchain_tyrum.testing.leaks.matrix import LeakMatrix, assert_no_leaks
from langchain_tyrum.testing.leaks.report import Leak, LeakReport, LeaksFound, Trial

__all__ = [
    "Leak",
    "LeakMatrix",
    "LeakReport",
    "LeaksFound",
    "Trial",
    "assert_no_leaks",
]
