/** The counters of a node in one flat record, for `kith status` and for programs. */
import { PORT_TABLE_LENGTH } from '../switch/port.ts';
import type { NodeParts } from './node-parts.ts';

type Parts = Pick<NodeParts, 'dataPlane' | 'core' | 'plaintext' | 'taps' | 'vde'>;

export async function nodeCounters(parts: Parts): Promise<Record<string, number>> {
  const { dataPlane, core, plaintext, taps, vde } = parts;
  await plaintext.look();
  const io = await dataPlane.ioCounters();
  const dropped = dataPlane.noticesDropped;
  let vdeRefused = 0;
  for (const count of vde.refusals().values()) vdeRefused += count;
  const sums: Record<string, number> = {};
  for (let port = 1; port < PORT_TABLE_LENGTH; port++) {
    if (dataPlane.counters.value(port, 0) === 0 && dataPlane.counters.value(port, 2) === 0)
      continue;
    for (const [name, value] of Object.entries(dataPlane.counters.read(port))) {
      sums[name] = (sums[name] ?? 0) + value;
    }
  }
  return {
    ...sums,
    ...prefixed('io', io),
    ...prefixed('handshake', { ...core.handshakes.counters }),
    ...prefixed('core', { ...core.counters, ...core.relays.counters }),
    clearOctetsIn: plaintext.totals.in,
    clearOctetsOut: plaintext.totals.out,
    noticesDroppedStrangers: dropped.strangers,
    noticesDroppedFriends: dropped.friends,
    vdeRefused,
    tapsLost: taps.lost,
  };
}

/** Names with where the counter is from: `ioSends`. */
function prefixed(
  prefix: string,
  values: Readonly<Record<string, number>>,
): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    result[`${prefix}${name[0].toUpperCase()}${name.slice(1)}`] = value;
  }
  return result;
}
