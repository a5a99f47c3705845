// What is asked of the system outside the loop. Each returns a descriptor (or 0)
// or a negated errno; descriptors are non-blocking and closed on exec. Stateless.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdint>

namespace kith {

// Returns the length of the address, or 0 for a path that is empty or too long.
socklen_t UnixAddress(const char* path, size_t length, sockaddr_un* out);

int OpenDoorbell();
int RingDoorbell(int fd);
// A path that begins with a zero octet is abstract. An empty peer leaves it unconnected.
int OpenUnixDatagram(const char* path, size_t pathLength, const char* peer, size_t peerLength,
                     int bufferLength);
int ConnectUnixDatagram(int fd, const char* peer, size_t peerLength);
// The addresses are canonical; a mapped one asks for an IPv4 socket.
int OpenUdp(const uint8_t* address);
// As many sockets as `out` has room for, all bound to one address. `program` (instructions of
// classic BPF, in octets) returns for each datagram the index of the socket that gets it.
int OpenUdpGroup(const uint8_t* address, const uint8_t* program, size_t length, int32_t* out,
                 size_t count);
int OpenTcpListener(const uint8_t* address);
int OpenTcpConnection(const uint8_t* address);
int OpenStreamPair(int32_t out[2]);
int OpenDatagramPair(int32_t out[2]);
int LocalAddress(int fd, uint8_t* out);
// Who connected, or listens, at the other end of a Unix stream: out[0] is the uid.
int PeerUser(int fd, int32_t* out);
// A second number for what the first one stands for.
int DuplicateDescriptor(int fd);
int CloseDescriptor(int fd);

}  // namespace kith
