# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers with units, as a person reads them."""

from __future__ import annotations

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def spell_bytes(count: int) -> str:
    """Bytes in the largest binary unit below the number, one decimal: 5.5 GiB, 32.0 MiB, 512 B."""
    if abs(count) < 1024:
        return f"{count} B"
    value = float(count)
    for unit in _UNITS:
        value /= 1024
        if abs(value) < 1024:
            return f"{value:.1f} {unit}"
    return f"{value:.1f} {_UNITS[-1]}"


def spell_bytes_up(count: int) -> str:
    """As spell_bytes, rounded up to the next tenth, so that what it says is enough."""
    unit = 1024
    for name in _UNITS:
        tenths = -(-count * 10 // unit)
        if tenths < 10240:
            return f"{tenths // 10}.{tenths % 10} {name}"
        unit *= 1024
    return spell_bytes(count)


def spell_part(part: int, whole: int) -> str:
    """`3.1 of 19.3 GiB`; both units where they differ."""
    some, everything = spell_bytes(part), spell_bytes(whole)
    number, _space, unit = some.partition(" ")
    return f"{number if everything.endswith(f' {unit}') else some} of {everything}"


def spell_seconds(seconds: float) -> str:
    """A duration: 45 s, 6 min 41 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int, thing: str, plural: str = "") -> str:
    """1 copy, 3 copies."""
    return f"{number} {thing if number == 1 else plural or thing + 's'}"


def names(items: list[str], most: int = 5, between: str = ", ") -> str:
    """A list of names that stays on the line: the first few, and how many more."""
    shown = between.join(items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown


def phrases(items: list[str], most: int = 5) -> str:
    """The same for whole phrases, which may hold commas."""
    return names(items, most, "; ")
