// struct virtio_net_hdr, which a TAP puts before each frame: the virtio specification 1.2,
// 5.1.6, in the byte order of the machine (linux/if_tun.h). linux/virtio_net.h itself is no C++.
#pragma once

#include <cstdint>

namespace kith {

constexpr uint8_t kVirtioNeedsChecksum = 1;
enum VirtioGso : uint8_t {
  kVirtioNone = 0, kVirtioTcp4 = 1, kVirtioTcp6 = 4, kVirtioUdp = 5, kVirtioEcn = 0x80
};

struct VirtioHeader {
  uint8_t flags;
  uint8_t gsoType;
  uint16_t headerLength;
  uint16_t gsoSize;
  uint16_t checksumStart;
  uint16_t checksumOffset;
};
static_assert(sizeof(VirtioHeader) == 10, "as the kernel has it");

}  // namespace kith
