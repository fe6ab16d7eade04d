#!/usr/bin/env bash
# What tests of the running house need beside Python: InfluxDB and PostgreSQL unpacked below build/services, so that
# neither becomes a daemon of this machine, and a browser. Does nothing where all of it is there already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

services=build/services
influxd=$services/influxdb/usr/bin/influxd
postgres=$services/postgresql/bin # a link to the folder of the version that was unpacked
browsers=(chromium chromium-browser google-chrome)

fail() {
  echo "test services: $1" >&2
  exit 1
}

has_browser() {
  local name
  for name in "${browsers[@]}"; do command -v "$name" > /dev/null && return 0; done
  return 1
}

runs() { # PROGRAM: it is there, and every library that it wants is found
  [ -x "$1" ] && ! ldd "$1" 2> /dev/null | grep -q 'not found'
}

has_postgres() {
  runs $postgres/postgres && runs $postgres/initdb && runs $postgres/pg_isready
}

is_whole() {
  runs $influxd && has_postgres && [ -d /usr/share/zoneinfo ] && has_browser \
    && [ -n "$(find /usr/share/fonts -name '*.ttf' -print -quit 2> /dev/null)" ]
}

is_whole && exit 0
command -v apt-get > /dev/null || fail "no apt-get here: put influxd (1.x) to $influxd, link PostgreSQL's folder of \
programs to $postgres, and install chromium and a TrueType font"
if [ "$(id -u)" -eq 0 ]; then root=(env); elif sudo -n true 2> /dev/null; then root=(sudo env); else
  fail "packages are missing and there is no root here; type: sudo bash ${BASH_SOURCE[0]}"
fi
apt() { "${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" > /dev/null || fail "apt-get $* failed"; }

unpack() { # FOLDER PACKAGES: the newest packages' files, whole or not at all
  local folder=$services/$1 download archive
  shift
  echo "test services: unpacking $* below $services"
  download=$(mktemp -d)
  chmod 755 "$download" # apt fetches as a user of its own
  [ "$(id -u)" -ne 0 ] || chown _apt "$download" 2> /dev/null || true
  (cd "$download" && apt-get -qq download "$@" > /dev/null) || fail "could not download the packages $*"
  rm -rf "$folder" "$folder.part"
  mkdir -p "$services"
  for archive in "$download"/*.deb; do dpkg -x "$archive" "$folder.part"; done
  rm -rf "$download"
  mv "$folder.part" "$folder"
}

missing() { # PACKAGES: those of them that are not installed
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2> /dev/null)" = "ii " ] || echo "$package"
  done
}

libraries() { # PACKAGE: the libraries that it depends on; LLVM is a compiler of queries that nobody here asks for
  apt-cache depends --no-recommends --no-suggests "$1" | sed -n 's/^ *|\?Depends: \(lib[^ ]*\)$/\1/p' | grep -v llvm
}

apt update
runs $influxd || unpack influxdb influxdb
server=$(apt-cache depends postgresql | sed -n 's/^ *Depends: \(postgresql-[0-9]*\)$/\1/p')
[ -n "$server" ] || fail "apt knows no postgresql"
wanted=(tzdata fonts-dejavu-core)
if [ ! -x $postgres/postgres ] || [ ! -x $postgres/pg_isready ]; then
  unpack postgresql "$server" "${server/postgresql/postgresql-client}"
  rm -rf "$services"/postgresql/usr/lib/postgresql/*/lib/bitcode # for LLVM
  ln -s "usr/lib/postgresql/${server#postgresql-}/bin" $postgres
fi
has_postgres || mapfile -t -O 2 wanted < <(libraries "$server")
has_browser || wanted+=(chromium)
mapfile -t packages < <(missing "${wanted[@]}")
if [ ${#packages[@]} -gt 0 ]; then
  echo "test services: system packages ${packages[*]}"
  apt install -y --no-install-recommends "${packages[@]}"
fi
is_whole || fail "something is still missing after the installation: $influxd, $postgres, a browser (${browsers[*]}), a font"
