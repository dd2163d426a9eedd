#!/bin/bash
# Runs once, in the Elasticsearch image: a certificate authority and a certificate for the node, in the volume `certificates`.
# Idempotent: what is there stays, so that clients need no new authority when the stack is started again.
set -euo pipefail
target="${CERTIFICATES:-/certificates}"
if [ -f "$target/ca/ca.crt" ] && [ -f "$target/elasticsearch/elasticsearch.key" ]; then
    echo "certificates are there already"
    exit 0
fi
work="$target/.work"
rm -rf "$work" "$target/ca" "$target/elasticsearch"
mkdir "$work"
cd "${ELASTICSEARCH_HOME:-/usr/share/elasticsearch}"
bin/elasticsearch-certutil ca --silent --pem --days 3650 --out "$work/ca.zip"
unzip -q "$work/ca.zip" -d "$work"
bin/elasticsearch-certutil cert --silent --pem --days 3650 --name elasticsearch \
    --dns elasticsearch --dns localhost --ip 127.0.0.1 \
    --ca-cert "$work/ca/ca.crt" --ca-key "$work/ca/ca.key" --out "$work/elasticsearch.zip"
unzip -q "$work/elasticsearch.zip" -d "$work"
# Elasticsearch runs as user 1000 of group 0 and reads its key by the group; the authority's own key is nobody else's.
chmod 755 "$work/ca" "$work/elasticsearch"
chmod 644 "$work/ca/ca.crt" "$work/elasticsearch/elasticsearch.crt"
chmod 640 "$work/elasticsearch/elasticsearch.key"
chmod 600 "$work/ca/ca.key"
mv "$work/ca" "$target/ca"
mv "$work/elasticsearch" "$target/elasticsearch"
rm -rf "$work"
echo "certificates made"
