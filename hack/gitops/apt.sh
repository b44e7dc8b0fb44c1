#!/usr/bin/env bash
# Argo CD keeps what it computes in a Redis: Debian's, whose service is not started.
set -euo pipefail
command -v git >/dev/null || { echo "git is missing (Debian: apt-get install git)" >&2; exit 1; }
command -v redis-server >/dev/null && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "redis-server is missing; as root: apt-get update && apt-get install --no-install-recommends redis-server" >&2
  exit 1
fi
echo "installing redis-server"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# RUNLEVEL=1 keeps Debian's scripts from starting the service.
RUNLEVEL=1 apt-get install -y -qq --no-install-recommends redis-server >/dev/null
