"""The applications behind gunicorn and uvicorn under `weftline-agent run`: every request, every query and every log line
of theirs is in one transaction, once. What they did is told by a witness of its own, and by nobody who asks the agent.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import clickhouse_driver
import pytest

from support import applications
from support.launched import RUN
from support.redis_server import redis_server
from support.visits import Visitor, check, normal, queries, read
from weftline.deploy.local.ports import free_port, listens
from weftline.deploy.local.process import Process
from weftline.deploy.local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.clickhouse, pytest.mark.timeout(300)]

BIN = Path(sys.executable).parent
SUPPORT = Path(__file__).parents[2] / "support"
GUNICORN = ("gunicorn", "--bind", "127.0.0.1:{port}", "--access-logfile", "-", "--no-control-socket")
UVICORN = ("uvicorn", "--host", "127.0.0.1", "--port", "{port}")
WSGI_SERVERS = {
    "sync": (*GUNICORN, "--workers", "2"),
    "gthread": (*GUNICORN, "--worker-class", "gthread", "--threads", "4"),
    "gevent": (*GUNICORN, "--worker-class", "gevent"),
}
ASGI_SERVERS = {"one": (*UVICORN, "--workers", "1"), "two": (*UVICORN, "--workers", "2")}
HANDLED = r"^(gunicorn|uvicorn)\.access: "
"""What a server logs when it is done with a request."""
STARTED = re.compile("Booting worker|Application startup complete")
"""What it logs for each worker."""


def environment(stack: Stack, service: str, folder: Path, *path: Path) -> dict[str, str]:
    """For the witness, the agent and a command. `path` is what the application imports from."""
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (SUPPORT / "witness", *path))),
        "WITNESS": str(folder / "witness"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.otlp_endpoint,
        "OTEL_SERVICE_NAME": service,
        "WEFTLINE_AGENT_STRICT": "true",
    }


@contextmanager
def serve(folder: Path, env: dict[str, str], *command: str) -> Iterator[str]:
    """A server under the agent; its URL, when all its workers are there. It says nothing of the agent."""
    workers = int(command[command.index("--workers") + 1]) if "--workers" in command else 1
    log = folder / "server.log"
    port = free_port()
    process = Process(
        "server", [RUN, "run", *(part.format(port=port) for part in command)], log=log,
        ready=lambda: listens(port) and len(STARTED.findall(log.read_text())) == workers, env=env, cwd=folder,
    )  # fmt: skip
    with process:
        yield f"http://127.0.0.1:{port}"
    said = log.read_text()
    assert "weftline" not in re.sub(r'File "[^"]*"', "", said), said


def database(stack: Stack) -> clickhouse_driver.Client:
    return clickhouse_driver.Client("127.0.0.1", port=stack.clickhouse.tcp_port, database="weftline")


def everything(stack: Stack, service: str) -> Counter[str]:
    """All spans of a service there are, by kind; begins and ends of database transactions left out."""
    with database(stack) as client:
        rows = client.execute(
            "SELECT kind, attributes['db.query.text'] FROM spans WHERE service = %(service)s", {"service": service}
        )
    return Counter(kind for kind, text in rows if not text or normal(text))


def accounts(visitor: Visitor, stack: Stack, service: str, others: Counter[str] | None = None) -> None:
    """All that the service ever sent is one server span a request and one span a query, those before it served too."""
    made = queries(read(visitor.witness)).total()
    expected = Counter(server=len(visitor.visits), client=made) + Counter(others or {})
    deadline = time.monotonic() + 20
    while (found := everything(stack, service)) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert found == expected


def together(visitor: Visitor, stack: Stack, service: str, path: str, count: int, each: int) -> None:
    """Requests at the same time don't mix: each has its own queries, `each` of them."""
    answers: list[str] = []

    def ask() -> None:
        response = visitor.client.get(path)
        assert response.status_code == 200
        answers.append(response.headers["x-transaction-id"])

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == count
    sql = (
        "SELECT lower(hex(transaction_id)), countIf(kind = 'server'), countIf(kind = 'client') FROM spans "
        "WHERE service = %(service)s AND has(%(ids)s, lower(hex(transaction_id))) GROUP BY 1"
    )
    expected = dict.fromkeys(answers, (1, each))
    deadline = time.monotonic() + 20
    with database(stack) as client:
        while True:
            rows = client.execute(sql, {"service": service, "ids": answers})
            found = {transaction_id: (server, query) for transaction_id, server, query in rows}
            if found == expected or time.monotonic() > deadline:
                break
            time.sleep(0.2)
    assert found == expected


def tell(*command: str, folder: Path, env: dict[str, str]) -> None:
    """Runs a command of the application's without the agent."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **env, "WITNESS": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def unique(database: Path, table: str, column: str) -> None:
    """From now on a row with a value that is there already fails, which the application doesn't expect."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE UNIQUE INDEX unexpected ON {table} ({column})")


@pytest.mark.parametrize("server", WSGI_SERVERS)
def test_the_blog_of_flasks_tutorial(server: str, stack: Stack, tmp_path: Path) -> None:
    service = f"flaskr-{server}"
    source = applications.source("flask", tmp_path) / "examples" / "tutorial"
    env = environment(stack, service, tmp_path, source)
    tell(sys.executable, "-m", "flask", "--app", "flaskr", "init-db", folder=source, env=env)
    with (
        serve(source, env, *WSGI_SERVERS[server], "flaskr:create_app()") as url,
        Visitor(url, tmp_path / "witness", HANDLED) as user,
    ):
        account = {"username": "ada", "password": "s3cret"}
        user.get("/", 200, "/")
        user.get("/auth/register", 200, "/auth/register")
        user.post("/auth/register", 302, "/auth/register", data=account)
        user.post("/auth/register", 200, "/auth/register", data=account)  # taken: the insert fails, the page says so
        user.post("/auth/login", 302, "/auth/login", data=account)
        user.post("/create", 302, "/create", data={"title": "one", "body": "it's 1"})
        user.get("/", 200, "/")
        user.post("/1/update", 302, "/<int:id>/update", data={"title": "two", "body": ""})
        user.get("/7/update", 404, "/<int:id>/update")
        user.get("/nowhere", 404, "")
        user.post("/auth/login", 400, "/auth/login")
        unique(source / "instance" / "flaskr.sqlite", "post", "title")
        user.post("/create", 500, "/create", data={"title": "two", "body": ""})
        for visit in user.visits:
            check(user, visit, stack.query_url)
        assert [queries(user.seen(visit)).total() for visit in user.visits] == [1, 0, 1, 1, 1, 2, 2, 3, 2, 1, 1, 2]
        accounts(user, stack, service)
        together(user, stack, service, "/auth/login", 16, 1)  # the user's row, for the session


@pytest.mark.parametrize("server", ASGI_SERVERS)
def test_the_heroes_of_fastapis_tutorial(server: str, stack: Stack, tmp_path: Path) -> None:
    service = f"heroes-{server}"
    source = applications.source("fastapi", tmp_path)
    shutil.rmtree(source / "fastapi")  # the installed one is served
    env = environment(stack, service, tmp_path, source, applications.libraries("fastapi"))
    prepare = "from docs_src.sql_databases.tutorial002 import create_db_and_tables as prepare; prepare()"
    tell(sys.executable, "-c", prepare, folder=source, env=env)  # two workers at once would both do it, and one fail
    with (
        serve(source, env, *ASGI_SERVERS[server], "docs_src.sql_databases.tutorial002:app") as url,
        Visitor(url, tmp_path / "witness", HANDLED) as user,
    ):
        user.get("/heroes/", 200, "/heroes/")
        user.post("/heroes/", 200, "/heroes/", json={"name": "Deadpond", "secret_name": "Dive Wilson", "age": 30})
        user.post("/heroes/", 422, "/heroes/", json={"name": "Nobody"})
        user.get("/heroes/?offset=0&limit=5", 200, "/heroes/")
        user.get("/heroes/1", 200, "/heroes/{hero_id}")
        user.visit("PATCH", "/heroes/1", 200, "/heroes/{hero_id}", json={"age": 31})
        user.get("/heroes/9", 404, "/heroes/{hero_id}")
        user.get("/openapi.json", 200, "/openapi.json")
        user.get("/nowhere", 404, "")
        user.visit("PUT", "/heroes/", 405, "/heroes/")
        unique(source / "database.db", "hero", "name")
        user.post("/heroes/", 500, "/heroes/", json={"name": "Deadpond", "secret_name": "Another"})
        for visit in user.visits:
            check(user, visit, stack.query_url)
        accounts(user, stack, service)
        together(user, stack, service, "/heroes/1", 16, 1)


@pytest.mark.parametrize("server", ["sync", "gthread", "one", "two"])
def test_django_todo(server: str, stack: Stack, tmp_path: Path) -> None:
    service = f"todo-{server}"
    source = applications.source("django-todo", tmp_path)
    env = environment(stack, service, tmp_path, source, SUPPORT / "todo_site", applications.libraries("django-todo"))
    env |= {"DJANGO_SETTINGS_MODULE": "todo_site", "DJANGO_SUPERUSER_PASSWORD": "s3cret"}
    for command in (("migrate",), ("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com")):
        tell(sys.executable, "-m", "django", *command, folder=source, env=env)
    with closing(sqlite3.connect(source / "todo.sqlite")) as connection, connection:
        connection.execute("INSERT INTO auth_group (id, name) VALUES (1, 'Operations')")
        connection.execute("INSERT INTO auth_user_groups (user_id, group_id) VALUES (1, 1)")
    command = ASGI_SERVERS.get(server)
    served = (*command, "todo_asgi:application") if command else (*WSGI_SERVERS[server], "todo_wsgi:application")
    with serve(source, env, *served) as url, Visitor(url, tmp_path / "witness", HANDLED) as user:

        def post(path: str, status: int, route: str, **data: str) -> None:
            user.post(path, status, route, data={"csrfmiddlewaretoken": user.client.cookies["csrftoken"], **data})

        user.get("/todo/", 302, "/todo/")
        user.get("/admin/login/", 200, "/admin/login/")
        post("/admin/login/", 200, "/admin/login/", username="ada", password="wrong")
        post("/admin/login/", 302, "/admin/login/", username="ada", password="s3cret")
        user.get("/todo/", 200, "/todo/")
        post("/todo/add_list/", 302, "/todo/add_list/", name="Night shift", group="1")
        tasks = "/todo/<int:list_id>/<str:list_slug>/"
        user.get("/todo/1/night-shift/", 200, tasks)
        task = {"title": "Look at the ledger", "note": "it's 3 a.m.", "priority": "1", "task_list": "1"}
        post("/todo/1/night-shift/", 302, tasks, add_edit_task="on", assigned_to="1", **task)
        user.get("/todo/1/night-shift/", 200, tasks)
        post("/todo/toggle_done/1/", 302, "/todo/toggle_done/<int:task_id>/")
        user.get("/todo/search/?q=ledger", 200, "/todo/search/")
        user.get("/admin/todo/task/", 200, "/admin/todo/task/")
        user.get("/todo/task/77/", 404, "/todo/task/<int:task_id>/")
        user.get("/nowhere/", 404, "")
        user.post("/todo/add_list/", 403, "/todo/add_list/")  # no token against forgery
        unique(source / "todo.sqlite", "todo_task", "title")
        post("/todo/1/night-shift/", 500, tasks, add_edit_task="on", assigned_to="1", **task)
        user.get("/todo/mine/", 200, "/todo/mine/")
        mine = user.visits[-1]
        for visit in user.visits:
            check(user, visit, stack.query_url)
        accounts(user, stack, service)
        together(user, stack, service, "/todo/mine/", 16, queries(user.seen(mine)).total())


def test_the_celery_example_of_flask(stack: Stack, tmp_path: Path) -> None:
    """From the request through the broker to the worker and its answer: one transaction."""
    source = applications.source("flask", tmp_path) / "examples" / "celery"
    (tmp_path / "redis").mkdir()
    with redis_server(tmp_path / "redis") as broker:
        env = environment(stack, "task-app", tmp_path, source, source / "src")
        env["FLASK_CELERY"] = json.dumps(
            {
                "broker_url": f"redis://127.0.0.1:{broker}/0",
                "result_backend": f"redis://127.0.0.1:{broker}/0",
                "task_ignore_result": True,
            }
        )
        worker = Process(
            "worker",
            [RUN, "run", "celery", "-A", "make_celery", "worker", "--loglevel", "INFO", "--concurrency", "2"],
            log=tmp_path / "worker.log", ready=lambda: " ready." in (tmp_path / "worker.log").read_text(),
            env={**env, "OTEL_SERVICE_NAME": "task-worker"}, cwd=source, ready_seconds=60,
        )  # fmt: skip
        with (
            worker,
            serve(source, env, *WSGI_SERVERS["gthread"], "make_celery:flask_app") as url,
            Visitor(url, tmp_path / "witness", HANDLED) as user,
        ):
            sent = user.post(
                "/tasks/add", 200, "/tasks/add", data={"a": "4", "b": "5"}, until="celery.app.trace: .*succeeded"
            ).json()
            result = user.get(f"/tasks/result/{sent['result_id']}", 200, "/tasks/result/<id>").json()
            assert result == {"ready": True, "successful": True, "value": 9}
            user.post("/tasks/add", 200, "/tasks/add", data={"b": "5"}, until="celery.app.trace: .*raised")
            task = {"send task_app.tasks.add": 1, "process task_app.tasks.add": 1, "GET 0": 1, "MULTI 0": 1}
            for visit, others in zip(user.visits, (task, {"GET 0": 1}, task), strict=True):
                check(user, visit, stack.query_url, others)
