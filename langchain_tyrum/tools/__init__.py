"""Tools that use secrets no model ever sees."""

from langchain_tyrum.tools.arguments import ArgumentRefused
from langchain_tyrum.tools.bindings import UserSecret
from langchain_tyrum.tools.bound import SecretTool
from langchain_tyrum.tools.naming import SecretParameterWarning
from langchain_tyrum.tools.secret_tool import secret_tool
from langchain_tyrum.tools.selecting import ChosenSecret
from langchain_tyrum.tools.wrap import wrap_tool, wrap_tools

__all__ = [
    "ArgumentRefused",
    "ChosenSecret",
    "SecretParameterWarning",
    "SecretTool",
    "UserSecret",
    "secret_tool",
    "wrap_tool",
    "wrap_tools",
]
