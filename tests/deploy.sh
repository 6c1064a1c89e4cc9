#!/usr/bin/env bash
# Checks what is in deploy/: the systemd unit (systemd-analyze), HAProxy's configuration, and the server's in
# the folder that it is for. PROGRAM is gazelle (target/release/gazelle). With --image, also takes the steps of
# the Containerfile's second stage in a folder, and starts and ends the server in it: that needs root,
# debootstrap, and a few hundred megabytes of Debian's packages.
set -euo pipefail
cd "$(dirname "$0")/.."

image=
[ "${1:-}" = --image ] && image=yes && shift
program=$(realpath "${1:-target/release/gazelle}")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# /etc/gazelle as the operator makes it.
etc=$folder/etc/gazelle
mkdir -p "$etc/models"
cp deploy/gazelle.toml "$etc"
cp models/fashion-mnist-d.gazelle "$etc/models/chest-1.gazelle"
"$program" keygen "$folder/keys" --server localhost --client alice > /dev/null
cp -r "$folder/keys/server" "$etc/server"
"$program" config check "$etc/gazelle.toml"

# The unit, with a program that is there.
sed "s|/usr/local/bin/gazelle|$program|" deploy/gazelle.service > "$folder/gazelle.service"
grep -q "^ExecStart=$program serve " "$folder/gazelle.service"
systemd-analyze verify --man=no "$folder/gazelle.service"
echo "the unit is right"
haproxy -c -f deploy/haproxy.cfg

[ "$image" ] || exit 0
root=$folder/root
debootstrap --variant=minbase bookworm "$root" > "$folder/debootstrap.log"
stage=$(sed -n '/^FROM debian:bookworm-slim/,$p' deploy/Containerfile)
step() { sed -n "s/^$1 //p" <<< "$stage"; }
chroot "$root" sh -c "$(step RUN)"
read -r from _ to <<< "$(step COPY)"
[ "$from" = --from=build ]
install -m 755 "$program" "$root$to"
cp -r "$etc" "$root/etc/gazelle"
# The key of the store is made by the program; the admin address is asked from outside.
chroot "$root" chown -R "$(step USER)" /etc/gazelle
command=$(step ENTRYPOINT)$(step CMD)
mapfile -t words < <(grep -o '"[^"]*"' <<< "$command" | tr -d '"')
chroot --userspec="$(step USER)" "$root" "${words[@]}" > "$folder/log" &
server=$!
until curl --silent --fail http://127.0.0.1:9464/readyz; do
    kill -0 "$server"
    sleep 0.05
done
"$program" classify --tls "$folder/keys/alice" --server localhost:7464 models/samples/0000-ankle-boot.png
kill "-$(step STOPSIGNAL | sed s/SIG//)" "$server"
wait "$server"
echo "the image serves and ends"
