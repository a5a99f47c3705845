// The numbers of src/io/contract.ts, once more. NativeIo compares the two lists
// when it starts (see `layout` in module.cc), so that a stale build is noticed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith {

constexpr int32_t kMaxDescriptors = 1024;
constexpr int32_t kSlotLength = 9728;
constexpr int32_t kSlotHeadroom = 128;
constexpr int32_t kReceiveSlots = 512;
constexpr int32_t kLargeSlotLength = 66304;
constexpr int32_t kLargeSlots = 64;
constexpr int32_t kMaxSuperFrameLength = 65557;
constexpr int32_t kReceiveBatch = 256;
constexpr int32_t kPartRecords = 8192;
constexpr int32_t kMaxParts = 1022;
constexpr int32_t kSendRecords = 2048;
constexpr int32_t kJobRecords = 2048;
constexpr int32_t kKeySlots = 4096;
constexpr int32_t kAddressLength = 24;
constexpr int32_t kTagLength = 16;
constexpr int32_t kKeyLength = 32;
constexpr int32_t kIvLength = 12;
constexpr int32_t kHashLength = 32;
constexpr int32_t kSlotCapacity = kSlotLength - kSlotHeadroom;
constexpr int32_t kLargeSlotCapacity = kLargeSlotLength - kSlotHeadroom;
constexpr int32_t kLargeRegion = kReceiveSlots * kSlotLength;

enum Kind : int32_t { kUnixDatagram = 1, kUdp, kStream, kListener, kTap };
enum Event : int32_t { kData, kWritable, kClosed, kAccepted, kOversized, kMalformed };
enum OffloadType : int32_t { kOffloadNone, kOffloadTcp4, kOffloadTcp6, kOffloadUdp };
enum Cipher : int32_t { kAes256Gcm = 1, kChacha20Poly1305 };

// Field indices of the records that lie in memory shared with JavaScript.
enum Rx : int32_t {
  kRxDescriptor, kRxOffset, kRxLength, kRxEvent, kRxOffload, kRxSegmentSize, kRxChecksumStart,
  kRxChecksumOffset, kRxStride
};
enum Tx : int32_t {
  kTxDescriptor, kTxHeaderOffset, kTxHeaderLength, kTxPayloadOffset, kTxPayloadLength,
  kTxAddress, kTxResult, kTxSegmentSize, kTxOffload, kTxChecksumStart, kTxChecksumOffset,
  kTxPartCount, kTxStride
};
enum Part : int32_t { kPartOffset, kPartLength, kPartStride };
enum Job : int32_t {
  kJobKeySlot, kJobAadOffset, kJobAadLength, kJobInputOffset, kJobInputLength,
  kJobOutputOffset, kJobNumberHigh, kJobNumberLow, kJobResult, kJobMoreOffset, kJobMoreLength,
  kJobStride
};
enum Counter : int32_t {
  kPolls, kReceived, kSent, kWouldBlock, kSendErrors, kReceiveErrors, kCounters
};

// Memory that JavaScript owns; poller-class.cc holds references on it for the poller's life.
struct Memory {
  uint8_t* slab;
  int64_t slabLength;
  int32_t* rx;
  int32_t* tx;
  int32_t* parts;
  int32_t* jobs;
  int32_t* fill;
  double* counters;

  // Whether the octets lie inside the slab: asked before every use of an offset.
  bool Holds(int32_t offset, int64_t length) const {
    return offset >= 0 && length >= 0 && offset + length <= slabLength;
  }
};

}  // namespace kith
