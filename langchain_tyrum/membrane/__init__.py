"""The membrane: every way in and out of a compiled graph goes through the redactor."""

from langchain_tyrum.membrane.protect import protect

__all__ = ("protect",)
