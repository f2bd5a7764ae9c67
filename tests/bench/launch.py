"""`launch.py <descriptor> <command>...`: run the command, and write what it cost, as JSON, to the descriptor.

A process of its own because Linux counts the memory of the process that starts a program as the program's: this one is
small. Without imports that it could do without, for the same reason.
"""

import os
import sys
import time

devnull = os.open(os.devnull, os.O_RDWR)
started = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, devnull, 0)])
_, status, usage = os.wait4(pid, 0)
seconds = time.monotonic() - started
os.write(
    int(sys.argv[1]),
    f'{{"code": {os.waitstatus_to_exitcode(status)}, "seconds": {seconds}, "cpu": {usage.ru_utime + usage.ru_stime},'
    f' "peak": {usage.ru_maxrss * 1024}}}'.encode("ascii"),
)
