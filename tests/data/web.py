"""A web server on this machine that counts what it is asked for and can be told to misbehave."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web:
    """Serves `files` by path.

    Attributes:
        files: the content by path, such as "/a.zip".
        asked: the paths that were asked for, in order.
        agents: the names that the programs that asked gave themselves.
        statuses: of each coming answer, instead of the file.
        breaks_after: of each coming answer, the bytes until the connection is cut.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.agents: set[str | None] = set()
        self.statuses: list[int] = []
        self.breaks_after: list[int] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        self.agents.add(request.headers.get("User-Agent"))
        status = self.statuses.pop(0) if self.statuses else 200
        content = self.files.get(request.path)
        if status != 200 or content is None:
            return request.send_error(404 if content is None else status)
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: self.breaks_after.pop(0)] if self.breaks_after else content)
