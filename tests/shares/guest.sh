#!/bin/bash
# The first program of a User-Mode Linux whose root is this host's, read-only. LAB is the one folder of the host that
# it may write: it runs LAB/job there and ends. Whatever else has to be writable lies below /run, so that nothing of the
# host is hidden.
exec </dev/null >/dev/console 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm && mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mkdir -p /run/lab /run/modules/lib /run/tmp
mount -t hostfs lab /run/lab -o "$LAB"
mount -t tmpfs nfs /var/lib/nfs
mkdir -p /var/lib/nfs/{sm,sm.bak,v4recovery,nfsdcltrack,rpc_pipefs}
touch /var/lib/nfs/{etab,rmtab}

# The modules of this kernel do not lie where modprobe looks; the kernel itself asks for them by the program named here.
ln -s /usr/lib/uml/modules /run/modules/lib/modules
printf '#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe

ip link set lo up
hostname share
export TMPDIR=/run/tmp HOME=/run/tmp
bash /run/lab/job >/run/lab/output 2>&1
echo $? >/run/lab/exit
sync
poweroff -ff
