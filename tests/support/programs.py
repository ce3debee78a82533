"""Programs started as users start them, under `weftline-agent run`, in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from support.otlp_sink import OtlpSink
from weftline.deploy.local.ports import free_port

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parents[1]


class Programs:
    """Ends what it started, with SIGTERM so that it flushes, when the block ends. `folder` is where they run."""

    def __init__(self, folder: Path, sink: OtlpSink) -> None:
        self.folder = folder
        self.sink = sink
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    def __enter__(self) -> Self:
        return self

    def serve(self, *command: str, **environ: str) -> str:
        """Starts a server under the agent, `{port}` filled in with a free one; its URL, once it listens."""
        port = free_port()
        self._process = self._start(*(part.format(port=port) for part in command), **environ)
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._process.kill()
                    raise AssertionError(self._process.communicate()[0]) from None
                time.sleep(0.05)
            else:
                return f"http://127.0.0.1:{port}"

    def run(self, *command: str, **environ: str) -> str:
        """What a program that ends by itself wrote to its standard output."""
        process = self._start(*command, **environ)
        out, _ = process.communicate(timeout=60)
        if process.returncode:
            raise AssertionError(out)
        return out

    def _start(self, *command: str, **environ: str) -> subprocess.Popen[str]:
        env = {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join((str(TESTS), str(self.folder))),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.sink.url,
            "OTEL_SERVICE_NAME": "shop",
            "WEFTLINE_AGENT_STRICT": "true",
            **environ,
        }
        return subprocess.Popen(
            [BIN / "weftline-agent", "run", *command],
            cwd=self.folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def get(self, url: str, **headers: str) -> httpx.Response:
        """One request, untraced by the test's own process."""
        with httpx.Client(trust_env=False, timeout=20) as client:
            return client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            out, _ = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            # With the workers that it forked: one that hangs would keep the pipe open.
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
        if error is not None:
            error.add_note(f"the server said:\n{out}")
