// Interfaces of the host: TAP devices, rtnetlink, and descriptors passed between processes.
// Each returns a descriptor, a length or 0, or a negated errno. Stateless, never blocks for
// long.
//
// Where a namespace is wanted it is the path of one (/run/netns/NAME, /proc/PID/ns/net); an
// empty path is the process's own. It is entered by a thread that ends with the call, so
// that the process stays where it is (setns(2)).
//
// Read first: Documentation/networking/tuntap.rst of Linux; netlink(7), rtnetlink(7);
// unix(7), SCM_RIGHTS.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith {

// Whether the namespace is there and we may enter it.
int TryNamespace(const char* space);

// An Ethernet TAP with virtio-net headers; `name` (IFNAMSIZ octets, may be a pattern or empty)
// becomes its real name. EBUSY when an interface of that name is there already.
int OpenTap(char* name, const char* space);

// Makes sure that a descriptor of unknown origin is such a TAP and does not block, and writes
// its name (IFNAMSIZ octets). ENOTTY for any other kind of descriptor.
int AdoptTap(int fd, char* name);

// Sends one rtnetlink message and receives the answer to it, cut at `room`.
int AskRoutes(const char* space, const uint8_t* request, size_t length, uint8_t* answer,
              size_t room);

// Sends a descriptor, which stays open here, with at least one octet of payload to a bound
// Unix datagram socket.
int SendDescriptor(const char* path, size_t pathLength, int fd, const uint8_t* payload,
                   size_t length);

// Takes one datagram of a bound Unix socket; EAGAIN when there is none. The descriptor in it
// goes to `received`. EBADMSG, with everything closed, when there is not exactly one, or when
// the payload did not fit.
int ReceiveDescriptor(int fd, int32_t* received, uint8_t* payload, size_t room);

}  // namespace kith
