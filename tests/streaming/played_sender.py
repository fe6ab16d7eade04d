"""Says when each frame of a market is due, from a process of its own: what it is told, and its clock, are its own.

    python -I -S played_sender.py SPEED < times

Standard input is int64 ns of market time, native byte order. Each due frame is one pair of int64 on standard output:
its number, and the monotonic clock of the machine when it was sent.
"""

import os
import struct
import sys
import time
from array import array

BEGIN_S = 0.05


def main(speed: float) -> None:
    times = array("q", sys.stdin.buffer.read())
    begin_s = time.monotonic() + BEGIN_S
    for number, ts_ns in enumerate(times):
        wait_s = begin_s + (ts_ns - times[0]) / 1e9 / speed - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        os.write(1, struct.pack("=qq", number, time.monotonic_ns()))


if __name__ == "__main__":
    main(float(sys.argv[1]))
