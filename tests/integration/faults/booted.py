# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with a real systemd, in namespaces of its own, for the timer that undoes a fault.

Its root is a memory file system with this host's /usr, read-only and without any of its units;
nothing of it reaches the host but the folder that is its /var, which outlives a power loss.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SYSTEMD = "/usr/lib/systemd/systemd"
TOOLS = ("systemd-run", "systemctl", "unshare", "nsenter", "mount", "pivot_root")
BOOT_SECONDS = 20.0
MACHINE = "00000000000000000000000000000001"
UNITS = "basic sysinit shutdown timers machine"

# Makes the root, and a cgroup that holds all of the machine's; removes that at the end.
OUTER = """
set -eu
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$ROOT"
cd "$ROOT"
mkdir -p usr etc/systemd/system run tmp proc sys dev var root groups
mount --bind "$VAR" var
mount --rbind /usr usr
mount -o remount,bind,ro usr
for name in bin sbin lib lib32 lib64 libx32; do
    if [ -L "/$name" ]; then ln -s "usr/$name" "$name"; fi
done
for place in $EXTRA; do
    mkdir -p ".$place"
    mount --bind "$place" ".$place"
    mount -o remount,bind,ro ".$place"
done
for place in usr/lib/systemd/system usr/lib/systemd/system-generators run tmp sys dev; do
    mount -t tmpfs -o mode=755 tmpfs "$place"
done
for name in null zero full random urandom; do
    : >"dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
for name in $UNITS; do
    printf '[Unit]\\nDefaultDependencies=no\\n' >"etc/systemd/system/$name.target"
done
echo $MACHINE >etc/machine-id
mount -t cgroup2 none groups
home=groups$(sed -n 's/^0:://p' /proc/self/cgroup)
mine=$home/nodecare-longhorn-test-$$
mkdir "$mine"
echo $$ >"$mine/cgroup.procs"
unshare --cgroup --pid --net --ipc --uts --mount --fork --kill-child=SIGKILL \
    /bin/sh -c "$INNER" || :
echo $$ >"$home/cgroup.procs"
for unused in 1 2 3 4 5 6 7 8 9 10; do
    if find "$mine" -depth -type d -exec rmdir {} + 2>"$ROOT/run/busy"; then break; fi
    sleep 0.1
done
"""
INNER = """
set -eu
cd "$ROOT"
umount groups
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mkdir -p sys/fs/cgroup old
mount -t cgroup2 none sys/fs/cgroup
pivot_root . old
cd /
umount -l old
exec env -i PATH=/usr/sbin:/usr/bin container=other \
    SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=1 \
    $SYSTEMD --system --unit=machine.target --log-target=null --show-status=0
"""


def missing() -> str:
    """What this host lacks for it, "" where nothing is known to lack."""
    if os.geteuid() != 0:
        return "root"
    if not os.access(SYSTEMD, os.X_OK):
        return "systemd (Debian and Ubuntu: apt install systemd)"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"the commands {', '.join(absent)}" if absent else ""


class CannotBoot(Exception):
    """No systemd runs here, as in a container that may not make namespaces."""


class Machine:
    """The machine; *var* is its /var. Raises CannotBoot. It can lose its power and boot again."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.python = os.path.realpath(sys.executable)
        self.root = Path(tempfile.mkdtemp(prefix="machine-", dir=var.parent))
        self.boot()

    def boot(self) -> None:
        """Switch it on."""
        home = str(Path(self.python).parent.parent)
        environment = {
            "PATH": os.environ["PATH"],
            "ROOT": str(self.root),
            "VAR": str(self.var),
            "EXTRA": "" if home.startswith("/usr") else home,
            "UNITS": UNITS,
            "MACHINE": MACHINE,
            "SYSTEMD": SYSTEMD,
            "INNER": INNER,
        }
        self._outer = subprocess.Popen(
            ["unshare", "--mount", "/bin/sh", "-c", OUTER],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end and self._outer.poll() is None:
            self._init = _grandchild(self._outer.pid)
            # Until its root is another one than the host's, a command would reach the host's.
            if self._init and _is_ours(self._init) and self._is_up():
                return
            time.sleep(0.05)
        self.lose_power()
        assert self._outer.stderr is not None
        raise CannotBoot(self._outer.stderr.read().strip() or "systemd did not come up in time")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        inside = ["nsenter", f"--target={self._init}", "--all", "--", *command]
        return subprocess.run(
            inside,
            env={"PATH": "/usr/sbin:/usr/bin"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def _is_up(self) -> bool:
        return self.run("systemctl", "is-system-running").stdout == "running\n"

    def timers(self) -> list[str]:
        """Names of the timers that wait."""
        listed = self.run("systemctl", "list-units", "--type=timer", "--plain", "--no-legend")
        return [line.split()[0] for line in listed.stdout.splitlines()]

    def lose_power(self) -> None:
        """End it at once; only /var stays."""
        if self._outer.poll() is None and self._init:
            os.kill(self._init, signal.SIGKILL)
        elif self._outer.poll() is None:
            os.killpg(self._outer.pid, signal.SIGKILL)
        self._outer.wait(BOOT_SECONDS)

    def close(self) -> None:
        """End it for good."""
        self.lose_power()
        self.root.rmdir()


def _is_ours(pid: int) -> bool:
    """Whether a process sees the root that was made here."""
    try:
        return Path(f"/proc/{pid}/root/etc/machine-id").read_text().strip() == MACHINE
    except OSError:
        return False


def _grandchild(pid: int) -> int:
    """The first process of the new PID namespace below a process, 0 where there is none yet."""
    for _unused in range(2):
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return 0
        if not children:
            return 0
        pid = int(children[-1])
    try:
        ours = os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")
    except OSError:
        return 0
    return 0 if ours else pid
