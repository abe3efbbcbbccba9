"""WebSocket (RFC 6455) with permessage-deflate (RFC 7692), both roles, blocking, for tests."""
import base64
import hashlib
import os
import struct
import zlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TAIL = b"\x00\x00\xff\xff"


def accept(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def new_key():
    return base64.b64encode(os.urandom(16)).decode()


class Closed(Exception):
    """The other side has ended the connection: by a close frame (code, reason), or just so."""


class WebSocket:
    def __init__(self, read, write, client, deflate=False):
        """read(n): exactly n bytes, or fewer at the end; write(bytes)."""
        self.read, self.write, self.client, self.deflate = read, write, client, deflate
        self.inflater = zlib.decompressobj(wbits=-15)
        self.deflater = zlib.compressobj(wbits=-15)
        self.compressed = 0  # messages that came compressed

    def exactly(self, n):
        data = self.read(n) if n else b""
        if len(data) < n:
            raise Closed(None, "")
        return data

    def frame(self, opcode, data, fin=True, rsv1=False):
        head = bytes([(0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode])
        masked = 0x80 if self.client else 0
        if len(data) < 126:
            head += bytes([masked | len(data)])
        elif len(data) < 1 << 16:
            head += bytes([masked | 126]) + struct.pack(">H", len(data))
        else:
            head += bytes([masked | 127]) + struct.pack(">Q", len(data))
        if self.client:
            mask = os.urandom(4)
            head += mask
            data = self.mask(data, mask)
        return head + data

    @staticmethod
    def mask(data, mask):
        n = len(data)
        wide = (mask * (n // 4 + 1))[:n]
        return (int.from_bytes(data, "big") ^ int.from_bytes(wide, "big")).to_bytes(n, "big")

    def frames(self, text, pieces=1):
        """A text message as bytes, in so many fragments."""
        data = text if isinstance(text, bytes) else text.encode()
        if self.deflate:
            data = self.deflater.compress(data) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
            data = data[:-len(TAIL)]
        step = max(1, -(-len(data) // pieces))
        parts = [data[i:i + step] for i in range(0, len(data), step)] or [b""]
        return b"".join(self.frame(TEXT if i == 0 else 0, part, i == len(parts) - 1,
                                   self.deflate and i == 0) for i, part in enumerate(parts))

    def send(self, text, pieces=1):
        self.write(self.frames(text, pieces))

    def close(self, code=1000, reason=""):
        self.write(self.frame(CLOSE, struct.pack(">H", code) + reason.encode()))

    def read_frame(self):
        first, second = self.exactly(2)
        n = second & 127
        if n >= 126:
            n = int.from_bytes(self.exactly(2 if n == 126 else 8), "big")
        if bool(second & 0x80) == self.client:
            raise ValueError("a frame with a mask from a server, or without from a client")
        mask = self.exactly(4) if second & 0x80 else None
        data = self.exactly(n)
        return first, self.mask(data, mask) if mask else data

    def message(self):
        """(opcode, bytes) of the next message or control frame, whatever it is."""
        whole, opcode, packed = b"", None, False
        while True:
            first, data = self.read_frame()
            if first & 8:
                return first & 15, data
            if opcode is None:
                opcode, packed = first & 15, bool(first & 0x40)
            whole += data
            if first & 0x80:
                break
        if packed:
            self.compressed += 1
            whole = self.inflater.decompress(whole + TAIL)
        return opcode, whole

    def recv(self):
        """The text of the next message; answers pings meanwhile."""
        while True:
            opcode, data = self.message()
            if opcode == PING:
                self.write(self.frame(PONG, data))
            elif opcode == CLOSE:
                raise Closed(int.from_bytes(data[:2], "big") if data else 1005, data[2:].decode())
            elif opcode != PONG:
                return data.decode()
