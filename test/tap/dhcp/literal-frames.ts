/** Whole frames as octets, written down by hand and summed up by another program. */

/** 192 octets of sname and file, which nobody uses. */
const NAMES = '00'.repeat(192);
const CHADDR = '02000000002a 00000000000000000000';
const COOKIE = '63825363';

/** Options of ours that stand in each message but the RELEASE. */
const CLIENT_OPTIONS = '390205c0 3708 0103060f1a333a3b 0c05 6174746963 ff';

function frame(hex: string, length: number): Uint8Array {
  const octets = Buffer.from(hex.replaceAll(/\s+/g, ''), 'hex');
  return Uint8Array.from(Buffer.concat([octets, Buffer.alloc(length - octets.length)]));
}

/** Of the client 02:00:00:00:00:2a, called attic, with the server 192.0.2.1 at 02:00:00:00:00:01. */
export const DISCOVER = frame(
  `ffffffffffff 02000000002a 0800
   45000148 00000000 401179a6 00000000 ffffffff  0044 0043 0134 fdab
   01010600 12345678 0000 8000 00000000 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350101 3d07 0102000000002a ${CLIENT_OPTIONS}`,
  342,
);

export const SELECT = frame(
  `ffffffffffff 02000000002a 0800
   45000148 00000000 401179a6 00000000 ffffffff  0044 0043 0134 0f97
   01010600 12345678 0000 8000 00000000 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350103 3d07 0102000000002a 3204 c000020a 3604 c0000201 ${CLIENT_OPTIONS}`,
  342,
);

/** Three seconds after the exchange began. */
export const RENEW = frame(
  `020000000001 02000000002a 0800
   45000148 00000000 4011f599 c000020a c0000201  0044 0043 0134 3592
   01010600 12345678 0003 0000 c000020a 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350103 3d07 0102000000002a ${CLIENT_OPTIONS}`,
  342,
);

/** Nine seconds after the exchange began. */
export const REBIND = frame(
  `ffffffffffff 02000000002a 0800
   45000148 00000000 4011b79b c000020a ffffffff  0044 0043 0134 f78d
   01010600 12345678 0009 0000 c000020a 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350103 3d07 0102000000002a ${CLIENT_OPTIONS}`,
  342,
);

export const RELEASE = frame(
  `020000000001 02000000002a 0800
   45000148 00000000 4011f599 c000020a c0000201  0044 0043 0134 51bb
   01010600 12345678 0000 0000 c000020a 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350107 3d07 0102000000002a 3604 c0000201 ff`,
  342,
);

/** Somebody has 192.0.2.10 already. Without the broadcast flag, as nobody answers. */
export const DECLINE = frame(
  `ffffffffffff 02000000002a 0800
   45000148 00000000 401179a6 00000000 ffffffff  0044 0043 0134 a6c3
   01010600 12345678 0000 0000 00000000 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350104 3d07 0102000000002a 3204 c000020a 3604 c0000201 ff`,
  342,
);

/** One hour with T1 1800 s and T2 3150 s, and everything we ask for. */
export const ACK = frame(
  `ffffffffffff 020000000001 0800
   4500014f 00000000 4011b79d c0000201 ffffffff  0043 0044 013b e818
   02010600 12345678 0000 8000 00000000 c000020a 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350105 3604 c0000201 3304 00000e10 3a04 00000708 3b04 00000c4e 0104 ffffff00
   0304 c0000201 0608 c0000201c0000202 0f0b 6578616d706c652e6f7267 1a02 0578 ff`,
  349,
);

export const NAK = frame(
  `ffffffffffff 020000000001 0800
   45000148 00000000 4011b7a4 c0000201 ffffffff  0043 0044 0134 4f48
   02010600 12345678 0000 8000 00000000 00000000 00000000 00000000 ${CHADDR} ${NAMES} ${COOKIE}
   350106 3604 c0000201 ff`,
  342,
);

/** Does somebody have 192.0.2.10? */
export const PROBE = frame(
  `ffffffffffff 02000000002a 0806  0001 0800 06 04 0001
   02000000002a 00000000 000000000000 c000020a`,
  42,
);

/** 192.0.2.10 is mine. */
export const ANNOUNCEMENT = frame(
  `ffffffffffff 02000000002a 0806  0001 0800 06 04 0001
   02000000002a c000020a 000000000000 c000020a`,
  42,
);

/** 02:00:00:00:00:99 has 192.0.2.10, and says so to who asked; padded. */
export const ARP_REPLY = frame(
  `02000000002a 020000000099 0806  0001 0800 06 04 0002
   020000000099 c000020a 02000000002a 00000000`,
  60,
);
