"""The vendor's releases from a hub that drips, one byte now and then, as long as a test wants that."""

import threading
from urllib.parse import unquote

from rig.web import Handler, Web


class Dripping:
    """The place's releases over HTTP. While `flows` is cleared, an answer is a long header, a byte at a time; `asked`
    is set then by whoever waits for one."""

    def __init__(self, folder):
        self.flows, self.asked, outer = threading.Event(), threading.Event(), self
        self.flows.set()

        class Site(Handler):
            def do_GET(self):
                path, asked = folder / unquote(self.path).lstrip("/"), outer.asked
                if path.is_file():
                    body = path.read_bytes()
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Long: " % len(body))
                    while not outer.flows.wait(0.05):
                        asked.set()
                        self.wfile.write(b"x")
                    self.wfile.write(b"\r\n\r\n" + body)
                else:
                    self.reply(404)

        self.web = Web(Site)
        self.url = f"http://{self.web.target}"

    def install_words(self, place):
        return ("install", place.app, "--from", self.url, "--host", place.host, "--http-port", place.port)

    def drip(self):
        """From here on; who asked before is none of those who set `asked`."""
        self.asked = threading.Event()
        self.flows.clear()

    def close(self):
        self.flows.set()
        self.web.close()
