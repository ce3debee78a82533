"""Run in a process of its own: Flask and FastAPI under opentelemetry-contrib *and* the agent. Prints one JSON object.

Argument: `global` (instrumentors for everything) or `app` (the two applications only).
"""

import json
import sys
import urllib.request

import fastapi
import flask
import httpx
import requests
from opentelemetry import trace
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import weftline.agent
from support.echo import echo_server
from support.otlp_sink import otlp_sink
from support.web_servers import asgi_server, wsgi_server
from weftline.agent import lifecycle

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)

with otlp_sink() as sink, echo_server() as echo:
    lifecycle.start(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "WEFTLINE_AGENT_STRICT": "true",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "http_client",  # which the calls below are made with
        }
    )
    RequestsInstrumentor().instrument()
    HTTPXClientInstrumentor().instrument()
    if sys.argv[1] == "global":
        FlaskInstrumentor().instrument()
        FastAPIInstrumentor().instrument()
    shop, pay = flask.Flask("shop"), fastapi.FastAPI()

    @shop.get("/order")
    def order():
        requests.get(f"{echo.url}/requests")
        httpx.get(f"{echo.url}/httpx")
        return str(weftline.agent.transaction_id())

    @pay.get("/pay")
    async def payment():
        async with httpx.AsyncClient() as client:
            await client.get(f"{echo.url}/httpx-async")
        return weftline.agent.transaction_id()

    if sys.argv[1] == "app":
        FlaskInstrumentor().instrument_app(shop)
        FastAPIInstrumentor.instrument_app(pay)
    with wsgi_server(shop) as shop_url, asgi_server(pay) as pay_url:
        for url in (f"{shop_url}/order", f"{pay_url}/pay"):
            with urllib.request.urlopen(url) as answer:
                answer.read()
    lifecycle.stop()
    print(
        json.dumps(
            {
                "contrib": sorted(span.kind.name for span in exporter.get_finished_spans() if span.kind.value),
                "contrib_traces": sorted({f"{span.context.trace_id:032x}" for span in exporter.get_finished_spans()}),
                "ours": [span["name"] for span in sink.spans()],
                "sent": [[headers.get("traceparent"), headers.get("x-transaction-id")] for _, headers in echo.got],
            }
        )
    )
