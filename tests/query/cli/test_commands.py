"""The `weftline` command: finding sub-commands, and what it says about those that can't run."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from click.testing import CliRunner

from weftline.query.cli import commands
from weftline.query.cli.commands import GROUP, weftline


def found(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Replace the installed commands by these."""
    table = {name: EntryPoint(name, value, GROUP) for name, value in values.items()}
    monkeypatch.setattr(commands, "_found", lambda: table)


def test_tx_and_query_are_installed() -> None:
    names = set(commands._found())
    assert {"tx", "query"} <= names


def test_help_lists_every_command_also_those_that_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, tx="weftline.query.cli.tx:tx", up="no_such_package.x:up")
    ran = CliRunner().invoke(weftline, ["--help"])
    assert ran.exit_code == 0
    assert "Show every log of one request." in ran.output
    assert "(not installed: install no_such_package)" in ran.output


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: EntryPoint) -> object:
        raise ModuleNotFoundError("No module named 'chdb'", name="chdb")

    monkeypatch.setattr(EntryPoint, "load", load)
    found(monkeypatch, up="weftline.deploy.local.command:up")
    ran = CliRunner().invoke(weftline, ["up", "--kafka", "x", "y"])
    assert ran.exit_code == 2
    assert "`weftline up` needs the package 'chdb': pip install 'weftline[local]'" in ran.output


def test_a_broken_import_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, up="weftline.no_such_module:up")
    with pytest.raises(ModuleNotFoundError):
        CliRunner().invoke(weftline, ["up"], catch_exceptions=False)


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(weftline, ["nothing"]).exit_code == 2


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(weftline, ["--version"]).output.startswith("weftline, version ")


def test_without_click_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['click'] = None; from weftline.query.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == "weftline: the commands need the package 'click': pip install 'weftline[query]'\n"


def test_looking_up_needs_no_server_packages() -> None:
    """`weftline tx` should start at once."""
    code = (
        "import sys; import weftline.query.cli.tx;"
        "print(*{'fastapi', 'pydantic', 'uvicorn', 'clickhouse_driver', 'kafka', 'opentelemetry.sdk'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
