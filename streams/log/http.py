"""/healthz, /readyz and /metrics of a long-running process, in a thread of its own.

/healthz says whether the process should go on (503: restart it), /readyz whether it does its work (503: it is
starting, recovering, or part of it stands still); both give JSON. /metrics is Prometheus' text format.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from schemas.errors import UsageError

__all__ = ["Health", "HttpServer", "serve"]


@dataclass(frozen=True, slots=True)
class Health:
    """How a process is."""

    alive: bool
    ready: bool
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What people want to see beside it; JSON."""


class HttpServer:
    """Serves until `close`."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self.port = server.server_address[1]
        """The port it listens on."""
        self._thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(host: str, port: int, health: Callable[[], Health]) -> HttpServer:
    """Listens on host:port (0: a free one) and asks `health`, in a thread of the server, at each request.

    Raises `UsageError` where the address cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        """Answers GET."""

        def do_GET(self) -> None:
            """Answers by the path."""
            match self.path.partition("?")[0]:
                case "/healthz":
                    now = health()
                    self._json(200 if now.alive else 503, {"alive": now.alive, **now.detail})
                case "/readyz":
                    now = health()
                    self._json(200 if now.ready else 503, {"ready": now.ready, **now.detail})
                case "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
                case _:
                    self._json(404, {"paths": ["/healthz", "/readyz", "/metrics"]})

        def _json(self, status: int, body: Mapping[str, Any]) -> None:
            self._answer(status, "application/json", json.dumps(body, ensure_ascii=False).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """A probe each second is no news."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port} ({error.strerror}): set ATTESA_HTTP_HOST and ATTESA_HTTP_PORT"
        ) from error
    server.daemon_threads = True
    return HttpServer(server)
