# A simulated region for a script of this folder, as tests/demo-region describes it. Sourced after tests/lib.sh, not
# run: begin_region [SPEC], wait_ready GROUP..., inside NODE COMMAND..., node NODE (its status as JSON). The region ends
# with the script.

[ "$(id -u)" = 0 ] || die "the region is made of namespaces, loop devices and mounts: run it as root"
sim=$root/build/dev/tests/haagent-sim
state=$(mktemp -d /tmp/haagent-situation-XXXXXX)
export HAAGENT_SIM_CONTROL=$state/control.sock
region=

step() { printf '\n== %s\n' "$*"; }
pause() { read -r -t "$1" <> <(:) || true; }
inside() { local who=$1; shift; "$sim" exec "$who" -- "$@"; }
node() { inside "$1" haagent status -o json 2>/dev/null || true; }

end_region() {
  local status=$?
  trap - EXIT INT TERM
  if [ -n "$region" ]; then
    kill "$region" 2>/dev/null || true
    wait "$region" 2>/dev/null || true
  fi
  rm -rf "$state"
  exit "$status"
}
trap end_region EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin_region() {
  need "$root"/tests/packages.{build,run}
  build dev haagent haagent-sim haagent-sim-apiserver
  setpriv --pdeathsig TERM "$sim" run --spec "${1:-$root/tests/demo-region/region.yaml}" --state "$state" --quiet \
    >"$state/region.log" 2>&1 &
  region=$!
  local tries
  for tries in $(seq 300); do
    [ -S "$HAAGENT_SIM_CONTROL" ] && return
    kill -0 "$region" 2>/dev/null || { cat "$state/region.log" >&2; die "the region did not start"; }
    pause 0.1
  done
  die "the region did not start"
}

# until_true SECONDS WHAT COMMAND...: waits for a fact.
until_true() {
  local until=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt "$until" ] || die "not in time: $what"
    pause 0.2
  done
}

is_phase() { [ "$(node "$1" | jq -r '.phase // ""' 2>/dev/null)" = "$2" ]; }

wait_ready() {
  local group
  for group in "$@"; do until_true 120 "$group is ready" is_phase "$group" ready; done
}
