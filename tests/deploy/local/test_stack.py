"""The stack where a port that it chose is lost before its server listens. The whole of it: test_command.py."""

import socket
from pathlib import Path

import pytest

from weftline.collector.errors import Misconfigured
from weftline.deploy.local.ports import HOST, free_port
from weftline.deploy.local.stack import Options, Stack

pytestmark = pytest.mark.socket


@pytest.mark.parametrize(
    ("lost", "says"), [("query_grpc_port", "Jaeger's gRPC API"), ("query_port", "The query service")]
)
def test_a_port_that_is_lost_is_one_sentence(tmp_path: Path, lost: str, says: str) -> None:
    stack = Stack(Options(tmp_path), lambda *_: None)
    stack.query_port, stack.query_grpc_port = free_port(), free_port()
    with socket.create_server((HOST, getattr(stack, lost))) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Misconfigured) as error:
            stack._start_query(stack._environment(0))
        stack.stop()
    assert str(error.value) == (
        f"{says} can't listen on {HOST}:{port}: another process took the port a moment ago. Start again."
    )
