"""`python -m bench agent-versions`: the plugins' tests against the oldest versions that their pointcuts claim, and some
in between where a library changed much. No figures; `python -m bench.agent_versions flask redis` tries only those.

Each version gets an environment of its own under `build/versions/`: the library and what it asks for, of its time where
newer ones won't do, and behind it on the path everything that is installed here. Takes half an hour and the package
registry, and so is no part of `make test`, which only holds what the pointcuts claim against this table. Databases and
brokers are those of the tests; a missing one fails.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_ENVIRONMENTS: Final = ROOT / "build" / "versions"
_PLUGINS: Final = "tests/agent/plugins/test_"


@dataclass(frozen=True, slots=True)
class Tried:
    """A library's versions, the oldest first, each with what has to be of its time, as pip's requirements; and the
    tests of the plugins that weave it, as pytest's arguments."""

    versions: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def oldest(self) -> str:
        """The version that pointcuts may claim."""
        return self.versions[0].split()[0].partition("==")[2]


def _plugin(*names: str) -> tuple[str, ...]:
    return tuple(f"{_PLUGINS}{name}.py" for name in names)


TRIED: Final = {
    "aiohttp": Tried(("aiohttp==3.8.3", "aiohttp==3.10.0"), (*_plugin("servers", "clients"), "-k", "aiohttp")),
    "aiokafka": Tried(("aiokafka==0.8.1 kafka-python==2.0.2", "aiokafka==0.12.0"), _plugin("aiokafka")),
    "asyncpg": Tried(("asyncpg==0.27.0", "asyncpg==0.29.0"), _plugin("asyncpg")),
    "celery": Tried(("celery==5.3.1", "celery==5.4.0"), _plugin("celery")),
    "clickhouse-connect": Tried(
        ("clickhouse-connect==0.8.0", "clickhouse-connect==1.0.0", "clickhouse-connect==1.6.0"),
        _plugin("clickhouse_connect"),
    ),
    "clickhouse-driver": Tried(("clickhouse-driver==0.2.6",), _plugin("clickhouse_driver")),
    "confluent-kafka": Tried(("confluent-kafka==2.0.2", "confluent-kafka==2.8.2"), _plugin("confluent_kafka")),
    "django": Tried(("django==3.2", "django==4.2"), _plugin("django")),
    "fastapi": Tried(("fastapi==0.100.0 starlette==0.27.0", "fastapi==0.115.0"), _plugin("starlette")),
    "flask": Tried(
        ("flask==2.2.0 werkzeug==2.2.0", "flask==2.3.0 werkzeug==2.3.0"),
        (*_plugin("flask"), f"{_PLUGINS}servers.py::test_gunicorn_with_flask_makes_one_span"),
    ),
    "gevent": Tried(
        ("gevent==22.10.2 gunicorn==20.1.0 setuptools<80", "gevent==24.2.1 gunicorn==23.0.0"),
        ("tests/agent/test_context_gevent.py", *_plugin("servers"), "-k", "gevent"),
    ),
    "grpcio": Tried(("grpcio==1.50.0", "grpcio==1.66.0"), _plugin("grpc")),
    "gunicorn": Tried(
        ("gunicorn==20.0.0 setuptools<80", "gunicorn==22.0.0", "gunicorn==25.3.0"),
        (*_plugin("servers", "gunicorn_asgi"), "tests/agent/test_launcher_prefork.py", "-k", "gunicorn or prefork"),
    ),
    "httpx": Tried(("httpx==0.23.0", "httpx==0.27.0"), (*_plugin("clients"), "-k", "httpx")),
    "kafka-python": Tried(("kafka-python==2.0.2", "kafka-python==2.2.0"), _plugin("kafka")),
    "kombu": Tried(("kombu==5.2.1 redis==4.2.0 setuptools<80",), (*_plugin("redis"), "-k", "kombu")),
    "loguru": Tried(("loguru==0.6.0",), _plugin("loguru")),
    "opentelemetry-api": Tried(
        ("opentelemetry-api==1.45.0 opentelemetry-sdk==1.45.0 opentelemetry-exporter-otlp==1.45.0",),
        (
            *(f"tests/agent/test_{name}.py" for name in ("interop", "provider", "transaction", "fork")),
            "tests/agent/export",
            "tests/agent/propagate",
        ),
    ),
    "psycopg": Tried(("psycopg[binary]==3.1.4", "psycopg[binary]==3.2.2"), _plugin("psycopg")),
    "psycopg2": Tried(("psycopg2-binary==2.9.5",), _plugin("psycopg2")),
    "pymongo": Tried(("pymongo==4.18.0",), _plugin("pymongo")),
    "pymysql": Tried(("pymysql==1.0.1", "pymysql==1.1.0"), _plugin("pymysql")),
    "redis": Tried(("redis==4.2.0", "redis==5.0.0"), (*_plugin("redis"), "-k", "not kombu")),
    "requests": Tried(("requests==2.20.0", "requests==2.28.0"), (*_plugin("clients"), "-k", "requests")),
    "sqlalchemy": Tried(("sqlalchemy==2.0.5.post1", "sqlalchemy==2.0.30"), _plugin("sqlalchemy")),
    "starlette": Tried(
        ("starlette==0.27.0 fastapi==0.100.0", "starlette==0.40.0 fastapi==0.115.2"), _plugin("starlette")
    ),
    "structlog": Tried(("structlog==22.2.0", "structlog==24.1.0"), _plugin("structlog")),
    "tornado": Tried(("tornado==6.1", "tornado==6.4"), (*_plugin("servers", "clients"), "-k", "tornado")),
    "urllib3": Tried(("urllib3==2.0.2",), (*_plugin("clients"), "-k", "urllib3 or requests")),
    "uvicorn": Tried(
        ("uvicorn==0.20.0 websockets==15.0.1 wsproto==1.2.0", "uvicorn==0.30.0 websockets==15.0.1"),
        (
            *_plugin("servers", "asgi", "websockets", "starlette"),
            "tests/agent/test_launcher_prefork.py",
            "-k",
            "not (wsgi or aiohttp or tornado or sync or gthread or preload or gevent)",
        ),
    ),
    "werkzeug": Tried(
        ("werkzeug==2.2.0 flask==2.2.0", "werkzeug==2.3.0 flask==2.3.0"), (*_plugin("servers"), "-k", "werkzeug")
    ),
}
"""By the name that pointcuts have for the library. Python 3.11 is the oldest interpreter, so the oldest version is never
older than the first that installs there."""


def main(libraries: list[str] | None = None) -> None:
    """Tries all of them, or those named; fails with those that failed."""
    wanted = libraries or list(TRIED)
    if unknown := set(wanted) - set(TRIED):
        sys.exit(f"No version of {', '.join(sorted(unknown))} is tried; there are {', '.join(TRIED)}.")
    failed = [version for name in wanted for version in TRIED[name].versions if not passes(version, TRIED[name].tests)]
    if failed:
        sys.exit(f"Failed: {'; '.join(failed)}.")


def passes(version: str, tests: tuple[str, ...]) -> bool:
    """Whether tests pass against a version; prints a line, and all that pytest says if they don't."""
    began = time.monotonic()
    python = environment(version)
    # of what is deprecated since, old versions use much; a server that a busy machine kept waiting gets a second chance;
    # hypothesis, which none of these tests use, has its source parsed at the end, which fails beside Celery's threads
    options = ("-W", "ignore", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--reruns", "2")
    command = [python, "-m", "pytest", "-q", *options, *tests]
    strict = {**os.environ, "CI": "true"}  # a server that is missing fails tests
    done = subprocess.run(
        command, cwd=ROOT, env=strict, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        print(done.stdout)
    counts = done.stdout.strip().rpartition("\n")[2]
    print(
        f"{version}: {'passed' if not done.returncode else 'FAILED'}, {counts} ({time.monotonic() - began:.0f} s)",
        flush=True,
    )
    return done.returncode == 0


def environment(version: str) -> str:
    """The interpreter of a version's environment, made if it isn't there."""
    folder = _ENVIRONMENTS / f"{version.replace(' ', '-').replace('==', '-')}-{sys.implementation.cache_tag}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", folder], check=True)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", python]
        subprocess.run([*pip, "install", "--prefer-binary", *version.split()], check=True)
        _stand_before_installed(folder)
        (folder / "complete").touch()
    return str(python)


def _stand_before_installed(folder: Path) -> None:
    """Puts what is installed here behind what an environment has, programs too."""
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (own / "installed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for program in Path(sys.executable).parent.iterdir():
        there = folder / "bin" / program.name
        if there.exists() or program.is_symlink():
            continue
        first, line_break, rest = program.read_bytes().partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            there.write_bytes(b"#!" + os.fsencode(folder / "bin" / "python") + line_break + rest)
            shutil.copymode(program, there)


if __name__ == "__main__":
    main(sys.argv[1:])
