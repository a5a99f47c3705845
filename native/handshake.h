// What handshakes need of the OpenSSL that Node carries: see NativeHandshake in
// src/io/native-binding.ts. No state, nothing kept.
#pragma once

#include <node_api.h>

namespace kith {

// Adds the functions to the addon's exports.
bool DefineHandshake(napi_env env, napi_value exports);

}  // namespace kith
