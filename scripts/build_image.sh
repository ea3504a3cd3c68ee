#!/usr/bin/env bash
# Builds the container image with Debian's buildah and tells its size. Needs root, no daemon.
#   scripts/build_image.sh OUT.tar          an OCI archive: `docker load`, `podman load` and `ctr images import` read it
# BASE and RUNTIME (the Dockerfile tells) are images that buildah can get, or archives `docker-archive:FILE`. Without
# them two Debian 12 roots are made by mmdebstrap, the second of them with Python and its libraries alone: no shell, no
# package manager. KEEP=DIR keeps these roots and the layers for the next time
# (remove it to take Debian's updates over). PIP_CONF=FILE, CERTIFICATES=DIR: how
# pip reaches your mirror.
set -euo pipefail
out=$(realpath "${1:?usage: scripts/build_image.sh OUT.tar}")
cd "$(dirname "$0")/.."
work=${KEEP:-$(mktemp -d)}
[[ -n ${KEEP:-} ]] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
export BUILDAH_ISOLATION=chroot XDG_RUNTIME_DIR=$work/run
driver=${STORAGE_DRIVER:+--storage-driver=$STORAGE_DRIVER} # vfs where overlay mounts are not permitted
buildah() { command buildah --root "$work/storage" --runroot "$work/run" $driver "$@"; }

# A root file system as an image.
import_root() { # NAME ARCHIVE
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$2" / >/dev/null
  buildah commit --quiet --rm "$container" "$1" >/dev/null
}

if [[ -z ${BASE:-} ]]; then
  BASE=localhost/trus-base
  if ! buildah inspect "$BASE" >/dev/null 2>&1; then
    mmdebstrap --quiet --variant=essential --include=libstdc++6,python3.11,python3.11-venv \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$work/base.tar"
    import_root "$BASE" "$work/base.tar"
  fi
fi
if [[ -z ${RUNTIME:-} && $BASE == localhost/trus-base ]]; then
  RUNTIME=localhost/trus-runtime
  if ! buildah inspect "$RUNTIME" >/dev/null 2>&1; then
    deploy/runtime_root.sh "$work/runtime.tar"
    import_root "$RUNTIME" "$work/runtime.tar"
  fi
fi

version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' trus/__init__.py)
buildah bud --quiet --layers --format docker --build-arg BASE="$BASE" --build-arg RUNTIME="${RUNTIME:-$BASE}" \
  --build-arg VERSION="$version" --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  ${PIP_CONF:+--secret "id=pip,src=$PIP_CONF"} ${CERTIFICATES:+--volume "$CERTIFICATES:$CERTIFICATES:ro"} \
  --tag "localhost/trus:$version" .
rm -f "$out"
buildah push --quiet "localhost/trus:$version" "oci-archive:$out:trus:$version"
container=$(buildah from "localhost/trus:$version")
root=$(buildah mount "$container")
echo "trus:$version: $(($(du --summarize --bytes "$root" | cut -f1) / 1000000)) MB unpacked, \
$(($(stat -c %s "$out") / 1000000)) MB as $out"
buildah umount "$container" >/dev/null
buildah rm "$container" >/dev/null
