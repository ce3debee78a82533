"""`weftline envoy config`: the configuration that makes an Envoy attach the transaction ID and send its records."""

from typing import Any

import click
import yaml

from .address import AddressType
from .bootstrap import bootstrap, snippet
from .proxy import Address, Cluster, Collector, Listener, Proxy, Role, Route

ADMIN_PORT = 9901

WHERE = """\
# What to add to an Envoy that has a configuration already:
# - http_connection_manager: these fields; its own http_filters come behind ours.
# - router: these fields go into the last http filter, envoy.filters.http.router.
# - every virtual host: include_request_attempt_count: true (not in a sidecar's inbound listener).
# - clusters: one more, for what is sent to weftline.
# - layered_runtime, if look-ups should find spans at once: tracing.opentelemetry.flush_interval_ms: 250 (default 5000).
"""


@click.group()
def envoy() -> None:
    """Configure Envoys."""


@envoy.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True, help="Where the proxy stands.")
@click.option("--service", required=True, help="service.name of its rows; a sidecar's is that of its service.")
@click.option("--collector", type=AddressType(), required=True, help="OTLP receiver that gets spans and access logs.")
@click.option(
    "--protocol", type=click.Choice(["http", "grpc"]), default="http", show_default=True, help="OTLP over this."
)
@click.option(
    "--sampling",
    type=click.FloatRange(0, 100),
    default=100.0,
    show_default=True,
    help="Percentage of the traces that begin here; others follow their caller. IDs and access logs flow for all.",
)
@click.option(
    "--untrusted", is_flag=True, help="Callers may not say which trace they belong to (internet-facing edge)."
)
@click.option("--listen", type=AddressType(), help="With --upstream: write a whole bootstrap that listens here.")
@click.option("--upstream", type=AddressType(), help="Where the bootstrap's requests go.")
def config(
    *,
    role: str,
    service: str,
    collector: Address,
    protocol: str,
    sampling: float,
    untrusted: bool,
    listen: Address | None,
    upstream: Address | None,
) -> None:
    """Print what to add to an Envoy's configuration, or with --listen and --upstream a whole bootstrap. YAML."""
    if (listen is None) != (upstream is None):
        raise click.UsageError("--listen and --upstream go together.")
    listener = Listener(
        Role(role),
        listen or Address("0.0.0.0", 0),  # noqa: S104 - a snippet has no address, it isn't printed
        (Route("all", "/", "upstream"),),
        trusted=not untrusted,
    )
    proxy = Proxy(
        service=service,
        node_id=f"{service}-{role}",
        admin=Address("127.0.0.1", ADMIN_PORT),
        collector=Collector(collector, "grpc" if protocol == "grpc" else "http"),
        listeners=(listener,),
        clusters=(Cluster("upstream", (upstream,)),) if upstream else (),
        sampling_percentage=sampling,
    )
    text = _yaml(bootstrap(proxy)) if upstream else WHERE + _yaml(snippet(proxy))
    click.echo(text, nl=False)


def _yaml(data: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, width=1000)
    return text
