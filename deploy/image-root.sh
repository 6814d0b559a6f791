#!/bin/sh
# Lays out the image's file system in DIR: Node with the shared libraries it is linked to, and a user.
# Usage: image-root.sh DIR
set -eu
root=$1
node=$(command -v node)
mkdir -p "$root/usr/local/bin" "$root/etc" "$root/tmp" "$root/var/cache/icemint"
cp -L "$node" "$root/usr/local/bin/node"

# ldd prints each library's path; the loader is among them. Names are resolved by glibc itself.
ldd "$node" | grep -o '/[^ )]*' | while read -r library; do
  mkdir -p "$root$(dirname "$library")"
  cp -L "$library" "$root$library"
done

printf 'root:x:0:0:root:/:/sbin/nologin\nicemint:x:65532:65532:icemint:/app:/sbin/nologin\n' > "$root/etc/passwd"
printf 'root:x:0:\nicemint:x:65532:\n' > "$root/etc/group"
printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
# Elsewhere than in a build of the image, who packs the folder names its owner.
if [ "$(id -u)" = 0 ]; then chown 65532:65532 "$root/var/cache/icemint"; fi
