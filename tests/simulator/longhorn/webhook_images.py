# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission of backing images, data sources and managers (F§2.11)."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from tests.simulator.admission import CREATE, UPDATE, AdmissionRequest
from tests.simulator.longhorn import names, refusals
from tests.simulator.longhorn.replica_use import uses
from tests.simulator.longhorn.world import World
from tests.simulator.objects import Object

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
NAME_LIMIT = 40
CHECKSUM = re.compile(r"[0-9a-fA-F]{128}")
LOOPBACK = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|::1)")


class ImageAdmission:
    """The hooks of the image kinds."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.profile = world.profile

    def register(self) -> None:
        """Put the hooks into the store."""
        admission = self.world.store.admission
        admission.mutating(names.IMAGES, [CREATE], self.mutate_create)
        admission.mutating(names.IMAGES, [UPDATE], self.mutate_update)
        admission.validating(names.IMAGES, [CREATE], self.validate_create)
        admission.validating(names.IMAGES, ["DELETE"], self.validate_delete)
        if self.profile.has("validate_images"):
            admission.validating(names.IMAGES, [UPDATE], self.validate_update)
        admission.mutating(names.DATA_SOURCES, [CREATE, UPDATE], self.mutate_source)
        admission.mutating(names.MANAGERS, [CREATE, UPDATE], self.mutate_manager)

    def mutate_create(self, request: AdmissionRequest) -> None:
        """Fill in what Longhorn fills in when an image is made."""
        obj, spec = request.obj, request.obj.setdefault("spec", {})
        metadata = obj["metadata"]
        metadata["name"] = short_name(str(metadata.get("name", "")))
        _maps(self.profile.has("file_spec_map"), spec)
        spec["checksum"] = str(spec.get("checksum") or "").strip()
        parameters = spec.get("sourceParameters") or {}
        spec["sourceParameters"] = {k: str(v).strip() for k, v in parameters.items()}
        self._source_defaults(spec)
        if self.profile.has("file_spec_map"):
            if not spec.get("minNumberOfCopies"):
                default = self.world.setting_int("default-min-number-of-backing-image-copies")
                spec["minNumberOfCopies"] = default
            spec.setdefault("secret", "")
            spec.setdefault("secretNamespace", "")
        labels = metadata.setdefault("labels", {})
        labels[names.LABEL_COMPONENT] = "backing-image"
        labels[names.LABEL_MANAGED_BY] = names.MANAGED_BY
        add_finalizer(obj)

    def _source_defaults(self, spec: Object) -> None:
        parameters, kind = spec["sourceParameters"], spec.get("sourceType")
        if kind == "export-from-volume":
            parameters.setdefault("export-type", "raw")
        elif kind == "restore":
            limit = self.world.setting("backup-concurrent-limit")
            parameters.setdefault("concurrent-limit", limit)
        elif kind == "clone":
            parameters.setdefault("encryption", "ignore")
            origin = self._image(parameters.get("backing-image", ""))
            checksum = ((origin or {}).get("status") or {}).get("checksum")
            if checksum and parameters["encryption"] == "ignore":
                spec["checksum"] = checksum

    def mutate_update(self, request: AdmissionRequest) -> None:
        """Fill in maps and type again, and keep what may not change."""
        obj, spec = request.obj, request.obj.setdefault("spec", {})
        _maps(self.profile.has("file_spec_map"), spec)
        if not spec.get("sourceType"):
            spec["sourceType"] = "download"
        old = (request.old or {}).get("spec") or {}
        if self.profile.has("file_spec_map"):
            for name in ("secret", "secretNamespace"):
                if old.get(name) and old[name] != spec.get(name):
                    raise refusals.mutator_invalid(f"changing {name} is not supported")
        if old.get("dataEngine") and old["dataEngine"] != spec.get("dataEngine"):
            raise refusals.mutator_invalid("changing data engine is not supported")
        if not obj["metadata"].get("deletionTimestamp"):
            add_finalizer(obj)

    def validate_create(self, request: AdmissionRequest) -> None:
        """The rules for new images."""
        spec, name = request.obj["spec"], request.obj["metadata"]["name"]
        if not NAME.fullmatch(name):
            raise refusals.invalid(f"invalid name {name}")
        if spec.get("checksum") and not CHECKSUM.fullmatch(spec["checksum"]):
            raise refusals.invalid(f"invalid checksum {spec['checksum']}")
        if self.profile.has("refuse_v2_images") and spec.get("dataEngine") == "v2":
            raise refusals.invalid("v2 backing image is not supported")
        self._check_minimum(spec)
        self._check_source(spec)

    def _check_source(self, spec: Object) -> None:
        parameters, kind = spec.get("sourceParameters") or {}, spec.get("sourceType")
        if kind == "download":
            if not parameters.get("url"):
                raise refusals.invalid(f"invalid parameter {parameters} for source type download")
            self._check_url(spec)
        elif kind == "export-from-volume":
            volume = parameters.get("volume-name", "")
            if self.world.store.find(names.VOLUMES, names.NAMESPACE, volume) is None:
                raise refusals.invalid(
                    f"failed to get volume {volume} before exporting backing image: "
                    f'volume "{volume}" not found'
                )
            if parameters.get("export-type") not in ("raw", "qcow2"):
                raise refusals.invalid(f"unsupported export type {parameters.get('export-type')}")
        elif kind == "clone" and self._image(parameters.get("backing-image", "")) is None:
            origin = parameters.get("backing-image", "")
            raise refusals.invalid(f"failed to get source backing image {origin}")

    def _check_url(self, spec: Object) -> None:
        if not self.profile.has("validate_images") or spec.get("sourceType") != "download":
            return
        url = (spec.get("sourceParameters") or {}).get("url", "")
        field = "spec.sourceParameters[url]"
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise refusals.invalid(f'invalid download URL scheme "{parts.scheme}"', field)
        if LOOPBACK.fullmatch(parts.hostname or ""):
            raise refusals.invalid("download URL must not target a loopback address", field)

    def _check_minimum(self, spec: Object) -> None:
        if not self.profile.has("file_spec_map"):
            return
        number = spec.get("minNumberOfCopies") or 0
        if number < 1:
            text = f"minimum number of backing image copies {number} must larger than 0"
            raise refusals.invalid(text)

    def validate_update(self, request: AdmissionRequest) -> None:
        """The rules for changed images, registered from 1.12.1 only."""
        if request.obj["metadata"].get("deletionTimestamp"):
            return
        self._check_minimum(request.obj["spec"])
        self._check_url(request.obj["spec"])

    def validate_delete(self, request: AdmissionRequest) -> None:
        """No image is deleted under replicas."""
        if uses(self.world.store, request.name):
            text = f"cannot delete backing image {request.name} since there are replicas using it"
            raise refusals.invalid(text)

    def mutate_source(self, request: AdmissionRequest) -> None:
        """Defaults of data sources."""
        spec = request.obj.setdefault("spec", {})
        spec["sourceType"] = spec.get("sourceType") or "download"
        if spec.get("parameters") is None:
            spec["parameters"] = {}
        late = request.operation == CREATE and not self.profile.has("data_source_finalizer")
        if not late and not request.obj["metadata"].get("deletionTimestamp"):
            add_finalizer(request.obj)

    def mutate_manager(self, request: AdmissionRequest) -> None:
        """Defaults of managers."""
        spec = request.obj.setdefault("spec", {})
        if spec.get("backingImages") is None:
            spec["backingImages"] = {}
        if not request.obj["metadata"].get("deletionTimestamp"):
            add_finalizer(request.obj)

    def _image(self, name: str) -> Object | None:
        return self.world.store.find(names.IMAGES, names.NAMESPACE, name)


def short_name(name: str) -> str:
    """The name Longhorn makes of a name: lower case, at most 40 characters."""
    name = name.lower()
    if len(name) <= NAME_LIMIT:
        return name
    return f"{name[:31]}-{hashlib.sha512(name.encode()).hexdigest()[:8]}"


def _maps(modern: bool, spec: Object) -> None:
    for field in ("disks", "diskFileSpecMap") if modern else ("disks",):
        if spec.get(field) is None:
            spec[field] = {}


def add_finalizer(obj: Object) -> None:
    """Give an object Longhorn's finalizer, in place."""
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if finalizers is None:
        finalizers = obj["metadata"]["finalizers"] = []
    if names.FINALIZER not in finalizers:
        finalizers.append(names.FINALIZER)
