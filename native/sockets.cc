#include "sockets.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "address.h"
#include "descriptor.h"

namespace kith {

namespace {

constexpr int kStreamBacklog = 128;
constexpr int kUdpBuffer = 4 * 1024 * 1024;

int Set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

// The forced variants need CAP_NET_ADMIN; the plain ones are cut at the system's maximum.
void SetBuffers(int fd, int length) {
  if (Set(fd, SOL_SOCKET, SO_SNDBUFFORCE, length) != 0) Set(fd, SOL_SOCKET, SO_SNDBUF, length);
  if (Set(fd, SOL_SOCKET, SO_RCVBUFFORCE, length) != 0) Set(fd, SOL_SOCKET, SO_RCVBUF, length);
}

// A socket for the canonical address, which is turned into `out` for it. An
// unspecified IPv6 address is dual-stack, and IPv4 alone where there is no IPv6.
int OpenInternet(const uint8_t* address, int type, SocketAddress* out, socklen_t* length) {
  static const uint8_t anywhere[16] = {};
  const int family = IsMapped(address) ? AF_INET : AF_INET6;
  int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const bool any = memcmp(address, anywhere, sizeof anywhere) == 0;
  if (fd < 0 && errno == EAFNOSUPPORT && any) {
    uint8_t fallback[kAddressLength];
    memcpy(fallback, address, kAddressLength);
    fallback[10] = fallback[11] = 0xff;
    fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    *length = FromCanonical(fallback, AF_INET, out);
  } else {
    *length = FromCanonical(address, family, out);
  }
  if (fd < 0) return -errno;
  if (out->any.sa_family == AF_INET6) Set(fd, IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1);
  return fd;
}

}  // namespace

socklen_t UnixAddress(const char* path, size_t length, sockaddr_un* out) {
  memset(out, 0, sizeof *out);
  if (length == 0 || length > sizeof out->sun_path) return 0;
  out->sun_family = AF_UNIX;
  memcpy(out->sun_path, path, length);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
}

int OpenDoorbell() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int RingDoorbell(int fd) {
  // A full counter rings just as well.
  return eventfd_write(fd, 1) == 0 || errno == EAGAIN ? 0 : -errno;
}

int OpenUnixDatagram(const char* path, size_t pathLength, const char* peer, size_t peerLength,
                     int bufferLength) {
  sockaddr_un address;
  const socklen_t length = UnixAddress(path, pathLength, &address);
  if (length == 0) return -ENAMETOOLONG;
  Descriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd < 0) return -errno;
  SetBuffers(fd, bufferLength);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) return -errno;
  if (peerLength > 0)
    if (int error = ConnectUnixDatagram(fd, peer, peerLength)) return error;
  return fd.Release();
}

int ConnectUnixDatagram(int fd, const char* peer, size_t peerLength) {
  sockaddr_un address;
  const socklen_t length = UnixAddress(peer, peerLength, &address);
  if (length == 0) return -ENAMETOOLONG;
  return connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 ? 0 : -errno;
}

int OpenUdp(const uint8_t* address) {
  SocketAddress local;
  socklen_t length;
  Descriptor fd(OpenInternet(address, SOCK_DGRAM, &local, &length));
  if (fd < 0) return fd;
  SetBuffers(fd, kUdpBuffer);
  // DF on every datagram, and no ear for ICMP's path MTU: links probe it themselves.
  Set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  if (local.any.sa_family == AF_INET6)
    Set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  // Runs of datagrams arrive joined where the kernel can; one by one where it cannot.
  Set(fd, IPPROTO_UDP, UDP_GRO, 1);
  if (bind(fd, &local.any, length) != 0) return -errno;
  return fd.Release();
}

int OpenTcpListener(const uint8_t* address) {
  SocketAddress local;
  socklen_t length;
  Descriptor fd(OpenInternet(address, SOCK_STREAM, &local, &length));
  if (fd < 0) return fd;
  Set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(fd, &local.any, length) != 0 || listen(fd, kStreamBacklog) != 0) return -errno;
  return fd.Release();
}

int OpenTcpConnection(const uint8_t* address) {
  SocketAddress remote;
  socklen_t length;
  Descriptor fd(OpenInternet(address, SOCK_STREAM, &remote, &length));
  if (fd < 0) return fd;
  Set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (connect(fd, &remote.any, length) != 0 && errno != EINPROGRESS) return -errno;
  return fd.Release();
}

int OpenDatagramPair(int32_t out[2]) {
  return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out) == 0 ? 0 : -errno;
}

int OpenStreamPair(int32_t out[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out) == 0 ? 0 : -errno;
}

int LocalAddress(int fd, uint8_t* out) {
  sockaddr_storage raw = {};
  socklen_t length = sizeof raw;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return -errno;
  if (raw.ss_family != AF_INET && raw.ss_family != AF_INET6) return -EAFNOSUPPORT;
  SocketAddress local;
  memcpy(&local, &raw, sizeof local);
  ToCanonical(local, out);
  return 0;
}

int PeerUser(int fd, int32_t* out) {
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -errno;
  // A socket of another family, or one without a peer, has no user: (uid_t)-1.
  if (length != sizeof peer || peer.uid == static_cast<uid_t>(-1)) return -ENOTCONN;
  memcpy(out, &peer.uid, sizeof *out);
  return 0;
}

int DuplicateDescriptor(int fd) {
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy < 0 ? -errno : copy;
}

int CloseDescriptor(int fd) { return close(fd) == 0 ? 0 : -errno; }

}  // namespace kith
