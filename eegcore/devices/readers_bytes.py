"""Bytes of a recording file: regular files only, `.xz` unpacked, size bounded."""

from __future__ import annotations

import errno
import lzma
import os
import stat

from eegcore.devices.readers_base import refuse

MAX_BYTES = 1 << 30
"""Unpacked bytes a reader accepts: an hour of 64 channels at 2 kSPS in 16 bits fits."""

XZ_MEMORY = 256 << 20
XZ_STEP = 4 << 20
XZ_MAGIC = b"\xfd7zXZ\x00"


def load_bytes(path: str | os.PathLike[str], max_bytes: int = MAX_BYTES) -> bytes:
    """Read a whole file; unpack it if its first bytes say xz.

    Parameters
    ----------
    path : path-like
    max_bytes : int
        Limit of the unpacked size. A small `.xz` may unpack to terabytes, so
        unpacking stops at the limit instead of measuring afterwards.

    Returns
    -------
    bytes

    Raises
    ------
    RecordingRefused
        If the file is missing, not readable, no regular file, empty, broken or too large.
    """
    data = _read(path, max_bytes)
    if data.startswith(XZ_MAGIC):
        data = _unpack_xz(path, data, max_bytes)
        if not data:
            raise refuse(path, "the file is empty once unpacked", "A recording has at least one frame.")
    return data


def _read(path: str | os.PathLike[str], max_bytes: int) -> bytes:
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
        if status.st_size > max_bytes:
            raise _too_large(path, status.st_size, max_bytes)
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1) or b""    # None: a file of the kernel with nothing to say now
    except OSError as error:
        raise refuse(path, f"cannot be read: {error.strerror} "
                     f"[{errno.errorcode.get(error.errno or 0, '?')} {error.errno}]",
                     "Check the disk, or copy the file elsewhere.") from None
    finally:
        os.close(fd)
    if len(data) > max_bytes:
        raise _too_large(path, len(data), max_bytes)
    if not data:
        raise refuse(path, "the file is empty", "A recording has at least one frame.")
    return data


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
