// For tests: steps that a poller takes by itself, one at a time. They are in the export `testing`.
#include <climits>
#include <cstring>

#include "arguments.h"
#include "bindings.h"
#include "offload.h"

namespace kith {
namespace {

// testing.checkOffload(frame, contiguous, type, segment size, checksum start and offset)
int32_t CheckOffload(Arguments& arguments) {
  size_t length = 0;
  const uint8_t* frame = arguments.Array<uint8_t>(napi_uint8_array, 0, &length);
  const int32_t contiguous = arguments.Int();
  Offload offload;
  offload.type = arguments.Int();
  offload.segmentSize = arguments.Int();
  offload.checksumStart = arguments.Int();
  offload.checksumOffset = arguments.Int();
  arguments.ok = arguments.ok && length <= INT32_MAX;
  return arguments.ok ? kith::CheckOffload(frame, contiguous, static_cast<int32_t>(length), offload) : 0;
}

// testing.completeChecksum(frame, start, offset)
int32_t CompleteChecksum(Arguments& arguments) {
  size_t length = 0;
  uint8_t* frame = arguments.Array<uint8_t>(napi_uint8_array, 0, &length);
  const int32_t start = arguments.Int(), offset = arguments.Int();
  arguments.ok = arguments.ok && length <= INT32_MAX;
  return arguments.ok && kith::CompleteChecksum(frame, static_cast<int32_t>(length), start, offset);
}

// testing.coalesce(slab, spans, count, output, fields): joins the frames that the spans
// (offset and length each) name, until one does not continue the run. Returns the octets of the
// super-frame in the output, 0 without one, and says in the fields how many frames are in it,
// its type, segment size, checksum start and offset.
int32_t Coalesce(Arguments& arguments) {
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

bool DefineTestingFunctions(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      Method("checkOffload", Call<CheckOffload>),
      Method("completeChecksum", Call<CompleteChecksum>),
      Method("coalesce", Call<Coalesce>),
  };
  napi_value testing;
  return napi_create_object(env, &testing) == napi_ok &&
         napi_define_properties(env, testing, sizeof functions / sizeof *functions, functions) ==
             napi_ok &&
         napi_set_named_property(env, exports, "testing", testing) == napi_ok;
}

}  // namespace kith
