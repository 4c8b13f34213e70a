"""LXC 103: a real step-ca, its root and the provisioner's password where the old scripts publish them."""

import json
import secrets

from . import guests, site
from .base import HOST, LabError, load_state, save_state, sh, wait_for, write

HOST_SSL = HOST / "mnt-pve" / site.CA_SSL.removeprefix("/mnt/pve/")
ROOT = "/root/.step"
# The plain pairs that the old manager had installed, by common name.
INSTALLED = ("nginx", "portainer", "traefik", "worker-agent")


def init():
    """Makes the CA inside the guest by `step ca init`, once per lab."""
    config = json.loads((HOST / "site/etc/phoenix_hypervisor_config.json").read_text())["step_ca"]
    passwords = {"ca": secrets.token_urlsafe(24), "provisioner": secrets.token_urlsafe(24)}
    script = f"""set -e
    umask 077
    mkdir -p {ROOT}
    printf %s "$1" > {ROOT}/password.txt
    printf %s "$2" > {ROOT}/provisioner_password.txt
    export STEPPATH={ROOT}
    step ca init --deployment-type standalone --name "$3" --dns "$4" --dns 10.0.0.10 --address 10.0.0.10:9000 \
        --provisioner "$5" --password-file {ROOT}/password.txt --provisioner-password-file {ROOT}/provisioner_password.txt
    """
    guests.run_in("103", "sh", "-c", script, "sh", passwords["ca"], passwords["provisioner"],
                  config["root_ca_name"], config["dns_name"], config["provisioner_name"])  # fmt: skip
    save_state(provisioner_password=passwords["provisioner"])
    config_file = guests.path_in("103", f"{ROOT}/config/ca.json")
    (config_file.parent / "ca.json.start").write_text(config_file.read_text())


def restore():
    """The published files and the CA's own configuration as they were after `init`."""
    uid, gid = site.guests()["103"].host_ids(0, 0)
    guests.clear_directory(HOST_SSL)
    root = guests.path_in("103", f"{ROOT}/certs/root_ca.crt").read_bytes()
    write(HOST_SSL / "phoenix_root_ca.crt", root, 0o644, uid, gid)
    write(HOST_SSL / "provisioner_password.txt", load_state()["provisioner_password"], 0o600, uid, gid)
    config = guests.path_in("103", f"{ROOT}/config/ca.json")
    start = (config.parent / "ca.json.start").read_text()
    if config.read_text() != start:
        write(config, start, 0o600, uid, gid)
        guests.systemctl("103", "restart", "step-ca")
    if guests.active("103", "step-ca") != "active":
        guests.systemctl("103", "reset-failed", "step-ca", check=False)
        guests.systemctl("103", "start", "step-ca")


def wait():
    root = guests.path_in("103", f"{ROOT}/certs/root_ca.crt")
    wait_for(
        "step-ca's health",
        lambda: (
            '"ok"' in sh("curl", "-s", "-m", "5", "--cacert", root, "https://10.0.0.10:9000/health", check=False).stdout
        ),
    )


def install_old_pairs():
    """The pairs of the old manager: plain files, owners as host ids, the key of nginx open to all as it left it.

    Signed here by the CA's own intermediate with OpenSSL, so that a reset need not wait for anything.
    """
    manifest = json.loads((HOST / "site/etc/certificate-manifest.json").read_text())
    work = HOST / "pairs"
    work.mkdir(exist_ok=True)
    work.chmod(0o700)
    step = guests.path_in("103", ROOT)
    for entry in manifest:
        name = entry["common_name"]
        if name.split(".")[0] not in INSTALLED:
            continue
        certificate, key = work / f"{name}.crt", work / f"{name}.key"
        if (
            sh("openssl", "x509", "-in", certificate, "-noout", "-checkend", str(16 * 3600), check=False).returncode
            != 0
        ):
            sans = ",".join(f"DNS:{s}" for s in entry.get("sans", [name]))
            extensions = work / "extensions"
            extensions.write_text(
                f"keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName={sans}\n"
                "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
            )
            request = work / "request"
            sh("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
               "-subj", f"/CN={name}", "-keyout", key, "-out", request)  # fmt: skip
            leaf = sh("openssl", "x509", "-req", "-in", request, "-days", "1", "-extfile", extensions,
                      "-CA", step / "certs/intermediate_ca.crt", "-CAkey", step / "secrets/intermediate_ca_key",
                      "-passin", f"file:{step}/password.txt", "-set_serial", str(secrets.randbits(120))).stdout  # fmt: skip
            certificate.write_text(leaf + (step / "certs/intermediate_ca.crt").read_text())
        owner = dict(zip(("uid", "gid"), _owner(entry["owner"])))
        mode = int(entry["permissions"], 8)
        if name.startswith("nginx."):
            mode = 0o644
        for source, target in ((certificate, entry["cert_path"]), (key, entry["key_path"])):
            write(target, source.read_bytes(), mode, **owner)


def _owner(words):
    import grp
    import pwd

    user, group = words.split(":")
    try:
        return pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
    except KeyError as e:
        raise LabError(f"owner {words}: {e}") from e
