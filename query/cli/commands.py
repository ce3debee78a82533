"""Finds the sub-commands of `weftline`: the entry points of the group ``weftline.commands``.

So a part that lies downstream of this folder (`weftline up`, `weftline demo`), or another package, adds a command
without anything here knowing it, and `weftline tx` doesn't wait for imports it has no use for.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click
from click.shell_completion import get_completion_class

GROUP: Final = "weftline.commands"
EXTRAS: Final = {
    "weftline.collector": "collector",
    "weftline.query": "query",
    "weftline.deploy.local": "local",
    "weftline.deploy.demo": "demo",
}
"""Where a command lives to the extra that brings what it needs (pyproject.toml)."""


SHELLS: Final = ("bash", "zsh", "fish")


class Commands(click.Group):
    """A group whose members are entry points."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_found()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry_point = _found().get(cmd_name)
        if entry_point is None:
            return super().get_command(ctx, cmd_name)
        try:
            command = entry_point.load()
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("weftline"):
                raise
            return _not_installed(entry_point, error.name or str(error))
        assert isinstance(command, click.Command), f"{entry_point.value} is no click command"  # noqa: S101 - a bug of its author
        return command


def _found() -> dict[str, EntryPoint]:
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}


def _not_installed(entry_point: EntryPoint, package: str) -> click.Command:
    """Stands in the help for a command that can't run, and says what to install when called."""
    extra = next((extra for home, extra in EXTRAS.items() if entry_point.module.startswith(home)), None)
    remedy = f"pip install 'weftline[{extra}]'" if extra else f"install {package}"

    @click.command(
        entry_point.name,
        short_help=f"(not installed: {remedy})",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def not_installed() -> None:
        raise click.UsageError(f"`weftline {entry_point.name}` needs the package {package!r}: {remedy}")

    return not_installed


def _print_completion(context: click.Context, _parameter: click.Parameter, shell: str | None) -> None:
    if shell is None:
        return
    completion = get_completion_class(shell)
    assert completion, f"click knows no {shell}"  # noqa: S101 - SHELLS are those it knows
    click.echo(completion(context.command, {}, "weftline", "_WEFTLINE_COMPLETE").source())
    context.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="weftline")
@click.option(
    "--completion",
    type=click.Choice(SHELLS),
    is_eager=True,
    expose_value=False,
    callback=_print_completion,
    help='Print what makes a shell complete commands: `eval "$(weftline --completion bash)"`.',
)
def weftline() -> None:
    """Every log of one request by one transaction ID."""
