"""`python -m weftline.deploy.wasm propagator.wasm`: build the module."""

import hashlib
import sys
from pathlib import Path

import click

from weftline.collector.errors import Misconfigured

from .build import build


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def main(target: Path) -> None:
    """Write the proxy-wasm module to TARGET."""
    try:
        build(target)
    except Misconfigured as problem:
        click.echo(str(problem), err=True)
        sys.exit(2)
    module = target.read_bytes()
    click.echo(f"{target}: {len(module)} bytes, sha256 {hashlib.sha256(module).hexdigest()}")


if __name__ == "__main__":
    main()
