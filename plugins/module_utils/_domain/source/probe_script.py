# Copyright (c) 2026 The nodecare.longhorn maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod in the cluster does to read sources: a POSIX shell script around curl.

It runs in the container image of Longhorn's own backing image managers, which has been on the nodes
since before, and in which ``curl`` is installed by name (longhorn/backing-image-manager
package/Dockerfile, ``zypper -n install kmod curl wget …``, branches v1.5.x to v1.12.x; the image of
longhorn-manager installs none). The rest is coreutils and sed of the same base image. As Longhorn's
downloader it asks HEAD, then GET, and follows redirections; a body is read once, as a stream.

Everything it is told comes by environment variables from a Secret: ``SOURCES`` how many,
``SECONDS_MAX`` the longest time for one, ``IDLE_MAX`` the longest silence, ``SOURCE_<n>`` the lines
of curl's config (so the URL is in no argument that a process list shows), ``LONGEST_<n>`` the most
bytes that can be right (0: not known), ``SCHEME_<n>``. It writes no file: no here-document either,
because bash makes a file for one. Each line of its output is one JSON object, see `probe_log`.
``%{stderr}`` needs curl 7.63; these images have later ones (SUSE 15.2 on).
"""

from __future__ import annotations

TOOLS = ("curl", "dd", "head", "od", "sed", "sha512sum", "tr")
# How many are read at a time, and after how many bytes each tells how far it is (1024 * 64 KiB).
READERS_MAX = 4
REDIRECTS_MAX = 10
CUTS_MAX = 5

SCRIPT = (
    r"""
set -uf
LC_ALL=C
export LC_ALL
cr=$(printf '\r')
for tool in @TOOLS@; do
  command -v "$tool" >/dev/null 2>&1 || { printf '{"missing": "%s"}\n' "$tool"; exit 0; }
done
printf '{"begun": %d}\n' "$SOURCES"

# Ask source $1 with further arguments for curl: the body goes to descriptor 4, what -w asks for to
# standard output, then curl's exit code.
ask() {
  eval "config=\$SOURCE_$1"
  shift
  left=$((end - $(date +%s)))
  [ "$left" -gt 0 ] || left=1
  { printf '%s\n' "$config" | curl -q --config - --silent --globoff --location \
      --max-redirs @REDIRECTS@ --proto =http,https --proto-redir =http,https \
      --connect-timeout 10 --speed-limit 1 --speed-time "$IDLE_MAX" --max-time "$left" \
      --user-agent nodecare.longhorn \
      --write-out '%{stderr}%{http_code} %{size_download} %{num_redirects}' "$@" 2>&1 >&4
    printf ' %d' "$?"; } </dev/null
}

# From the headers of all answers: length, whether https led to http, and what proves that it is the
# same file later (a strong ETag, else its date).
headers() {
  length=-1 downgraded=false tag= date=
  while IFS= read -r line; do
    line=${line%"$cr"}
    value=${line#*:}
    value=${value# }
    case $line in
      HTTP/*) length=-1 tag= date= ;;
      [Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]:*)
        case $value in ''|*[!0-9]*) ;; *) length=$value ;; esac ;;
      [Ee][Tt][Aa][Gg]:*) case $value in '"'*) tag=$value ;; esac ;;
      [Ll][Aa][Ss][Tt]-[Mm][Oo][Dd][Ii][Ff][Ii][Ee][Dd]:*) date=$value ;;
      [Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]:*)
        case $value in
          [Hh][Tt][Tt][Pp][Ss]:*) scheme=https ;;
          [Hh][Tt][Tt][Pp]:*)
            [ "$scheme" = https ] && downgraded=true
            scheme=http ;;
        esac ;;
    esac
  done
  printf '%s %s %s' "$length" "$downgraded" "${tag:-$date}"
}

# The body of source $1 to descriptor 4, begun anew or resumed after a cut; at the end one line for
# descriptor 5: status, bytes, redirections, exit code, cuts, whether to begin anew.
fetch() {
  have=0 again=0
  set --  "$1"
  while :; do
    told=$(ask "$@" --fail)
    # shellcheck disable=SC2086
    fetched $told
    case $code in
      16|18|56|92) ;;
      33) again=1; break ;;
      *) break ;;
    esac
    [ "$status" = 200 ] || [ "$status" = 206 ] || break
    cuts=$((cuts + 1))
    [ "$cuts" -le @CUTS@ ] || break
    if [ -z "$mark" ] || [ "$have" = 0 ]; then again=1; break; fi
    set -- "$1" --continue-at "$have" --header "If-Range: $mark"
  done
  [ "$status" != 206 ] || [ "$code" != 0 ] || [ "$#" = 1 ] || status=200
  printf 'F %s %s %s %s %s %s\n' "$status" "$have" "$redirects" "$code" "$cuts" "$again" >&5
}

fetched() {
  status=$1 have=$((have + $2)) redirects=$3 code=$4
}

# Standard input in pieces to descriptor 6, a line of progress for each.
pieces() {
  passed=64
  while :; do
    told=$(dd bs=65536 count=1024 iflag=fullblock 2>&1 >&6)
    # shellcheck disable=SC2086
    set -- $told
    [ "$1" != 0+0 ] || break
    passed=$((passed + $7))
    printf '{"source": %d, "so_far": %d}\n' "$number" "$passed" >&3
  done
}

# The first 64 bytes in octal, then the SHA-512 of everything.
digest() {
  first=$(dd bs=64 count=1 iflag=fullblock 2>/dev/null | od -An -v -t o1 | tr -d '\n')
  sum=$({ printf "$(printf '%s' "$first" | sed 's/ /\\/g')"; pieces 6>&1; } | sha512sum)
  printf 'D %s %s\n' "${sum%% *}" "$first"
}

limited() {
  if [ "$longest" -gt 0 ]; then head -c $((longest + 1)); else exec cat; fi
}

# One line in one write: those of other readers go between lines only.
answer() {
  printf '{"source": %d, "stage": "%s", "curl": %d, "status": %d, "length": %d, "received": %d, '\
'"redirects": %d, "cuts": %d, "downgraded": %s, "sha512": "%s", "head": "%s", "seconds": %d}\n' \
    "$number" "$1" "$code" "$((1$status - 1000))" "$length" "$have" \
    "$redirects" "$cuts" "$downgraded" "$2" "$3" $(($(date +%s) - begun))
}

read_source() {
  number=$1 cuts=0 have=0
  begun=$(date +%s)
  end=$((begun + SECONDS_MAX))
  eval "longest=\$LONGEST_$1 scheme=\$SCHEME_$1"
  told=$({ ask "$1" --head --write-out '\nW %{http_code} 0 %{num_redirects}' 4>&1; } 2>/dev/null)
  what=${told##*W }
  # shellcheck disable=SC2086
  fetched $what
  told=$(printf '%s\n' "$told" | headers)
  length=${told%% *} told=${told#* }
  downgraded=${told%% *} mark=${told#* }
  [ "$code" = 0 ] && [ "$status" = 200 ] || { answer HEAD '' ''; return; }
  if [ "$longest" -gt 0 ] && [ "$length" -ge 0 ] && [ "$length" != "$longest" ]; then
    answer HEAD '' ''
    return
  fi
  while :; do
    told=$({ { fetch "$1" 4>&1 | limited | digest; } 5>&1; })
    digested=${told#*D }
    fetched_line=${told#*F }
    digested=${digested%%F*} fetched_line=${fetched_line%%D*}
    # shellcheck disable=SC2086
    set -- "$1" $fetched_line
    status=$2 have=$3 redirects=$4 code=$5 cuts=$6
    [ "$7" = 1 ] && [ "$cuts" -le @CUTS@ ] || break
    [ "$code" != 33 ] || mark=
  done
  digested=$(printf '%s' "$digested" | tr '\n' ' ')
  first=${digested#* }
  answer GET "${digested%% *}" "${first% }"
}

reader() {
  next=$1
  while [ "$next" -lt "$SOURCES" ]; do
    read_source "$next"
    next=$((next + @READERS@))
  done
}

exec 3>&1
turn=0
while [ "$turn" -lt @READERS@ ]; do
  reader "$turn" &
  turn=$((turn + 1))
done
wait
printf '{"ended": %d}\n' "$SOURCES"
""".replace("@TOOLS@", " ".join(TOOLS))
    .replace("@REDIRECTS@", str(REDIRECTS_MAX))
    .replace("@CUTS@", str(CUTS_MAX))
    .replace("@READERS@", str(READERS_MAX))
)
