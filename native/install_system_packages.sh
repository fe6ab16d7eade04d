#!/usr/bin/env bash
# Installs the few system packages that pip cannot: compiler, CMake, Python headers, simdjson, doctest.
set -euo pipefail

python=${PYTHON:-python3}
missing=()
need() { missing+=("$1"); }

command -v "$python" > /dev/null || need python3
command -v g++ > /dev/null || need g++
command -v cmake > /dev/null || need cmake
if command -v "$python" > /dev/null; then
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || { echo "setup: Python 3.11 or newer is needed, found $("$python" --version); name one with PYTHON=..." >&2; exit 1; }
  "$python" -c 'import ensurepip, venv' 2> /dev/null || need python3-venv
  include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  [ -f "$include/Python.h" ] || need python3-dev
fi
[ -n "${LOB_SIMDJSON_DIR:-}" ] || [ -f /usr/include/simdjson.h ] || need libsimdjson-dev
[ -f /usr/include/doctest/doctest.h ] || need doctest-dev

[ ${#missing[@]} -eq 0 ] && exit 0
command="apt-get update -qq && apt-get install -y -qq ${missing[*]}"
if ! command -v apt-get > /dev/null; then
  echo "setup: missing ${missing[*]}; install what your system calls these, then run again" >&2
  exit 1
fi
if [ "$(id -u)" -eq 0 ]; then run=(bash -c); elif sudo -n true 2> /dev/null; then run=(sudo bash -c); else
  echo "setup: missing ${missing[*]}; type: sudo bash -c '$command'" >&2
  exit 1
fi
echo "setup: system packages ${missing[*]}"
DEBIAN_FRONTEND=noninteractive "${run[@]}" "$command" > /dev/null \
  || { echo "setup: could not install ${missing[*]}; type: sudo bash -c '$command'" >&2; exit 1; }
