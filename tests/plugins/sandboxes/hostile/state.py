"""Attacks that leave something for a later run: each looks for its traces first, then leaves them.

They run several times in a row, so that one of them meets what an earlier one has left.
"""

from __future__ import annotations

from tests.plugins.sandboxes.hostile import lines
from tests.plugins.sandboxes.hostile.attack import REFUSED, Attack

# Whatever an open file carries beside its content; the kernel keeps it as long as anybody holds it.
STREAMS_CPP = """
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#ifndef F_SET_RW_HINT
#define F_SET_RW_HINT 1036
#define F_GET_RW_HINT 1035
#endif
static void found(const char *what, int stream) {
    fprintf(stderr, "BREACH: %s %d\\n", what, stream);
}
int main() {
    static char text[100];
    for (int stream = 0; stream < 3; stream++) {
        struct stat facts;
        unsigned long hint = 0;
        if (lseek(stream, 0, SEEK_CUR) != 0) found("position", stream);
        fstat(stream, &facts);
        if ((facts.st_mode & 0777) == 0123) found("mode", stream);
        if (facts.st_mtime < 1000000) found("age", stream);
        if (facts.st_size > 4 || (stream > 0 && facts.st_size)) found("size", stream);
        if (fcntl(stream, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ASYNC)) found("flags", stream);
        if (fcntl(stream, F_GETFD) & FD_CLOEXEC) found("descriptor's flags", stream);
        if (fcntl(stream, F_GETOWN) > 0) found("owner", stream);
        if (fcntl(stream, F_GETSIG) > 0) found("signal", stream);
        if (fcntl(stream, F_GET_RW_HINT, &hint) == 0 && hint) found("hint", stream);
        if (fcntl(stream, F_GET_SEALS) > F_SEAL_SEAL) found("seals", stream);
        if (fgetxattr(stream, "user.left", text, 100) >= 0) found("label", stream);
    }
    if (pread(0, text, 4, 0) != 4 || text[0] != 'a' || text[3] != '\\n') found("other input", 0);
    if (pread(1, text, 100, 0) > 0) found("other output", 1);
    for (int stream = 2; stream >= 0; stream--) {
        timespec times[2] = {{1, 0}, {1, 0}};
        unsigned long hint = 5;
        struct flock lock = {F_WRLCK, SEEK_SET, 0, 0, 0};
        pwrite(stream, "left behind", 11, stream == 0 ? 0 : 100);
        ftruncate(stream, 7);
        fchmod(stream, 0123);
        futimens(stream, times);
        fsetxattr(stream, "user.left", "x", 1, 0);
        fcntl(stream, F_SETOWN, getpid());
        fcntl(stream, F_SETSIG, 34);
        fcntl(stream, F_SET_RW_HINT, &hint);
        fcntl(stream, F_OFD_SETLK, &lock);
        flock(stream, LOCK_EX | LOCK_NB);
        fcntl(stream, F_SETFL, O_APPEND | O_NONBLOCK);
        fcntl(stream, F_SETLEASE, F_WRLCK);
        fcntl(stream, F_SETFD, FD_CLOEXEC);
        lseek(stream, 3, SEEK_SET);
        fcntl(stream, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    }
}
"""
STREAMS_PYTHON = """
import fcntl, os, sys
problems = []
for stream in range(3):
    facts = os.fstat(stream)
    if os.lseek(stream, 0, os.SEEK_CUR): problems.append(("position", stream))
    if facts.st_mode & 0o777 == 0o123 or facts.st_mtime < 1e6: problems.append(("facts", stream))
    if stream and facts.st_size: problems.append(("size", stream))
    if fcntl.fcntl(stream, fcntl.F_GETFL) & (os.O_APPEND | os.O_NONBLOCK):
        problems.append(("flags", stream))
    try:
        if fcntl.fcntl(stream, fcntl.F_GETOWN): problems.append(("owner", stream))
    except OSError:
        pass
if os.pread(0, 100, 0) != b"abc\\n": problems.append("input")
if problems: sys.stderr.write(f"BREACH {problems}\\n")
for stream in range(3):
    for action in (
        lambda: os.pwrite(stream, b"left behind", 100), lambda: os.fchmod(stream, 0o123),
        lambda: os.utime(stream, (1, 1)), lambda: os.ftruncate(stream, 3),
        lambda: fcntl.fcntl(stream, fcntl.F_SETOWN, os.getpid()),
        lambda: fcntl.fcntl(stream, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK),
        lambda: fcntl.fcntl(stream, fcntl.F_ADD_SEALS, 14),
        lambda: os.lseek(stream, 2, 0),
    ):
        try:
            action()
        except OSError:
            pass
os._exit(0)
"""

SHARED_CPP = """
#include <cstdio>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
int main() {
    int key = 0x5ca1e, id = -1;
    int kind = -1;
    if (scanf("%d", &kind) != 1) return 1;
    switch (kind) {
        case 0: if ((id = shmget(key, 4096, IPC_CREAT | 0600)) >= 0) shmctl(id, IPC_RMID, 0); break;
        case 1: if ((id = semget(key, 1, IPC_CREAT | 0600)) >= 0) semctl(id, 0, IPC_RMID); break;
        case 2: if ((id = msgget(key, IPC_CREAT | 0600)) >= 0) msgctl(id, IPC_RMID, 0); break;
        case 3: id = mq_open("/left", O_CREAT | O_RDWR, 0600, 0); mq_unlink("/left"); break;
        case 4: id = shm_open("/left", O_CREAT | O_RDWR, 0600); shm_unlink("/left"); break;
        case 5: if (sem_open("/left", O_CREAT, 0600, 1)) id = sem_unlink("/left"); break;
    }
    if (id >= 0) puts("BREACH");
}
"""

MEMORY_PYTHON = """
import builtins, gc, math, os, sys
places = (builtins, math, sys, os)
if any(hasattr(place, "left") for place in places) or "left" in sys.modules:
    print("BREACH")
for place in places:
    place.left = 1
sys.modules["left"] = os
os.environ["left"] = "1"
if os.umask(0o123) == 0o123 or os.getcwd() == "/left": print("BREACH")
"""

MEMORY_CPP = """
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
static int runs;
int main() {
    static thread_local int calls;
    char *block = static_cast<char *>(malloc(1 << 20));
    if (runs++ || calls++ || getenv("left") || alarm(100)) puts("BREACH");
    for (int place = 0; place < 1 << 20; place += 4096)
        if (block[place] == 'L') { puts("BREACH"); break; } else block[place] = 'L';
    setenv("left", "1", 1);
    char *stack = static_cast<char *>(__builtin_alloca(1 << 20));
    for (int place = 0; place < 1 << 20; place += 4096)
        if (stack[place] == 'S') { puts("BREACH"); break; } else stack[place] = 'S';
}
"""

KINDS = (
    "shared memory",
    "semaphores",
    "message queues",
    "POSIX queues",
    "POSIX shared memory",
    "POSIX semaphores",
)

ATTACKS = (
    Attack("marks its streams", lines.STATE, REFUSED, STREAMS_PYTHON, STREAMS_CPP, None, "abc\n"),
    Attack("leaves objects in memory", lines.STATE, ("ok",), MEMORY_PYTHON, MEMORY_CPP),
    *(
        Attack(f"leaves {name}", lines.STATE, REFUSED, cpp=SHARED_CPP, stdin=str(number))
        for number, name in enumerate(KINDS)
    ),
    Attack(
        "leaves files",
        lines.STATE,
        ("ok",),
        """
import os
for folder in (".", "/tmp", "/dev/shm", "/var/tmp"):
    try:
        open(folder + "/left", "x").close()
        os.unlink(folder + "/left")
        print("BREACH")
    except OSError:
        pass
""",
    ),
    Attack(
        "leaves a thread that prints",
        lines.STATE,
        ("ok",),
        """
import os, threading, time
leaving = threading.Event()
def later():
    leaving.wait()
    time.sleep(0.02)  # on a busy machine too, this run is over by then
    for _ in range(100):
        time.sleep(0.005)
        os.write(1, b"BREACH")
        os.write(2, b"BREACH")
threading.Thread(target=later, daemon=True).start()
leaving.set()
os._exit(0)
""",
        limits={"processes": 2},
        generator=None,
    ),
)
