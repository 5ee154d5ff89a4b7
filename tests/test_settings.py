"""Settings: what the environment and ``.env`` may hold, and what is said when it cannot be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from atlas import ConfigurationError
from atlas.engine.options import EngineOptions
from atlas.settings import Settings

SENTINEL = "Sentinel"
VARIABLES = {
    "DATABASE_URL",
    "ATLAS_ADMIN_FILE",
    "ATLAS_MIGRATION_BACKUP",
    *(f"ATLAS_{name.upper()}" for name in EngineOptions.names()),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_each_option_has_a_variable() -> None:
    """There is a variable for each option of the engine, the URL, backups and the admin page."""
    assert {name.upper() for name in Settings.model_fields} == VARIABLES


def test_defaults_are_those_of_the_engine(folder: Path) -> None:
    """Without any setting the data is in the working directory, and the engine has its defaults."""
    settings = Settings.load()
    assert settings.url().target == str(folder / "atlas-ops.db")
    assert settings.engine_options() == vars(EngineOptions())


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("pool_size", "7", 7),
        ("acquire_timeout_ms", "1500", 1500),
        ("busy_timeout_ms", "0", 0),
        ("synchronous", "NORMAL", "NORMAL"),
        ("synchronous", "normal", "NORMAL"),
        ("statement_cache", "0", 0),
        ("inline_reads", "0", 0.0),
        ("shared_commits", "1", 1),
        ("inline_reads", "1.5", 1.5),
        ("log_queries", "1", True),
        ("log_queries", "no", False),
        ("log_parameters", "true", True),
        ("log_parameters", "off", False),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_variable_is_read(
    place: str, name: str, text: str, value: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each variable is read from the environment and from ``.env``, and becomes its type."""
    if place == "environment":
        monkeypatch.setenv(f"ATLAS_{name.upper()}", text)
    else:
        (folder / ".env").write_text(f"ATLAS_{name.upper()}={text}\n")
    expected = {**vars(EngineOptions()), name: value}
    assert Settings.load().engine_options() == expected
    assert vars(EngineOptions(**expected)) == expected


@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("ATLAS_POOL_SIZE", "many"),
        ("ATLAS_POOL_SIZE", "0"),
        ("ATLAS_POOL_SIZE", ""),
        ("ATLAS_POOL_SIZE", "2147483648"),
        ("ATLAS_ACQUIRE_TIMEOUT_MS", "0"),
        ("ATLAS_BUSY_TIMEOUT_MS", "-1"),
        ("ATLAS_SYNCHRONOUS", "maybe"),
        ("ATLAS_STATEMENT_CACHE", "1.5"),
        ("ATLAS_LOG_QUERIES", "perhaps"),
        ("ATLAS_LOG_PARAMETERS", "2"),
    ],
)
def test_wrong_value_is_refused(
    place: str, variable: str, text: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that cannot be used is refused by the name of its variable."""
    if place == "environment":
        monkeypatch.setenv(variable, text)
    else:
        (folder / ".env").write_text(f"{variable}={text}\n")
    with pytest.raises(ConfigurationError, match=f"setting that cannot be used: {variable}: "):
        Settings.load()


def test_every_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several wrong values are named in one message."""
    monkeypatch.setenv("ATLAS_POOL_SIZE", "0")
    monkeypatch.setenv("ATLAS_LOG_QUERIES", "perhaps")
    with pytest.raises(ConfigurationError, match=r"ATLAS_POOL_SIZE: .*; ATLAS_LOG_QUERIES: "):
        Settings.load()


@pytest.mark.parametrize("url", ["", "mysql://db/atlas", "data.db", "file:", "file:x?pool_size=0"])
def test_wrong_url_is_refused_by_its_variable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``DATABASE_URL`` that cannot be used is refused when it is used, and by that name."""
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL: "):
        Settings.load().url()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings nor an error about them show a URL's password or what was typed."""
    monkeypatch.setenv("DATABASE_URL", f"postgresql://me:{SENTINEL}@db/atlas")
    settings = Settings.load()
    for shown in (str(settings), repr(settings), str(settings.url()), repr(settings.url())):
        assert SENTINEL not in shown
    monkeypatch.setenv("ATLAS_POOL_SIZE", f"postgresql://me:{SENTINEL}@db/atlas")
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert SENTINEL not in str(caught.value)
    assert caught.value.__context__ is None


def test_file_that_is_no_text(folder: Path) -> None:
    """A ``.env`` that is not UTF-8 is refused by its name."""
    (folder / ".env").write_bytes(b"DATABASE_URL=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"\.env cannot be read"):
        Settings.load()


def test_other_lines_of_the_file_are_ignored(folder: Path) -> None:
    """A ``.env`` may hold the settings of other programs, comments and quotes."""
    (folder / ".env").write_text("# ours\nSECRET_KEY=x\nDATABASE_URL='file:a b.db'  # theirs\n")
    assert Settings.load().url().target == str(folder / "a b.db")


def test_file_of_a_parent_folder_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the ``.env`` of the working directory counts."""
    (folder / ".env").write_text("ATLAS_POOL_SIZE=9\n")
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert Settings.load().atlas_pool_size == EngineOptions.pool_size


def test_example_lists_every_setting(folder: Path) -> None:
    """``.env.example`` names each variable once, with its default; copied it changes nothing."""
    example = (ROOT / ".env.example").read_text()
    lines = re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE)
    assert sorted(name for name, _ in lines) == sorted(VARIABLES)
    (folder / ".env").write_text(example)
    assert Settings.load() == Settings()
    (folder / ".env").write_text("\n".join(f"{name}={value}" for name, value in lines))
    assert Settings.load().model_dump() == {
        name: field.default for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_example_says_what_a_setting_is(variable: str) -> None:
    """Each variable of ``.env.example`` follows a comment; a time names its unit."""
    above, _, _ = (ROOT / ".env.example").read_text().partition(f"\n#{variable}=")
    comment = above.rpartition("\n\n")[2]
    assert comment.startswith("# ")
    if variable.endswith("_MS"):
        assert "milliseconds" in comment.lower()
