"""`weftline-agent run CMD …`: runs a command with the agent in every Python process of it. `weftline-agent show`: says
what would be woven. `weftline-agent status`: says what the agent of each process did.

`exec` puts the command in our place, so signals, exit code and process id are the command's own.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
"""A shell's exit codes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command's entry point; `run` returns only if the command could not be executed."""
    parser = argparse.ArgumentParser(prog="weftline-agent", description="The weftline agent.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a command under the agent")
    run.add_argument("argv", metavar="CMD …", nargs=argparse.REMAINDER, help="the command and its arguments")
    commands.add_parser("show", help="say what would be woven in this environment, and why the rest would not")
    ask = commands.add_parser("status", help="say what the agents here wove, made, exported and dropped")
    ask.add_argument("pid", type=int, nargs="?", help="one process; else those that run, or the last that ended")
    ask.add_argument("--all", action="store_true", help="those that have ended too")
    ask.add_argument("--json", action="store_true", help="as JSON, an array of processes")
    options = parser.parse_args(arguments)
    if options.command == "show":
        return show()
    if options.command == "status":
        return status(options.pid, everything=options.all, as_json=options.json)
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        run.error("there is no command to run, such as: weftline-agent run python app.py")
    try:
        os.execvpe(argv[0], argv, environment(os.environ))  # noqa: S606 - running the user's command is the purpose
    except FileNotFoundError:
        print(f"weftline-agent: {argv[0]}: command not found", file=sys.stderr)  # noqa: T201 - a command speaks
        return _NOT_FOUND
    except OSError as error:
        print(f"weftline-agent: {argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - a command speaks
        return _NOT_EXECUTABLE


def show() -> int:
    """Prints what would be woven with the settings there are."""
    from weftline.agent import plugins, settings  # `run` needs none of this
    from weftline.agent import show as shown

    options, problems = settings.load(os.environ)
    for problem in problems:
        print(f"setting left at its default: {problem}")  # noqa: T201 - a command speaks
    if options.disabled:
        print("the agent is switched off: OTEL_SDK_DISABLED")  # noqa: T201 - a command speaks
    if options.disabled_instrumentations:
        print(f"switched off: {', '.join(options.disabled_instrumentations)}")  # noqa: T201 - a command speaks
    shown.report(shown.examine(plugins.pointcuts(options.disabled_instrumentations)), sys.stdout)
    return 0


def status(pid: int | None, *, everything: bool, as_json: bool) -> int:
    """Prints what agents did; 1 if there is none to tell of."""
    import json  # `run` needs none of this

    from weftline.agent import settings
    from weftline.agent import status as told

    places = told.folders(settings.load(os.environ)[0].status_folder)
    reports = told.chosen(told.read(places), pid, everything=everything)
    if as_json:
        print(json.dumps([told.plain(report) for report in reports], indent=2))  # noqa: T201 - a command speaks
    elif reports:
        told.show(reports, sys.stdout)
    else:
        looked = ", ".join(map(str, places)) or "no folder: no agent has run, or WEFTLINE_AGENT_STATUS_FOLDER=none"
        who = "No process" if pid is None else f"No process {pid}"
        print(f"{who} with the agent was found; looked in {looked}", file=sys.stderr)  # noqa: T201 - a command speaks
    return 0 if reports else 1


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The command's environment: our bootstrap folder first on PYTHONPATH, once, and which interpreter it is for."""
    folder = str(Path(__file__).parent / "bootstrap")
    others = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != folder]
    return {
        **environ,
        "PYTHONPATH": os.pathsep.join([folder, *others]),
        "_WEFTLINE_AGENT_RUN": f"{os.path.realpath(sys.prefix)}:{sys.version_info[:2]}",
    }


if __name__ == "__main__":
    sys.exit(main())
