"""The recipes of docs/frameworks.md, run against the frameworks themselves."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from pathlib import Path

import pytest
from conftest import ROOT
from databases import sqlite_copy

TEXT = (ROOT / "docs" / "frameworks.md").read_text()
RECIPES = dict(
    re.findall(r"^## ([\w ]+)\n.*?^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
)


@pytest.fixture
def folder(migrated_file: Path, tmp_path: Path) -> Path:
    """A folder with a migrated, empty database, the one of the settings."""
    sqlite_copy(migrated_file, tmp_path / "atlas-ops.db")
    return tmp_path


def run(folder: Path, recipe: str, program: str, timeout: int = 100) -> str:
    """Run ``program`` beside a recipe, which it imports as ``app``; return what it printed."""
    (folder / "app.py").write_text(RECIPES[recipe])
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def environment(folder: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")},
        "DATABASE_URL": f"file:{folder}/atlas-ops.db",
        "PYTHONPATH": str(folder),
    }


def stored(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "atlas-ops.db")) as file:
        return {code for (code,) in file.execute("SELECT code FROM db_tag")}


@pytest.mark.timeout(300)
def test_fastapi(folder: Path) -> None:
    """Under 8 users, of 1,000 requests those that are answered 200 are stored, and no others."""
    printed = run(
        folder,
        "FastAPI",
        """
        import threading, time
        from concurrent.futures import ThreadPoolExecutor

        import httpx, uvicorn
        from fastapi import HTTPException

        import app as recipe

        @recipe.app.post("/fails/{code}")
        async def fails(code: str, tx=recipe.Depends(recipe.transaction, scope="function")):
            await recipe.Tag(code=code, name=code).save()
            raise HTTPException(409)

        @recipe.app.post("/threads/fails/{code}")
        def fails_in_thread(
            code: str, tx=recipe.Depends(recipe.transaction_in_threads, scope="function")
        ):
            tx.run(recipe.Tag(code=code, name=code).save())
            raise HTTPException(409)

        server = uvicorn.Server(uvicorn.Config(recipe.app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        paths = ("/tags/", "/threads/tags/", "/fails/", "/threads/fails/")
        answered = []

        def user(number):
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                for n in range(125):
                    code = f"u{number}-{n}"
                    if http.post(paths[n % 4] + code).status_code == 200:
                        answered.append(code)

        with ThreadPoolExecutor(8) as users:
            list(users.map(user, range(8)))
        server.should_exit = True
        thread.join()
        print(*answered)
        """,
        timeout=250,
    )
    answered = set(printed.split())
    assert len(answered) == 504  # all of 1,000 but those that are made to fail
    assert stored(folder) == answered


def test_flask(folder: Path) -> None:
    """Requests in several threads are each stored."""
    run(
        folder,
        "Flask",
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor

        import httpx
        from werkzeug.serving import make_server

        import app

        server = make_server("127.0.0.1", 0, app.app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.port}/tags/"
        with ThreadPoolExecutor(4) as users:
            answers = list(users.map(lambda n: httpx.post(f"{url}t{n}", timeout=30), range(40)))
        assert {answer.status_code for answer in answers} == {200}
        server.shutdown()
        app.db.close()
        """,
    )
    assert stored(folder) == {f"t{n}" for n in range(40)}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_celery(pool: str, folder: Path) -> None:
    """A worker's processes, and its threads, do what they are told, each task once."""
    (folder / "app.py").write_text(
        RECIPES["Celery"]
        + textwrap.dedent(f"""
        app.conf.broker_transport_options = {{
            "data_folder_in": {str(folder / "queue")!r},
            "data_folder_out": {str(folder / "queue")!r},
            "control_folder": {str(folder / "control")!r},
        }}
        """)
    )
    (folder / "queue").mkdir()
    (folder / "control").mkdir()
    variables = {**environment(folder), "BROKER_URL": "filesystem://"}
    send = "import app\nfor n in range(20): app.add.delay(f't{n}')"
    subprocess.run([sys.executable, "-c", send], cwd=folder, env=variables, check=True)
    worker = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "app",
            "worker",
            "--pool",
            pool,
            "--concurrency",
            "2",
        ],
        cwd=folder,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 100
        while len(stored(folder)) < 20 and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(30)
    assert stored(folder) == {f"t{n}" for n in range(20)}


def test_rq(folder: Path) -> None:
    """Jobs of RQ's own worker, on a Redis in memory, are stored."""
    run(
        folder,
        "RQ",
        """
        from fakeredis import FakeStrictRedis
        from rq import Queue, SimpleWorker

        import app

        redis = FakeStrictRedis()
        queue = Queue(connection=redis)
        jobs = [queue.enqueue(app.add, f"t{n}") for n in range(5)]
        SimpleWorker([queue], connection=redis).work(burst=True)
        """,
    )
    assert stored(folder) == {f"t{n}" for n in range(5)}


def test_dramatiq(folder: Path) -> None:
    """A worker's threads share the client."""
    run(
        folder,
        "Dramatiq",
        """
        from dramatiq import Worker

        import app

        with app.db:
            for n in range(20):
                app.add.send(f"t{n}")
            worker = Worker(app.broker, worker_timeout=100, worker_threads=4)
            worker.start()
            app.broker.join(app.add.queue_name)
            worker.join()
            worker.stop()
        """,
    )
    assert stored(folder) == {f"t{n}" for n in range(20)}


def test_apscheduler(folder: Path) -> None:
    """Jobs of a background scheduler, which run in its threads, are stored."""
    run(
        folder,
        "APScheduler",
        """
        import time

        import app

        with app.db:
            app.scheduler.start()
            for n in range(10):
                app.scheduler.add_job(app.add, args=[f"t{n}"])
            while app.scheduler.get_jobs():
                time.sleep(0.05)
            app.scheduler.shutdown(wait=True)
        """,
    )
    assert stored(folder) == {f"t{n}" for n in range(10)}


@pytest.mark.timeout(200)
def test_jupyter(folder: Path) -> None:
    """The cell runs in a kernel, beside its event loop, and shows its count."""
    printed = run(
        folder,
        "Jupyter",
        """
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(open("app.py").read())]
        NotebookClient(notebook, timeout=90, kernel_name="python3").execute()
        print(notebook.cells[0].outputs[0]["data"]["text/plain"])
        """,
        timeout=150,
    )
    assert printed == "1\n"
    assert stored(folder) == {"from-a-cell"}
