#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Put each fragment of Traefik's configuration (a config or secret of this service) into the directory that Traefik
# watches. A fragment appears in one step; one whose source is gone disappears after the others have appeared.
set -eu
trap 'exit 0' TERM INT
umask 077

target=/fragments

# Two writers overlap while the service is being updated: only the newer one may remove.
echo "$HOSTNAME" > "$target/.writer"

for source in /etc/seaworthy/fragments/*.yml /run/secrets/*.yml; do
  [ -e "$source" ] || continue
  name=${source##*/}
  if ! cmp -s "$source" "$target/$name"; then
    cp "$source" "$target/.$name.new"
    mv "$target/.$name.new" "$target/$name"
    echo "wrote $name"
  fi
done
touch "$target/.ready"

sleep 5 &
wait $!
for written in "$target"/*.yml; do
  name=${written##*/}
  [ -e "/etc/seaworthy/fragments/$name" ] || [ -e "/run/secrets/$name" ] && continue
  [ "$(cat "$target/.writer")" = "$HOSTNAME" ] || break
  rm -f "$written"
  echo "removed $name"
done

while :; do
  sleep 3600 &
  wait $!
done
