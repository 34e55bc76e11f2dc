#!/bin/sh
# Build the app into the Python package. Where it cannot be built for want of node or of packages, say so in one line:
# the API works without it. A build that fails fails.
set -eu
cd "$(dirname "$0")"
OUT=../src/brise/service/web_dist

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "brise: no node and npm here, so the app is not built; the API works without it"
  exit 0
fi
if ! [ node_modules/.stamp -nt package-lock.json ]; then
  echo "brise: installing the app's pinned packages into web/node_modules"
  npm ci --no-audit --no-fund --loglevel=error || {
    echo "brise: the app's packages cannot be installed, so the app is not built; the API works without it"
    exit 0
  }
  touch node_modules/.stamp
fi
echo "brise: building the app"
node_modules/.bin/vite build --logLevel warn
touch "$OUT/.stamp"
