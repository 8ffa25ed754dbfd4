# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the HTTPS server in a thread of its own; that thread alone touches the store
from then on.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from aiohttp import web

from tests.simulator.drive import Driver
from tests.simulator.faults import Faults
from tests.simulator.http.app import App
from tests.simulator.http.control import Control
from tests.simulator.http.tls import kubeconfig, make_certificates
from tests.simulator.podlogs import PodLogs
from tests.simulator.rbac import Tokens
from tests.simulator.requestlog import RequestLog
from tests.simulator.store import Store

P = ParamSpec("P")
T = TypeVar("T")
_HOST = "127.0.0.1"


class Companion(Protocol):
    """Another server that lives in the same thread, for as long as the API server does."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Close every connection."""


class ApiServer:
    """The API server of one cluster.

    ``state_dir`` receives the certificates and the kubeconfig. Between ``start`` and ``stop`` the
    store belongs to the server's thread: reach it through ``call``.
    """

    def __init__(
        self,
        store: Store,
        state_dir: Path,
        logs: PodLogs | None = None,
        faults: Faults | None = None,
        namespace: str = "longhorn-system",
    ) -> None:
        self.store = store
        self.state_dir = state_dir
        self.tokens = Tokens(store.kernel.seed)
        self.logs = logs if logs is not None else PodLogs(store.kernel)
        self.faults = faults if faults is not None else Faults()
        self.url = ""
        self.companions: list[Companion] = []
        self._namespace = namespace
        self._app = App(store, self.tokens, self.logs, self.faults)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None

    @property
    def requests(self) -> RequestLog:
        """Every request that was made."""
        return self._app.log

    @property
    def control(self) -> Control:
        """The control endpoint, to register more under ``/simulator/``."""
        return self._app.control

    @property
    def kubeconfig(self) -> Path:
        """The file that clients read."""
        return self.state_dir / "kubeconfig"

    @property
    def failure(self) -> BaseException | None:
        """What broke the simulation, None while all is well."""
        return self._failure

    def start(self, port: int = 0) -> str:
        """Listen on loopback (``port`` 0: any free one), write the kubeconfig, and return the URL.

        Raises OSError when the port is taken.
        """
        certificates = make_certificates()
        certificates.write(self.state_dir)
        ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(
            target=self._main, args=(port, certificates.context(self.state_dir), ready), daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            raise self._failure
        text = kubeconfig(self.url, certificates.authority, self.tokens.admin, self._namespace)
        _write_private(self.kubeconfig, text)
        return self.url

    def kubeconfig_for(self, token: str, path: Path) -> Path:
        """Write a kubeconfig for another token and return its path."""
        authority = (self.state_dir / "ca.crt").read_bytes()
        _write_private(path, kubeconfig(self.url, authority, token, self._namespace))
        return path

    def stop(self) -> None:
        """Close every connection and wait for the thread; harmless when it never started."""
        if self._loop is None or self._thread is None or self._stopping is None:
            return
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._loop = None

    def call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``fn`` in the server's thread, between two requests, and return its result."""
        if self._loop is None or threading.current_thread() is self._thread:
            return fn(*args, **kwargs)

        async def run() -> T:
            return fn(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _fail(self, error: BaseException) -> None:
        """Keep what broke the simulation, say so, and stop."""
        self._failure = error
        traceback.print_exception(error)
        if self._stopping is not None:
            self._stopping.set()

    def _main(self, port: int, context: ssl.SSLContext, ready: threading.Event) -> None:
        try:
            asyncio.run(self._serve(port, context, ready))
        except BaseException as error:
            self._failure = error
            if not isinstance(error, OSError):
                raise
        finally:
            ready.set()

    async def _serve(self, port: int, context: ssl.SSLContext, ready: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._stopping = loop, asyncio.Event()
        server = web.Server(self._app, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        driver = Driver(self.store.kernel, loop, self._fail)
        self.control.on_pace = driver.arm
        try:
            site = web.TCPSite(runner, _HOST, port, ssl_context=context)
            await site.start()
            for companion in self.companions:
                await companion.start()
            address = runner.addresses[0]
            self._app.address = f"{address[0]}:{address[1]}"
            self.url = f"https://{self._app.address}"
            driver.start()
            ready.set()
            await self._stopping.wait()
        finally:
            driver.stop()
            self._app.close_watches()
            for companion in self.companions:
                await companion.stop()
            await runner.cleanup()


def _write_private(path: Path, text: str) -> None:
    """Write a file for the owner only; whoever sees it sees all of it."""
    new = path.with_name(f".{path.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)
