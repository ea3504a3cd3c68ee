#!/usr/bin/env bash
# A Debian 12 root with Python 3.11 and the libraries that it and the wheels need: runtime_root.sh OUT.tar
# No shell, no package manager. /var/lib/dpkg/status.d tells the packages, where vulnerability scanners look for them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mmdebstrap --quiet --variant=extract --include=base-files,netbase,libpython3.11-stdlib,python3.11-minimal,libstdc++6 \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr --skip=cleanup/apt/cache bookworm "$root" >"$work/log" 2>&1 ||
  { cat "$work/log" >&2; exit 1; }
mkdir -p "$root/var/lib/dpkg/status.d"
for deb in "$root"/var/cache/apt/archives/*.deb; do
  dpkg-deb --field "$deb" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$deb" Package)"
done
find "$root"/usr/{,s}bin -type f ! -name 'python3*' -delete
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root"/usr/{bin,sbin,share/doc} -xtype l -delete
(cd "$root" && rm -rf boot etc/apt var/cache/* var/lib/{apt,dpkg/info} usr/lib/dpkg usr/lib/x86_64-linux-gnu/gconv \
  usr/lib/python3.11/{pydoc_data,test,idlelib,ensurepip} dev/* \
  usr/share/{bash-completion,debconf,dpkg,gdb,info,lintian,locale,man,menu,perl5,pixmaps})
printf '%s\n' root:x:0:0::/root:/nonexistent trus:x:10001:10001::/tmp:/nonexistent >"$root/etc/passwd"
printf '%s\n' root:x:0: trus:x:10001: >"$root/etc/group"
tar --create --numeric-owner --sort=name --file "$1" --directory "$root" .
