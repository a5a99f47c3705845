/**
 * What is done about the tag of a frame at each port that it leaves by.
 *
 * Read first: IEEE 802.1Q-2018, 6.9 (tagging and untagging) and 8.8 (the untagged set).
 */

/** How a frame has to change for one egress port; see vlan-tag.ts for the means. */
export const TagAction = {
  keep: 0,
  /** Send it with a tag of `tci` added. */
  insert: 1,
  /** Send it without its tag. */
  strip: 2,
  /** Send it with the TCI of its tag replaced by `tci`. */
  replace: 3,
} as const;
export type TagAction = (typeof TagAction)[keyof typeof TagAction];
