#!/usr/bin/env bash
# Runs an image's root as a container engine would, without one: its own mounts and processes, read-only root, tmpfs on
# /tmp, user 10001 without capabilities. Asks /readyz and for one mask, ends it with SIGTERM. Needs root.
#   scripts/try_image.sh ROOT MODEL.onnx FRAME
set -euo pipefail
root=$(realpath "$1") model=$(realpath "$2") frame=$(realpath "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
token=$(python3 -c 'import secrets; print(secrets.token_urlsafe())')
install -m 400 -o 10001 /dev/stdin "$work/tokens" <<<"$token"
cat >"$work/inside" <<'INSIDE'
root=$1 model=$2 tokens=$3
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
for folder in tmp run dev; do mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"; done
mount -t proc proc "$root/proc"
for device in null urandom; do : >"$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"; done
mkdir -m 1777 "$root/dev/shm" && mkdir "$root/run/secrets" "$root/run/models"
cp -p "$tokens" "$root/run/secrets/trus_tokens" && cp "$model" "$root/run/models/model.onnx"
exec env -i HOME=/tmp PYTHONPYCACHEPREFIX=/opt/trus/bytecode PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
  "$(command -v chroot)" --userspec=10001:10001 --groups= "$root" /opt/trus/bin/trus serve --model /run/models/model.onnx \
  --host 0.0.0.0 --port 8329 --token-file /run/secrets/trus_tokens
INSIDE
unshare --mount --pid --fork --kill-child bash -e "$work/inside" "$root" "$model" "$work/tokens" >"$work/out" 2>"$work/log" &
outside=$!
started=$SECONDS
until curl -fs -o /dev/null http://127.0.0.1:8329/readyz; do
  ((SECONDS - started < 120)) && kill -0 "$outside" || { cat "$work/log" >&2; exit 1; }
  sleep 0.2
done
echo "ready after $((SECONDS - started)) s"
inside=$(pgrep --parent "$outside")
curl -fsS -o /dev/null -w 'mask: %{http_code} %{content_type} %{size_download} bytes\n' -F "file=@$frame" \
  -H "Authorization: Bearer $token" -H 'Accept: image/png' http://127.0.0.1:8329/v1/segment
grep -E '^(Uid|CapEff|CapPrm|VmRSS|VmHWM)' "/proc/$inside/status"
curl -sS -o /dev/null -w 'without a token: %{http_code}\n' http://127.0.0.1:8329/v1/models
kill -TERM "$inside"
wait "$outside" && echo "SIGTERM: exit code 0"
