
import http.server, json, os, signal, sys, time
behaviour = open("BEHAVIOUR").read()
if behaviour == "exits":
    print("cannot open the database", flush=True)
    sys.exit(3)
proxied = []

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        # What turns bad does so with the first request of a user, or of a check that goes the users' way.
        proxied.extend(self.headers.get_all("X-Forwarded-For", ()))
        turns_bad = behaviour == "turns-bad" or (behaviour == "falls-ill" and os.path.exists("data/ill"))
        bad = behaviour == "never-healthy" or (turns_bad and proxied)
        status = 503 if self.path == "/up" and bad else 200
        if self.path == "/slow":
            open("data/under-way", "w").close()
            while not os.path.exists("data/let-go"):
                time.sleep(0.02)
        if self.path == "/env":
            body = json.dumps(dict(os.environ)).encode()
        elif self.path == "/notes":
            body = "".join(sorted(os.listdir("data"))).encode()
        else:
            body = open("VERSION").read().encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        open("data/" + self.path.strip("/"), "w").close()
        self.do_GET()

print("listening", flush=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server.serve_forever()
