"""Named designs, and fetching them from a server that misbehaves in every way a server can."""

import dataclasses
import errno
import hashlib
import io
import json
import logging
import re
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from netlists import NetlistError, catalogue, download
from netlists.catalogue import Entry, RemoteFile, fetch_entry
from netlists.unpack import unpack

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA = hashlib.sha256(BODY).hexdigest()


class Server:
    """A local HTTP server: files by path, and switches for what goes wrong."""

    def __init__(self):
        self.files = {}
        self.etag = '"v1"'
        self.ranges = True
        self.cut_after = []  # bytes to send before hanging up, one for each coming request
        self.status = None
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                outer.requests.append((self.path, self.headers.get("Range")))
                if outer.status or self.path not in outer.files:
                    self.send_error(outer.status or 404)
                    return
                body, start = outer.files[self.path], 0
                wanted = re.match(r"bytes=(\d+)-$", self.headers.get("Range") or "")
                fresh = self.headers.get("If-Range") in (None, outer.etag)
                if wanted and outer.ranges and fresh:
                    start = int(wanted.group(1))
                    if start >= len(body):
                        self.send_error(416)
                        return
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(body) - start))
                if outer.etag:
                    self.send_header("ETag", outer.etag)
                self.end_headers()
                data = body[start:]
                if outer.cut_after:
                    data = data[: outer.cut_after.pop(0)]
                    self.close_connection = True
                self.wfile.write(data)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server():
    it = Server()
    it.files["/d/x.bin"] = BODY
    yield it
    it.close()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLACER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PLACER_DATA", raising=False)
    monkeypatch.setattr(download, "_ATTEMPTS", 1)
    return tmp_path / "home"


def entry(*files, name="d"):
    return Entry(name, "bookshelf", "test", "here", "none", tuple(files))


def known(server, **changes):
    return entry(
        RemoteFile(**{"name": "x.bin", "url": f"{server.url}/d/x.bin", "size": len(BODY), "sha256": SHA} | changes)
    )


def leftovers(home):
    return sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file())


def test_a_file_arrives_whole_with_a_record_of_its_source(server, home):
    events = []
    path = fetch_entry(known(server), progress=events.append)
    assert (path / "x.bin").read_bytes() == BODY
    record = json.loads((path / ".source.json").read_text())
    assert record["files"] == [{"name": "x.bin", "url": f"{server.url}/d/x.bin", "size": len(BODY), "sha256": SHA}]
    assert events[-1].done == events[-1].total == len(BODY)
    assert [e.done for e in events] == sorted(e.done for e in events)
    assert leftovers(home) == ["designs/d/.source.json", "designs/d/x.bin"]


def test_a_lost_connection_is_continued_where_it_broke(server, home):
    server.cut_after = [300_000]
    with pytest.raises(NetlistError, match=r"300000 bytes are kept, fetch again to continue"):
        fetch_entry(known(server))
    assert not (home / "designs" / "d").exists()
    assert (fetch_entry(known(server)) / "x.bin").read_bytes() == BODY
    assert [r for _, r in server.requests] == [None, "bytes=300000-"]


def test_a_lost_connection_is_retried_within_one_call(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_ATTEMPTS", 3)
    server.cut_after = [100_000, 200_000]
    target = tmp_path / "x.bin"
    assert download.download(f"{server.url}/d/x.bin", target, sha256=SHA, pause=0.0) == SHA
    assert target.read_bytes() == BODY
    assert [r for _, r in server.requests] == [None, "bytes=100000-", "bytes=300000-"]


def test_a_server_that_ignores_ranges_sends_everything_again(server):
    server.cut_after = [300_000]
    with pytest.raises(NetlistError):
        fetch_entry(known(server))
    server.ranges = False
    assert (fetch_entry(known(server)) / "x.bin").read_bytes() == BODY


def test_a_file_that_changed_meanwhile_starts_over(server):
    server.cut_after = [300_000]
    with pytest.raises(NetlistError):
        fetch_entry(known(server))
    new = BODY[::-1]
    server.files["/d/x.bin"], server.etag = new, '"v2"'
    path = fetch_entry(known(server, sha256=hashlib.sha256(new).hexdigest()))
    assert (path / "x.bin").read_bytes() == new


def test_without_a_validator_nothing_is_continued(server):
    server.etag = None
    server.cut_after = [300_000]
    with pytest.raises(NetlistError):
        fetch_entry(known(server))
    assert (fetch_entry(known(server)) / "x.bin").read_bytes() == BODY
    assert [r for _, r in server.requests] == [None, None]


def test_an_interrupted_download_keeps_its_part_and_is_continued(server, home):
    def stop(event):
        if event.done > 400_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_entry(known(server), progress=stop)
    assert leftovers(home) == ["partial/d/x.bin.part", "partial/d/x.bin.part.json"]
    kept = (home / "partial/d/x.bin.part").stat().st_size
    assert (fetch_entry(known(server)) / "x.bin").read_bytes() == BODY
    assert server.requests[-1][1] == f"bytes={kept}-"


def test_finished_files_are_not_fetched_twice(server):
    server.files["/d/y.bin"] = b"y" * 5000
    two = entry(*known(server).files, RemoteFile("y.bin", f"{server.url}/d/y.bin"))
    server.cut_after = [len(BODY), 10]
    with pytest.raises(NetlistError):
        fetch_entry(two)
    fetch_entry(two)
    assert [path for path, _ in server.requests].count("/d/x.bin") == 1


def test_a_wrong_hash_leaves_nothing_behind(server, home):
    with pytest.raises(NetlistError, match="SHA-256 differs"):
        fetch_entry(known(server, sha256="0" * 64))
    assert leftovers(home) == []
    assert not (home / "designs" / "d").exists()


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_a_wrong_size_leaves_no_design(server, home, size):
    with pytest.raises(NetlistError, match=r"wrong size|larger than expected"):
        fetch_entry(known(server, size=size))
    assert not (home / "designs" / "d").exists()


def test_an_endless_file_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(download, "MAX_BYTES", 100_000)
    with pytest.raises(NetlistError, match="larger than expected"):
        fetch_entry(known(server, size=None, sha256=None))


def test_an_unknown_hash_is_trusted_once_and_said_so(server, home, caplog):
    item = known(server, size=None, sha256=None)
    with caplog.at_level(logging.WARNING):
        fetch_entry(item)
    assert "no checksum" in caplog.text
    assert SHA in caplog.text
    assert json.loads((home / "hashes.json").read_text()) == {f"{server.url}/d/x.bin": SHA}
    caplog.clear()
    fetch_entry(item)
    assert caplog.text == ""
    server.files["/d/x.bin"], server.etag = BODY[::-1], '"v2"'
    with pytest.raises(NetlistError, match="SHA-256 differs"):
        fetch_entry(item)
    assert (home / "designs/d/x.bin").read_bytes() == BODY  # the good copy stays


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "no such file any more"), (403, "server refuses"), (503, "connection was lost")],
)
def test_http_errors_are_plain(server, home, status, message):
    server.status = status
    with pytest.raises(NetlistError, match=message):
        fetch_entry(known(server))
    assert leftovers(home) == []


def test_no_network_is_plain(server):
    item = known(server)
    server.close()
    with pytest.raises(NetlistError, match="cannot reach the server"):
        fetch_entry(item)
    server.close = lambda: None


def test_other_schemes_are_refused(tmp_path):
    (tmp_path / "secret").write_text("s")
    with pytest.raises(NetlistError, match="only http"):
        fetch_entry(entry(RemoteFile("x", f"file://{tmp_path}/secret")))


def test_a_full_disk_is_plain_and_can_be_continued(server, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() > 500_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    def small_disk(path, mode):
        return Full(path, "r+b" if mode == "r+b" else "w") if "b" in mode and mode != "rb" else open(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(download, "open", small_disk, raising=False)
        with pytest.raises(NetlistError, match="the disk is full"):
            fetch_entry(known(server))
    assert (fetch_entry(known(server)) / "x.bin").read_bytes() == BODY
    assert server.requests[-1][1] is not None  # continued


def test_a_data_folder_that_cannot_be_made_is_plain(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLACER_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(NetlistError, match="cannot make the folder"):
        fetch_entry(known(server))


def tar_of(members, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in members:
            zipped.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("make", [tar_of, zip_of, lambda m: tar_of(m, "w:xz")])
def test_archives_are_unpacked_without_their_top_folder(server, make):
    server.files["/d/a.tar.gz"] = make([("top/a.aux", b"aux"), ("top/sub/b.nets", b"nets"), ("top/._a.aux", b"junk")])
    path = fetch_entry(entry(RemoteFile("a.tar.gz", f"{server.url}/d/a.tar.gz", unpack=True)))
    found = {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name[0] != "."}
    assert found == {"a.aux": b"aux", "sub/b.nets": b"nets"}


def link(kind):
    info = tarfile.TarInfo("innocent")
    info.type = kind
    info.linkname = "/etc/passwd"
    return info


@pytest.mark.parametrize(
    "data",
    [
        tar_of([("../evil", b"x")]),
        tar_of([("a/../../evil", b"x")]),
        tar_of([("/evil", b"x")]),
        tar_of([(link(tarfile.SYMTYPE), b"")]),
        tar_of([(link(tarfile.LNKTYPE), b"")]),
        tar_of([(link(tarfile.FIFOTYPE), b"")]),
        zip_of([("../evil", b"x")]),
        zip_of([("..\\evil", b"x")]),
        zip_of([("C:/evil", b"x")]),
    ],
    # The bytes hold the time: as names they would differ between the processes of one run.
    ids=["up", "up-inside", "root", "symlink", "hard-link", "fifo", "zip-up", "zip-backslash", "zip-drive"],
)
def test_hostile_archives_are_refused_and_leave_nothing(server, home, data):
    server.files["/d/a.tar.gz"] = data
    with pytest.raises(NetlistError, match=r"leads outside|link or a device"):
        fetch_entry(entry(RemoteFile("a.tar.gz", f"{server.url}/d/a.tar.gz", unpack=True)))
    assert leftovers(home) == ["hashes.json"]
    assert not (home / "designs" / "d").exists()
    assert not (home.parent / "evil").exists()


def test_archives_are_bounded_and_must_be_archives(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(tar_of([("zeros", bytes(2_000_000))]))
    with pytest.raises(NetlistError, match="too much"):
        unpack(path, tmp_path / "out", limit=1_000_000)
    path.write_bytes(b"plain text")
    with pytest.raises(NetlistError, match="neither"):
        unpack(path, tmp_path / "out")
    path.write_bytes(tar_of([("half", bytes(range(256)) * 999)])[:-700])
    with pytest.raises(NetlistError, match=r"damaged|cut off"):
        unpack(path, tmp_path / "out2")


def test_catalogue_is_well_formed():
    entries = catalogue.entries()
    assert len({e.name for e in entries}) == len(entries)
    assert {"synth20", "ariane133_ng45", "ibm01", "ibm18", "adaptec1", "bigblue4", "n100", "ami33"} <= set(
        catalogue.names()
    )
    for e in entries:
        assert e.format in ("circuit-training", "bookshelf", "gsrc")
        assert e.licence
        assert e.source
        assert bool(e.files) != e.bundled
        for f in e.files:
            assert f.url.startswith("https://")
            assert f.sha256 is None or re.fullmatch("[0-9a-f]{64}", f.sha256)
            assert (f.size is None) == (f.sha256 is None)
            assert "/" not in f.name
        assert all(not local.startswith("/") for local in e.local)


def test_local_copies_are_found_in_order(tmp_path, monkeypatch, server):
    assert catalogue.local_path("ibm01") is None
    assert catalogue.local_path("no such design") is None
    assert (catalogue.local_path("synth20") / "initial.plc").is_file()
    for folder in ("one", "two"):
        (tmp_path / folder / "bookshelf" / "ibm01").mkdir(parents=True)
    (tmp_path / "two/bookshelf/ibm01/ibm01.aux").write_text("x")
    monkeypatch.setenv("PLACER_DATA", f"{tmp_path / 'one'}:{tmp_path / 'two'}")
    assert catalogue.local_path("ibm01") == tmp_path / "two/bookshelf/ibm01"
    assert catalogue.fetch("ibm01") == tmp_path / "two/bookshelf/ibm01"
    fetched = fetch_entry(dataclasses.replace(known(server), name="ibm01"))
    assert catalogue.local_path("ibm01") == fetched


def test_an_unfinished_fetch_is_not_a_local_copy(server):
    server.cut_after = [10]
    with pytest.raises(NetlistError):
        fetch_entry(dataclasses.replace(known(server), name="ibm01"))
    assert catalogue.local_path("ibm01") is None


def test_home_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.delenv("PLACER_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert catalogue.home() == tmp_path / "chip-placer"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert catalogue.home() == tmp_path / "me/.local/share/chip-placer"


def test_unknown_names_and_broken_catalogues_are_refused():
    with pytest.raises(NetlistError, match="no design is called"):
        catalogue.fetch("nonesuch")
    with pytest.raises(NetlistError, match="catalogue cannot be read"):
        catalogue.parse("[[design]]\nname = 'x'\n")


def test_a_mirror_holds_designs_by_name(server):
    for file in catalogue.entry("adaptec1").files:
        server.files[f"/mirror/adaptec1/{file.name}"] = tar_of([("adaptec1/adaptec1.aux", b"RowBasedPlacement : ")])
    path = catalogue.fetch("adaptec1", base_url=f"{server.url}/mirror/")
    assert (path / "adaptec1.aux").is_file()
    assert catalogue.fetch("adaptec1", base_url="http://127.0.0.1:9") == path  # already here


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ibm01", "n100", "ami49", "ariane133_ng45"])
def test_catalogue_hashes_are_those_of_the_published_files(open_data, server, name):
    item = catalogue.entry(name)
    folder = open_data(item.local[0])
    folder = folder.parent if folder.is_file() else folder
    for file in item.files:
        server.files[f"/{name}/{file.name}"] = (folder / file.name).read_bytes()
    path = fetch_entry(item, base_url=server.url)
    assert {f.name for f in item.files} <= {p.name for p in path.iterdir()}
