#!/bin/sh
# A cable between Kith's switch and Debian's: whoever is on the one is on the other.
# Needs vde2 and vdeplug. Ends by itself after a few seconds; take the `sleep` away
# to keep the cable.
set -eu
kith=$(dirname "$0")/../bin/kith
home=$(mktemp -d)
switch=$(mktemp -d)

cleanup() {
  kill "$cable" "$vde" 2>/dev/null || true
  "$kith" down --home "$home" || true
  rm -rf "$home" "$switch"
}

# vde_switch ends when its standard input does: give it one that stays open.
mkfifo "$switch/input"
exec 3<> "$switch/input"
vde_switch -s "$switch/vde" -M "$switch/console" <&3 > /dev/null 2>&1 &
vde=$!
cable=$vde
trap cleanup EXIT

"$kith" up --home "$home" --listen udp://127.0.0.1:0 --log-level warn > "$home.log" &
until grep -q '^ready' "$home.log"; do sleep 0.1; done
rm -f "$home.log"
until [ -e "$switch/vde/ctl" ]; do sleep 0.1; done

dpipe "$kith" plug --home "$home" = vde_plug "vde://$switch/vde" &
cable=$!
until "$kith" ports --home "$home" | grep -q vde; do sleep 0.1; done
"$kith" ports --home "$home"
sleep 2
