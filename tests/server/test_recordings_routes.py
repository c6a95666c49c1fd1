"""Recordings over HTTP: start, stop, list, download, delete; and that no name leads out of their folder."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import socket
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from eegcore.errors import Locked, StateConflict
from eegcore.recording.listing import list_sessions, open_file, session_entry
from eegcore.recording.removing import remove_session

from .conftest import receive, running_server

ID = "2026-11-21T14-45-12Z_P01"
BDF = bytes(range(256)) * 4000                           # 1 MB, more than one read


class FakeRecordings:
    """What the controller knows of recordings, over a real folder."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.open: set[str] = set()

    def session(self, session_id: str) -> dict:
        return session_entry(self.root, session_id)

    def is_open(self, session_id: str) -> bool:
        return session_id in self.open


def make_session(root: Path, session_id: str = ID, state: str = "finished", **meta) -> Path:
    folder = root / session_id
    folder.mkdir(parents=True)
    (folder / "eeg.bdf").write_bytes(BDF)
    (folder / "events.tsv").write_text("onset\tduration\n")
    (folder / "pipeline.yaml").write_text("version: 1\n")
    (folder / "session_meta.json").write_text(json.dumps(
        {"state": state, "participant": "P01", "notes": "left hand", "created_unix_ns": 5, **meta}))
    return folder


@pytest.fixture
def study(controller, tmp_path):
    """The fake controller with a folder of recordings, one session in it, and secrets around it."""
    root = tmp_path / "recordings"
    make_session(root)
    (tmp_path / "secret.txt").write_text("root:secret")
    (tmp_path / "eeg.bdf").write_text("root:secret")
    controller.recording = FakeRecordings(root)
    controller.recordings = lambda: list_sessions(str(root))
    controller.given = []

    def start_recording(**given):
        controller.given.append(given)
        return {"id": "new", "state": "recording"}

    controller.start_recording = start_recording
    controller.stop_recording = lambda: {"id": "new", "state": "finished"}
    controller.root = root
    return controller


@pytest.fixture
async def served(study):
    async with running_server(study) as server:
        yield server


# -- start, stop, list --------------------------------------------------------------------------------------


async def test_start_answers_201_with_its_id_and_stop_what_became_of_it(served):
    given = {"participant": "P01", "task": "rest", "notes": "a\nb", "pre_roll_s": 5, "bids": True, "csv": False}
    async with served.post("/api/recordings", json=given) as answer:
        assert (answer.status, (await answer.json())["id"]) == (201, "new")
        assert answer.headers["Location"] == "/api/recordings/new"
    async with served.post("/api/recordings") as answer:
        assert answer.status == 201
    assert served.controller.given == [given, {}]
    async with served.post("/api/recordings/stop") as answer:
        assert (answer.status, (await answer.json())["state"]) == (200, "finished")


@pytest.mark.parametrize(("body", "status"), [
    (b"[]", 400), (b"{", 400), (b'{"self": 1}', 422), (b'{"participant": 5}', 422), (b'{"notes": "\\u0000"}', 422),
    (b'{"folder": "/tmp"}', 422), (b'{"pre_roll_s": 1e9}', 422), (b'{"participant": "' + b"x" * 300_000 + b'"}', 413)])
async def test_words_that_cannot_be_are_refused_before_they_reach_the_controller(served, body, status):
    async with served.post("/api/recordings", data=body) as answer:
        assert answer.status == status
    assert served.controller.given == []


async def test_nor_does_the_socket_let_them_through(served):
    async with served.control() as socket:
        await receive(socket)
        for request in ({"self": 1}, {"participant": 5}, {"folder": "/tmp"}):
            await socket.send_json({"id": 1, "cmd": "StartRecording", **request})
            answer = await receive(socket)
            assert (answer["ok"], answer["error"]["code"]) == (False, "bad_argument")
        await socket.send_json({"id": 2, "cmd": "StartRecording", "participant": "P01"})
        assert (await receive(socket))["recording"]["id"] == "new"
    assert served.controller.given == [{"participant": "P01"}]


async def test_the_list_and_one_recording_say_what_there_is(served):
    async with served.get("/api/recordings") as answer:
        (entry,) = (await answer.json())["recordings"]
    async with served.get(f"/api/recordings/{ID}") as answer:
        assert await answer.json() == entry
    assert (entry["id"], entry["state"], entry["notes"], entry["files"]["eeg.bdf"]) == (
        ID, "finished", "left hand", len(BDF))
    async with served.get("/api/recordings/nothing") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "not_found")


async def test_health_data_are_for_operators_only(study):
    async with running_server(study, token="operator-token", viewer_token="viewer-token") as server:
        for path in ("/api/recordings", f"/api/recordings/{ID}", f"/api/recordings/{ID}.zip",
                     f"/api/recordings/{ID}/eeg.bdf"):
            for token, status in (("viewer-token", 403), ("operator-token", 200)):
                async with server.get(path, headers={"Authorization": f"Bearer {token}"}) as answer:
                    assert answer.status == status
                    assert (status == 200) or b"left hand" not in await answer.read()


# -- downloads ----------------------------------------------------------------------------------------------


async def test_a_file_is_sent_whole_or_in_part(served):
    path = f"/api/recordings/{ID}/eeg.bdf"
    async with served.get(path) as answer:
        assert (answer.status, await answer.read()) == (200, BDF)
        assert answer.headers["Content-Disposition"] == 'attachment; filename="eeg.bdf"'
        assert answer.headers["Content-Length"] == str(len(BDF))
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
    for asked, expected in (("bytes=0-0", BDF[:1]), ("bytes=300000-600000", BDF[300_000:600_001]),
                            ("bytes=-5", BDF[-5:]), (f"bytes={len(BDF) - 2}-", BDF[-2:]),
                            ("bytes=5-99999999", BDF[5:])):
        async with served.get(path, headers={"Range": asked}) as answer:
            assert (answer.status, await answer.read()) == (206, expected)
            assert answer.headers["Content-Range"].endswith(f"/{len(BDF)}")
    for asked in (f"bytes={len(BDF)}-", "bytes=9-2", "bytes=0-1,5-6", "frames=0-1", "bytes=-0", "bytes=x"):
        async with served.get(path, headers={"Range": asked}) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (416, "bad_range")
            assert answer.headers["Content-Range"] == f"bytes */{len(BDF)}"


async def test_all_files_come_as_one_archive(served):
    async with served.get(f"/api/recordings/{ID}.zip") as answer:
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{ID}.zip"'
        archive = zipfile.ZipFile(io.BytesIO(await answer.read()))
    assert archive.testzip() is None
    assert archive.namelist() == [f"{ID}/{name}" for name in (
        "eeg.bdf", "events.tsv", "pipeline.yaml", "session_meta.json")]
    assert archive.read(f"{ID}/eeg.bdf") == BDF
    async with served.get("/api/recordings/nothing.zip") as answer:
        assert answer.status == 404


async def test_a_client_that_stops_reading_holds_up_nobody(served):
    """A download is begun and not read: others are served, and the descriptor is given back when it goes."""
    (served.controller.root / ID / "eeg.csv").write_bytes(bytes(8_000_000))
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET /api/recordings/{ID}/eeg.csv HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")

    def is_open():
        return any("eeg.csv" in os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                   if os.path.islink(f"/proc/self/fd/{fd}"))

    assert is_open()
    async with served.get(f"/api/recordings/{ID}/events.tsv") as answer:
        assert answer.status == 200
    async with served.get("/health") as answer:
        assert answer.status == 200
    writer.transport.abort()
    await served.until(lambda: not is_open())


# -- deleting -----------------------------------------------------------------------------------------------


async def test_only_what_is_finished_is_deleted(served):
    async def delete(session_id):
        async with served.session.delete(f"{served.url}/api/recordings/{session_id}") as answer:
            return answer.status, await answer.json()

    root = served.controller.root
    make_session(root, "broken", state="recording")
    assert (await delete("broken"))[1]["error"]["message"].endswith("recover' on its folder first.")
    served.controller.recording.open.add(ID)
    status, body = await delete(ID)
    assert (status, body["error"]["code"], body["error"]["details"]["holders"]) == (409, "locked", [ID])
    served.controller.recording.open.clear()
    assert (root / ID / "eeg.bdf").exists()
    status, body = await delete(ID)
    assert (status, body["id"], body["deleted"]) == (200, ID, True)
    assert sorted(os.listdir(root)) == ["broken"]
    assert (await delete(ID))[0] == 404
    assert (await delete("..%2f..%2ftmp"))[0] == 404


def test_a_session_that_somebody_records_into_is_not_deleted(tmp_path):
    import fcntl

    folder = make_session(tmp_path)
    holder = os.open(folder, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    with pytest.raises(Locked):
        remove_session(str(tmp_path), ID)
    os.close(holder)
    remove_session(str(tmp_path), ID)
    assert os.listdir(tmp_path) == []


def test_deleting_unlinks_links_and_follows_none(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("keep")
    root = tmp_path / "recordings"
    folder = make_session(root)
    (folder / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "keep.txt")
    os.mkfifo(folder / "pipe")
    (folder / "deep" / "deeper").mkdir(parents=True)
    (folder / "deep" / "deeper" / "link").symlink_to("/")
    remove_session(str(root), ID)
    assert os.listdir(root) == []
    assert (outside / "keep.txt").read_text() == "keep"


def test_a_folder_that_is_exchanged_while_it_is_deleted_is_put_back(tmp_path, monkeypatch):
    """Between the look and the rename somebody puts a link to another folder there."""
    root = tmp_path / "recordings"
    folder = make_session(root)
    other = make_session(tmp_path / "elsewhere", "other")
    rename = os.rename

    def exchange(source, target, **places):
        if source == ID:
            monkeypatch.setattr(os, "rename", rename)
            rename(folder, root / "aside")
            folder.symlink_to(other)
        rename(source, target, **places)

    monkeypatch.setattr(os, "rename", exchange)
    with pytest.raises(StateConflict, match="was exchanged"):
        remove_session(str(root), ID)
    assert sorted(os.listdir(other)) == ["eeg.bdf", "events.tsv", "pipeline.yaml", "session_meta.json"]
    assert (root / "aside" / "eeg.bdf").exists()


# -- names --------------------------------------------------------------------------------------------------


def names(n: int) -> list[str]:
    """Ways out of a folder, as addresses behind /api/recordings/."""
    random_ = random.Random(11)
    steps = ["..", "...", "%2e%2e", "%2E%2E%2f", "..%2f", "..%5c", "..;", "%252e%252e", "\u2025", "\uff0e\uff0e",
             ".%00.", "%c0%ae%c0%ae", "~root", "", ".", "C:", "%00", "//", "%2f", "linked", ID,
             "up", "proc", "%0d%0aX: y", "-"]
    ends = ["secret.txt", "eeg.bdf", "etc/passwd", "%2fetc%2fpasswd", "session_meta.json", "eeg.bdf%00.txt", "pipe",
            "device", "eeg.bdf/", "..%2f..%2fsecret.txt", "link.bdf", "eeg_002.bdf", "events.tsv", "..", "%2e%2e",
            "proc/self/environ", "pipeline.yaml", ".zip", "..%2f.zip"]
    return ["/".join([*random_.choices(steps, k=random_.randint(1, 6)), random_.choice(ends)]) for _ in range(n)]


def planted(root: Path) -> None:
    """Links, pipes, devices and folders under names that are asked for."""
    secret = root.parent / "secret.txt"
    folder = root / ID
    (folder / "eeg_002.bdf").symlink_to(secret)
    os.mkfifo(folder / "eeg_003.bdf")
    (folder / "eeg_004.bdf").mkdir()
    (folder / "eeg_005.bdf").symlink_to("/dev/zero")
    (folder / "eeg_006.bdf").symlink_to("eeg_006.bdf")
    (folder / "link.bdf").symlink_to(secret)
    (root / "linked").symlink_to(root.parent)
    (root / "up").symlink_to("..")
    (root / "proc").symlink_to("/proc/self")
    (root / "file").write_text("root:secret")
    descriptor = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as place:         # whose names are short
        place.bind(f"/proc/self/fd/{descriptor}/eeg_007.bdf")
    os.close(descriptor)


async def ask(reader, writer, port: int, method: str, target: str) -> tuple[bytes, bytes]:
    writer.write(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    return head, await reader.readexactly(length)


async def test_a_thousand_names_and_none_leads_out(served):
    """Over raw sockets, so that no client library tidies the names up first."""
    root = served.controller.root
    planted(root)
    made = names(900) + [f"{ID}/eeg_{n:03d}.bdf" for n in range(2, 8)] + [
        f"{place}/{name}" for place in ("linked", "up", "proc", "file", ".", "..", "%2e%2e", "", "linked%2f" + ID, "\0")
        for name in ("secret.txt", "eeg.bdf", "session_meta.json", "environ", "events.tsv", "eeg_002.bdf", "x.zip",
                     "..%2fsecret.txt", "recordings", ID)]
    assert len(made) >= 1000
    before = {path: path.lstat().st_mtime_ns for path in root.parent.rglob("*")}
    found = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    for i, name in enumerate(made):
        method = "DELETE" if i % 7 == 0 and not name.startswith(ID) else "GET"
        target = "/api/recordings/" + quote(name, safe="/%.;\\:~-")
        try:
            head, body = await ask(reader, writer, served.port, method, target)
        except asyncio.IncompleteReadError:
            head, body = b"HTTP/1.1 400 closed", b""
        assert b"secret" not in body or b'"error"' in body, name
        assert b"root:" not in body, name
        assert b" 5" not in head[8:11], (name, head)
        if b" 200 " in head[:16]:
            assert b'"error"' not in body[:10]
            found += 1
        if b"close" in head.lower():
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.close()
    assert found < len(made) / 4
    assert {path: path.lstat().st_mtime_ns for path in root.parent.rglob("*")} == before, "nothing was touched"


@pytest.mark.parametrize("name", [f"eeg_{n:03d}.bdf" for n in range(2, 8)])
async def test_what_is_no_regular_file_is_not_sent_and_blocks_nobody(served, name):
    planted(served.controller.root)
    began = time.monotonic()
    async with served.get(f"/api/recordings/{ID}/{name}") as answer:
        assert answer.status == 404
    async with served.get(f"/api/recordings/{ID}") as answer:
        assert name not in (await answer.json())["files"]
    assert time.monotonic() - began < 5


def race(root: Path, seconds: float) -> int:
    """Swap a file and a folder for links as fast as can be while they are opened; return how often it was read."""
    secret = root.parent / "secret.txt"
    folder = root / ID
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for path, target in ((folder / "eeg.csv", secret), (root / "moving", root.parent)):
                path.symlink_to(target)
                path.unlink()
                if path.name == "moving":
                    path.mkdir()
                    (path / "eeg.bdf").write_text("good")
                    (path / "eeg.bdf").unlink()
                    path.rmdir()
                else:
                    path.write_text("good")
                    path.unlink()

    swapper = threading.Thread(target=swap)
    swapper.start()
    reads, end = 0, time.monotonic() + seconds
    try:
        while time.monotonic() < end or (reads == 0 and time.monotonic() < end + 20):
            for session_id, name in ((ID, "eeg.csv"), ("moving", "eeg.bdf")):
                try:
                    with open_file(str(root), session_id, name) as file:
                        assert file.read() in (b"good", b"")
                        reads += 1
                except LookupError:
                    continue
    finally:
        stop.set()
        swapper.join()
    return reads


def test_links_put_in_place_at_the_last_moment_are_not_followed(study):
    (study.root.parent / "eeg.bdf").write_text("root:secret")
    assert race(study.root, 0.4) > 0


@pytest.mark.deep
def test_the_same_for_a_minute(study):
    assert race(study.root, 60.0) > 1000
