#!/bin/sh
# Writes .env with random secrets for docker compose, if there is no .env yet. Prints no secret.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ] || [ -L .env ]; then
  echo 'There is a .env, which stays as it is.' >&2
  exit 0
fi
secret() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
# By a name of its own first: a .env that is cut short would start something else.
{
  cat .env.example
  printf '\n# --- Made by deploy/make-env.sh ---------------------------------------------------------------------------------\n\n'
  printf 'AUTH_SECRET=%s\n' "$(secret)"
  printf 'POSTGRES_PASSWORD=%s\n' "$(secret)"
  printf 'SERVICE_KEYS=gateway:verify:%s,ops:users:read+moderate+roles+audit+operate:%s\n' "$(secret)" "$(secret)"
} >.env.new
mv .env.new .env
echo 'Made .env with random secrets.' >&2
