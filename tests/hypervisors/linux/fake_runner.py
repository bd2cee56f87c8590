# SPDX-License-Identifier: MIT
"""A runner without a guest: takes the handover and does what the guest's command line says, word by word.

Started as the real one, with the number of the handover socket. It has no part of openvmi in it, so that the protocol
is written down twice.
"""

import mmap
import os
import signal
import socket
import struct
import sys
import time

END, MARK, REPORT, PAUSED = range(1, 5)
STOP, PAUSE, RESUME = range(1, 4)
ENDINGS = {"exit": 0, "reboot": 1, "crash": 2, "refused": 3, "timeout": 4, "interrupted": 5, "failed": 6}
HANDOVER = "<IIQQQQQQQQQQII32s32s32s"


class Runner:
    def __init__(self, handover):
        packet, files, _, _ = socket.recv_fds(handover, 4096, 8)
        memory, console, control = files
        self.packet = packet
        self.values = struct.unpack(HANDOVER, packet)
        self.ram, self.window, self.rip, self.rsp, self.rdi, self.root = self.values[2:8]
        self.direct_map = self.values[10]
        self.memory = mmap.mmap(memory, os.fstat(memory).st_size)
        self.console = socket.socket(fileno=console)
        self.control = socket.socket(fileno=control)
        self.patience = 20.0

    def at(self, address):
        return address - self.direct_map

    def line(self):
        info = self.at(self.rdi)
        place, size = struct.unpack_from("<QI", self.memory, info + 40)  # in struct boot_info
        return self.memory[place : place + size].decode()

    def send(self, kind, payload):
        self.control.send(struct.pack("<II", kind, len(payload)) + payload)

    def end(self, what, code=0, message="", general=(0,) * 16, rest=(0,) * 7, counts=()):
        payload = struct.pack("<II256s23QI4x", ENDINGS[what], code, message.encode(), *general, *rest, len(counts))
        self.send(END, payload + b"".join(struct.pack("<32sQ", name.encode(), count) for name, count in counts))

    def order(self):
        self.control.settimeout(self.patience)
        packet = self.control.recv(64)
        if not packet:
            os._exit(9)
        return struct.unpack("<I", packet)[0]

    def obey(self):
        """Until it is told to stop."""
        while (order := self.order()) != STOP:
            if order == PAUSE:
                self.send(PAUSED, struct.pack("<Q", self.root))
        self.end("interrupted")

    def do(self, word):
        what, _, value = word.partition("=")
        if what in ENDINGS:
            code, _, message = value.partition(":")
            self.end(what, int(code or 0), message.replace("_", " "))
        elif what == "say":
            self.console.sendall(value.encode() + b"\n")
        elif what == "flood":
            while True:
                self.console.sendall(b"flood\n" * 100)
        elif what == "obey":
            self.obey()
        elif what == "deaf":
            time.sleep(self.patience)
        elif what == "echo":
            size = int(value)
            while size:
                data = self.console.recv(min(size, 65536))
                self.console.sendall(data)
                size -= len(data)
        elif what == "die":
            os.kill(os.getpid(), getattr(signal, value))
        elif what == "status":
            sys.stderr.write("a complaint\nmore\n")
            sys.stderr.flush()
            os._exit(int(value))
        elif what == "counts":
            self.end("exit", 0, counts=[("Halt", 3), ("page fault", 1 << 40)])
        elif what == "mark":
            self.send(MARK, struct.pack("<I4xQQ", *map(int, value.split(","))))
        elif what == "registers":
            # RBP leads to one frame on the boot stack, whose return address is 0x1234.
            frame = self.rsp - 64
            struct.pack_into("<QQQQ", self.memory, self.at(frame), frame + 16, 0x1234, 0, 0)
            general = [100 + n for n in range(16)]
            general[6] = frame
            self.end("crash", 0, "it died", general, (self.rip, 0x202, 0x33, 0x2B, 0xDEAD, self.root, 1))
        elif what == "report":
            self.send(REPORT, struct.pack("<QQ", self.direct_map + int(value), self.root))
        elif what == "raw":
            self.control.send(bytes.fromhex(value))
        elif what == "children":
            pids = []
            for _ in range(int(value)):
                pid = os.fork()
                if not pid:
                    signal.pause()
                pids.append(str(pid))
            self.console.sendall(" ".join(pids).encode() + b"\n")
        elif what == "close":
            getattr(self, value).close()
        elif what == "stuff":
            self.memory[0x100000 : 0x100000 + 5] = b"stuff"


def main():
    runner = Runner(socket.socket(fileno=int(sys.argv[1])))
    for word in runner.line().split():
        runner.do(word)


main()
