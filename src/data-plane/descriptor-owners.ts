/** What each descriptor of the worker of the ports belongs to. */
import { DescriptorKind } from '../io/contract.ts';
import type { CircuitEnd } from './circuits.ts';
import type { Endpoint } from './endpoint.ts';

export type Owner =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  | { readonly kind: 'datagrams' | 'listener' | 'stream' }
  | { readonly kind: 'circuit'; readonly end: CircuitEnd }
  /** Added, but not yet said what for. */
  | { readonly kind: 'frames'; readonly carrier: DescriptorKind };

/** The owner of a descriptor that has just been added. */
export function ownerOf(kind: DescriptorKind): Owner {
  switch (kind) {
    case DescriptorKind.stream:
      return { kind: 'stream' };
    case DescriptorKind.udp:
      return { kind: 'datagrams' };
    case DescriptorKind.listener:
      return { kind: 'listener' };
    default:
      return { kind: 'frames', carrier: kind };
  }
}
