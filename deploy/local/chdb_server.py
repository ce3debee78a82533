"""A ClickHouse server with native TCP and HTTP out of the `chdb-core` wheel: `chdb_server.py DATA_FOLDER`.

Started by `clickhouse.py` in a folder that holds `config.xml`, from which ports, listen address and logging are read.
The wheel's extension holds clickhouse-local, which can open listeners. It is loaded by path: importing the `chdb`
package opens a connection of its own, and the engine refuses a second one in a process. The last statement reads
standard input, so the server ends, cleanly, when its parent closes the pipe or dies.
"""

import importlib.util
import sys
from pathlib import Path

SERVE = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
    "SELECT count() FROM file('/dev/stdin', 'LineAsString', 'line String')"
)


def serve(data: str) -> None:
    """Serve until standard input ends; exits with the engine's message if it can't."""
    package = importlib.util.find_spec("chdb")
    if package is None or not package.submodule_search_locations:
        sys.exit("The chdb-core wheel is not installed.")
    library = Path(package.submodule_search_locations[0]) / "_chdb.abi3.so"
    spec = importlib.util.spec_from_file_location("_chdb", library)
    if spec is None or spec.loader is None:
        sys.exit(f"{library} can't be loaded.")
    engine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(engine)
    # The format is what the HTTP port then answers in by default: ClickHouse's own, on which its clients rely.
    result = engine.query(SERVE, "TabSeparated", path=data)
    if result.has_error():
        sys.exit(result.error_message())


if __name__ == "__main__":
    serve(sys.argv[1])
