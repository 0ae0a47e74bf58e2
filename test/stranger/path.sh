#!/usr/bin/env bash
# A newcomer's path: packs reconfd, installs the package into an empty folder, writes a conf.d as in the
# getting-started page, runs it, breaks it in many ways, and reads the messages.
#
#   bash test/stranger/path.sh      as root, after npm ci; prints all commands and their output
#
# Every message must state what is wrong, where, and what to do, with the documented exit code; and the file in use
# must stay unchanged.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
page=$top/docs/getting-started.md

if [ -z "${STRANGER_FOLDER:-}" ]; then
  # The folder is on the file system of the repository, so that its node_modules can be linked instead of copied.
  mkdir -p "$top/.cache"
  STRANGER_FOLDER=$(mktemp -d "$top/.cache/stranger-XXXXXX")
  export STRANGER_FOLDER
  trap 'rm -rf "$STRANGER_FOLDER"' EXIT
  node "$top/test/docs/programs.mjs" "$STRANGER_FOLDER/programs" || exit
  unshare --net --pid --fork --mount --mount-proc --kill-child bash "$0"
  exit
fi
. "$top/test/docs/machine.sh" "$STRANGER_FOLDER/programs"

title() { printf '\n=== %s\n' "$*"; }
fail() {
  printf '\nFAILED: %s\n' "$*"
  exit 1
}
# Runs a command that must succeed, and shows its output.
run() {
  printf '$ %s\n' "$*"
  "$@" || fail "exit code $?: $*"
}
# Prints the Nth block of commands below a heading of the page and runs it in this shell, as a reader would.
from_page() {
  local commands
  commands=$(awk -v heading="## $1" -v nth="${2:-1}" '
    $0 == heading { inside = 1; next }
    /^## / { inside = 0 }
    inside && /^```sh$/ && ++n == nth { block = 1; next }
    /^```$/ { block = 0 }
    block' "$page")
  [ -n "$commands" ] || fail "the page has no block $2 below $1"
  printf '%s\n' "$commands" | sed 's/^/$ /'
  eval "$commands" || fail "exit code $?"
}
eventually() {
  for _ in {1..150}; do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "not within 15 s: $*"
}

title 'Pack a fresh copy'
copy=$STRANGER_FOLDER/copy
mkdir "$copy"
(cd "$top" && tar c --exclude=./node_modules --exclude=./.git --exclude=./.cache --exclude=./dist .) | tar x -C "$copy"
cp -al "$top/node_modules" "$copy" 2>/dev/null || cp -a "$top/node_modules" "$copy"
run cd "$copy"
run npm run build
run npm pack

title 'Install it into an empty folder: no network, nothing in the cache of npm'
run cd /home/me/lb
run npm install --no-audit --no-fund "$copy"/reconfd-*.tgz
[ "$(npm ls --all --parseable | wc -l)" = 2 ] || fail "more than reconfd was installed: $(npm ls --all)"
run npx --no reconfd -version
export PATH=$PWD/node_modules/.bin:$PATH

title 'Follow the page'
set -m
from_page 'Start etcd and two web servers' 1
etcd=$(jobs -p %1)
eventually etcdctl endpoint health
from_page 'Start etcd and two web servers' 2
from_page 'Write a resource and a template' 1
from_page 'Write a resource and a template' 2
from_page 'Check before you write'
from_page 'Run once'
[ "$(curl -s http://127.0.0.1:8080)" = one ] || fail 'HAProxy does not answer'
from_page 'Run as a daemon' 1
daemon=$!
eventually grep -q 8082 haproxy.cfg
eventually reconfd status
run reconfd status

cp -r confd whole
cp haproxy.cfg good.cfg
resource=confd/conf.d/haproxy.toml
template=confd/templates/haproxy.cfg.njk

# told WHAT EXIT COMMAND...: runs a command that must fail, shows its output, and checks that the output contains each
# line of standard input. Then restores all files.
told() {
  local what=$1 exit=$2 code piece
  shift 2
  title "$what"
  printf '$ %s\n' "$*"
  "$@" >said 2>&1
  code=$?
  cat said
  printf '(exit code %s)\n' "$code"
  [ "$code" = "$exit" ] || fail "exit code $code instead of $exit"
  while read -r piece; do
    grep -qF -- "$piece" said || fail "it does not say: $piece"
  done
  cmp haproxy.cfg good.cfg || fail 'the file in use has changed'
  rm -rf confd
  cp -r whole confd
}

title 'Break it while it runs: the daemon keeps its previous configuration'
run sed -i 's/^keys/keyz/' $resource
eventually grep -q 'unknown key keyz' reconfd.log
told 'the log of the daemon' 0 tail -n 6 reconfd.log <<'END'
its previous definition stays in use until the file is corrected
confd/conf.d/haproxy.toml:4:1: unknown key keyz
did you mean keys?
END
eventually grep -q 'configuration reloaded' reconfd.log
run sed -i 's/{% endfor %}//' $template
eventually grep -q 'render failed' reconfd.log
told 'the status that an operator sees at night' 1 reconfd status <<'END'
haproxy.toml  failed
haproxy.cfg.njk:12:1: {% for %} is never closed
END
eventually reconfd status
run kill "$daemon"
wait "$daemon"

sed -i 's/^keys/keyz/' $resource
told 'A key of the resource is mistyped' 78 reconfd -onetime <<'END'
confd/conf.d/haproxy.toml:4:1: unknown key keyz
4 | keyz       = ["/services/web"]
did you mean keys?
END

sed -i 's/^dest .*/dest = haproxy.cfg/' $resource
told 'The file is not TOML' 78 reconfd -onetime <<'END'
confd/conf.d/haproxy.toml:3:8: TOML syntax
3 | dest = haproxy.cfg
put text in quotes
END

sed -i 's/haproxy.cfg.njk/haproxi.cfg.njk/' $resource
told 'The template is missing' 78 reconfd -onetime <<'END'
confd/conf.d/haproxy.toml:2:14: template haproxi.cfg.njk is missing
did you mean src = "haproxy.cfg.njk"? Otherwise create /home/me/lb/confd/templates/haproxi.cfg.njk
END

sed -i 's/{% endfor %}//' $template
told 'The template has a mistake' 1 reconfd -onetime <<'END'
confd/templates/haproxy.cfg.njk:12:1: {% for %} is never closed
12 | {% for s in gets("/services/web/*") %}
put {% endfor %} where it ends
END

sed -i '1i maxconn {{ getv("/services/web/max") }}' $template
told 'A key is missing in the store' 1 reconfd -onetime <<'END'
confd/templates/haproxy.cfg.njk:1:12: key "/services/web/max" does not exist
give a default: getv("/services/web/max", "..."), or add the key
END

sed -i 's/ check$/ chekc/' $template
told 'check_cmd refuses the file' 1 reconfd -onetime <<'END'
check_cmd failed with exit code 1: haproxy -c -f
unknown keyword 'chekc'
is unchanged; correct the keys or the template
END

sed -i 's/haproxy -c/haproxi -c/' $resource
sed -i 's/ check$/ check inter 3s/' $template
told 'The program of check_cmd is missing' 1 reconfd -onetime <<'END'
check_cmd failed with exit code 127: haproxi -c -f
a program was not found: check PATH, or use its full path
END

sed -i 's/"haproxy.cfg"/"out\/haproxy.cfg"/' $resource
told 'The folder of dest is missing' 1 reconfd -onetime <<'END'
cannot write /home/me/lb/out/haproxy.cfg: no such file or directory (ENOENT)
run mkdir -p /home/me/lb/out, or set mkdirs = true
END

told 'A flag is mistyped' 64 reconfd -onetme <<'END'
unknown flag -onetme
did you mean -onetime?
END

told 'A command is mistyped' 64 reconfd staus <<'END'
unknown command "staus"
did you mean status?
END

told 'A setting has a wrong value' 78 env CONFD_TIMEOUT=soon reconfd -onetime <<'END'
environment variable CONFD_TIMEOUT: "soon" is not a duration such as 10 (seconds), 250ms or 1m30s
see -timeout
END

told 'There is no such folder' 78 reconfd -onetime -confdir confdd <<'END'
/home/me/lb/confdd/conf.d: the folder of resources is missing
set another folder with -confdir
END

told 'Something else answers in place of etcd' 69 reconfd -onetime -node 127.0.0.1:8081 -timeout 1s <<'END'
etcd at http://127.0.0.1:8081 sent an invalid response
check -node and -scheme, and whether there is a proxy in between
END

run kill "$etcd"
wait "$etcd"
told 'The store is unreachable' 69 reconfd -onetime -timeout 1s <<'END'
etcdv3 returned no keys within 1 s: cannot reach etcd at http://127.0.0.1:12379: connection refused
check that etcd is running there, and check -node
END
told 'and the preflight check' 69 reconfd -preflight -timeout 1s <<'END'
FAILED  cannot reach etcd at http://127.0.0.1:12379: connection refused
haproxy.toml /home/me/lb/haproxy.cfg  ok      can be written
END

title 'A reload fails: the new file is in place, the reload is owed until it succeeds'
echo '{services: {web: {n1: 127.0.0.1:8082}}}' >keys.yaml
unset CONFD_NODES
run mv haproxy.sock away.sock
cat >expected.cfg <<END
$(sed '/server n/d' good.cfg)
    server n1 127.0.0.1:8082 check
END
cp expected.cfg good.cfg
told 'a onetime run' 1 reconfd -onetime -file keys.yaml <<'END'
reload is owed, try 1 failed: reload_cmd failed with exit code
no HAProxy answers at haproxy.sock: No such file or directory
the file is in place, but the program has not loaded it; run the command by hand to see why it fails
END
told 'the status shows it' 1 reconfd status <<'END'
haproxy.toml  owed
END
run mv away.sock haproxy.sock
told 'the next run reloads, with the file in sync' 0 reconfd -onetime -file keys.yaml <<'END'
haproxy.toml: reloaded in
END
two() { [ "$(curl -s http://127.0.0.1:8080)" = two ]; }
eventually two

title 'The end of the path: everything was as expected'
