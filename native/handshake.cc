// X25519, Ed25519, SHA-256, HMAC and single seals for handshakes, straight from raw
// octets: node:crypto takes keys in DER only, and OpenSSL's decoder of that costs ten
// times the work itself (docs/decisions/0014-handshake-cost.md).
//
// Keys live in OpenSSL's own structures, which it wipes when they are freed. Each
// function leaves the thread's error queue as it was: Node reads that too.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <climits>
#include <cstring>
#include <memory>

#include "arguments.h"
#include "bindings.h"
#include "contract.h"

namespace kith {
namespace {

constexpr size_t kSignatureLength = 64;
constexpr size_t kHmacBlock = 64;  // RFC 2104: B of SHA-256
constexpr uint8_t kInnerPad = 0x36, kOuterPad = 0x5c;

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* pointer) const { release(pointer); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using HashContext = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX, EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Release<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>>;

struct ErrorMark {
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
};

// Looked up once: a look-up by name costs as much as hashing a few hundred octets.
const EVP_MD* Sha256Method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

const EVP_CIPHER* CipherMethod(int32_t cipher) {
  static const EVP_CIPHER* const aes = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  static const EVP_CIPHER* const chacha = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return cipher == kAes256Gcm ? aes : cipher == kChacha20Poly1305 ? chacha : nullptr;
}

// x25519Public(private key, public key out)
int32_t X25519Public(Arguments& arguments) {
  const uint8_t* secret = arguments.Exactly(kKeyLength);
  uint8_t* out = arguments.Exactly(kKeyLength);
  if (!arguments.ok) return 0;
  const ErrorMark mark;
  KeyPointer key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret, kKeyLength));
  size_t length = kKeyLength;
  return key != nullptr && EVP_PKEY_get_raw_public_key(key.get(), out, &length) == 1;
}

// A pair as it is: from the private half alone OpenSSL would compute the other again.
KeyPointer KeyPair(const uint8_t* secret, const uint8_t* open) {
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr));
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1) return nullptr;
  OSSL_PARAM parts[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<uint8_t*>(open),
                                        kKeyLength),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, const_cast<uint8_t*>(secret),
                                        kKeyLength),
      OSSL_PARAM_construct_end(),
  };
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parts);
  return KeyPointer(key);
}

// x25519(private key, its public key, their public key, shared secret out)
int32_t X25519(Arguments& arguments) {
  const uint8_t* secret = arguments.Exactly(kKeyLength);
  const uint8_t* open = arguments.Exactly(kKeyLength);
  const uint8_t* theirs = arguments.Exactly(kKeyLength);
  uint8_t* out = arguments.Exactly(kKeyLength);
  if (!arguments.ok) return 0;
  const ErrorMark mark;
  const KeyPointer own = KeyPair(secret, open);
  const KeyPointer peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, theirs, kKeyLength));
  if (own == nullptr || peer == nullptr) return 0;
  const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr));
  size_t length = kKeyLength;
  // RFC 7748 section 6.1: an all-zero result is refused. OpenSSL does; we look too.
  static const uint8_t kZeros[kKeyLength] = {};
  return context != nullptr && EVP_PKEY_derive_init(context.get()) == 1 &&
         EVP_PKEY_derive_set_peer(context.get(), peer.get()) == 1 &&
         EVP_PKEY_derive(context.get(), out, &length) == 1 && length == kKeyLength &&
         CRYPTO_memcmp(out, kZeros, kKeyLength) != 0;
}

// verifyEd25519(public key, message, signature)
int32_t VerifyEd25519(Arguments& arguments) {
  size_t length = 0, signatureLength = 0;
  const uint8_t* open = arguments.Exactly(kKeyLength);
  const uint8_t* message = arguments.Octets(&length);
  const uint8_t* signature = arguments.Octets(&signatureLength);
  if (!arguments.ok || signatureLength != kSignatureLength) return 0;
  const ErrorMark mark;
  const KeyPointer key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, open, kKeyLength));
  const HashContext context(EVP_MD_CTX_new());
  return key != nullptr && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature, signatureLength, message, length) == 1;
}

bool Hash(EVP_MD_CTX* context, const uint8_t* head, size_t headLength, const uint8_t* data,
          size_t length, uint8_t* out) {
  return EVP_DigestInit_ex(context, Sha256Method(), nullptr) == 1 &&
         EVP_DigestUpdate(context, head, headLength) == 1 &&
         EVP_DigestUpdate(context, data, length) == 1 &&
         EVP_DigestFinal_ex(context, out, nullptr) == 1;
}

// sha256(data, hash out)
int32_t Sha256(Arguments& arguments) {
  size_t length = 0;
  const uint8_t* data = arguments.Octets(&length);
  uint8_t* out = arguments.Exactly(kHashLength);
  if (!arguments.ok) return 0;
  const ErrorMark mark;
  const HashContext context(EVP_MD_CTX_new());
  return context != nullptr && Hash(context.get(), data, 0, data, length, out);
}

// hmacSha256(key, data, code out): RFC 2104 section 2, as EVP_MAC costs three times as
// much for what handshakes put in.
int32_t HmacSha256(Arguments& arguments) {
  size_t keyLength = 0, length = 0;
  const uint8_t* key = arguments.Octets(&keyLength);
  const uint8_t* data = arguments.Octets(&length);
  uint8_t* out = arguments.Exactly(kHashLength);
  if (!arguments.ok) return 0;
  const ErrorMark mark;
  const HashContext context(EVP_MD_CTX_new());
  uint8_t inner[kHmacBlock] = {}, outer[kHmacBlock], digest[kHashLength];
  bool done = context != nullptr;
  if (keyLength > kHmacBlock) {
    done = done && Hash(context.get(), key, 0, key, keyLength, inner);
  } else {
    memcpy(inner, key, keyLength);
  }
  for (size_t i = 0; i < kHmacBlock; i++) {
    outer[i] = inner[i] ^ kOuterPad;
    inner[i] ^= kInnerPad;
  }
  done = done && Hash(context.get(), inner, kHmacBlock, data, length, digest) &&
         Hash(context.get(), outer, kHmacBlock, digest, kHashLength, out);
  OPENSSL_cleanse(inner, sizeof inner);
  OPENSSL_cleanse(outer, sizeof outer);
  OPENSSL_cleanse(digest, sizeof digest);
  return done;
}

// cipher, key, nonce, additional data, input, output: the shorter of the two is `length`.
int32_t Transform(Arguments& arguments, bool seal) {
  size_t additionalLength = 0, inputLength = 0, outputLength = 0;
  const EVP_CIPHER* method = CipherMethod(arguments.Int());
  const uint8_t* key = arguments.Exactly(kKeyLength);
  const uint8_t* nonce = arguments.Exactly(kIvLength);
  const uint8_t* additional = arguments.Octets(&additionalLength);
  const uint8_t* input = arguments.Octets(&inputLength);
  uint8_t* output = const_cast<uint8_t*>(arguments.Octets(&outputLength));
  const size_t text = seal ? inputLength : outputLength;
  const size_t sealed = seal ? outputLength : inputLength;
  arguments.ok = arguments.ok && method != nullptr && sealed == text + kTagLength;
  if (!arguments.ok) return 0;
  const ErrorMark mark;
  const CipherContext context(EVP_CIPHER_CTX_new());
  if (context == nullptr) return 0;
  EVP_CIPHER_CTX* with = context.get();
  uint8_t* tag = seal ? output + text : const_cast<uint8_t*>(input) + text;
  uint8_t nothing[EVP_MAX_BLOCK_LENGTH];
  int length = 0;
  const bool done =
      EVP_CipherInit_ex(with, method, nullptr, key, nonce, seal) == 1 &&
      (seal || EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_AEAD_SET_TAG, kTagLength, tag) == 1) &&
      (additionalLength == 0 || EVP_CipherUpdate(with, nullptr, &length, additional,
                                                 static_cast<int>(additionalLength)) == 1) &&
      (text == 0 ||
       EVP_CipherUpdate(with, output, &length, input, static_cast<int>(text)) == 1) &&
      EVP_CipherFinal_ex(with, nothing, &length) == 1 &&
      (!seal || EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_AEAD_GET_TAG, kTagLength, tag) == 1);
  // What did not authenticate must not be read by mistake.
  if (!done && outputLength > 0) OPENSSL_cleanse(output, outputLength);
  return done;
}

int32_t SealOnce(Arguments& arguments) { return Transform(arguments, true); }
int32_t OpenOnce(Arguments& arguments) { return Transform(arguments, false); }

}  // namespace

bool DefineHandshake(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      Method("x25519Public", Call<X25519Public>), Method("x25519", Call<X25519>),
      Method("verifyEd25519", Call<VerifyEd25519>), Method("sha256", Call<Sha256>),
      Method("hmacSha256", Call<HmacSha256>),     Method("sealOnce", Call<SealOnce>),
      Method("openOnce", Call<OpenOnce>),
  };
  return napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) ==
         napi_ok;
}

}  // namespace kith
