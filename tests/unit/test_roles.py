# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of the roles must not do on any of the versions of Ansible they run with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.material import CHECKOUT

TASKS = sorted((CHECKOUT / "roles").glob("*/tasks/*.yml"))
ROLES = sorted((CHECKOUT / "roles").iterdir())


def blocks(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every block in these tasks, those inside of others included."""
    for task in tasks:
        if "block" in task:
            yield task
            for part in ("block", "rescue", "always"):
                yield from blocks(task.get(part, []))


@pytest.mark.parametrize("path", TASKS, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_defaults_of_a_block_do_not_need_what_the_block_registers(path: Path) -> None:
    """ansible-core 2.16 evaluates all module_defaults before each task, also those of others."""
    for block in blocks(yaml.safe_load(path.read_text())):
        made = {task["register"] for task in block["block"] if "register" in task}
        for defaults in block.get("module_defaults", {}).values():
            for value in map(str, defaults.values()):
                needed = made & set(re.findall(r"\w+", value))
                assert not needed or "default(" in value, f"{needed} in {value}"


def test_what_a_role_reports_is_what_this_call_of_it_did() -> None:
    """A fact outlives the role: a later call that had nothing to do must not report it again."""
    used = []
    for path in TASKS:
        text = path.read_text()
        used += [line for line in text.splitlines() if re.search(r"\{\{ _\w+_steps\b", line)]
    assert len(used) == 3
    assert all("plan.work" in line for line in used), used


def options_of(role: Path) -> dict[str, dict[str, Any]]:
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, dict[str, Any]] = specs["argument_specs"]["main"]["options"]
    return found


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_variables_of_a_role_have_one_default_and_are_all_in_its_readme(role: Path) -> None:
    options = options_of(role)
    declared = {
        name: option["default"] for name, option in options.items() if not option.get("required")
    }
    assert yaml.safe_load((role / "defaults" / "main.yml").read_text()) == declared
    readme = (role / "README.md").read_text()
    told = set(re.findall(r"`(\w+|\.\.\._\w+)`", readme))
    for name in options:
        assert name in told or f"...{name.removeprefix(role.name)}" in told, name
    for name, default in re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", readme, re.MULTILINE):
        assert str(yaml.safe_load(default)) == str(declared[name]), name


# One value by name, with a default that is one literal.
DEFAULTED = re.compile(r"\{\{ \w+ \| default\((\[.*\]|\{.*\}|[^,()]*)\) \}\}")
PLAYBOOKS = sorted((CHECKOUT / "playbooks").glob("*.yml"))


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.name)
def test_a_playbook_gives_its_role_what_the_role_knows_with_the_same_default(path: Path) -> None:
    roles = {role.name: options_of(role) for role in ROLES}
    (plays, names) = yaml.safe_load(path.read_text()), set()
    for task in (task for play in plays for task in play["tasks"]):
        for name, value in task.get("vars", {}).items():
            role = next((role for role in roles if name.startswith(f"{role}_")), "")
            if not role:
                continue
            names.add(name)
            default = DEFAULTED.fullmatch(str(value))
            known = roles[role][name]
            if default and "default" in known:
                assert str(yaml.safe_load(default[1])) == str(known["default"]), name
    given = {"include_role", "import_role"} & {
        key.rpartition(".")[2] for play in plays for task in play["tasks"] for key in task
    }
    assert bool(names) == bool(given)


def test_a_batch_is_proven_for_the_drains_that_were_planned_and_follow() -> None:
    """What the operator consented to counts in the plan, in its proof and in each drain alike."""
    folder = CHECKOUT / "roles" / "rolling_maintenance" / "tasks"

    def task(file: str, name: str) -> dict[str, Any]:
        found = yaml.safe_load((folder / file).read_text())
        return next(task for task in found if task["name"] == name)

    planned = task("main.yml", "Plan the run")["nodecare.longhorn.rolling_plan"]
    proven = task("batch.yml", "Begin")["nodecare.longhorn.rolling_state"]
    drained = task("drain.yml", "Drain")["vars"]
    consents = set(planned) & {name.removeprefix("drain_node_") for name in drained}
    assert {"force", "mover", "single_replica_volumes"} <= consents
    for name in consents - {"intent", "namespace", "run", "report_file"}:
        assert proven[name] == planned[name], name
        assert drained[f"drain_node_{name}"].split()[1] == planned[name].split()[1], name
