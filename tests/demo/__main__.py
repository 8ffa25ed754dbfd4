# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``make demo``: what a person sees, and what it proves.

Playbooks are run as a user runs them. What they achieved is read from the cluster's API and from
the files on the disks of the nodes, never from what they print.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.demo.process import CHECKOUT, NotStarted, Process
from tests.observer import proofs
from tests.observer.api import Api
from tests.observer.table import table
from tests.observer.view import View, look
from tests.scenery.plan import DRAINED, LOST

SCALE = 10.0
RECOVERY_SCALE = 4.0
SETTLE_SECONDS = 30.0


class Failed(Exception):
    """Something that the demo wanted to prove does not hold."""


class Story:
    """The steps of the demo on one running cluster."""

    def __init__(self, kubeconfig: Path, disks: Path) -> None:
        self._kubeconfig = kubeconfig
        self._disks = disks
        self._api = Api(kubeconfig)
        self.proven: list[str] = []

    def drain(self) -> None:
        """Drain a node that holds the only copy of an image, for good."""
        node = sorted(self._look().nodes)[DRAINED]
        sole = [
            image.name
            for image in self._look().images.values()
            if {copy.disk.node for copy in image.proven()} == {node}
        ]
        say(f"The copies before. {node} holds the only one of: {', '.join(sole)}")
        self._table()
        if not sole:
            raise Failed(f"no image has its only copy on {node}: nothing to show")
        self._playbook("drain_node", f"node={node}", "intent=remove")
        say("The copies after")
        self._table()
        self._prove(
            f"{node} is cordoned; no replica, no map entry and no file of an image is left on it",
            lambda view: proofs.cordoned(self._api, node) + proofs.empty(view, node),
        )
        self._prove(
            "every image has a proven copy elsewhere: in the map, ready, on a Ready disk, and its "
            "file has the recorded SHA-512",
            lambda view: proofs.safe_without(view, node),
        )
        self._prove("every attached volume is healthy", proofs.volumes_healthy)

    def lose(self) -> None:
        """Delete the files of every copy of an image, as a failing disk would.

        Time goes on more slowly from here: up to 1.6 Longhorn would fetch the image by itself after
        300 s, which at full pace could come before the playbook has looked.
        """
        self._api.send("POST", "/simulator/time", {"scale": RECOVERY_SCALE})
        files = [copy.file for copy in self._look().images[LOST].copies if copy.file]
        say(f"Every copy of {LOST} is destroyed: its files are deleted on the nodes' disks")
        for file in files:
            for part in sorted(file.parent.iterdir()):
                print(f"rm {part.relative_to(self._disks)}")
                part.unlink()
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            states = {copy.state for copy in self._look().images[LOST].copies if copy.wanted}
            if "ready" not in states:
                break
            time.sleep(0.3)
        self._table()
        if self._look().images[LOST].proven():
            raise Failed(f"{LOST} still has a copy: nothing to recover")

    def recover(self) -> None:
        """Bring the lost image back."""
        self._playbook("recover_backing_image", f"image={LOST}")
        say("The copies at the end")
        self._table()
        self._prove(
            f"{LOST} is whole again: every copy it wants is proven, with the recorded SHA-512",
            lambda view: proofs.whole(view, LOST),
        )
        self._prove(
            "every image is whole",
            lambda view: [line for name in view.images for line in proofs.whole(view, name)],
        )
        self._prove("every attached volume is healthy", proofs.volumes_healthy)

    def _playbook(self, name: str, *variables: str) -> None:
        arguments = [word for variable in variables for word in ("-e", variable)]
        command = ["ansible-playbook", f"playbooks/{name}.yml", *arguments]
        say("$ " + " ".join(command))
        environment = os.environ | {
            "KUBECONFIG": str(self._kubeconfig),
            # The images come from hosts that only this cluster knows.
            "LONGHORN_SOURCE_PROXY": source_proxy(self._kubeconfig),
        }
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, check=False)
        if done.returncode != 0:
            raise Failed(f"{name}.yml ended with {done.returncode}")

    def _prove(self, claim: str, check: Callable[[View], list[str]]) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while (found := check(self._look())) and time.monotonic() < deadline:
            time.sleep(0.3)
        if found:
            raise Failed(f"not so: {claim}\n  " + "\n  ".join(found))
        if claim not in self.proven:
            self.proven.append(claim)

    def _look(self) -> View:
        return look(self._api, self._disks)

    def _table(self) -> None:
        print("\n".join(table(self._look())), flush=True)


def source_proxy(kubeconfig: Path) -> str:
    """The proxy behind which the sources of the simulated images are."""
    return (kubeconfig.parent / "source-proxy").read_text().strip()


def say(text: str) -> None:
    """A heading."""
    print(f"\n=== {text}", flush=True)


def main() -> int:
    """Tell the story; 0 only if everything was proven."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo")
    parser.add_argument("--longhorn", default="1.12")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument("--scale", type=float, default=SCALE)
    options = parser.parse_args()
    began = time.monotonic()
    print(
        f"A simulated cluster: Longhorn {options.longhorn}, 3 nodes with 2 disks each, "
        f"{options.scale:.0f} times as fast as real time"
    )
    process = Process(options.longhorn, options.scale)
    try:
        kubeconfig = process.kubeconfig()
        story = Story(kubeconfig, process.disks)
        story.drain()
        story.lose()
        story.recover()
    except (NotStarted, Failed) as failure:
        print(f"\ndemo: FAILED: {failure}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            process.stop()
    say("Proven by reading the cluster and the files on the nodes' disks")
    for claim in story.proven:
        print(f"- {claim}")
    print(f"demo: passed on Longhorn {options.longhorn} ({time.monotonic() - began:.0f} s)")
    if options.keep:
        print(f"\nThe cluster goes on; end it with: kill {process.pid}; rm -r {process.folder}")
        print("To look around:")
        print(f"export KUBECONFIG={kubeconfig}")
        print(f"export LONGHORN_SOURCE_PROXY={source_proxy(kubeconfig)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
