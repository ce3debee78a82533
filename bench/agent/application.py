"""The application: one small endpoint, `/items/{name}`; with `upstream` it asks another service for its answer."""

from typing import Any


def flask(upstream: str = "") -> Any:
    """As Flask has it; the upstream is asked with requests."""
    from flask import Flask

    app = Flask("bench")
    if upstream:
        import requests

        session = requests.Session()

    @app.get("/items/<name>")
    def items(name: str) -> Any:
        if upstream:
            return session.get(f"{upstream}/items/{name}").json()
        return {"name": name, "items": list(range(20))}

    return app


def fastapi(upstream: str = "") -> Any:
    """As FastAPI has it; the upstream is asked with httpx."""
    from fastapi import FastAPI

    app = FastAPI()
    if upstream:
        import httpx

        client = httpx.AsyncClient()

    @app.get("/items/{name}")
    async def items(name: str) -> Any:
        if upstream:
            return (await client.get(f"{upstream}/items/{name}")).json()
        return {"name": name, "items": list(range(20))}

    return app


def client(framework: str, upstream: str) -> str:
    """The client library an application uses; empty without an upstream."""
    return {"flask": "requests", "fastapi": "httpx"}[framework] if upstream else ""
