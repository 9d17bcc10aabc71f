"""``python -m tests.kafka_server [--port N]``: runs a broker until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.kafka_server.server import ApacheKafka


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.kafka_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="client port on loopback; 0 lets the system choose")
    parser.add_argument("--data", default=None, help="folder that keeps the data; default: a temporary one")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with ApacheKafka(port=options.port, data=options.data) as kafka:
        print(kafka.bootstrap, flush=True)
        while not ended.wait(1.0):
            if not kafka.running:
                print(f"the broker ended by itself:\n{kafka.log_tail()}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
