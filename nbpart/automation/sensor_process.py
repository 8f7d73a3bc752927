"""The process in which a sensor runs, and the zygote that forks such processes: see `sensor_children`.

python -m nbpart.automation.sensor_process DESCRIPTOR | zygote:DESCRIPTOR
"""

from __future__ import annotations

import socket
import sys

from nbpart.automation import sensor_child, zygote


def main() -> None:
    kind, _, number = sys.argv[1].rpartition(":")
    channel = socket.socket(fileno=int(number))
    channel.set_inheritable(False)
    if kind == "zygote":
        zygote.serve(channel, sensor_child.serve)
    else:
        sensor_child.serve(channel)


if __name__ == "__main__":
    # by its name, so that what it forks finds its modules in it
    from nbpart.automation import sensor_process

    sensor_process.main()
