#!/bin/sh
# The first process of a test guest: network card up, then commands from the
# serial console. What it says and understands is drawn in serial-protocol.ts.
#
# Kernel command line: kith.name=NAME kith.address=CIDR kith.mtu=OCTETS
# kith.shell (a person is at the console: give them a shell instead)
export PATH=/bin:/usr/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmp /tmp
stty -F /dev/console -echo 2>/dev/null

name=guest address= mtu= shell=
for word in $(cat /proc/cmdline); do
  case $word in
    kith.name=*) name=${word#*=} ;;
    kith.address=*) address=${word#*=} ;;
    kith.mtu=*) mtu=${word#*=} ;;
    kith.shell) shell=yes ;;
  esac
done
hostname "$name"

for module in /modules/*.ko; do
  insmod "$module" || echo "KITH-GUEST failed to load $module"
done
ip link set lo up

if [ -n "$address" ]; then
  if [ ! -e /sys/class/net/eth0 ]; then
    echo "KITH-GUEST failed to find its network card"
  fi
  ip address add "$address" dev eth0
  [ -z "$mtu" ] || ip link set eth0 mtu "$mtu"
  ip link set eth0 up
fi

if [ -n "$shell" ]; then
  echo "$name, $address: iperf3 and busybox are here; poweroff -f ends."
  setsid cttyhack sh
  poweroff -f
fi

# run ID COMMAND: a session of its own, so that `stop` reaches all of it.
run() {
  {
    setsid sh -c 'echo $$ >"/tmp/$1.pid"; exec sh -c "$2"' - "$1" "$2" 2>&1
    echo $? >"/tmp/$1.status"
  } </dev/null | awk -v prefix="KITH-GUEST out $1 " '{ print prefix $0; fflush() }'
  echo "KITH-GUEST end $1 $(cat "/tmp/$1.status")"
  rm -f "/tmp/$1.pid" "/tmp/$1.status"
}

echo "KITH-GUEST ready $name ${address:--}"
while read -r verb id rest; do
  case $verb in
    run) run "$id" "$rest" & ;;
    stop) kill -TERM "-$(cat "/tmp/$id.pid")" 2>/dev/null ;;
    off) break ;;
  esac
done
poweroff -f
