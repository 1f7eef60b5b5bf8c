"""The house of packages: who is checked, shipped and layered, so that a new package cannot be forgotten anywhere."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ops.processes import PROCESSES

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = {path.parent.name for path in ROOT.glob("*/__init__.py")}
PRODUCT = PACKAGES - {"bench", "tests"}
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]


def test_every_package_is_typed_and_shipped() -> None:
    assert set(PYPROJECT["tool"]["mypy"]["packages"]) == PACKAGES | {"tests"}
    assert set(PYPROJECT["tool"]["maturin"]["python-packages"]) == PACKAGES
    (no_any,) = (rule for rule in PYPROJECT["tool"]["mypy"]["overrides"] if rule.get("disallow_any_explicit"))
    assert set(no_any["module"]) == {f"{package}.*" for package in PRODUCT}


def test_every_package_has_its_place_among_the_layers() -> None:
    assert set(PYPROJECT["tool"]["importlinter"]["root_packages"]) == PRODUCT
    layers = next(contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    assert {package for layer in layers for package in layer.split(" | ")} == PRODUCT


def test_every_process_but_the_engine_sees_only_its_language_its_client_and_the_shared_fold() -> None:
    (contract,) = (one for one in CONTRACTS if one.get("forbidden_modules") == ["engine.host"])
    assert {entry.package for entry in PROCESSES} - {"engine"} <= set(contract["source_modules"])


def test_processes_are_packages() -> None:
    assert {entry.package for entry in PROCESSES} <= PRODUCT
