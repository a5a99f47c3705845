// Canonical addresses (24 octets, drawn in src/io/contract.ts) and socket addresses.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "contract.h"

namespace kith {

// Room for either family; what a UDP socket or an accept hands out.
union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// Writes 24 octets; all zero for a family that is neither IPv4 nor IPv6.
void ToCanonical(const SocketAddress& from, uint8_t* out);

// Whether the canonical address is ::ffff:a.b.c.d.
bool IsMapped(const uint8_t* canonical);

// Fills `out` for a socket of `family`; returns its length, or 0 when an IPv6
// address was asked of an IPv4 socket.
socklen_t FromCanonical(const uint8_t* canonical, int family, SocketAddress* out);

}  // namespace kith
