"""Bytes of a recording file: regular files only, `.xz` unpacked, size bounded."""

from __future__ import annotations

import errno
import lzma
import os
import stat
import weakref

from eegcore.devices.readers_base import refuse

MAX_BYTES = 1 << 30
"""Unpacked bytes a reader accepts: an hour of 64 channels at 2 kSPS in 16 bits fits."""

READ_STEP = 1 << 20
XZ_MEMORY = 256 << 20
XZ_STEP = 4 << 20
XZ_MAGIC = b"\xfd7zXZ\x00"


class FileBytes:
    """Bytes of one recording file, unpacked.

    A plain file is read from its open descriptor when bytes are asked for: whoever decodes a large
    recording in pieces never holds all of it. What was in an ``.xz`` is held in memory.

    Parameters
    ----------
    path : path-like
    max_bytes : int or None
        Limit of the unpacked size. A small `.xz` may unpack to terabytes, so unpacking stops at the
        limit instead of measuring afterwards. None: a plain file may be of any size, an `.xz` has
        the limit `MAX_BYTES`.

    Raises
    ------
    RecordingRefused
        If the file is missing, not readable, no regular file, empty, broken or too large.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int | None = MAX_BYTES) -> None:
        self.path = path
        self._in_memory: bytes | None = None
        self._most = max_bytes
        self._fd, self.size = _open(path, max_bytes)
        self._close = weakref.finalize(self, os.close, self._fd)
        if self.size == 0 or self.start(len(XZ_MAGIC)) == XZ_MAGIC:
            limit = MAX_BYTES if max_bytes is None else max_bytes
            data = self._whole(limit)
            if data.startswith(XZ_MAGIC):
                data = _unpack_xz(path, data, limit)
                if not data:
                    raise refuse(path, "the file is empty once unpacked", "A recording has at least one frame.")
            self._in_memory, self.size = data, len(data)
            self.close()

    def close(self) -> None:
        """Give the descriptor back; a file held in memory can still be read."""
        self._close()

    def start(self, n_bytes: int) -> bytes:
        """Return the first bytes, fewer if the file is shorter."""
        target = bytearray(min(n_bytes, self.size))
        self.read_into(0, memoryview(target))
        return bytes(target)

    def read_into(self, at: int, target: memoryview) -> None:
        """Fill `target` with the bytes that begin at byte `at`.

        Raises
        ------
        RecordingRefused
            If they cannot be read, or the file has become shorter.
        """
        if self._in_memory is not None:
            target[:] = memoryview(self._in_memory)[at: at + len(target)]
            return
        done = 0
        while done < len(target):
            try:
                n = os.preadv(self._fd, [target[done:]], at + done)
            except OSError as error:
                raise _unreadable(self.path, error) from None
            if n == 0:
                raise refuse(self.path, f"ends at byte {at + done}, it had {self.size} when it was opened",
                             "Something cuts the file. Read it again when it is left alone.")
            done += n

    def all(self) -> bytes:
        """Return every byte."""
        if self._in_memory is None:
            return self._whole(MAX_BYTES if self._most is None else self._most)
        return self._in_memory

    def _whole(self, max_bytes: int) -> bytes:
        try:
            os.lseek(self._fd, 0, os.SEEK_SET)
            with os.fdopen(self._fd, "rb", closefd=False) as file:
                # what it had when it was opened, and whether more has come: a read takes the memory it asks for
                parts = [file.read(min(self.size, max_bytes) + 1) or b""]     # None: a kernel's file, silent now
                while parts[-1] and sum(map(len, parts)) <= max_bytes:
                    parts.append(file.read(READ_STEP) or b"")
        except OSError as error:
            raise _unreadable(self.path, error) from None
        data = b"".join(parts) if any(parts[1:]) else parts[0]
        if len(data) > max_bytes:
            raise _too_large(self.path, len(data), max_bytes)
        if not data:
            raise refuse(self.path, "the file is empty", "A recording has at least one frame.")
        return data


def load_bytes(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole file, unpacked; see `FileBytes`."""
    file = FileBytes(path, max_bytes)
    try:
        return file.all()
    finally:
        file.close()


def _open(path: str | os.PathLike[str], max_bytes: int | None) -> tuple[int, int]:
    """Return descriptor and size of a regular file."""
    # O_NONBLOCK: opening a FIFO must not wait for a writer before it can be refused.
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise refuse(path, "there is no such file [ENOENT 2]", _near_names(path), code="not_found") from None
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or 0
        raise refuse(path, f"may not be opened: {getattr(error, 'strerror', None) or error} "
                     f"[{errno.errorcode.get(number, '?')} {number}]",
                     "Give the path of a recording this user may read.") from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise refuse(path, f"is {what}", "Give the path of one recording file.")
        if max_bytes is not None and status.st_size > max_bytes:
            raise _too_large(path, status.st_size, max_bytes)
    except Exception:
        os.close(fd)
        raise
    return fd, status.st_size


def _unreadable(path: str | os.PathLike[str], error: OSError) -> Exception:
    return refuse(path, f"cannot be read: {error.strerror} "
                  f"[{errno.errorcode.get(error.errno or 0, '?')} {error.errno}]",
                  "Check the disk, or copy the file elsewhere.")


def _unpack_xz(path: str | os.PathLike[str], packed: bytes, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    rest = packed
    try:
        while rest:
            decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
            feed = rest
            while not decoder.eof:
                part = decoder.decompress(feed, XZ_STEP)
                feed = b""
                if not part and decoder.needs_input and not decoder.eof:
                    raise refuse(path, "the xz stream is cut short", "Copy or download the file again.")
                parts.append(part)
                total += len(part)
                if total > max_bytes:
                    raise _too_large(path, total, max_bytes)
            rest = decoder.unused_data.lstrip(b"\x00")     # xz allows several streams and zero padding between them
    except lzma.LZMAError as error:
        raise refuse(path, f"the xz stream is broken: {error}", "Copy or download the file again.") from None
    return b"".join(parts)


def _too_large(path: str | os.PathLike[str], seen: int, allowed: int) -> Exception:
    return refuse(path, f"the recording is too large: at least {seen:,} bytes".replace(",", " "),
                  f"Allowed: {allowed:,} bytes unpacked. ".replace(",", " ") + "Cut the recording into parts.")


def _near_names(path: str | os.PathLike[str]) -> str:
    import difflib

    folder, name = os.path.split(os.fspath(path))
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return f"The folder {folder!r} cannot be listed either. Check the path."
    near = difflib.get_close_matches(str(name), [str(other) for other in names], 1)
    return f"Did you mean {os.path.join(str(folder), near[0])!r}?" if near else "Check the path."
