#include "sockets.h"

#include <fcntl.h>
#include <linux/filter.h>
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
constexpr size_t kMostSockets = 64;       // of a group
constexpr size_t kMostInstructions = 64;  // of the program that steers it

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

namespace {

// A member of a group shares its address with those that are bound already.
int BindUdp(const uint8_t* address, bool member) {
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
  if (member && Set(fd, SOL_SOCKET, SO_REUSEPORT, 1) != 0) return -errno;
  if (bind(fd, &local.any, length) != 0) return -errno;
  return fd.Release();
}

int Steer(int fd, const uint8_t* program, size_t length) {
  // The kernel copies it; what JavaScript gives need not be aligned for it.
  sock_filter instructions[kMostInstructions];
  const size_t count = length / sizeof *instructions;
  if (count == 0 || count > kMostInstructions || length % sizeof *instructions != 0) return -EINVAL;
  memcpy(instructions, program, length);
  const sock_fprog filter = {static_cast<unsigned short>(count), instructions};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &filter, sizeof filter) != 0)
    return -errno;
  return 0;
}

}  // namespace

int OpenUdp(const uint8_t* address) { return BindUdp(address, false); }

// The first is bound alone, so that an address in use is refused; then it lets the others in.
// Their order in the group is that in which they were bound. A process of the same user that
// joins later is given nothing, as the program names only ours.
int OpenUdpGroup(const uint8_t* address, const uint8_t* program, size_t length, int32_t* out,
                 size_t count) {
  if (count == 0 || count > kMostSockets) return -EINVAL;
  Descriptor sockets[kMostSockets];
  uint8_t bound[kAddressLength];
  for (size_t i = 0; i < count; i++) {
    sockets[i].Take(BindUdp(i == 0 ? address : bound, i > 0));
    if (sockets[i] < 0) return sockets[i];
    if (i > 0) continue;
    if (int error = LocalAddress(sockets[0], bound)) return error;
    if (Set(sockets[0], SOL_SOCKET, SO_REUSEPORT, 1) != 0) return -errno;
  }
  if (count > 1)
    if (int error = Steer(sockets[0], program, length)) return error;
  for (size_t i = 0; i < count; i++) out[i] = sockets[i].Release();
  return 0;
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
