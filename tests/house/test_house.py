"""The house rules, held by tests: layers, sizes, promises, doors."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import langchain_tyrum

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "langchain_tyrum").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def functions(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


class TestLayers:
    def test_imports_run_one_way(self):
        """A room imports only from lines below its own; the core no framework."""
        command = Path(sys.executable).with_name("lint-imports")

        done = subprocess.run(
            [command, "--no-cache"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

        assert 0 == done.returncode, done.stdout


class TestSizes:
    def test_modules_stay_small(self):
        """No module is longer than 300 lines."""
        sizes = {p.name: len(p.read_text("utf-8").splitlines()) for p in SOURCES}

        assert {} == {name: size for name, size in sizes.items() if size > 300}

    def test_functions_stay_small(self):
        """No function body is longer than 40 lines."""
        long = {}
        for path in SOURCES:
            for node in functions(path):
                documented = ast.get_docstring(node) and len(node.body) > 1
                body = node.body[1:] if documented else node.body
                size = node.end_lineno - body[0].lineno + 1
                if size > 40:
                    long[f"{path.name}:{node.name}"] = size

        assert {} == long


class TestPromises:
    def test_every_test_states_its_promise(self):
        """Each test has a docstring of one sentence."""
        silent = [
            f"{path.name}:{node.name}"
            for path in TESTS
            for node in functions(path)
            if node.name.startswith("test_") and not ast.get_docstring(node)
        ]

        assert [] == silent


class TestDoors:
    def test_the_front_door_has_ten_names(self):
        """What users type fits one screen, and each name can be imported."""
        assert 10 == len(langchain_tyrum.__all__)
        for name in langchain_tyrum.__all__:
            assert name == getattr(langchain_tyrum, name).__name__.split(".")[-1]

    @pytest.mark.parametrize(
        "name",
        [
            "CallIdentity",
            "GuardedSerializer",
            "Redactor",
            "SecretForbidden",
            "SecretHandle",
            "UserSecret",
            "decisions",
            "guard_checkpointer",
            "guard_model",
            "wrap_tools",
        ],
    )
    def test_the_rest_is_found_by_name(self, name):
        """Every public name of a room can be imported from the package."""
        assert name == getattr(langchain_tyrum, name).__name__

    def test_an_unknown_name_is_an_attribute_error(self):
        """A misspelled name fails as on any module."""
        with pytest.raises(AttributeError, match="secret_toll"):
            _ = langchain_tyrum.secret_toll

    def test_importing_the_package_is_cheap(self):
        """`import langchain_tyrum` brings in no framework."""
        code = (
            "import sys, langchain_tyrum\n"
            "print([m for m in sys.modules if m.startswith('lang')])"
        )

        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )

        loaded = ast.literal_eval(done.stdout)
        assert {"langchain_tyrum"} == {name.split(".")[0] for name in loaded}

    def test_every_room_names_what_is_public(self):
        """Each room has an `__all__` whose names exist."""
        for room in langchain_tyrum._ROOMS:
            module = importlib.import_module(f"langchain_tyrum.{room}")
            for name in getattr(module, "__all__", ()):
                assert hasattr(module, name), f"{room}.{name}"


class TestNotebooks:
    def test_there_are_notebooks(self):
        """The two notebooks of the tour are there."""
        assert 2 <= len(NOTEBOOKS)

    @pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
    def test_outputs_are_stripped(self, path):
        """A committed notebook has no outputs and at most fifteen cells."""
        cells = json.loads(path.read_text("utf-8"))["cells"]

        assert 15 >= len(cells)
        assert [] == [c for c in cells if c.get("outputs") or c.get("execution_count")]


class TestReadme:
    def test_commands_stand_there(self):
        """The README holds the two commands, each on one line."""
        text = (ROOT / "README.md").read_text("utf-8")

        for marker, end in (("demo", "langchain-tyrum demo"), ("tests", "pytest")):
            block = re.search(
                rf"<!-- {marker} -->\n```bash\n(.*?)\n```", text, re.DOTALL
            )
            assert block is not None, marker
            assert 1 == len(block[1].splitlines())
            assert "python3 -m venv .venv" in block[1]
            assert end in block[1]
