"""What this module raises; everything is a `PhoenixError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from ._phoenix import Fault, Place

__all__ = [
    "ArgumentError",
    "BlockedError",
    "DeployError",
    "EnrollError",
    "FileAccessError",
    "FirewallError",
    "HookError",
    "InputError",
    "InternalError",
    "LockedError",
    "ManifestError",
    "NotPendingError",
    "PhoenixError",
    "PlanChangedError",
    "RefusedError",
    "RunError",
    "StateError",
    "TransportError",
    "TrustError",
    "UnreachableError",
    "VerifyError",
]


class PhoenixError(Exception):
    """Base of all errors that this module raises itself.

    Attributes:
        message: What was attempted, found and expected.
        code: Stable name of the kind of error, as the command line's JSON has it.
        reason: The innermost cause in words; the message itself where there is no other.
        hint: What to do about it.
        place: Where it is, if it is somewhere: a file, perhaps with line and column.
        certificate: The certificate that it is about.
        stage: What was under way: `read`, `plan`, `lock`, `enroll`, `deploy`, `hook`, `verify`, `firewall`, `state`.
        parameter: The parameter of the call that is wrong.
        faults: All faults at once, where input has several.
        differences: What differs from what was expected, in words.
    """

    message: str
    code: str
    reason: str
    hint: Optional[str]
    place: Optional[Place]
    certificate: Optional[str]
    stage: Optional[str]
    parameter: Optional[str]
    faults: tuple[Fault, ...]
    differences: tuple[str, ...]

    def __init__(
        self,
        message: str,
        *,
        code: str = "error",
        reason: Optional[str] = None,
        hint: Optional[str] = None,
        place: Optional[Place] = None,
        certificate: Optional[str] = None,
        stage: Optional[str] = None,
        parameter: Optional[str] = None,
        faults: tuple[Fault, ...] = (),
        differences: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = message if reason is None else reason
        self.hint = hint
        self.place = place
        self.certificate = certificate
        self.stage = stage
        self.parameter = parameter
        self.faults = faults
        self.differences = differences

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message,), self.__dict__.copy())


class ArgumentError(PhoenixError, ValueError):
    """An argument has a value that cannot be used; nothing was attempted."""


class InputError(PhoenixError, ValueError):
    """A file of the site, or a text that was given, has faults; nothing was attempted."""


class ManifestError(InputError):
    """The certificate manifest has faults."""


class RefusedError(InputError):
    """An edit that was asked for cannot be made, or would do harm; no file was touched."""


class BlockedError(InputError):
    """What `check` finds stops steps of the plan; nothing was done."""


class FileAccessError(PhoenixError):
    """A file of the host could not be used."""


class StateError(PhoenixError):
    """The site's state or several of its files could not be written."""


class LockedError(PhoenixError):
    """Another run holds the site."""


class PlanChangedError(PhoenixError):
    """Other steps come out than those of the plan that was given; nothing was done."""


class NotPendingError(ArgumentError):
    """Nothing pending has this id."""


class EnrollError(PhoenixError):
    """The CA was asked for something and it came to nothing."""


class TrustError(EnrollError):
    """Who answers is not the CA whose root is trusted."""


class UnreachableError(EnrollError):
    """No answer; trying again may help."""


class DeployError(PhoenixError):
    """A pair could not be put in its place; the one before is still served."""


class HookError(PhoenixError):
    """What is run after a deployment failed."""


class VerifyError(PhoenixError):
    """Something else is served than what should be."""


class RunError(PhoenixError):
    """A run left something undone that is none of the other kinds."""


class FirewallError(PhoenixError):
    """The firewall's rules could not be put in force; the files were put back."""


class TransportError(PhoenixError):
    """A call into a guest whose answer is not known."""


class InternalError(PhoenixError):
    """A bug of this module: it panicked, or its parts disagree. Please report it."""
