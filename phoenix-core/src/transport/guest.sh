# Runs one program of Phoenix inside a guest. This text is constant: every path, byte and key comes as frames on
# standard input (frame.rs writes them), the answer goes out as ASCII lines between two marks that carry a nonce.
# POSIX sh and busybox only. Bytes of a frame never enter a variable; `dd` reads them, since `head -c` of busybox
# reads ahead.
LC_ALL=C
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=${HOME:-/root}
export LC_ALL PATH HOME
umask 077
exec 3<&0 5>&1 </dev/null >/dev/null
nl='
'
nonce= stop=0 work= lent= temp= step=-1 left=0 failed= msg=

cleanup() {
    trap '' HUP INT PIPE TERM
    IFS=$nl
    set -f
    for p in $lent $temp; do rm -rf -- "$p"; done
    if [ -n "$work" ]; then rm -rf -- "$work"; fi
}
trap cleanup EXIT
trap 'exit 143' HUP INT PIPE TERM

say() { printf '%s\n' "$*" >&5; }

encode() {
    if [ -n "$base64" ]; then say +b64; base64 >&5; else say +hex; od -An -v -tx1 >&5; fi
    say .
}

text() { printf '%s' "$1" | encode; }

bad() {
    failed=1
    say "fail $1"
    text "$2"
}

try() { msg=$("$@" 2>&1); }

# Reads so many bytes of the frame to descriptor 4 and nothing beyond them, also when they cannot be written.
take() {
    if [ "$1" -eq 0 ]; then return 0; fi
    if [ -n "$fullblock" ]; then
        dd bs="$1" count=1 iflag=fullblock conv=fsync <&3 >&4
    else
        dd bs=1 count="$1" <&3 2>/dev/null | { cat >&4; s=$?; cat >/dev/null; exit "$s"; } && sync
    fi
}

drain() {
    if [ "$left" -gt 0 ]; then take "$left" 4>/dev/null 2>/dev/null; fi
    left=0
}

there() { [ -e "$1" ] || [ -L "$1" ]; }

sum() { s=$(sha256sum 2>/dev/null <"$1") && printf '%s' "${s%% *}"; }

syncdir() { sync "$1" 2>/dev/null || sync; }

# Creates a file exclusively, gives it owner and mode on the open descriptor, and only then its bytes.
put() { # path mode owner sha256 size
    msg=$(
        exec 2>&1
        if there "$1"; then echo "$1 exists"; exit 10; fi
        set -C
        {
            set +C
            fd=/proc/self/fd/4
            if [ ! -e "$fd" ]; then fd=$1; fi
            chown "$3" "$fd" || exit 11
            chmod "$2" "$fd" || exit 12
            take "$5" || exit 13
        } 4>"$1" || exit 10
    )
    code=$?
    case $code in 0 | 13) left=$((left - $5)) ;; esac
    case $code in
    0) if [ "$(sum "$1")" = "$4" ]; then return 0; fi
        code=digest msg="${1##*/} has another SHA-256 than the bytes sent" ;;
    11) code=owner ;;
    12) code=mode ;;
    13) code=write ;;
    *) code=create ;;
    esac
    return 1
}

place() { # the file's temporary neighbour takes the place of the path
    if [ -d "$2" ]; then msg="$2 is a directory"; return 1; fi
    try mv -f "$1" "$2"
}

parents() { # a path's directory, readable by all
    if [ -d "$1" ]; then return 0; fi
    msg=$(umask 022; mkdir -p "$1" 2>&1)
}

numbers() { # uid:gid of a path
    set -f
    # shellcheck disable=SC2046
    set -- $(ls -ldn "$1" 2>/dev/null)
    printf '%s' "$3:$4"
}

rights() { # mode and ids of a path
    set -f
    # shellcheck disable=SC2046
    set -- $(ls -ldn "$1" 2>/dev/null)
    printf '%s' "$1 $3 $4"
}

stat_line() { # tag path [-L]
    if s=$(stat $3 -c '%f %u %g %s %U %G' "$2" 2>/dev/null); then
        say "$1 stat $s"
        size=${s#* * * } size=${size%% *}
    else
        set -f
        # shellcheck disable=SC2046
        set -- "$1" $(ls -ldn $3 "$2" 2>/dev/null)
        say "$1 ls $2 $4 $5 $6"
        size=$6
    fi
}

do_inspect() { # content limit
    IFS= read -r path <&3
    if ! there "$path"; then say absent; say ok; return; fi
    stat_line self "$path" ''
    if [ -L "$path" ]; then
        say link
        text "$(readlink "$path")"
        if [ -e "$path" ]; then stat_line behind "$path" -L; fi
    fi
    if [ -f "$path" ]; then
        if [ "$size" -le 67108864 ]; then say "sha256 $(sum "$path")"; fi
        if [ "$1" = 1 ]; then
            say content
            head -c "$2" "$path" 2>/dev/null | encode
        fi
    fi
    say ok
}

do_list() { # limit
    IFS= read -r path <&3
    if [ ! -d "$path" ]; then bad missing "$path is not a directory"; return; fi
    say entries
    for p in "$path"/* "$path"/.*; do
        name=${p##*/}
        if [ "$name" = . ] || [ "$name" = .. ]; then continue; fi
        if [ -L "$p" ]; then kind=l; elif [ -d "$p" ]; then kind=d; elif [ -f "$p" ]; then kind=f
        elif [ -e "$p" ]; then kind=o; else continue; fi
        printf '%s%s/' "$kind" "$name"
    done | head -c "$1" | encode
    say ok
}

do_replace() { # mode owner parents sha256 expected size
    left=$6
    IFS= read -r path <&3
    dir=${path%/*}/
    if [ -d "$path" ]; then bad directory "$path is a directory"; return; fi
    if [ "$3" = 1 ] && ! parents "$dir"; then bad create "$msg"; return; fi
    case $5 in
    any) ;;
    absent) if there "$path"; then bad changed "$path is there already"; return; fi ;;
    *) if [ "$(sum "$path")" != "$5" ]; then bad changed "$path is not the file that was read before"; return; fi ;;
    esac
    rm -f "$dir".phoenix-tmp-*
    new=${dir}.phoenix-tmp-$nonce
    temp=$new
    if ! put "$new" "$1" "$2" "$4" "$6"; then bad "$code" "$msg"; rm -f "$new"; return; fi
    if ! place "$new" "$path"; then bad rename "$msg"; rm -f "$new"; return; fi
    temp=
    syncdir "$dir"
    now=$(sum "$path")
    if [ "$now" != "$4" ]; then bad digest "$path has another SHA-256 than the bytes sent"; return; fi
    say ok
}

do_remove() {
    IFS= read -r path <&3
    if [ -d "$path" ] && [ ! -L "$path" ]; then bad directory "$path is a directory"; return; fi
    if ! there "$path"; then say absent; say ok; return; fi
    if ! try rm -f "$path"; then bad remove "$msg"; return; fi
    syncdir "${path%/*}/"
    say ok
}

do_lend() { # mode owner sha256 size
    left=$4
    IFS= read -r path <&3
    if put "$path" "$1" "$2" "$3" "$4"; then
        lent=$lent$path$nl
        say ok
        return
    fi
    # What could not be created belongs to somebody else.
    if [ "$code" != create ]; then rm -f "$path"; fi
    bad "$code" "$msg"
}

# A version's name; the caller has read it from a link that anybody may have planted.
plain() {
    case $1 in '' | current | *[!A-Za-z0-9-]*) return 1 ;; esac
}

# Opens $dir/.phoenix/$slug as $base and reads $cur, refusing whatever is not ours.
open_base() { # create
    base=$dir/.phoenix/$slug
    cur=
    own=$(numbers "$dir/")
    for d in "$dir/.phoenix" "$base"; do
        if [ -L "$d" ] || { [ -e "$d" ] && [ ! -d "$d" ]; }; then
            code=foreign msg="$d is not a directory of ours"
            return 1
        fi
        if [ -d "$d" ]; then
            n=$(numbers "$d")
            case ${n%%:*} in
            0 | "${own%%:*}") ;;
            *) code=foreign msg="$d belongs to user ${n%%:*}"; return 1 ;;
            esac
        elif [ "$1" = 1 ]; then
            if ! try mkdir "$d" || ! try chown "$own" "$d" || ! try chmod 711 "$d"; then code=create; return 1; fi
        else
            code=missing msg="$d is missing"
            return 1
        fi
    done
    if [ -L "$base/current" ]; then
        cur=$(readlink "$base/current")
        if ! plain "$cur" || [ -L "$base/$cur" ]; then
            code=foreign msg="$base/current points to $cur, which is no version of ours"
            return 1
        fi
        if [ ! -d "$base/$cur" ]; then cur=; fi
    elif [ -e "$base/current" ]; then
        code=foreign msg="$base/current is not a link"
        return 1
    fi
}

# Moving into a directory replaces a link to a directory in one rename without `mv -T`, which old busybox lacks.
point() { # version
    try chmod 711 "$base/$1" || return 1
    rm -rf "$base/.link"
    try mkdir -m 700 "$base/.link" && try ln -s "$1" "$base/.link/current" &&
        try mv -f "$base/.link/current" "$base/" && try rmdir "$base/.link" && syncdir "$base"
}

mklink() { # target path
    t=${2%/*}/.phoenix-tmp-$nonce
    rm -f "$t"
    try ln -s "$1" "$t" && place "$t" "$2" && syncdir "${2%/*}/"
}

each() { # sets name, mode, want, size, path and target of file $1
    eval "name=\$name_$1 mode=\$mode_$1 want=\$sum_$1 size=\$size_$1 path=\$path_$1 target=\$target_$1"
}

linked() { [ -L "$path" ] && [ "$(readlink "$path")" = "$target" ]; }

# Where a program watches the directory, target is -, and the path holds a copy: a swapped link would not be noticed.
copied() { # of version
    [ -f "$path" ] && [ ! -L "$path" ] && [ "$(sum "$path")" = "$(sum "$base/$1/$name")" ]
}

served() { # by version
    if [ "$target" != - ]; then linked; return; fi
    copied "$1" && [ "$(rights "$path")" = "$(rights "$base/$1/$name")" ]
}

serve() { # from version; a copy is made where nobody watches and takes the path's place by one rename
    if [ "$target" != - ]; then mklink "$target" "$path"; return; fi
    if [ ! -f "$base/$1/$name" ]; then return 0; fi
    rm -rf "$new"
    try mkdir -m 700 "$new" && try cp -p "$base/$1/$name" "$new/$name" || return 1
    sync "$new/$name" 2>/dev/null || sync
    place "$new/$name" "$path" && syncdir "${path%/*}/" && rm -rf "$new"
}

apart() { # a rename from one directory to the other would be a copy
    a=$(stat -c %d "$1" 2>/dev/null) && b=$(stat -c %d "$2" 2>/dev/null) && [ "$a" != "$b" ]
}

do_deliver() { # slug version owner keep files total
    slug=$1 version=$2 owner=$3 keep=$4 files=$5 left=$6
    IFS= read -r dir <&3
    i=0
    while [ "$i" -lt "$files" ]; do
        read -r name mode want size <&3
        IFS= read -r path <&3
        IFS= read -r target <&3
        eval "name_$i=\$name mode_$i=\$mode sum_$i=\$want size_$i=\$size path_$i=\$path target_$i=\$target"
        i=$((i + 1))
    done
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if [ -d "$path" ]; then bad directory "$path is a directory"; return; fi
        if ! parents "${path%/*}/"; then bad create "$msg"; return; fi
        i=$((i + 1))
    done
    if ! open_base 1; then bad "$code" "$msg"; return; fi
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if [ "$target" = - ] && apart "$base" "${path%/*}/"; then
            bad rename "$path lies on another file system than $base, where it is made ready"
            return
        fi
        i=$((i + 1))
    done
    rm -rf "$base"/.new-*
    new=$base/.new-$nonce
    temp=$new
    if ! deliver; then
        bad "$code" "$msg"
        rm -rf "$new"
    else
        say "delivered $version ${previous:--} $taken $same"
        say ok
        prune
    fi
    temp=
}

deliver() {
    taken=0 same=1 previous=$cur code=create
    try mkdir -m 700 "$new" && try chown "$own" "$new" || return 1
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        put "$new/$name" "$mode" "$owner" "$want" "$size" || return 1
        i=$((i + 1))
    done
    code=create
    try chmod 711 "$new" || return 1
    syncdir "$new"
    code=rename
    if [ "$cur" = "$version" ]; then
        # The same version again: what drifted is put right file by file.
        previous=
        i=0
        while [ "$i" -lt "$files" ]; do
            each "$i"
            f=$base/$version/$name
            if [ ! -L "$f" ] && [ "$(sum "$f")" = "$want" ]; then
                if [ "$(rights "$f")" != "$(rights "$new/$name")" ]; then
                    same=0
                    try chown "$owner" "$f" && try chmod "$mode" "$f" || return 1
                fi
            else
                same=0
                try mv -f "$new/$name" "$base/$version/" || return 1
            fi
            i=$((i + 1))
        done
        rm -rf "$new"
    else
        same=0
        rm -rf "${base:?}/$version"
        try mv "$new" "$base/$version" || return 1
    fi
    syncdir "$base"
    take_over || return 1
    code=rename
    if [ "$(readlink "$base/current")" != "$version" ]; then point "$version" || return 1; fi
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if ! served "$version"; then
            same=0
            serve "$version" || { put_back; return 1; }
        fi
        i=$((i + 1))
    done
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if [ "$(sum "$path")" != "$want" ]; then
            code=digest msg="$path has another SHA-256 than the bytes sent"
            put_back
            return 1
        fi
        i=$((i + 1))
    done
    # What was taken over keeps its modes for the way back; until then nobody passes its directory.
    if [ "$taken" = 1 ]; then try chmod 700 "$base/$previous" || return 1; fi
}

put_back() { # keeps the message of the failure that led here
    why=$msg
    if [ -n "$previous" ] && point "$previous"; then
        i=0
        while [ "$i" -lt "$files" ]; do
            each "$i"
            if [ "$target" = - ]; then serve "$previous"; fi
            i=$((i + 1))
        done
    fi
    msg=$why
}

ours() { if [ "$target" = - ]; then copied "$cur"; else linked; fi; }

# What stands at the paths and is not ours becomes a version, for the way back. Where links are wanted, the paths become
# links to those bytes first, so that one rename swaps all.
take_over() {
    foreign=
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if [ -e "$path" ] && ! ours; then foreign=1; fi
        i=$((i + 1))
    done
    if [ -z "$foreign" ]; then return 0; fi
    code=create
    rm -rf "$new"
    try mkdir -m 700 "$new" && try chown "$own" "$new" || return 1
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if [ -f "$path" ]; then try cp -p "$path" "$new/$name" || return 1; fi
        i=$((i + 1))
    done
    old=before-$(printf '%.12s' "$nonce")
    try chmod 711 "$new" || return 1
    syncdir "$new"
    code=rename
    try mv "$new" "$base/$old" && point "$old" || return 1
    previous=$old taken=1 same=0
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if [ "$target" != - ] && [ -e "$path" ] && ! linked; then mklink "$target" "$path" || return 1; fi
        i=$((i + 1))
    done
}

prune() { # all but the current version, the one before it and the newest $keep
    n=0
    for v in $(ls -1t "$base"); do
        if ! plain "$v" || [ "$v" = "$version" ] || [ -L "$base/$v" ]; then continue; fi
        n=$((n + 1))
        if [ "$n" -gt "$keep" ] && [ "$v" != "$previous" ]; then rm -rf "${base:?}/$v"; fi
    done
}

do_restore() { # slug version files
    slug=$1 version=$2 files=$3
    IFS= read -r dir <&3
    i=0
    while [ "$i" -lt "$files" ]; do
        read -r name <&3
        IFS= read -r path <&3
        eval "name_$i=\$name path_$i=\$path target_$i=-"
        i=$((i + 1))
    done
    if ! open_base 0; then bad "$code" "$msg"; return; fi
    if [ "$version" = - ]; then
        for v in $(ls -1t "$base"); do
            if plain "$v" && [ "$v" != "$cur" ] && [ -d "$base/$v" ] && [ ! -L "$base/$v" ]; then version=$v; break; fi
        done
    fi
    if ! plain "$version" || [ "$version" = - ] || [ -L "$base/$version" ] || [ ! -d "$base/$version" ]; then
        bad missing "there is no version to go back to in $base"
        return
    fi
    if ! point "$version"; then bad rename "$msg"; return; fi
    new=$base/.new-$nonce
    temp=$new
    i=0
    while [ "$i" -lt "$files" ]; do
        each "$i"
        if ! serve "$version"; then bad rename "$msg"; rm -rf "$new"; return; fi
        i=$((i + 1))
    done
    temp=
    say "restored $version ${cur:--}"
    say ok
}

workdir() {
    if [ -n "$work" ]; then return 0; fi
    for d in /run /dev/shm /tmp; do
        if try mkdir -m 700 "$d/phoenix-$nonce"; then work=$d/phoenix-$nonce; return 0; fi
    done
    return 1
}

# Bounds what a command may say, and reads the rest of it so that the command does not stall. `head` would keep the
# text to itself until it has enough of it.
listen() { # name
    (
        exec 3<&- 5>&-
        { dd bs=1 count="$limit"; cat >/dev/null; } <"$work/$1.pipe" >"$work/$1" 2>/dev/null
        : >"$work/$1.done"
    ) &
}

signal() { # name: the command's process group, or the command alone where there is no setsid
    kill -s "$1" -- "-$child" 2>/dev/null || kill -s "$1" "$child" 2>/dev/null
}

do_exec() { # timeout required words limit size
    timeout=$1 required=$2 words=$3 limit=$4 size=$5 left=$5
    set --
    while [ "$words" -gt 0 ]; do
        IFS= read -r word <&3
        case $word in *\\*) word=$(printf '%b.' "$word") word=${word%.} ;; esac
        set -- "$@" "$word"
        words=$((words - 1))
    done
    if ! workdir; then bad create "$msg"; return; fi
    rm -rf "$work/in" "$work/out" "$work/err" "$work/out."* "$work/err."* "$work/late"
    if ! msg=$( (set -C; : >"$work/in") 2>&1 && take "$size" 2>&1 4>>"$work/in"); then
        left=0
        bad write "$msg"
        return
    fi
    left=0
    if ! try mkfifo "$work/out.pipe" "$work/err.pipe"; then bad create "$msg"; return; fi
    listen out
    out_reader=$!
    listen err
    err_reader=$!
    (
        exec 3<&- 5>&- <"$work/in" >"$work/out.pipe" 2>"$work/err.pipe"
        rm -f "$work/in"
        unset LC_ALL
        umask 022
        if [ -n "$setsid" ]; then exec setsid "$@"; fi
        exec "$@"
    ) &
    child=$!
    # A trap in here could miss its signal while the shell is still forking: so it naps briefly and dies by SIGKILL.
    (
        exec 3<&- 5>&- 2>/dev/null
        naps=0
        while [ "$naps" -lt "$timeout" ]; do sleep 1; naps=$((naps + 1)); done
        : >"$work/late"
        signal TERM
        sleep 5
        signal KILL
    ) &
    timer=$!
    wait "$child" 2>/dev/null
    status=$?
    if [ -e "$work/late" ]; then signal KILL; fi
    kill -s KILL "$timer" 2>/dev/null
    wait "$timer" 2>/dev/null
    i=0
    # A daemon that the command left behind may hold its output open: two seconds, then go on without.
    while [ ! -e "$work/out.done" ] || [ ! -e "$work/err.done" ]; do
        i=$((i + 1))
        if [ "$i" -lt 1000 ]; then continue; fi
        if [ "$i" -ge 1020 ]; then kill "$out_reader" "$err_reader" 2>/dev/null; break; fi
        sleep 0.1 2>/dev/null || sleep 1
    done
    if [ -e "$work/late" ]; then status=late; fi
    say "exit $status"
    encode <"$work/out"
    encode <"$work/err"
    say ok
    if [ "$required" = 1 ] && [ "$status" != 0 ]; then failed=1; fi
}

do_sockets() { # limit
    IFS= read -r path <&3
    for f in tcp tcp6; do
        if [ -r "$path/$f" ]; then
            say "$f"
            head -c "$1" "$path/$f" | encode
        fi
    done
    say ok
}

IFS=' ' read -r word version nonce stop <&3
if [ "$word $version" != "phoenix 1" ]; then exit 65; fi
base64= setsid= fullblock=
if command -v base64 >/dev/null; then base64=1; fi
if command -v setsid >/dev/null; then setsid=1; fi
if dd bs=1 count=1 iflag=fullblock conv=fsync </dev/null >/dev/null 2>/dev/null ||
    dd bs=1 count=1 iflag=fullblock </dev/null 2>/dev/null; then fullblock=1; fi
printf '\nphoenix 1 %s\n' "$nonce" >&5
for tool in cat chmod chown cp dd head ln ls mkdir mkfifo mv readlink rm rmdir sha256sum sleep sync; do
    if ! command -v "$tool" >/dev/null; then say "tool $tool"; stop=1 failed=1; fi
done
while [ -z "$failed" ] || [ "$stop" = 0 ]; do
    failed=
    if ! IFS= read -r line <&3; then exit 66; fi
    set -f
    IFS=' '
    # shellcheck disable=SC2086
    set -- $line
    set +f
    unset IFS
    if [ "$1" = end ]; then break; fi
    step=$((step + 1))
    op=$1
    shift
    say "step $step $op"
    case $op in
    deliver | exec | inspect | lend | list | remove | replace | restore | sockets) "do_$op" "$@" ;;
    *) exit 67 ;;
    esac
    drain
done
# Whoever writes to us must not meet a closed pipe.
cat <&3 >/dev/null
cleanup
lent= temp= work=
say "end $nonce"
