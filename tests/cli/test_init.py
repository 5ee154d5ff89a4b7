"""``atlas init``: a folder to begin in."""

from __future__ import annotations

from pathlib import Path

from commands import run
from conftest import ROOT

from atlas.cli.init import FILES


def test_a_new_project_works(tmp_path: Path) -> None:
    """The two commands it names, then the first script, work as they are printed."""
    done = run(tmp_path, "atlas", "init", "school")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Next: cd school && atlas migrate && atlas seed\n" in done.stdout
    folder = tmp_path / "school"
    assert sorted(path.name for path in folder.iterdir()) == [".env", "first.py", "piccolo_conf.py"]
    for words in (("migrate",), ("seed",), ("check",)):
        done = run(folder, "atlas", *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert str(folder / "atlas-ops.db") in done.stdout
    done = run(folder, "python", "first.py")
    assert done.stdout.startswith("11 Aceh\n"), done.stderr
    assert len(done.stdout.splitlines()) == 10


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Where one of the files is, none is written."""
    (tmp_path / ".env").write_text("SECRET=1\n")
    done = run(tmp_path, "atlas", "init")
    assert done.returncode == 2
    assert "has .env already" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [".env"]
    assert (tmp_path / ".env").read_text() == "SECRET=1\n"


def test_readme_shows_the_configuration() -> None:
    """README has the whole piccolo_conf.py, as it is written, but for its docstring."""
    text = FILES["piccolo_conf.py"].partition("\n\n")[2]
    assert f"```py\n{text}```\n" in (ROOT / "README.md").read_text()
