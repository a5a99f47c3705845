/**
 * How the arena of the slab is cut for what leaves.
 *
 *   | area 0 | area 1 | … | headers |
 *
 * Each session that has something to send in a turn gets an area; in the last one are headers of
 * records whose payload is sent from where it lies.
 */
import { SlabLayout } from '../../io/contract.ts';

/** Octets of one staging area: a super-frame with the headers of its records. */
export const STAGING_LENGTH = 72 * 1024;

/** Areas of sessions. */
export const STAGING_AREAS = Math.floor(SlabLayout.arenaLength / STAGING_LENGTH) - 1;

/** Where the area of headers is. */
export const HEADERS_START = SlabLayout.arena + STAGING_AREAS * STAGING_LENGTH;
export const HEADERS_END = HEADERS_START + STAGING_LENGTH;
