"""Values that users bring: found in what they write, stored, replaced by handles."""

from langchain_tyrum.intake.credentials import atake_in, take_in
from langchain_tyrum.intake.inputs import FLAG, CredentialState

__all__ = ["FLAG", "CredentialState", "atake_in", "take_in"]
