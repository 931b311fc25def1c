# Makes and runs a private PostgreSQL cluster that listens on a Unix socket only. Says `ready <programs> <directory>`
# when it takes connections, or in one line what is missing. Ends the cluster and removes it when its input ends, that
# is with the process that started it, however that ends.
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
dir=$(mktemp -d /tmp/renkei-postgres-XXXXXX)
trap 'rm -rf "$dir"' EXIT
{
    "$found/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale --no-sync &&
    "$found/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -o "-k $dir -c listen_addresses= -c max_connections=200 $quick" start
} >"$dir/start.log" 2>&1 </dev/null || {
    echo "the PostgreSQL server does not start: $(tail -n 3 "$dir/start.log" | tr '\n' ' ')"
    exit 1
}
echo "ready $found $dir"
exec >/dev/null
cat >/dev/null || true
"$found/pg_ctl" -D "$dir/data" -m immediate -w stop </dev/null >/dev/null 2>&1
