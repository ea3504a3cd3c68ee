#!/usr/bin/env bash
# A Debian 12 root with Python 3.11 and the libraries it needs, and nothing else: runtime_root.sh OUT.tar
# What Debian installed is told file by file below /var/lib/dpkg/status.d, where vulnerability scanners look.
set -euo pipefail
mmdebstrap --quiet --variant=extract --include=base-files,netbase,libpython3.11-stdlib,python3.11-minimal,libstdc++6 \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --skip=cleanup/apt/cache \
  --customize-hook='mkdir -p "$1/var/lib/dpkg/status.d"
    for deb in "$1"/var/cache/apt/archives/*.deb; do
      dpkg-deb --field "$deb" >"$1/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
    done' \
  --customize-hook='cd "$1" && rm -rf boot media mnt srv usr/share/{doc-base,info,lintian,locale,man,perl5,pixmaps} \
    usr/share/{bash-completion,debconf,dpkg,gdb,menu} usr/lib/python3.11/{pydoc_data,test,idlelib,ensurepip} \
    usr/lib/x86_64-linux-gnu/gconv var/cache/* var/lib/apt usr/sbin/* etc/apt \
    && find usr/bin -type f ! -name "python3*" -delete && find usr/share/doc -type f ! -name copyright -delete' \
  --customize-hook='printf "trus:x:10001:10001::/tmp:/nonexistent\n" >>"$1/etc/passwd"
    printf "trus:x:10001:\n" >>"$1/etc/group"' \
  bookworm "$1"
