"""A TCP proxy that can be away, slow, or count what passes."""

import socket
import threading
import time

BLOCK = 4096


class Proxy:
    """Forwards 127.0.0.1:`port` to `target`."""

    def __init__(self, target: int):
        self.target = target
        self.rate = None
        self.sent = 0
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Takes connections."""
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self) -> None:
        """Refuses connections and cuts those that are open."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            connections, self.connections = self.connections, set()
        for connection in connections:
            connection.close_both()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            pair = Pair(client, server)
            with self.lock:
                self.connections.add(pair)
            threading.Thread(target=self._pump, args=(pair, client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(pair, server, client, False), daemon=True).start()

    def _pump(self, pair: "Pair", source: socket.socket, sink: socket.socket, up: bool) -> None:
        try:
            while block := source.recv(BLOCK):
                if up:
                    if self.rate:
                        time.sleep(len(block) / self.rate)
                    self.sent += len(block)
                sink.sendall(block)
        except OSError:
            pass
        pair.close_both()


class Pair:
    def __init__(self, client: socket.socket, server: socket.socket):
        self.both = (client, server)

    def close_both(self) -> None:
        for one in self.both:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
