"""Enqueues one product, twice with the same key, then a batch, and looks up what became of the first.

ANDON_URL=http://127.0.0.1:3000 ANDON_KEY=id.secret python3 send.py CHANNEL ORDER-OF-YOURS
"""
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ.get("ANDON_URL", "http://127.0.0.1:3000")
KEY = os.environ.get("ANDON_KEY", "")


def andon(method, path, body=None, idempotency_key=None, tries=5):
    """One call. Sent again when the answer is lost or says "later": with its key it counts once."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(1, tries + 1):
        request = urllib.request.Request(URL + path, data, headers, method=method)
        wait = 2 ** (attempt - 1) / 2
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            problem = json.loads(refused.read() or b"{}")
            if refused.code not in (429, 503) or attempt == tries:
                raise RuntimeError(f"{refused.code} {problem.get('type')}: {problem.get('detail')}") from None
            wait = float(refused.headers.get("Retry-After") or wait)
        except OSError:
            if attempt == tries or not (idempotency_key or method == "GET"):
                raise
        time.sleep(wait)


if len(sys.argv) != 3:
    sys.exit(f"usage: ANDON_KEY=id.secret python3 {sys.argv[0]} CHANNEL ORDER-OF-YOURS")
channel, run = sys.argv[1:]

# The key says what this is about: the same key enqueues once, from wherever it is sent.
product = {
    "instruction": "add_product",
    "channel": channel,
    "data": {"sku": "TSH-RED-M", "title": "Red T-shirt"},
}
item = andon("POST", "/v1/items", product, f"{run}-product")
print("enqueued", item["queueId"])
print("again:", andon("POST", "/v1/items", product, f"{run}-product")["queueId"])

# All or nothing, in this order, with nothing of anybody else's between.
batch = [
    {"instruction": "update_product", "channel": channel, "data": {"sku": "TSH-RED-M", "price": "149.00"}},
    {
        "instruction": "add_image",
        "channel": channel,
        "data": {"sku": "TSH-RED-M", "src": "https://img.example.com/m.jpg"},
    },
]
accepted = andon("POST", "/v1/items/batch", {"items": batch}, f"{run}-batch")["items"]
print("batch:", *(one["queueId"] for one in accepted))

print("state:", andon("GET", f"/v1/items/{item['queueId']}")["state"])
