#!/usr/bin/env python3
"""A stand-in for the chat client of a widely followed tutorial, with its habits and faults.

It shows new messages only after its user presses Enter; an empty line sends nothing. One fault is
kept on purpose, because servers meet such clients: it reads each part of a frame with one recv(n),
which may return fewer bytes. After a pair that arrives in pieces it misreads every later frame.
"""

import argparse
import socket
import sys

HEADER_LENGTH = 10


def frame(text):
    payload = text.encode("utf-8")
    return f"{len(payload):<{HEADER_LENGTH}}".encode("ascii") + payload


def receive_part(server):
    """The payload of one frame: one recv for the header and one for the payload."""
    header = server.recv(HEADER_LENGTH)
    if not header:
        print("Connection closed by the server", flush=True)
        sys.exit()
    length = int(header.decode("utf-8").strip())
    return server.recv(length).decode("utf-8")


def show_what_came(server):
    try:
        while True:
            name = receive_part(server)
            print(f"{name} > {receive_part(server)}", flush=True)
    except BlockingIOError:
        pass
    except (OSError, ValueError) as fault:
        print("Reading failed:", fault, flush=True)
        sys.exit(1)


def main():
    arguments = argparse.ArgumentParser(description="a chat client, tutorial style")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=1234)
    options = arguments.parse_args()

    name = input("Name: ")
    server = socket.create_connection((options.host, options.port))
    server.setblocking(False)
    server.send(frame(name))
    while True:
        try:
            text = input(f"{name} > ")
        except EOFError:
            return
        if text:
            server.send(frame(text))
        show_what_came(server)


if __name__ == "__main__":
    main()
