"""The far side of an `http` connector or a webhook: checks the signature, then carries the item out.

ANDON_SECRET=whsec_… python3 receive.py PORT
"""
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if len(sys.argv) != 2 or "ANDON_SECRET" not in os.environ:
    sys.exit(f"usage: ANDON_SECRET=whsec_… python3 {sys.argv[0]} PORT")
SECRET = base64.b64decode(os.environ["ANDON_SECRET"].removeprefix("whsec_"))
TOLERANCE_S = 300
answered = {}  # by webhook-id; in real life a table beside what is stored


def is_from_andon(headers, body):
    """Standard Webhooks: several signatures may stand there while the secret is being changed."""
    name, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > TOLERANCE_S:
        return False
    digest = hmac.new(SECRET, f"{name}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    wanted = b"v1," + base64.b64encode(digest)
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), wanted) for one in given)


def carry_out(item):
    """Your work. Answers a status and what is to be known of it."""
    if item["instruction"] == "add_product" and not item["data"].get("title"):
        return 422, {"detail": f"{item['data'].get('sku')} has no title"}
    return 200, {"result": {"sku": item["data"].get("sku")}}


class FarSide(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not is_from_andon(self.headers, body):
            return self.reply(401, {"detail": "the signature does not fit: is the secret the right one?"})
        # The same item may come twice; what was done once is not done again.
        name = self.headers["webhook-id"]
        if name not in answered:
            status, answer = carry_out(json.loads(body))
            if status >= 300:
                return self.reply(status, answer)
            answered[name] = answer
        self.reply(200, answered[name])

    def reply(self, status, answer):
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/problem+json" if status >= 400 else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), FarSide).serve_forever()
