"""Files of recordings on their way to a client: streamed, resumable, never by path.

Reading happens on threads of its own, so that a slow disk holds up neither the
loop nor who looks at the state.
"""

from __future__ import annotations

import asyncio
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

from aiohttp import web

from eegcore.server.answers import Refusal
from eegcore.server.guard import HEADERS

READ_BYTES = 256 * 1024
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")     # RFC 9110 section 14.1.2, one range only
TYPES = {".bdf": "application/octet-stream", ".csv": "text/csv", ".tsv": "text/tab-separated-values",
         ".json": "application/json", ".yaml": "application/yaml"}


class Downloads:
    """Reads files for clients."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="download")

    async def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run something that reads the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, function, *arguments)

    def close(self) -> None:
        """Take no more work."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def send_file(self, request: web.Request, file: BinaryIO, name: str) -> web.StreamResponse:
        """Send an open file, or the range of it that was asked for, and close it.

        Its length is the one it has now: a file that is being recorded is an exact prefix.
        """
        try:
            size = os.fstat(file.fileno()).st_size
            begin, end = wanted_range(request, size)
            is_range = "Range" in request.headers
            headers = attachment(name) | {"Content-Length": str(end - begin), "Accept-Ranges": "bytes"}
            if is_range:
                headers["Content-Range"] = f"bytes {begin}-{end - 1}/{size}"
            headers["Content-Type"] = TYPES.get(os.path.splitext(name)[1], "application/octet-stream")
            response = web.StreamResponse(status=206 if is_range else 200, headers=headers)
            await response.prepare(request)
            at = begin
            while at < end:
                part = await self.run(os.pread, file.fileno(), min(READ_BYTES, end - at), at)
                if not part:
                    raise ConnectionResetError(f"{name}: shorter than it was")     # the client must notice
                await response.write(part)
                at += len(part)
            await response.write_eof()
            return response
        finally:
            file.close()

    async def send_zip(self, request: web.Request, name: str,
                       files: Iterable[tuple[str, Callable[[], BinaryIO]]]) -> web.StreamResponse:
        """Send several files as one archive, made while it is sent."""
        parts = zip_parts(files)
        first = await self.run(next, parts, b"")          # a file that is not there is an answer, not half an archive
        response = web.StreamResponse(headers=attachment(name) | {"Content-Type": "application/zip"})
        await response.prepare(request)
        part = first
        while part:
            await response.write(part)
            part = await self.run(next, parts, b"")
        await response.write_eof()
        return response


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a download; `name` has letters, digits and ``._-`` only."""
    return {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def wanted_range(request: web.Request, size: int) -> tuple[int, int]:
    """Return (begin, end) of the bytes a request asks for; Refusal 416 for what is no single range of the file."""
    if "Range" not in request.headers:
        return 0, size
    asked = RANGE.fullmatch(request.headers["Range"])
    begin, end = size, size
    if asked is not None and asked[1]:
        begin, end = int(asked[1]), min(size, int(asked[2]) + 1 if asked[2] else size)
    elif asked is not None and asked[2]:                 # the last so many
        begin = max(0, size - int(asked[2]))
    if begin >= end:
        raise Refusal(416, "bad_range", f"Range: {request.headers['Range'][:60]!r} is no part of {size} bytes. Ask for "
                      "one range, such as bytes=1000-1999.", headers={"Content-Range": f"bytes */{size}"}, size=size)
    return begin, end


class _Gathered:
    """A file that cannot seek: what the archive writes, until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        """Keep a part."""
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def flush(self) -> None:
        """Nothing waits anywhere else."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._parts)
        self._parts = []
        return taken


def zip_parts(files: Iterable[tuple[str, Callable[[], BinaryIO]]]) -> Iterator[bytes]:
    """Yield an archive of files, stored as they are: counts hardly compress, and a small computer is recording."""
    gathered = _Gathered()
    with zipfile.ZipFile(gathered, "w", zipfile.ZIP_STORED) as archive:    # type: ignore[call-overload]
        for name, open_it in files:
            with open_it() as file, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
                while part := file.read(READ_BYTES):
                    entry.write(part)
                    yield gathered.take()
    yield gathered.take()
