"""`weftline envoy config`: the configuration that makes an Envoy attach the transaction ID and send its records."""

import re
from typing import Any

import click
import yaml

from .address import AddressType
from .bootstrap import bootstrap, snippet
from .proxy import AccessLog, Address, Als, Cluster, Collector, File, Listener, Proxy, Role, Route

ADMIN_PORT = 9901

WHERE = """\
# What to add to an Envoy that has a configuration already:
# - http_connection_manager: these fields; its own http_filters come behind ours.
# - router: these fields go into the last http filter, envoy.filters.http.router.
# - every virtual host: include_request_attempt_count: true (not in a sidecar's inbound listener).
# - clusters: these, for what is sent to weftline.
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
@click.option(
    "--access-log",
    "access_logs",
    metavar="otlp|als[=HOST:PORT]|file=PATH",
    multiple=True,
    default=["otlp"],
    show_default=True,
    help="How access logs are sent; may be given several times. als goes to weftline's gRPC port.",
)
@click.option(
    "--token-env",
    metavar="NAME",
    default="",
    callback=lambda _, __, value: _variable(value),
    help="Environment variable of Envoy's with the bearer token that spans and access logs are sent with.",
)
@click.option(
    "--metadata",
    metavar="NAMESPACE[:KEY]",
    multiple=True,
    callback=lambda _, __, values: _names(values),
    help="Dynamic metadata of a filter that access logs say too: envoy.filters.http.rbac:shadow_engine_result.",
)
@click.option(
    "--filter-state",
    metavar="NAME",
    multiple=True,
    callback=lambda _, __, values: _names(values),
    help="A filter state object that they say too.",
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
    access_logs: tuple[str, ...],
    token_env: str,
    metadata: tuple[str, ...],
    filter_state: tuple[str, ...],
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
    to = Collector(collector, "grpc" if protocol == "grpc" else "http")
    proxy = Proxy(
        service=service,
        node_id=f"{service}-{role}",
        admin=Address("127.0.0.1", ADMIN_PORT),
        collector=to,
        listeners=(listener,),
        clusters=(Cluster("upstream", (upstream,)),) if upstream else (),
        sampling_percentage=sampling,
        access_logs=tuple(dict.fromkeys(_access_log(it, to) for it in access_logs)),
        metadata=metadata,
        filter_state=filter_state,
        token_env=token_env,
    )
    text = _yaml(bootstrap(proxy)) if upstream else WHERE + _yaml(snippet(proxy))
    click.echo(text, nl=False)


def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"[\w./-]+(:[\w./-]+)*", value):
            raise click.BadParameter(f"{value!r} is no name: letters, digits and . _ / - with : between keys.")
    return tuple(dict.fromkeys(values))


def _variable(name: str) -> str:
    if name and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise click.BadParameter(f"{name[:16]!r} is no name of an environment variable; the token itself is its value.")
    return name


def _access_log(text: str, collector: Collector) -> AccessLog | Als | File:
    kind, given, value = text.partition("=")
    match kind:
        case "otlp" if not given:
            return AccessLog.OTLP
        case "als" if value:
            try:
                return Als(AddressType().convert(value, None, None))
            except click.BadParameter as error:
                raise click.BadParameter(error.message, param_hint="'--access-log'") from error
        case "als" if not given and collector.protocol == "grpc":
            return Als(collector.address, collector.cluster)
        case "als":
            raise click.BadParameter(
                "als needs the address of a gRPC port: --access-log als=HOST:PORT, or --protocol grpc.",
                param_hint="'--access-log'",
            )
        case "file" if value:
            return File(value)
        case "file":
            raise click.BadParameter("file needs a path: --access-log file=PATH.", param_hint="'--access-log'")
        case _:
            raise click.BadParameter(
                f"{text!r} is none of otlp, als[=HOST:PORT] and file=PATH.", param_hint="'--access-log'"
            )


def _yaml(data: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, width=1000)
    return text
