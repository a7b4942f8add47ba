"""An app's route changes while users ask for it, through whichever proxy: nobody is left without an answer."""

from __future__ import annotations

import http.client

from discode.core.installation import Route
from discode.ports.proxy import Proxy
from discode.ports.runtime import Endpoint
from rig.load import Load

from .proxy_contract import HEALTH, TIMING

APP, WWW, PATH = "app.test", "www.app.test", "/shop/page?a=b%20c"
ONE = Route(hosts=(APP,))
BOTH = Route(hosts=(APP, WWW))
LED = BOTH.changed(redirects={WWW: APP})


class Led(Load):
    """Users of a name that answers or leads elsewhere."""

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        connection.request("GET", self._path, headers={"Host": self._host})
        answer = connection.getresponse()
        answer.read()
        if (answer.status, answer.getheader("Location")) not in ((200, None), (301, f"http://{APP}{PATH}")):
            self.bad.append((answer.status, answer.getheader("Location")))


def change_under_load(proxy: Proxy, port: int, endpoint: Endpoint) -> int:
    """How many requests were answered. The app answers at every path."""

    def change(route: Route) -> None:
        proxy.switch("myapp", endpoint, route, HEALTH, TIMING)

    change(ONE)
    assert seen(port, WWW)[0] == 404
    with Load(port, APP, path=PATH) as users:
        change(BOTH)
        with Led(port, WWW, path=PATH) as others:
            assert seen(port, WWW) == (200, None)
            change(LED)
            assert seen(port, WWW) == (301, f"http://{APP}{PATH}")
            others.go_on()
            change(LED.changed(path_prefix="/shop"))
            others.go_on()
            change(BOTH.changed(path_prefix="/shop"))
            assert seen(port, WWW) == (200, None)
        assert seen(port, APP, "/elsewhere")[0] == 404
        change(BOTH)
        change(ONE)
        assert seen(port, WWW)[0] == 404
        users.go_on()
    assert not users.bad and not others.bad, (users.bad[:5], others.bad[:5])
    return users.count + others.count


def seen(port: int, host: str, path: str = PATH) -> tuple[int, str | None]:
    """The status, and where it leads."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location")
    finally:
        connection.close()
