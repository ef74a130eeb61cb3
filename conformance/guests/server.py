#!/usr/bin/env python3
"""A stand-in for the chat server of a widely followed tutorial, with its habits and faults.

Many servers in use were written after that tutorial. Three faults are kept on purpose, because the
suite tests how they affect clients:

* each part of a frame is read with one blocking recv(n), however few bytes it returns;
* every exception counts as the end of that client;
* one client that stalls inside a frame stalls all clients.
"""

import argparse
import select
import socket
import sys

HEADER_LENGTH = 10


def receive_frame(peer):
    """One frame as (header, payload), unchanged, or None if this client is gone."""
    try:
        header = peer.recv(HEADER_LENGTH)
        if not header:
            return None
        length = int(header.decode("utf-8").strip())
        return header, peer.recv(length)
    except Exception:
        return None


def welcome(listener, names):
    peer, address = listener.accept()
    name = receive_frame(peer)
    if name is None:
        return
    names[peer] = name
    print("%s:%d is now known as %s" % (*address, readable(name)), flush=True)


def relay(sender, names):
    message = receive_frame(sender)
    if message is None:
        forget(sender, names)
        return
    pair = b"".join(names[sender] + message)
    for peer in names:
        if peer is not sender:
            peer.send(pair)


def forget(peer, names):
    # The socket is not closed here. Python closes it when the last reference is gone, which is at
    # the next event, because the loop's own variables still refer to it.
    print("%s has left" % readable(names.pop(peer)), flush=True)


def readable(frame):
    return frame[1].decode("utf-8", "backslashreplace")


def main():
    arguments = argparse.ArgumentParser(description="a chat server, tutorial style")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=1234)
    options = arguments.parse_args()
    # Without this, a name that the terminal's encoding cannot show would stop the server.
    sys.stdout.reconfigure(errors="backslashreplace")

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port))
    listener.listen()
    print("listening on %s:%d" % listener.getsockname(), flush=True)

    names = {}
    while True:
        everyone = [listener, *names]
        readable_now, _, broken = select.select(everyone, [], everyone)
        for ready in readable_now:
            if ready is listener:
                welcome(listener, names)
            elif ready in names:
                relay(ready, names)
        for peer in broken:
            names.pop(peer, None)


if __name__ == "__main__":
    main()
