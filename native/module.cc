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

#include "poller.h"
#include "sockets.h"

namespace kith {
namespace {

constexpr size_t kMostArguments = 7;
constexpr int kArrays = 6;
constexpr size_t kLongestPath = 4096;

napi_value Throw(napi_env env, const char* message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

napi_value Integer(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

// The arguments of one call, taken in order. A wrong one makes `ok` false for good.
struct Arguments {
  napi_env env;
  napi_value self = nullptr;
  napi_value values[kMostArguments];
  size_t next = 0;
  bool ok;

  Arguments(napi_env e, napi_callback_info info) : env(e) {
    size_t count = kMostArguments;
    ok = napi_get_cb_info(env, info, &count, values, &self, nullptr) == napi_ok;
  }

  int32_t Int() {
    int32_t value = 0;
    ok = ok && napi_get_value_int32(env, values[next++], &value) == napi_ok;
    return value;
  }

  double Number() {
    double value = 0;
    ok = ok && napi_get_value_double(env, values[next++], &value) == napi_ok;
    return value;
  }

  // A typed array of at least `least` elements; the memory stays JavaScript's.
  template <typename T>
  T* Array(napi_typedarray_type wanted, size_t least, size_t* length = nullptr) {
    napi_typedarray_type type;
    size_t count = 0;
    void* data = nullptr;
    bool is = false;
    ok = ok && napi_is_typedarray(env, values[next], &is) == napi_ok && is &&
         napi_get_typedarray_info(env, values[next++], &type, &count, &data, nullptr, nullptr) ==
             napi_ok &&
         type == wanted && count >= least;
    if (length != nullptr) *length = count;
    return static_cast<T*>(data);
  }

  uint8_t* Octets(size_t least) { return Array<uint8_t>(napi_uint8_array, least); }

  // A string with its length in octets, as paths may hold a zero octet in front.
  size_t Text(char* out, size_t capacity) {
    size_t length = 0;
    ok = ok && napi_get_value_string_utf8(env, values[next++], out, capacity, &length) == napi_ok;
    return length;
  }
};

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

// new Poller(slab, rx, tx, jobs, fill, counters, doorbell)
napi_value Construct(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  napi_value target = nullptr;
  if (napi_get_new_target(env, info, &target) != napi_ok || target == nullptr)
    return Throw(env, "Poller must be called with new");
  Memory memory;
  size_t slabLength = 0;
  const size_t slots = static_cast<size_t>(kReceiveSlots) * kSlotLength;
  memory.slab = arguments.Array<uint8_t>(napi_uint8_array, slots, &slabLength);
  memory.slabLength = static_cast<int64_t>(slabLength);
  memory.rx = arguments.Array<int32_t>(napi_int32_array, kReceiveSlots * kRxStride);
  memory.tx = arguments.Array<int32_t>(napi_int32_array, kSendRecords * kTxStride);
  memory.jobs = arguments.Array<int32_t>(napi_int32_array, kJobRecords * kJobStride);
  memory.fill = arguments.Array<int32_t>(napi_int32_array, kMaxDescriptors);
  memory.counters = arguments.Array<double>(napi_float64_array, kCounters);
  const int doorbell = arguments.Int();
  if (!arguments.ok || slabLength > INT32_MAX)
    return Throw(env, "Poller takes a slab, rx, tx, jobs, fill, counters and a doorbell");

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

// Takes a number of records that the arrays can hold.
int32_t Count(Arguments& arguments, int32_t most) {
  const int32_t count = arguments.Int();
  arguments.ok = arguments.ok && count >= 0 && count <= most;
  return arguments.ok ? count : 0;
}

POLLER_METHOD(Flush) { return poller.Flush(Count(arguments, kSendRecords)); }

POLLER_METHOD(Seal) { return poller.aead.Seal(poller.memory(), Count(arguments, kJobRecords)); }

POLLER_METHOD(Open) { return poller.aead.Open(poller.memory(), Count(arguments, kJobRecords)); }

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

napi_value Close(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  void* data = nullptr;
  if (napi_unwrap(env, arguments.self, &data) == napi_ok) static_cast<Wrapped*>(data)->Close(env);
  return nullptr;
}

// ---- sockets

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

SOCKET_FUNCTION(OpenTcpListener) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? OpenTcpListener(address) : 0;
}

SOCKET_FUNCTION(OpenTcpConnection) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? OpenTcpConnection(address) : 0;
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

// openTap(name octets, zero-padded to IFNAMSIZ and written back)
SOCKET_FUNCTION(OpenTap) {
  char* name = reinterpret_cast<char*>(arguments.Octets(IFNAMSIZ));
  return arguments.ok ? OpenTap(name) : 0;
}

SOCKET_FUNCTION(CloseDescriptor) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? CloseDescriptor(fd) : 0;
}

napi_property_descriptor Method(const char* name, napi_callback call) {
  return {name, nullptr, call, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
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
      Method("open", Open),       Method("close", Close),
  };
  const napi_property_descriptor functions[] = {
      Method("openDoorbell", OpenDoorbellCall),
      Method("ringDoorbell", RingDoorbellCall),
      Method("openUnixDatagram", OpenUnixDatagramCall),
      Method("connectUnixDatagram", ConnectUnixDatagramCall),
      Method("openUdp", OpenUdpCall),
      Method("openTcpListener", OpenTcpListenerCall),
      Method("openTcpConnection", OpenTcpConnectionCall),
      Method("openStreamPair", OpenStreamPairCall),
      Method("localAddress", LocalAddressCall),
      Method("openTap", OpenTapCall),
      Method("closeDescriptor", CloseDescriptorCall),
  };
  // In the order in which native-io.ts names them.
  const int32_t numbers[] = {kMaxDescriptors, kSlotLength,   kSlotHeadroom, kReceiveSlots,
                             kReceiveBatch,   kSendRecords,  kJobRecords,   kKeySlots,
                             kAddressLength,  kTagLength,    kKeyLength,    kIvLength,
                             kRxStride,       kTxStride,     kJobStride,    kCounters};
  napi_value poller, layout;
  if (napi_define_class(env, "Poller", NAPI_AUTO_LENGTH, Construct, nullptr,
                        sizeof methods / sizeof *methods, methods, &poller) != napi_ok ||
      napi_set_named_property(env, exports, "Poller", poller) != napi_ok ||
      napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) !=
          napi_ok ||
      napi_create_array(env, &layout) != napi_ok ||
      napi_set_named_property(env, exports, "layout", layout) != napi_ok)
    return nullptr;
  uint32_t at = 0;
  for (const int32_t number : numbers)
    if (napi_set_element(env, layout, at++, Integer(env, number)) != napi_ok) return nullptr;
  return exports;
}
