/*
 * What the two bench clients share: opening a VDE connection, the frame layout,
 * clocks, and the CPU time of other processes.
 *
 * A bench frame, in octets (ethertype 0x88b5: local experimental, IEEE 802):
 *
 *   0             6             12         14      15    16              24
 *   | destination | source      | 0x88b5   | kind  | 0   | number (host) | padding
 */
#ifndef KITH_BENCH_CLIENT_H
#define KITH_BENCH_CLIENT_H

#include <errno.h>
#include <libvdeplug.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { DESTINATION = 0, SOURCE = 6, ETHERTYPE = 12, KIND = 14, NUMBER = 16, SHORTEST = 24 };
enum { LONGEST = 9216, MAX_WATCHED = 8 };

/* PROBE asks for ANSWER, so that every switch on the way has learned both addresses. */
enum kind { PROBE = 1, ANSWER = 2, DATA = 3 };

static const uint8_t NEAR_MAC[6] = {0x02, 0x6b, 0x69, 0x74, 0x68, 0x01};
static const uint8_t FAR_MAC[6] = {0x02, 0x6b, 0x69, 0x74, 0x68, 0x02};

static inline void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

/* Seconds on the monotonic clock. */
static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void pause_for(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

/* CPU seconds, user and system, of all threads of process `pid` since it started. */
static inline double cpu_seconds(pid_t pid) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) return -1;
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Opens the switch in `directory`, which may still be starting; a receive waits at most `patience`. */
static inline VDECONN *open_switch(char *directory, char *description, double patience) {
    VDECONN *connection = NULL;
    for (int attempt = 0; attempt < 50 && connection == NULL; attempt++) {
        if (attempt > 0) pause_for(0.1);
        connection = vde_open(directory, description, NULL);
    }
    if (connection == NULL) fail(directory);
    struct timeval limit = {(time_t)patience, (suseconds_t)((patience - (double)(time_t)patience) * 1e6)};
    if (setsockopt(vde_datafd(connection), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        fail("SO_RCVTIMEO");
    return connection;
}

static inline void build_frame(uint8_t *frame, size_t length, const uint8_t *to, const uint8_t *from) {
    memset(frame, 0x5a, length);
    memcpy(frame + DESTINATION, to, 6);
    memcpy(frame + SOURCE, from, 6);
    frame[ETHERTYPE] = 0x88;
    frame[ETHERTYPE + 1] = 0xb5;
    frame[KIND + 1] = 0;
}

static inline void mark_frame(uint8_t *frame, enum kind kind, uint64_t number) {
    frame[KIND] = (uint8_t)kind;
    memcpy(frame + NUMBER, &number, sizeof number);
}

/* One of ours, for `mac`? BPDUs and strangers are not. */
static inline int is_for(const uint8_t *frame, ssize_t length, const uint8_t *mac) {
    return length >= SHORTEST && frame[ETHERTYPE] == 0x88 && frame[ETHERTYPE + 1] == 0xb5 &&
           memcmp(frame + DESTINATION, mac, 6) == 0;
}

static inline uint64_t frame_number(const uint8_t *frame) {
    uint64_t number;
    memcpy(&number, frame + NUMBER, sizeof number);
    return number;
}

/* Says to everybody that `mac` is here, as hosts do: a switch may keep unknown destinations
 * from a link in the clear. Several times, since a port may not pass frames at once. */
static inline void announce(VDECONN *connection, const uint8_t *mac) {
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t frame[64];
    build_frame(frame, sizeof frame, everybody, mac);
    for (int i = 0; i < 5; i++) {
        vde_send(connection, frame, sizeof frame, 0);
        pause_for(0.05);
    }
}

/* Probes until the far client answers, which proves the path; gives up after `seconds`. */
static inline void reach(VDECONN *connection, double seconds) {
    uint8_t out[64], in[LONGEST];
    double end = now() + seconds;
    build_frame(out, sizeof out, FAR_MAC, NEAR_MAC);
    mark_frame(out, PROBE, 0);
    while (now() < end) {
        double next = now() + 0.1;
        vde_send(connection, out, sizeof out, 0);
        while (now() < next) {
            ssize_t length = vde_recv(connection, in, sizeof in, 0);
            if (length <= 0) break;
            if (is_for(in, length, NEAR_MAC) && in[KIND] == ANSWER) return;
        }
    }
    errno = ETIMEDOUT;
    fail("no frame comes through the switch");
}

#endif
