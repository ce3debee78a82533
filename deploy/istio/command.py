"""`weftline istio`: the propagator as Istio's resources. The files in this folder are what it prints by default."""

from typing import Any

import click
import yaml

from weftline.deploy.envoy.address import AddressType
from weftline.deploy.envoy.proxy import Address

from .resources import Mesh, files


class _Label(click.ParamType[tuple[str, str]]):
    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not (key and equals and text):
            self.fail(f"{value!r} is not key=value.", param, ctx)
        return key, text


DEFAULTS = Mesh(Address("weftline-edge.weftline.svc.cluster.local", 4317))


@click.command()
@click.argument("file", type=click.Choice(list(files(DEFAULTS))))
@click.option(
    "--collector",
    type=AddressType(),
    default=f"{DEFAULTS.collector.host}:{DEFAULTS.collector.port}",
    show_default=True,
    help="Full name and port of the Kubernetes service that gets OTLP over gRPC.",
)
@click.option("--root-namespace", default=DEFAULTS.root_namespace, show_default=True, help="MeshConfig's.")
@click.option("--edge-namespace", default=DEFAULTS.edge_namespace, show_default=True, help="Of ingress gateways.")
@click.option(
    "--edge", type=_Label(), default="=".join(DEFAULTS.edge), show_default=True, help="Label of ingress gateways."
)
@click.option(
    "--gateways", type=_Label(), default="=".join(DEFAULTS.gateways), show_default=True, help="Label of the others."
)
@click.option(
    "--sampling",
    type=click.FloatRange(0, 100),
    default=DEFAULTS.sampling,
    show_default=True,
    help="Percentage of the traces that begin at the edge. IDs and access logs flow for all.",
)
@click.option("--trusted", is_flag=True, help="The edge's callers may say which trace they belong to.")
@click.option("--image", default=DEFAULTS.image, show_default=True, help="The proxy-wasm module, for wasm-plugin.")
def istio(file: str, **options: Any) -> None:
    """Print one of the FILEs that make an Istio mesh take part. YAML."""
    how, documents = files(Mesh(**options))[file]
    click.echo(f"# {how} {file}.yaml\n# Written by: weftline istio {file}\n" + to_yaml(documents), nl=False)


class _Plain(yaml.SafeDumper):
    """Writes what stands in two places twice: `kubectl` reads anchors, people don't."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def to_yaml(documents: list[dict[str, Any]]) -> str:
    text: str = yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=1000)
    return text
