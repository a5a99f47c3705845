// The class Poller as JavaScript sees it: what a poller does, over arrays of JavaScript's.
//
// Each environment has a class of its own, and nothing is shared between pollers.
#include <cerrno>
#include <cstring>
#include <new>

#include "arguments.h"
#include "bindings.h"
#include "offload.h"
#include "poller.h"

namespace kith {
namespace {

constexpr int kArrays = 7;

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

// The method that JavaScript calls for one that takes its arguments and returns a number.
template <int32_t (*body)(Arguments&, Poller&)>
napi_value PollerCall(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  Poller* poller = Self(&arguments);
  if (poller == nullptr) return Throw(env, "the poller is closed");
  const int32_t result = body(arguments, *poller);
  return arguments.ok ? Integer(env, result) : WrongArgument(arguments);
}

int32_t Add(Arguments& arguments, Poller& poller) {
  const int32_t index = arguments.Int(), fd = arguments.Int(), kind = arguments.Int();
  const int32_t offset = arguments.Int(), length = arguments.Int();
  return arguments.ok ? poller.Add(index, fd, kind, offset, length) : 0;
}

int32_t Remove(Arguments& arguments, Poller& poller) {
  const int32_t index = arguments.Int();
  return arguments.ok ? poller.Remove(index) : 0;
}

int32_t WatchWritable(Arguments& arguments, Poller& poller) {
  const int32_t index = arguments.Int();
  return arguments.ok ? poller.WatchWritable(index) : 0;
}

int32_t Hold(Arguments& arguments, Poller& poller) {
  const int32_t index = arguments.Int(), held = arguments.Int();
  return arguments.ok ? poller.Hold(index, held != 0) : 0;
}

int32_t Poll(Arguments& arguments, Poller& poller) {
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

int32_t Flush(Arguments& arguments, Poller& poller) { return poller.Flush(Count(arguments, kSendRecords)); }

int32_t Seal(Arguments& arguments, Poller& poller) { return poller.aead.Seal(poller.memory(), Count(arguments, kJobRecords)); }

int32_t Open(Arguments& arguments, Poller& poller) { return poller.aead.Open(poller.memory(), Count(arguments, kJobRecords)); }

// segment(frame, length, offload, segment size, checksum start and offset, output, room)
int32_t Segment(Arguments& arguments, Poller& poller) {
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
  return kith::Segment(memory.slab + frame, length, offload, memory.slab + output, room);
}

int32_t SetKey(Arguments& arguments, Poller& poller) {
  const int32_t slot = arguments.Int(), cipher = arguments.Int();
  size_t keyLength = 0, ivLength = 0;
  const uint8_t* key = arguments.Array<uint8_t>(napi_uint8_array, kKeyLength, &keyLength);
  const uint8_t* iv = arguments.Array<uint8_t>(napi_uint8_array, kIvLength, &ivLength);
  if (!arguments.ok) return 0;
  if (keyLength != kKeyLength || ivLength != kIvLength) return -EINVAL;
  return poller.aead.Set(slot, cipher, key, iv);
}

int32_t ClearKey(Arguments& arguments, Poller& poller) {
  const int32_t slot = arguments.Int();
  if (arguments.ok) poller.aead.Clear(slot);
  return 0;
}

// copyOut(offset, length, shared, at)
int32_t CopyOut(Arguments& arguments, Poller& poller) {
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
int32_t CopyIn(Arguments& arguments, Poller& poller) {
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

}  // namespace

bool DefinePoller(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      Method("add", PollerCall<Add>),
      Method("remove", PollerCall<Remove>),
      Method("poll", PollerCall<Poll>),
      Method("watchWritable", PollerCall<WatchWritable>),
      Method("hold", PollerCall<Hold>),
      Method("flush", PollerCall<Flush>),
      Method("setKey", PollerCall<SetKey>),
      Method("seal", PollerCall<Seal>),
      Method("clearKey", PollerCall<ClearKey>),
      Method("copyOut", PollerCall<CopyOut>),
      Method("copyIn", PollerCall<CopyIn>),
      Method("open", PollerCall<Open>),
      Method("segment", PollerCall<Segment>),
      Method("close", Close),
  };
  napi_value poller;
  return napi_define_class(env, "Poller", NAPI_AUTO_LENGTH, Construct, nullptr,
                           sizeof methods / sizeof *methods, methods, &poller) == napi_ok &&
         napi_set_named_property(env, exports, "Poller", poller) == napi_ok;
}

}  // namespace kith
