"""Certificates of a Proxmox host: the manifest in types, and what a run would do and why."""

from collections.abc import Sequence

from ._phoenix import (
    Entry,
    InputError,
    Manifest,
    ManifestError,
    PhoenixError,
    Plan,
    Site,
    Step,
    __version__,
)

__all__ = [
    "Entry",
    "InputError",
    "Manifest",
    "ManifestError",
    "PhoenixError",
    "Plan",
    "Site",
    "Step",
    "__version__",
]

Sequence.register(Manifest)
