#!/usr/bin/env bash
# Installs the pinned gRPC tools of grpc-tools.test.ts into the test cache. Needs Go.
set -euo pipefail
export GOBIN="${ICEMINT_TEST_CACHE:-${TMPDIR:-/tmp}/icemint-test-cache}/bin"
mkdir -p "$GOBIN"
go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4
go install github.com/grpc-ecosystem/grpc-health-probe@v0.4.61
