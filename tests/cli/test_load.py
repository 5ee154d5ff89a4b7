"""``atlas load`` and ``atlas dump``: a file into a table, and out of one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from commands import run
from databases import sqlite_copy

from atlas import Region, Source, sync_client


@pytest.fixture
def database(migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty database, in the folder where the commands run."""
    monkeypatch.chdir(tmp_path)
    sqlite_copy(migrated_file, path := tmp_path / "x.db")
    return path


def atlas(*arguments: str, exits: int = 0) -> str:
    """Run the command in a process of its own; return what it printed, errors included."""
    done = run(Path.cwd(), "atlas", *arguments, "--database", "x.db")
    printed = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == exits, printed
    return printed


def test_a_file_is_loaded_with_names_and_references_of_its_own(database: Path) -> None:
    """Other headings, parents by their codes, in any order; a second time nothing changes."""
    Path("regions.csv").write_text("Kode;name;type;Induk\n31.1;Pusat;City;31\n31;DKI;Province;\n")
    load = ("load", "Region", "regions.csv", "--map", "code=Kode", "--map", "parent_id=Induk")
    refs = ("--ref", "parent_id=Region.code")
    assert "2 rows would be inserted" in atlas(*load, *refs, "--dry-run")
    assert "2 rows inserted, 0 updated" in atlas(*load, *refs)
    assert "2 unchanged" in atlas(*load, *refs)
    with sync_client("file:x.db") as db:
        (city,) = db.run(Region.select(Region.parent_id.name).where(Region.code == "31.1"))
        assert city == {"parent_id.name": "DKI"}


def test_bad_rows_are_named_by_line_or_written_to_a_file(database: Path) -> None:
    """Without --rejects nothing is loaded; with it the good rows are, and the file has the bad."""
    Path("tags.csv").write_text("code,name,is_active\na,one,true\nb,,true\nc,three,perhaps\n")
    said = atlas("load", "Tag", "tags.csv", exits=2)
    assert "line 3: name" in said
    assert "line 4: is_active: 'perhaps'" in said
    assert "nothing was written" in said
    said = atlas("load", "Tag", "tags.csv", "--rejects", "bad.csv", exits=1)
    assert "1 rows inserted" in said
    with Path("bad.csv").open() as file:
        rejected = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["value"]) for row in rejected] == [
        ("3", "name", ""),
        ("4", "is_active", "perhaps"),
    ]


def test_a_source_is_named_by_its_code(database: Path) -> None:
    """Its id goes into every row; one that there is not is said to be missing."""
    with sync_client("file:x.db") as db:
        db.upsert(Source, [{"code": "sheet", "name": "Sheet", "type": "Spreadsheet"}])
    Path("days.csv").write_text(
        "source_key,entity_id,name,type,start_date,end_date,colour\n"
        "1,,Open day,Other,2026-01-01,2026-01-01,red\n"
    )
    load = ("load", "Agenda", "days.csv", "--source", "sheet")
    assert "colour" in atlas(*load, exits=2)
    said = atlas(*load, "--skip-unknown", exits=2)
    assert "entity_id" in said
    assert "colour" not in said
    said = atlas(*load[:-1], "nope", exits=2)
    assert "core_source has no row whose code is 'nope'" in said


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_what_is_dumped_is_loaded_unchanged(database: Path, ending: str) -> None:
    """Every value of every column comes back as it was."""
    with sync_client("file:x.db") as db:
        db.upsert(
            Region, [{"code": str(n), "name": f'"{n}"', "type": "Province"} for n in range(9)]
        )
    assert "9 rows" in atlas("dump", "core_region", f"regions.{ending}")
    assert "9 unchanged" in atlas("load", "core_region", f"regions.{ending}")
    assert "9 unchanged" in atlas("load", "Region", f"regions.{ending}", "--key", "id")


def test_a_query_is_dumped(database: Path) -> None:
    """With the columns that it names."""
    atlas("dump", "SELECT 1 AS one, '{}' AS two", "query.csv")
    assert Path("query.csv").read_text() == "one,two\n1,{}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("load", "Regon", "x.csv"), "There is no table Regon. Did you mean Region?"),
        (("dump", "Regon", "x.csv"), "There is no table Regon. Did you mean Region?"),
        (("load", "Region", "none.csv"), "none.csv: it cannot be read"),
        (("dump", "Region", "x.doc"), "x.doc: its ending is .doc"),
    ],
)
def test_what_there_is_not_is_named(database: Path, arguments: tuple[str, ...], said: str) -> None:
    """And no file is left."""
    assert said in atlas(*arguments, exits=2)
    assert {each.name for each in database.parent.iterdir() if each.suffix != ".db"} <= {
        "x.db-wal",
        "x.db-shm",
    }


def test_a_wrong_option_is_refused(database: Path) -> None:
    """With the form that it should have."""
    for option, value in (("--map", "code"), ("--ref", "parent_id=Region")):
        assert "give COLUMN=" in atlas("load", "Region", "x.csv", option, value, exits=2)
