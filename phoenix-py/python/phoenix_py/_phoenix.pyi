"""Native part of `phoenix_py`. Written by `phoenix-py/stubs` from the Rust sources: do not edit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any, Literal, Union, final, overload

from ._protocols import Authority, GuestShell

__version__: str
"""Version of phoenix-core and of these bindings."""

def _panic() -> None: ...

@final
class CertificateFacts:
    """What a new certificate is."""

    @property
    def not_before(self) -> datetime:
        """From when it is valid."""
    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
    @property
    def serial(self) -> str:
        """Its serial number, decimal."""
    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, hexadecimal."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CertificateFacts:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What a new certificate is.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class CertReport:
    """What was done with a certificate."""

    @property
    def act(self) -> Literal["csr", "issue", "renew", "rekey"]:
        """`csr`, `issue`, `renew` or `rekey`."""
    @property
    def common_name(self) -> str:
        """Its common name."""
    @property
    def names(self) -> tuple[str, ...]:
        """Its names."""
    @property
    def authority(self) -> str | None:
        """Which CA was asked."""
    @property
    def certificate(self) -> CertificateFacts | None:
        """The new certificate."""
    @property
    def request(self) -> str | None:
        """The request as PEM, where it goes into no file."""
    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were written."""
    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing."""
    @property
    def kept(self) -> str | None:
        """Why nothing was done."""
    @property
    def written(self) -> bool:
        """Whether anything was written."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CertReport:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What was done with a certificate.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RevokeReport:
    """What became of a revocation."""

    @property
    def serial(self) -> str:
        """The serial number, decimal."""
    @property
    def common_name(self) -> str | None:
        """The common name, where it is known."""
    @property
    def reason(self) -> str:
        """Why, by the names of RFC 5280."""
    @property
    def authority(self) -> str:
        """Which CA was asked."""
    @property
    def outcome(self) -> Literal["now", "already"] | None:
        """`now` or `already`; `None` where it was only shown."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RevokeReport:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What became of a revocation.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class InstalledCertificate:
    """A certificate of the manifest that is installed."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its names."""
    @property
    def issuer(self) -> str:
        """Who signed it."""
    @property
    def serial(self) -> str:
        """Its serial number, decimal."""
    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, hexadecimal."""
    @property
    def key_type(self) -> str | None:
        """The type of its key."""
    @property
    def not_before(self) -> datetime:
        """From when it is valid."""
    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
    @property
    def due(self) -> datetime:
        """When it is renewed."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> InstalledCertificate:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A certificate of the manifest that is installed.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ListedCertificate:
    """A certificate of the manifest as it lies on the host."""

    @property
    def certificate(self) -> str:
        """Its name."""
    @property
    def state(self) -> Literal["good", "due", "expired", "missing", "key-mismatch", "unreadable"]:
        """`good`, `due`, `expired`, `missing`, `key-mismatch` or `unreadable`."""
    @property
    def usage(self) -> Literal["server", "client"]:
        """`server` or `client`."""
    @property
    def cert_path(self) -> Path:
        """The chain's path."""
    @property
    def key_path(self) -> Path:
        """The key's path."""
    @property
    def delivered_to(self) -> tuple[str, ...]:
        """Where else it goes, `lxc:102:/etc/tls/web.crt`."""
    @property
    def installed(self) -> InstalledCertificate | None:
        """What is installed."""
    @property
    def trouble(self) -> str | None:
        """Why it cannot be read."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ListedCertificate:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A certificate of the manifest as it lies on the host.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class InspectedCertificate:
    """What was seen of one certificate."""

    @property
    def subject(self) -> str:
        """Its subject."""
    @property
    def issuer(self) -> str:
        """Who signed it."""
    @property
    def names(self) -> tuple[str, ...]:
        """Its names."""
    @property
    def is_ca(self) -> bool:
        """Whether it may sign others."""
    @property
    def key(self) -> str:
        """Its key: `EC P-256`."""
    @property
    def key_usage(self) -> tuple[str, ...]:
        """What its key may be used for, by the names of RFC 5280."""
    @property
    def extended_key_usage(self) -> tuple[str, ...]:
        """What it may identify, by the names of RFC 5280."""
    @property
    def path_length(self) -> int | None:
        """How many intermediates may stand below it."""
    @property
    def provisioner(self) -> str | None:
        """The step-ca provisioner that it came from."""
    @property
    def revocation_lists(self) -> tuple[str, ...]:
        """Where its issuer's revocation list is to be had."""
    @property
    def not_before(self) -> datetime:
        """From when it is valid."""
    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
    @property
    def state(self) -> Literal["valid", "expired", "not_yet_valid"]:
        """`valid`, `expired` or `not_yet_valid`."""
    @property
    def serial(self) -> str:
        """Its serial number, decimal."""
    @property
    def serial_hex(self) -> str:
        """Its serial number, hexadecimal."""
    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, hexadecimal."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> InspectedCertificate:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What was seen of one certificate.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class InspectedRequest:
    """What was seen of a request."""

    @property
    def common_name(self) -> str | None:
        """Its common name."""
    @property
    def names(self) -> tuple[str, ...]:
        """Its names."""
    @property
    def key(self) -> str:
        """Its key."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> InspectedRequest:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What was seen of a request.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class TrustVerdict:
    """Whether a root is led to."""

    @property
    def root(self) -> str:
        """The root's subject."""
    @property
    def fingerprint(self) -> str:
        """The root's fingerprint."""
    @property
    def from_(self) -> str:
        """Where the root comes from."""
    @property
    def fault(self) -> str | None:
        """What is wrong; `None` where all is well."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TrustVerdict:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Whether a root is led to.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Inspection:
    """What was seen in a file, or of a server."""

    @property
    def source(self) -> str:
        """What was looked at."""
    @property
    def certificates(self) -> tuple[InspectedCertificate, ...]:
        """The certificates."""
    @property
    def request(self) -> InspectedRequest | None:
        """The request, where it is one."""
    @property
    def trust(self) -> TrustVerdict | None:
        """Whether a root is led to, where one is known."""
    @property
    def key_fits(self) -> bool | None:
        """Whether the key belongs to it, where one was given."""
    @property
    def order(self) -> str | None:
        """What is wrong with the order of the certificates."""
    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Inspection:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What was seen in a file, or of a server.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Request:
    """What an `Authority` written in Python is asked for. The key itself never comes along: the CSR is signed with
    it.
    """

    @property
    def common_name(self) -> str:
        """The common name."""
    @property
    def names(self) -> tuple[str, ...]:
        """Exactly the names that the certificate must have."""
    @property
    def usage(self) -> Literal["server", "client"]:
        """`server` or `client`."""
    @property
    def validity(self) -> timedelta | None:
        """How long it shall live; `None` leaves it to the CA."""
    @property
    def csr(self) -> Csr:
        """The request, signed by the key that the certificate is for."""

@final
class Issued:
    """What a CA issued."""

    @property
    def chain(self) -> Chain:
        """The chain, leaf first."""
    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing."""
    def __new__(cls, chain: Chain, warnings: Sequence[str] = ...) -> Issued: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Health:
    """What a CA says about its health."""

    @property
    def at(self) -> str:
        """Where it is."""
    @property
    def version(self) -> str | None:
        """Its version."""
    @property
    def clock_skew(self) -> int | None:
        """How far its clock is ahead of ours, in seconds."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Health:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What a CA says about its health.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Provisioner:
    """A provisioner of step-ca."""

    @property
    def name(self) -> str:
        """Its name."""
    @property
    def kind(self) -> str:
        """Its kind, such as `JWK` or `ACME`."""
    @property
    def key_id(self) -> str | None:
        """The id of its key."""
    @property
    def key_type(self) -> str | None:
        """The type of its key."""
    @property
    def has_encrypted_key(self) -> bool:
        """Whether the CA keeps its key for whoever knows the password."""
    @property
    def claims(self) -> Any:
        """Its limits, as step-ca says them."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Provisioner:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A provisioner of step-ca.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class StepCa:
    """A client of step-ca."""

    def __new__(
        cls,
        urls: Sequence[str],
        roots: Sequence[Anchor],
        *,
        provisioner: str | None = None,
        password: Union[bytes, os.PathLike[str], Callable[[], bytes]] | None = None,
        server_name: str | None = None,
        proxy: str | None = None,
        connect_timeout: timedelta | None = None,
        request_timeout: timedelta | None = None,
        total_timeout: timedelta | None = None,
    ) -> StepCa: ...
    @staticmethod
    def bootstrap(url: str, fingerprint: str, *, server_name: str | None = None) -> Anchor:
        """Fetch the root of a step-ca by its fingerprint, which comes from its operator.

        Args:
            url: The CA's address, `https://ca.internal.example:9000`.
            fingerprint: SHA-256 of the root, hexadecimal, from the CA's operator.
            server_name: The name on the CA's certificate, where the address is another.

        Returns:
            A root, or another certificate of a CA.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
            ArgumentError: An argument has a value that cannot be used.
        """
    def describe(self) -> str:
        """Which CA it is, in words.

        Returns:
            The text.
        """
    def anchors(self) -> tuple[Anchor, ...]:
        """The roots that it is held to.

        Returns:
            Of each: a root, or another certificate of a CA.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def health(self) -> Health:
        """Ask whether it is there.

        Returns:
            What a CA says about its health.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def version(self) -> str:
        """Its version.

        Returns:
            The text.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def provisioners(self) -> tuple[Provisioner, ...]:
        """Its provisioners.

        Returns:
            Of each: a provisioner of step-ca.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def open_provisioner(self) -> str:
        """Try the provisioner's password; the provisioner's name.

        Returns:
            The text.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def roots(self) -> tuple[Anchor, ...]:
        """All its roots.

        Returns:
            Of each: a root, or another certificate of a CA.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def federation(self) -> tuple[Anchor, ...]:
        """The roots of the CAs that it is federated with.

        Returns:
            Of each: a root, or another certificate of a CA.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def intermediates(self) -> tuple[Anchor, ...]:
        """Its intermediates.

        Returns:
            Of each: a root, or another certificate of a CA.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def crl(self) -> Crl | None:
        """Its revocation list; `None` where it keeps none.

        Returns:
            A CA's revocation list, believed and still counting: a sequence. `None` where there is none.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def enroll(
        self,
        common_name: str,
        key: PrivateKey,
        *,
        sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...,
        usage: str = "server",
        validity: timedelta | None = None,
        token: bytes | None = None,
    ) -> Issued:
        """Get a certificate for a key, by a token of its own or one that is given.

        Args:
            common_name: The name that identifies it.
            key: The private key.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.
            usage: `server` or `client`.
            validity: How long it shall live; the CA's default by default.
            token: A one-time token that was got before.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
            ArgumentError: An argument has a value that cannot be used.
        """
    def renew(self, current: Chain, key: PrivateKey, *, by_token: bool = False) -> Issued:
        """Renew a certificate: its pair proves who asks; key, names and lifetime stay.

        Args:
            current: The certificate that there is.
            key: The private key.
            by_token: Show who asks by the provisioner's token instead of by the pair, as after its end.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def rekey(self, current: Chain, key: PrivateKey, new_key: PrivateKey) -> Issued:
        """Get a certificate with the names and lifetime of a current one for another key.

        Args:
            current: The certificate that there is.
            key: The private key.
            new_key: The key of the new certificate.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
        """
    def sign(
        self,
        csr: Csr,
        *,
        usage: str = "server",
        validity: timedelta | None = None,
        token: bytes | None = None,
    ) -> Issued:
        """Have a request signed whose key is elsewhere.

        Args:
            csr: The request.
            usage: `server` or `client`.
            validity: How long it shall live; the CA's default by default.
            token: A one-time token that was got before.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
            ArgumentError: An argument has a value that cannot be used.
        """
    def token(
        self,
        common_name: str,
        *,
        sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...,
        csr: Csr | None = None,
    ) -> bytes:
        """Make a token that lets somebody else get one certificate, within minutes. It is a secret.

        Args:
            common_name: The name that identifies it.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.
            csr: The request.

        Returns:
            The bytes.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
            ArgumentError: An argument has a value that cannot be used.
        """
    def revoke(self, serial: str, *, reason: str = "unspecified", words: str | None = None) -> str:
        """Revoke by serial number, decimal or `0x` hexadecimal; `now` or `already`.

        Args:
            serial: The serial number, decimal or `0x` hexadecimal.
            reason: Why, by the names of RFC 5280.
            words: Words that go with it.

        Returns:
            The text.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
            ArgumentError: An argument has a value that cannot be used.
        """
    def revoke_pair(
        self,
        chain: Chain,
        key: PrivateKey,
        *,
        reason: str = "unspecified",
        words: str | None = None,
    ) -> str:
        """Revoke a certificate whose pair proves that it may be asked for.

        Args:
            chain: The certificate with those above it.
            key: The private key.
            reason: Why, by the names of RFC 5280.
            words: Words that go with it.

        Returns:
            The text.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            UnreachableError: It did not answer.
            TrustError: Who answers is not the CA that is trusted.
            ArgumentError: An argument has a value that cannot be used.
        """

@final
class FileChange:
    """What became of one file."""

    @property
    def path(self) -> Path:
        """The file."""
    @property
    def reasons(self) -> tuple[str, ...]:
        """What was changed, in words."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing."""
    @property
    def diff(self) -> str:
        """The change as a unified diff."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> FileChange:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What became of one file.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ChangeReport(Sequence[FileChange]):
    """What an edit changed: a sequence of files."""

    @property
    def files(self) -> tuple[FileChange, ...]:
        """The files that change."""
    @property
    def written(self) -> bool:
        """Whether they were written."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> FileChange: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[FileChange, ...]: ...
    def __iter__(self) -> Iterator[FileChange]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[FileChange]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ChangeReport:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Edit:
    """One edit of a document, by JSON pointer. All operations of a change point into the text as it stands before
    any.
    """

    @staticmethod
    def set(pointer: str, value: Any) -> Edit:
        """Replace a value that is there.

        Args:
            pointer: A JSON pointer, `/0/sans/1`.
            value: Plain data.

        Returns:
            One edit of a document, by JSON pointer. All operations of a change point into the text as it stands
            before any.
        """
    @staticmethod
    def insert(pointer: str, value: Any, *, before: str | None = None, after: str | None = None) -> Edit:
        """Add a member or an element, before or after a neighbour that is named; `-` as the last part is behind all
        others.

        Args:
            pointer: A JSON pointer, `/0/sans/1`.
            value: Plain data.
            before: The neighbour before which it goes.
            after: The neighbour behind which it goes.

        Returns:
            One edit of a document, by JSON pointer. All operations of a change point into the text as it stands
            before any.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    @staticmethod
    def remove(pointer: str) -> Edit:
        """Remove an element or member.

        Args:
            pointer: A JSON pointer, `/0/sans/1`.

        Returns:
            One edit of a document, by JSON pointer. All operations of a change point into the text as it stands
            before any.
        """
    @staticmethod
    def move_to(pointer: str, *, before: str | None = None, after: str | None = None) -> Edit:
        """Move an element or member within its container.

        Args:
            pointer: A JSON pointer, `/0/sans/1`.
            before: The neighbour before which it goes.
            after: The neighbour behind which it goes.

        Returns:
            One edit of a document, by JSON pointer. All operations of a change point into the text as it stands
            before any.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    @property
    def pointer(self) -> str:
        """Where it works."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Finding:
    """One thing that a rule found, or that could not be read."""

    @property
    def code(self) -> str:
        """The rule's code, or that of the fault."""
    @property
    def severity(self) -> Literal["error", "warning", "note"]:
        """`error`, `warning` or `note`."""
    @property
    def message(self) -> str:
        """What was found and what was expected."""
    @property
    def places(self) -> tuple[Place, ...]:
        """Where; the first is the place itself, others explain it."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing."""
    @property
    def help(self) -> str | None:
        """What to do about it."""
    @property
    def name(self) -> str | None:
        """The rule's name; `None` where a file could not be read."""
    @property
    def fixable(self) -> bool:
        """Whether `check_fix` repairs it."""
    @property
    def place(self) -> Place | None:
        """The place itself, where there is one."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Finding:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One thing that a rule found, or that could not be read.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Findings(Sequence[Finding]):
    """What `check` found: a sequence of findings, by file and place."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be asked, what is left out, and of when what guests told is."""
    @property
    def has_errors(self) -> bool:
        """Whether one of them is an error."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Finding: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Finding, ...]: ...
    def __iter__(self) -> Iterator[Finding]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[Finding]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Findings:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What `check` found: a sequence of findings, by file and place.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RuleExample:
    """A piece of a file that is right, and what a rule finds in its place."""

    @property
    def file(self) -> str:
        """The file, below the site; or what is looked at beside it."""
    @property
    def good(self) -> str:
        """As it should be."""
    @property
    def bad(self) -> str:
        """As the rule finds it."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RuleExample:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A piece of a file that is right, and what a rule finds in its place.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class CheckRule:
    """A rule of `check`."""

    @property
    def code(self) -> str:
        """Its code, `PX001` and up."""
    @property
    def name(self) -> str:
        """Its name, in kebab case."""
    @property
    def severity(self) -> str:
        """How bad what it finds is."""
    @property
    def summary(self) -> str:
        """What it finds, in a few words."""
    @property
    def why(self) -> str:
        """Why that matters."""
    @property
    def mend(self) -> str:
        """What to do about it."""
    @property
    def example(self) -> RuleExample:
        """A piece of a file that is right, and what the rule finds in its place."""
    @property
    def needs(self) -> str:
        """What it asks beside the site's files: `site`, `host`, `guests` or `ca`."""
    @property
    def blocks(self) -> tuple[str, ...]:
        """The steps of a plan that are not begun while it finds something."""
    @property
    def fixable(self) -> bool:
        """Whether `check_fix` repairs it, at least where that is safe."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CheckRule:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A rule of `check`.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Deployed:
    """A pair that was put in its place."""

    @property
    def version(self) -> str:
        """The version that is served now."""
    @property
    def previous(self) -> str | None:
        """The version that was served before."""
    @property
    def directory(self) -> Path:
        """The directory of the version."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Deployed:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A pair that was put in its place.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class PairVersion:
    """One of the versions of a pair that are kept."""

    @property
    def name(self) -> str:
        """Its name."""
    @property
    def written(self) -> datetime:
        """When it was written."""
    @property
    def current(self) -> bool:
        """Whether it is the one that is served."""
    @property
    def serial(self) -> str | None:
        """The serial number of its leaf, decimal; `None` where that cannot be read."""
    @property
    def not_after(self) -> datetime | None:
        """When its leaf ends."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> PairVersion:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One of the versions of a pair that are kept.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Document:
    """A text of JSON, YAML or TOML, read without loss. Edits make another one: only the bytes that must change do."""

    @staticmethod
    def parse(
        text: Union[bytes, str],
        *,
        path: Union[str, os.PathLike[str]] | None = None,
        format: str | None = None,
    ) -> Document:
        """Read a text; `path` names it in messages and tells the notation.

        Args:
            text: The text.
            path: The name that it has in messages, whose ending tells the notation.
            format: `json`, `toml` or `yaml`; by the path's ending by default.

        Returns:
            A text of JSON, YAML or TOML, read without loss. Edits make another one: only the bytes that must change
            do.

        Raises:
            InputError: The text has faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    @property
    def path(self) -> Path:
        """The name that it has in messages."""
    @property
    def format(self) -> Literal["json", "toml", "yaml"]:
        """`json`, `toml` or `yaml`."""
    @property
    def text(self) -> str:
        """The text."""
    def value(self, pointer: str = "") -> Any:
        """The value at a JSON pointer, the whole by default; `KeyError` when there is none.

        Args:
            pointer: A JSON pointer, `/0/sans/1`.

        Returns:
            Plain data.

        Raises:
            KeyError: There is nothing there.
            InputError: The text has faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def place(self, pointer: str) -> Place:
        """Where the value at a JSON pointer stands; `KeyError` when there is none.

        Args:
            pointer: A JSON pointer, `/0/sans/1`.

        Returns:
            A place in a file.

        Raises:
            KeyError: There is nothing there.
            InputError: The text has faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def edited(self, edits: Sequence[Edit]) -> Document:
        """With these edits made: another document.

        Args:
            edits: The edits; all point into the text as it stands before any.

        Returns:
            A text of JSON, YAML or TOML, read without loss. Edits make another one: only the bytes that must change
            do.

        Raises:
            RefusedError: An edit cannot be made.
            InputError: The text has faults.
        """
    def diff(self, other: Document, *, context: int = 3) -> str:
        """What another text of the same file changes, as a unified diff.

        Args:
            other: The other text.
            context: Lines shown around a change.

        Returns:
            The text.
        """
    def __contains__(self, pointer: str, /) -> bool: ...
    def __getitem__(self, pointer: str, /) -> Any: ...
    @staticmethod
    def _parse(text: Union[bytes, str], path: Union[str, os.PathLike[str]], format: str) -> Document:
        """How pickle makes one again.

        Args:
            text: The text.
            path: The name that it has in messages, whose ending tells the notation.
            format: `json`, `toml` or `yaml`; by the path's ending by default.

        Returns:
            A text of JSON, YAML or TOML, read without loss. Edits make another one: only the bytes that must change
            do.

        Raises:
            InputError: The text has faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class EmbeddedCa:
    """A CA in a directory, made there when it is opened first."""

    @staticmethod
    def open(
        directory: Union[str, os.PathLike[str]],
        *,
        domains: Sequence[str] | None = None,
        networks: Sequence[Union[str, IPv4Network, IPv6Network]] | None = None,
        root: Union[str, os.PathLike[str]] | None = None,
    ) -> EmbeddedCa:
        """Open the CA in a directory, or make one there that may issue for these domains and networks; for all by
        default.

        Args:
            directory: The CA's directory.
            domains: Domains that it may issue for; all by default.
            networks: Networks that it may issue for; all by default.
            root: A copy of a whole host in which the directory is.

        Returns:
            A CA in a directory, made there when it is opened first.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
        """
    def describe(self) -> str:
        """Which CA it is, in words.

        Returns:
            The text.
        """
    @property
    def root(self) -> Anchor:
        """Its root."""
    @property
    def issuer(self) -> Anchor:
        """The certificate that signs leaves."""
    @property
    def permitted(self) -> str:
        """What it may issue for, in words."""
    def anchors(self) -> tuple[Anchor, ...]:
        """Its roots.

        Returns:
            Of each: a root, or another certificate of a CA.
        """
    def health(self) -> Health:
        """Whether it can issue.

        Returns:
            What a CA says about its health.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
        """
    def enroll(
        self,
        common_name: str,
        key: PrivateKey,
        *,
        sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...,
        usage: str = "server",
        validity: timedelta | None = None,
    ) -> Issued:
        """Issue a certificate for a key.

        Args:
            common_name: The name that identifies it.
            key: The private key.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.
            usage: `server` or `client`.
            validity: How long it shall live; the CA's default by default.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
            ArgumentError: An argument has a value that cannot be used.
        """
    def renew(self, current: Chain, key: PrivateKey) -> Issued:
        """Renew a certificate of its own for the same key.

        Args:
            current: The certificate that there is.
            key: The private key.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
        """
    def rekey(self, current: Chain, new_key: PrivateKey) -> Issued:
        """Issue a certificate with the names and lifetime of a current one of its own for another key.

        Args:
            current: The certificate that there is.
            new_key: The key of the new certificate.

        Returns:
            What a CA issued.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
        """
    def revoke(self, serial: str, *, reason: str = "unspecified") -> str:
        """Revoke by serial number, decimal or `0x` hexadecimal; `now` or `already`.

        Args:
            serial: The serial number, decimal or `0x` hexadecimal.
            reason: Why, by the names of RFC 5280.

        Returns:
            The text.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
            ArgumentError: An argument has a value that cannot be used.
        """
    def crl(self) -> Crl:
        """Its revocation list.

        Returns:
            A CA's revocation list, believed and still counting: a sequence.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
        """
    @staticmethod
    def set_aside(
        directory: Union[str, os.PathLike[str]],
        *,
        root: Union[str, os.PathLike[str]] | None = None,
    ) -> Path:
        """Move the CA in a directory aside, so that another can be made there; where it lies then.

        Args:
            directory: The CA's directory.
            root: A copy of a whole host in which the directory is.

        Returns:
            Where it lies then.

        Raises:
            EnrollError: The CA cannot be used, or may not issue this.
        """

@final
class Place:
    """A place in a file."""

    @property
    def file(self) -> Path:
        """The file."""
    @property
    def line(self) -> int:
        """The line, the first is 1; 0 where the whole file is meant."""
    @property
    def column(self) -> int:
        """The column in characters, the first is 1; 0 where the whole file is meant."""
    @property
    def span(self) -> ByteRange:
        """The bytes that are meant."""
    @property
    def pointer(self) -> str | None:
        """The place as a JSON pointer, where the file has such places."""
    @property
    def label(self) -> str | None:
        """What is said about the place."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Place:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A place in a file.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ByteRange:
    """A range of bytes."""

    @property
    def start(self) -> int:
        """The first byte."""
    @property
    def end(self) -> int:
        """The byte behind the last one."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ByteRange:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A range of bytes.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Fault:
    """One fault of an input."""

    @property
    def code(self) -> str:
        """Stable name of the kind of fault."""
    @property
    def severity(self) -> Literal["error", "warning", "note"]:
        """`error`, `warning` or `note`."""
    @property
    def message(self) -> str:
        """What was found and what was expected."""
    @property
    def places(self) -> tuple[Place, ...]:
        """Where; the first is the place itself, others explain it."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing."""
    @property
    def help(self) -> str | None:
        """What to do about it."""
    @property
    def place(self) -> Place | None:
        """The place itself, where there is one."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Fault:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One fault of an input.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class PlacementFacts:
    """A place of a pair, as it was found."""

    @property
    def state(self) -> Literal["right", "missing", "differs", "resting", "unseen"]:
        """`right`, `missing`, `differs`, `resting` or `unseen`."""
    @property
    def detail(self) -> str | None:
        """What differs, or why it cannot be seen."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> PlacementFacts:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A place of a pair, as it was found.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class PairFacts:
    """A pair of the manifest, as it was found."""

    @property
    def certificate(self) -> str:
        """Its name."""
    @property
    def state(self) -> Literal["present", "missing", "unreadable"]:
        """`present`, `missing` or `unreadable`."""
    @property
    def detail(self) -> str | None:
        """Why it cannot be read."""
    @property
    def key_matches(self) -> bool | None:
        """Whether the key belongs to the certificate; `None` where there is none."""
    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of its leaf."""
    @property
    def not_after(self) -> datetime | None:
        """When its leaf ends."""
    @property
    def untrusted(self) -> str | None:
        """Why it is not to be trusted."""
    @property
    def candidate(self) -> bool:
        """Whether a newer pair waits to be deployed."""
    @property
    def held_until(self) -> datetime | None:
        """Until when it stays, because an operator brought it back."""
    @property
    def placements(self) -> tuple[PlacementFacts, ...]:
        """Its places, the host's first."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> PairFacts:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A pair of the manifest, as it was found.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class GuestFacts:
    """A guest, as it was found."""

    @property
    def guest(self) -> str:
        """The guest: `lxc:102` or `vm:1001`."""
    @property
    def down(self) -> str | None:
        """Why it could not be asked; `None` when it was."""
    @property
    def docker_state(self) -> str | None:
        """What systemd says of Docker there, where it is asked about."""
    @property
    def docker_version(self) -> str | None:
        """Docker's version."""
    @property
    def traefik_state(self) -> str | None:
        """What systemd says of Traefik there, where it is asked about."""
    @property
    def traefik_version(self) -> str | None:
        """Traefik's version."""
    @property
    def served(self) -> str | None:
        """The fingerprint of the leaf that Docker serves."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> GuestFacts:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A guest, as it was found.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Inventory(Sequence[PairFacts]):
    """What is there: a sequence of the manifest's pairs, with guests, roots and what is pending."""

    @property
    def guests(self) -> tuple[GuestFacts, ...]:
        """The guests."""
    @property
    def roots(self) -> tuple[Anchor, ...]:
        """The roots that are trusted."""
    @property
    def pending(self) -> tuple[Pending, ...]:
        """What earlier runs left to be done."""
    @property
    def pairs(self) -> tuple[PairFacts, ...]:
        """The manifest's pairs, by name."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> PairFacts: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[PairFacts, ...]: ...
    def __iter__(self) -> Iterator[PairFacts]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[PairFacts]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class PrivateKey:
    """A private key. It is shown nowhere, cannot be pickled, and is overwritten with zeros when it goes."""

    @staticmethod
    def generate(key_type: str = "ec-p256") -> PrivateKey:
        """Make a key: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.

        Args:
            key_type: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.

        Returns:
            A private key. It is shown nowhere, cannot be pickled, and is overwritten with zeros when it goes.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    @staticmethod
    def from_pem(pem: Union[bytes, str]) -> PrivateKey:
        """Read the one unencrypted key of a PEM text.

        Args:
            pem: Text in PEM.

        Returns:
            A private key. It is shown nowhere, cannot be pickled, and is overwritten with zeros when it goes.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    def secret_pem(self) -> bytes:
        """The key itself as PEM: whoever has it is whom it identifies.

        Returns:
            The bytes.
        """
    @property
    def public_key(self) -> bytes:
        """The public half, `SubjectPublicKeyInfo` in DER."""
    @property
    def key_type(self) -> str | None:
        """Its type; `None` for one that is not made here."""
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Csr:
    """A request for a certificate, signed by the key that it is for."""

    @staticmethod
    def create(key: PrivateKey, common_name: str, sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...) -> Csr:
        """Make one.

        Args:
            key: The private key.
            common_name: The name that identifies it.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.

        Returns:
            A request for a certificate, signed by the key that it is for.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    @staticmethod
    def from_pem(pem: Union[bytes, str]) -> Csr:
        """Read the one request of a PEM text; its signature is checked.

        Args:
            pem: Text in PEM.

        Returns:
            A request for a certificate, signed by the key that it is for.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    @property
    def common_name(self) -> str | None:
        """The common name that it asks for."""
    @property
    def names(self) -> tuple[str, ...]:
        """The names that it asks for."""
    @property
    def key_type(self) -> str | None:
        """The type of its key."""
    @property
    def public_key(self) -> bytes:
        """Its public key, `SubjectPublicKeyInfo` in DER."""
    def to_pem(self) -> bytes:
        """It as PEM.

        Returns:
            The bytes.
        """
    def to_der(self) -> bytes:
        """It as DER.

        Returns:
            The bytes.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Target:
    """A place of a pair inside a guest."""

    @property
    def guest(self) -> str:
        """The guest: `lxc:102` or `vm:1001`."""
    @property
    def cert(self) -> Path:
        """The chain's path there."""
    @property
    def key(self) -> Path:
        """The key's path there."""
    @property
    def ca(self) -> Path | None:
        """The root's path there."""
    @property
    def owner(self) -> str:
        """Owner, by the guest's names."""
    @property
    def permissions(self) -> str:
        """Mode of certificate and root, octal."""
    @property
    def key_permissions(self) -> str:
        """Mode of the key, octal."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Target:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A place of a pair inside a guest.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Hook:
    """What is run after a deployment."""

    @property
    def command(self) -> str:
        """The command as one line."""
    @property
    def argv(self) -> tuple[str, ...]:
        """The words that are executed."""
    @property
    def timeout(self) -> timedelta:
        """After this long it is killed."""
    @property
    def only_if_running(self) -> bool:
        """Whether it is left out while its guest does not run."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Hook:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What is run after a deployment.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Verification:
    """Where the served leaf can be seen."""

    @property
    def address(self) -> str:
        """Host and port."""
    @property
    def server_name(self) -> str:
        """The name that is asked for."""
    @property
    def client(self) -> str | None:
        """The entry whose pair identifies us there."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Verification:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Where the served leaf can be seen.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

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
    def ca_path(self) -> Path | None:
        """Where the root is written as well."""
    @property
    def owner(self) -> str:
        """Owner of the files, `user:group`."""
    @property
    def permissions(self) -> str:
        """Mode of the certificate, octal."""
    @property
    def key_permissions(self) -> str:
        """Mode of the key, octal; stated, or derived so that the key is not opened."""
    @property
    def cert_type(self) -> Literal["server", "client"]:
        """`server` or `client`: the usage that the leaf must carry."""
    @property
    def validity(self) -> timedelta | None:
        """How long it shall live; the CA's default when absent."""
    @property
    def renew_before(self) -> str | None:
        """When it becomes due, `1/3` or `8h`; the site's policy when absent."""
    @property
    def key_type(self) -> str:
        """Type of the key, such as `ec-p256`."""
    @property
    def deploy(self) -> tuple[Target, ...]:
        """Further places of the pair, inside guests."""
    @property
    def hook(self) -> Hook | None:
        """What is run after a deployment."""
    @property
    def after(self) -> tuple[str, ...]:
        """Certificates that must have been deployed before."""
    @property
    def keep(self) -> int | None:
        """Previous versions that are kept; the site's setting when absent."""
    @property
    def rekey(self) -> str:
        """When the key is replaced: `never`, `always` or an age."""
    @property
    def verify(self) -> Verification | None:
        """Where the served leaf can be seen."""
    @property
    def old_guest(self) -> str | None:
        """Old delivery: the guest in whose `/tmp` the files appear while the hook runs."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Entry:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One certificate that is wanted; immutable, compared by its values.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Manifest(Sequence[Entry]):
    """The certificates wanted: a sequence of entries, in the order of the file."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries."""
    @staticmethod
    def load(path: Union[str, os.PathLike[str]]) -> Manifest:
        """Read a manifest: `ManifestError` has all its faults, `OSError` says that it cannot be read.

        Args:
            path: The manifest's file.

        Returns:
            The certificates wanted: a sequence of entries, in the order of the file.

        Raises:
            OSError: The file cannot be read.
            ManifestError: The manifest has faults, all of them in `faults`.
        """
    @staticmethod
    def parse(text: str, *, path: Union[str, os.PathLike[str]] | None = None) -> Manifest:
        """Read a manifest from its text.

        Args:
            text: The text.
            path: The manifest's file.

        Returns:
            The certificates wanted: a sequence of entries, in the order of the file.

        Raises:
            ManifestError: The manifest has faults, all of them in `faults`.
            ArgumentError: An argument has a value that cannot be used.
        """
    @staticmethod
    def schema() -> dict[str, Any]:
        """The JSON Schema of the manifest, as plain data.

        Returns:
            Plain data.

        Raises:
            ManifestError: The manifest has faults, all of them in `faults`.
        """
    def entry(self, name: str) -> Entry:
        """The entry of this name; `KeyError` when there is none.

        Args:
            name: The common name.

        Returns:
            One certificate that is wanted; immutable, compared by its values.

        Raises:
            KeyError: There is none.
            ManifestError: The manifest has faults, all of them in `faults`.
            ArgumentError: An argument has a value that cannot be used.
        """
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Entry: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Entry, ...]: ...
    def __iter__(self) -> Iterator[Entry]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[Entry]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Manifest:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            The certificates wanted: a sequence of entries, in the order of the file.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Step:
    """One thing that a run would do."""

    @property
    def id(self) -> str:
        """Its name within the plan."""
    @property
    def kind(self) -> str:
        """What is done: `issue`, `deploy`, `verify` and so on."""
    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in words."""
    @property
    def needs(self) -> tuple[str, ...]:
        """Steps that must have succeeded before."""
    @property
    def after(self) -> tuple[str, ...]:
        """Steps that must have ended before, whether well or not."""
    @property
    def unit(self) -> str | None:
        """Steps with the same unit stand or fall together."""
    @property
    def certificate(self) -> str | None:
        """The certificate that it is about."""
    @property
    def changes(self) -> bool:
        """Whether it changes anything, or only looks."""
    @property
    def undo(self) -> str | None:
        """How it is taken back."""
    @property
    def action(self) -> Any:
        """The action with all its values, as the command line's JSON has it."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Step:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One thing that a run would do.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Kept:
    """A certificate that needs nothing."""

    @property
    def certificate(self) -> str:
        """The certificate."""
    @property
    def due(self) -> datetime:
        """When it is renewed."""
    @property
    def held(self) -> bool:
        """Whether it is due and waits only for the time of day at which a daemon may be restarted."""
    @property
    def not_after(self) -> datetime:
        """When it ends."""
    @property
    def brought_back(self) -> datetime | None:
        """When an operator brought it back."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Kept:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A certificate that needs nothing.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Blocked:
    """Something that cannot be decided or done now."""

    @property
    def subject(self) -> str:
        """The certificate or guest that is concerned."""
    @property
    def reason(self) -> str:
        """Why."""
    @property
    def certificate(self) -> str | None:
        """The certificate, where it is one."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Blocked:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Something that cannot be decided or done now.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Plan:
    """What a run would do, and why: a sequence of steps, in an order in which they can be done."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, in an order in which they can be done."""
    @property
    def kept(self) -> tuple[Kept, ...]:
        """Certificates that need nothing, and until when."""
    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """What cannot be decided or done now."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What is left out on purpose."""
    @property
    def decided(self) -> datetime:
        """When it was decided."""
    @property
    def authority(self) -> str:
        """Which CA would be asked, in words."""
    @property
    def has_work(self) -> bool:
        """Whether there is something to do apart from looking."""
    def to_dict(self) -> dict[str, Any]:
        """The whole plan as plain data, as `phoenix plan --output-format json` prints it: `Site.apply` takes it
        back.

        Returns:
            Plain data.
        """
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Step]: ...
    @overload
    def __getitem__(self, index: int | str, /) -> Step: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Step, ...]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Event:
    """One thing that happened during a run."""

    @property
    def kind(self) -> Literal["started", "finished", "note"]:
        """`started`, `finished` or `note`."""
    @property
    def step(self) -> str | None:
        """The step's name; `None` for a note."""
    @property
    def text(self) -> str:
        """What happens or happened, in words."""
    @property
    def ok(self) -> bool | None:
        """Whether a finished step did what it was to do."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Event:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One thing that happened during a run.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Probe:
    """One question asked of a running service, and what was seen."""

    @property
    def name(self) -> str:
        """Stable name: subject and question, such as `docker/no-certificate`."""
    @property
    def expected(self) -> str:
        """What had to be seen."""
    @property
    def seen(self) -> str:
        """What was seen."""
    @property
    def verdict(self) -> Literal["passed", "failed", "noted", "skipped", "unreachable"]:
        """`passed`, `failed`, `noted`, `skipped` or `unreachable`."""
    @property
    def why(self) -> str | None:
        """Why it was skipped."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Probe:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One question asked of a running service, and what was seen.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class LeafChange:
    """A leaf that took another's place."""

    @property
    def old(self) -> str | None:
        """The fingerprint of the one before, where there was one."""
    @property
    def new(self) -> str:
        """The fingerprint of the one now."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> LeafChange:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A leaf that took another's place.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Outcome:
    """How one step ended."""

    @property
    def step(self) -> str:
        """The step's name."""
    @property
    def status(self) -> Literal["done", "failed", "skipped", "undone", "would-run"]:
        """`done`, `failed`, `skipped`, `undone` or `would-run`."""
    @property
    def changes(self) -> bool:
        """Whether the step is one that changes anything, or only looks."""
    @property
    def detail(self) -> str:
        """What it saw or did, in words."""
    @property
    def errors(self) -> tuple[str, ...]:
        """Why it failed: the message first, then its causes."""
    @property
    def hint(self) -> str | None:
        """What to do about it."""
    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing although the step did its work."""
    @property
    def certificate(self) -> str | None:
        """The certificate that it was about."""
    @property
    def leaf(self) -> LeafChange | None:
        """The leaf that took another's place."""
    @property
    def probes(self) -> tuple[Probe, ...]:
        """What the probes of a verification saw."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Outcome:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            How one step ended.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Report(Sequence[Outcome]):
    """What a whole run did: a sequence of outcomes, in the order in which the steps were run."""

    @property
    def authority(self) -> str:
        """Which CA was asked, in words."""
    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Outcomes, in the order in which the steps were run."""
    @property
    def kept(self) -> tuple[Kept, ...]:
        """Certificates that needed nothing."""
    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """What could not be done now."""
    @property
    def recovered(self) -> tuple[str, ...]:
        """What was found and done about an earlier run's remains."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out on purpose."""
    @property
    def unfinished(self) -> str | None:
        """Whether Docker has moved and the rest has not: the run is to be repeated."""
    @property
    def ok(self) -> bool:
        """Whether everything holds that was asked for."""
    @property
    def exit_status(self) -> int:
        """0 when everything holds, else 1."""
    @property
    def changes_done(self) -> int:
        """How many steps changed something."""
    def raise_for_status(self) -> None:
        """Raise what the first step that failed stands for, where the run did not do all that was asked for.

        Raises:
            PhoenixError: What failed: `EnrollError`, `DeployError`, `HookError`, `VerifyError`, `FirewallError` or
            `RunError`.
        """
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Outcome, ...]: ...
    def __iter__(self) -> Iterator[Outcome]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[Outcome]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Report:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What a whole run did: a sequence of outcomes, in the order in which the steps were run.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Pending:
    """Something that an earlier run left to be done."""

    @property
    def id(self) -> str:
        """Its id, which names it for `retry_pending` and `drop_pending`."""
    @property
    def kind(self) -> Any:
        """What it is, with its values: `kind` is `hook`, `pair`, `restart` or `verify`."""
    @property
    def since(self) -> datetime:
        """Since when."""
    @property
    def tries(self) -> int:
        """How often it was tried."""
    @property
    def last_try(self) -> datetime | None:
        """When it was tried last."""
    @property
    def last_error(self) -> str | None:
        """What the last try said."""
    @property
    def next_try(self) -> datetime | None:
        """Before this an unattended run leaves it alone."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Pending:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Something that an earlier run left to be done.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class PlaceStatus:
    """One of a certificate's places."""

    @property
    def place(self) -> str:
        """Where."""
    @property
    def good(self) -> bool:
        """Whether the pair there is the one that it should be."""
    @property
    def detail(self) -> str:
        """What is wrong, or why it cannot be seen."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> PlaceStatus:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            One of a certificate's places.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class CertificateStatus:
    """How one certificate stands."""

    @property
    def certificate(self) -> str:
        """Its name."""
    @property
    def state(self) -> Literal["good", "work", "expired", "missing", "unreadable"]:
        """`good`, `work`, `expired`, `missing` or `unreadable`."""
    @property
    def not_after(self) -> datetime | None:
        """When it ends; `None` when nothing readable is installed."""
    @property
    def due(self) -> datetime | None:
        """When it is renewed."""
    @property
    def held(self) -> bool:
        """Whether it is due and waits only for the time of day at which a daemon may be restarted."""
    @property
    def places(self) -> tuple[PlaceStatus, ...]:
        """The places where it belongs."""
    @property
    def work(self) -> tuple[str, ...]:
        """What a run would do about it, and why."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CertificateStatus:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            How one certificate stands.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class LastRun:
    """What the last run came to."""

    @property
    def started(self) -> datetime:
        """When it began."""
    @property
    def ended(self) -> datetime:
        """When it ended."""
    @property
    def exit_status(self) -> int:
        """Its exit status."""
    @property
    def done(self) -> int:
        """How many steps it did."""
    @property
    def failed(self) -> tuple[str, ...]:
        """The steps that failed."""
    @property
    def error(self) -> str | None:
        """What stopped it."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> LastRun:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What the last run came to.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class SiteStatus(Sequence[CertificateStatus]):
    """How a site stands: a sequence of its certificates, in the order of the manifest."""

    @property
    def seen(self) -> datetime:
        """When it was looked at."""
    @property
    def authority(self) -> str:
        """Which CA is in use, in words."""
    @property
    def certificates(self) -> tuple[CertificateStatus, ...]:
        """Each certificate, in the order of the manifest."""
    @property
    def pending(self) -> tuple[Pending, ...]:
        """What earlier runs left to be done."""
    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """What cannot be seen or done now."""
    @property
    def last_run(self) -> LastRun | None:
        """What the last run came to."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> CertificateStatus: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[CertificateStatus, ...]: ...
    def __iter__(self) -> Iterator[CertificateStatus]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[CertificateStatus]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> SiteStatus:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            How a site stands: a sequence of its certificates, in the order of the manifest.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Rule:
    """A firewall rule. Addresses, ports and protocols are in Proxmox's words."""

    @property
    def direction(self) -> Literal["in", "out", "forward", "group"]:
        """`in`, `out`, `forward` or `group`."""
    @property
    def action(self) -> str:
        """`ACCEPT`, `DROP`, `REJECT`, or the name of the security group."""
    @property
    def macro_name(self) -> str | None:
        """A named set of protocols and ports, such as `SSH`."""
    @property
    def iface(self) -> str | None:
        """The interface: `net0` of a guest."""
    @property
    def source(self) -> str | None:
        """Where the traffic comes from; everywhere when absent."""
    @property
    def dest(self) -> str | None:
        """Where it goes to; everywhere when absent."""
    @property
    def proto(self) -> str | None:
        """Protocol, by name or number."""
    @property
    def port(self) -> str | None:
        """Destination ports: `2376`, `80,443`, `8000:8010`."""
    @property
    def sport(self) -> str | None:
        """Source ports."""
    @property
    def icmp_type(self) -> str | None:
        """Kind of ICMP message, such as `echo-request`."""
    @property
    def log(self) -> str | None:
        """What Proxmox logs of it, such as `info`."""
    @property
    def enabled(self) -> bool:
        """`False` switches the rule off."""
    @property
    def comment(self) -> str | None:
        """What the rule is for."""
    def __new__(
        cls,
        direction: str,
        action: str,
        *,
        macro_name: str | None = None,
        iface: str | None = None,
        source: Union[str, IPv4Address, IPv6Address] | None = None,
        dest: Union[str, IPv4Address, IPv6Address] | None = None,
        proto: str | None = None,
        port: Union[str, int] | None = None,
        sport: Union[str, int] | None = None,
        icmp_type: str | None = None,
        log: str | None = None,
        enabled: bool = True,
        comment: str | None = None,
    ) -> Rule: ...
    def problems(self, scope: str = "guest") -> tuple[RuleProblem, ...]:
        """What Proxmox would make of it in a list: `guest`, `host`, `cluster` or `group`.

        Args:
            scope: Whose list it would stand in: `guest`, `host`, `cluster` or `group`.

        Returns:
            Of each: what Proxmox would make of a rule that is not quite right.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Rule:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A firewall rule. Addresses, ports and protocols are in Proxmox's words.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RuleProblem:
    """What Proxmox would make of a rule that is not quite right."""

    @property
    def field(self) -> str:
        """The field."""
    @property
    def severity(self) -> Literal["error", "warning", "note"]:
        """`error`, `warning` or `note`."""
    @property
    def message(self) -> str:
        """What was found and what was expected."""
    @property
    def help(self) -> str | None:
        """What to do about it."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RuleProblem:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What Proxmox would make of a rule that is not quite right.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Selector:
    """Which rules are meant, by what they say; what is not stated does not matter."""

    @property
    def direction(self) -> Literal["in", "out", "forward", "group"] | None:
        """`in`, `out`, `forward` or `group`."""
    @property
    def action(self) -> Literal["ACCEPT", "DROP", "REJECT"] | None:
        """`ACCEPT`, `DROP` or `REJECT`."""
    @property
    def proto(self) -> str | None:
        """Protocol."""
    @property
    def port(self) -> str | None:
        """A port that the rule names; several, separated by commas: just these."""
    @property
    def source(self) -> str | None:
        """Source, in any spelling."""
    @property
    def dest(self) -> str | None:
        """Destination, in any spelling."""
    @property
    def comment(self) -> str | None:
        """The whole comment."""
    @property
    def index(self) -> int | None:
        """The rule's number in its list, the first is 0."""
    def __new__(
        cls,
        *,
        direction: str | None = None,
        action: str | None = None,
        proto: str | None = None,
        port: Union[str, int] | None = None,
        source: Union[str, IPv4Address, IPv6Address] | None = None,
        dest: Union[str, IPv4Address, IPv6Address] | None = None,
        comment: str | None = None,
        index: int | None = None,
    ) -> Selector: ...
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Selector:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Which rules are meant, by what they say; what is not stated does not matter.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ListedRule:
    """A rule where it stands."""

    @property
    def index(self) -> int:
        """Its number in its list, the first is 0."""
    @property
    def place(self) -> Place:
        """Where it stands."""
    @property
    def rule(self) -> Rule:
        """What it says."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ListedRule:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A rule where it stands.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RuleList(Sequence[ListedRule]):
    """The rules of one guest or of the host: a sequence."""

    @property
    def target(self) -> str:
        """Whose: `vm:1001`, `lxc:102` or `global`."""
    @property
    def file(self) -> Path:
        """The file."""
    @property
    def enabled(self) -> bool | None:
        """Whether its firewall is on; `None` where the file does not say."""
    @property
    def rules(self) -> tuple[ListedRule, ...]:
        """The rules."""
    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the list."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> ListedRule: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[ListedRule, ...]: ...
    def __iter__(self) -> Iterator[ListedRule]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[ListedRule]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RuleList:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            The rules of one guest or of the host: a sequence.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class FirewallVerdict:
    """A verdict about one connection, and what decided."""

    @property
    def from_(self) -> str:
        """From whom."""
    @property
    def source(self) -> str:
        """The source address."""
    @property
    def to(self) -> str:
        """To whom."""
    @property
    def dest(self) -> str:
        """The destination address."""
    @property
    def proto(self) -> str:
        """Protocol."""
    @property
    def port(self) -> int | None:
        """Port, where the protocol has ports."""
    @property
    def verdict(self) -> Literal["ACCEPT", "DROP", "REJECT"]:
        """`ACCEPT`, `DROP` or `REJECT`."""
    @property
    def decision(self) -> Any:
        """What decided: `rule`, `policy`, `implicit` or `off`, with its values."""
    @property
    def list(self) -> str | None:
        """Whose list the deciding rule stands in."""
    @property
    def rule(self) -> ListedRule | None:
        """The deciding rule, where it was one."""
    @property
    def admitted(self) -> bool:
        """Whether the connection is admitted."""
    @property
    def source_address(self) -> IPv4Address | IPv6Address:
        """The source address, as `ipaddress` has it."""
    @property
    def dest_address(self) -> IPv4Address | IPv6Address:
        """The destination address, as `ipaddress` has it."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> FirewallVerdict:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A verdict about one connection, and what decided.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class MatrixCell:
    """What one end reaches of another."""

    @property
    def from_(self) -> str:
        """From whom."""
    @property
    def to(self) -> str:
        """To whom."""
    @property
    def tcp(self) -> str:
        """TCP ports, in Proxmox's words."""
    @property
    def udp(self) -> str:
        """UDP ports."""
    @property
    def ping(self) -> bool:
        """Whether a ping comes through."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> MatrixCell:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What one end reaches of another.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class MatrixChange:
    """What differs from what Proxmox's files admit now."""

    @property
    def from_(self) -> str:
        """From whom."""
    @property
    def to(self) -> str:
        """To whom."""
    @property
    def before(self) -> MatrixCell | None:
        """Now."""
    @property
    def after(self) -> MatrixCell | None:
        """By the site's files."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> MatrixChange:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What differs from what Proxmox's files admit now.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Matrix(Sequence[MatrixCell]):
    """Who reaches what: a sequence of cells."""

    @property
    def cells(self) -> tuple[MatrixCell, ...]:
        """Each pair of ends between which something is admitted."""
    @property
    def changes(self) -> tuple[MatrixChange, ...] | None:
        """What differs from what Proxmox's files admit now; `None` where there are none."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> MatrixCell: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[MatrixCell, ...]: ...
    def __iter__(self) -> Iterator[MatrixCell]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[MatrixCell]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Matrix:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Who reaches what: a sequence of cells.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class FirewallTrial:
    """Rules put in force until they are confirmed or taken back."""

    @property
    def files(self) -> tuple[FileChange, ...]:
        """The files that change."""
    @property
    def written(self) -> bool:
        """Whether they were written."""
    @property
    def until(self) -> datetime | None:
        """Until when they wait for their confirmation; `None` where nothing had to change."""
    @property
    def in_force(self) -> str | None:
        """How Proxmox took them, in words."""
    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing."""
    @property
    def end(self) -> str | None:
        """`confirmed` or `reverted`, where it has ended."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> FirewallTrial:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Rules put in force until they are confirmed or taken back.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RecoveredTransaction:
    """A change of several files that an earlier run left unfinished."""

    @property
    def outcome(self) -> Literal["completed", "rolled-back"]:
        """`completed` or `rolled-back`."""
    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
    @property
    def foreign(self) -> tuple[Path, ...]:
        """Files that somebody else has changed since: left alone."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RecoveredTransaction:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A change of several files that an earlier run left unfinished.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class TakenBack:
    """A change of the firewall that was taken back."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Its files."""
    @property
    def foreign(self) -> tuple[Path, ...]:
        """Files that somebody else has changed since: left alone."""
    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth knowing."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> TakenBack:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A change of the firewall that was taken back.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Recovery:
    """What was found and done about an earlier run's remains."""

    @property
    def transactions(self) -> tuple[RecoveredTransaction, ...]:
        """Changes of several files."""
    @property
    def firewall(self) -> TakenBack | None:
        """A change of the firewall that nobody confirmed."""
    @property
    def waits_until(self) -> datetime | None:
        """Until when a change of the firewall waits for its confirmation."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Recovery:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What was found and done about an earlier run's remains.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Site:
    """A site: the operator's files and Phoenix's state. Its files are read by each method anew."""

    def certs(self, only: Sequence[str] = ..., *, in_need: bool = False) -> tuple[ListedCertificate, ...]:
        """The manifest's certificates as they lie on the host; only those named, or only those in need.

        Args:
            only: Names of certificates; all when there is none.
            in_need: Only those that need something.

        Returns:
            Of each: a certificate of the manifest as it lies on the host.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def csr(
        self,
        common_name: str,
        key_path: Union[str, os.PathLike[str]],
        *,
        sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...,
        key_type: str = "ec-p256",
        out: Union[str, os.PathLike[str]] | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> CertReport:
        """Make a request; a key that is not there is made.

        Args:
            common_name: The name that identifies it.
            key_path: The private key's file.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.
            key_type: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.
            out: The file that is written.
            force: Do it although it is not due, or although something is in the way.
            dry_run: Say what would be done, write nothing.

        Returns:
            What was done with a certificate.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def issue(
        self,
        cert_path: Union[str, os.PathLike[str]],
        *,
        common_name: str | None = None,
        sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...,
        key_path: Union[str, os.PathLike[str]] | None = None,
        key_type: str | None = None,
        csr_path: Union[str, os.PathLike[str]] | None = None,
        usage: str = "server",
        validity: timedelta | None = None,
        token: Union[bytes, os.PathLike[str], Callable[[], bytes]] | None = None,
        ca: Union[Ca, Authority] | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> CertReport:
        """Get a certificate into files: for a new key, for one that is there, or for a request.

        Args:
            cert_path: The certificate's file: the chain, leaf first.
            common_name: The name that identifies it.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.
            key_path: The private key's file.
            key_type: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.
            csr_path: A file with a request, whose key is elsewhere.
            usage: `server` or `client`.
            validity: How long it shall live; the CA's default by default.
            token: A one-time token that was got before.
            ca: Another CA than the site's: a `Ca`, or one that the program brings.
            force: Do it although it is not due, or although something is in the way.
            dry_run: Say what would be done, write nothing.

        Returns:
            What was done with a certificate.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def renew(
        self,
        cert_path: Union[str, os.PathLike[str]],
        key_path: Union[str, os.PathLike[str]],
        *,
        out: Union[str, os.PathLike[str]] | None = None,
        within: str | None = None,
        by: str = "auto",
        ca: Union[Ca, Authority] | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> CertReport:
        """Renew a certificate in its file; `within` (`1/3`, `8h`) leaves one alone that is not due.

        Args:
            cert_path: The certificate's file: the chain, leaf first.
            key_path: The private key's file.
            out: The file that is written.
            within: How long the confirmation may take; or how long before the end a certificate is due.
            by: How to show who asks: `auto`, `certificate` or `token`.
            ca: Another CA than the site's: a `Ca`, or one that the program brings.
            force: Do it although it is not due, or although something is in the way.
            dry_run: Say what would be done, write nothing.

        Returns:
            What was done with a certificate.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def rekey(
        self,
        cert_path: Union[str, os.PathLike[str]],
        key_path: Union[str, os.PathLike[str]],
        *,
        out_cert: Union[str, os.PathLike[str]] | None = None,
        out_key: Union[str, os.PathLike[str]] | None = None,
        key_type: str | None = None,
        ca: Union[Ca, Authority] | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> CertReport:
        """Get a certificate like the one in a file, for a new key.

        Args:
            cert_path: The certificate's file: the chain, leaf first.
            key_path: The private key's file.
            out_cert: Where the new certificate goes.
            out_key: Where the new key goes.
            key_type: `ec-p256`, `ec-p384`, `rsa-2048`, `rsa-3072`, `rsa-4096` or `ed25519`.
            ca: Another CA than the site's: a `Ca`, or one that the program brings.
            force: Do it although it is not due, or although something is in the way.
            dry_run: Say what would be done, write nothing.

        Returns:
            What was done with a certificate.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def revoke(
        self,
        *,
        cert_path: Union[str, os.PathLike[str]] | None = None,
        key_path: Union[str, os.PathLike[str]] | None = None,
        serial: str | None = None,
        reason: str = "unspecified",
        words: str | None = None,
        ca: Union[Ca, Authority] | None = None,
        dry_run: bool = False,
    ) -> RevokeReport:
        """Revoke a certificate: by its file, by its pair, or by its serial number.

        Args:
            cert_path: The certificate's file: the chain, leaf first.
            key_path: The private key's file.
            serial: The serial number, decimal or `0x` hexadecimal.
            reason: Why, by the names of RFC 5280.
            words: Words that go with it.
            ca: Another CA than the site's: a `Ca`, or one that the program brings.
            dry_run: Say what would be done, write nothing.

        Returns:
            What became of a revocation.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def token(
        self,
        common_name: str | None = None,
        *,
        sans: Sequence[Union[str, IPv4Address, IPv6Address]] = ...,
        csr_path: Union[str, os.PathLike[str]] | None = None,
        revoke_serial: str | None = None,
        ca: Union[Ca, Authority] | None = None,
    ) -> bytes:
        """Make a token of step-ca for one certificate, or to revoke one. It is a secret.

        Args:
            common_name: The name that identifies it.
            sans: Further names: DNS names, addresses, e-mail addresses, URIs.
            csr_path: A file with a request, whose key is elsewhere.
            revoke_serial: Serial number of the certificate that the token may revoke.
            ca: Another CA than the site's: a `Ca`, or one that the program brings.

        Returns:
            The bytes.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
            ArgumentError: An argument has a value that cannot be used.
        """
    def inspect(
        self,
        source: Union[str, os.PathLike[str]],
        *,
        root_path: Union[str, os.PathLike[str]] | None = None,
        key_path: Union[str, os.PathLike[str]] | None = None,
    ) -> Inspection:
        """Look at the certificates of a file, or at those that `host:port` serves.

        Args:
            source: A file, or `host:port`.
            root_path: The file with the root.
            key_path: The private key's file.

        Returns:
            What was seen in a file, or of a server.

        Raises:
            EnrollError: The CA refused, or what it gave is not what was asked for.
            FileAccessError: A file cannot be used, or would be overwritten.
            InputError: The site's files have faults.
        """
    def document(self, path: Union[str, os.PathLike[str]], *, format: str | None = None) -> Document:
        """Read one of the site's files as a document; a relative path is the site's.

        Args:
            path: The file; a relative path is the site's.
            format: `json`, `toml` or `yaml`; by the path's ending by default.

        Returns:
            A text of JSON, YAML or TOML, read without loss. Edits make another one: only the bytes that must change
            do.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    def edit(
        self,
        path: Union[str, os.PathLike[str]],
        edits: Sequence[Edit],
        *,
        format: str | None = None,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Make edits in one of the site's files as one change; bytes that need not change stay.

        Args:
            path: The file; a relative path is the site's.
            edits: The edits; all point into the text as it stands before any.
            format: `json`, `toml` or `yaml`; by the path's ending by default.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    def manifest_resolved(self, name: str | None = None) -> list[dict[str, Any]]:
        """The manifest's entries with every default stated, in the words of the file; one of them where it is
        named.

        Args:
            name: The certificate's name, as the manifest has it.

        Returns:
            One of them where it is named.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    def manifest_add(
        self,
        name: str,
        fields: Mapping[str, Any] | None = None,
        *,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Add an entry to the manifest.

        Args:
            name: The certificate's name, as the manifest has it.
            fields: Fields and their values; `None` removes one.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    def manifest_set(
        self,
        name: str,
        fields: Mapping[str, Any],
        *,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Set fields of an entry; one that is `None` is removed.

        Args:
            name: The certificate's name, as the manifest has it.
            fields: Fields and their values; `None` removes one.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    def manifest_remove(self, name: str, *, dry_run: bool = False, lock_timeout: timedelta = ...) -> ChangeReport:
        """Remove an entry from the manifest.

        Args:
            name: The certificate's name, as the manifest has it.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The file has faults.
            RefusedError: The edit cannot be made; nothing was touched.
            StateError: The files could not be written; they are as they were.
            ArgumentError: An argument has a value that cannot be used.
        """
    def check(
        self,
        *,
        select: Sequence[str] = ...,
        ignore: Sequence[str] = ...,
        online: bool = False,
        baseline: Union[str, os.PathLike[str]] | None = None,
    ) -> Findings:
        """Look at the site's files by rules; a file that cannot be read is a finding like others.

        Args:
            select: Which are meant.
            ignore: Codes or names of rules that do not count.
            online: Ask guests and the CA.
            baseline: A file with findings that are known and left out.

        Returns:
            What `check` found: a sequence of findings, by file and place.

        Raises:
            InputError: The site cannot be looked at.
            ArgumentError: An argument has a value that cannot be used.
        """
    def check_fix(
        self,
        *,
        select: Sequence[str] = ...,
        ignore: Sequence[str] = ...,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> tuple[ChangeReport, Findings]:
        """Repair what can be repaired safely; what was changed, and what is left.

        Args:
            select: Which are meant.
            ignore: Codes or names of rules that do not count.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What was changed, and what is left.

        Raises:
            InputError: The site cannot be looked at.
            ArgumentError: An argument has a value that cannot be used.
        """
    def write_baseline(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        select: Sequence[str] = ...,
        ignore: Sequence[str] = ...,
        online: bool = False,
    ) -> int:
        """Write down what is found now, so that it is left out where `baseline` names the file; how much that is.

        Args:
            path: The file; a relative path is the site's.
            select: Which are meant.
            ignore: Codes or names of rules that do not count.
            online: Ask guests and the CA.

        Returns:
            The number.

        Raises:
            InputError: The site cannot be looked at.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_rules(self, targets: Sequence[str] = ..., select: Selector | None = None) -> tuple[RuleList, ...]:
        """Rules with their numbers and lines; everybody's when no target is named.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            select: Which are meant.

        Returns:
            Of each: the rules of one guest or of the host: a sequence.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_add(
        self,
        targets: Sequence[str],
        rule: Rule,
        *,
        before: int | None = None,
        after: int | None = None,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Add a rule, behind the last one of its direction and verdict unless a place is named.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            rule: The rule.
            before: The neighbour before which it goes.
            after: The neighbour behind which it goes.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_set(
        self,
        targets: Sequence[str],
        select: Selector,
        fields: Mapping[str, Any],
        *,
        expect: int = 1,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Set fields of rules; one that is `None` is removed.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            select: Which are meant.
            fields: Fields and their values; `None` removes one.
            expect: How many rules of each target must match.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_set_port(
        self,
        targets: Sequence[str],
        select: Selector,
        port: int,
        *,
        expect: int = 1,
        dedupe: bool = False,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Set the port of rules; of a list of ports only the one that the selector names.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            select: Which are meant.
            port: The port.
            expect: How many rules of each target must match.
            dedupe: A rule that would then say what another one says goes.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_move(
        self,
        targets: Sequence[str],
        select: Selector,
        *,
        before: int | None = None,
        after: int | None = None,
        expect: int = 1,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Move rules within their list: the first that matches decides.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            select: Which are meant.
            before: The neighbour before which it goes.
            after: The neighbour behind which it goes.
            expect: How many rules of each target must match.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_remove(
        self,
        targets: Sequence[str],
        select: Selector,
        *,
        expect: int = 1,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Remove rules.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            select: Which are meant.
            expect: How many rules of each target must match.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_enable(
        self,
        targets: Sequence[str],
        enabled: bool,
        select: Selector | None = None,
        *,
        expect: int = 1,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Switch rules on or off, or a whole firewall when no rule is described.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            enabled: On or off.
            select: Which are meant.
            expect: How many rules of each target must match.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_dedupe(
        self,
        targets: Sequence[str],
        select: Selector | None = None,
        *,
        ignore_comments: bool = False,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Remove rules that say what an earlier one says.

        Args:
            targets: Whose rules: `vm:1001`, `lxc:102` or `global`.
            select: Which are meant.
            ignore_comments: Also rules whose comments differ.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The edit cannot be made, or would lock somebody out who is needed.
            ArgumentError: An argument has a value that cannot be used.
        """
    def inventory(self) -> Inventory:
        """What is there, as a plan sees it; writes nothing.

        Returns:
            What is there: a sequence of the manifest's pairs, with guests, roots and what is pending.

        Raises:
            InputError: The site's files have faults.
            TrustError: The CA's root changed.
        """
    def firewall_test(
        self,
        from_: Union[str, IPv4Address, IPv6Address],
        to: Union[str, IPv4Address, IPv6Address],
        *,
        port: int | None = None,
        proto: str = "tcp",
        installed: bool = False,
    ) -> FirewallVerdict:
        """Whether one end reaches another: `lxc:102`, `vm:1001`, `host`, `outside` or an address; and what decides.

        Args:
            from_: From where: `lxc:102`, `vm:1001`, `host`, `outside` or an address.
            to: To where; or the version that comes back.
            port: The port.
            proto: The protocol.
            installed: By Proxmox's files instead of the site's.

        Returns:
            A verdict about one connection, and what decided.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
            ArgumentError: An argument has a value that cannot be used.
        """
    def firewall_matrix(self, *, installed: bool = False) -> Matrix:
        """Who reaches what, by the site's files or by Proxmox's.

        Args:
            installed: By Proxmox's files instead of the site's.

        Returns:
            Who reaches what: a sequence of cells.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
        """
    def firewall_render(
        self,
        *,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Write the rules into Proxmox's files; what is not ours keeps every byte.

        Args:
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
        """
    def firewall_try(
        self,
        within: timedelta = ...,
        *,
        dry_run: bool = False,
        allow_lockout: bool = False,
        lock_timeout: timedelta = ...,
        watch: Callable[[Site], object] | None = None,
    ) -> FirewallTrial:
        """Put the rules in force, to be taken back unless they are confirmed in time. Before a byte is written a
        process is started that takes them back when this one dies; `watch` is called instead where it is given.

        Args:
            within: How long the confirmation may take; or how long before the end a certificate is due.
            dry_run: Say what would be done, write nothing.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            lock_timeout: How long to wait for another run to end.
            watch: Called before a byte is written, instead of starting the process that takes the change back.

        Returns:
            Rules put in force until they are confirmed or taken back.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
        """
    def firewall_await(self, give_up: Callable[[], bool] | None = None) -> str | None:
        """Wait until the change on trial is confirmed, and take it back when its time is over or `give_up` says so.
        `confirmed`, `reverted`, or `None` where none waits. On Ctrl-C the change is taken back.

        Args:
            give_up: Called several times a second; true takes the change back at once.

        Returns:
            Wait until the change on trial is confirmed, and take it back when its time is over or `give_up` says
            so.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
        """
    def firewall_confirm(self, *, lock_timeout: timedelta = ...) -> tuple[Path, ...]:
        """Keep the rules that are on trial; their files.

        Args:
            lock_timeout: How long to wait for another run to end.

        Returns:
            Their files.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
        """
    def _watch_firewall(self, ready: Callable[[], object]) -> str | None:
        """In the process that outlives its starter: leave its session, say so, and wait.

        Args:
            ready: Called once the session was left.

        Returns:
            In the process that outlives its starter: leave its session, say so, and wait.

        Raises:
            InputError: The site's files have faults.
            RefusedError: The rules would lock somebody out, or another change waits.
            FirewallError: Proxmox did not put the rules in force; the files were put back.
        """
    @staticmethod
    def open(
        site: Union[str, os.PathLike[str]] = ...,
        *,
        root: Union[str, os.PathLike[str]] | None = None,
        state: Union[str, os.PathLike[str]] | None = None,
        authority: Authority | None = None,
        transports: Mapping[str, GuestShell] | None = None,
    ) -> Site:
        """Open a site; its files are read by each method anew.

        Args:
            site: The directory of the operator's files.
            root: A copy of a whole host to work on: paths are then paths within it, and nothing is run.
            state: Phoenix's state directory.
            authority: A CA of the program's own instead of the site's: a `StepCa`, an `EmbeddedCa`, or an object
            with the methods of `Authority`.
            transports: Ways into guests of the program's own, by guest (`lxc:102`).

        Returns:
            A site: the operator's files and Phoenix's state. Its files are read by each method anew.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
        """
    @property
    def path(self) -> Path:
        """Where its files are."""
    @property
    def state(self) -> Path:
        """Where its state is."""
    @property
    def root(self) -> Path | None:
        """The copy of a whole host that is worked on; `None` for the host itself."""
    def manifest(self) -> Manifest:
        """The manifest, with the rest of the site read and found sound.

        Returns:
            The certificates wanted: a sequence of entries, in the order of the file.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
        """
    def plan(self, *, scope: str = "all", only: Sequence[str] = ..., force: bool = False) -> Plan:
        """Decide what a run would do; writes nothing.

        Args:
            scope: `all`, `certs`, `docker`, `traefik` or `firewall`.
            only: Names of certificates; all when there is none.
            force: Do it although it is not due, or although something is in the way.

        Returns:
            What a run would do, and why: a sequence of steps, in an order in which they can be done.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            ArgumentError: An argument has a value that cannot be used.
        """
    def sync(
        self,
        *,
        scope: str = "all",
        only: Sequence[str] = ...,
        force: bool = False,
        unattended: bool = False,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
        deadline: timedelta | None = None,
        progress: Callable[[Event], object] | None = None,
    ) -> Report:
        """Do it: issue, deliver, reconfigure, verify.

        Args:
            scope: `all`, `certs`, `docker`, `traefik` or `firewall`.
            only: Names of certificates; all when there is none.
            force: Do it although it is not due, or although something is in the way.
            unattended: Heed the pause of what failed before.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.
            deadline: After this long no further step is begun.
            progress: Called with each event; what it raises stops the run between two steps.

        Returns:
            What a whole run did: a sequence of outcomes, in the order in which the steps were run.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            ArgumentError: An argument has a value that cannot be used.
            KeyboardInterrupt: Ctrl-C was pressed; the run ended between two steps, its report is the attribute
            `report`.
        """
    def apply(
        self,
        plan: Union[Plan, dict[str, Any], str],
        *,
        lock_timeout: timedelta = ...,
        deadline: timedelta | None = None,
        progress: Callable[[Event], object] | None = None,
    ) -> Report:
        """Do exactly what a plan says; `PlanChangedError` when other steps come out now.

        Args:
            plan: A plan, its `to_dict()`, or its JSON as `phoenix plan --output-format json` prints it.
            lock_timeout: How long to wait for another run to end.
            deadline: After this long no further step is begun.
            progress: Called with each event; what it raises stops the run between two steps.

        Returns:
            What a whole run did: a sequence of outcomes, in the order in which the steps were run.

        Raises:
            PlanChangedError: Other steps come out now; nothing was done.
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            KeyboardInterrupt: Ctrl-C was pressed; the run ended between two steps, its report is the attribute
            `report`.
        """
    def verify(self, *, progress: Callable[[Event], object] | None = None) -> Report:
        """Look at what is really served; changes nothing.

        Args:
            progress: Called with each event; what it raises stops the run between two steps.

        Returns:
            What a whole run did: a sequence of outcomes, in the order in which the steps were run.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            KeyboardInterrupt: Ctrl-C was pressed; the run ended between two steps, its report is the attribute
            `report`.
        """
    def status(self) -> SiteStatus:
        """How the site stands, at a glance; writes nothing.

        Returns:
            How a site stands: a sequence of its certificates, in the order of the manifest.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
        """
    def pending(self) -> tuple[Pending, ...]:
        """What is not proved yet, the oldest first.

        Returns:
            Of each: something that an earlier run left to be done.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
        """
    def retry_pending(self, ids: Sequence[str] = ..., *, progress: Callable[[Event], object] | None = None) -> Report:
        """Try pending items now, whatever their pause is; all of them when no id is given.

        Args:
            ids: Ids of pending items; all when there is none.
            progress: Called with each event; what it raises stops the run between two steps.

        Returns:
            What a whole run did: a sequence of outcomes, in the order in which the steps were run.

        Raises:
            NotPendingError: An id names nothing.
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            ArgumentError: An argument has a value that cannot be used.
            KeyboardInterrupt: Ctrl-C was pressed; the run ended between two steps, its report is the attribute
            `report`.
        """
    def drop_pending(self, ids: Sequence[str] = ..., *, lock_timeout: timedelta = ...) -> tuple[Pending, ...]:
        """Forget pending items; all of them when no id is given.

        Args:
            ids: Ids of pending items; all when there is none.
            lock_timeout: How long to wait for another run to end.

        Returns:
            Of each: something that an earlier run left to be done.

        Raises:
            NotPendingError: An id names nothing.
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            ArgumentError: An argument has a value that cannot be used.
        """
    def rollback(
        self,
        name: str,
        *,
        to: str | None = None,
        force: bool = False,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
        progress: Callable[[Event], object] | None = None,
    ) -> Report:
        """Bring an earlier pair of a certificate back, in all its places.

        Args:
            name: The certificate's name, as the manifest has it.
            to: To where; or the version that comes back.
            force: Do it although it is not due, or although something is in the way.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.
            progress: Called with each event; what it raises stops the run between two steps.

        Returns:
            What a whole run did: a sequence of outcomes, in the order in which the steps were run.

        Raises:
            DeployError: There is no such pair any more.
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
            ArgumentError: An argument has a value that cannot be used.
            KeyboardInterrupt: Ctrl-C was pressed; the run ended between two steps, its report is the attribute
            `report`.
        """
    def recover(self, *, lock_timeout: timedelta = ...) -> Recovery:
        """Settle what a run left that did not end.

        Args:
            lock_timeout: How long to wait for another run to end.

        Returns:
            What was found and done about an earlier run's remains.

        Raises:
            InputError: The site's files have faults, all of them in `faults`.
            LockedError: Another run holds the site.
            EnrollError: The CA cannot be used at all.
        """
    def ca_view(self, *, online: bool = False) -> CaView:
        """Which CA the site has; with `online` what it says about itself.

        Args:
            online: Ask guests and the CA.

        Returns:
            Which CA a site has.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
        """
    def ca_health(self, *, ca: Union[Ca, Authority] | None = None) -> Health:
        """Ask a CA whether it is there.

        Args:
            ca: Another CA than the site's: a `Ca`, or one that the program brings.

        Returns:
            What a CA says about its health.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
        """
    def ca_crl(
        self,
        *,
        ca: Union[Ca, Authority] | None = None,
        out: Union[str, os.PathLike[str]] | None = None,
        force: bool = False,
    ) -> Crl | None:
        """The CA's revocation list; `None` where it keeps none. With `out` it is written there as PEM.

        Args:
            ca: Another CA than the site's: a `Ca`, or one that the program brings.
            out: The file that is written.
            force: Do it although it is not due, or although something is in the way.

        Returns:
            A CA's revocation list, believed and still counting: a sequence. `None` where there is none.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
        """
    def ca_init(
        self,
        kind: str = "site",
        *,
        replace: bool = False,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> CaInit:
        """Make a CA of our own: `site`, or `docker-client` for Docker's clients.

        Args:
            kind: `site`, or `docker-client` for the CA of Docker's clients.
            replace: Move one that is there aside and make another.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What making a CA of our own came to.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
            ArgumentError: An argument has a value that cannot be used.
        """
    def ca_bootstrap(
        self,
        url: str,
        fingerprint: str,
        *,
        server_name: str | None = None,
        proxy: str | None = None,
        provisioner: str | None = None,
        password_path: Union[str, os.PathLike[str]] | None = None,
        root_path: Union[str, os.PathLike[str]] | None = None,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> BootstrapReport:
        """Take a step-ca into the site, by its root's fingerprint.

        Args:
            url: The CA's address, `https://ca.internal.example:9000`.
            fingerprint: SHA-256 of the root, hexadecimal, from the CA's operator.
            server_name: The name on the CA's certificate, where the address is another.
            proxy: The HTTP proxy through which the CA is reached, `http://proxy.example.org:3128`.
            provisioner: The provisioner; the only JWK provisioner by default.
            password_path: The file with the provisioner's password.
            root_path: The file with the root.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What taking a step-ca in came to.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
            ArgumentError: An argument has a value that cannot be used.
        """
    def trust_root(self, fingerprint: str) -> Anchor:
        """Trust the root on the host's disk from now on, if it has this fingerprint.

        Args:
            fingerprint: SHA-256 of the root, hexadecimal, from the CA's operator.

        Returns:
            A root, or another certificate of a CA.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
            ArgumentError: An argument has a value that cannot be used.
        """
    def migrate_docker_tls(
        self,
        *,
        provider: str = "swarm",
        client_ca: str | None = None,
        disarm: bool = False,
        allow_lockout: bool = False,
        dry_run: bool = False,
    ) -> MigrateReport:
        """Edit manifest, template and firewall rules so that the link to Docker uses mutual TLS; all files or none.

        Args:
            provider: Name of Traefik's provider block: `swarm` or `docker`.
            client_ca: Who issues for Docker's clients: `shared` or `dedicated`.
            disarm: Move the old renewal manager's cron file aside.
            allow_lockout: Make the change even when the host or a link that the site needs could no longer be
            reached.
            dry_run: Say what would be done, write nothing.

        Returns:
            What a migration changed.

        Raises:
            InputError: The site's files have faults.
            EnrollError: The CA refused.
            UnreachableError: It did not answer.
            ArgumentError: An argument has a value that cannot be used.
        """
    def render_template(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        out: Union[str, os.PathLike[str]] | None = None,
        format: str | None = None,
        set: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> RenderReport:
        """Render a template with the site's values; a relative path is the site's.

        Args:
            path: The file; a relative path is the site's.
            out: The file that is written.
            format: `json`, `toml` or `yaml`; by the path's ending by default.
            set: Values beside those of the site, which they win over.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What rendering a template gave.

        Raises:
            InputError: The template has faults, or uses what is not defined.
            ArgumentError: An argument has a value that cannot be used.
        """
    def template_variables(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        set: Mapping[str, Any] | None = None,
    ) -> tuple[Variable, ...]:
        """What a template uses, with values and where they come from.

        Args:
            path: The file; a relative path is the site's.
            set: Values beside those of the site, which they win over.

        Returns:
            Of each: a variable of a template.

        Raises:
            InputError: The template has faults, or uses what is not defined.
        """
    def template_names(self) -> tuple[SiteName, ...]:
        """The names that every template may use, with their values in this site.

        Returns:
            Of each: a name that every template may use.

        Raises:
            InputError: The template has faults, or uses what is not defined.
        """
    def set_in_template(
        self,
        path: Union[str, os.PathLike[str]],
        assignments: Sequence[str],
        *,
        add: bool = False,
        dry_run: bool = False,
        lock_timeout: timedelta = ...,
    ) -> ChangeReport:
        """Make assignments such as `providers.swarm.endpoint=tcp://10.0.0.111:2376` true in a template.

        Args:
            path: The file; a relative path is the site's.
            assignments: `key.in.the.file=value` each.
            add: Make keys that are not there.
            dry_run: Say what would be done, write nothing.
            lock_timeout: How long to wait for another run to end.

        Returns:
            What an edit changed: a sequence of files.

        Raises:
            InputError: The template has faults, or uses what is not defined.
            ArgumentError: An argument has a value that cannot be used.
        """

@final
class CaRoot:
    """A root in few words."""

    @property
    def subject(self) -> str:
        """Its subject."""
    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, hexadecimal."""
    @property
    def not_after(self) -> datetime:
        """When it ends."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CaRoot:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A root in few words.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ClientCa:
    """The CA that Docker's clients have to themselves."""

    @property
    def dir(self) -> Path:
        """Its directory."""
    @property
    def used(self) -> bool:
        """Whether the settings ask for it."""
    @property
    def root(self) -> CaRoot | None:
        """Its root; `None` before the first run."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> ClientCa:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            The CA that Docker's clients have to themselves.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class CaOnline:
    """What a CA says about itself."""

    @property
    def health(self) -> Health:
        """Its health."""
    @property
    def provisioners(self) -> tuple[Provisioner, ...]:
        """Its provisioners."""
    @property
    def roots(self) -> tuple[CaRoot, ...]:
        """Its roots."""
    @property
    def intermediates(self) -> tuple[CaRoot, ...]:
        """Its intermediates."""
    @property
    def permitted(self) -> Any:
        """What it may issue for, where it is one of ours."""
    @property
    def revoked(self) -> int | None:
        """How many certificates it has revoked; `None` where it keeps no list."""
    @property
    def notes(self) -> tuple[str, ...]:
        """Single answers that it did not give."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CaOnline:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What a CA says about itself.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class CaView:
    """Which CA a site has."""

    @property
    def kind(self) -> Literal["step-ca", "acme", "embedded", "own"]:
        """`step-ca`, `acme`, `embedded` or `own`."""
    @property
    def at(self) -> tuple[str, ...]:
        """Its addresses, or its directory."""
    @property
    def said_by(self) -> str | None:
        """Where that is said."""
    @property
    def server_name(self) -> str | None:
        """The name on its certificate, where the address is another."""
    @property
    def proxy(self) -> str | None:
        """The proxy through which it is reached, where one is named."""
    @property
    def provisioner(self) -> str | None:
        """The provisioner."""
    @property
    def challenge(self) -> str | None:
        """How names are proved to a CA that speaks ACME."""
    @property
    def password_files(self) -> tuple[tuple[Path, bool], ...]:
        """Files with the provisioner's password, and whether they are there."""
    @property
    def root_files(self) -> tuple[tuple[Path, bool], ...]:
        """Files with its root, and whether they are there."""
    @property
    def pinned(self) -> CaRoot | None:
        """The root that is trusted; `None` before the first run."""
    @property
    def docker_clients(self) -> ClientCa | None:
        """The CA that Docker's clients have to themselves."""
    @property
    def online(self) -> CaOnline | None:
        """What it said itself, where it was asked."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CaView:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            Which CA a site has.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class CaInit:
    """What making a CA of our own came to."""

    @property
    def kind(self) -> Literal["site", "docker-client"]:
        """`site` or `docker-client`."""
    @property
    def dir(self) -> Path:
        """Its directory."""
    @property
    def root(self) -> CaRoot | None:
        """Its root; `None` where it was only shown."""
    @property
    def permitted(self) -> Any:
        """What it may issue for."""
    @property
    def replaced(self) -> Path | None:
        """Where the one before lies now."""
    @property
    def used(self) -> bool:
        """Whether the site uses it."""
    @property
    def made(self) -> bool:
        """Whether it was made."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> CaInit:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What making a CA of our own came to.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class BootstrapReport:
    """What taking a step-ca in came to."""

    @property
    def root(self) -> CaRoot:
        """Its root."""
    @property
    def instead_of(self) -> str | None:
        """The root that was trusted before."""
    @property
    def provisioner(self) -> str | None:
        """The provisioner."""
    @property
    def files(self) -> tuple[FileChange, ...]:
        """The files that change."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing."""
    @property
    def written(self) -> bool:
        """Whether they were written."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> BootstrapReport:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What taking a step-ca in came to.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class DisarmedFile:
    """A file that is moved aside, so that the old renewal manager does not run."""

    @property
    def from_(self) -> Path:
        """Where it was."""
    @property
    def to(self) -> Path:
        """Where it is."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> DisarmedFile:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A file that is moved aside, so that the old renewal manager does not run.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class MigrateReport:
    """What a migration changed."""

    @property
    def files(self) -> tuple[FileChange, ...]:
        """The files that change."""
    @property
    def disarmed(self) -> tuple[DisarmedFile, ...]:
        """Files that are moved aside."""
    @property
    def written(self) -> bool:
        """Whether they were written."""
    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> MigrateReport:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What a migration changed.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Ca:
    """Another CA for a single call; what it does not say, the site says."""

    def __new__(
        cls,
        urls: Sequence[str] = ...,
        *,
        server_name: str | None = None,
        proxy: str | None = None,
        root_path: Union[str, os.PathLike[str]] | None = None,
        fingerprint: str | None = None,
        provisioner: str | None = None,
        password: Union[bytes, os.PathLike[str], Callable[[], bytes]] | None = None,
        acme_directory: str | None = None,
        acme_listen: str | None = None,
        acme_dns_hook: Sequence[str] | None = None,
    ) -> Ca: ...

@final
class RenderReport:
    """What rendering a template gave."""

    @property
    def text(self) -> str | None:
        """The text, where no file was named."""
    @property
    def files(self) -> tuple[FileChange, ...]:
        """The file that changes, where one was named."""
    @property
    def written(self) -> bool:
        """Whether it was written."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RenderReport:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What rendering a template gave.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Variable:
    """A variable of a template."""

    @property
    def name(self) -> str:
        """Its name."""
    @property
    def file(self) -> Path:
        """The file that uses it."""
    @property
    def line(self) -> int | None:
        """The line where it is used first."""
    @property
    def value(self) -> Any:
        """Its value, where it has one."""
    @property
    def from_(self) -> str | None:
        """Where the value comes from."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Variable:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A variable of a template.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class SiteName:
    """A name that every template may use."""

    @property
    def name(self) -> str:
        """The name."""
    @property
    def value(self) -> Any:
        """Its value in this site."""
    @property
    def what(self) -> str:
        """What it is."""
    @property
    def from_(self) -> str:
        """Where it comes from."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> SiteName:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A name that every template may use.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Certificate:
    """What a certificate says."""

    @property
    def common_name(self) -> str | None:
        """The common name of its subject."""
    @property
    def subject(self) -> str:
        """Its subject."""
    @property
    def issuer(self) -> str:
        """Who signed it."""
    @property
    def names(self) -> tuple[str, ...]:
        """Its names."""
    @property
    def not_before(self) -> datetime:
        """From when it is valid."""
    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
    @property
    def serial(self) -> str:
        """Its serial number, decimal."""
    @property
    def key_type(self) -> str | None:
        """The type of its key, such as `ec-p256`; `None` for one that is not known."""
    @property
    def server_auth(self) -> bool:
        """Whether it may identify a server."""
    @property
    def client_auth(self) -> bool:
        """Whether it may identify a client."""
    @property
    def is_ca(self) -> bool:
        """Whether it may sign other certificates."""
    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, hexadecimal."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Certificate:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            What a certificate says.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class RevokedAt:
    """A certificate that was revoked."""

    @property
    def serial(self) -> str:
        """Its serial number, decimal."""
    @property
    def at(self) -> datetime:
        """When."""
    @property
    def reason(self) -> str:
        """Why, by the names of RFC 5280."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> RevokedAt:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A certificate that was revoked.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Crl(Sequence[RevokedAt]):
    """A CA's revocation list, believed and still counting: a sequence."""

    @property
    def issuer(self) -> str:
        """Who signed it."""
    @property
    def this_update(self) -> datetime:
        """Of when it is."""
    @property
    def next_update(self) -> datetime | None:
        """Until when it counts."""
    @property
    def number(self) -> str | None:
        """Its number, decimal."""
    @property
    def revoked(self) -> tuple[RevokedAt, ...]:
        """What was revoked."""
    @property
    def pem(self) -> str:
        """It as PEM."""
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> RevokedAt: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[RevokedAt, ...]: ...
    def __iter__(self) -> Iterator[RevokedAt]: ...
    def __contains__(self, item: object, /) -> bool: ...
    def __reversed__(self) -> Iterator[RevokedAt]: ...
    def index(self, item: Any) -> int:  # type: ignore[override]
        """The place of the first item that equals `item`."""
    def count(self, item: object) -> int:
        """How many items equal `item`."""
    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Crl:
        """From plain data, as `to_dict` gives it.

        Args:
            data: Plain data as `to_dict` gives it.

        Returns:
            A CA's revocation list, believed and still counting: a sequence.

        Raises:
            TypeError: A field has a value of another type.
            ArgumentError: A field is unknown, or its value cannot be used.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Anchor:
    """A root, or another certificate of a CA."""

    @staticmethod
    def from_pem(pem: Union[bytes, str]) -> Anchor:
        """Read the one certificate of a PEM text.

        Args:
            pem: Text in PEM.

        Returns:
            A root, or another certificate of a CA.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    @staticmethod
    def all_from_pem(pem: Union[bytes, str]) -> tuple[Anchor, ...]:
        """Read every certificate of a PEM text.

        Args:
            pem: Text in PEM.

        Returns:
            Of each: a root, or another certificate of a CA.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    @staticmethod
    def from_der(der: bytes) -> Anchor:
        """Read DER.

        Args:
            der: The certificate as DER.

        Returns:
            A root, or another certificate of a CA.
        """
    @property
    def subject(self) -> str:
        """Its subject."""
    @property
    def fingerprint(self) -> str:
        """SHA-256 of it, hexadecimal."""
    @property
    def not_before(self) -> datetime:
        """From when it is valid."""
    @property
    def not_after(self) -> datetime:
        """Until when it is valid."""
    def to_pem(self) -> bytes:
        """It as PEM.

        Returns:
            The bytes.
        """
    def to_der(self) -> bytes:
        """It as DER.

        Returns:
            The bytes.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class Chain:
    """A certificate with those that lead to its root, leaf first."""

    @staticmethod
    def from_pem(pem: Union[bytes, str]) -> Chain:
        """Read the certificates of a PEM text, leaf first.

        Args:
            pem: Text in PEM.

        Returns:
            A certificate with those that lead to its root, leaf first.

        Raises:
            ArgumentError: An argument has a value that cannot be used.
        """
    @property
    def leaf(self) -> Certificate:
        """The leaf."""
    @property
    def issuers(self) -> tuple[Certificate, ...]:
        """The certificates above the leaf."""
    @property
    def not_after(self) -> datetime:
        """When the first of them ends."""
    def to_pem(self) -> bytes:
        """All as PEM.

        Returns:
            The bytes.
        """
    def verify(self, roots: Sequence[Anchor], *, usage: str = "server", at: datetime | None = None) -> None:
        """Judge signatures, dates, usage and root at a moment, now by default; raise `TrustError` with what is
        wrong.

        Args:
            roots: The roots that are trusted.
            usage: `server` or `client`.
            at: The moment at which it is judged; now by default.

        Raises:
            TrustError: What is wrong with it.
            ArgumentError: An argument has a value that cannot be used.
            KeyboardInterrupt: Ctrl-C was pressed; the run ended between two steps, its report is the attribute
            `report`.
        """
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

def check_rules() -> tuple[CheckRule, ...]:
    """All rules of `check`.

    Returns:
        Of each: a rule of `check`.

    Raises:
        InputError: The site cannot be looked at.
    """

def check_rule(word: str) -> CheckRule:
    """The rule of a code or a name.

    Args:
        word: A code or a name.

    Returns:
        A rule of `check`.

    Raises:
        InputError: The site cannot be looked at.
        ArgumentError: An argument has a value that cannot be used.
    """

def deploy(
    chain: Chain,
    key: PrivateKey,
    *,
    cert_path: Union[str, os.PathLike[str]],
    key_path: Union[str, os.PathLike[str]],
    ca_path: Union[str, os.PathLike[str]] | None = None,
    ca: Anchor | None = None,
    owner: str | None = None,
    permissions: str = "644",
    key_permissions: str = "600",
    keep: int = 1,
    root: Union[str, os.PathLike[str]] | None = None,
    state: Union[str, os.PathLike[str]] = ...,
) -> Deployed:
    """Put a pair in its place: both files change at once, and the one before stays as a version.

    Args:
        chain: The certificate with those above it.
        key: The private key.
        cert_path: The certificate's file: the chain, leaf first.
        key_path: The private key's file.
        ca_path: Where the root goes.
        ca: The root that goes to `ca_path`.
        owner: `user:group`; the user of this program by default.
        permissions: Mode of the certificate, octal.
        key_permissions: Mode of the key, octal.
        keep: How many versions stay beside the one that is served.
        root: A copy of a whole host to work on: paths are then paths within it, and nothing is run.
        state: Phoenix's state directory.

    Returns:
        A pair that was put in its place.

    Raises:
        DeployError: The pair could not be put there; the one before is still served.
        ArgumentError: An argument has a value that cannot be used.
    """

def pair_versions(
    cert_path: Union[str, os.PathLike[str]],
    key_path: Union[str, os.PathLike[str]],
    *,
    root: Union[str, os.PathLike[str]] | None = None,
    state: Union[str, os.PathLike[str]] = ...,
) -> tuple[PairVersion, ...]:
    """The versions of a pair that are kept, the newest first.

    Args:
        cert_path: The certificate's file: the chain, leaf first.
        key_path: The private key's file.
        root: A copy of a whole host to work on: paths are then paths within it, and nothing is run.
        state: Phoenix's state directory.

    Returns:
        Of each: one of the versions of a pair that are kept.

    Raises:
        DeployError: The pair could not be put there; the one before is still served.
    """

def restore_pair(
    cert_path: Union[str, os.PathLike[str]],
    key_path: Union[str, os.PathLike[str]],
    version: str,
    *,
    owner: str | None = None,
    permissions: str = "644",
    key_permissions: str = "600",
    keep: int = 1,
    root: Union[str, os.PathLike[str]] | None = None,
    state: Union[str, os.PathLike[str]] = ...,
) -> Deployed:
    """Bring a version of a pair back that is kept, with the access that its files have now.

    Args:
        cert_path: The certificate's file: the chain, leaf first.
        key_path: The private key's file.
        version: The version's name.
        owner: `user:group`; the user of this program by default.
        permissions: Mode of the certificate, octal.
        key_permissions: Mode of the key, octal.
        keep: How many versions stay beside the one that is served.
        root: A copy of a whole host to work on: paths are then paths within it, and nothing is run.
        state: Phoenix's state directory.

    Returns:
        A pair that was put in its place.

    Raises:
        DeployError: The pair could not be put there; the one before is still served.
        ArgumentError: An argument has a value that cannot be used.
    """

def render(
    source: str,
    values: Mapping[str, Any] | None = None,
    *,
    path: Union[str, os.PathLike[str]] | None = None,
) -> str:
    """Render a text with these values; nothing else is defined.

    Args:
        source: The template's text.
        values: The values by name.
        path: The name that it has in messages.

    Returns:
        The text.

    Raises:
        InputError: The template has faults, or uses what is not defined.
        ArgumentError: An argument has a value that cannot be used.
    """

__all__ = [
    "__version__",
    "CertificateFacts",
    "CertReport",
    "RevokeReport",
    "InstalledCertificate",
    "ListedCertificate",
    "InspectedCertificate",
    "InspectedRequest",
    "TrustVerdict",
    "Inspection",
    "Request",
    "Issued",
    "Health",
    "Provisioner",
    "StepCa",
    "FileChange",
    "ChangeReport",
    "Edit",
    "Finding",
    "Findings",
    "RuleExample",
    "CheckRule",
    "Deployed",
    "PairVersion",
    "Document",
    "EmbeddedCa",
    "Place",
    "ByteRange",
    "Fault",
    "PlacementFacts",
    "PairFacts",
    "GuestFacts",
    "Inventory",
    "PrivateKey",
    "Csr",
    "Target",
    "Hook",
    "Verification",
    "Entry",
    "Manifest",
    "Step",
    "Kept",
    "Blocked",
    "Plan",
    "Event",
    "Probe",
    "LeafChange",
    "Outcome",
    "Report",
    "Pending",
    "PlaceStatus",
    "CertificateStatus",
    "LastRun",
    "SiteStatus",
    "Rule",
    "RuleProblem",
    "Selector",
    "ListedRule",
    "RuleList",
    "FirewallVerdict",
    "MatrixCell",
    "MatrixChange",
    "Matrix",
    "FirewallTrial",
    "RecoveredTransaction",
    "TakenBack",
    "Recovery",
    "Site",
    "CaRoot",
    "ClientCa",
    "CaOnline",
    "CaView",
    "CaInit",
    "BootstrapReport",
    "DisarmedFile",
    "MigrateReport",
    "Ca",
    "RenderReport",
    "Variable",
    "SiteName",
    "Certificate",
    "RevokedAt",
    "Crl",
    "Anchor",
    "Chain",
    "check_rules",
    "check_rule",
    "deploy",
    "pair_versions",
    "restore_pair",
    "render",
    "_panic",
]
