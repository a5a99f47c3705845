// AES-256-GCM and ChaCha20-Poly1305 by the OpenSSL that Node itself carries and
// exports; nothing is linked. A context keeps its key schedule, so that a packet
// costs the setting of an IV and the work itself.
#include "aead.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <new>

namespace kith {

struct Key {
  enum Direction : int8_t { kUnused = -1, kOpen = 0, kSeal = 1 };

  EVP_CIPHER_CTX* context;
  const EVP_CIPHER* cipher;
  Direction direction;
  uint8_t secret[kKeyLength];
  uint8_t iv[kIvLength];

  // Makes the context ready for one packet: RFC 8446 section 5.3, the IV XOR the
  // packet number as a big-endian 64-bit integer padded on the left.
  bool Begin(Direction wanted, uint32_t high, uint32_t low) {
    uint8_t nonce[kIvLength];
    memcpy(nonce, iv, sizeof nonce);
    for (int i = 0; i < 4; i++) {
      nonce[4 + i] ^= static_cast<uint8_t>(high >> (24 - 8 * i));
      nonce[8 + i] ^= static_cast<uint8_t>(low >> (24 - 8 * i));
    }
    const bool fresh = direction != wanted;
    direction = wanted;
    return EVP_CipherInit_ex(context, fresh ? cipher : nullptr, nullptr, fresh ? secret : nullptr,
                             nonce, wanted) == 1;
  }
};

namespace {

void Destroy(Key* key) {
  if (key == nullptr) return;
  EVP_CIPHER_CTX_free(key->context);  // OpenSSL wipes the key schedule.
  OPENSSL_cleanse(key, sizeof *key);
  delete key;
}

// Same place or apart: anything between would read what was just written.
bool Overlaps(int64_t in, int64_t inLength, int64_t out, int64_t outLength) {
  return in != out && in < out + outLength && out < in + inLength;
}

bool Apart(int64_t in, int64_t inLength, int64_t out, int64_t outLength) {
  return in >= out + outLength || out >= in + inLength;
}

// Whether the second piece of plaintext is none, or one that may be read.
bool MoreFits(const Memory& memory, const int32_t* job, int64_t outLength, bool seal) {
  const int32_t more = job[kJobMoreOffset], length = job[kJobMoreLength];
  if (length == 0) return true;
  return seal && memory.Holds(more, length) &&
         Apart(more, length, job[kJobOutputOffset], outLength);
}

// `textLength` octets of the input, then what there is more of it.
bool Transform(Key* key, const Memory& memory, const int32_t* job, int32_t textLength,
               Key::Direction direction) {
  uint8_t* in = memory.slab + job[kJobInputOffset];
  uint8_t* out = memory.slab + job[kJobOutputOffset];
  const uint8_t* aad = memory.slab + job[kJobAadOffset];
  int length;
  if (!key->Begin(direction, static_cast<uint32_t>(job[kJobNumberHigh]),
                  static_cast<uint32_t>(job[kJobNumberLow]))) {
    key->direction = Key::kUnused;
    return false;
  }
  EVP_CIPHER_CTX* context = key->context;
  if (direction == Key::kOpen &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagLength, in + textLength) != 1)
    return false;
  if (job[kJobAadLength] > 0 &&
      EVP_CipherUpdate(context, nullptr, &length, aad, job[kJobAadLength]) != 1)
    return false;
  int32_t moreLength = job[kJobMoreLength];
  const uint8_t* more = memory.slab + job[kJobMoreOffset];
  if (moreLength > 0 && in == out) {
    // A copy of 1,400 octets costs less than a second call, which has to finish a block.
    memcpy(in + textLength, more, static_cast<size_t>(moreLength));
    textLength += moreLength;
    moreLength = 0;
  }
  if (textLength > 0 && EVP_CipherUpdate(context, out, &length, in, textLength) != 1) return false;
  uint8_t* rest = out + textLength;
  if (moreLength > 0 && EVP_CipherUpdate(context, rest, &length, more, moreLength) != 1) return false;
  uint8_t nothing[EVP_MAX_BLOCK_LENGTH];
  if (EVP_CipherFinal_ex(context, nothing, &length) != 1) return false;
  return direction == Key::kOpen ||
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagLength, rest + moreLength) == 1;
}

}  // namespace

int Aead::Set(int32_t slot, int32_t cipher, const uint8_t* secret, const uint8_t* iv) {
  if (slot < 0 || slot >= kKeySlots) return -EINVAL;
  if (cipher != kAes256Gcm && cipher != kChacha20Poly1305) return -EINVAL;
  Key* key = new (std::nothrow) Key();
  if (key == nullptr) return -ENOMEM;
  key->context = EVP_CIPHER_CTX_new();
  if (key->context == nullptr) {
    delete key;
    return -ENOMEM;
  }
  key->cipher = cipher == kAes256Gcm ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
  key->direction = Key::kUnused;
  memcpy(key->secret, secret, kKeyLength);
  memcpy(key->iv, iv, kIvLength);
  Clear(slot);
  keys_[slot] = key;
  return 0;
}

void Aead::Clear(int32_t slot) {
  if (slot < 0 || slot >= kKeySlots) return;
  Destroy(keys_[slot]);
  keys_[slot] = nullptr;
}

void Aead::Clear() {
  for (int32_t slot = 0; slot < kKeySlots; slot++) Clear(slot);
}

int32_t Aead::Run(const Memory& memory, int32_t count, bool seal) {
  int32_t failed = 0;
  int32_t* job = memory.jobs;
  for (int32_t i = 0; i < count; i++, job += kJobStride) {
    const int32_t slot = job[kJobKeySlot];
    const int64_t inLength = job[kJobInputLength];
    const int64_t outLength =
        seal ? inLength + job[kJobMoreLength] + kTagLength : inLength - kTagLength;
    Key* key = slot >= 0 && slot < kKeySlots ? keys_[slot] : nullptr;
    job[kJobResult] = -1;
    failed++;
    if (key == nullptr || !memory.Holds(job[kJobAadOffset], job[kJobAadLength]) ||
        !memory.Holds(job[kJobInputOffset], inLength) ||
        !memory.Holds(job[kJobOutputOffset], outLength) ||
        Overlaps(job[kJobInputOffset], inLength, job[kJobOutputOffset], outLength) ||
        !MoreFits(memory, job, outLength, seal))
      continue;
    const int32_t textLength = static_cast<int32_t>(seal ? inLength : outLength);
    if (Transform(key, memory, job, textLength, seal ? Key::kSeal : Key::kOpen)) {
      job[kJobResult] = static_cast<int32_t>(outLength);
      failed--;
    } else if (!seal) {
      // What did not authenticate must not be read by mistake.
      OPENSSL_cleanse(memory.slab + job[kJobOutputOffset], static_cast<size_t>(textLength));
    }
  }
  return failed;
}

}  // namespace kith
