"""Many connections at a time, by one thread: a provider that answers from a table, and clients."""
import re
import resource
import selectors
import socket
import threading
from pathlib import Path

import _gateway as g

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.I)
PLAY = re.compile(rb"\r\nx-play: *([^\r]+)", re.I)
FILES = 8192
PIECE, SMALL = 1 << 18, 1 << 16


def room_for_files():
    """As many descriptors as a crowd of a thousand needs, on both sides of the gateway."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), hard))


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def whole(data):
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(data), data)


def memory(pid, name="VmRSS"):
    """KB."""
    return int(re.search(name + r":\s+(\d+)", Path("/proc/%d/status" % pid).read_text()).group(1))


def forget_peak(pid):
    Path("/proc/%d/clear_refs" % pid).write_text("5")


def request(run, body, play=b"json"):
    return b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nx-play: %s\r\nContent-Length: %d\r\n\r\n%s" % (
        run.url("/v1/messages").encode(), play, len(body), body)


def connect(run, small=0):
    s = socket.socket()
    s.settimeout(g.DEADLINE)
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, small)
    s.connect(("127.0.0.1", run.port))
    return s


class Guest:
    def __init__(self, s):
        self.s, self.head, self.left, self.out, self.sent = s, b"", 0, None, 0


class Provider:
    """What it answers is in `plays`, bytes for each x-play; it can hold back what comes behind
    the first `held[play]` bytes until release()."""

    def __init__(self, plays, held=()):
        self.plays, self.held, self.released = plays, dict(held), set()
        self.requests, self.moves, self.waiting = 0, 0, set()
        self.guests = {}
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(4096)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.wake, self.woken = socket.socketpair()
        self.all = selectors.DefaultSelector()
        self.all.register(self.listener, selectors.EVENT_READ)
        self.all.register(self.woken, selectors.EVENT_READ)
        self.closing = False
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def loop(self):
        while not self.closing:
            for key, what in self.all.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is self.woken:
                    self.woken.recv(100)
                    for guest in list(self.waiting):
                        self.write(guest)
                else:
                    self.serve(key.data, what)

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except BlockingIOError:
                return
            s.setblocking(False)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
            guest = self.guests[s] = Guest(s)
            self.all.register(s, selectors.EVENT_READ, guest)

    def end(self, guest):
        self.waiting.discard(guest)
        self.all.unregister(guest.s)
        del self.guests[guest.s]
        guest.s.close()

    def serve(self, guest, what):
        try:
            if what & selectors.EVENT_READ:
                self.read(guest)
            elif what & selectors.EVENT_WRITE:
                self.write(guest)
        except OSError:
            self.end(guest)

    def read(self, guest):
        data = guest.s.recv(PIECE)
        if not data:
            self.end(guest)
            return
        if guest.left:
            guest.left -= len(data)
        else:
            guest.head += data
            at = guest.head.find(b"\r\n\r\n")
            if at < 0:
                return
            have = PLAY.search(guest.head, 0, at)
            guest.play = have.group(1).decode() if have else "json"
            length = LENGTH.search(guest.head, 0, at)
            guest.left = (int(length.group(1)) if length else 0) - (len(guest.head) - at - 4)
            guest.head = b""
        if guest.left <= 0:
            self.requests += 1
            guest.out, guest.sent = self.plays[guest.play], 0
            self.write(guest)

    def write(self, guest):
        if guest.out is None:
            return
        end = len(guest.out)
        if guest.play in self.held and guest.play not in self.released:
            end = self.held[guest.play]
        try:
            while guest.sent < end:
                n = guest.s.send(memoryview(guest.out)[guest.sent:min(end, guest.sent + PIECE)])
                guest.sent += n
                self.moves += n
        except BlockingIOError:
            self.all.modify(guest.s, selectors.EVENT_READ | selectors.EVENT_WRITE, guest)
            return
        except OSError:
            self.end(guest)
            return
        self.all.modify(guest.s, selectors.EVENT_READ, guest)
        if guest.sent < len(guest.out):
            self.waiting.add(guest)
        else:
            self.waiting.discard(guest)
            guest.out = None

    def release(self, play):
        self.released.add(play)
        self.wake.send(b"x")

    def close(self):
        self.closing = True
        self.wake.send(b"x")
        self.thread.join()
        for s in [*self.guests, self.listener, self.wake, self.woken]:
            s.close()


def read_all_of(crowd, is_whole, seconds=g.DEADLINE):
    """What each of the sockets gets until that is whole, or the other end closes."""
    sel, got, ends = selectors.DefaultSelector(), {s: [] for s in crowd}, {}
    tails = {s: b"" for s in crowd}
    for s in crowd:
        s.setblocking(False)
        sel.register(s, selectors.EVENT_READ)
    left = set(crowd)
    while left:
        events = sel.select(seconds)
        if not events:
            break
        for key, _ in events:
            s = key.fileobj
            try:
                data = s.recv(PIECE)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            got[s].append(data)
            tails[s] = (tails[s] + data)[-4096:]
            if not data or is_whole(tails[s]):
                ends[s] = "whole" if data else "end"
                sel.unregister(s)
                left.discard(s)
    sel.close()
    return [(ends.get(s, "hangs"), b"".join(got[s])) for s in crowd]
