"""Without an extra: what needs it says which one, and the rest works."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys
sys.modules["langchain"] = None
try:
    from {module} import {name}
except ImportError as error:
    print(error)
from langchain_tyrum import SecretBroker, protect, approve
print("the rest works")
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("langchain_tyrum", "TyrumMiddleware"),
        ("langchain_tyrum", "SecretApprovalMiddleware"),
        ("langchain_tyrum.approval", "SecretApprovalMiddleware"),
    ],
)
def test_the_extra_is_named(module, name):
    """Without langchain the error says what to install, and nothing else breaks."""
    code = WITHOUT.format(module=module, name=name)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    told, rest = ran.stdout.strip().splitlines()
    assert name in told
    assert "pip install 'langchain-tyrum[agents]'" in told
    assert "the rest works" == rest
