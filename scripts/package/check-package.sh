#!/bin/sh
# Packs the package in the current folder and checks the tarball with publint and arethetypeswrong. Needs no network.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm pack --silent --pack-destination "$folder" >"$folder/name"
tarball="$folder/$(cat "$folder/name")"
publint run "$tarball" --strict
# CommonJS users load the ES module with require(), which every version of Node.js in "engines" supports.
attw "$tarball" --profile node16 --ignore-rules cjs-resolves-to-esm --no-definitely-typed --format table-flipped --no-color
