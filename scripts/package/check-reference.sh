#!/bin/sh
# Fails if docs/reference differs from what typedoc generates from the doc comments. Repair: npm run docs:reference
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
typedoc --options verifiers/node/typedoc.json --out "$folder" --logLevel Warn
diff -ru docs/reference "$folder"
