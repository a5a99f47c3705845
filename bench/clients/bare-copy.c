/*
 * What any program between a TAP and a UDP socket has to do, and nothing else.
 *
 *   bare-copy DEVICE LOCAL-ADDRESS REMOTE-ADDRESS
 *
 * Frames of the TAP, super-frames among them, go to the other end as they were read, cut into
 * datagrams by the kernel (UDP_SEGMENT); what comes is put together by the kernel (UDP_GRO) and
 * written to the TAP as it is, but for short frames of one length, which the kernel joins as well:
 * they are written one by one. Nothing is looked up, sealed, counted or checked, and a datagram
 * that gets lost damages the frame around it: this is no VPN but the bound of what one can reach
 * that copies frames through a process of its own. It ends when it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    PORT = 7000,
    LONGEST = 66 * 1024,  /* a super-frame with its virtio-net header */
    DATAGRAM = 1472,      /* what fits into 1,500 octets behind IPv4 and UDP */
    SOCKET_BUFFER = 4 << 20,
    BATCH = 16,           /* frames of one side before the other's turn */
};

static char buffer[LONGEST];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_tap(const char *name) {
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
    int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) fail("TAP");
    if (ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0) fail("offloads");
    return tap;
}

static struct sockaddr_in address_of(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) fail(text);
    return address;
}

static int open_socket(const char *local, const char *remote) {
    const int on = 1, octets = SOCKET_BUFFER;
    const struct sockaddr_in from = address_of(local), to = address_of(remote);
    int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (udp < 0) fail("socket");
    if (setsockopt(udp, IPPROTO_UDP, UDP_GRO, &on, sizeof on) != 0) fail("UDP_GRO");
    setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets);
    setsockopt(udp, SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets);
    if (bind(udp, (const struct sockaddr *)&from, sizeof from) != 0) fail("bind");
    if (connect(udp, (const struct sockaddr *)&to, sizeof to) != 0) fail("connect");
    return udp;
}

static void send_frame(int udp, size_t length) {
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct iovec part = {buffer, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (length > DATAGRAM) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *size = CMSG_FIRSTHDR(&message);
        size->cmsg_level = IPPROTO_UDP;
        size->cmsg_type = UDP_SEGMENT;
        size->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        *(uint16_t *)CMSG_DATA(size) = DATAGRAM;
    }
    /* What finds no room is lost, as on a cable. */
    if (sendmsg(udp, &message, MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != ECONNREFUSED)
        fail("sendmsg");
}

/* Frames that fit into a datagram are no pieces of one, even where the kernel has joined them. */
static void write_frames(int tap, size_t length, size_t datagram) {
    const size_t step = datagram < DATAGRAM ? datagram : length;
    for (size_t at = 0; at < length; at += step) {
        const size_t octets = length - at < step ? length - at : step;
        if (write(tap, buffer + at, octets) < 0 && errno != EIO && errno != EINVAL) fail("write");
    }
}

/* Returns the octets received, and of the datagrams that they came in but the last. */
static ssize_t receive(int udp, size_t *datagram) {
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {buffer, sizeof buffer};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    const ssize_t length = recvmsg(udp, &message, 0);
    *datagram = length > 0 ? (size_t)length : 0;
    struct cmsghdr *size = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (size != NULL && size->cmsg_level == IPPROTO_UDP && size->cmsg_type == UDP_GRO)
        *datagram = (size_t) * (int *)CMSG_DATA(size);
    return length;
}

static void watch(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll_ctl");
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: bare-copy DEVICE LOCAL-ADDRESS REMOTE-ADDRESS\n");
        return 2;
    }
    const int tap = open_tap(words[1]), udp = open_socket(words[2], words[3]);
    const int epoll = epoll_create1(0);
    watch(epoll, tap);
    watch(epoll, udp);
    for (;;) {
        struct epoll_event events[2];
        const int ready = epoll_wait(epoll, events, 2, -1);
        for (int i = 0; i < ready; i++) {
            for (int frames = 0; frames < BATCH; frames++) {
                const int from = events[i].data.fd;
                size_t datagram;
                const ssize_t length =
                    from == tap ? read(tap, buffer, sizeof buffer) : receive(udp, &datagram);
                if (length <= 0) break;
                if (from == tap) send_frame(udp, (size_t)length);
                else write_frames(tap, (size_t)length, datagram);
            }
        }
    }
}
