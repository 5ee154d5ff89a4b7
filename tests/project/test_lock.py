"""The lock: what scripts install is what pyproject.toml allows, version by version, with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[\w,-]+\])?==([^ ;]+)((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)


def pins(lock: Path) -> dict[str, list[str]]:
    """Return the versions of each package that a lock names, one for each kind of machine."""
    found: dict[str, list[str]] = {}
    for name, version, _ in PIN.findall(lock.read_text()):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def wanted(extra: str) -> list[Requirement]:
    """Return what the package needs with an extra, and with those that this one includes."""
    requirements = [Requirement(text) for text in PROJECT["dependencies"]]
    for text in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:
            for included in requirement.extras:
                requirements += wanted(included)
        else:
            requirements.append(requirement)
    return requirements


def test_there_is_a_lock_for_what_the_scripts_install() -> None:
    """Each `install EXTRA` of a script has its lock."""
    scripts = "".join(path.read_text() for path in (ROOT / "scripts").iterdir() if path.is_file())
    installed = set(re.findall(r"^ *install (\w+)", scripts, re.MULTILINE))
    assert installed == {lock.stem for lock in LOCKS} == {"bench", "dev", "explore"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_what_the_package_needs(lock: Path) -> None:
    """Every requirement is locked, to a version that pyproject.toml allows: else scripts/lock."""
    locked = pins(lock)
    for requirement in wanted(lock.stem):
        versions = locked[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_has_hashes(lock: Path) -> None:
    """Nothing is installed whose content is not known."""
    found = PIN.findall(lock.read_text())
    assert len(found) > 20
    assert [name for name, _, rest in found if "--hash=sha256:" not in rest] == []


def test_the_locks_agree() -> None:
    """A package has one version in all of them: what one script installs, no other replaces."""
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, found in pins(lock).items():
            versions.setdefault(name, set()).update(found)
    for lock in LOCKS:
        for name, found in pins(lock).items():
            assert set(found) == versions[name], f"{name} in {lock.name}"
