"""A real OCI registry (CNCF Distribution), out of Debian's package, and ORAS, built with Go once, into a cache."""

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.istio_programs import asked_for
from support.registries import fetched, missing, need
from weftline.deploy.local.ports import HOST, free_port
from weftline.deploy.local.process import Process

ORAS = "1.3.6"


def oras() -> Path:
    """ORAS' command, named `oras`; skips unless it is asked for, and where there is no Go."""
    asked_for()
    need("go")
    command = ["go", "install", f"oras.land/oras/cmd/oras@v{ORAS}"]
    return fetched(f"oras-{ORAS}", lambda folder: ["env", f"GOBIN={folder}", *command]) / "oras"


@contextmanager
def oci_registry(folder: Path) -> Iterator[str]:
    """`localhost:PORT` of an empty registry, for whose name clients take plain HTTP; skips as `oras` does, and where it
    isn't installed."""
    asked_for()
    if shutil.which("docker-registry") is None:
        missing("There is no OCI registry here (Debian: apt-get install docker-registry).")
    port = free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/images}}}}\nhttp: {{addr: '{HOST}:{port}'}}\n",
        encoding="utf-8",
    )

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/v2/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False

    command = ["docker-registry", "serve", str(folder / "config.yml")]
    with Process("registry", command, log=folder / "registry.log", ready=ready):
        yield f"localhost:{port}"
