"""An app with WebSockets at /ws, which it keeps open, and event streams at /events, which last until `let_go`."""

import base64
import hashlib
import threading

from rig import web

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class LongApp:
    def __init__(self, name):
        app = self
        self.name, self.streams, self.let_go = name, 0, threading.Event()

        class Handler(web.Handler):
            def do_GET(self):
                if self.path == "/ws":
                    return self.websocket()
                if self.path.startswith("/events"):
                    return self.events()
                return self.reply(200, app.name.encode())

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

        self._web = web.Web(Handler)
        self.target = self._web.target

    def close(self):
        self.let_go.set()
        self._web.close()
