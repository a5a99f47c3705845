{
  "variables": { "openssl_fips": "" },
  "targets": [
    {
      "target_name": "kith_native",
      "sources": [
        "native/module.cc",
        "native/poller-class.cc",
        "native/system-functions.cc",
        "native/testing-functions.cc",
        "native/poller.cc",
        "native/receiver.cc",
        "native/sender.cc",
        "native/aead.cc",
        "native/handshake.cc",
        "native/packet.cc",
        "native/offload.cc",
        "native/coalesce.cc",
        "native/address.cc",
        "native/sockets.cc",
        "native/interface.cc"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"]
    }
  ]
}
