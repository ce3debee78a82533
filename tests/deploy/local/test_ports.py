"""Choosing ports."""

import socket
from collections.abc import Iterator

import pytest

from weftline.collector.errors import Misconfigured
from weftline.deploy.local.ports import HOST, choose_port, free_port, http_get, is_free, listens

pytestmark = pytest.mark.socket


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_default_unless_it_is_taken(taken: int) -> None:
    free = free_port()
    assert choose_port(None, free, "It") == free
    other = choose_port(None, taken, "It")
    assert other != taken
    assert is_free(other)


def test_a_wanted_port_is_taken_or_refused(taken: int) -> None:
    free = free_port()
    assert choose_port(free, taken, "It") == free
    with pytest.raises(Misconfigured, match=rf"It can't listen on 127\.0\.0\.1:{taken}: the port is in use"):
        choose_port(taken, free, "It")


def test_a_port_somebody_took_on_all_addresses_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])


def test_who_answers(taken: int) -> None:
    free = free_port()
    assert listens(taken)
    assert not listens(free)
    assert http_get(free, "/") == (0, b"")
