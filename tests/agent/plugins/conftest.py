"""Real database servers, one of each for the whole run."""

from collections.abc import Iterator

import pytest

from support.mariadb_server import MariaDB, mariadb_server
from support.mongo_server import mongo_server
from support.postgres_server import Postgres, postgres_server
from support.redis_server import redis_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as server:
        yield server


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture(scope="session")
def mongo_port() -> Iterator[int]:
    with mongo_server() as port:
        yield port
