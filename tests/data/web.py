"""A web server on this machine that counts what it sends and can be told to misbehave."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web:
    """Serves `files` by path. `sent` counts the bytes of their contents, `ranges` the Range headers that came."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.sent = 0
        self.ranges: list[str | None] = []
        self.ignores_ranges = False
        self.breaks_after: list[int] = []  # of each coming answer: bytes until the connection is cut
        self.statuses: list[int] = []  # of each coming answer, instead of the file
        self.stalls_on = ""  # the path whose answer stops before its last byte
        self.stalled = threading.Event()
        self._closed = threading.Event()
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
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        status = self.statuses.pop(0) if self.statuses else 200
        content = self.files.get(request.path)
        if status != 200 or content is None:
            return request.send_error(404 if content is None else status)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and not self.ignores_ranges else 0
        if start and start >= len(content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            return request.end_headers()
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        body = content[start:]
        if self.breaks_after:
            body = body[: self.breaks_after.pop(0)]
        stalls = request.path == self.stalls_on
        if stalls:
            body = body[:-1]
        self.sent += len(body)  # before: whoever has the last byte finds it counted
        request.wfile.write(body)
        request.wfile.flush()
        if stalls:
            self.stalled.set()
            self._closed.wait(60)
