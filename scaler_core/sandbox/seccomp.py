"""The system calls that programs may make, as seccomp filters for the guard to install.

A program computes: it reads its input, writes its output, uses memory and time. What else a
program may try falls into three groups. Calls that a harmless program may make without need, such
as opening a file for writing, fail with an error. Calls that have no place in a solution (starting
processes, sockets, signals to others, tracing, namespaces) end it, and the run is ``forbidden``.
Everything else does not exist, as on an old kernel.
"""

from __future__ import annotations

import errno
import os
from functools import lru_cache

from scaler_core.sandbox import libseccomp
from scaler_core.sandbox.guard.lock import OWN_PROCESS
from scaler_core.sandbox.libseccomp import (
    ALLOW,
    EQUAL,
    KILL_PROCESS,
    MASKED_EQUAL,
    NOT_EQUAL,
    Condition,
    Rules,
    fail_with,
)

CLONE_THREAD = 0x00010000
CLONE_NAMESPACES = (0x80, *(1 << shift for shift in (17, 25, 26, 27, 28, 29, 30)))
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
AT_EMPTY_PATH = 0x1000
DESCRIPTOR_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC; others let a pipe send signals."""
WRITING = (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC)

ALLOWED = """
    read write readv writev pread64 pwrite64 lseek fstat close close_range dup dup2 dup3
    poll ppoll select pselect6 pipe pipe2 brk mmap munmap mremap mprotect madvise mincore
    msync exit exit_group restart_syscall rt_sigaction rt_sigprocmask rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigpending sigaltstack alarm pause setitimer getitimer
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage
    getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getpgid getpgrp
    getsid getrandom uname sysinfo getcwd umask futex set_robust_list rseq
    set_tid_address arch_prctl sched_yield sched_getaffinity getrlimit stat lstat
    newfstatat statx access faccessat faccessat2 readlink readlinkat getdents getdents64
"""

REFUSED = """
    creat mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat symlink
    symlinkat mknod mknodat chmod fchmod fchmodat chown fchown lchown fchownat truncate
    ftruncate fallocate utime utimes utimensat futimesat setxattr lsetxattr fsetxattr
    removexattr chdir fchdir statfs fstatfs memfd_create memfd_secret setrlimit
    sched_setaffinity sched_setscheduler sched_setparam setpriority ioprio_set nice
    personality setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid
    setfsgid capset mlock mlockall mlock2 flock sync fsync syncfs setsid setpgid prctl
    sendfile splice tee vmsplice copy_file_range inotify_init inotify_init1 eventfd eventfd2
    signalfd signalfd4 timerfd_create epoll_create epoll_create1
"""

FORBIDDEN = """
    fork vfork execve execveat wait4 waitid socket socketpair connect bind listen accept
    accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg getsockname getpeername
    setsockopt getsockopt shutdown tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open
    pidfd_send_signal pidfd_getfd ptrace process_vm_readv process_vm_writev process_madvise
    kcmp unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig
    fsmount fspick mount_setattr bpf perf_event_open userfaultfd io_uring_setup io_uring_enter
    io_uring_register keyctl add_key request_key seccomp landlock_create_ruleset
    landlock_add_rule landlock_restrict_self shmget shmat shmctl shmdt msgget msgsnd msgrcv
    msgctl semget semop semctl semtimedop mq_open mq_unlink mq_timedsend mq_timedreceive
    mq_notify mq_getsetattr init_module finit_module delete_module kexec_load kexec_file_load
    reboot swapon swapoff ioperm iopl modify_ldt name_to_handle_at open_by_handle_at
    fanotify_init quotactl acct settimeofday clock_settime adjtimex clock_adjtime sethostname
    setdomainname syslog vhangup lookup_dcookie uselib nfsservctl remap_file_pages
"""

TOOLS_MAY = """
    fork vfork execve execveat wait4 waitid tkill socketpair
"""
"""Of the forbidden calls, those that a compiler makes."""


def missing() -> str:
    """Why filters cannot be made here, in one line; empty when they can."""
    if not libseccomp.is_there():
        return "libseccomp is missing (Debian, Ubuntu: apt-get install libseccomp2)"
    if not os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return "the kernel was built without seccomp filters"
    return ""


@lru_cache(maxsize=8)
def program_filter(*, threads: bool, program_file: int | None = None) -> bytes:
    """The filter of a program, as an array of ``struct sock_filter``.

    Args:
        threads: Whether it may start threads; new processes are never allowed.
        program_file: The descriptor from which the program is executed after the filter was
            installed. That closes it, and the program may open none of this number, so that it
            works once; ``None`` where nothing is executed.
    """
    with libseccomp.new_rules(fail_with(errno.ENOSYS)) as rules:
        rules.on_other_architectures(KILL_PROCESS)
        _add(rules, ALLOW, ALLOWED)
        _add(rules, fail_with(errno.EACCES), REFUSED)
        _add(rules, KILL_PROCESS, FORBIDDEN, but="" if program_file is None else "execveat")
        _add_by_arguments(rules, threads=threads)
        if program_file is not None:
            program = Condition(0, EQUAL, program_file)
            rules.add(ALLOW, "execveat", program, Condition(4, EQUAL, AT_EMPTY_PATH))
            rules.add(KILL_PROCESS, "execveat", Condition(0, NOT_EQUAL, program_file))
        return rules.instructions()


@lru_cache(maxsize=1)
def tool_filter() -> bytes:
    """The filter of a trusted tool that reads untrusted input: no network, no reach to others."""
    with libseccomp.new_rules(ALLOW) as rules:
        rules.on_other_architectures(KILL_PROCESS)
        _add(rules, fail_with(errno.EPERM), FORBIDDEN, but=TOOLS_MAY)
        for name in ("kill", "tgkill"):
            rules.add(fail_with(errno.EPERM), name, Condition(0, NOT_EQUAL, OWN_PROCESS))
        return rules.instructions()


def _add(rules: Rules, action: int, names: str, but: str = "") -> None:
    for name in sorted(set(names.split()) - set(but.split())):
        # negative: this libseccomp is older than the call, or this architecture has no such call
        if libseccomp.call_number(name) >= 0:
            rules.add(action, name)


def _add_by_arguments(rules: Rules, *, threads: bool) -> None:
    """Add the rules of calls that are harmless with some arguments and not with others."""
    for name, argument in (("open", 1), ("openat", 2)):
        mask = 0
        for bit in WRITING:
            mask |= bit
            rules.add(fail_with(errno.EACCES), name, Condition(argument, MASKED_EQUAL, bit, bit))
        rules.add(ALLOW, name, Condition(argument, MASKED_EQUAL, mask, 0))
    for name in ("kill", "tgkill"):
        rules.add(ALLOW, name, Condition(0, EQUAL, OWN_PROCESS))
        rules.add(KILL_PROCESS, name, Condition(0, NOT_EQUAL, OWN_PROCESS))
    for request in (0x5401, 0x5451):  # TCGETS (is it a terminal?) and FIOCLEX
        rules.add(ALLOW, "ioctl", Condition(1, EQUAL, request))
    for command in DESCRIPTOR_COMMANDS:
        rules.add(ALLOW, "fcntl", Condition(1, EQUAL, command))
    rules.add(ALLOW, "prlimit64", Condition(0, EQUAL, 0), Condition(2, EQUAL, 0))
    rules.add(fail_with(errno.EPERM), "prlimit64", Condition(2, NOT_EQUAL, 0))
    rules.add(KILL_PROCESS, "clone", Condition(0, MASKED_EQUAL, CLONE_THREAD, 0))
    namespaces = 0
    for bit in CLONE_NAMESPACES:
        namespaces |= bit
        rules.add(KILL_PROCESS, "clone", Condition(0, MASKED_EQUAL, bit, bit))
    thread = Condition(0, MASKED_EQUAL, CLONE_THREAD | namespaces, CLONE_THREAD)
    rules.add(ALLOW if threads else KILL_PROCESS, "clone", thread)
