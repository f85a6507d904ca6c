"""A real PostgreSQL server for tests, started and stopped by them, on a free port of this machine alone."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "analyst", "canary-password"


@dataclass(frozen=True)
class Server:
    """Where a server listens, and how to run SQL on it."""

    port: int
    binaries: Path

    @property
    def uri(self) -> str:
        """Its address with the password."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def run(self, sql: str) -> None:
        """Run SQL, with psql's own commands among it."""
        command = [self.binaries / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", self.uri]
        subprocess.run(command, input=sql, text=True, check=True, capture_output=True)


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL server on this machine; None without one."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    candidates = [*folders[::-1], *([Path(on_path).parent] if on_path else [])]
    return next((path for path in candidates if all((path / name).exists() for name in ("pg_ctl", "psql"))), None)


@contextmanager
def running(folder_of_binaries: Path) -> Iterator[Server]:
    """A server with an empty database; its files are removed at the end."""
    # The server refuses to run as root, and another user cannot enter pytest's folders.
    prefix = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    home = Path(tempfile.mkdtemp(prefix="postgres-"))
    secret = home / "password"
    secret.write_text(PASSWORD)
    if prefix:
        shutil.chown(home, "nobody")
        shutil.chown(secret, "nobody")
    data = home / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = [*prefix, folder_of_binaries / "pg_ctl", "-D", data, "-w"]

    def call(*command: str | Path) -> None:
        subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        access = ["-A", "scram-sha-256", "-U", USER, f"--pwfile={secret}"]
        call(*prefix, folder_of_binaries / "initdb", "-D", data, "-E", "UTF8", "--no-locale", "--no-sync", *access)
        options = f"-h 127.0.0.1 -p {port} -k {home} -c fsync=off"
        call(*control, "-o", options, "-l", home / "log", "start")
        try:
            yield Server(port, folder_of_binaries)
        finally:
            call(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)
