"""A model hub on this machine: the few addresses that huggingface_hub asks for, served from a folder."""

import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class SmallHub:
    """Serve ``{repository: folder}`` on a free port of this machine; ``served`` counts the bytes of files."""

    def __init__(self, repositories, licence="apache-2.0"):
        self.repositories = repositories
        self.licence = licence
        self.commit = "0123456789abcdef0123456789abcdef01234567"
        self.served = 0
        self.break_after = None  # bytes of one file, after which the connection ends
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def stand_in(self, monkeypatch, cache):
        """Be the model hub for huggingface_hub, with a cache of its own."""
        settings = {
            "ENDPOINT": self.address,
            "HUGGINGFACE_CO_URL_TEMPLATE": self.address + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
        }
        for name, value in settings.items():
            monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _handler(hub):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def find(self):
                path = self.path.split("?")[0].strip("/")
                if path.startswith("api/models/"):
                    return path.removeprefix("api/models/").partition("/tree/")[0], None
                repository, _, rest = path.partition("/resolve/")
                return repository, rest.partition("/")[2]

            def do_GET(self):
                repository, name = self.find()
                folder = hub.repositories.get(repository)
                if folder is None:
                    self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
                elif name is None and "/tree/" in self.path:
                    files = [path for path in folder.rglob("*") if path.is_file()]
                    told = [
                        {"type": "file", "oid": "0", "path": p.relative_to(folder).as_posix(), "size": p.stat().st_size}
                        for p in files
                    ]
                    self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
                elif name is None:
                    files = [path for path in folder.rglob("*") if path.is_file()]
                    siblings = [
                        {"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size}
                        for path in files
                    ]
                    told = {"id": repository, "modelId": repository, "sha": hub.commit, "siblings": siblings}
                    told |= {"cardData": {"license": hub.licence}, "tags": [], "downloads": 0, "private": False}
                    self.answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})
                else:
                    self.file(folder / name, body=True)

            def do_HEAD(self):
                repository, name = self.find()
                folder = hub.repositories.get(repository)
                if folder is None or name is None:
                    self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
                else:
                    self.file(folder / name, body=False)

            def file(self, path, body):
                if not path.is_file():
                    self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
                    return
                content = path.read_bytes()
                headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": hub.commit}
                begin, status = 0, 200
                if "Range" in self.headers:
                    begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-").split("-")[0])
                    status = 206
                    headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
                self.answer(status, content[begin:], headers, body)

            def answer(self, status, content, headers, body=True):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if not body:
                    return
                stop = hub.break_after
                if stop is not None and len(content) > stop:
                    self.wfile.write(content[:stop])
                    self.wfile.flush()
                    self.close_connection = True
                    return
                if "ETag" in headers:
                    hub.served += len(content)
                self.wfile.write(content)

        return Handler
