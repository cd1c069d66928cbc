"""What stands between a client and the gateway: a proxy that cuts silent connections, and one that looks at all answers."""

import contextlib
import select
import socket
import threading
import time
from urllib.parse import urlsplit

import h11
import schemas

NOT_CHECKED = ("OPTIONS", "HEAD", "CONNECT")


class Proxy:
    """Passes bytes on."""

    silence = 600.0

    def __init__(self, target: str = ""):
        self.aim(target)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def aim(self, target: str) -> None:
        """From now on connections lead there."""
        place = urlsplit(target)
        self.target = (place.hostname, place.port)

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(caller,), daemon=True).start()

    def serve(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(self.target) as server, contextlib.suppress(OSError):
            self.relay(caller, server)

    def relay(self, caller: socket.socket, server: socket.socket) -> None:
        heard = time.monotonic()
        while (left := heard + self.silence - time.monotonic()) > 0:
            for side in select.select([caller, server], [], [], left)[0]:
                data = side.recv(65536)
                if not data:
                    return
                if side is server:
                    heard = time.monotonic()
                    self.said(server, data)
                    caller.sendall(data)
                else:
                    self.asked(server, data)
                    # A server that has refused what comes may not take the rest of it; its answer is on the way.
                    with contextlib.suppress(OSError):
                        server.sendall(data)
        self.fell_silent()

    def asked(self, server: socket.socket, data: bytes) -> None:
        """The caller sent this."""

    def said(self, server: socket.socket, data: bytes) -> None:
        """The server sent this."""

    def fell_silent(self) -> None:
        """A connection ends for its silence."""

    def stop(self) -> None:
        self.listener.close()


class CuttingProxy(Proxy):
    """Ends a connection on which the server was silent too long."""

    def __init__(self, target: str, silence: float):
        self.silence, self.cuts = silence, 0
        super().__init__(target)

    def fell_silent(self) -> None:
        self.cuts += 1


class WatchingProxy(Proxy):
    """Keeps what is said, to be checked against OpenAI's description afterwards. Links lead through it, too, where
    the gateway behind it is started with `env`: the AI SDK fetches pictures only from where its base address is."""

    def __init__(self):
        self.connections: dict[socket.socket, tuple[bytearray, bytearray]] = {}
        super().__init__()

    @property
    def env(self) -> dict[str, str]:
        return {"IMG_ROUTER_PUBLIC_BASE_URL": self.url}

    def asked(self, server: socket.socket, data: bytes) -> None:
        self.connections.setdefault(server, (bytearray(), bytearray()))[0].extend(data)

    def said(self, server: socket.socket, data: bytes) -> None:
        self.connections.setdefault(server, (bytearray(), bytearray()))[1].extend(data)

    def check(self) -> int:
        """Notes what is wrong with the answers that came whole and are no streams; how many these were."""
        checked = 0
        connections, self.connections = list(self.connections.values()), {}
        for asked, said in connections:
            for (method, path), (status, headers, body) in zip(requests_in(bytes(asked)), answers_in(bytes(said)), strict=False):
                if method in NOT_CHECKED or not path.startswith("/v1/") or headers.get("content-type", "").startswith("text/event-stream"):
                    continue
                schemas.note(f"{method} {path}", status, headers, body)
                checked += 1
        return checked


def requests_in(data: bytes):
    """Method and path of the requests on a connection."""
    while data:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        connection.receive_data(data)
        request = connection.next_event()
        if not isinstance(request, h11.Request):
            return
        yield request.method.decode(), urlsplit(request.target.decode()).path
        while isinstance(event := connection.next_event(), h11.Data):
            pass
        if not isinstance(event, h11.EndOfMessage):
            return
        data = connection.trailing_data[0]


def answers_in(data: bytes):
    """Status, headers and body of the answers on a connection that came whole."""
    while data:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        # To what it answers is told apart by `requests_in`; how it is read depends on that only for HEAD.
        connection.send(h11.Request(method="GET", target="/", headers=[("host", "gateway")]))
        connection.send(h11.EndOfMessage())
        connection.receive_data(data)
        while isinstance(event := connection.next_event(), h11.InformationalResponse):
            pass
        if not isinstance(event, h11.Response):
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        body = bytearray()
        status = event.status_code
        while isinstance(event := connection.next_event(), h11.Data):
            body.extend(event.data)
        if not isinstance(event, h11.EndOfMessage):
            return
        yield status, headers, bytes(body)
        data = connection.trailing_data[0]
