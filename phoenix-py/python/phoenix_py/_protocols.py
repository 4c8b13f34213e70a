"""What a program may bring of its own: a CA, and ways into guests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Optional, Protocol, Union

if TYPE_CHECKING:
    from ._phoenix import Anchor, Chain, Issued, Request

__all__ = ["Authority", "GuestShell", "OwnAuthority"]


class Authority(Protocol):
    """A CA. `StepCa` and `EmbeddedCa` are two; any object with these methods is another.

    It is asked from several threads at once. What it issues is judged before it is used: the key that asked, exactly the
    names asked for, the usage, the dates, the way to its roots. What it raises is the cause of an `EnrollError`.
    """

    def describe(self) -> str:
        """Say which CA it is, for every report."""
        ...

    def anchors(self) -> Sequence[Anchor]:
        """Give the roots that lead to what it issues."""
        ...

    def health(self) -> Any:
        """Say that it is there; returns its version, or `None`."""
        ...

    # What the two of ours take is typed more closely than what is taken of others.
    @property
    def enroll(self) -> Any:
        """`enroll(request: Request) -> Issued | Chain`: issues a certificate."""
        ...

    @property
    def renew(self) -> Any:
        """`renew(current: Chain, request: Request) -> Issued | Chain`: one with the names and key of a current one."""
        ...


class OwnAuthority:
    """A CA to derive from: says what must be written.

    Everything of it may be called from several threads at once.
    """

    def describe(self) -> str:
        """Say which CA it is, for every report."""
        return type(self).__name__

    def anchors(self) -> Sequence[Anchor]:
        """Give the roots that lead to what it issues."""
        raise NotImplementedError

    def health(self) -> Optional[str]:
        """Say that it is there; returns its version, or `None`."""
        return None

    def enroll(self, request: Request) -> Union[Issued, Chain]:
        """Issue a certificate.

        Args:
            request: What is asked for. Its CSR is signed by the key that the certificate is for.

        Returns:
            The chain, leaf first.
        """
        raise NotImplementedError

    def renew(self, current: Chain, request: Request) -> Union[Issued, Chain]:
        """Issue a certificate with the names and the key of a current one; by default as `enroll` does.

        Args:
            current: The certificate that there is.
            request: What is asked for.

        Returns:
            The chain, leaf first.
        """
        return self.enroll(request)


class GuestShell(Protocol):
    """A way into one guest: runs words there as root. Everything that is done in a guest goes through `sh` there."""

    def run(
        self, argv: list[str], stdin: Optional[bytes], timeout: timedelta
    ) -> tuple[Optional[int], bytes, bytes]:
        """Run words in the guest, which are no secret, with bytes on standard input, which are one.

        Args:
            argv: Program and arguments.
            stdin: What it reads; nothing when `None`.
            timeout: After this long it is to be given up.

        Returns:
            Status, standard output and standard error; the status is `None` when it was given up.
        """
        ...
