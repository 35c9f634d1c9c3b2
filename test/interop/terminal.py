"""Runs a command on a terminal of its own, answers one question, and tells as JSON what was seen and how the terminal was left.

usage: terminal.py QUESTION ANSWER COMMAND...   (QUESTION is waited for; ANSWER is typed, with \\r and the like as Python has them)
"""
import json
import os
import pty
import select
import sys
import termios
import time

question, answer, command = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode("latin-1"), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)


def echoes():
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


seen, asked, hidden, end = b"", False, None, time.time() + 30
while time.time() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            octets = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not octets:
            break
        seen += octets
    if not asked and question in seen:
        while hidden is not True and time.time() < end:  # the question may be there before the echo is off
            hidden = not echoes()
        os.write(terminal, answer)
        asked = True
left = echoes()
_, status = os.waitpid(pid, 0)
print(json.dumps({"seen": seen.decode(), "hidden": hidden, "echoes": left, "code": os.waitstatus_to_exitcode(status)}))
