#!/bin/bash
# Stand-ins: short scripts of our own with the effect that an operator's old scripts have on the host and its guests.
log() { echo "[$(date +%H:%M:%S)] $1 ${*:2}" >&2; }
log_info() { log INFO "$@"; }
log_warn() { log WARN "$@"; }
log_error() { log ERROR "$@"; }
log_success() { log OK "$@"; }
log_fatal() { log FATAL "$@"; exit 1; }
PHOENIX_BASE_DIR=/usr/local/phoenix_hypervisor
SSL_DIR=/mnt/pve/tank/lxc-persistent-data/103/ssl
