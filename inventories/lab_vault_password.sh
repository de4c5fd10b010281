#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Print the vault password of the lab; make it at first use. Named in ansible.cfg as vault_password_file.
set -eu
umask 077
folder="${XDG_STATE_HOME:-$HOME/.local/state}/seaworthy/lab"
if [ ! -e "$folder/vault_password" ]; then
    mkdir -p "$folder"
    new=$(mktemp "$folder/.vault_password.XXXXXX")
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$new"
    ln "$new" "$folder/vault_password" 2> /dev/null || : # of two runs at once the first one's stays
    rm "$new"
fi
cat "$folder/vault_password"
