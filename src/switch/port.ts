/**
 * What every part of the switch agrees on about ports.
 *
 * Port numbers are 1 … MAX_PORT; 0 means "no port". Port States are those of
 * IEEE 802.1D-2004, 17.10 (Discarding, Learning, Forwarding) with one more for
 * a port that is not there or is switched off.
 */

/** Entries of a table indexed by port number. */
export const PORT_TABLE_LENGTH = 1024;

/** The greatest port number; 802.1D-2004 9.2.7 leaves 12 bits for it. */
export const MAX_PORT = PORT_TABLE_LENGTH - 1;

/** No port: what a lookup yields for an unknown address. */
export const NO_PORT = 0;

/**
 * The order matters: a port learns from `learning` up, and only the last one forwards.
 *
 *   disabled --> discarding --> learning --> forwarding
 *      ^             ^              |            |
 *      +-------------+--------------+------------+
 */
export const PortState = {
  disabled: 0,
  discarding: 1,
  learning: 2,
  forwarding: 3,
} as const;
export type PortState = (typeof PortState)[keyof typeof PortState];
