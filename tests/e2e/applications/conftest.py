"""One real stack for all applications: ClickHouse, edge, query."""

from collections.abc import Iterator

import pytest

from weftline.deploy.local.ports import free_port
from weftline.deploy.local.stack import Options, Stack


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    options = Options(folder, None, http_port=free_port(), grpc_port=free_port(), query_port=free_port())
    stack = Stack(options, lambda *_: None)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
