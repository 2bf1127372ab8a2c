#!/usr/bin/env bash
# Installs the partners of the tests: Debian's by apt, Go's by go install into ~/.cache/stowage-interop/bin (or
# $STOWAGE_INTEROP_BIN). What cannot be had is said and left out: its tests are skipped by name.
#
#   scripts/interop_setup.sh [COMMAND…]      then runs a command that finds them
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${STOWAGE_INTEROP_BIN:-$HOME/.cache/stowage-interop/bin}
mkdir -p "$bin"

missing() {
  for tool in "$@"; do command -v "$tool" >/dev/null || printf '%s\n' "$tool"; done
}

debian=$(missing skopeo umoci buildah bsdtar docker-registry zsh fish aws | sed 's/^aws$/awscli/; s/^bsdtar$/libarchive-tools/')
if [ -n "$debian" ] && command -v apt-get >/dev/null; then
  as_root=$([ "$(id -u)" = 0 ] || echo sudo)
  $as_root apt-get update -qq
  for package in $debian; do
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
      echo "interop: $package cannot be had from apt"
  done
fi

if command -v go >/dev/null; then
  install() { [ -x "$bin/$1" ] || GOBIN=$bin go install "$2" 2>/dev/null || echo "interop: $1 cannot be had by go install"; }
  install crane github.com/google/go-containerregistry/cmd/crane@v0.22.1
  install regctl github.com/regclient/regclient/cmd/regctl@v0.11.7
  # Two of one name, and long to build: once, and beside whatever else runs here.
  cosign() {
    [ -x "$bin/cosign$1" ] && return
    local into=$bin/cosign$1.tmp
    GOBIN=$into nice -n 19 go install "github.com/sigstore/cosign/v$1/cmd/cosign@$2" 2>/dev/null &&
      mv "$into/cosign" "$bin/cosign$1" || echo "interop: cosign $1 cannot be had by go install"
    rm -rf "$into"
  }
  cosign 3 v3.1.2
  cosign 2 v2.6.4
  [ "$bin/oras-go" -nt tests/interop/oras/main.go ] || (cd tests/interop/oras && go build -o "$bin/oras-go" .) || echo "interop: oras-go cannot be built"
else
  echo "interop: no Go here, so no crane, regctl, oras-go, cosign"
fi
PATH=$bin:$PATH
still=$(missing skopeo umoci buildah bsdtar docker-registry zsh fish aws crane regctl oras-go cosign2 cosign3)
[ -z "$still" ] || echo "interop: without" $still
[ $# = 0 ] || exec "$@"
