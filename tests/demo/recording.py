# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make recording``: the terminal during a drain of 40 images, as an asciinema file (version 2).

The playbook runs on a terminal of its own against a simulated cluster, and what it writes is kept
with its time. Nothing is edited but the folder of the collection, which is shown as where a user
has it; a recording that names this machine all the same is refused.
"""

from __future__ import annotations

import argparse
import codecs
import fcntl
import json
import os
import pty
import random
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.integration.drain.playbook import CHECKOUT, command
from tests.integration.drain.scene import served
from tests.simulator.longhorn.cluster import Cluster

IMAGES = 40
NODES = 5
COLUMNS, ROWS = 140, 45
SCALE = 1.0
MEBIBYTES = (16, 24, 32, 48, 64, 96)
DRAINED = "node-5"


def furnish(cluster: Cluster) -> None:
    """40 images with a copy on the last node, a quarter of them with another one elsewhere."""
    r = random.Random(40)
    here = sorted(cluster.disk_uuids(DRAINED))
    for number in range(IMAGES):
        other = [cluster.disk_uuids("node-1")[0]] if number % 4 == 0 else []
        size = r.choice(MEBIBYTES)
        cluster.create_image(
            f"image-{number:02}",
            url=f"http://images.example.org/f/raw{size}.img",
            on=[here[number % len(here)], *other],
        )


def record(words: list[str], environment: dict[str, str]) -> tuple[int, list[tuple[float, str]]]:
    """Run it on a terminal; exit code, and what came when."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began = time.monotonic()
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        cwd=CHECKOUT,
        start_new_session=True,
        close_fds=True,
    )
    os.close(theirs)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    events: list[tuple[float, str]] = []
    while True:
        try:
            data = os.read(mine, 65536)
        except OSError:
            # Linux answers EIO when the other side of a terminal is gone.
            data = b""
        if not data:
            break
        events.append((time.monotonic() - began, decoder.decode(data)))
    os.close(mine)
    return process.wait(), events


def cast(title: str, typed: str, events: list[tuple[float, str]]) -> str:
    """The file: a header, then one line per piece of output."""
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": title}
    rows: list[list[object]] = [[0.0, "o", f"$ {typed}\r\n"]]
    rows += [[round(at, 3), "o", text] for at, text in events]
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in [header, *rows]) + "\n"


def main() -> int:
    """Make the cluster, drain it, write the file."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo.recording")
    parser.add_argument("--longhorn", default="1.12.1")
    parser.add_argument("--output", default="docs/drain-of-40-images.cast")
    options = parser.parse_args()
    arguments = ("-e", f"node={DRAINED}", "-e", "intent=remove")
    with (
        tempfile.TemporaryDirectory() as folder,
        served(options.longhorn, Path(folder), furnish, nodes=NODES, scale=SCALE) as scene,
    ):
        words, environment = command(scene.server.kubeconfig, *arguments)
        words[1] = "playbooks/drain_node.yml"
        shown = list(words)
        environment |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
        environment.pop("ANSIBLE_NOCOLOR", None)
        code, events = record(words, environment)
    tree = environment["ANSIBLE_COLLECTIONS_PATH"]
    events = [(at, piece.replace(tree, "~/.ansible/collections")) for at, piece in events]
    text = "".join(piece for _at, piece in events)
    named = [place for place in (str(CHECKOUT), folder, str(Path.home())) if place in text]
    if code or named:
        lines = text.splitlines()
        print("\n".join(line for line in lines if any(n in line for n in named)) or text[-4000:])
        print(f"recording: FAILED (exit {code}; names of this machine: {named})", file=sys.stderr)
        return 1
    title = f"Drain of a node with {IMAGES} images (Longhorn {options.longhorn}, simulated)"
    file = CHECKOUT / options.output
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(cast(title, " ".join(shown), events), encoding="utf-8")
    print(f"recording: {options.output}, {len(events)} pieces, {events[-1][0]:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
