#!/bin/sh
# Runs the public Connect conformance suite (gRPC, gRPC-Web and Connect over HTTP/1.1 and cleartext HTTP/2) against this
# project's own stack. Needs Go once, to build the runner. Arguments go to the runner: --run '**/unary/**', --trace.
# Run it on a quiet machine: the deadline cases compare the echoed timeout with the one that was sent.
set -eu
cd "$(dirname "$0")/../.."
version=v1.0.7
cache=node_modules/.cache/connect-conformance
runner=${CONNECTCONFORMANCE:-$(command -v connectconformance || echo "$PWD/$cache/bin/connectconformance")}
if [ ! -x "$runner" ]; then
  mkdir -p "$cache/bin"
  GOBIN="$PWD/$cache/bin" go install "connectrpc.com/conformance/cmd/connectconformance@$version"
fi
npx tsc --project test/connect-conformance/tsconfig.json
# The compiled files stand outside of the package that says they are modules.
echo '{ "type": "module" }' >"$cache/package.json"
exec timeout 300 "$runner" --mode server --conf test/connect-conformance/features.yaml "$@" -- \
  node_modules/.bin/node "$cache/test/connect-conformance/server-under-test.js"
