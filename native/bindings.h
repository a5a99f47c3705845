// What the addon exports, in parts. Each adds its own to the exports, for one environment, and
// returns whether that went well.
#pragma once

#include <node_api.h>

namespace kith {

// The class Poller.
bool DefinePoller(napi_env env, napi_value exports);
// Sockets, interfaces and descriptors.
bool DefineSystemFunctions(napi_env env, napi_value exports);
// What handshakes need of the OpenSSL that Node carries: see NativeHandshake in
// src/io/native-binding.ts. No state, nothing kept.
bool DefineHandshake(napi_env env, napi_value exports);
// The object `testing`.
bool DefineTestingFunctions(napi_env env, napi_value exports);

}  // namespace kith
