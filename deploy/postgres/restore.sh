#!/bin/sh
# Restores a backup into an empty database and makes it ready to serve (docs/operations.md, Backups).
#
#   DATABASE_URL=postgres://… AUTH_SECRET=… sh deploy/postgres/restore.sh chat-auth.dump chat-auth.log [end|keep]
#
# chat-auth.log has the log lines or events since the backup. If this stops in the middle, repeat the last command.
set -eu
pg_restore --no-owner --exit-on-error --dbname="$DATABASE_URL" "$1"
${CHAT_AUTH:-npx chat-auth} restore --yes --sessions="${3:-end}" <"$2"
