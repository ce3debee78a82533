"""Numbers and booleans of a span's attributes, as Jaeger's APIs have them."""

from dataclasses import replace

from support.rows import TRANSACTION, span
from weftline.query.grpc.api_v2 import _spans
from weftline.query.routes.jaeger_v1_model import trace
from weftline.query.routes.jaeger_v3_model import resource_spans

ATTRIBUTES = {
    "n": "-5",
    "large": str(2**62),
    "ratio": "0.5",
    "inf": "inf",
    "yes": "true",
    "text": "5",
    "http.response.status_code": "503",
}
TYPES = {"n": "int", "large": "int", "ratio": "double", "inf": "double", "yes": "bool"}
ROW = replace(span("GET", "a1", attributes=ATTRIBUTES), attribute_types=TYPES)


def test_v1_tags() -> None:
    [view] = trace(TRANSACTION, [ROW], raw=False, truncated=False)["spans"]
    tags = {it["key"]: (it["type"], it["value"]) for it in view["tags"] if it["key"] in ATTRIBUTES}
    assert tags == {
        "n": ("int64", -5),
        "large": ("int64", str(2**62)),  # JavaScript would round it
        "ratio": ("float64", 0.5),
        "inf": ("string", "inf"),  # JSON has no number for it
        "yes": ("bool", True),
        "text": ("string", "5"),
        "http.response.status_code": ("int64", 503),  # by its name, also where the type is not known
    }


def test_v2_tags() -> None:
    [found] = _spans(TRANSACTION, [ROW], raw=False)
    tags = {it.key: it for it in found.tags}
    assert (tags["n"].v_int64, tags["large"].v_int64, tags["ratio"].v_float64, tags["yes"].v_bool) == (
        -5,
        2**62,
        0.5,
        True,
    )


def test_v3_attributes() -> None:
    [resource] = resource_spans([ROW])
    found = {it["key"]: it["value"] for it in resource["scopeSpans"][0]["spans"][0]["attributes"]}
    assert found == {
        "n": {"intValue": "-5"},
        "large": {"intValue": str(2**62)},
        "ratio": {"doubleValue": 0.5},
        "inf": {"stringValue": "inf"},
        "yes": {"boolValue": True},
        "text": {"stringValue": "5"},
        "http.response.status_code": {"intValue": "503"},
    }
