#!/bin/bash
(
    set +eu
    unset IFS
    program=@PROGRAM@
    original=@KEPT@
    phoenix() { @CALL@ "$@"; }
    ours() {
        if [ ! -x "$program" ]; then
            echo "phoenix: nothing was done: there is no program at $program" >&2
            return 1
        fi
        phoenix "$@"
    }
    theirs() {
        if [ -x "$original" ]; then "$original" "$@"; else bash "$original" "$@"; fi
    }
    # The verb and the word behind it; options of ours may stand before it.
    verb='' word='' options=yes
    for argument in "$@"; do
        case $options:$argument in
            value:*) options=yes ;;
            yes:--site | yes:--root | yes:--state | yes:--output-format | yes:--color) options=value ;;
            yes:--*=* | yes:-q | yes:--quiet | yes:-v | yes:--verbose | yes:--version) ;;
            *)
                options=no
                if [ -z "$verb" ]; then verb=$argument; else word=$argument && break; fi
                ;;
        esac
    done
    case $verb:$word in
        sync:all)
            # The script of before knows none of these; it would do in earnest what is only to be shown.
            case " $* " in
                *" --dry-run "* | *" --unattended "* | *" --deadline"* | *" --output-format"*)
                    echo "phoenix: sync all: certificates, Docker, Traefik and the firewall only; DNS, Swarm, stacks and Nginx are left out" >&2
                    ours "$@"
                    exit
                    ;;
            esac
            # Its stages that are not ours: DNS, Swarm, stacks, Nginx. Then ours, which have the last word.
            echo "phoenix: sync all: DNS, Swarm, stacks and Nginx by $original; then certificates, Docker, Traefik and the firewall" >&2
            status=0
            theirs "$@" || status=1
            ours sync all || status=1
            exit $status
            ;;
        sync:certs | sync:docker | sync:traefik | sync:firewall | sync:trust) ours "$@" ;;
        # With an id it is the status of a guest, which is not ours.
        status: | status:-*) ours "$@" ;;
        apply:* | adopt:* | ca:* | certs:* | check:* | demo:* | edit:* | firewall:* | hook:* | manifest:* | migrate:* | pending:* | plan:* | recover:* | scripts:* | systemd:* | template:* | verify:*)
            ours "$@"
            ;;
        *)
            echo "phoenix: ${verb:-no verb}${word:+ $word}: by $original" >&2
            theirs "$@"
            ;;
    esac
)
