/** A MAC address that an interface has at every start, and no other interface has. */
import { createHash } from 'node:crypto';
import { MAC_LENGTH } from '../switch/mac-address.ts';

/** Keeps this use of SHA-256 apart from any other of the same octets. */
const CONTEXT = 'kith tap\0';

/**
 * The first six octets of SHA-256("kith tap", 0, UID, 0, name), made a locally administered
 * address of one station (IEEE 802-2014, 8.2.2 and 8.4).
 * @param uid hexadecimal, as everywhere
 * @param name what the interface goes by in the node: a name may be there in each namespace
 */
export function defaultMac(uid: string, name: string): Uint8Array {
  const digest = createHash('sha256').update(`${CONTEXT}${uid}\0${name}`).digest();
  const mac = Uint8Array.from(digest.subarray(0, MAC_LENGTH));
  mac[0] = (mac[0] & 0xfc) | 0x02;
  return mac;
}
