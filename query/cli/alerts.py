"""`weftline alerts run` and `weftline alerts check`."""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from weftline.collector.errors import Misconfigured
from weftline.collector.lifecycle import configure_logging, stop_on_signals
from weftline.query.alerts.rules import Rule, Rules, RulesError, parse
from weftline.query.alerts.run import Runner, SourceAway, owned
from weftline.query.cli.client import LookUpError, get
from weftline.query.cli.options import url_option

RulesFile = click.Path(exists=True, dir_okay=False, path_type=Path)


def default_state() -> Path:
    """Where the XDG base directory specification puts state."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "weftline" / "alerts.json"


@click.group()
def alerts() -> None:
    """Tell people when the mesh misbehaves: rules on its events, notifications over HTTP."""


@alerts.command()
@click.argument("file", type=RulesFile)
def check(file: Path) -> None:
    """Say whether the rules in FILE can be used; exits with 2 and names line and mistake if not."""
    rules = _read(file)
    click.echo(f"{file}: {len(rules.rules)} rules, {len(rules.receivers)} receivers.")


@alerts.command()
@click.option("--rules", "file", type=RulesFile, required=True, help="YAML file with receivers and rules.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    default=default_state,
    show_default="~/.local/state/weftline/alerts.json",
    help="What fires and who knows; survives a restart.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=15.0,
    show_default=True,
    help="Seconds between evaluations.",
)
@url_option
def run(file: Path, state: Path, interval: float, url: str) -> None:
    """Evaluate the rules until SIGTERM or Ctrl-C."""
    configure_logging()
    rules = _read(file)
    stop = stop_on_signals()
    try:
        with owned(state):
            Runner(rules, QueryService(url), state, interval=interval).run(stop.wait)
    except Misconfigured as error:
        click.echo(f"weftline: {error}", err=True)
        sys.exit(2)


def _read(file: Path) -> Rules:
    try:
        return parse(file.read_text(encoding="utf-8"), os.environ)
    except RulesError as error:
        for line, text in error.problems:
            click.echo(f"{file}:{line}: {text}", err=True)
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"weftline: {file} can't be read: {error}", err=True)
    sys.exit(2)


class QueryService:
    """The counts, over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url

    def counts(self, rule: Rule) -> dict[str, int]:
        seconds = max(1, rule.window // 10**9)
        parameters = {**_selectors(rule), "since": _since(rule), "interval": f"{seconds}s"}
        answer = self._get("/api/v1/events/counts", parameters, "counts")
        counted: Counter[str] = Counter()
        for it in answer["counts"]:
            counted[it["service"]] += it["count"]
        return dict(counted)

    def newest(self, rule: Rule, service: str) -> dict[str, Any] | None:
        parameters = {**_selectors(rule), "service": service, "since": _since(rule), "limit": 1}
        return next(iter(self._get("/api/v1/events", parameters, "events")["events"]), None)

    def _get(self, path: str, parameters: dict[str, object], holds: str) -> dict[str, Any]:
        try:
            return get(path, self._url, parameters, holds=holds)
        except LookUpError as error:
            raise SourceAway(str(error)) from error


def _selectors(rule: Rule) -> dict[str, object]:
    return {"kind": rule.kinds, "service": rule.services, "route": rule.routes, "cluster": rule.clusters}


def _since(rule: Rule) -> str:
    return f"{rule.window // 10**6}ms"
