/*
 * One-way traffic between two VDE clients.
 *
 *   vde-traffic SWITCH-A SWITCH-B LENGTH WARMUP SECONDS WINDOW [PID]…
 *
 * The sender, on SWITCH-A, sends frames of LENGTH octets as fast as vde_send
 * lets it; the receiver, a process and a session of its own on SWITCH-B, counts
 * them. With a WINDOW other than 0, the sender keeps about so many frames on
 * the way: it reads from shared memory how far the receiver is, which stands
 * for the acknowledgements of a real protocol at no cost to the switch. Frames sent during WARMUP seconds are not counted. The CPU time of each
 * PID (the switches) is taken over the counted time. Prints one line of JSON.
 *
 * A VDE client's data socket blocks, so a sender is slowed by its own full
 * socket buffer as any client is; `refused` counts sends that failed with
 * EAGAIN or ENOBUFS all the same, and those frames are not counted as sent.
 */
#include "client.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* The receiver is done when nothing came for this long after the sender's end. */
static const double SILENCE = 0.2;
static const double REACH_SECONDS = 15;
/* How often a sender looks at a full window, and when it gives up on what is in it; seconds. */
static const double LOOK_AGAIN = 10e-6, LOST_AFTER = 20e-3;
/* Frames between two looks at the clock. */
enum { STEP = 32 };
/* Numbers the receiver remembers, to tell a duplicate from a late frame. */
enum { REMEMBERED = 1 << 20 };

/* Shared by sender and receiver; frames numbered `first` and up are counted. */
struct shared {
    atomic_ullong first;
    atomic_ullong highest; /* the highest number that came */
    atomic_bool finished;
    uint64_t received, reordered, duplicated;
    double first_time, last_time;
    uint64_t timed; /* frames between first_time and last_time */
};

static uint64_t seen[REMEMBERED / 64];

static bool test_and_set(uint64_t number) {
    uint64_t *word = &seen[number / 64 % (REMEMBERED / 64)];
    uint64_t bit = 1ull << (number % 64);
    bool was_set = (*word & bit) != 0;
    *word |= bit;
    return was_set;
}

/* Forgets the numbers that are `REMEMBERED` older than those in (from, to]. */
static void forget(uint64_t from, uint64_t to) {
    if (to - from >= REMEMBERED) {
        memset(seen, 0, sizeof seen);
        return;
    }
    for (uint64_t number = from + 1; number <= to; number++)
        seen[number / 64 % (REMEMBERED / 64)] &= ~(1ull << (number % 64));
}

static void receive(char *directory, struct shared *shared) {
    VDECONN *connection = open_switch(directory, "bench receiver", SILENCE);
    uint8_t frame[LONGEST], answer[64];
    uint64_t highest = 0;
    announce(connection, FAR_MAC);
    build_frame(answer, sizeof answer, NEAR_MAC, FAR_MAC);
    mark_frame(answer, ANSWER, 0);
    for (;;) {
        bool finished = atomic_load_explicit(&shared->finished, memory_order_relaxed);
        ssize_t length = vde_recv(connection, frame, sizeof frame, 0);
        if (length <= 0) {
            if (finished) break;
            continue;
        }
        if (!is_for(frame, length, FAR_MAC)) continue;
        if (frame[KIND] == PROBE) vde_send(connection, answer, sizeof answer, 0);
        if (frame[KIND] != DATA) continue;
        uint64_t number = frame_number(frame);
        bool late = number <= highest && highest != 0;
        if (!late) {
            forget(highest, number);
            highest = number;
            atomic_store_explicit(&shared->highest, highest, memory_order_relaxed);
        }
        bool duplicate = test_and_set(number);
        if (number < atomic_load_explicit(&shared->first, memory_order_relaxed)) continue;
        if (duplicate) {
            shared->duplicated++;
            continue;
        }
        if (late) shared->reordered++;
        if (shared->received % STEP == 0) {
            shared->last_time = now();
            shared->timed = shared->received;
            if (shared->received == 0) shared->first_time = shared->last_time;
        }
        shared->received++;
    }
    vde_close(connection);
}

/* Waits until `window` frames are not all on the way, or all of them must be lost. */
static void await_window(struct shared *shared, uint64_t next, uint64_t window) {
    double patience = now() + LOST_AFTER;
    while (next - 1 - atomic_load_explicit(&shared->highest, memory_order_relaxed) >= window) {
        if (now() > patience) {
            atomic_store(&shared->highest, next - 1);
            break;
        }
        pause_for(LOOK_AGAIN);
    }
}

/* Sends from number *next until `end`; returns how many sends were refused. */
static uint64_t send_until(VDECONN *connection, uint8_t *frame, size_t length, double end,
                           uint64_t *next, struct shared *shared, uint64_t window) {
    uint64_t refused = 0;
    while (now() < end) {
        if (window > 0) await_window(shared, *next, window);
        for (int i = 0; i < STEP; i++) {
            mark_frame(frame, DATA, *next);
            ssize_t sent = vde_send(connection, frame, length, 0);
            if (sent == (ssize_t)length) {
                (*next)++;
            } else if (errno == EAGAIN || errno == ENOBUFS) {
                struct pollfd writable = {vde_datafd(connection), POLLOUT, 0};
                refused++;
                poll(&writable, 1, 1);
            } else {
                fail("vde_send");
            }
        }
    }
    return refused;
}

int main(int argc, char **argv) {
    if (argc < 7 || argc > 7 + MAX_WATCHED) {
        fprintf(stderr, "usage: vde-traffic SWITCH-A SWITCH-B LENGTH WARMUP SECONDS WINDOW [PID]...\n");
        return 2;
    }
    size_t length = strtoul(argv[3], NULL, 10);
    double warmup = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
    uint64_t window = strtoul(argv[6], NULL, 10);
    int watched = argc - 7;
    double cpu[MAX_WATCHED];
    if (length < SHORTEST || length > LONGEST) {
        fprintf(stderr, "LENGTH is %d to %d octets\n", SHORTEST, LONGEST);
        return 2;
    }

    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("mmap");
    atomic_store(&shared->first, UINT64_MAX);
    pid_t receiver = fork();
    if (receiver < 0) fail("fork");
    if (receiver == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        receive(argv[2], shared);
        return 0;
    }

    uint8_t frame[LONGEST];
    uint64_t next = 1, refused;
    VDECONN *connection = open_switch(argv[1], "bench sender", SILENCE);
    reach(connection, REACH_SECONDS);
    build_frame(frame, length, FAR_MAC, NEAR_MAC);
    prctl(PR_SET_TIMERSLACK, 1000); /* nanoseconds; waiting for the window is short */
    send_until(connection, frame, length, now() + warmup, &next, shared, window);
    uint64_t first = next;
    atomic_store(&shared->first, first);
    for (int i = 0; i < watched; i++) cpu[i] = cpu_seconds(atoi(argv[7 + i]));
    double start = now();
    refused = send_until(connection, frame, length, start + seconds, &next, shared, window);
    double sending = now() - start;
    atomic_store(&shared->finished, true);
    int status;
    if (waitpid(receiver, &status, 0) != receiver || status != 0) {
        fprintf(stderr, "the receiver failed\n");
        return 1;
    }
    vde_close(connection);

    uint64_t sent = next - first;
    printf("{\"sent\":%llu,\"received\":%llu,\"lost\":%lld,\"reordered\":%llu,\"duplicated\":%llu,"
           "\"refused\":%llu,\"sendingSeconds\":%.6f,\"receivingSeconds\":%.6f,"
           "\"timedFrames\":%llu,\"cpuSeconds\":[",
           (unsigned long long)sent, (unsigned long long)shared->received,
           (long long)(sent - shared->received), (unsigned long long)shared->reordered,
           (unsigned long long)shared->duplicated, (unsigned long long)refused, sending,
           shared->last_time - shared->first_time, (unsigned long long)shared->timed);
    for (int i = 0; i < watched; i++)
        printf("%s%.6f", i > 0 ? "," : "", cpu_seconds(atoi(argv[7 + i])) - cpu[i]);
    printf("]}\n");
    return 0;
}
