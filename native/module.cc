// The Node-API face: a class Poller and the socket functions. Everything is per
// environment and per poller, so that the addon loads in any number of threads.
//
// System failures are returned as negated errno values. A wrong argument throws,
// and so does the use of a poller after close().
#include <node_api.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <net/if.h>
#include <new>

#include "arguments.h"
#include "handshake.h"
#include "interface.h"
#include "offload.h"
#include "poller.h"
#include "sockets.h"

namespace kith {
namespace {

constexpr int kArrays = 7;
constexpr size_t kLongestPath = 4096;

// ---- class Poller

struct Wrapped {
  Poller* poller = nullptr;
  napi_ref arrays[kArrays] = {};

  void Close(napi_env env) {
    delete poller;
    poller = nullptr;
    for (napi_ref& array : arrays) {
      if (array != nullptr) napi_delete_reference(env, array);
      array = nullptr;
    }
  }
};

void Finalize(napi_env env, void* data, void*) {
  Wrapped* wrapped = static_cast<Wrapped*>(data);
  wrapped->Close(env);
  delete wrapped;
}

// new Poller(slab, rx, tx, parts, jobs, fill, counters, doorbell)
napi_value Construct(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  napi_value target = nullptr;
  if (napi_get_new_target(env, info, &target) != napi_ok || target == nullptr)
    return Throw(env, "Poller must be called with new");
  Memory memory;
  size_t slabLength = 0;
  const size_t slots = static_cast<size_t>(kLargeRegion) + kLargeSlots * kLargeSlotLength;
  memory.slab = arguments.Array<uint8_t>(napi_uint8_array, slots, &slabLength);
  memory.slabLength = static_cast<int64_t>(slabLength);
  memory.rx = arguments.Array<int32_t>(napi_int32_array, kReceiveSlots * kRxStride);
  memory.tx = arguments.Array<int32_t>(napi_int32_array, kSendRecords * kTxStride);
  memory.parts = arguments.Array<int32_t>(napi_int32_array, kPartRecords * kPartStride);
  memory.jobs = arguments.Array<int32_t>(napi_int32_array, kJobRecords * kJobStride);
  memory.fill = arguments.Array<int32_t>(napi_int32_array, kMaxDescriptors);
  memory.counters = arguments.Array<double>(napi_float64_array, kCounters);
  const int doorbell = arguments.Int();
  if (!arguments.ok || slabLength > INT32_MAX)
    return Throw(env, "Poller takes a slab, rx, tx, parts, jobs, fill, counters and a doorbell");

  Wrapped* wrapped = new (std::nothrow) Wrapped();
  if (wrapped == nullptr) return Throw(env, "out of memory");
  if (napi_wrap(env, arguments.self, wrapped, Finalize, nullptr, nullptr) != napi_ok) {
    delete wrapped;
    return Throw(env, "cannot make a Poller of this");
  }
  for (int i = 0; i < kArrays; i++)
    if (napi_create_reference(env, arguments.values[i], 1, &wrapped->arrays[i]) != napi_ok)
      return Throw(env, "cannot hold the arrays");
  Poller* poller = new (std::nothrow) Poller(memory, doorbell);
  if (poller == nullptr) return Throw(env, "out of memory");
  if (int error = poller->Init()) {
    delete poller;
    return Throw(env, strerror(-error));
  }
  wrapped->poller = poller;
  return arguments.self;
}

Poller* Self(Arguments* arguments) {
  void* data = nullptr;
  // V8 has checked that `this` is a Poller before it called us.
  if (!arguments->ok || napi_unwrap(arguments->env, arguments->self, &data) != napi_ok)
    return nullptr;
  return static_cast<Wrapped*>(data)->poller;
}

// A method whose body sees `arguments` and `poller`, and takes what it wants first.
#define POLLER_METHOD(name)                                              \
  int32_t name##Body(Arguments& arguments, Poller& poller);              \
  napi_value name(napi_env env, napi_callback_info info) {               \
    Arguments arguments(env, info);                                      \
    Poller* poller = Self(&arguments);                                   \
    if (poller == nullptr) return Throw(env, "the poller is closed");    \
    const int32_t result = name##Body(arguments, *poller);               \
    if (!arguments.ok) return Throw(env, "wrong argument to " #name);    \
    return Integer(env, result);                                         \
  }                                                                      \
  int32_t name##Body(Arguments& arguments, Poller& poller)

POLLER_METHOD(Add) {
  const int32_t index = arguments.Int(), fd = arguments.Int(), kind = arguments.Int();
  const int32_t offset = arguments.Int(), length = arguments.Int();
  return arguments.ok ? poller.Add(index, fd, kind, offset, length) : 0;
}

POLLER_METHOD(Remove) {
  const int32_t index = arguments.Int();
  return arguments.ok ? poller.Remove(index) : 0;
}

POLLER_METHOD(WatchWritable) {
  const int32_t index = arguments.Int();
  return arguments.ok ? poller.WatchWritable(index) : 0;
}

POLLER_METHOD(Hold) {
  const int32_t index = arguments.Int(), held = arguments.Int();
  return arguments.ok ? poller.Hold(index, held != 0) : 0;
}

POLLER_METHOD(Poll) {
  const double timeout = arguments.Number();
  return arguments.ok ? poller.Poll(timeout) : 0;
}

bool Within(int32_t at, int32_t length, size_t room) {
  return at >= 0 && length >= 0 && static_cast<size_t>(at) + static_cast<size_t>(length) <= room;
}

// Takes a number of records that the arrays can hold.
int32_t Count(Arguments& arguments, int32_t most) {
  const int32_t count = arguments.Int();
  arguments.ok = arguments.ok && count >= 0 && count <= most;
  return arguments.ok ? count : 0;
}

POLLER_METHOD(Flush) { return poller.Flush(Count(arguments, kSendRecords)); }

POLLER_METHOD(Seal) { return poller.aead.Seal(poller.memory(), Count(arguments, kJobRecords)); }

POLLER_METHOD(Open) { return poller.aead.Open(poller.memory(), Count(arguments, kJobRecords)); }

// segment(frame, length, offload, segment size, checksum start and offset, output, room)
POLLER_METHOD(Segment) {
  const int32_t frame = arguments.Int(), length = arguments.Int();
  Offload offload;
  offload.type = arguments.Int();
  offload.segmentSize = arguments.Int();
  offload.checksumStart = arguments.Int();
  offload.checksumOffset = arguments.Int();
  const int32_t output = arguments.Int(), room = arguments.Int();
  const Memory& memory = poller.memory();
  if (!arguments.ok || !memory.Holds(frame, length) || !memory.Holds(output, room)) return -1;
  if (frame < int64_t{output} + room && output < int64_t{frame} + length) return -1;
  return Segment(memory.slab + frame, length, offload, memory.slab + output, room);
}

POLLER_METHOD(SetKey) {
  const int32_t slot = arguments.Int(), cipher = arguments.Int();
  size_t keyLength = 0, ivLength = 0;
  const uint8_t* key = arguments.Array<uint8_t>(napi_uint8_array, kKeyLength, &keyLength);
  const uint8_t* iv = arguments.Array<uint8_t>(napi_uint8_array, kIvLength, &ivLength);
  if (!arguments.ok) return 0;
  if (keyLength != kKeyLength || ivLength != kIvLength) return -EINVAL;
  return poller.aead.Set(slot, cipher, key, iv);
}

POLLER_METHOD(ClearKey) {
  const int32_t slot = arguments.Int();
  if (arguments.ok) poller.aead.Clear(slot);
  return 0;
}

// copyOut(offset, length, shared, at)
POLLER_METHOD(CopyOut) {
  size_t room = 0;
  const int32_t offset = arguments.Int(), length = arguments.Int();
  uint8_t* shared = arguments.Array<uint8_t>(napi_uint8_array, 0, &room);
  const int32_t at = arguments.Int();
  const Memory& memory = poller.memory();
  arguments.ok = arguments.ok && memory.Holds(offset, length) && Within(at, length, room);
  if (arguments.ok) memcpy(shared + at, memory.slab + offset, length);
  return 0;
}

// copyIn(shared, at, length, offset)
POLLER_METHOD(CopyIn) {
  size_t room = 0;
  const uint8_t* shared = arguments.Array<uint8_t>(napi_uint8_array, 0, &room);
  const int32_t at = arguments.Int(), length = arguments.Int(), offset = arguments.Int();
  const Memory& memory = poller.memory();
  arguments.ok = arguments.ok && memory.Holds(offset, length) && Within(at, length, room);
  if (arguments.ok) memcpy(memory.slab + offset, shared + at, length);
  return 0;
}

napi_value Close(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  void* data = nullptr;
  if (napi_unwrap(env, arguments.self, &data) == napi_ok) static_cast<Wrapped*>(data)->Close(env);
  return nullptr;
}

// ---- sockets, and what else needs no poller

#define SOCKET_FUNCTION(name)                                            \
  int32_t name##Body(Arguments& arguments);                              \
  napi_value name##Call(napi_env env, napi_callback_info info) {         \
    Arguments arguments(env, info);                                      \
    const int32_t result = arguments.ok ? name##Body(arguments) : 0;     \
    if (!arguments.ok) return Throw(env, "wrong argument to " #name);    \
    return Integer(env, result);                                         \
  }                                                                      \
  int32_t name##Body(Arguments& arguments)

SOCKET_FUNCTION(OpenDoorbell) { return arguments.ok ? OpenDoorbell() : 0; }

SOCKET_FUNCTION(RingDoorbell) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? RingDoorbell(fd) : 0;
}

SOCKET_FUNCTION(OpenUnixDatagram) {
  char path[kLongestPath], peer[kLongestPath];
  const size_t pathLength = arguments.Text(path, sizeof path);
  const size_t peerLength = arguments.Text(peer, sizeof peer);
  const int32_t buffer = arguments.Int();
  return arguments.ok ? OpenUnixDatagram(path, pathLength, peer, peerLength, buffer) : 0;
}

SOCKET_FUNCTION(ConnectUnixDatagram) {
  char peer[kLongestPath];
  const int32_t fd = arguments.Int();
  const size_t length = arguments.Text(peer, sizeof peer);
  return arguments.ok ? ConnectUnixDatagram(fd, peer, length) : 0;
}

SOCKET_FUNCTION(OpenUdp) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? OpenUdp(address) : 0;
}

// openUdpGroup(address, program, out: a place for each socket)
SOCKET_FUNCTION(OpenUdpGroup) {
  size_t length = 0, count = 0;
  const uint8_t* address = arguments.Octets(kAddressLength);
  const uint8_t* program = arguments.Array<uint8_t>(napi_uint8_array, 0, &length);
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 1, &count);
  return arguments.ok ? OpenUdpGroup(address, program, length, out, count) : 0;
}

SOCKET_FUNCTION(OpenTcpListener) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? OpenTcpListener(address) : 0;
}

SOCKET_FUNCTION(OpenTcpConnection) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? OpenTcpConnection(address) : 0;
}

SOCKET_FUNCTION(OpenDatagramPair) {
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 2);
  return arguments.ok ? OpenDatagramPair(out) : 0;
}

SOCKET_FUNCTION(OpenStreamPair) {
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 2);
  return arguments.ok ? OpenStreamPair(out) : 0;
}

SOCKET_FUNCTION(LocalAddress) {
  const int32_t fd = arguments.Int();
  uint8_t* out = arguments.Octets(kAddressLength);
  return arguments.ok ? LocalAddress(fd, out) : 0;
}

SOCKET_FUNCTION(PeerUser) {
  const int32_t fd = arguments.Int();
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 1);
  return arguments.ok ? PeerUser(fd, out) : 0;
}

SOCKET_FUNCTION(TryNamespace) {
  char space[kLongestPath];
  arguments.Text(space, sizeof space);
  return arguments.ok ? TryNamespace(space) : 0;
}

// openTap(name octets, zero-padded to IFNAMSIZ and written back; path of a namespace or '')
SOCKET_FUNCTION(OpenTap) {
  char space[kLongestPath];
  char* name = reinterpret_cast<char*>(arguments.Octets(IFNAMSIZ));
  arguments.Text(space, sizeof space);
  return arguments.ok ? OpenTap(name, space) : 0;
}

SOCKET_FUNCTION(AdoptTap) {
  const int32_t fd = arguments.Int();
  char* name = reinterpret_cast<char*>(arguments.Octets(IFNAMSIZ));
  return arguments.ok ? AdoptTap(fd, name) : 0;
}

SOCKET_FUNCTION(AskRoutes) {
  char space[kLongestPath];
  size_t length = 0, room = 0;
  arguments.Text(space, sizeof space);
  const uint8_t* request = arguments.Array<uint8_t>(napi_uint8_array, 1, &length);
  uint8_t* answer = arguments.Array<uint8_t>(napi_uint8_array, 1, &room);
  return arguments.ok ? AskRoutes(space, request, length, answer, room) : 0;
}

SOCKET_FUNCTION(SendDescriptor) {
  char path[kLongestPath];
  size_t length = 0;
  const size_t pathLength = arguments.Text(path, sizeof path);
  const int32_t fd = arguments.Int();
  const uint8_t* payload = arguments.Array<uint8_t>(napi_uint8_array, 1, &length);
  return arguments.ok ? SendDescriptor(path, pathLength, fd, payload, length) : 0;
}

SOCKET_FUNCTION(ReceiveDescriptor) {
  size_t room = 0;
  const int32_t fd = arguments.Int();
  int32_t* received = arguments.Array<int32_t>(napi_int32_array, 1);
  uint8_t* payload = arguments.Array<uint8_t>(napi_uint8_array, 1, &room);
  return arguments.ok ? ReceiveDescriptor(fd, received, payload, room) : 0;
}

SOCKET_FUNCTION(DuplicateDescriptor) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? DuplicateDescriptor(fd) : 0;
}

SOCKET_FUNCTION(CloseDescriptor) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? CloseDescriptor(fd) : 0;
}

// ---- for tests: what the poller uses by itself

// testing.checkOffload(frame, contiguous, type, segment size, checksum start and offset)
SOCKET_FUNCTION(CheckOffload) {
  size_t length = 0;
  const uint8_t* frame = arguments.Array<uint8_t>(napi_uint8_array, 0, &length);
  const int32_t contiguous = arguments.Int();
  Offload offload;
  offload.type = arguments.Int();
  offload.segmentSize = arguments.Int();
  offload.checksumStart = arguments.Int();
  offload.checksumOffset = arguments.Int();
  arguments.ok = arguments.ok && length <= INT32_MAX;
  return arguments.ok ? CheckOffload(frame, contiguous, static_cast<int32_t>(length), offload) : 0;
}

// testing.completeChecksum(frame, start, offset)
SOCKET_FUNCTION(CompleteChecksum) {
  size_t length = 0;
  uint8_t* frame = arguments.Array<uint8_t>(napi_uint8_array, 0, &length);
  const int32_t start = arguments.Int(), offset = arguments.Int();
  arguments.ok = arguments.ok && length <= INT32_MAX;
  return arguments.ok && CompleteChecksum(frame, static_cast<int32_t>(length), start, offset);
}

// testing.coalesce(slab, spans, count, output, fields): joins the frames that the spans
// (offset and length each) name, until one does not continue the run. Returns the octets of the
// super-frame in the output, 0 without one, and says in the fields how many frames are in it,
// its type, segment size, checksum start and offset.
SOCKET_FUNCTION(Coalesce) {
  size_t slabLength = 0, spanCount = 0;
  const uint8_t* slab = arguments.Array<uint8_t>(napi_uint8_array, 0, &slabLength);
  const int32_t* spans = arguments.Array<int32_t>(napi_int32_array, 0, &spanCount);
  const int32_t count = arguments.Int();
  uint8_t* output = arguments.Octets(kMaxSuperFrameLength);
  int32_t* fields = arguments.Array<int32_t>(napi_int32_array, 5);
  if (!arguments.ok || slabLength > INT32_MAX || count < 0 ||
      static_cast<size_t>(count) > spanCount / 2) {
    arguments.ok = false;
    return 0;
  }
  Coalescer run;
  fields[0] = 0;
  for (int32_t i = 0; i < count; i++) {
    const int32_t offset = spans[2 * i], length = spans[2 * i + 1];
    if (offset < 0 || length < 0 || size_t{0} + offset + length > slabLength) return 0;
    if (!(i == 0 ? run.Begin(slab + offset, length) : run.Add(slab + offset, length))) break;
  }
  fields[0] = run.frames();
  iovec parts[1 + Coalescer::kMostFrames];
  Offload offload;
  const int32_t used = run.Finish(parts, &offload);
  if (used == 0) return 0;
  int32_t length = 0;
  for (int32_t i = 0; i < used; i++) {
    memcpy(output + length, parts[i].iov_base, parts[i].iov_len);
    length += static_cast<int32_t>(parts[i].iov_len);
  }
  fields[1] = offload.type;
  fields[2] = offload.segmentSize;
  fields[3] = offload.checksumStart;
  fields[4] = offload.checksumOffset;
  return length;
}

}  // namespace
}  // namespace kith

NAPI_MODULE_INIT() {
  using namespace kith;
  const napi_property_descriptor methods[] = {
      Method("add", Add),         Method("remove", Remove),
      Method("poll", Poll),       Method("watchWritable", WatchWritable),
      Method("hold", Hold),
      Method("flush", Flush),     Method("setKey", SetKey),
      Method("seal", Seal),       Method("clearKey", ClearKey),
      Method("copyOut", CopyOut), Method("copyIn", CopyIn),
      Method("open", Open),       Method("segment", Segment),
      Method("close", Close),
  };
  const napi_property_descriptor functions[] = {
      Method("openDoorbell", OpenDoorbellCall),
      Method("ringDoorbell", RingDoorbellCall),
      Method("openUnixDatagram", OpenUnixDatagramCall),
      Method("connectUnixDatagram", ConnectUnixDatagramCall),
      Method("openUdp", OpenUdpCall),
      Method("openUdpGroup", OpenUdpGroupCall),
      Method("openTcpListener", OpenTcpListenerCall),
      Method("openTcpConnection", OpenTcpConnectionCall),
      Method("openStreamPair", OpenStreamPairCall),
      Method("openDatagramPair", OpenDatagramPairCall),
      Method("localAddress", LocalAddressCall),
      Method("tryNamespace", TryNamespaceCall),
      Method("openTap", OpenTapCall),
      Method("adoptTap", AdoptTapCall),
      Method("askRoutes", AskRoutesCall),
      Method("sendDescriptor", SendDescriptorCall),
      Method("receiveDescriptor", ReceiveDescriptorCall),
      Method("peerUser", PeerUserCall),
      Method("duplicateDescriptor", DuplicateDescriptorCall),
      Method("closeDescriptor", CloseDescriptorCall),
  };
  const napi_property_descriptor testing[] = {
      Method("checkOffload", CheckOffloadCall),
      Method("completeChecksum", CompleteChecksumCall),
      Method("coalesce", CoalesceCall),
  };
  // In the order in which native-io.ts names them.
  const int32_t numbers[] = {kMaxDescriptors, kSlotLength,   kSlotHeadroom, kReceiveSlots,
                             kLargeSlotLength, kLargeSlots, kMaxSuperFrameLength,
                             kReceiveBatch,   kSendRecords,  kPartRecords, kJobRecords, kKeySlots,
                             kAddressLength,  kTagLength,    kKeyLength,    kIvLength,
                             kRxStride,       kTxStride,     kJobStride,    kCounters,
                             kHashLength,       kMaxParts};
  napi_value poller, layout, forTests;
  if (napi_define_class(env, "Poller", NAPI_AUTO_LENGTH, Construct, nullptr,
                        sizeof methods / sizeof *methods, methods, &poller) != napi_ok ||
      napi_set_named_property(env, exports, "Poller", poller) != napi_ok ||
      napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) !=
          napi_ok ||
      !DefineHandshake(env, exports) ||
      napi_create_object(env, &forTests) != napi_ok ||
      napi_define_properties(env, forTests, sizeof testing / sizeof *testing, testing) !=
          napi_ok ||
      napi_set_named_property(env, exports, "testing", forTests) != napi_ok ||
      napi_create_array(env, &layout) != napi_ok ||
      napi_set_named_property(env, exports, "layout", layout) != napi_ok)
    return nullptr;
  uint32_t at = 0;
  for (const int32_t number : numbers)
    if (napi_set_element(env, layout, at++, Integer(env, number)) != napi_ok) return nullptr;
  return exports;
}
