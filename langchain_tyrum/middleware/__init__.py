"""`TyrumMiddleware`: the membrane's part inside `create_agent`. Extra `agents`."""

from langchain_tyrum.middleware.tyrum import TyrumMiddleware

__all__ = ("TyrumMiddleware",)
