# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator of a recording did, as types: requests to the API, and blows to the machines.

A recording logs shell commands, HTTP requests and notes. Commands that only look are left out; so
are refusals of kubectl itself, which never reach the API server.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from tests.simulator.recordings.load import Recording, parse_time

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
_TYPES = {
    "merge": MERGE,
    "json": JSON_PATCH,
    "strategic": "application/strategic-merge-patch+json",
}
#: Names the operators used for a resource -> plural.group.
_ALIASES = {
    "lhbi": "backingimages.longhorn.io",
    "lhbids": "backingimagedatasources.longhorn.io",
    "lhbim": "backingimagemanagers.longhorn.io",
    "lhn": "nodes.longhorn.io",
    "lhv": "volumes.longhorn.io",
    "lhr": "replicas.longhorn.io",
    "lhs": "settings.longhorn.io",
    "lhva": "volumeattachments.longhorn.io",
    "pod": "pods",
    "node": "nodes",
}
_VALUE_OPTIONS = {"-n", "--namespace", "-f", "-p", "--patch", "--type", "-o", "--output", "-l"}
NAMESPACE = "longhorn-system"


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request to the API. ``t`` in epoch seconds; ``accepted`` and ``text``: what it answered."""

    t: float
    method: str
    resource: str
    name: str
    body: Any = None
    content_type: str = ""
    subresource: str = ""
    dry_run: bool = False
    accepted: bool = True
    text: str = ""
    logged: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Drain:
    """kubectl drain. ``timeout`` in seconds; ``accepted``: whether it ended well."""

    t: float
    node: str
    timeout: float
    accepted: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """A blow to a folder of an image: ``remove``, ``lock``, ``unlock`` or ``remove, lock late``."""

    t: float
    what: str
    node: str
    folder: str


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """A blow to a machine: ``off``, ``on``, ``wipe`` (a new file system on its first disk)."""

    t: float
    what: str
    node: str


@dataclasses.dataclass(frozen=True, slots=True)
class Kill:
    """kill -9: of a ``manager`` (named by pod) or a ``replica`` (by volume) on ``node``."""

    t: float
    what: str
    name: str
    node: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Server:
    """A change at the file server or the network: ``serve``, ``open`` or ``close`` (a gate, by
    name), ``limit`` (Mbit/s; 0: none).
    """

    t: float
    what: str
    value: float = 0.0
    name: str = ""


Action = Request | Drain | Files | Machine | Kill | Server


def actions(recording: Recording) -> tuple[Action, ...]:
    """The actions of a recording that change something, in time order."""
    found: list[Action] = []
    before = recording.start
    for raw in recording.actions:
        if "cmd" in raw:
            found.extend(_kubectl(raw))
        elif "request" in raw:
            found.append(_http(raw))
        elif "sh" in raw:
            found.extend(_shell(raw, before))
        elif "note" in raw:
            found.extend(_note(raw, recording))
        before = parse_time(str(raw["t"]))
    found.sort(key=lambda action: action.t)
    return tuple(found)


def essence(text: str) -> str:
    """A refusal as kubectl prints it, without what kubectl adds around the server's words."""
    text = text.strip()
    text = re.sub(r"^Error from server(?: \(\w+\))?: ", "", text)
    text = re.sub(r'^error when \w+ "STDIN": ', "", text)
    text = re.sub(r"^The request is invalid: ", "", text)
    return _neutral(text)


def essence_of_status(status: Mapping[str, Any]) -> str:
    """The same for a Status body: its first cause where it has one, else its message."""
    causes = (status.get("details") or {}).get("causes") or []
    if causes and status.get("reason") == "Invalid":
        return _neutral("\n".join(f"{c.get('field', '')}: {c['message']}" for c in causes))
    return _neutral(str(status.get("message", "")))


def _neutral(text: str) -> str:
    """Resource versions differ in every cluster."""
    return re.sub(r"\(\d+\)", "(#)", text).strip()


def _kubectl(raw: Mapping[str, Any]) -> Iterator[Action]:
    """The action of a command, with what it answered."""
    accepted = raw.get("rc") == 0
    text = "" if accepted else essence(str(raw.get("stderr", "")))
    if "timed out waiting for the condition" in text:
        accepted, text = True, ""  # the server had accepted; kubectl only gave up looking
    for action in _command(raw, accepted):
        if isinstance(action, Request):
            action = dataclasses.replace(action, accepted=accepted, text=text)
        yield action


def _command(raw: Mapping[str, Any], accepted: bool) -> Iterator[Action]:
    positional, options = _split(shlex.split(str(raw["cmd"]))[1:])
    verb, words = (positional[0], positional[1:]) if positional else ("", [])
    t = parse_time(str(raw["t"])) - (0.0 if "t_end" in raw else 0.03)
    if verb == "drain":
        yield Drain(t, words[0], _seconds(options.get("--timeout", "0")), accepted)
    elif verb in ("cordon", "uncordon"):
        cordon: Any = {"spec": {"unschedulable": True if verb == "cordon" else None}}
        yield Request(t, "PATCH", "nodes", words[0], cordon, MERGE)
    elif verb in ("create", "replace"):
        method = "POST" if verb == "create" else "PUT"
        for obj in yaml.safe_load_all(str(raw.get("stdin", ""))):
            yield Request(t, method, _resource_of(obj), obj["metadata"]["name"], obj)
    elif verb == "patch":
        resource, name = _target(words)
        body = json.loads(options.get("-p") or options["--patch"])
        kind = _TYPES[options.get("--type", "strategic")]
        dry = options.get("--dry-run") == "server"
        yield Request(t, "PATCH", resource, name, body, kind, dry_run=dry)
    elif verb in ("annotate", "label"):
        resource, name = _target(words[:2])
        pairs = dict(word.split("=", 1) for word in words[2:] if "=" in word)
        gone = {word[:-1]: None for word in words[2:] if word.endswith("-")}
        field = "annotations" if verb == "annotate" else "labels"
        yield Request(t, "PATCH", resource, name, {"metadata": {field: pairs | gone}}, MERGE)
    elif verb == "edit":
        resource, name = _target(words)
        yield Request(t, "PATCH", resource, name, _edited(raw), MERGE)
    elif verb == "delete":
        resource, name = _target(words)
        if name:
            yield Request(t, "DELETE", resource, name)
    elif verb == "taint":
        yield _taint(t, words)


def _taint(t: float, words: list[str]) -> Request:
    taints = []
    for word in words[2:]:
        match = re.fullmatch(r"([^=:]+)(?:=([^:]*))?:(\w+)", word)
        if match:
            taint = {"key": match.group(1), "effect": match.group(3)}
            taints.append(taint | ({"value": match.group(2)} if match.group(2) else {}))
    return Request(t, "PATCH", "nodes", words[1], {"spec": {"taints": taints or None}}, MERGE)


def _split(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Positional words and options; ``--a=b`` and ``-p b`` alike."""
    positional: list[str] = []
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            positional.append(word)
        elif "=" in word and word.startswith("--"):
            key, value = word.split("=", 1)
            options[key] = value
        elif word in _VALUE_OPTIONS:
            options[word] = next(rest, "")
        else:
            options[word] = ""
    return positional, options


def _target(words: list[str]) -> tuple[str, str]:
    """``kind name`` or ``kind/name`` -> (resource, name); name "" where none is given."""
    kind, _unused, name = words[0].partition("/")
    if not name and len(words) > 1:
        name = words[1]
    return _ALIASES.get(kind, kind), name


def _resource_of(obj: Mapping[str, Any]) -> str:
    group = str(obj["apiVersion"]).rpartition("/")[0]
    plural = str(obj["kind"]).lower() + "s"
    return f"{plural}.{group}" if group else plural


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s?)?", text)
    hours, minutes, seconds = match.groups(default="0") if match else ("0", "0", "0")
    return int(hours) * 3600.0 + int(minutes) * 60.0 + float(seconds)


def _edited(raw: Mapping[str, Any]) -> Any:
    """The merge patch that ``kubectl edit -v=8`` logged."""
    log = str(raw.get("stderr", ""))
    bodies = re.findall(r'"Request Body" body="((?:[^"\\]|\\.)*)"', log)
    patches = [json.loads(json.loads(f'"{body}"')) for body in bodies]
    return patches[-1] if patches else {}


def _http(raw: Mapping[str, Any]) -> Request:
    method, target = raw["request"]
    url = urlsplit(target)
    parts = url.path.strip("/").split("/")
    group = "" if parts[0] == "api" else parts[1]
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] == "namespaces" and len(parts) > 2:
        parts = parts[2:]
    resource = f"{parts[0]}.{group}" if group else parts[0]
    body = raw.get("body")
    name = parts[1] if len(parts) > 1 else str(((body or {}).get("metadata") or {}).get("name", ""))
    status = int(raw["http"])
    text = "" if status < 300 else essence_of_status(_status(raw.get("answer")))
    return Request(
        parse_time(str(raw["t"])),
        str(method),
        resource,
        name,
        body,
        str(raw.get("content_type") or ""),
        parts[2] if len(parts) > 2 else "",
        "All" in parse_qs(url.query).get("dryRun", []),
        status < 300,
        f"{status} {text}" if text else "",
    )


def _status(answer: Any) -> Mapping[str, Any]:
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except ValueError:
            return {"message": answer}
    return answer if isinstance(answer, Mapping) else {}


def _shell(raw: Mapping[str, Any], before: float) -> Iterator[Action]:
    t, command = parse_time(str(raw["t"])) - 0.03, str(raw["sh"])
    folders = [
        (node, folder)
        for node, folder in re.findall(r"(\S+?):\S*?/backing-images/([^\s/*]+)", command)
        if "*" not in node
    ]
    if command.startswith("rm -v ") and "while ! ls" in command:
        # the command waited for the transfer before it ended, so it began after the one before it
        yield Files(before + 0.1, "remove, lock late", *folders[0])
    elif command.startswith("rm -v "):
        for node, folder in dict.fromkeys(folders):
            yield Files(t, "remove", node, folder)
        for node, folder in re.findall(r"chattr \+i (\S+?):\S*?/backing-images/(\S+)", command):
            yield Files(t, "lock", node, folder)
    elif command.startswith("chattr -i"):
        yield Files(t, "unlock", *folders[0])
    elif match := re.search(r"(touch|rm) ctl/(\S+)\.down", command):
        yield Machine(t, "off" if match.group(1) == "touch" else "on", match.group(2))
    elif match := re.search(r"HOSTNAME=(\S+?);", command):
        yield Kill(t, "manager", match.group(1))


def _note(raw: Mapping[str, Any], recording: Recording) -> Iterator[Action]:
    t, note = parse_time(str(raw["t"])), str(raw["note"])
    node = str(raw.get("node", ""))
    folder = str(raw.get("folder", "")).rpartition("/")[2]
    if note == "files removed":
        yield Files(t, "remove", node, folder)
    elif note.startswith("files removed on the live"):
        for disk in recording.disks:
            yield Files(t, "remove", disk.node, "*")
    elif note in ("chattr +i", "chattr -i"):
        yield Files(t, "lock" if note.endswith("+i") else "unlock", node, folder)
    elif note in ("power off", "power on") and node:
        yield Machine(t, note.removeprefix("power "), node)
    elif note.startswith("disk of the node made anew") and not any(raw.get("rc", [])):
        yield Machine(t, "wipe", node)
    elif "file system was made anew and mounted only now" in note:
        yield Machine(t, "wipe", _last_off(recording, t))
    elif note == "killed -9":
        for process in raw.get("processes") or []:
            match = re.search(r"--volume-name (\S+) replica", process)
            if match:
                yield Kill(t, "replica", match.group(1), node)
    elif note in ("server now serves the file", "URL works now"):
        yield Server(t, "serve")
    elif match := re.search(r"egress of BIM pods limited to (\d+)mbit", note):
        yield Server(t, "limit", float(match.group(1)))
    elif note == "egress limit removed":
        yield Server(t, "limit", 0.0)


def _last_off(recording: Recording, t: float) -> str:
    off = ""
    for raw in recording.actions:
        if raw.get("note") == "power off" and parse_time(str(raw["t"])) < t:
            off = str(raw.get("node", ""))
    return off
