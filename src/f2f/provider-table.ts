/** The providers of links, by the schemes of their URLs, and what they listen on. */
import type { LinkProvider, Listening } from '../links/contract.ts';

export class ProviderTable {
  readonly #byScheme = new Map<string, LinkProvider>();
  readonly #listening: Listening[] = [];

  get byScheme(): ReadonlyMap<string, LinkProvider> {
    return this.#byScheme;
  }

  /** URLs that we listen on, with the ports in use. */
  get listening(): readonly string[] {
    return this.#listening.map(({ url }) => url);
  }

  add(provider: LinkProvider): void {
    this.#byScheme.set(provider.scheme, provider);
  }

  /** How good links of a provider are: lower is better. */
  preferenceOf(scheme: string): number {
    return this.#byScheme.get(scheme)?.preference ?? 0;
  }

  /**
   * @returns the URL, with the port in use
   * @throws KithError 'address'; RangeError for a scheme that no provider has
   */
  async listen(url: string): Promise<string> {
    const provider = this.#byScheme.get(url.slice(0, url.indexOf(':')));
    if (provider === undefined) throw new RangeError(`no provider for ${url}`);
    const listening = await provider.listen(url);
    this.#listening.push(listening);
    return listening.url;
  }

  close(): void {
    for (const provider of this.#byScheme.values()) provider.close();
  }
}
