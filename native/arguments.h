// How C++ functions are shown to JavaScript: arguments in, a number out. A wrong
// argument throws; everything else is in the number.
#pragma once

#include <node_api.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace kith {

constexpr size_t kMostArguments = 8;

inline napi_value Throw(napi_env env, const char* message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_type_error(env, nullptr, message);
  return nullptr;
}

inline napi_value Integer(napi_env env, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(env, value, &result);
  return result;
}

// The arguments of one call, taken in order. A wrong one makes `ok` false for good.
struct Arguments {
  napi_env env;
  // What JavaScript calls the function; nullptr for a constructor.
  const char* name = nullptr;
  napi_value self = nullptr;
  napi_value values[kMostArguments];
  size_t next = 0;
  bool ok;

  Arguments(napi_env e, napi_callback_info info) : env(e) {
    size_t count = kMostArguments;
    void* data = nullptr;
    ok = napi_get_cb_info(env, info, &count, values, &self, &data) == napi_ok;
    name = static_cast<const char*>(data);
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

  // Exactly so many.
  uint8_t* Exactly(size_t wanted) {
    size_t length = 0;
    uint8_t* octets = Array<uint8_t>(napi_uint8_array, wanted, &length);
    ok = ok && length == wanted;
    return octets;
  }

  // Any number of octets, none included; never a null pointer while `ok`.
  const uint8_t* Octets(size_t* length) {
    static const uint8_t kNone = 0;
    const uint8_t* octets = Array<uint8_t>(napi_uint8_array, 0, length);
    ok = ok && *length <= INT32_MAX;
    return octets == nullptr ? &kNone : octets;
  }

  // A string with its length in octets, as paths may hold a zero octet in front.
  size_t Text(char* out, size_t capacity) {
    size_t length = 0;
    ok = ok && napi_get_value_string_utf8(env, values[next++], out, capacity, &length) == napi_ok;
    return length;
  }
};

inline napi_value WrongArgument(const Arguments& arguments) {
  char message[80];
  snprintf(message, sizeof message, "wrong argument to %s", arguments.name);
  return Throw(arguments.env, message);
}

// The name has to stay: a literal.
inline napi_property_descriptor Method(const char* name, napi_callback call) {
  void* data = const_cast<char*>(name);
  return {name, nullptr, call, nullptr, nullptr, nullptr, napi_enumerable, data};
}

// The function that JavaScript calls for one that takes its arguments and returns a number.
template <int32_t (*body)(Arguments&)>
napi_value Call(napi_env env, napi_callback_info info) {
  Arguments arguments(env, info);
  const int32_t result = arguments.ok ? body(arguments) : 0;
  return arguments.ok ? Integer(env, result) : WrongArgument(arguments);
}

}  // namespace kith
