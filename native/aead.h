// Key slots, and lists of seals and opens over the slab.
#pragma once

#include "contract.h"

namespace kith {

struct Key;

// Not copied, not shared between threads. A slot serves one direction at a time
// without any cost; using it in the other one merely sets the key up again.
class Aead {
 public:
  ~Aead() { Clear(); }

  // 0 or a negated errno. The octets are copied.
  int Set(int32_t slot, int32_t cipher, const uint8_t* key, const uint8_t* iv);
  void Clear(int32_t slot);
  void Clear();

  // Each returns the number of jobs that failed.
  int32_t Seal(const Memory& memory, int32_t count) { return Run(memory, count, true); }
  int32_t Open(const Memory& memory, int32_t count) { return Run(memory, count, false); }

 private:
  int32_t Run(const Memory& memory, int32_t count, bool seal);

  Key* keys_[kKeySlots] = {};
};

}  // namespace kith
