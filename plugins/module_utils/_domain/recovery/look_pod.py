# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pod that looks at the files of failed copies on one node, as an object, and its script.

It sees the folders `backing-images` of that node's disks, nothing else of the host, and may only
read them: every mount is read-only, and it has no capability, no token of a service account, and an
end of its own. It is bound to its node, so a cordon does not keep it away, nor does a taint. It is
root because the files are root's; where SELinux is enforced it runs as `spc_t`, because no other
container type may read what Longhorn's privileged pods have written.

The container image is that of Longhorn's own backing image managers, which run on these nodes; of
it `sh` and the GNU coreutils are used (longhorn/backing-image-manager package/Dockerfile, a SUSE
base image, branches v1.5.x to v1.12.x).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import short_pod
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import (
    IMAGES,
    KEPT,
    Place,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.short_pod import (
    Terms,
)

LABEL = "longhorn.nodecare.dev/disk-look"
CONTAINER = "look"
MOUNT = "/disks"
TOOLS = ("dd", "ln", "mkdir", "rm", "sha512sum", "stat")
# A disk that reads slower than this is not waited for.
SLOWEST_BYTES = 10 * (1 << 20)
SPARE_SECONDS = 30.0

_BEGIN = r"""
set -uf
LC_ALL=C
export LC_ALL
for tool in @TOOLS@; do
  command -v "$tool" >/dev/null 2>&1 || { printf '{"missing": "%s"}\n' "$tool"; exit 0; }
done
exec 3>&1
printf '{"begun": %d}\n' "$FILES"

broken() {
  printf '{"file": %d, "broken": "%s"}\n' "$number" "$1" >&3
}

none() {
  printf '{"file": %d, "none": true}\n' "$number"
}

# Standard input in pieces to descriptor 6, a line of progress for each.
pieces() {
  passed=0
  while :; do
    if ! told=$(dd bs=65536 count=1024 iflag=fullblock 2>&1 >&6); then
      told=${told%%
*}
      broken "${told##*: }"
      break
    fi
    # shellcheck disable=SC2086
    set -- $told
    [ "$1" != 0+0 ] || break
    passed=$((passed + $7))
    printf '{"file": %d, "so_far": %d}\n' "$number" "$passed" >&3
  done
}

# Whether a plain file is at $1; says what else is there.
plain() {
  folder=${1%/*}
  if [ -d "$folder" ] && [ ! -x "$folder" ]; then broken 'Permission denied'; return 1; fi
  if [ -L "$1" ]; then broken 'it is a symbolic link'; return 1; fi
  if [ ! -e "$1" ]; then none; return 1; fi
  if [ ! -f "$1" ]; then broken 'it is no plain file'; return 1; fi
  if [ ! -r "$1" ]; then broken 'Permission denied'; return 1; fi
}

# Size and sum of the file $1, of which $wanted is the size; both empty where it cannot be read.
digest() {
  size= sum=
  found=$(stat -c '%s %i' "$1" 2>/dev/null) || { broken 'it cannot be read'; return 1; }
  size=${found% *}
  [ "$wanted" -le 0 ] || [ "$size" = "$wanted" ] || return 0
  sum=$({ pieces 6>&1; } <"$1" | sha512sum)
  sum=${sum%% *}
  if [ "$(stat -c '%s %i' "$1" 2>/dev/null)" != "$found" ]; then
    broken 'it was taken away or changed while it was read'
    return 1
  fi
}

answer() {
  printf '{"file": %d, "size": %d, "sha512": "%s"}\n' "$number" "$size" "$sum"
}
""".replace("@TOOLS@", " ".join(TOOLS))

SCRIPT = (
    _BEGIN
    + r"""
number=0
while [ "$number" -lt "$FILES" ]; do
  eval "file=\$FILE_$number wanted=\$SIZE_$number"
  plain "$file" && digest "$file" && answer
  number=$((number + 1))
done
printf '{"ended": %d}\n' "$FILES"
"""
)

# One file. Every step looks at what is there, so a second run goes on where one was killed.
KEEP_SCRIPT = (
    _BEGIN
    + r"""
number=0 file=$FILE_0 wanted=$SIZE_0 kept=$KEPT_0

did() {
  printf '{"did": "%s"}\n' "$1"
}

failed() {
  broken 'the disk refuses to be written'
  return 1
}

keep() {
  new=no
  if [ ! -e "$kept" ]; then
    plain "$file" || return
    mkdir -p "${kept%/*}" 2>/dev/null && ln "$file" "$kept" 2>/dev/null || failed || return
    new=yes
    did linked
  fi
  plain "$kept" && digest "$kept" || return
  if [ "$sum" != "$SUM_0" ]; then
    if [ "$new" = yes ] && [ "$file" -ef "$kept" ]; then rm "$kept" && did unlinked; fi
    answer
    return
  fi
  folder=${file%/*}
  mkdir -p "$folder" 2>/dev/null || failed || return
  rm -f "$folder/backing.cfg" 2>/dev/null || failed || return
  if [ ! -e "$file" ]; then
    ln "$kept" "$file" 2>/dev/null || failed || return
    did linked_back
  elif [ ! "$file" -ef "$kept" ]; then
    did occupied
  fi
  answer
}

release() {
  if [ ! -e "$kept" ]; then
    did released
  elif [ "$file" -ef "$kept" ] || [ "$ELSEWHERE" = 1 ]; then
    rm "$kept" 2>/dev/null || failed || return
    rmdir "${kept%/*}" 2>/dev/null
    did released
  else
    did still_kept
  fi
  none
}

if [ "$RELEASE" = 1 ]; then release; else keep; fi
printf '{"ended": 1}\n'
"""
)


def longest_run(places: Sequence[Place]) -> float:
    """Seconds after which a pod that reads these has ended, on the slowest disk waited for."""
    return SPARE_SECONDS + sum(place.size for place in places) / SLOWEST_BYTES


def pod(name: str, node: str, places: Sequence[Place], terms: Terms) -> Any:
    """The pod that looks at places on one node, whose paths are nameable."""
    roots = list(dict.fromkeys(place.root for place in places))
    mounts = {root: f"{MOUNT}/{number}" for number, root in enumerate(roots)}
    told = {"FILES": str(len(places))}
    for number, place in enumerate(places):
        told[f"FILE_{number}"] = f"{mounts[place.root]}/{place.folder}/backing"
        told[f"SIZE_{number}"] = str(place.size)
    return _pod(name, node, SCRIPT, told, mounts, terms)


def keep_pod(
    name: str,
    node: str,
    places: Sequence[Place],
    terms: Terms,
    *,
    release: bool = False,
    elsewhere: bool = False,
) -> Any:
    """The pod that keeps one file by a second link, or takes that link away (*release*): only where
    the file in its place is the same one, or *elsewhere* there is a proven copy.

    It sees that one disk, and may write to it: a link needs both ends below one mount.
    """
    place = places[0]
    told = {
        "FILES": "1",
        "FILE_0": f"{MOUNT}/0/{IMAGES}/{place.folder}/backing",
        "KEPT_0": f"{MOUNT}/0/{KEPT}/{place.folder}",
        "SIZE_0": str(place.size),
        "SUM_0": place.checksum,
        "RELEASE": str(int(release)),
        "ELSEWHERE": str(int(elsewhere)),
    }
    mounts = {place.disk_root: f"{MOUNT}/0"}
    return _pod(name, node, KEEP_SCRIPT, told, mounts, terms, read_only=False)


def _pod(
    name: str,
    node: str,
    script: str,
    told: Mapping[str, str],
    mounts: Mapping[str, str],
    terms: Terms,
    *,
    read_only: bool = True,
) -> Any:
    """*told*: the environment of the script; *mounts*: where it sees which folder of the node."""
    spec = {
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
        "volumes": [
            {"name": f"disk-{number}", "hostPath": {"path": path, "type": "Directory"}}
            for number, path in enumerate(mounts)
        ],
    }
    container = {
        "name": CONTAINER,
        "env": [{"name": key, "value": text} for key, text in told.items()],
        "securityContext": {
            "runAsUser": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
            "seLinuxOptions": {"type": "spc_t"},
        },
        "volumeMounts": [
            {"name": f"disk-{number}", "mountPath": mount, "readOnly": read_only}
            for number, mount in enumerate(mounts.values())
        ],
    }
    return short_pod.body(name, LABEL, terms, script, spec=spec, container=container)
