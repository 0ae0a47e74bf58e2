# The machine on which a page is read: bash runs this as the first process of namespaces of its own, so
# fixed ports are free, /home, /etc and /var/lib may be written, and all ends with it.
# Commands come by descriptor 3, each behind the file for its output; their exit codes go out by 4.
set -e
programs=$1

mount -t tmpfs tmpfs /home
# Only ours to write in: what the machine has there can be read.
cp -a /etc /home/.etc
mount --bind /home/.etc /etc
mount -t tmpfs tmpfs /var/lib
# `ip` is not there on every machine; perl is. SIOCSIFFLAGS: up and running.
perl -e 'my $up = pack("a16s", "lo", 0x41);
  socket(S, 2, 2, 0) && ioctl(S, 0x8914, $up) or die "no loopback: $!"'

export HOME=/home/me PATH=$programs:$PATH
mkdir -p /home/me/lb
cd /home/me/lb

# Starts a server on its usual port, and waits until it answers. For `setup` notes.
serve() {
  case $1 in
    etcd) etcd --data-dir "$(mktemp -d)" --log-level error & ;;
    consul) consul agent -dev -log-level err & ;;
    redis) redis-server --save '' & ;;
    zookeeper) zkServer & ;;
  esac >"$HOME/$1.log" 2>&1
  for _ in {1..300}; do
    case $1 in
      etcd) etcdctl endpoint health ;;
      consul) consul kv put ready yes && consul kv delete ready ;;
      redis) redis-cli ping ;;
      zookeeper) zkCli.sh ls / ;;
    esac >/dev/null 2>&1 && return
    sleep 0.1
  done
  cat "$HOME/$1.log"
  return 1
}

set +e
# As at a terminal, each command in the background is a job (%1) with a process group of its own.
set -m
while IFS= read -r -d '' output <&3 && IFS= read -r -d '' command <&3; do
  eval "$command" </dev/null >"$output" 2>&1 3<&- 4>&-
  printf '%s\0' $? >&4
done
