# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to measure files and disks so that what does not fit by that measure does not fit at all.

A measure of a number of bytes grows with it, and the measures of several files never exceed that
of a disk which holds them all (dual feasible functions; Fekete and Schepers 2001, Carlier et al.
2007). Each sees another kind of waste: too many files for whole disks, large ones that leave no
use for the rest of their disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Measure = Callable[[int], int]


def whole(part: int) -> Measure:
    """Bytes, but only whole multiples of what every file is a multiple of."""
    return lambda size: size // part * part


def counted(part: int) -> Measure:
    """How many times that part fits."""
    return lambda size: size // part


def beside(part: int, end: int) -> Measure:
    """Files that leave less than that part of a disk's whole time take all of it; smaller: none."""
    return lambda size: 0 if size < part else end if size > end - part else size


def halves(part: int, end: int) -> Measure:
    """More than half of the time counts what it leaves over, rounded in its favour."""

    def measure(size: int) -> int:
        if 2 * size > end:
            return 2 * (end // part - (end - size) // part)
        return end // part if 2 * size == end else 2 * (size // part)

    return measure


def measures(sizes: Sequence[int], end: int, most: int) -> Iterator[Measure]:
    """The ones worth a look for that end, at most so many; sizes: different, rising."""
    parts = [size for size in sizes if 2 * size <= end]
    parts += [end // number + 1 for number in (2, 3, 4, 5)]
    parts += [end - size + 1 for size in sizes if 2 * size > end >= size]
    parts = sorted({part for part in parts if part > 0})
    step = max(1, 3 * len(parts) // max(1, most))
    for part in parts[::step]:
        yield counted(part)
        if 2 * part <= end:
            yield beside(part, end)
            yield halves(part, end)
