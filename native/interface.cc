#include "interface.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "descriptor.h"
#include "sockets.h"

namespace kith {

namespace {

// TUN_F_USO4 and TUN_F_USO6 of linux/if_tun.h, which older headers lack.
constexpr unsigned kUdpOffload = 0x20 | 0x40;
constexpr short kTapFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
// Octets of struct virtio_net_hdr, which the poller reads and writes.
constexpr int kVirtioHeader = 10;
// The kernel answers at once; this is for a kernel that is stuck.
constexpr timeval kAnswerTimeout = {5, 0};
// SCM_MAX_FD: descriptors that one message can bring.
constexpr size_t kMostDescriptors = 253;

template <typename Work>
struct Errand {
  int space;
  Work* work;
  int result;

  static void* Run(void* data) {
    Errand* errand = static_cast<Errand*>(data);
    errand->result = setns(errand->space, CLONE_NEWNET) != 0 ? -errno : (*errand->work)();
    return nullptr;
  }
};

// Does the work in a network namespace, and returns what it returns.
template <typename Work>
int InNamespace(const char* space, Work work) {
  if (space[0] == 0) return work();
  Descriptor fd(open(space, O_RDONLY | O_CLOEXEC));
  if (fd < 0) return -errno;
  Errand<Work> errand = {fd, &work, 0};
  pthread_t thread;
  if (int error = pthread_create(&thread, nullptr, Errand<Work>::Run, &errand)) return -error;
  pthread_join(thread, nullptr);
  return errand.result;
}

// UDP segmentation came with Linux 6.2; without it the rest still counts.
int SetOffload(int fd) {
  const unsigned offload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (ioctl(fd, TUNSETOFFLOAD, offload | kUdpOffload) == 0) return 0;
  return ioctl(fd, TUNSETOFFLOAD, offload) == 0 ? 0 : -errno;
}

int OpenTapHere(char* name) {
  Descriptor fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd < 0) return -errno;
  ifreq request = {};
  // Exclusive: a persistent TAP of somebody else is not taken over by its name.
  request.ifr_flags = static_cast<short>(kTapFlags | IFF_TUN_EXCL);
  memcpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) != 0) return -errno;
  if (int error = SetOffload(fd)) return error;
  memcpy(name, request.ifr_name, IFNAMSIZ);
  return fd.Release();
}

int AskHere(const uint8_t* request, size_t length, uint8_t* answer, size_t room) {
  Descriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout, sizeof kAnswerTimeout);
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  if (sendto(fd, request, length, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0)
    return -errno;
  const ssize_t received = recv(fd, answer, room, 0);
  return received < 0 ? -errno : static_cast<int>(received);
}

}  // namespace

int TryNamespace(const char* space) {
  return InNamespace(space, [] { return 0; });
}

int OpenTap(char* name, const char* space) {
  return InNamespace(space, [name] { return OpenTapHere(name); });
}

int AdoptTap(int fd, char* name) {
  ifreq request = {};
  // Anything that is not /dev/net/tun answers ENOTTY, or EINVAL to a number it does not know.
  if (ioctl(fd, TUNGETIFF, &request) != 0) return errno == EBADFD ? -EBADFD : -ENOTTY;
  if ((request.ifr_flags & kTapFlags) != kTapFlags) return -ENOTTY;
  const int header = kVirtioHeader;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header) != 0) return -errno;
  if (int error = SetOffload(fd)) return error;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return -errno;
  memcpy(name, request.ifr_name, IFNAMSIZ);
  return 0;
}

int AskRoutes(const char* space, const uint8_t* request, size_t length, uint8_t* answer,
              size_t room) {
  return InNamespace(space, [=] { return AskHere(request, length, answer, room); });
}

int SendDescriptor(const char* path, size_t pathLength, int fd, const uint8_t* payload,
                   size_t length) {
  sockaddr_un address;
  const socklen_t addressLength = UnixAddress(path, pathLength, &address);
  if (addressLength == 0) return -ENAMETOOLONG;
  Descriptor from(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (from < 0) return -errno;
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
  iovec part = {const_cast<uint8_t*>(payload), length};
  msghdr message = {};
  message.msg_name = &address;
  message.msg_namelen = addressLength;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  return sendmsg(from, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int ReceiveDescriptor(int fd, int32_t* received, uint8_t* payload, size_t room) {
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(kMostDescriptors * sizeof(int))];
  iovec part = {payload, room};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return -errno;
  int count = 0, last = -1;
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const size_t brought = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < brought; i++, count++) {
      if (last >= 0) close(last);
      memcpy(&last, CMSG_DATA(each) + i * sizeof(int), sizeof last);
    }
  }
  if (count != 1 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    if (last >= 0) close(last);
    return -EBADMSG;
  }
  *received = last;
  return static_cast<int>(length);
}

}  // namespace kith
