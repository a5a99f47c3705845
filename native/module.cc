// The Node-API face, put together. Everything is per environment and per poller, so that the
// addon loads in any number of threads.
//
// System failures are returned as negated errno values. A wrong argument throws,
// and so does the use of a poller after close().
#include <node_api.h>

#include "arguments.h"
#include "bindings.h"
#include "contract.h"
#include "offload.h"

namespace kith {
namespace {

// In the order in which native-io.ts names them.
constexpr int32_t kLayout[] = {
    kMaxDescriptors, kSlotLength,  kSlotHeadroom,        kReceiveSlots, kLargeSlotLength,
    kLargeSlots,     kMaxSuperFrameLength, kReceiveBatch, kSendRecords,  kPartRecords,
    kJobRecords,     kKeySlots,    kAddressLength,       kTagLength,    kKeyLength,
    kIvLength,       kRxStride,    kTxStride,            kJobStride,    kCounters,
    kHashLength,     kMaxParts,
};

// The numbers of the contract as they were built in, for JavaScript to compare.
bool DefineLayout(napi_env env, napi_value exports) {
  napi_value layout;
  if (napi_create_array(env, &layout) != napi_ok) return false;
  uint32_t at = 0;
  for (const int32_t number : kLayout)
    if (napi_set_element(env, layout, at++, Integer(env, number)) != napi_ok) return false;
  return napi_set_named_property(env, exports, "layout", layout) == napi_ok;
}

}  // namespace
}  // namespace kith

NAPI_MODULE_INIT() {
  using namespace kith;
  const bool done = DefinePoller(env, exports) && DefineSystemFunctions(env, exports) &&
                    DefineHandshake(env, exports) && DefineTestingFunctions(env, exports) &&
                    DefineLayout(env, exports);
  return done ? exports : nullptr;
}
