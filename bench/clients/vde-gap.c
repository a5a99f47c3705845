/*
 * How long a ping between two VDE clients gets no answer.
 *
 *   vde-gap SWITCH-A SWITCH-B INTERVAL
 *
 * Every INTERVAL milliseconds the near client, on SWITCH-A, sends a frame that the far one, a
 * process and a session of its own on SWITCH-B, returns. Prints `ready` when the first answer has
 * come. At each line on its standard input it prints one line of JSON about the time since the
 * line before, and begins anew: the longest time between two answers in milliseconds, also one
 * that is not over yet, and how many frames went and came. It ends with its input.
 */
#include "client.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static const double PATIENCE = 0.001;
static const double REACH_SECONDS = 60;

static void echo(char *directory) {
    VDECONN *connection = open_switch(directory, "bench echo", 1);
    uint8_t frame[LONGEST];
    for (;;) {
        ssize_t length = vde_recv(connection, frame, sizeof frame, 0);
        if (length <= 0 || !is_for(frame, length, FAR_MAC)) continue;
        memcpy(frame + DESTINATION, NEAR_MAC, 6);
        memcpy(frame + SOURCE, FAR_MAC, 6);
        if (frame[KIND] == PROBE) frame[KIND] = ANSWER;
        vde_send(connection, frame, (size_t)length, 0);
    }
}

/* Whether a line is waiting on the standard input; 0 at its end. */
static int asked(int *is_open) {
    struct pollfd input = {0, POLLIN, 0};
    char line[64];
    if (poll(&input, 1, 0) != 1) return 0;
    ssize_t length = read(0, line, sizeof line);
    if (length <= 0) *is_open = 0;
    return length > 0;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: vde-gap SWITCH-A SWITCH-B INTERVAL\n");
        return 2;
    }
    double interval = strtod(argv[3], NULL) / 1000;
    pid_t far = fork();
    if (far < 0) fail("fork");
    if (far == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        echo(argv[2]);
    }

    uint8_t out[64], in[LONGEST];
    VDECONN *connection = open_switch(argv[1], "bench ping", PATIENCE);
    reach(connection, REACH_SECONDS);
    build_frame(out, sizeof out, FAR_MAC, NEAR_MAC);
    printf("ready\n");
    fflush(stdout);

    uint64_t sent = 0, received = 0;
    double last = now(), longest = 0, next = last;
    for (int is_open = 1; is_open;) {
        if (now() >= next) {
            mark_frame(out, DATA, ++sent);
            vde_send(connection, out, sizeof out, 0);
            next += interval;
        }
        ssize_t length = vde_recv(connection, in, sizeof in, 0);
        double time = now();
        if (time - last > longest) longest = time - last;
        if (length > 0 && is_for(in, length, NEAR_MAC) && in[KIND] == DATA) {
            last = time;
            received++;
        }
        if (asked(&is_open)) {
            printf("{\"longest\":%.2f,\"sent\":%llu,\"received\":%llu}\n", longest * 1000,
                   (unsigned long long)sent, (unsigned long long)received);
            fflush(stdout);
            sent = received = 0;
            longest = 0;
        }
    }
    kill(far, SIGKILL);
    waitpid(far, NULL, 0);
    vde_close(connection);
    return 0;
}
