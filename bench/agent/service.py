"""One service in a process of its own, behind a real server: Flask behind gunicorn (one worker), FastAPI behind uvicorn.

usage: python -m bench.agent.service flask|fastapi plain|weftline|contrib|ddtrace PORT [UPSTREAM_URL]
"""

import sys
from typing import Any

from bench.agent import application, contender


def main() -> None:
    framework, name, port, upstream = [*sys.argv[1:], ""][:4]
    contender.start(name)
    (_gunicorn if framework == "flask" else _uvicorn)(framework, name, int(port), upstream)


def _app(framework: str, name: str, upstream: str) -> Any:
    app = getattr(application, framework)(upstream)
    contender.instrument(name, app, application.client(framework, upstream))
    return app


def _gunicorn(framework: str, name: str, port: int, upstream: str) -> None:
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
        def load_config(self) -> None:
            self.cfg.set("bind", f"127.0.0.1:{port}")
            self.cfg.set("worker_class", "gthread")  # the sync worker knows no keep-alive
            self.cfg.set("threads", 1)
            self.cfg.set("control_socket_disable", True)  # two of them would share one file

        def load(self) -> Any:
            return _app(framework, name, upstream)

    Server().run()


def _uvicorn(framework: str, name: str, port: int, upstream: str) -> None:
    import uvicorn

    uvicorn.run(_app(framework, name, upstream), host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
