# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server on the controller whose downloads fail in chosen ways, until a deadline.

It is a process of its own, like the one that removes a run: it ends at its deadline, or as soon as
its marker is gone, whatever becomes of the play. It serves made-up bytes, never a file.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._failure import Failure
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations import fault_janitor

GOOD_BYTES = 8 << 20
CUT_BYTES = 64 << 20
CUT_AFTER = 10 << 20
PIECE = bytes(1 << 16)
POLL_SECONDS = 0.5


class Handler(http.server.BaseHTTPRequestHandler):
    """``/good.img`` is whole, ``/cut.img`` breaks off in the middle, all else is not found."""

    sizes = {"/good.img": (GOOD_BYTES, GOOD_BYTES), "/cut.img": (CUT_BYTES, CUT_AFTER)}

    def do_HEAD(self) -> None:
        """Tell the size."""
        self._begin()

    def do_GET(self) -> None:
        """Send as many bytes as this path does."""
        left = self._begin()
        while left > 0:
            self.wfile.write(PIECE[: min(left, len(PIECE))])
            left -= len(PIECE)
        self.close_connection = True

    def _begin(self) -> int:
        if self.path not in self.sizes:
            self.send_error(404)
            return 0
        size, sent = self.sizes[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        return sent

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _marker(run: str) -> Path:
    return fault_janitor.folder() / f"{run}.http"


def start(address: str, run: str, seconds: float) -> dict[str, str]:
    """Serve on a free port of *address*; URLs by kind of failure. Raises Failure."""
    try:
        server = http.server.ThreadingHTTPServer((address, 0), Handler)
        refusing = _closed_port(address)
    except OSError as error:
        raise Failure(f"No server can be started on {address}: {error}.") from error
    port = server.server_address[1]
    _marker(run).write_text(json.dumps({"port": port, "until": time.time() + seconds}))
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        server.server_close()
        base = f"http://[{address}]" if ":" in address else f"http://{address}"
        return {
            "not_found": f"{base}:{port}/missing.img",
            "cut": f"{base}:{port}/cut.img",
            "wrong_checksum": f"{base}:{port}/good.img",
            "refused": f"{base}:{refusing}/good.img",
        }
    try:
        fault_janitor.leave(keep=server.fileno())
        _serve(server, run, seconds)
    finally:
        os._exit(0)


def _closed_port(address: str) -> int:
    """A port on which nothing listens now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _serve(server: http.server.HTTPServer, run: str, seconds: float) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    end = time.monotonic() + seconds
    marker = _marker(run)
    while time.monotonic() < end and marker.exists():
        time.sleep(POLL_SECONDS)
    with contextlib.suppress(FileNotFoundError):
        marker.unlink()


def stop(run: str) -> bool:
    """End the server of a run; False where none was told to run."""
    try:
        _marker(run).unlink()
    except FileNotFoundError:
        return False
    return True
