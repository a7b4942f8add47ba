"""An app with WebSockets at /ws, which it keeps open, and event streams at /events, which last until `let_go`."""

import base64
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class LongApp:
    def __init__(self, name):
        app = self
        self.name, self.streams, self.let_go = name, 0, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path == "/ws":
                    return self.websocket()
                if self.path.startswith("/events"):
                    return self.events()
                self.send_response(200)
                self.send_header("Content-Length", str(len(app.name)))
                self.end_headers()
                return self.wfile.write(app.name.encode())

            def websocket(self):
                digest = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + GUID).digest()
                self.send_response(101)
                self.send_header("X-App", app.name)
                self.send_header("Upgrade", "websocket")
                self.send_header("Connection", "Upgrade")
                self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
                self.end_headers()
                self.close_connection = True
                while self.rfile.read(1):
                    pass

            def events(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                app.streams += 1
                self.say(app.name)
                while not app.let_go.wait(0.1):
                    self.say("tick")
                self.say("end")

            def say(self, text):
                self.wfile.write(f"data: {text}\n\n".encode())
                self.wfile.flush()

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.target = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()
