#include "address.h"

#include <cstring>

namespace kith {

namespace {
constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr size_t kPort = 16, kScope = 20;
}  // namespace

void ToCanonical(const SocketAddress& from, uint8_t* out) {
  memset(out, 0, kAddressLength);
  if (from.any.sa_family == AF_INET6) {
    memcpy(out, &from.v6.sin6_addr, 16);
    memcpy(out + kPort, &from.v6.sin6_port, 2);
    memcpy(out + kScope, &from.v6.sin6_scope_id, 4);
  } else if (from.any.sa_family == AF_INET) {
    memcpy(out, kMappedPrefix, sizeof kMappedPrefix);
    memcpy(out + 12, &from.v4.sin_addr, 4);
    memcpy(out + kPort, &from.v4.sin_port, 2);
  }
}

bool IsMapped(const uint8_t* canonical) {
  return memcmp(canonical, kMappedPrefix, sizeof kMappedPrefix) == 0;
}

socklen_t FromCanonical(const uint8_t* canonical, int family, SocketAddress* out) {
  memset(out, 0, sizeof *out);
  if (family == AF_INET6) {
    out->v6.sin6_family = AF_INET6;
    memcpy(&out->v6.sin6_addr, canonical, 16);
    memcpy(&out->v6.sin6_port, canonical + kPort, 2);
    memcpy(&out->v6.sin6_scope_id, canonical + kScope, 4);
    return sizeof(sockaddr_in6);
  }
  if (!IsMapped(canonical)) return 0;
  out->v4.sin_family = AF_INET;
  memcpy(&out->v4.sin_addr, canonical + 12, 4);
  memcpy(&out->v4.sin_port, canonical + kPort, 2);
  return sizeof(sockaddr_in);
}

}  // namespace kith
