#!/bin/bash
# What callers that source this rely on: the same variables, and the functions of the common utilities.
SCRIPT_DIR=@SITE@/bin/hypervisor_setup
PHOENIX_BASE_DIR=@SITE@
CA_URL=@CA_URL@
ROOT_CA_CERT_PATH=@ROOT_FILE@
STEP_CONFIG_DIR="${STEPPATH:-${HOME:-/root}/.step}/config"
FINGERPRINT=@FINGERPRINT@
# Only what is missing is read, and the caller's options stay as they are.
if ! declare -F log_info >/dev/null && [ -r "$PHOENIX_BASE_DIR/bin/phoenix_hypervisor_common_utils.sh" ]; then
    _phoenix_options() {
        local IFS=: option
        for option in $SHELLOPTS; do
            [[ :$1: == *:$option:* ]] || set +o "$option"
        done
    }
    _phoenix_before=$SHELLOPTS
    source "$PHOENIX_BASE_DIR/bin/phoenix_hypervisor_common_utils.sh" || :
    _phoenix_options "$_phoenix_before"
    unset -f _phoenix_options
    unset -v _phoenix_before
fi
# The status is the last command's: nothing here ends the caller.
(
@PRELUDE@
    # Callers may read what this prints as theirs, so all of it goes where errors go.
    phoenix -q ca step-files --dir "${STEPPATH:-${HOME:-/root}/.step}" >&2
)
