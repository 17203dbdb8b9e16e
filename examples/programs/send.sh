#!/usr/bin/env bash
# Enqueues one product, twice with the same key, then a batch, and looks up what became of the first.
#   ANDON_URL=http://127.0.0.1:3000 ANDON_KEY=id.secret ./send.sh CHANNEL ORDER-OF-YOURS
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: ANDON_KEY=id.secret $0 CHANNEL ORDER-OF-YOURS" >&2; exit 2; }
url=${ANDON_URL:-http://127.0.0.1:3000} channel=$1 run=$2

# Tries again when nobody answers, and on 429 and 503 as long as Retry-After says. A refusal says why.
andon() {
  local answer
  answer=$(curl --silent --show-error --fail-with-body --max-time 30 --retry 5 --retry-connrefused \
    -H "Authorization: Bearer $ANDON_KEY" -H 'Content-Type: application/json' "$@") ||
    { echo "$answer" >&2; return 1; }
  echo "$answer"
}
queue_ids() { grep -o '"queueId":[0-9]*' | cut -d: -f2 | xargs; }

# The key says what this is about: the same key enqueues once, from wherever it is sent.
product="{\"instruction\": \"add_product\", \"channel\": \"$channel\",
          \"data\": {\"sku\": \"TSH-RED-M\", \"title\": \"Red T-shirt\"}}"
id=$(andon "$url/v1/items" -H "Idempotency-Key: $run-product" -d "$product" | queue_ids)
echo "enqueued $id"
echo "again: $(andon "$url/v1/items" -H "Idempotency-Key: $run-product" -d "$product" | queue_ids)"

# All or nothing, in this order, with nothing of anybody else's between.
echo "batch: $(andon "$url/v1/items/batch" -H "Idempotency-Key: $run-batch" -d "{\"items\": [
  {\"instruction\": \"update_product\", \"channel\": \"$channel\", \"data\": {\"sku\": \"TSH-RED-M\", \"price\": \"149.00\"}},
  {\"instruction\": \"add_image\", \"channel\": \"$channel\",
   \"data\": {\"sku\": \"TSH-RED-M\", \"src\": \"https://img.example.com/m.jpg\"}}]}" | queue_ids)"

echo "state: $(andon "$url/v1/items/$id" | grep -o '"state":"[a-z-]*"' | head -1 | cut -d'"' -f4)"
