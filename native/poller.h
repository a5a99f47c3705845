// One epoll set with its descriptors (poller.cc), receive side (receiver.cc) and send
// side (sender.cc). It moves octets; it knows nothing of frames. Used from one thread.
//
//                 +-- area full, or no descriptor to accept with --+
//                 |                                                v
//   Add -> [reading] <---- room again, seen by the next poll --- [paused]
//             |                                                    |
//             +--- end of file, error ---> [ended] <---------------+
//
// Each state may be left by Remove. While paused or ended a descriptor is out of
// the epoll set altogether, since epoll reports a hang-up without being asked.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "address.h"
#include "aead.h"
#include "contract.h"
#include "offload.h"

namespace kith {

// Octets taken from one TAP or UDP socket in one poll: what a core's own cache holds well,
// together with the copies that will be made of it.
constexpr int32_t kReceiveOctets = 192 * 1024;
constexpr uint32_t kTrouble = EPOLLERR | EPOLLHUP;
constexpr int32_t kSendBatch = 128;
// Pieces of memory that one batch of sends may consist of, and one call to the system:
// UIO_MAXIOV, of which kMaxParts leaves two for headers.
constexpr int32_t kSendParts = 2048;
constexpr int32_t kMostPieces = 1024;
constexpr uint32_t kSinglesBetweenBatches = 8;

class Poller {
 public:
  Poller(const Memory& memory, int doorbell) : memory_(memory), doorbell_(doorbell) {}
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Each returns 0 or a negated errno.
  int Init();
  int Add(int32_t index, int fd, int32_t kind, int32_t areaOffset, int32_t areaLength);
  int Remove(int32_t index);
  int WatchWritable(int32_t index);
  int Hold(int32_t index, bool held);

  // Milliseconds, rounded up; negative: no limit. Returns receive records or a negated errno.
  int32_t Poll(double timeout);
  // Returns the number of send records that were not taken whole.
  int32_t Flush(int32_t count);

  Aead aead;
  const Memory& memory() const { return memory_; }

 private:
  enum State : uint8_t { kFree, kReading, kPaused, kEnded };

  struct Entry {
    int fd;
    int32_t kind;
    int family;
    State state;
    bool watched;        // asked for one `writable`
    uint32_t singles;    // polls in a row that found at most one datagram
    bool held;           // not to be read for now: its data stays with the system
    bool suspect;        // listed in suspects_
    int32_t messageLength; // of a UDP socket: octets of a message lately
    bool joinsUdp;       // a TAP that takes UDP super-frames, as far as we know
    uint32_t interest;   // what epoll was told, 0 when not in its set
    int32_t areaOffset, areaLength;
    // The chain of send records of one flush.
    uint64_t flush;
    int32_t firstRecord, lastRecord;
  };

  // Receive side.
  int Wait(double timeout);
  void Serve(int32_t index, uint32_t events);
  static int TakeError(int fd);
  static int ReceiveOne(int fd, mmsghdr* message);
  void ReceiveUnix(int32_t index, uint32_t events);
  void ReceiveUdp(int32_t index, uint32_t events);
  void Refused(int32_t index, uint32_t events);
  void Starve(int32_t index);
  void ReceiveFrames(int32_t index, uint32_t events);
  void EmitFrame(int32_t index, int32_t offset, int32_t length);
  void ReceiveStream(int32_t index);
  void Accept(int32_t index);
  bool RefuseOne(int listener);
  void End(int32_t index, int error);
  int32_t* Emit(int32_t descriptor, int32_t offset, int32_t length, Event event);
  int UpdateInterest(int32_t index);
  void Suspect(int32_t index);
  void ReviewSuspects();
  bool HasRoom(int32_t index);
  static int32_t SlotData(int32_t record) { return record * kSlotLength + kSlotHeadroom; }
  static int32_t LargeSlot(int32_t slot) { return kLargeRegion + slot * kLargeSlotLength; }

  // Send side.
  int Gather(const int32_t* record, iovec* parts, int room) const;
  int Address(const Entry& entry, const int32_t* record, int32_t message);
  bool SendOne(const Entry& entry, int32_t record);
  void SendDatagrams(const Entry& entry);
  void SendStream(const Entry& entry);
  void SendFrames(Entry& entry);
  int32_t SendRun(Entry& entry, int32_t record);
  void SendFrame(const Entry& entry, int32_t record);
  void Settle(int32_t record, int64_t result);
  void Refuse(int32_t record, int error);
  int32_t* Record(int32_t record) const { return memory_.tx + record * kTxStride; }

  Memory memory_;
  int doorbell_;
  int epoll_ = -1;
  int spare_ = -1;  // given up for a moment to refuse a connection when descriptors run out
  Entry entries_[kMaxDescriptors] = {};

  // Streams whose area was left full and listeners that could not accept.
  int32_t suspects_[kMaxDescriptors];
  int32_t suspectCount_ = 0;

  int32_t received_ = 0;  // records of the current poll
  int32_t largeUsed_ = 0; // large slots of the current poll
  int32_t starved_ = -1;  // the first descriptor that found no large slot
  int32_t cursor_ = 0;    // the descriptor to be served first
  uint64_t ready_[kMaxDescriptors / 64];
  uint32_t events_[kMaxDescriptors];
  epoll_event fetched_[kMaxDescriptors + 1];
  iovec slots_[kReceiveSlots];
  mmsghdr plain_[kReceiveSlots] = {};
  iovec largeSlots_[kLargeSlots];
  mmsghdr named_[kLargeSlots] = {};
  SocketAddress sources_[kLargeSlots];
  alignas(cmsghdr) uint8_t joined_[kLargeSlots][CMSG_SPACE(sizeof(int))] = {};

  uint64_t flush_ = 0;
  int32_t notWhole_ = 0;
  int32_t nextRecord_[kSendRecords];
  int32_t batch_[kSendBatch];  // the record behind each message
  mmsghdr messages_[kSendBatch] = {};
  iovec parts_[kSendParts];
  Coalescer coalescer_;
  SocketAddress destinations_[kSendBatch];
  union {
    cmsghdr header;
    uint8_t octets[CMSG_SPACE(sizeof(uint16_t))];
  } segmentation_[kSendBatch] = {};
};

}  // namespace kith
