#!/bin/sh
# Makes a catalog, roles and principals in Polaris, as its administrator `root`. A repeat changes nothing.
# Usage: setup.sh WAREHOUSE     (a folder for tables)
# TOKENS and POLARIS name other addresses than those of the example.
set -eu
tokens=${TOKENS:-http://127.0.0.1:8181/v1/oauth/tokens}
polaris=${POLARIS:-http://127.0.0.1:8281}/api/management/v1
warehouse=${1:?a folder for tables}
here=$(cd "$(dirname "$0")" && pwd)

# The secret and the token go by standard input: arguments are seen by every user of the machine.
token=$(printf 'grant_type=client_credentials&client_id=root&client_secret=%s' "$(cat "$here/secrets/root")" |
  curl -sS --fail-with-body --data @- "$tokens" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')

put() { # METHOD PATH JSON; what is there already (409) stays
  status=$(printf 'header = "Authorization: Bearer %s"\n' "$token" |
    curl -sS -K - -o "$answer" -w '%{http_code}' -X "$1" -H 'Content-Type: application/json' -d "$3" "$polaris/$2")
  case $status in
    2?? | 409) echo "$status $1 $2" ;;
    *) echo "$status $1 $2: $(cat "$answer")" >&2; exit 1 ;;
  esac
}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

put POST catalogs "{\"catalog\": {\"type\": \"INTERNAL\", \"name\": \"lake\", \"properties\": {\"default-base-location\": \"file://$warehouse\"},
  \"storageConfigInfo\": {\"storageType\": \"FILE\", \"allowedLocations\": [\"file://$warehouse\"]}}}"

# ROLE of principals, ROLE of the catalog, its privilege
role() {
  put POST principal-roles "{\"principalRole\": {\"name\": \"$1\"}}"
  put POST catalogs/lake/catalog-roles "{\"catalogRole\": {\"name\": \"$2\"}}"
  put PUT "catalogs/lake/catalog-roles/$2/grants" "{\"grant\": {\"type\": \"catalog\", \"privilege\": \"$3\"}}"
  put PUT "principal-roles/$1/catalog-roles/lake" "{\"catalogRole\": {\"name\": \"$2\"}}"
}
role etl writer CATALOG_MANAGE_CONTENT
role reader viewer CATALOG_READ_PROPERTIES
put PUT catalogs/lake/catalog-roles/viewer/grants '{"grant": {"type": "catalog", "privilege": "NAMESPACE_LIST"}}'
put PUT catalogs/lake/catalog-roles/viewer/grants '{"grant": {"type": "catalog", "privilege": "TABLE_LIST"}}'
put PUT catalogs/lake/catalog-roles/viewer/grants '{"grant": {"type": "catalog", "privilege": "TABLE_READ_DATA"}}'

# PRINCIPAL, its roles. The name is the client's id, or a user's subject such as idp:alice.
principal() {
  name=$1
  put POST principals "{\"principal\": {\"name\": \"$name\"}}"
  shift
  for role in "$@"; do
    put PUT "principals/$name/principal-roles" "{\"principalRole\": {\"name\": \"$role\"}}"
  done
}
principal spark-etl etl
principal notebook etl reader
