#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Start Traefik once the certificates are in place, so that its first handshake is right. Without them it starts
# late: it refuses names it has no certificate for, and takes certificates up as they come.
set -eu

waited=0
until [ -e /fragments/.ready ]; do
  if [ "$waited" -ge 60 ]; then
    echo "no certificates after 30 s: starting without them" >&2
    break
  fi
  waited=$((waited + 1))
  sleep 0.5
done
exec traefik --configFile=/etc/traefik/traefik.yml
