# Shared by tests/run and tests/demo. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# need FILE...: installs what the package lists name and the machine lacks.
need() {
  local missing=() package
  while read -r package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
      missing+=("$package")
  done < <(cat "$@" | grep -v '^#')
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || die "these Debian packages are missing; run as root to install them: ${missing[*]}"
  say "installing ${#missing[@]} Debian packages"
  local log
  log=$(mktemp)
  # A daemon that a package would start (etcd, haproxy) has no place on a build machine.
  if ! { apt-get update -q &&
         RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
           apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    rm -f "$log"
    die "the packages could not be installed: ${missing[*]}"
  fi
  rm -f "$log"
}

# in_tree TREE PROGRAM...: in the Debian system of that folder, with a /proc and a /dev that go with the program.
in_tree() {
  # shellcheck disable=SC2016  # the inner shell's
  unshare --mount --propagation private sh -ec 'tree=$1; shift
    mount -t proc proc "$tree/proc"; mount --rbind /dev "$tree/dev"
    exec chroot "$tree" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' sh "$@"
}

# build PRESET TARGET...: configures where needed, builds, shows the log only where it fails. How many
# seconds all builds have taken is in $built.
built=0
build() {
  local preset=$1 log started=$SECONDS
  shift
  mkdir -p "$root/build"
  log=$root/build/$preset.log
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
  say "building $preset"
  if ! { cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset" --target "$@"; } \
      >"$log" 2>&1; then
    grep -E 'error|FAILED|CMake Error' -A8 "$log" | head -60 >&2
    die "the $preset build failed; the whole log is in build/$preset.log"
  fi
  built=$((built + SECONDS - started))
  say "built $preset in $((SECONDS - started)) s"
}
