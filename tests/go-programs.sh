# Sourced: builds programs from Go modules that pin every byte, and keeps them outside of the tree.
#
# go_programs MODULE LINK WHAT [LDFLAGS]: builds the tools of the Go module in the folder MODULE into
# ${XDG_CACHE_HOME:-/var/cache}/haagent-tests, again only where the module, this file or Go has changed. LINK leads to
# them. Where they cannot be had here (no Go, an old one, no module proxy) LINK.missing says why, and the tests that
# need them are skipped with that. A checksum that does not fit, or source that does not compile, is a failure.

go_cache=${XDG_CACHE_HOME:-/var/cache}/haagent-tests
go_self=${BASH_SOURCE[0]}
go=$(command -v go || ls /usr/local/go/bin/go 2>/dev/null || true)
# One Go for all of it: none is downloaded, and no setting of the machine's changes what is built.
export GOTOOLCHAIN=local GOWORK=off GOFLAGS= CGO_ENABLED=0
if [ -z "${HOME:-}" ]; then export GOCACHE=$go_cache/go-build GOMODCACHE=$go_cache/go-mod; fi

go_missing() { # go_missing LINK WHAT WHY
  rm -f "$1"
  printf '%s: %s\n' "$2" "$3" >"$1.missing"
  printf 'no %s: %s\n' "$2" "$3"
}

go_programs() {
  local module=$1 link=$2 what=$3 ldflags=${4:-} wanted have key folder work began=$SECONDS
  [ -f "$module/go.mod" ] || { echo "error: there is no $module/go.mod" >&2; return 1; }
  mkdir -p "$(dirname "$link")"
  [ -n "$go" ] || { go_missing "$link" "$what" "there is no Go to build it with"; return; }
  wanted=$(sed -n 's/^go //p' "$module/go.mod")
  have=$("$go" env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
  if [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -1)" != "$wanted" ]; then
    go_missing "$link" "$what" "it needs Go $wanted or later, and $go is $have"
    return
  fi
  key=$(cat "$module/go.mod" "$module/go.sum" "$go_self" <("$go" version; echo "$ldflags") | sha256sum | cut -c1-12)
  folder=$go_cache/${what// /-}-$key
  if [ ! -d "$folder" ]; then
    mkdir -p "$go_cache"
    work=$(mktemp -d "$go_cache/.${what// /-}-XXXXXX")
    # shellcheck disable=SC2064  # the folder of now
    trap "rm -rf '$work' '$work.log'" EXIT
    # What the proxy does not give is no fault of ours; what it gives wrong is told by Go, and is one.
    if ! "$go" -C "$module" list -mod=readonly -deps tool >/dev/null 2>"$work.log"; then
      if grep -qiE 'security error|checksum mismatch|missing go.sum|updates to go.mod' "$work.log"; then
        cat "$work.log" >&2
        return 1
      fi
      go_missing "$link" "$what" "its Go modules cannot be had: $(tail -n 1 "$work.log")"
      return
    fi
    if ! "$go" -C "$module" build -mod=readonly -buildvcs=false -trimpath -ldflags="-s -w $ldflags" -o "$work/" tool \
        2>"$work.log"; then
      cat "$work.log" >&2
      return 1
    fi
    chmod 755 "$work"
    # Two that build at once: one of them comes first, and both are the same.
    mv -T "$work" "$folder" 2>/dev/null || [ -d "$folder" ]
    rm -rf "$work" "$work.log"
    trap - EXIT
    printf 'built %s in %d s\n' "$what" $((SECONDS - began))
  fi
  rm -f "$link.missing"
  ln -sfnT "$folder" "$link"
}
