# Makes and runs a private PostgreSQL cluster that listens on a Unix socket only. Prints `ready <programs> <directory>`
# when it accepts connections, or in one line what is missing. Ends the cluster and removes it when its input ends, that
# is with the process that started it, however that ends. With the arguments CERTIFICATE KEY PORT (PEM) it also listens on
# the loopback network, offers TLS, and asks for a password there.
set -eu
found=
for bin in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin "$(dirname "$(readlink -f "$(command -v initdb || true)")")"; do
    if [ -x "$bin/initdb" ] && [ -x "$bin/pg_ctl" ] && [ -x "$bin/psql" ]; then found=$bin; fi
done
if [ -z "$found" ]; then
    echo "the tests need a PostgreSQL server: install one, such as Debian's package postgresql"
    exit 1
fi
# Tests need nothing to outlast the machine; measurements ask for the server as it comes.
quick="-c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off"
[ -z "${DURABLE:-}" ] || quick=
dir=$(mktemp -d "$FOLDER/renkei-postgres-XXXXXX")
trap 'rm -rf "$dir"' EXIT
network=listen_addresses=
if [ $# -eq 3 ]; then
    network="listen_addresses=127.0.0.1,127.0.0.2"
    (umask 077 && printf '%s' "$1" >"$dir/server.pem" && printf '%s' "$2" >"$dir/server.key")
    printf 'local all all trust\nhost all all 127.0.0.0/8 scram-sha-256\n' >"$dir/hba"
fi
{
    "$found/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync &&
    if [ $# -eq 3 ]; then
        printf "%s\n" "port = $3" "ssl = on" "ssl_cert_file = '$dir/server.pem'" "ssl_key_file = '$dir/server.key'" \
            "hba_file = '$dir/hba'" >>"$dir/data/postgresql.conf"
    fi &&
    "$found/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -o "-k $dir -c $network -c max_connections=500 $quick" start
} >"$dir/start.log" 2>&1 </dev/null || {
    echo "the PostgreSQL server does not start: $(tail -n 3 "$dir/start.log" | tr '\n' ' ')"
    exit 1
}
echo "ready $found $dir ${3:-5432}"
exec >/dev/null
cat >/dev/null || true
"$found/pg_ctl" -D "$dir/data" -m immediate -w stop </dev/null >/dev/null 2>&1
