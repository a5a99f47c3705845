/** What is said of claims over links: friends hear of our hosts, and we of theirs (claims.ts). */
import { PacketType } from '../links/packet.ts';
import type { Claims } from './claims.ts';
import type { LinkPorts } from './link-ports.ts';
import type { LinkSession } from './remote-session.ts';

export class ClaimTalk {
  readonly #slab: Uint8Array;
  readonly #claims: Claims;
  readonly #links: LinkPorts;

  constructor(slab: Uint8Array, claims: Claims, links: LinkPorts) {
    this.#slab = slab;
    this.#claims = claims;
    this.#links = links;
  }

  /** A friend says which hosts it has. */
  receive(session: LinkSession, offset: number, length: number): void {
    const { clear } = this.#links.get(session.port) ?? session;
    this.#claims.receive(this.#slab, offset, length, session.port, !clear);
  }

  /** The port of a link sends through this session from now on. */
  sessionUsed(port: number, session: LinkSession): void {
    this.#claims.sessionUsed(port, session.clear);
    this.#tellHosts(port, session);
  }

  /** Ends a turn: friends hear of hosts that are new, or gone. */
  tellNews(): void {
    // What has closures takes memory as soon as it is called.
    if (this.#claims.own.hasNews) this.#spreadNews();
  }

  #spreadNews(): void {
    const { own } = this.#claims;
    for (const [port, session] of this.#links) {
      own.tellNews((packet) => this.#links.control(session, PacketType.claim, packet));
      this.#claims.told(port);
    }
    own.forgetNews();
  }

  /** Time has passed: looks after our hosts, and tells all of them where that is due. */
  tick(): void {
    this.#claims.tick();
    this.tellNews();
    for (const [port, session] of this.#links) this.#tellHosts(port, session);
  }

  #tellHosts(port: number, session: LinkSession): void {
    if (!this.#claims.takeList(port)) return;
    this.#claims.own.tellAll((packet) => {
      this.#links.control(session, PacketType.claim, packet);
    });
  }
}
