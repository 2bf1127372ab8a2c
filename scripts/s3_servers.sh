#!/usr/bin/env bash
# Real S3 servers on loopback, for the tests in tests/s3_real:
#
#   scripts/s3_servers.sh install          their packages by apt; with STOWAGE_TEST_GO=1 those of Go by go install
#   scripts/s3_servers.sh start [NAME…]    starts rgw, swift, versitygw, minio; prints variables for `eval`
#   scripts/s3_servers.sh kill NAME        SIGKILL to all of its daemons; `start NAME` brings them back with their data
#   scripts/s3_servers.sh stop [NAME…]     ends them and removes what they stored
#   scripts/s3_servers.sh run COMMAND…     starts all, runs a command with the variables set, stops them
#
# A server that cannot be had is said on stderr and left out; one that is installed and does not start is a failure.
# Data lie in $STOWAGE_S3_DIR (default /tmp/stowage-s3), programs of Go in $STOWAGE_S3_BIN. RGW_STORE=bluestore keeps
# rgw's data on disk instead of in memory.
set -uo pipefail
DIR=${STOWAGE_S3_DIR:-/tmp/stowage-s3}
BIN=${STOWAGE_S3_BIN:-$HOME/.cache/stowage-s3/bin}
PATH=$BIN:$PATH:/usr/sbin
ALL="rgw swift versitygw minio"

say() { echo "s3_servers: $*" >&2; }
have() { for tool in "$@"; do command -v "$tool" >/dev/null || return 1; done; }

# Below those that the system gives to whoever connects: one of these could be taken while its server is away, even by a
# client that calls it, whose own port it then is.
free_port() {
  local port low=32768
  [ ! -r /proc/sys/net/ipv4/ip_local_port_range ] || read -r low _ </proc/sys/net/ipv4/ip_local_port_range
  [ "$low" -gt 12000 ] || low=32768
  while :; do
    port=$((10000 + RANDOM % (low - 10000)))
    (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null || { echo $port; return; }
  done
}

# port FOLDER NAME: the same port each time, kept in the folder.
port() {
  [ -s "$1/port.$2" ] || free_port >"$1/port.$2"
  cat "$1/port.$2"
}

# wait_for SECONDS PORT
wait_for() {
  local i
  for ((i = 0; i < $1 * 10; i++)); do
    (exec 3<>/dev/tcp/127.0.0.1/$2) 2>/dev/null && return
    sleep 0.1
  done
  return 1
}

# daemon FOLDER NAME COMMAND…: in the background, its number in FOLDER/run/NAME.pid.
daemon() {
  local folder=$1 name=$2
  shift 2
  setsid "$@" >"$folder/log/$name.out" 2>&1 </dev/null &
  echo $! >"$folder/run/$name.pid"
}

sha256() { openssl dgst -sha256 -r | cut -c1-64; }
hmac() { openssl dgst -sha256 -r -mac HMAC -macopt "$1" | cut -c1-64; }

# make_bucket ENDPOINT KEY SECRET REGION BUCKET: one signed PUT.
make_bucket() {
  local time day scope empty form key
  time=$(date -u +%Y%m%dT%H%M%SZ) day=${time%T*} empty=$(printf '' | sha256)
  scope=$day/$4/s3/aws4_request
  form=$(printf 'PUT\n/%s\n\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n\nhost;x-amz-content-sha256;x-amz-date\n%s' \
    "$5" "${1#http://}" "$empty" "$time" "$empty" | sha256)
  key=$(printf %s "$day" | hmac "key:AWS4$3")
  for part in "$4" s3 aws4_request; do key=$(printf %s "$part" | hmac "hexkey:$key"); done
  key=$(printf 'AWS4-HMAC-SHA256\n%s\n%s\n%s' "$time" "$scope" "$form" | hmac "hexkey:$key")
  curl -sS -m 20 -o /dev/null -w '%{http_code}' -X PUT "$1/$5" -H "x-amz-date: $time" -H "x-amz-content-sha256: $empty" \
    -H "Authorization: AWS4-HMAC-SHA256 Credential=$2/$scope,SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature=$key"
}

# announce NAME VARIABLE=VALUE…
announce() {
  local name=${1^^}
  shift
  for pair in "$@"; do echo "export STOWAGE_TEST_S3_${name}_${pair%%=*}='${pair#*=}'"; done
}

# ready NAME ENDPOINT KEY SECRET [MORE…]: makes the bucket and prints the variables.
ready() {
  local name=$1 endpoint=$2 key=$3 secret=$4 status i
  shift 4
  for i in {1..50}; do
    status=$(make_bucket "$endpoint" "$key" "$secret" us-east-1 test)
    [[ $status == 20? || $status == 409 ]] && break
    sleep 0.2
  done
  [[ $status == 20? || $status == 409 ]] || { say "$name refuses to make a bucket: $status"; return 1; }
  announce "$name" ENDPOINT="$endpoint" ACCESS_KEY_ID="$key" SECRET_ACCESS_KEY="$secret" BUCKET=test REGION=us-east-1 "$@"
}

# Ceph: one monitor, one store, two gateways above it.
start_rgw() {
  have ceph-mon ceph-osd ceph monmaptool radosgw radosgw-admin || { say "rgw cannot be had: no radosgw, ceph-mon, ceph-osd"; return 1; }
  local d=$DIR/rgw conf=$DIR/rgw/ceph.conf new= a b m n osd store=${RGW_STORE:-memstore}
  [ -s "$conf" ] || new=1
  mkdir -p "$d"/{mon,osd,rgw.a,rgw.b,run,log}
  a=$(port "$d" a) b=$(port "$d" b) m=$(port "$d" mon)
  [ -z "$new" ] || rgw_conf "$d" "$a" "$b" "$m" "$store" >"$conf"
  ceph_() { timeout 60 ceph -c "$conf" --connect-timeout 20 "$@" 2>>"$d/log/ceph.out"; }
  if [ -n "$new" ]; then
    monmaptool --create --addv a "[v2:127.0.0.1:$m]" --fsid "$(sed -n 's/^fsid = //p' "$conf")" "$d/monmap" >/dev/null &&
      ceph-mon -c "$conf" -i a --mkfs --monmap "$d/monmap" || return 1
  fi
  ceph-mon -c "$conf" -i a || return 1
  if [ -n "$new" ]; then
    osd=$(cat /proc/sys/kernel/random/uuid)
    n=$(ceph_ osd new "$osd") || return 1
    echo "$n" >"$d/osd.id"
    ceph-osd -c "$conf" -i "$n" --mkfs --osd-uuid "$osd" >"$d/log/mkfs.out" 2>&1 &&
      ceph_ osd crush add "osd.$n" 1.0 host=h root=default >/dev/null || return 1
  fi
  rgw_osd "$d" && rgw_gateway "$d" a "$a" && rgw_gateway "$d" b "$b" || return 1
  if [ -n "$new" ]; then
    admin() { timeout 60 radosgw-admin -c "$conf" -n client.rgw.a "$@" >/dev/null 2>>"$d/log/user.out"; }
    admin user create --uid=test --display-name=test --access-key=stowage --secret=stowage-secret &&
      admin user create --uid=full --display-name=full --access-key=full --secret=full-secret &&
      admin quota set --quota-scope=user --uid=full --max-objects=100 &&
      admin quota enable --quota-scope=user --uid=full || return 1
  fi
  ready rgw "http://127.0.0.1:$a" stowage stowage-secret ENDPOINT_B="http://127.0.0.1:$b" \
    FULL_ACCESS_KEY_ID=full FULL_SECRET_ACCESS_KEY=full-secret VERSION="$(radosgw --version | cut -d' ' -f3)"
}

# rgw_osd FOLDER: the store, unless it is there.
rgw_osd() {
  local id
  id=$(cat "$1/osd.id")
  [ -s "$1/run/osd.$id.pid" ] && kill -0 "$(cat "$1/run/osd.$id.pid")" 2>/dev/null && return
  ceph-osd -c "$1/ceph.conf" -i "$id" >/dev/null 2>>"$1/log/osd.out"
}

# rgw_gateway FOLDER NAME PORT: one that hears nothing from its store waits for minutes, so it is begun anew, up to four
# times, and the store if it went away meanwhile.
rgw_gateway() {
  local i pid=$1/run/client.rgw.$2.pid
  for i in 1 2 3 4; do
    timeout 30 radosgw -c "$1/ceph.conf" -n "client.rgw.$2" >/dev/null 2>&1 && wait_for 15 "$3" && return
    say "gateway $2 of rgw is not there after try $i"
    end "$pid"
    rgw_osd "$1" || return 1
  done
  return 1
}

rgw_conf() {
  cat <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon initial members = a
mon host = [v2:127.0.0.1:$4/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
run dir = $1/run
pid file = $1/run/\$name.pid
admin socket = $1/run/\$name.asok
log file = $1/log/\$name.log
mon cluster log file = $1/log/cluster.log
[mon]
mon data = $1/mon
# Starts in one second instead of fourteen.
paxos propose interval = 0.02
paxos min wait = 0.01
# On full disks too.
mon data avail warn = 2
mon data avail crit = 1
[osd]
osd data = $1/osd
osd objectstore = $5
memstore device bytes = 4294967296
bluestore block size = 4294967296
osd memory target = 939524096
[client]
# Without keys a gateway would wait five minutes for a secure connection.
ms mon client mode = crc secure
rgw dns name = localhost
rgw rados pool pg num min = 1
rgw run sync thread = false
rgw enable lc threads = false
rgw dynamic resharding = false
rgw crypt require ssl = false
# Else what was deleted stays for two hours, and fills the store.
rgw gc obj min wait = 5
rgw gc processor period = 5
rgw gc processor max time = 5
[client.rgw.a]
rgw data = $1/rgw.a
rgw frontends = beast endpoint=127.0.0.1:$2
[client.rgw.b]
rgw data = $1/rgw.b
rgw frontends = beast endpoint=127.0.0.1:$3
CONF
}

# Swift with s3api: no conditional writes.
start_swift() {
  have swift-proxy-server swift-account-server swift-container-server swift-object-server swift-ring-builder ||
    { say "swift cannot be had: no swift-proxy, swift-account, swift-container, swift-object"; return 1; }
  local d=$DIR/swift p x
  mkdir -p "$d"/{run,log,srv/sda1,rings}
  p=$(port "$d" proxy)
  if [ ! -s "$d/rings/swift.conf" ]; then
    for x in object container account; do
      swift-ring-builder "$d/rings/$x.builder" create 4 1 0 >/dev/null &&
        swift-ring-builder "$d/rings/$x.builder" add "r1z1-127.0.0.1:$(port "$d" "$x")/sda1" 1 >/dev/null &&
        swift-ring-builder "$d/rings/$x.builder" rebalance >/dev/null || return 1
    done
    printf '%s\n' '[swift-hash]' 'swift_hash_path_prefix = stowage' 'swift_hash_path_suffix = stowage' \
      '[storage-policy:0]' 'name = default' 'default = yes' >"$d/rings/swift.conf"
  fi
  for x in object container account; do
    printf '%s\n' '[DEFAULT]' 'bind_ip = 127.0.0.1' "bind_port = $(port "$d" "$x")" "devices = $d/srv" "swift_dir = $d/rings" \
      'mount_check = false' 'disable_fallocate = true' 'workers = 0' "user = $(id -un)" \
      '[pipeline:main]' "pipeline = $x-server" "[app:$x-server]" "use = egg:swift#$x" >"$d/$x.conf"
    daemon "$d" "$x" swift-$x-server "$d/$x.conf"
  done
  {
    printf '%s\n' '[DEFAULT]' 'bind_ip = 127.0.0.1' "bind_port = $p" "swift_dir = $d/rings" 'workers = 0' \
      "user = $(id -un)" '[pipeline:main]' \
      'pipeline = catch_errors healthcheck proxy-logging cache s3api tempauth bulk slo dlo proxy-logging proxy-server' \
      '[app:proxy-server]' 'use = egg:swift#proxy' 'account_autocreate = true'
    for x in catch_errors healthcheck s3api tempauth bulk slo dlo; do printf '%s\n' "[filter:$x]" "use = egg:swift#$x"; done |
      sed -e '/#s3api/a location = us-east-1' -e '/#tempauth/a user_test_tester = testing .admin'
    printf '%s\n' '[filter:cache]' 'use = egg:swift#memcache' '[filter:proxy-logging]' 'use = egg:swift#proxy_logging'
  } >"$d/proxy.conf"
  daemon "$d" proxy swift-proxy-server "$d/proxy.conf"
  wait_for 30 "$p" || return 1
  ready swift "http://127.0.0.1:$p" test:tester testing VERSION="$(dpkg-query -W -f '${Version}' swift-proxy 2>/dev/null)"
}

start_versitygw() {
  have versitygw || { say "versitygw cannot be had: scripts/s3_servers.sh install, which needs Go"; return 1; }
  local d=$DIR/versitygw p
  mkdir -p "$d"/{run,log,data}
  p=$(port "$d" s3)
  ROOT_ACCESS_KEY=stowage ROOT_SECRET_KEY=stowage-secret daemon "$d" versitygw versitygw --port "127.0.0.1:$p" posix "$d/data"
  wait_for 20 "$p" || return 1
  ready versitygw "http://127.0.0.1:$p" stowage stowage-secret VERSION="$(versitygw --version 2>/dev/null | sed -n 's/^Version *: *//p')"
}

start_minio() {
  have minio || { say "minio cannot be had: scripts/s3_servers.sh install, which needs Go"; return 1; }
  local d=$DIR/minio p
  mkdir -p "$d"/{run,log,data}
  p=$(port "$d" s3)
  MINIO_ROOT_USER=stowage MINIO_ROOT_PASSWORD=stowage-secret MINIO_BROWSER=off CI=true \
    daemon "$d" minio minio server "$d/data" --address "127.0.0.1:$p" --quiet
  wait_for 30 "$p" || return 1
  ready minio "http://127.0.0.1:$p" stowage stowage-secret VERSION="$(minio --version | sed -n '1s/.*version \([^ ]*\).*/\1/p')"
}

# runs NAME: whether all of its daemons are there.
runs() {
  local file
  for file in "$DIR/$1"/run/*.pid; do [ -s "$file" ] && kill -0 "$(cat "$file")" 2>/dev/null || return 1; done
}

start() {
  local name names= failed=0
  umask 077
  mkdir -p "$DIR"
  for name in "$@"; do
    if runs "$name" && [ -s "$DIR/$name.env" ] || "start_$name" >"$DIR/$name.env"; then
      names="$names $name"
      cat "$DIR/$name.env"
      continue
    fi
    [ -d "$DIR/$name" ] || continue
    say "$name is installed and does not start:"
    tail -n 3 "$DIR/$name"/log/* | cut -c 1-300 >&2
    failed=1
  done
  echo "export STOWAGE_TEST_S3_SERVERS='${names# }'"
  return $failed
}

# gone PID: whether nothing is left of a process that could hold a lock or a port. Its last thread lets go of them.
gone() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  [[ ${stat##*) } == [ZX]* ]] && [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -le 1 ]
}

# signal NAME: SIGKILL to everything whose number lies in its run folder. A process dies in its own time: one that
# writes may be there for seconds, and who takes its place too early finds its store in use, and gives up.
signal() {
  end "$DIR/$1"/run/*.pid
}

# end FILE…: SIGKILL to those whose numbers they hold.
end() {
  local file pid pids= i
  for file in "$@"; do
    [ -s "$file" ] && pid=$(cat "$file") && kill -9 "$pid" 2>/dev/null && pids="$pids $pid"
    rm -f "$file"
  done
  for pid in $pids; do
    for ((i = 0; i < 600; i++)); do gone "$pid" && break || sleep 0.05; done
  done
}

stop() {
  for name in "$@"; do
    [ -d "$DIR/$name" ] || continue
    signal "$name"
    rm -rf "${DIR:?}/$name" "$DIR/$name.env"
  done
}

install() {
  local as_root= packages=
  [ "$(id -u)" = 0 ] || as_root=sudo
  have radosgw ceph-mon ceph-osd || packages="radosgw ceph-mon ceph-osd"
  have swift-proxy-server swift-object-server || packages="$packages swift-proxy swift-account swift-container swift-object"
  if [ -n "$packages" ] && have apt-get; then
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null || say "apt cannot install $packages"
  fi
  if [ -n "${STOWAGE_TEST_GO:-}" ]; then
    have go || { say "no Go here, so no versitygw and no minio"; return; }
    mkdir -p "$BIN"
    have versitygw || GOBIN=$BIN go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2>/dev/null || say "versitygw cannot be built"
    have minio || GOBIN=$BIN go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c 2>/dev/null || say "minio cannot be built"
  fi
}

command=${1:-}
shift || true
case $command in
  install) install ;;
  start) start ${@:-$ALL} ;;
  kill) signal "$1" ;;
  stop) stop ${@:-$ALL} ;;
  run)
    trap 'stop $ALL' EXIT
    variables=$(start $ALL) || exit 1
    eval "$variables"
    "$@"
    ;;
  *)
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" >&2
    exit 2
    ;;
esac
