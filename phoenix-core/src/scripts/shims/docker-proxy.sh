#!/bin/sh
(
    set +eu
    unset IFS
    program=@PROGRAM@
    if [ -x "$program" ] && [ -d @SITE@/etc ]; then
        # On the host: it gives Docker its certificate and configuration.
        phoenix() { @CALL@ "$@"; }
        case $#:${1-} in
            0:) phoenix sync docker ;;
            1:*[!0-9]* | 1:)
                echo "usage: feature_install_docker_proxy.sh [VMID], found: $1" >&2
                exit 2
                ;;
            1:*) phoenix sync docker "vm:$1" ;;
            *)
                echo "usage: feature_install_docker_proxy.sh [VMID], found: $*" >&2
                exit 2
                ;;
        esac
        exit
    fi
    # In the VM: the host manages Docker's TLS, here it is only looked at.
    echo "phoenix: the host manages Docker's TLS (phoenix sync docker); this only checks it"
    config=/etc/docker/daemon.json
    failed=0
    wrong() {
        echo "phoenix: wrong: $*" >&2
        failed=1
    }
    text=$(tr '\n' ' ' 2>/dev/null <"$config")
    # TCP sockets that listen (state 0A), of both families; ports are four hex digits.
    listens() {
        cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
            awk -v port="$(printf '%04X' "$1")" '
                $4 == "0A" { count = split($2, part, ":"); if (part[count] == port) found = 1 }
                END { exit !found }'
    }
    value() { printf '%s' "$text" | sed -n 's/.*"'"$1"'"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p'; }

    tls=$(printf '%s' "$text" | sed -n 's/.*"tlsverify"[[:space:]]*:[[:space:]]*\([a-z]*\).*/\1/p')
    case $text in
        *tcp://* | *tlscert*) ;;
        *)
            if ! listens @PLAIN_PORT@ && ! listens @PORT@; then
                echo "phoenix: not set up yet: say \`phoenix sync docker\` on the host"
                exit 0
            fi
            ;;
    esac
    [ "$tls" = true ] || wrong "\"tlsverify\" is not true in $config: Docker would admit clients without a certificate"
    for name in tlscacert tlscert tlskey; do
        file=$(value $name)
        if [ -z "$file" ]; then
            wrong "$config names no \"$name\""
        elif [ ! -s "$file" ]; then
            wrong "$file ($name) is missing or empty"
        elif [ $name = tlskey ] && [ -n "$(find -L "$file" -prune \( -perm -040 -o -perm -004 \))" ]; then
            wrong "$file (the key) can be read by others than root"
        fi
    done
    if listens @PLAIN_PORT@; then wrong "something listens on the plain port @PLAIN_PORT@"; fi
    listens @PORT@ || wrong "nothing listens on port @PORT@"
    pid_file=$(value pidfile)
    : "${pid_file:=/var/run/docker.pid}"
    pid=$(cat "$pid_file" 2>/dev/null)
    if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
        wrong "dockerd does not run (by $pid_file)"
    fi
    [ $failed = 0 ] && echo "phoenix: Docker serves TLS on port @PORT@ and nothing in plain"
    exit $failed
)
