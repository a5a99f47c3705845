/*
 * A VDE client made with the real libvdeplug, for tests: frames on standard
 * input go to the switch, frames from the switch go to standard output. Each is
 * preceded by its length, four octets in network order, so that none is too
 * long for the cable itself. Says "attached" on standard error; ends with
 * standard input, or with code 3 when the switch goes away.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libvdeplug.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LARGEST = 65535 };

static int transfer(int out, void *data, size_t length)
{
	unsigned char *next = data;
	while (length > 0) {
		ssize_t done = out ? write(STDOUT_FILENO, next, length)
				   : read(STDIN_FILENO, next, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		next += done;
		length -= done;
	}
	return 0;
}

int main(int count, char **words)
{
	static unsigned char frame[LARGEST];
	struct vde_open_args options = { .port = count > 2 ? atoi(words[2]) : 0, .mode = 0700 };
	VDECONN *plug;

	if (count < 2) {
		fprintf(stderr, "usage: vde-cable SWITCH [PORT]\n");
		return 2;
	}
	plug = vde_open(words[1], "vde-cable", &options);
	if (plug == NULL) {
		perror("vde_open");
		return 1;
	}
	fprintf(stderr, "attached\n");

	struct pollfd watched[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = vde_datafd(plug), .events = POLLIN },
		{ .fd = vde_ctlfd(plug), .events = POLLIN },
	};
	while (poll(watched, 3, -1) > 0 || errno == EINTR) {
		if (watched[0].revents) {
			uint32_t length;
			if (transfer(0, &length, sizeof length) < 0)
				break;
			length = ntohl(length);
			if (length > LARGEST || transfer(0, frame, length) < 0)
				break;
			if (vde_send(plug, frame, length, 0) < 0)
				perror("vde_send");
		}
		if (watched[1].revents & POLLIN) {
			ssize_t length = vde_recv(plug, frame, LARGEST, 0);
			if (length > 1) {
				uint32_t header = htonl(length);
				if (transfer(1, &header, sizeof header) < 0 || transfer(1, frame, length) < 0)
					break;
			}
		}
		if (watched[2].revents)
			return 3;
	}
	vde_close(plug);
	return 0;
}
