"""Choosing ports."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from weftline.collector.errors import Misconfigured
from weftline.deploy.local.ports import HOST, UNPRIVILEGED, choose_port, free_port, http_get, is_free, listens

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


def test_a_process_is_never_given_a_port_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_port()
    drawn = iter((first - UNPRIVILEGED, first - UNPRIVILEGED + 1))
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
    assert free_port() == first + 1


def test_a_default_is_kept_from_others_before_anybody_listens_on_it() -> None:
    mine = free_port()
    assert choose_port(None, mine, "It") == mine
    program = f"from weftline.deploy.local.ports import choose_port; print(choose_port(None, {mine}, 'It'))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(ended.stdout) != mine


def test_another_process_is_not_given_it_while_the_first_lives() -> None:
    mine = free_port()
    program = f"""if True:
        import secrets
        drawn = [{mine + 2 - UNPRIVILEGED}, {mine - UNPRIVILEGED}]
        secrets.randbelow = lambda _: drawn.pop()
        from weftline.deploy.local import ports
        print(ports.free_port())
    """
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(ended.stdout) == mine + 2


def test_two_processes_that_choose_at_once_are_not_both_given_the_default() -> None:
    default = free_port()
    program = f"from weftline.deploy.local import ports; print(ports.choose_port(None, {default}, 'It'))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(ended.stdout) != default
    assert choose_port(None, default, "It") == default
