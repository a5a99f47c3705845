/*
 * Round trips between two VDE clients, one frame in flight.
 *
 *   vde-pingpong SWITCH-A SWITCH-B LENGTH WARMUP SECONDS
 *
 * The near client, on SWITCH-A, sends a frame of LENGTH octets and waits for its
 * echo from the far one, a process and a session of its own on SWITCH-B. Round
 * trips during WARMUP seconds are not counted. Prints one line of JSON, times in
 * microseconds; `lost` counts echoes that did not come within a fifth of a second.
 */
#include "client.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const double PATIENCE = 0.2;
static const double REACH_SECONDS = 15;
enum { MOST_SAMPLES = 4000000 };

static void echo(char *directory) {
    VDECONN *connection = open_switch(directory, "bench echo", PATIENCE);
    uint8_t frame[LONGEST];
    announce(connection, FAR_MAC);
    for (;;) {
        ssize_t length = vde_recv(connection, frame, sizeof frame, 0);
        if (length <= 0 || !is_for(frame, length, FAR_MAC)) continue;
        memcpy(frame + DESTINATION, NEAR_MAC, 6);
        memcpy(frame + SOURCE, FAR_MAC, 6);
        if (frame[KIND] == PROBE) frame[KIND] = ANSWER;
        vde_send(connection, frame, (size_t)length, 0);
    }
}

/* One round trip in seconds, or -1 when the echo did not come. */
static double round_trip(VDECONN *connection, uint8_t *frame, size_t length, uint64_t number) {
    uint8_t in[LONGEST];
    mark_frame(frame, DATA, number);
    double start = now();
    if (vde_send(connection, frame, length, 0) != (ssize_t)length) return -1;
    for (;;) {
        ssize_t got = vde_recv(connection, in, sizeof in, 0);
        if (got <= 0) return -1;
        if (is_for(in, got, NEAR_MAC) && in[KIND] == DATA && frame_number(in) == number)
            return now() - start;
    }
}

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: vde-pingpong SWITCH-A SWITCH-B LENGTH WARMUP SECONDS\n");
        return 2;
    }
    size_t length = strtoul(argv[3], NULL, 10);
    double warmup = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
    if (length < SHORTEST || length > LONGEST) {
        fprintf(stderr, "LENGTH is %d to %d octets\n", SHORTEST, LONGEST);
        return 2;
    }
    float *samples = malloc(MOST_SAMPLES * sizeof *samples);
    if (samples == NULL) fail("malloc");

    pid_t far = fork();
    if (far < 0) fail("fork");
    if (far == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        echo(argv[2]);
    }

    uint8_t frame[LONGEST];
    uint64_t number = 0;
    size_t count = 0, lost = 0;
    VDECONN *connection = open_switch(argv[1], "bench ping", PATIENCE);
    reach(connection, REACH_SECONDS);
    build_frame(frame, length, FAR_MAC, NEAR_MAC);
    for (double end = now() + warmup; now() < end;)
        round_trip(connection, frame, length, ++number);
    for (double end = now() + seconds; now() < end && count < MOST_SAMPLES;) {
        double elapsed = round_trip(connection, frame, length, ++number);
        if (elapsed < 0)
            lost++;
        else
            samples[count++] = (float)(elapsed * 1e6);
    }
    kill(far, SIGKILL);
    waitpid(far, NULL, 0);
    vde_close(connection);
    if (count == 0) {
        fprintf(stderr, "no echo came back\n");
        return 1;
    }

    qsort(samples, count, sizeof *samples, ascending);
    printf("{\"count\":%zu,\"lost\":%zu,\"min\":%.2f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,"
           "\"max\":%.2f}\n",
           count, lost, samples[0], samples[count / 2], samples[count * 9 / 10],
           samples[count * 99 / 100], samples[count - 1]);
    return 0;
}
