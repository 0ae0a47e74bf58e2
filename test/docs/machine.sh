# Sets up a separate machine for a bash script that runs as the first process of new namespaces (`unshare`, see
# sandbox.ts). All ports are free, /home, /etc and /var/lib can be changed without affecting the real machine, and all
# processes are killed when the script exits.
# Source it with the folder of programs as its argument. The working directory is then /home/me/lb.
set -e

# Mounts an empty folder over $1. The path $2 and the program node stay reachable if they are below $1.
cover() {
  local path entry
  cd "$1"
  mount -t tmpfs tmpfs "$1"
  for path in "$2" "$(readlink -f "$(command -v node)")"; do
    entry=${path#"$1"/}
    entry=${entry%%/*}
    if [ "$path" = "${path#"$1"/}" ] || [ -e "$1/$entry" ]; then continue; fi
    mkdir "$1/$entry"
    # The relative path is in the covered folder; the absolute path is in the new one.
    mount --no-canonicalize --rbind "./$entry" "$1/$entry"
  done
}
cover /home "$1"
cover /var/lib "$1"
cp -a /etc /home/.etc
mount --bind /home/.etc /etc
# Brings the loopback interface up without `ip`, which not every machine has: SIOCSIFFLAGS with UP and RUNNING.
perl -e 'my $up = pack("a16s", "lo", 0x41);
  socket(S, 2, 2, 0) && ioctl(S, 0x8914, $up) or die "no loopback: $!"'

export HOME=/home/me TMPDIR=/home/tmp PATH=$1:$PATH:/home/npm/bin
# npm starts with an empty cache and installs nothing on the real machine.
export npm_config_prefix=/home/npm npm_config_cache=/home/npm-cache npm_config_update_notifier=false
mkdir -p /home/me/lb /home/tmp
cd /home/me/lb

# Starts a server on its usual port and waits until it answers. Used by `setup` notes.
serve() {
  case $1 in
    etcd) etcd --data-dir "$(mktemp -d)" --log-level error & ;;
    consul) consul agent -dev -log-level err & ;;
    redis) redis-server --save '' & ;;
    zookeeper) zkServer.sh "$(mktemp -d)" & ;;
  esac >"$HOME/$1.log" 2>&1
  for _ in {1..300}; do
    case $1 in
      etcd) curl -fs http://127.0.0.1:2379/health ;;
      consul) curl -fs http://127.0.0.1:8500/v1/status/leader | grep : ;;
      redis) redis-cli ping ;;
      # Does not use ZooKeeper's own client, because each start of the client would start a JVM.
      zookeeper) (exec 9<>/dev/tcp/127.0.0.1/2181 && echo srvr >&9 && timeout 1 grep Mode <&9) ;;
    esac >/dev/null 2>&1 && return
    sleep 0.1
  done
  cat "$HOME/$1.log"
  return 1
}

set +e
