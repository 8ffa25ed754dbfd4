# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of the pods that look at files and keep one, run on real files by the shells here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    look_log,
    look_pod,
)

DATA = b"right" * 1000
SUM = hashlib.sha512(DATA).hexdigest()
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


class Disk:
    """The folder of a disk, with the places that the scripts are told."""

    def __init__(self, root: Path, shell: str) -> None:
        self.file = root / "backing-images" / "img-abcd" / "backing"
        self.kept = root / "nodecare-kept" / "img-abcd"
        self.shell = shell
        (root / "backing-images").mkdir()

    def put(self, data: bytes = DATA) -> None:
        """The file in its place, with its side file."""
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_bytes(data)
        self.file.with_name("backing.cfg").write_text("{}")

    def run(
        self, *, script: str = look_pod.KEEP_SCRIPT, release: bool = False, elsewhere: bool = False
    ) -> look_log.Told:
        """What the script says."""
        told = {
            "PATH": os.environ["PATH"],
            "FILES": "1",
            "FILE_0": str(self.file),
            "KEPT_0": str(self.kept),
            "SIZE_0": str(len(DATA)),
            "SUM_0": SUM,
            "RELEASE": str(int(release)),
            "ELSEWHERE": str(int(elsewhere)),
        }
        done = subprocess.run(
            [self.shell, "-c", script], env=told, capture_output=True, text=True, check=False
        )
        assert done.stderr == ""
        found = look_log.read(done.stdout)
        assert found.begun and found.ended
        return found


@pytest.fixture(params=SHELLS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    """An empty disk."""
    return Disk(tmp_path, request.param)


def test_keep_look_back_and_release(disk: Disk) -> None:
    disk.put()
    told = disk.run()
    assert told.did == ("linked",) and told.answers[0].sha512 == SUM
    assert disk.kept.samefile(disk.file) and not disk.file.with_name("backing.cfg").exists()
    assert disk.run().did == ()
    shutil.rmtree(disk.file.parent)
    assert disk.run().did == ("linked_back",) and disk.kept.samefile(disk.file)
    assert disk.run(release=True).did == ("released",)
    assert disk.file.read_bytes() == DATA and not disk.kept.parent.exists()
    assert disk.run(release=True).did == ("released",)


def test_other_bytes_are_not_kept_and_stay_as_they_are(disk: Disk) -> None:
    disk.put(b"wrong" * 1000)
    told = disk.run()
    assert told.did == ("linked", "unlinked") and told.answers[0].sha512 not in ("", SUM)
    assert not disk.kept.exists() and disk.file.read_bytes() == b"wrong" * 1000
    assert disk.file.with_name("backing.cfg").exists()


def test_the_last_link_is_never_removed(disk: Disk) -> None:
    disk.put()
    disk.run()
    disk.file.unlink()
    assert disk.run(release=True).did == ("still_kept",)
    assert disk.kept.read_bytes() == DATA
    disk.put()
    assert disk.run().did == ("occupied",)
    assert disk.run(release=True).did == ("still_kept",)
    assert disk.run(release=True, elsewhere=True).did == ("released",)


def test_nothing_there_is_told_and_nothing_is_made(disk: Disk) -> None:
    assert disk.run().answers[0].none
    assert not disk.kept.parent.exists() and not disk.file.parent.exists()


def test_a_disk_that_takes_no_link(disk: Disk) -> None:
    disk.put()
    disk.kept.parent.write_text("a file is in the way")
    told = disk.run()
    assert told.did == () and told.answers[0].broken


def test_a_look_changes_nothing(disk: Disk) -> None:
    disk.put()
    told = disk.run(script=look_pod.SCRIPT)
    assert told.answers[0] == look_log.Answer(size=len(DATA), sha512=SUM, read=len(DATA))
    assert disk.file.with_name("backing.cfg").exists() and not disk.kept.exists()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "it is a symbolic link"),
        (lambda path: path.mkdir(), "it is no plain file"),
    ],
    ids=["link", "folder"],
)
def test_only_a_plain_file_is_read(disk: Disk, make: object, why: str) -> None:
    assert callable(make)
    disk.file.parent.mkdir()
    make(disk.file)
    for script in (look_pod.SCRIPT, look_pod.KEEP_SCRIPT):
        assert disk.run(script=script).answers[0].broken == why
    assert not disk.kept.exists()
