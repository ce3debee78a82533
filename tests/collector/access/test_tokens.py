"""Tokens in a file: what a line may be, when a change is seen, what the command does."""

import json
import logging
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from weftline.collector.access.command import token as command
from weftline.collector.access.identity import Role
from weftline.collector.access.tokens import Token, TokenFile, digest, line, mint, parse
from weftline.collector.errors import Misconfigured

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOD = {"name": "ci", "sha256": "ab" * 32, "tenant": "shop", "roles": ["write"], "expires": "2027-01-01T00:00:00Z"}


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.now = NOW

    def __call__(self) -> float:
        return self.seconds


def entry(secret: str, name: str = "ci", expires: datetime | None = None) -> str:
    return line(Token(name, digest(secret), "shop", frozenset({Role.READ}), expires)) + "\n"


def test_a_line_is_read_as_it_was_written() -> None:
    [token] = parse(["", "# for the pipeline", json.dumps(GOOD)], "tokens")
    assert token == Token(
        "ci", bytes.fromhex("ab" * 32), "shop", frozenset({Role.WRITE}), datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert parse([line(token)], "tokens") == [token]
    assert parse(['{"name": "x", "sha256": "' + "00" * 32 + '", "roles": ["admin"]}'], "t")[0].expires is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sha256": "ab"}, "64 hex digits"),
        ({"sha256": "x"}, "no token"),
        ({"roles": []}, "roles"),
        ({"roles": "read"}, "roles"),
        ({"roles": ["root"]}, "root"),
        ({"tenant": "a'b"}, "tenant"),
        ({"name": ""}, "name"),
        ({"expires": "2027-01-01"}, "time zone"),
        ({"expires": "soon"}, "soon"),
        ({"secret": "x"}, "unknown secret"),
    ],
)
def test_a_wrong_line_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(Misconfigured, match=rf"tokens\.jsonl, line 2: .*{re.escape(said)}"):
        parse(["", json.dumps({**GOOD, **change})], "tokens.jsonl")


@pytest.mark.parametrize("text", ["[]", "{", '{"name": "x"}', "null"])
def test_what_is_no_token_is_named(text: str) -> None:
    with pytest.raises(Misconfigured, match="line 1"):
        parse([text], "tokens.jsonl")
    with pytest.raises(Misconfigured, match="two tokens"):
        parse([json.dumps(GOOD)] * 2, "tokens.jsonl")


def test_tokens_are_found_until_they_expire(tmp_path: Path) -> None:
    clock, secret, file = Clock(), mint(), tmp_path / "tokens"
    file.write_text(entry(secret, expires=NOW + timedelta(hours=1)))
    tokens = TokenFile(file, clock, lambda: clock.now)
    assert (found := tokens.find(secret)) is not None
    assert (found.identity.name, found.identity.tenant) == ("ci", "shop")
    assert tokens.find(mint()) is None
    assert tokens.find("") is None
    assert tokens.find("\udcff") is None
    clock.now += timedelta(hours=1)
    assert tokens.find(secret) is None


def test_a_digest_that_begins_like_a_tokens_is_not_that_token(tmp_path: Path) -> None:
    secret, file = mint(), tmp_path / "tokens"
    near = bytearray(digest(secret))
    near[20] ^= 1
    file.write_text(line(Token("near", bytes(near), "", frozenset({Role.READ}), None)) + "\n")
    assert TokenFile(file, Clock(), lambda: NOW).find(secret) is None


def test_a_change_is_seen_and_a_mistake_leaves_all_as_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, one, two, file = Clock(), mint(), mint(), tmp_path / "tokens"
    file.write_text(entry(one))
    tokens = TokenFile(file, clock, lambda: NOW)
    file.write_text(entry(one) + entry(two, "two"))
    assert tokens.find(two) is None, "not looked yet"
    clock.seconds += 1
    assert tokens.find(two)
    file.write_text("nonsense\n")
    clock.seconds += 1
    assert tokens.find(two)
    clock.seconds += 1
    assert tokens.find(one)
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1, "said once"
    file.unlink()
    clock.seconds += 1
    assert tokens.find(one)
    (tmp_path / "new").write_text(entry(two, "two"))
    (tmp_path / "new").rename(file)
    clock.seconds += 1
    assert (tokens.find(one), bool(tokens.find(two))) == (None, True)


def test_without_a_file_nothing_starts(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can't be read: No such file"):
        TokenFile(tmp_path / "none", Clock(), lambda: NOW)


def run(file: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, [*arguments, "--file", str(file)])
    return done.exit_code, done.output


def test_the_command_makes_lists_and_withdraws(tmp_path: Path) -> None:
    file = tmp_path / "tokens.jsonl"
    code, secret = run(file, "new", "grafana", "--role", "read", "--tenant", "shop", "--expires", "90d")
    assert code == 0
    secret = secret.strip()
    assert secret.startswith("wft_")
    assert len(secret) > 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in file.read_text()
    assert digest(secret).hex() in file.read_text()
    with file.open("a") as out:
        out.write("# the pipeline's\n")
    assert run(file, "new", "ci", "--role", "write", "--role", "read", "--expires", "never")[0] == 0
    code, listed = run(file, "list")
    assert re.search(r"grafana +read +until .* UTC  tenant shop\n", listed)
    assert re.search(r"ci +read,write +for ever\n", listed)
    tokens = TokenFile(file, Clock(), lambda: datetime.now(UTC))
    assert tokens.find(secret)
    assert run(file, "revoke", "grafana") == (0, "")
    assert file.read_text().startswith("# the pipeline's\n")
    assert [it.name for it in parse(file.read_text().splitlines(), "")] == ["ci"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("new", "x"), "--role"),
        (("new", "x", "--role", "root"), "root"),
        (("new", "x", "--role", "read", "--tenant", "a b"), "--tenant"),
        (("new", "x", "--role", "read", "--expires", "soon"), "--expires"),
        (("new", "there", "--role", "read"), "has a token of that name"),
        (("revoke", "nobody"), "has no token of that name"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(entry(mint(), "there"))
    before = file.read_text()
    code, output = run(file, *arguments)
    assert code == 2
    assert said in output
    assert file.read_text() == before


def test_the_command_does_not_touch_a_file_it_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("nonsense\n")
    code, output = run(file, "new", "x", "--role", "read")
    assert code == 2
    assert "line 1" in output
    assert file.read_text() == "nonsense\n"
