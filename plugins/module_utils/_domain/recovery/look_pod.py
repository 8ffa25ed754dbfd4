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
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.backoff import moment
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.look import Place
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.source.probe_pod import (
    UNTIL,
    WHO,
)

LABEL = "longhorn.nodecare.dev/disk-look"
CONTAINER = "look"
MOUNT = "/disks"
TOOLS = ("dd", "sha512sum", "stat")
# A disk that reads slower than this is not waited for.
SLOWEST_BYTES = 10 * (1 << 20)
SPARE_SECONDS = 30.0

SCRIPT = r"""
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

look() {
  folder=${file%/*}
  if [ -d "$folder" ] && [ ! -x "$folder" ]; then broken 'Permission denied'; return; fi
  if [ -L "$file" ]; then broken 'it is a symbolic link'; return; fi
  if [ ! -e "$file" ]; then printf '{"file": %d, "none": true}\n' "$number"; return; fi
  if [ ! -f "$file" ]; then broken 'it is no plain file'; return; fi
  if [ ! -r "$file" ]; then broken 'Permission denied'; return; fi
  found=$(stat -c '%s %i' "$file" 2>/dev/null) || { broken 'it cannot be read'; return; }
  size=${found% *}
  if [ "$wanted" -gt 0 ] && [ "$size" != "$wanted" ]; then
    printf '{"file": %d, "size": %d, "sha512": ""}\n' "$number" "$size"
    return
  fi
  sum=$({ pieces 6>&1; } <"$file" | sha512sum)
  if [ "$(stat -c '%s %i' "$file" 2>/dev/null)" != "$found" ]; then
    broken 'it was taken away or changed while it was read'
    return
  fi
  printf '{"file": %d, "size": %d, "sha512": "%s"}\n' "$number" "$size" "${sum%% *}"
}

number=0
while [ "$number" -lt "$FILES" ]; do
  eval "file=\$FILE_$number wanted=\$SIZE_$number"
  look
  number=$((number + 1))
done
printf '{"ended": %d}\n' "$FILES"
""".replace("@TOOLS@", " ".join(TOOLS))


@dataclass(frozen=True)
class Terms:
    """What every pod of a run has in common: its container image, who makes it, after how many
    seconds it ends whatever happens and when that is, and the Secret that Longhorn pulls with.
    """

    image: str
    who: str
    seconds: int
    until: float
    pull: str = ""


def longest_run(places: Sequence[Place]) -> float:
    """Seconds after which a pod that reads these has ended, on the slowest disk waited for."""
    return SPARE_SECONDS + sum(place.size for place in places) / SLOWEST_BYTES


def pod(name: str, node: str, places: Sequence[Place], terms: Terms) -> Any:
    """The pod for one node. All places are on it, and their paths are nameable."""
    roots = list(dict.fromkeys(place.root for place in places))
    mounts = {root: f"{MOUNT}/{number}" for number, root in enumerate(roots)}
    told = _environment(places, mounts)
    return {
        "metadata": {
            "name": name,
            "labels": {LABEL: "true"},
            "annotations": {WHO: terms.who, UNTIL: moment.spell(terms.until)},
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": max(1, terms.seconds),
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "tolerations": [{"operator": "Exists"}],
            **({"imagePullSecrets": [{"name": terms.pull}]} if terms.pull else {}),
            "volumes": [
                {"name": f"disk-{number}", "hostPath": {"path": root, "type": "Directory"}}
                for number, root in enumerate(roots)
            ],
            "containers": [
                {
                    "name": CONTAINER,
                    "image": terms.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", SCRIPT],
                    "env": [{"name": key, "value": text} for key, text in told.items()],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "1", "memory": "128Mi"},
                    },
                    "securityContext": {
                        "runAsUser": 0,
                        "seccompProfile": {"type": "RuntimeDefault"},
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                        "seLinuxOptions": {"type": "spc_t"},
                    },
                    "volumeMounts": [
                        {"name": f"disk-{number}", "mountPath": mounts[root], "readOnly": True}
                        for number, root in enumerate(roots)
                    ],
                }
            ],
        },
    }


def _environment(places: Sequence[Place], mounts: Mapping[str, str]) -> dict[str, str]:
    """What the script is told, by name of the variable."""
    told = {"FILES": str(len(places))}
    for number, place in enumerate(places):
        told[f"FILE_{number}"] = f"{mounts[place.root]}/{place.folder}/backing"
        told[f"SIZE_{number}"] = str(place.size)
    return told
