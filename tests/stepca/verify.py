"""Judges a chain as Python's cryptography does: verify.py ROOT CHAIN server|client. 0: accepted, 1: refused."""

import sys

from cryptography import x509
from cryptography.x509 import verification


def main(root, chain, usage):
    with open(root, "rb") as file:
        store = verification.Store(x509.load_pem_x509_certificates(file.read()))
    with open(chain, "rb") as file:
        leaf, *between = x509.load_pem_x509_certificates(file.read())
    builder = verification.PolicyBuilder().store(store)
    try:
        if usage == "client":
            builder.build_client_verifier().verify(leaf, between)
        else:
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            dns = names.get_values_for_type(x509.DNSName)
            name = x509.DNSName(dns[0].replace("*", "any")) if dns else x509.IPAddress(names.get_values_for_type(x509.IPAddress)[0])
            builder.build_server_verifier(name).verify(leaf, between)
    except verification.VerificationError as refused:
        print(refused)
        return 1
    return 0


if __name__ == "__main__":
    # Any other trouble is no verdict.
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception as trouble:  # noqa: BLE001
        print(repr(trouble), file=sys.stderr)
        sys.exit(3)
