/**
 * Who may read what: how far what hangs on a port is trusted with frames, and who
 * says that an address is of a host of its own.
 *
 * Ours; docs/protocol/link.md, section "Claims and confinement", has the rule.
 *
 *   local     clients and TAPs: our own hosts
 *   absent    a link to a friend without a session
 *   sealed    a link that nobody but the friend reads, who shares a security group
 *   clear     a link in the clear, of a node that is in no group: it bridges as ever
 *   confined  a link in the clear, of a node that is in a group: unicast of ours and of
 *             members leaves by it only to the friend's own hosts
 */

export const PortTrust = { local: 0, absent: 1, sealed: 2, clear: 3, confined: 4 } as const;
export type PortTrust = (typeof PortTrust)[keyof typeof PortTrust];

/** Which way a frame came to us. */
export const Origin = {
  /** From a client or a TAP of ours. */
  local: 0,
  /** Over a sealed link. */
  sealed: 1,
  /** In the clear: whoever is on the path has read it, and may have made it up. */
  clear: 2,
} as const;
export type Origin = (typeof Origin)[keyof typeof Origin];

/** Who has said that an address is of a host of its own. Asked on the path of frames. */
export interface HostClaims {
  /** Claims that are held; 0 lets the forwarder ask nothing. */
  readonly size: number;
  /**
   * The port whose own host has the address: a local one, or a friend's link. Who is trusted
   * more comes first. NO_PORT when nobody has claimed it.
   */
  lookup(high: number, low: number, vid: number): number;
  /** The same, but claims over links in the clear do not count. */
  lookupTrusted(high: number, low: number, vid: number): number;
  /** An address is new on a port, or has moved there. */
  learned(high: number, low: number, vid: number, port: number): void;
}

/** For a switch without friends. */
export const NO_CLAIMS: HostClaims = {
  size: 0,
  lookup: () => 0,
  lookupTrusted: () => 0,
  learned: () => {},
};
