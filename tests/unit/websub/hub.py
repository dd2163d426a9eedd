"""A WebSub hub of its own, as a process: `python hub.py`, prints its port. Only the standard library.

POST /                     hub.mode=subscribe …; 202, then verification of intent, as the recommendation says
POST /publish?topic=…      its body is distributed to the subscribers of the topic, signed
POST /behave?how=…         `well`, `deny`, `wrong-challenge`, `mute` (never verifies), `refuse` (503)
                           `algorithm=sha512`, `lease=60` (instead of the one asked for)
GET  /state                what it knows and has done, as JSON
"""

from __future__ import annotations

import hmac
import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

LOCK = threading.Lock()
STATE: dict[str, Any] = {"asked": [], "subscribers": {}, "answers": [], "verifications": []}
BEHAVIOUR = {"how": "well", "algorithm": "sha256", "lease": ""}


def call(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def verify(form: dict[str, str]) -> None:
    mode = "denied" if BEHAVIOUR["how"] == "deny" else form["hub.mode"]
    challenge = "kaf-" + form["hub.topic"][-4:] + "-" + str(len(STATE["asked"]))
    query = {"hub.mode": mode, "hub.topic": form["hub.topic"]}
    if mode == "denied":
        query["hub.reason"] = "not today"
    else:
        query |= {"hub.challenge": challenge, "hub.lease_seconds": BEHAVIOUR["lease"] or form["hub.lease_seconds"]}
    joint = "&" if urlsplit(form["hub.callback"]).query else "?"
    status, body = call(form["hub.callback"] + joint + urlencode(query))
    with LOCK:
        STATE["verifications"].append([status, body.decode("utf-8", "replace") == challenge])
        if status // 100 == 2 and body.decode() == challenge and mode == "subscribe":
            STATE["subscribers"].setdefault(form["hub.topic"], {})[form["hub.callback"]] = form["hub.secret"]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with LOCK:
            self.answer(200, json.dumps(STATE).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/behave":
            BEHAVIOUR.update(query)
            self.answer(204)
        elif parts.path == "/publish":
            self.publish(query["topic"], body)
        else:
            self.subscribe({name: values[0] for name, values in parse_qs(body.decode()).items()})

    def subscribe(self, form: dict[str, str]) -> None:
        with LOCK:
            STATE["asked"].append(form)
        if BEHAVIOUR["how"] == "refuse":
            self.answer(503)
            return
        self.answer(202)
        if BEHAVIOUR["how"] != "mute":
            threading.Thread(target=verify, args=(form,), daemon=True).start()

    def publish(self, topic: str, body: bytes) -> None:
        with LOCK:
            subscribers = dict(STATE["subscribers"].get(topic, {}))
        answers = []
        for callback, secret in subscribers.items():
            digest = hmac.new(secret.encode(), body, BEHAVIOUR["algorithm"]).hexdigest()
            headers = {
                "Content-Type": "application/rss+xml",
                "X-Hub-Signature": f"{BEHAVIOUR['algorithm']}={digest}",
                "Link": f'<{topic}>; rel="self"',
            }
            answers.append(call(callback, body, headers)[0])
        with LOCK:
            STATE["answers"] += answers
        self.answer(200, json.dumps(answers).encode())

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
