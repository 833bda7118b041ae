"""Settings from `tyrum.toml`."""

from langchain_tyrum.broker.config.advice import lacking, nowhere_to_put
from langchain_tyrum.broker.config.discovery import find_config, found_nearby
from langchain_tyrum.broker.config.opening import open_config
from langchain_tyrum.broker.config.reading import Config, read_config
from langchain_tyrum.broker.config.schema import json_schema

__all__ = [
    "Config",
    "find_config",
    "found_nearby",
    "json_schema",
    "lacking",
    "nowhere_to_put",
    "open_config",
    "read_config",
]
