"""A disk whose power can be cut: what was not synced is dropped, reordered and torn.

The model. A write changes sectors of 512 bytes; until the file is synced each of those sectors holds, after a power
cut, any of the contents it had since the last sync, independently of the others. The size of the file is any of
those it had, or anything between the smallest and the largest. fsync and fdatasync make file and size durable. Names
(create, link, unlink, rename) are durable once their folder is synced; before, every one of them may or may not have
happened, a later one without an earlier one; a rename happens as a whole. This is more than ext4 in its default mode
would do, and what POSIX allows.
"""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass, field

SECTOR = 512


class PowerCut(BaseException):
    """Not an OSError: nothing in the program may handle it."""


@dataclass
class Inode:
    """Contents now and what the disk may hold: every content of a sector since the last sync."""

    data: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    sectors: dict[int, list[bytes]] = field(default_factory=dict)
    sizes: set[int] = field(default_factory=set)

    def change(self, offset, new):
        if len(self.data) < offset + len(new):
            self.data.extend(bytes(offset + len(new) - len(self.data)))
        self.data[offset:offset + len(new)] = new
        for number in range(offset // SECTOR, (offset + len(new) - 1) // SECTOR + 1):
            now = bytes(self.data[number * SECTOR:(number + 1) * SECTOR]).ljust(SECTOR, b"\0")
            self.sectors.setdefault(number, []).append(now)
        self.sizes.add(len(self.data))

    def resize(self, size):
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))
        self.sizes.add(size)

    def sync(self):
        self.durable = bytes(self.data)
        self.sectors.clear()
        self.sizes.clear()

    def after_cut(self, random):
        """Contents after the power cut, by the choices of `random`."""
        sizes = sorted(self.sizes | {len(self.durable)})
        size = random.choice(sizes) if random.random() < 0.7 else random.randint(sizes[0], sizes[-1])
        result = bytearray(self.durable.ljust(size, b"\0")[:size])
        reached = random.random()                    # few, half or nearly all of them reached the disk
        for number, contents in self.sectors.items():
            if random.random() < reached:
                part = random.choice(contents)
                end = min(size, (number + 1) * SECTOR)
                if number * SECTOR < end:
                    result[number * SECTOR:end] = part[:end - number * SECTOR]
        return bytes(result)


class CrashDisk:
    """File operations in memory; the operation number `cut_at` does not happen, and the power is gone.

    A write that the cut meets may have been under way: a part of it counts as not synced.
    """

    def __init__(self, cut_at=-1, random=None):
        self.cut_at, self.random = cut_at, random
        self.calls = []
        self.names = {}                              # as the program sees them
        self.durable_names = {}
        self.pending = {}                            # folder -> [((name, inode or None), ...), ...]
        self.open_files = {}
        self._next = 1000

    def _call(self, name):
        if len(self.calls) == self.cut_at:
            raise PowerCut
        self.calls.append(name)

    def _rename(self, *changes):
        """Names that come (with an inode) and go (None), all of them at once or none."""
        for path, inode in changes:
            if inode is None:
                del self.names[path]
            else:
                self.names[path] = inode
        self.pending.setdefault(os.path.dirname(changes[0][0]), []).append(changes)

    def open(self, path, flags, mode=0):
        self._call("open")
        self._next += 1
        if flags & os.O_DIRECTORY:
            self.open_files[self._next] = path
            return self._next
        if flags & os.O_CREAT:
            if path in self.names:
                raise FileExistsError(errno.EEXIST, "exists")
            self._rename((path, Inode()))
        self.open_files[self._next] = self.names[path]
        return self._next

    def pwrite(self, fd, data, offset):
        inode = self.open_files[fd]
        if len(self.calls) == self.cut_at and len(data):
            n = self.random.randint(0, len(data))
            if n:
                inode.change(offset, bytes(data[:n]))
        self._call("pwrite")
        inode.change(offset, bytes(data))
        return len(data)

    def write(self, fd, data):
        inode = self.open_files[fd]
        self._call("write")
        inode.change(len(inode.data), bytes(data))
        return len(data)

    def fsync(self, fd):
        self._call("fsync")
        inode = self.open_files[fd]
        if isinstance(inode, str):
            for changes in self.pending.pop(inode, []):
                apply(changes, self.durable_names)
        else:
            inode.sync()

    def fdatasync(self, fd):
        self._call("fdatasync")
        self.open_files[fd].sync()

    def ftruncate(self, fd, size):
        self._call("ftruncate")
        self.open_files[fd].resize(size)

    def close(self, fd):
        self._call("close")
        del self.open_files[fd]

    def link(self, old, new):
        self._call("link")
        if new in self.names:
            raise FileExistsError(errno.EEXIST, "exists")
        self._rename((new, self.names[old]))

    def rename(self, old, new):
        self._call("rename")
        self._rename((new, self.names[old]), (old, None))

    def unlink(self, path):
        self._call("unlink")
        self._rename((path, None))

    def statvfs(self, path):
        self._call("statvfs")
        return os.statvfs("/")

    def flock(self, fd, how):
        assert how == fcntl.LOCK_EX | fcntl.LOCK_NB

    def operations(self):
        from eegcore.sinks.file_operations import FileOperations

        return FileOperations(
            open=self.open, write=self.write, fsync=self.fsync, ftruncate=self.ftruncate, close=self.close,
            rename=self.rename, unlink=self.unlink, pwrite=self.pwrite, fdatasync=self.fdatasync, link=self.link,
            mkdir=os.mkdir, statvfs=self.statvfs, flock=self.flock)

    def put_down(self, folder, random):
        """Write what a power cut has left into a real folder; `folder` is where the names were."""
        found = dict(self.durable_names)
        for waiting in self.pending.values():
            for changes in waiting:
                if random.random() < 0.5:
                    apply(changes, found)
        made = {}
        for path, inode in found.items():
            here = folder / os.path.basename(path)
            if id(inode) in made:
                os.link(made[id(inode)], here)
            else:
                here.write_bytes(inode.after_cut(random))
                made[id(inode)] = here


def apply(changes, names):
    for path, inode in changes:
        if inode is None:
            names.pop(path, None)
        else:
            names[path] = inode
