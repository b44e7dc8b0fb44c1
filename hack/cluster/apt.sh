#!/usr/bin/env bash
# Installs what the test cluster takes from Debian; quick when everything is there.
set -euo pipefail

packages=(
  util-linux iproute2            # namespaces, and the link into them
  runc containernetworking-plugins nftables conntrack busybox-static   # real nodes
  postgresql                     # a real store
  mariadb-server-core mariadb-client-core   # another: the programs alone, no server of the machine's own
  python3-venv                   # what checks manifests by the schemas of Kubernetes
)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "missing Debian packages; as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A postgresql server of the machine's own is not wanted: tests start and stop theirs.
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
