"""What packets really do: connections tried from one namespace of the lab to another, all ports at once.

Run as a program inside the sender's network namespace: `packets.py ADDRESS TCP-PORTS UDP-PORTS` prints, as JSON, which
ports let a packet through (somebody answers, be it with a refusal), and whether a ping is answered.
"""

import errno
import json
import os
import select
import socket
import struct
import sys
import time

PATIENCE = 1.4  # seconds: a lost SYN is sent again after one


def main(address, tcp, udp):
    answered = {
        "tcp": sorted(_tcp(address, _ports(tcp))),
        "udp": sorted(_udp(address, _ports(udp))),
        "ping": _ping(address),
    }
    print(json.dumps(answered))


def _ports(text):
    return [int(port) for port in text.split(",") if port]


def _tcp(address, ports):
    waiting, through = {}, set()
    poll = select.poll()
    for port in ports:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.setblocking(False)
        code = s.connect_ex((address, port))
        if code == errno.EINPROGRESS:
            poll.register(s, select.POLLOUT)
            waiting[s.fileno()] = (s, port)
        elif code in (0, errno.ECONNREFUSED):
            through.add(port)
    end = time.monotonic() + PATIENCE
    while waiting and (left := end - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            s, port = waiting.pop(fd)
            poll.unregister(fd)
            # Refused by the peer's kernel: the packet came through. A prohibition comes from a rule.
            if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED):
                through.add(port)
            s.close()
    return through


def _udp(address, ports):
    """A port where nobody listens is told by ICMP; one where somebody listens may stay silent, so none should."""
    waiting, through = {}, set()
    poll = select.poll()
    for port in ports:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setblocking(False)
        try:
            s.connect((address, port))
            s.send(b"?")
        except OSError:
            continue  # the sender's own rules
        poll.register(s, select.POLLIN)
        waiting[s.fileno()] = (s, port)
    end = time.monotonic() + PATIENCE
    while waiting and (left := end - time.monotonic()) > 0:
        for fd, _ in poll.poll(left * 1000):
            s, port = waiting.pop(fd)
            poll.unregister(fd)
            if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED):
                through.add(port)
            s.close()
    return through


def _ping(address):
    """An echo request by hand: a minimal guest has no ping."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    s.settimeout(PATIENCE)
    mark = os.getpid() & 0xFFFF
    request = struct.pack("!BBHHH", 8, 0, 0, mark, 1)
    total = sum(struct.unpack("!4H", request))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    try:
        s.sendto(struct.pack("!BBHHH", 8, 0, checksum, mark, 1), (address, 0))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer, (sender, _) = s.recvfrom(256)
            kind, _, _, its_mark, _ = struct.unpack("!BBHHH", answer[20:28])
            if sender == address and kind == 0 and its_mark == mark:
                return True
    except OSError:
        pass
    return False


if __name__ == "__main__":
    main(*sys.argv[1:])
