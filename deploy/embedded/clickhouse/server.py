"""The embedded ClickHouse's listener and life: one folder, one loopback port, a thread for each client."""

import argparse
import faulthandler
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from deploy.embedded.clickhouse.engine import Engine
from deploy.embedded.clickhouse.errors import AddressError
from deploy.embedded.clickhouse.folder import held
from deploy.embedded.clickhouse.session import Session
from schemas.errors import AttesaError

__all__ = ["Server", "listen", "main"]

log = logging.getLogger(__name__)

_BACKLOG = 128
_WATCH_SECONDS = 0.05


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises AddressError.

    Loopback only: whoever reaches the port reads every file that this process can (`file()`).
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise AddressError(f"--host {host}: give a loopback address, such as 127.0.0.1") from error
    if not address.is_loopback:
        raise AddressError(
            f"--host {host}: the embedded ClickHouse listens on loopback only, since its SQL reads any file "
            "of this user; use a real server where others have to reach it"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise AddressError(
            f"cannot listen on {address}:{port}: {error.strerror}; give another --port, or 0 for a free one"
        ) from error


class Server:
    """Accepts clients on `listener` and serves them from `engine`, each in a thread of its own."""

    def __init__(self, engine: Engine, listener: socket.socket, insert_memory: int) -> None:
        self._engine = engine
        self._listener = listener
        self._insert_memory = insert_memory
        self._sessions: dict[Session, threading.Thread] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to accept clients; returns at once."""
        for target in (self._accept, self._watch):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()

    def stop(self, grace: float) -> None:
        """Accept nobody any more, let queries end for `grace` seconds, cancel the rest, and flush."""
        with self._lock:
            self._stopping.set()
            threads = list(self._sessions.values())
            for session in self._sessions:
                session.leave()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts, as close() would not
        self._listener.close()
        if not self._join(threads, grace):
            log.warning("cancelling what still runs after %.0f s", grace)
            with self._lock:
                left = list(self._sessions)
            for session in left:
                session.cancel()
            if not self._join(threads, grace):
                log.error("some queries do not end; their clients got no answer")
        self._engine.flush()

    @staticmethod
    def _join(threads: Sequence[threading.Thread], seconds: float) -> bool:
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _accept(self) -> None:
        number = 0
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if (
                    not self._stopping.is_set()
                ):  # too many open files, most likely: clients wait in the backlog
                    log.error("cannot accept a client: %s", error)  # noqa: TRY400  # its trace says nothing
                    time.sleep(_WATCH_SECONDS)
                continue
            number += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self._engine, sock, number, self._insert_memory)
            thread = threading.Thread(
                target=self._serve, args=(session,), name=f"client-{number}", daemon=True
            )
            with self._lock:
                if self._stopping.is_set():
                    sock.close()
                    return
                self._sessions[session] = thread
                thread.start()

    def _serve(self, session: Session) -> None:
        try:
            session.serve()
        finally:
            with self._lock:
                self._sessions.pop(session, None)

    def _watch(self) -> None:
        """Cancel queries whose client said so, or went: their own threads are inside the engine."""
        while True:
            time.sleep(_WATCH_SECONDS)
            with self._lock:
                running = [session for session in self._sessions if session.running]
            for session in running:
                try:
                    if session.wants_cancel():
                        session.cancel()
                except Exception:
                    log.exception("cannot cancel a query")


def _run(arguments: argparse.Namespace) -> None:
    """Serve until a signal says to stop; the process ends here, with code 0, unless it cannot begin."""
    signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before there is a second thread, so that one that comes at any moment is kept for `sigwait`. (A
    # handler that sets an event deadlocks where it interrupts the wait for that event.)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with held(arguments.data):
        # In this order: who is let in finds the engine ready.
        engine = Engine(arguments.data / "engine")
        listener = listen(arguments.host, arguments.port)
        server = Server(engine, listener, arguments.insert_memory)
        server.start()
        host, port = listener.getsockname()[:2]
        log.info("listening on %s:%d, engine %s, folder %s", host, port, engine.version, arguments.data)
        sys.stdout.write(f"listening {host}:{port}\n")
        sys.stdout.flush()
        os.dup2(
            sys.stderr.fileno(), sys.stdout.fileno()
        )  # nobody reads further: the engine may not block on it
        signal.sigwait(signals)
        log.info("stopping")
        server.stop(arguments.grace)
        log.info("stopped")
        logging.shutdown()
        sys.stderr.flush()
        # The engine's own destructors crash if a thread is still inside it. Tables need no goodbye.
        os._exit(0)


def main(argv: Sequence[str] | None = None) -> int:
    """The command `python -m deploy.embedded.clickhouse`; returns an exit code if it cannot begin."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.embedded.clickhouse",
        description="ClickHouse's engine (chDB) behind its native TCP protocol, on loopback.",
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the data; made if it is not there"
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 picks a free one (%(default)s)")
    parser.add_argument(
        "--grace", type=float, default=10.0, help="seconds queries have at the end (%(default)s)"
    )
    parser.add_argument(
        "--insert-memory",
        type=int,
        default=256 << 20,
        metavar="BYTES",
        help="rows of one INSERT that wait for its end; a longer one is written in parts (%(default)s)",
    )
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    faulthandler.enable()
    try:
        _run(arguments)
    except AttesaError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0
