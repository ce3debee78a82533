"""The `weftline` command. Its sub-commands are found by name and imported only when called (see `commands`)."""

import sys


def main() -> None:
    """Entry point of the console script."""
    try:
        from weftline.query.cli.commands import weftline
    except ModuleNotFoundError as error:
        # The agent alone is installed without any of the packages that the commands need.
        if (error.name or "").startswith("weftline"):
            raise
        sys.exit(f"weftline: the commands need the package {error.name!r}: pip install 'weftline[query]'")
    weftline(prog_name="weftline")
