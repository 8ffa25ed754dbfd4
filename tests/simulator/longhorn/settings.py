# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Longhorn's settings: names, defaults, and what a value must look like (F§11.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.simulator.longhorn.profiles import Profile
from tests.simulator.longhorn.schema_terms import release_of


@dataclass(frozen=True, slots=True)
class SettingRule:
    """One setting: default, type ("int", "bool", "text"), the releases that know it."""

    default: str
    type: str = "text"
    since: str = "1.5"
    until: str = ""
    least: int = 0
    read_only: bool = False
    choices: tuple[str, ...] = ()
    per_engine_since: str = ""


POLICIES = (
    "block-for-eviction",
    "block-for-eviction-if-contains-last-replica",
    "block-if-contains-last-replica",
    "allow-if-replica-is-stopped",
    "always-allow",
)

RULES: Mapping[str, SettingRule] = {
    "backing-image-cleanup-wait-interval": SettingRule("60", "int"),
    "backing-image-recovery-wait-interval": SettingRule("300", "int"),
    "default-min-number-of-backing-image-copies": SettingRule("3", "int", since="1.7", least=1),
    "concurrent-backing-image-replenish-per-node-limit": SettingRule("5", "int", since="1.7"),
    "node-drain-policy": SettingRule("block-if-contains-last-replica", choices=POLICIES),
    "detach-manually-attached-volumes-when-cordoned": SettingRule("false", "bool", since="1.6"),
    "disable-scheduling-on-cordoned-node": SettingRule("true", "bool"),
    "kubernetes-cluster-autoscaler-enabled": SettingRule("false", "bool"),
    "concurrent-replica-rebuild-per-node-limit": SettingRule("5", "int"),
    "replica-replenishment-wait-interval": SettingRule("600", "int"),
    "replica-soft-anti-affinity": SettingRule("false", "bool"),
    "replica-zone-soft-anti-affinity": SettingRule("true", "bool"),
    "replica-disk-soft-anti-affinity": SettingRule("true", "bool", since="1.6"),
    "replica-auto-balance": SettingRule(
        "disabled", choices=("disabled", "least-effort", "best-effort")
    ),
    "allow-empty-node-selector-volume": SettingRule("true", "bool", since="1.6"),
    "allow-empty-disk-selector-volume": SettingRule("true", "bool", since="1.6"),
    "allow-volume-creation-with-degraded-availability": SettingRule("true", "bool"),
    "auto-salvage": SettingRule("true", "bool"),
    "auto-delete-pod-when-volume-detached-unexpectedly": SettingRule("true", "bool"),
    "node-down-pod-deletion-policy": SettingRule("do-nothing"),
    "storage-over-provisioning-percentage": SettingRule("100", "int"),
    "storage-minimal-available-percentage": SettingRule("25", "int"),
    "storage-reserved-percentage-for-default-disk": SettingRule("30", "int"),
    "create-default-disk-labeled-nodes": SettingRule("false", "bool"),
    "default-data-path": SettingRule("/var/lib/longhorn/"),
    "default-replica-count": SettingRule("3", "int", least=1, per_engine_since="1.10"),
    "guaranteed-instance-manager-cpu": SettingRule("12", "int", per_engine_since="1.10"),
    "orphan-auto-deletion": SettingRule("false", "bool", until="1.9"),
    "orphan-resource-auto-deletion": SettingRule("", since="1.9"),
    "replica-file-sync-http-client-timeout": SettingRule("30", "int", least=5),
    "node-disk-health-monitoring": SettingRule("true", "bool", since="1.11"),
    "deleting-confirmation-flag": SettingRule("false", "bool"),
    "log-level": SettingRule(
        "Info", choices=("Panic", "Fatal", "Error", "Warn", "Info", "Debug", "Trace")
    ),
    "priority-class": SettingRule("longhorn-critical"),
    "backup-concurrent-limit": SettingRule("2", "int", least=1),
    "v2-data-engine": SettingRule("false", "bool"),
    "current-longhorn-version": SettingRule("", read_only=True),
    "latest-longhorn-version": SettingRule("", read_only=True),
    "stable-longhorn-versions": SettingRule("", read_only=True),
    "default-engine-image": SettingRule("", read_only=True),
    "default-instance-manager-image": SettingRule("", read_only=True),
    "default-backing-image-manager-image": SettingRule("", read_only=True),
}


def known(profile: Profile, name: str) -> bool:
    """Whether a release has a setting."""
    rule = RULES.get(name)
    if rule is None or release_of(rule.since) > profile.version:
        return False
    return not rule.until or profile.version < release_of(rule.until)


def per_engine(profile: Profile, name: str) -> bool:
    """Whether a setting's value is a JSON object by data engine in this release."""
    start = RULES[name].per_engine_since
    return bool(start) and release_of(start) <= profile.version


def default_of(profile: Profile, name: str) -> str:
    """The value of a setting that nobody set; empty for an unknown one."""
    if name == "current-longhorn-version":
        return profile.text
    images = {
        "default-engine-image": "longhorn-engine",
        "default-instance-manager-image": "longhorn-instance-manager",
        "default-backing-image-manager-image": "backing-image-manager",
    }
    if name in images:
        return profile.image_of(images[name])
    rule = RULES.get(name)
    return rule.default if rule is not None else ""


def stored_default(profile: Profile, name: str) -> str:
    """The default as the object holds it: by data engine where the release does that."""
    value = default_of(profile, name)
    return by_engine(value) if per_engine(profile, name) else value


def by_engine(value: str) -> str:
    """A plain value written for both data engines."""
    return json.dumps({"v1": value, "v2": value}, separators=(",", ":"))


def problem(profile: Profile, name: str, value: str) -> str | None:
    """What is wrong with a new value, in Longhorn's manner; None if nothing is."""
    rule = RULES.get(name)
    if rule is None or not known(profile, name):
        return f"setting {name} is not supported"
    if rule.read_only:
        return f"setting {name} is read-only"
    values = [value]
    if per_engine(profile, name) and value.startswith("{"):
        try:
            values = [str(entry) for entry in json.loads(value).values()]
        except ValueError:
            return f"failed to parse the value {value} of setting {name}"
    for one in values:
        wrong = _wrong(rule, name, one)
        if wrong is not None:
            return wrong
    return None


def _wrong(rule: SettingRule, name: str, value: str) -> str | None:
    if rule.type == "bool" and value not in ("true", "false"):
        return f"value {value} of setting {name} should be true or false"
    if rule.type == "int":
        if not value.lstrip("-").isdigit():
            return f"value {value} of setting {name} is not a number"
        if int(value) < rule.least:
            return f"value {value} of setting {name} should be at least {rule.least}"
    if rule.choices and value not in rule.choices:
        return f"value {value} of setting {name} is invalid, choices: {list(rule.choices)}"
    return None
