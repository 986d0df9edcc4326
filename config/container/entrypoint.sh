#!/bin/sh
# The `reeldrop` of the image. Whoever starts it, the program itself never runs as root.
#
# Started as root, as a NAS does, it becomes PUID:PGID without groups, without capabilities and without a way to
# gain any. Started as anybody else (--user) it stays who it is. Files in mounted folders keep their owners; only
# /state, while it is empty, is given to PUID.
set -eu

program=/opt/reeldrop/bin/reeldrop

stop() {
    printf 'reeldrop: %s\n' "$1" >&2
    exit 78
}

# "docker run IMAGE reeldrop check" is as good as "docker run IMAGE check".
[ "${1-}" != reeldrop ] || shift

case ${UMASK:=022} in
    0[0-7][0-7] | 00[0-7][0-7]) umask "$UMASK" ;;
    *) stop "UMASK=$UMASK is no umask that leaves the files to their owner; one is like 022 or 002." ;;
esac

uid=$(id -u) gid=$(id -g)
if [ "$uid" != 0 ]; then
    if [ "${1-}" = run ] && [ "${PUID:-$uid}:${PGID:-$gid}" != "$uid:$gid" ]; then
        echo "reeldrop: runs as $uid:$gid, as it was started; PUID and PGID are ignored" >&2
    fi
    exec "$program" "$@"
fi

case ${PUID:=1000} in
    0* | *[!0-9]*) stop "PUID=$PUID is no user to run as; give the number of one other than root, like 1000." ;;
esac
case ${PGID:=1000} in
    *[!0-9]*) stop "PGID=$PGID is no group to run as; give its number, like 1000." ;;
esac

if [ "$(stat -c %u /state)" != "$PUID" ] && inside=$(ls -A /state 2>/dev/null) && [ -z "$inside" ]; then
    # Where it may not be done, the program says what it cannot use.
    chown "$PUID:$PGID" /state || :
fi

become="setpriv --reuid=$PUID --regid=$PGID --clear-groups --inh-caps=-all --no-new-privs"
why=$($become true 2>&1) || stop "started as root, but it cannot become $PUID:$PGID ($why). Start the container \
as that user (--user $PUID:$PGID), or leave it the capabilities SETUID and SETGID (--cap-add)."
# To empty the bounding set too takes a right that a container may lack; without new privileges nothing comes of it.
if $become --bounding-set=-all true 2>/dev/null; then
    become="$become --bounding-set=-all"
fi
exec $become -- "$program" "$@"
