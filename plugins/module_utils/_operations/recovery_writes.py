# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes of a recovery: each on a fresh read, conditional on it, and with the lease ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from ansible_collections.nodecare.longhorn.plugins.module_utils._api import errors, kinds
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.client import Client, Object
from ansible_collections.nodecare.longhorn.plugins.module_utils._api.kinds import Kind
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain import parse
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.model import (
    DataSource,
    Image,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery import (
    notes,
    tickets,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.recovery.steps import (
    Action,
    Step,
    url_of,
    will_hang,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._domain.verdicts.sight import (
    Sight,
    see,
)
from ansible_collections.nodecare.longhorn.plugins.module_utils._operations.cluster import (
    LiveCluster,
    Longhorn,
)


class ChangedMeanwhile(Exception):
    """The object is not what the decision was made on; decide again."""


class RecoveryWrites:
    """Performs the writing steps for one image at a time."""

    def __init__(
        self,
        client: Client,
        longhorn: Longhorn,
        live: LiveCluster,
        before_write: Callable[[], None],
    ) -> None:
        self._client = client
        self._longhorn = longhorn
        self._live = live
        self._before_write = before_write

    def perform(self, name: str, step: Step) -> None:
        """One step. Raises ChangedMeanwhile when it must be decided again."""
        try:
            if step.action is Action.SET_URL:
                self._set_url(name, step.names[0])
            elif step.action is Action.EMPTY_MAP:
                self._empty_map(name)
            elif step.action is Action.DELETE_SOURCE:
                self._delete_source(name, step.names[0])
            elif step.action is Action.ADD_KEYS:
                self._add_keys(name, step.names)
            elif step.action is Action.FORGET:
                self.forget(name, notes.RECOVERY)
            elif step.action in (Action.TAKE_TICKETS, Action.GIVE_TICKETS):
                change = tickets.take if step.action is Action.TAKE_TICKETS else tickets.give_back
                for attachment in step.names:
                    raw = self._client.get(kinds.ATTACHMENTS, attachment)
                    self._patch(kinds.ATTACHMENTS, raw, change(raw))
        except (errors.FailedTest, errors.Conflict, errors.NotFound) as error:
            raise ChangedMeanwhile(str(error)) from error

    def _patch(self, kind: Kind, raw: Object, ops: list[Object]) -> None:
        if not ops:
            self._live.note(kind, raw)
            return
        self._before_write()
        metadata = raw["metadata"]
        answer = self._client.patch_json(
            kind, metadata["name"], ops, resource_version=metadata["resourceVersion"]
        )
        self._live.note(kind, answer)

    def _image(self, name: str) -> tuple[Object, Image]:
        raw = self._client.get(kinds.BACKING_IMAGES, name)
        return raw, parse.image(raw, self._longhorn.schema)

    def _empty_map(self, name: str) -> None:
        """Empty the map and note what it was, in one write (a merge patch of {} does nothing)."""
        raw, image = self._image(name)
        source = parse.data_source(self._client.get(kinds.DATA_SOURCES, name))
        sight = self._sight(name, source, image)
        if sight.exists or image.meta.deleting:
            self._live.note(kinds.BACKING_IMAGES, raw)
            raise ChangedMeanwhile("a copy is ready now, or the image is being deleted")
        earlier = notes.recovery_of(image)
        value = {
            notes.KEYS: earlier.get(notes.KEYS) or sorted(copy.disk for copy in image.wanted),
            notes.EMPTIED_FOR: source.meta.uid,
            notes.TIMES: notes.times_emptied(image, source.meta.uid) + 1,
        }
        verb = "replace" if image.map_present else "add"
        empty: Object = {"op": verb, "path": self._longhorn.schema.map_path, "value": {}}
        self._patch(
            kinds.BACKING_IMAGES, raw, [empty, *notes.write(image.meta, notes.RECOVERY, value)]
        )

    def _sight(self, name: str, source: DataSource, image: Image | None = None) -> Sight:
        """The image with what was just read of it, among all else that the watches told."""
        fresh = image or self._image(name)[1]
        picture = self._live.picture()
        cluster = dataclasses.replace(
            picture,
            images={**picture.images, name: fresh},
            data_sources={**picture.data_sources, name: source},
        )
        return see(cluster, fresh)

    def _delete_source(self, name: str, uid: str) -> None:
        """Delete exactly the data source that was decided on, if it still is what it was.

        With uid and resourceVersion as preconditions: if Longhorn begins a download in this very
        moment, the server refuses (409), and the download is not cut off.
        """
        raw = self._client.get(kinds.DATA_SOURCES, name)
        source = parse.data_source(raw)
        hangs = source.state == "ready" and not source.file_transferred
        if source.meta.uid != uid or not (
            source.file_transferred
            or hangs
            or self._fetches_elsewhere(name, source)
            or will_hang(self._sight(name, source), source)
        ):
            self._live.note(kinds.DATA_SOURCES, raw)
            raise ChangedMeanwhile("the data source is at work")
        self._before_write()
        self._client.delete(kinds.DATA_SOURCES, name, uid=uid, resource_version=source.meta.version)

    def _fetches_elsewhere(self, name: str, source: DataSource) -> bool:
        """Whether it fetches from a URL that the image does not have any more."""
        _raw, image = self._image(name)
        return source.parameters.get("url", "") not in ("", url_of(image))

    def _set_url(self, name: str, url: str) -> None:
        """Without effect on the data source that is there: only one made later reads it."""
        raw, image = self._image(name)
        verb = "replace" if "url" in image.source_parameters else "add"
        change: Object = {"op": verb, "path": "/spec/sourceParameters/url", "value": url}
        self._patch(kinds.BACKING_IMAGES, raw, [change])

    def _add_keys(self, name: str, disks: tuple[str, ...]) -> None:
        raw, image = self._image(name)
        schema = self._longhorn.schema
        listed = {copy.disk for copy in image.wanted}
        missing = [disk for disk in disks if disk not in listed]
        entry = schema.entry(image.data_engine)
        ops: list[Object]
        if not image.map_present:
            ops = [{"op": "add", "path": schema.map_path, "value": dict.fromkeys(missing, entry)}]
        else:
            ops = [{"op": "add", "path": schema.key_path(d), "value": entry} for d in missing]
        self._patch(kinds.BACKING_IMAGES, raw, ops if missing else [])

    def put_key(self, name: str, disk: str) -> None:
        """Put the key of a disk into the map. Raises FailedTest, NotFound, Refused."""
        self._add_keys(name, (disk,))

    def take_key(self, name: str, disk: str) -> None:
        """Take the key of a disk out of the map. Raises FailedTest, NotFound, Refused."""
        raw, image = self._image(name)
        if any(copy.disk == disk for copy in image.wanted):
            path = self._longhorn.schema.key_path(disk)
            self._patch(kinds.BACKING_IMAGES, raw, [{"op": "remove", "path": path}])

    def forget(self, name: str, part: str) -> None:
        """Take one part of our note off the image. Raises FailedTest, NotFound."""
        raw, image = self._image(name)
        self._patch(kinds.BACKING_IMAGES, raw, notes.erase(image.meta, part))

    def note_salvage(self, name: str, value: Mapping[str, str]) -> None:
        """Note where the file of a salvage is kept, before it is. Raises FailedTest, NotFound."""
        raw, image = self._image(name)
        if notes.salvage_of(image) != value:
            self._patch(kinds.BACKING_IMAGES, raw, notes.write(image.meta, notes.SALVAGE, value))
