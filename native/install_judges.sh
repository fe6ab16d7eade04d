#!/usr/bin/env bash
# The judges of the emulator: clients that others wrote, each in an environment of its own below build/judges, never in
# the project's. Does nothing where all of them are there already; what is missing is installed side by side.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

judges=build/judges
python=${PYTHON:-python3}
clients=(
  "spot binance-sdk-spot==13.2.0"
  "usdm binance-sdk-derivatives-trading-usds-futures==18.0.1"
  "pybit pybit==5.17.0"
  "ccxt ccxt==4.5.90"
  "cryptofeed cryptofeed==2.4.1"
)

install() { # NAME REQUIREMENT: a whole environment, or none
  local folder=$judges/$1 part=$judges/.$1.part
  rm -rf "$folder" "$part"
  "$python" -m venv "$part"
  "$part/bin/python" -m pip install -q --disable-pip-version-check --no-compile "$2" 2> "$judges/$1.log" \
    || { echo "judges: $2 could not be installed:" >&2; tail -5 "$judges/$1.log" >&2; return 1; }
  echo "$2" > "$part/judge"
  mv "$part" "$folder" # its python is found by path of the folder's own pyvenv.cfg; only its scripts are not used
}

mkdir -p "$judges"
waiting=()
for client in "${clients[@]}"; do
  read -r name requirement <<< "$client"
  [ "$(cat "$judges/$name/judge" 2> /dev/null)" = "$requirement" ] && continue
  echo "judges: $requirement"
  install "$name" "$requirement" &
  waiting+=($!)
done
status=0
for child in "${waiting[@]}"; do wait "$child" || status=1; done
exit $status
