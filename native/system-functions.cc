// What JavaScript asks of the system without a poller: sockets, interfaces, descriptors.
//
// Each function here takes the arguments of one of sockets.h or interface.h, which has the
// same name and does the work.
#include <net/if.h>

#include "address.h"
#include "arguments.h"
#include "bindings.h"
#include "interface.h"
#include "sockets.h"

namespace kith {
namespace {

constexpr size_t kLongestPath = 4096;

int32_t OpenDoorbell(Arguments&) { return kith::OpenDoorbell(); }

int32_t RingDoorbell(Arguments& arguments) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? kith::RingDoorbell(fd) : 0;
}

int32_t OpenUnixDatagram(Arguments& arguments) {
  char path[kLongestPath], peer[kLongestPath];
  const size_t pathLength = arguments.Text(path, sizeof path);
  const size_t peerLength = arguments.Text(peer, sizeof peer);
  const int32_t buffer = arguments.Int();
  return arguments.ok ? kith::OpenUnixDatagram(path, pathLength, peer, peerLength, buffer) : 0;
}

int32_t ConnectUnixDatagram(Arguments& arguments) {
  char peer[kLongestPath];
  const int32_t fd = arguments.Int();
  const size_t length = arguments.Text(peer, sizeof peer);
  return arguments.ok ? kith::ConnectUnixDatagram(fd, peer, length) : 0;
}

int32_t OpenUdp(Arguments& arguments) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? kith::OpenUdp(address) : 0;
}

// openUdpGroup(address, program, out: a place for each socket)
int32_t OpenUdpGroup(Arguments& arguments) {
  size_t length = 0, count = 0;
  const uint8_t* address = arguments.Octets(kAddressLength);
  const uint8_t* program = arguments.Array<uint8_t>(napi_uint8_array, 0, &length);
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 1, &count);
  return arguments.ok ? kith::OpenUdpGroup(address, program, length, out, count) : 0;
}

int32_t OpenTcpListener(Arguments& arguments) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? kith::OpenTcpListener(address) : 0;
}

int32_t OpenTcpConnection(Arguments& arguments) {
  const uint8_t* address = arguments.Octets(kAddressLength);
  return arguments.ok ? kith::OpenTcpConnection(address) : 0;
}

int32_t OpenDatagramPair(Arguments& arguments) {
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 2);
  return arguments.ok ? kith::OpenDatagramPair(out) : 0;
}

int32_t OpenStreamPair(Arguments& arguments) {
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 2);
  return arguments.ok ? kith::OpenStreamPair(out) : 0;
}

int32_t LocalAddress(Arguments& arguments) {
  const int32_t fd = arguments.Int();
  uint8_t* out = arguments.Octets(kAddressLength);
  return arguments.ok ? kith::LocalAddress(fd, out) : 0;
}

int32_t PeerUser(Arguments& arguments) {
  const int32_t fd = arguments.Int();
  int32_t* out = arguments.Array<int32_t>(napi_int32_array, 1);
  return arguments.ok ? kith::PeerUser(fd, out) : 0;
}

int32_t TryNamespace(Arguments& arguments) {
  char space[kLongestPath];
  arguments.Text(space, sizeof space);
  return arguments.ok ? kith::TryNamespace(space) : 0;
}

// openTap(name octets, zero-padded to IFNAMSIZ and written back; path of a namespace or '')
int32_t OpenTap(Arguments& arguments) {
  char space[kLongestPath];
  char* name = reinterpret_cast<char*>(arguments.Octets(IFNAMSIZ));
  arguments.Text(space, sizeof space);
  return arguments.ok ? kith::OpenTap(name, space) : 0;
}

int32_t AdoptTap(Arguments& arguments) {
  const int32_t fd = arguments.Int();
  char* name = reinterpret_cast<char*>(arguments.Octets(IFNAMSIZ));
  return arguments.ok ? kith::AdoptTap(fd, name) : 0;
}

int32_t AskRoutes(Arguments& arguments) {
  char space[kLongestPath];
  size_t length = 0, room = 0;
  arguments.Text(space, sizeof space);
  const uint8_t* request = arguments.Array<uint8_t>(napi_uint8_array, 1, &length);
  uint8_t* answer = arguments.Array<uint8_t>(napi_uint8_array, 1, &room);
  return arguments.ok ? kith::AskRoutes(space, request, length, answer, room) : 0;
}

int32_t SendDescriptor(Arguments& arguments) {
  char path[kLongestPath];
  size_t length = 0;
  const size_t pathLength = arguments.Text(path, sizeof path);
  const int32_t fd = arguments.Int();
  const uint8_t* payload = arguments.Array<uint8_t>(napi_uint8_array, 1, &length);
  return arguments.ok ? kith::SendDescriptor(path, pathLength, fd, payload, length) : 0;
}

int32_t ReceiveDescriptor(Arguments& arguments) {
  size_t room = 0;
  const int32_t fd = arguments.Int();
  int32_t* received = arguments.Array<int32_t>(napi_int32_array, 1);
  uint8_t* payload = arguments.Array<uint8_t>(napi_uint8_array, 1, &room);
  return arguments.ok ? kith::ReceiveDescriptor(fd, received, payload, room) : 0;
}

int32_t DuplicateDescriptor(Arguments& arguments) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? kith::DuplicateDescriptor(fd) : 0;
}

int32_t CloseDescriptor(Arguments& arguments) {
  const int32_t fd = arguments.Int();
  return arguments.ok ? kith::CloseDescriptor(fd) : 0;
}

}  // namespace

bool DefineSystemFunctions(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      Method("openDoorbell", Call<OpenDoorbell>),
      Method("ringDoorbell", Call<RingDoorbell>),
      Method("openUnixDatagram", Call<OpenUnixDatagram>),
      Method("connectUnixDatagram", Call<ConnectUnixDatagram>),
      Method("openUdp", Call<OpenUdp>),
      Method("openUdpGroup", Call<OpenUdpGroup>),
      Method("openTcpListener", Call<OpenTcpListener>),
      Method("openTcpConnection", Call<OpenTcpConnection>),
      Method("openStreamPair", Call<OpenStreamPair>),
      Method("openDatagramPair", Call<OpenDatagramPair>),
      Method("localAddress", Call<LocalAddress>),
      Method("tryNamespace", Call<TryNamespace>),
      Method("openTap", Call<OpenTap>),
      Method("adoptTap", Call<AdoptTap>),
      Method("askRoutes", Call<AskRoutes>),
      Method("sendDescriptor", Call<SendDescriptor>),
      Method("receiveDescriptor", Call<ReceiveDescriptor>),
      Method("peerUser", Call<PeerUser>),
      Method("duplicateDescriptor", Call<DuplicateDescriptor>),
      Method("closeDescriptor", Call<CloseDescriptor>),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) ==
         napi_ok;
}

}  // namespace kith
