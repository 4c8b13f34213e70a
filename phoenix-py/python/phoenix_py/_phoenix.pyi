"""Native part of `phoenix_py`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Optional, TypedDict, Union, final, overload

__version__: str
"""Version of phoenix-core and of these bindings."""

class Fault(TypedDict):
    """One fault of an input file (a stub's type: at run time a plain `dict`)."""

    code: str
    severity: Literal["error", "warning", "note"]
    message: str
    file: Optional[str]
    line: Optional[int]
    column: Optional[int]
    pointer: Optional[str]
    notes: list[str]
    help: Optional[str]

class PhoenixError(Exception):
    """Base of all errors that this module raises itself."""

    code: str
    """Stable name of the kind of error."""
    hint: Optional[str]
    """What to do about it."""

class InputError(PhoenixError):
    """A file of the site has faults; nothing was attempted."""

    faults: list[Fault]
    """All faults at once, in the order of the files."""

class ManifestError(InputError):
    """The certificate manifest has faults."""

@final
class Entry:
    """One certificate that is wanted; immutable, compared by its values."""

    @property
    def common_name(self) -> str:
        """Identity of the entry; unique in the manifest."""
    @property
    def names(self) -> tuple[str, ...]:
        """All names: those of `sans`, and the common name where it is a DNS name."""
    @property
    def cert_path(self) -> Path:
        """The chain, leaf first."""
    @property
    def key_path(self) -> Path:
        """The private key."""
    @property
    def owner(self) -> str:
        """Owner of the files, `user:group`."""
    @property
    def permissions(self) -> str:
        """Mode of the certificate, octal."""
    @property
    def key_permissions(self) -> str:
        """Mode that the key gets, octal; stated, or derived so that the key is not opened."""
    @property
    def cert_type(self) -> Literal["server", "client"]:
        """Which usage the leaf must carry."""
    @property
    def hook(self) -> Optional[str]:
        """What is run after a deployment, as one line."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Manifest(Sequence[Entry]):
    """The certificates wanted, in the order of the file; immutable."""

    @staticmethod
    def load(path: Union[str, os.PathLike[str]]) -> Manifest:
        """Read a manifest.

        Raises `ManifestError` with all faults of the file, `OSError` when it cannot be read.
        """
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Entry: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Entry, ...]: ...
    def __iter__(self) -> Iterator[Entry]: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class Step:
    """One thing that a run would do."""

    @property
    def id(self) -> str:
        """Its name within the plan, such as `issue docker-daemon.internal`."""
    @property
    def kind(self) -> str:
        """What is done: `issue`, `deploy`, `verify` and so on."""
    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in words."""

@final
class Plan:
    """What a run would do, and why."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in an order in which they can be done."""
    @property
    def has_work(self) -> bool:
        """Whether there is something to do apart from looking."""
    def to_dict(self) -> dict[str, Any]:
        """The whole plan as plain data, as `phoenix plan --output-format json` prints it."""

@final
class Site:
    """A site: the operator's files and Phoenix's state."""

    @staticmethod
    def open(
        site: Union[str, os.PathLike[str]],
        *,
        root: Optional[Union[str, os.PathLike[str]]] = None,
        state: Optional[Union[str, os.PathLike[str]]] = None,
    ) -> Site:
        """Open a site; its files are read by each method anew.

        `root` is a copy of a whole host to work on: paths are then paths within it, and nothing is run.
        `state` is Phoenix's state directory, `/var/lib/phoenix` by default.
        """
    def plan(self) -> Plan:
        """Decide what a run would do; writes nothing.

        Raises `InputError` for faults of the site's files, else `PhoenixError`.
        """
