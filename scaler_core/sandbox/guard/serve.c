/* The fork server that is linked into every C++ program: its ELF entry point.
 *
 * It runs before the C library and all code of the program, so no untrusted code ever runs in the
 * server itself, and a child starts in the state that a fresh exec would give it:
 *
 *     exec --> scaler_entry --> (not asked to serve) ---------------------------> _start
 *                 |
 *                 +--> serve: read a batch --> fork --> streams, limits, filter --> _start
 *                        ^                      |
 *                        +--- send reports <--- wait, or kill at the deadline
 *
 * It is asked to serve by a '?' as the first character of argv[0]. Freestanding: x86-64 Linux only,
 * no libc call, for nothing is set up yet. What host and server say to each other stands in wire.py.
 */
#include <stddef.h>
#include <stdint.h>

enum { CONTROL = 3, RULESET = 4, STREAMS = 3, FILES = 2, MOST_RUNS = 32, MOST_STUCK = 2 };
enum { INPUTS, RESULTS };
enum { WALL_LIMIT = 1, SETUP_FAILED = 8 };
enum { FILTER_BYTES = 8192, STACK_BYTES = 16384, ERROR_BYTES = 4096 };

struct setup {
    uint32_t cpu_s, has_ruleset;
    uint64_t memory_bytes;
    uint32_t lengths[2]; /* bytes of the filters without and with threads, which follow */
};
struct batch {
    uint32_t count, cpu_s, wall_ms, open_files, threads, unused;
    uint64_t memory_bytes, file_bytes;
    uint64_t lengths[MOST_RUNS]; /* of the inputs; as many as there are runs */
};
struct report {
    int32_t status;
    uint32_t flags;
    uint64_t cpu_us, wall_us, memory_kib, answer_bytes, error_bytes;
};

enum {
    SYS_WRITE = 1, SYS_POLL = 7, SYS_LSEEK = 8, SYS_SENDFILE = 40, SYS_SENDTO = 44, SYS_RECVMSG = 47, SYS_CLONE = 56, SYS_WAIT4 = 61, SYS_KILL = 62,
    SYS_GETPID = 39, SYS_CLOSE = 3, SYS_CLOCK_GETTIME = 228, SYS_EXIT_GROUP = 231, SYS_DUP3 = 292,
    SYS_PRLIMIT64 = 302, SYS_SECCOMP = 317, SYS_MEMFD_CREATE = 319, SYS_CLOSE_RANGE = 436,
    SYS_LANDLOCK_RESTRICT_SELF = 446
};

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#define CALL3(n, a, b, c) call((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CALL4(n, a, b, c, d) call((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CALL5(n, a, b, c, d, e) call((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static __attribute__((noreturn)) void leave(int code)
{
    for (;;)
        CALL3(SYS_EXIT_GROUP, code, 0, 0);
}

static uint64_t now_us(void)
{
    long time[2];
    CALL3(SYS_CLOCK_GETTIME, 1, time, 0);
    return (uint64_t)time[0] * 1000000u + (uint64_t)time[1] / 1000u;
}

/* ---------------------------------------------------------------- messages with descriptors */

struct message {
    void *name;
    uint32_t name_length;
    struct { void *base; size_t length; } *parts;
    size_t part_count;
    void *control;
    size_t control_length;
    int flags;
};
struct control { size_t length; int level, type; int descriptors[FILES]; };
struct filter_program { uint16_t length; const void *instructions; };

/* All that the server keeps, its stack too: the program's own stays as the kernel made it. A child
 * clears this before it becomes the program, which so starts with nothing of earlier runs. */
__attribute__((used, aligned(16))) struct {
    uint8_t stack[STACK_BYTES];
    uint8_t setup[sizeof(struct setup) + 2 * FILTER_BYTES];
    struct filter_program filters[2];
    struct control control;
    struct batch batch;
    struct report reports[MOST_RUNS];
} scaler_server;
__attribute__((used)) const uint64_t scaler_server_bytes = sizeof scaler_server;
__attribute__((used)) const uint64_t scaler_server_stack_bytes = STACK_BYTES;

#define server scaler_server /* a name that no program is likely to have */

/* Bytes received, 0 at the end; the descriptors that came along lie in `server.control`. */
static long receive(void *place, size_t length)
{
    struct { void *base; size_t length; } part = { place, length };
    struct message message = { 0, 0, (void *)&part, 1, &server.control, sizeof server.control, 0 };
    server.control.length = 0;
    return CALL3(SYS_RECVMSG, CONTROL, &message, 0x40000000 /* MSG_CMSG_CLOEXEC */);
}

static uint32_t descriptor_count(void)
{
    size_t header = offsetof(struct control, descriptors);
    size_t bytes = server.control.length;
    return bytes > header ? (uint32_t)((bytes - header) / sizeof(int)) : 0;
}

static void send(const void *place, size_t length)
{
    if (call(SYS_SENDTO, CONTROL, (long)place, (long)length, 0x4000 /* MSG_NOSIGNAL */, 0, 0) < 0)
        leave(0);
}

/* ---------------------------------------------------------------- files of a run */

/* Copy a part of a file to where another one stands, within the kernel. */
static int copy(int from, uint64_t start, uint64_t count, int to)
{
    while (count > 0) {
        long sent = CALL4(SYS_SENDFILE, to, from, &start, count);
        if (sent <= 0)
            return 0;
        count -= (uint64_t)sent;
    }
    return 1;
}

static int open_streams(int *streams, uint64_t start, uint64_t length)
{
    for (int i = 0; i < STREAMS; i++)
        if ((streams[i] = (int)CALL3(SYS_MEMFD_CREATE, "stream", 1 /* MFD_CLOEXEC */, 0)) < 0)
            return 0;
    return copy(server.control.descriptors[INPUTS], start, length, streams[0]) &&
           CALL3(SYS_LSEEK, streams[0], 0, 0 /* SEEK_SET */) == 0;
}

/* Move what a run wrote to the results, and close its files. */
static int collect(const int *streams, struct report *report)
{
    int results = server.control.descriptors[RESULTS];
    uint64_t answer = (uint64_t)CALL3(SYS_LSEEK, streams[1], 0, 2 /* SEEK_END */);
    uint64_t error = (uint64_t)CALL3(SYS_LSEEK, streams[2], 0, 2 /* SEEK_END */);
    uint64_t wanted = server.batch.file_bytes - 1;
    uint64_t kept = error < ERROR_BYTES ? error : ERROR_BYTES;
    report->answer_bytes = answer;
    report->error_bytes = error;
    if (!copy(streams[1], 0, answer < wanted ? answer : wanted, results) ||
        !copy(streams[2], error - kept, kept, results))
        return 0;
    for (int i = 0; i < STREAMS; i++)
        CALL3(SYS_CLOSE, streams[i], 0, 0);
    return 1;
}

/* ---------------------------------------------------------------- limits and filters */

static int install_filter(uint32_t threads)
{
    const uint32_t own_process_mark = 0x5CA1AB1E; /* lock.py: OWN_PROCESS */
    uint32_t own = (uint32_t)CALL3(SYS_GETPID, 0, 0, 0);
    uint32_t *words = (uint32_t *)server.filters[threads].instructions;
    for (uint32_t i = 0; i < server.filters[threads].length; i++)
        if (words[2 * i + 1] == own_process_mark)
            words[2 * i + 1] = own;
    return CALL3(SYS_SECCOMP, 1, 0, &server.filters[threads]) == 0;
}

static int limit(int which, uint64_t soft, uint64_t hard)
{
    uint64_t values[2] = { soft, hard };
    return CALL4(SYS_PRLIMIT64, 0, which, values, 0) == 0;
}

static int take_on_limits(const struct batch *wanted)
{
    enum { CPU = 0, FILE_SIZE = 1, CORE = 4, OPEN_FILES = 7, ADDRESS_SPACE = 9 };
    return limit(CPU, wanted->cpu_s, wanted->cpu_s + 1) &&
           limit(FILE_SIZE, wanted->file_bytes, wanted->file_bytes) && limit(CORE, 0, 0) &&
           limit(OPEN_FILES, wanted->open_files, wanted->open_files) &&
           limit(ADDRESS_SPACE, wanted->memory_bytes, wanted->memory_bytes);
}

static int become_program(const struct batch *wanted, const int *streams)
{
    for (int i = 0; i < STREAMS; i++)
        if (CALL3(SYS_DUP3, streams[i], i, 0) != i)
            return 0;
    /* once more than the server did: what lies above its child's own rules is out of its reach */
    if (((struct setup *)server.setup)->has_ruleset &&
        CALL3(SYS_LANDLOCK_RESTRICT_SELF, RULESET, 0, 0) != 0)
        return 0;
    if (CALL3(SYS_CLOSE_RANGE, CONTROL, ~0u, 0) < 0)
        return 0;
    return take_on_limits(wanted) && install_filter(wanted->threads != 0);
}

/* ---------------------------------------------------------------- serving */

/* One run; returns 1 in the child, which is to become the program. */
static int run(const int *streams, struct report *report)
{
    int process_file = -1, status = 0;
    uint64_t usage[18] = { 0 };
    uint64_t started = now_us(), deadline = started + (uint64_t)server.batch.wall_ms * 1000u;
    /* CLONE_PIDFD and SIGCHLD */
    long process = CALL5(SYS_CLONE, 0x1000 | 17, 0, &process_file, 0, 0);
    report->flags = 0;
    if (process == 0) {
        if (become_program(&server.batch, streams))
            return 1;
        leave(1); /* limits and filters were tried out before: see prove_filters */
    }
    if (process < 0) {
        report->flags = SETUP_FAILED;
        return 0;
    }
    for (;;) {
        struct { int file; short wanted, seen; } watched[2] = { { process_file, 1, 0 },
                                                                { CONTROL, 0, 0 } };
        uint64_t now = now_us();
        long left = now < deadline ? (long)((deadline - now + 999) / 1000) : 0;
        CALL3(SYS_POLL, watched, 2, left);
        if (watched[0].seen)
            break;
        if (watched[1].seen || now_us() >= deadline) { /* the host is gone, or it took too long */
            report->flags = WALL_LIMIT;
            CALL3(SYS_KILL, process, 9, 0);
            break;
        }
    }
    CALL4(SYS_WAIT4, process, &status, 0, usage);
    CALL3(SYS_CLOSE, process_file, 0, 0);
    report->status = status;
    report->cpu_us = (usage[0] + usage[2]) * 1000000u + usage[1] + usage[3];
    report->memory_kib = usage[4];
    report->wall_us = now_us() - started;
    return 0;
}

/* Whether a child can take on the filters, so that none ever runs without. */
static int prove_filters(void)
{
    for (uint32_t threads = 0; threads < 2; threads++) {
        int status = 1;
        long process = CALL5(SYS_CLONE, 17, 0, 0, 0, 0);
        if (process == 0)
            leave(install_filter(threads) ? 0 : 1);
        if (process < 0 || CALL4(SYS_WAIT4, process, &status, 0, 0) != process || status != 0)
            return 0;
    }
    return 1;
}

static void set_up(void)
{
    struct setup *setup = (struct setup *)server.setup;
    long length = receive(setup, sizeof server.setup);
    uint64_t wanted = sizeof *setup;
    for (int i = 0; i < 2; i++) {
        server.filters[i].instructions = server.setup + wanted;
        server.filters[i].length = (uint16_t)(setup->lengths[i] / 8);
        wanted += setup->lengths[i];
    }
    if (length < 0 || (uint64_t)length != wanted)
        leave(2);
    if (!prove_filters())
        leave(3);
    send("", 1);
}

/* The runs of a batch, one after the other; returns 1 in a child. */
static int run_all(void)
{
    uint64_t start = 0;
    for (uint32_t i = 0, stuck = 0; i < server.batch.count; i++) {
        struct report *report = &server.reports[i];
        int streams[STREAMS];
        if (stuck >= MOST_STUCK) { /* it hangs: the rest of the batch would too */
            *report = server.reports[i - 1];
            report->answer_bytes = report->error_bytes = 0;
            continue;
        }
        if (!open_streams(streams, start, server.batch.lengths[i]))
            leave(4);
        start += server.batch.lengths[i];
        if (run(streams, report))
            return 1;
        if (!collect(streams, report))
            leave(4);
        stuck += report->flags & WALL_LIMIT;
    }
    return 0;
}

/* Serve until the host hangs up; returns only in a child. */
static void serve(void)
{
    set_up();
    for (;;) {
        long length = receive(&server.batch, sizeof server.batch);
        uint32_t count = server.batch.count;
        if (length < (long)offsetof(struct batch, lengths) || count > MOST_RUNS ||
            length != (long)(offsetof(struct batch, lengths) + count * sizeof(uint64_t)) ||
            descriptor_count() != FILES)
            leave(0);
        if (CALL3(SYS_WRITE, server.control.descriptors[RESULTS], "!", 1) != 1) /* it has begun */
            leave(4);
        if (run_all())
            return;
        for (uint32_t i = 0; i < FILES; i++)
            CALL3(SYS_CLOSE, server.control.descriptors[i], 0, 0);
        send(server.reports, count * sizeof(struct report));
    }
}

__attribute__((used)) void scaler_before_start(uint64_t *stack)
{
    char *name = stack[0] ? (char *)stack[1] : 0;
    if (name && name[0] == '?') {
        name[0] = 'p';
        serve();
    }
}

__asm__(".text\n"
        ".globl scaler_entry\n"
        ".type scaler_entry, @function\n"
        "scaler_entry:\n"
        "    mov %rsp, %rbx\n"
        "    mov %rsp, %rdi\n"
        "    lea scaler_server(%rip), %rsp\n"
        "    add scaler_server_stack_bytes(%rip), %rsp\n"
        "    xor %ebp, %ebp\n"
        "    call scaler_before_start\n"
        "    mov %rbx, %rsp\n"
        "    lea scaler_server(%rip), %rdi\n"
        "    mov scaler_server_bytes(%rip), %rcx\n"
        "    xor %eax, %eax\n"
        "    rep stosb\n"
        "    xor %edi, %edi\n"
        "    xor %ebx, %ebx\n"
        "    xor %edx, %edx\n"
        "    jmp _start\n");
