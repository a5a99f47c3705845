/**
 * What `kith exec` and its process inside the namespaces say to each other, over the
 * channel that Node opens between them.
 *
 *    kith exec  -- run, then signals -->  inside
 *               <-- notes, then refused or ended --
 *
 * When the channel closes the other one is gone, however that came about.
 */
import type { ErrorCode } from '../../errors.ts';

/** All that the process inside has to know; checked already. */
export interface ExecPlan {
  /** The home of the node. */
  readonly home: string;
  /** The name of the interface. */
  readonly name: string;
  /** Addresses with prefixes, and perhaps `dhcp`. */
  readonly ip: readonly string[];
  readonly mac?: string;
  /** Octets of payload in a frame. */
  readonly mtu?: number;
  /** Numeric. */
  readonly gateway?: string;
  /** Numeric; wins over what DHCP says. */
  readonly dns: readonly string[];
  /** Whom the command runs as; absent: as root of the namespace. */
  readonly identity?: Identity;
  /** The program and its arguments. */
  readonly command: readonly string[];
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export type Order =
  | { readonly do: 'run'; readonly plan: ExecPlan }
  | { readonly do: 'signal'; readonly signal: NodeJS.Signals };

export type Report =
  /** Something the user may want to know; the command goes on. */
  | { readonly is: 'note'; readonly text: string }
  /** Why it could not start. */
  | { readonly is: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** The command has ended, and everything is put away. */
  | { readonly is: 'ended'; readonly code: number };

/** Signals that are passed on to the command. */
export const PASSED_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'];
