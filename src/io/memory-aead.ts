/**
 * Key slots, seals and opens by @noble/ciphers: the readable reference that the
 * addon's are held against. Read first: RFC 5116 (the interface), RFC 8446
 * section 5.3 (the nonce).
 */
import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { CipherId, IV_LENGTH, JOB_STRIDE, Job, KEY_LENGTH, KEY_SLOTS } from './contract.ts';

interface Key {
  readonly cipher: typeof gcm | typeof chacha20poly1305;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

export class MemoryAead {
  readonly #keys = new Map<number, Key>();

  setKey(slot: number, cipher: CipherId, key: Uint8Array, iv: Uint8Array): void {
    if (!(slot >= 0 && slot < KEY_SLOTS)) throw new RangeError(`no key slot ${slot}`);
    if (key.length !== KEY_LENGTH || iv.length !== IV_LENGTH) {
      throw new RangeError(`a key has ${KEY_LENGTH} octets and an IV ${IV_LENGTH}`);
    }
    this.clearKey(slot);
    this.#keys.set(slot, {
      cipher: cipher === CipherId.aes256gcm ? gcm : chacha20poly1305,
      key: key.slice(),
      iv: iv.slice(),
    });
  }

  clearKey(slot: number): void {
    this.#keys.get(slot)?.key.fill(0);
    this.#keys.delete(slot);
  }

  clear(): void {
    for (const slot of [...this.#keys.keys()]) this.clearKey(slot);
  }

  /**
   * Runs the first `count` jobs.
   * @param growth octets by which the output is longer: TAG_LENGTH seals, -TAG_LENGTH opens
   * @returns the number of jobs that failed
   */
  run(slab: Uint8Array, jobs: Int32Array, count: number, growth: number): number {
    let failed = 0;
    for (let at = 0; at < count * JOB_STRIDE; at += JOB_STRIDE) {
      const result = this.#transform(slab, jobs.subarray(at, at + JOB_STRIDE), growth);
      jobs[at + Job.result] = result;
      if (result < 0) failed++;
    }
    return failed;
  }

  #transform(slab: Uint8Array, job: Int32Array, growth: number): number {
    const key = this.#keys.get(job[Job.keySlot]);
    const [aad, aadLength] = [job[Job.aadOffset], job[Job.aadLength]];
    const [input, inputLength] = [job[Job.inputOffset], job[Job.inputLength]];
    const [more, moreLength] = [job[Job.moreOffset], job[Job.moreLength]];
    const output = job[Job.outputOffset];
    const outputLength = inputLength + moreLength + growth;
    const holds = (offset: number, length: number) =>
      offset >= 0 && length >= 0 && offset + length <= slab.length;
    const inside =
      holds(aad, aadLength) && holds(input, inputLength) && holds(output, outputLength);
    const overlaps =
      input !== output && input < output + outputLength && output < input + inputLength;
    const apart = more >= output + outputLength || output >= more + moreLength;
    const moreFits = moreLength === 0 || (growth > 0 && holds(more, moreLength) && apart);
    if (!key || !inside || overlaps || !moreFits) return -1;

    const nonce = key.iv.slice();
    const view = new DataView(nonce.buffer);
    view.setUint32(4, view.getUint32(4) ^ job[Job.numberHigh]);
    view.setUint32(8, view.getUint32(8) ^ job[Job.numberLow]);
    const cipher = key.cipher(key.key, nonce, slab.slice(aad, aad + aadLength));
    const text = new Uint8Array(inputLength + moreLength);
    text.set(slab.subarray(input, input + inputLength));
    if (moreLength > 0) text.set(slab.subarray(more, more + moreLength), inputLength);
    try {
      slab.set(growth > 0 ? cipher.encrypt(text) : cipher.decrypt(text), output);
      return outputLength;
    } catch {
      slab.fill(0, output, output + outputLength);
      return -1;
    }
  }
}
