#!/bin/bash
# Runs at every start, in the Elasticsearch image: Kibana's password, and a role and a user for the agent that may touch
# its own indices and nothing else. Passwords come by the environment and go to curl by standard input and by files that
# only this user can read, so they are on no command line.
set -euo pipefail
umask 077
url="${ELASTICSEARCH_URL:-https://elasticsearch:9200}"
authority="${CA_FILE:-/certificates/ca/ca.crt}"

for name in ELASTIC_PASSWORD KIBANA_SYSTEM_PASSWORD RASAD_INDEX_PASSWORD; do
    value="${!name:-}"
    if ! [[ "$value" =~ ^[A-Za-z0-9._~-]{12,}$ ]]; then
        echo "$name in .env needs at least 12 characters, of letters, digits and . _ ~ - only" >&2
        exit 1
    fi
done

body=$(mktemp)
trap 'rm -f "$body"' EXIT

call() { # call METHOD PATH, the JSON body on standard input
    cat >"$body"
    if ! printf 'user = "elastic:%s"\n' "$ELASTIC_PASSWORD" | curl --config - --silent --show-error --fail-with-body \
        --retry 10 --retry-delay 2 --retry-connrefused --max-time 60 --cacert "$authority" --request "$1" \
        --header 'Content-Type: application/json' --data "@$body" "$url$2"; then
        echo "the request $1 $2 failed" >&2
        exit 1
    fi
    echo
}

call POST /_security/user/kibana_system/_password <<EOF
{"password": "$KIBANA_SYSTEM_PASSWORD"}
EOF
call PUT /_security/role/rasad <<'EOF'
{
  "cluster": ["monitor", "manage_index_templates", "manage_ilm"],
  "indices": [{"names": ["rasad", "rasad-*"], "privileges": ["manage", "read", "write", "create_index"]}]
}
EOF
call PUT /_security/user/rasad <<EOF
{"password": "$RASAD_INDEX_PASSWORD", "roles": ["rasad"], "full_name": "Rasad's workers and administration"}
EOF
