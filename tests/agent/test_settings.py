"""Settings: OpenTelemetry's names, defaults that stand in for bad values, one sentence about them."""

import pytest

from weftline.agent import settings
from weftline.agent.export import resource
from weftline.agent.settings import Settings


def test_nothing_set() -> None:
    assert settings.load({}) == (Settings(), "")


def test_all_kinds_of_values() -> None:
    options, wrong = settings.load(
        {
            "OTEL_SDK_DISABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector:4318/base",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2.5",
            "OTEL_BSP_SCHEDULE_DELAY": "250",
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, httpx",
            "WEFTLINE_AGENT_LOG_LEVEL": "debug",
            "OTEL_SERVICE_NAME": "  ",
        }
    )
    assert wrong == ""
    assert options == Settings(
        disabled=True,
        endpoint="https://collector:4318/base",
        timeout=2.5,
        schedule_delay=250,
        sampler="traceidratio",
        sampler_arg=0.25,
        disabled_instrumentations=("flask", "httpx"),
        log_level="debug",
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_BSP_SCHEDULE_DELAY", "soon", "expected a whole number"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0", "expected a number above 0"),
        ("OTEL_TRACES_SAMPLER", "sometimes", "expected one of always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5", "expected a share from 0 to 1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "expected an http:// or https:// URL"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1", "expected an http:// or https:// URL"),
        ("OTEL_SDK_DISABLED", "maybe", "expected true or false"),
        ("WEFTLINE_AGENT_LOG_LEVEL", "LOUD", "expected a level's name or number"),
        ("WEFTLINE_AGENT_LOGLEVEL", "INFO", "no such setting"),
        ("WEFTLINE_AGENT_SAMPLE_ROUTES", "/health=0,/x=2", "expected /path=share"),
        ("OTEL_PYTHON_EXCLUDED_URLS", "ok,(", "expected regular expressions"),
        ("OTEL_PROPAGATORS", "tracecontext,xray", "expected one of tracecontext"),
        ("OTEL_TRACES_EXPORTER", "console", "expected one of otlp, none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "expected one of http/protobuf, grpc"),
    ],
)
def test_a_bad_value_gives_way_to_the_default_and_spoils_no_other(name: str, value: str, said: str) -> None:
    options, wrong = settings.load({name: value, "OTEL_SERVICE_NAME": "cart"})
    assert options == Settings(service_name="cart")
    assert said in wrong
    assert name in wrong


def test_grpc_has_a_port_of_its_own() -> None:
    asked = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert settings.load(asked)[0].endpoint == "http://127.0.0.1:4317"
    given = asked | {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    assert settings.load(given)[0].endpoint == "http://127.0.0.1:4318"
    assert settings.load(asked | {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"})[0].endpoint == "http://127.0.0.1:4317"


def test_pairs_are_percent_decoded_and_malformed_ones_left_out() -> None:
    assert settings.pairs(("a=1", "b=x%20y%2Cz", "c", "=d", "authorization=Basic a==")) == {
        "a": "1",
        "b": "x y,z",
        "authorization": "Basic a==",
    }


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "unknown_service:python"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,service.namespace=shop"}, "a"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a", "OTEL_SERVICE_NAME": "b"}, "b"),
    ],
)
def test_service_name(environ: dict[str, str], name: str) -> None:
    options, _ = settings.load(environ)
    attributes = resource.attributes(options, "1.2.3")
    assert resource.service_name(options) == attributes["service.name"] == name
    assert attributes["telemetry.sdk.language"] == "python"
    assert attributes["telemetry.distro.version"] == "1.2.3"
    assert attributes["service.instance.id"] != resource.attributes(options, "1.2.3")["service.instance.id"]
