#!/bin/bash
# Stand-in: (re)writes the hourly cron file of the renewal manager.
echo "0 * * * * root /usr/local/phoenix_hypervisor/bin/managers/certificate-renewal-manager.sh" >/etc/cron.d/phoenix-cert-renewal
chmod 0644 /etc/cron.d/phoenix-cert-renewal
