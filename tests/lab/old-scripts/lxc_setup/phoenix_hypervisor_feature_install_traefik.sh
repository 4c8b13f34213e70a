#!/bin/bash
# Stand-in, CTID: certificate by the step CLI is left out; pushes the template as the static file, as the old one does.
source /usr/local/phoenix_hypervisor/bin/phoenix_hypervisor_common_utils.sh
CTID="${1:?usage: $0 CTID [CA_URL]}"
pct exec "$CTID" -- mkdir -p /etc/traefik/dynamic /etc/traefik/certs
pct pull "$CTID" /etc/step-ca/ssl/phoenix_root_ca.crt "/tmp/traefik_ca_$CTID.pem"
pct push "$CTID" "/tmp/traefik_ca_$CTID.pem" /etc/traefik/certs/ca.pem
rm -f "/tmp/traefik_ca_$CTID.pem"
pct push "$CTID" "$PHOENIX_BASE_DIR/etc/traefik/traefik.yml.template" /etc/traefik/traefik.yml
pct exec "$CTID" -- chmod 644 /etc/traefik/traefik.yml
pct exec "$CTID" -- systemctl enable traefik
