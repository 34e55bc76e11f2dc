/** Simulations made on this device: the address has the id that only reads, the one that may cancel stays here. */
import { keep, kept } from '../app/settings.svelte';

const OWN = 'brise.fires';
const MOST = 20;

/** The id that may cancel a shared one; null where it was not made here. */
export const ownOf = (share: string): string | null => kept<Record<string, string>>(OWN)?.[share] ?? null;

export function keepOwn(share: string, id: string): void {
  const known = Object.entries(kept<Record<string, string>>(OWN) ?? {}).slice(1 - MOST);
  keep(OWN, Object.fromEntries([...known, [share, id]]));
}
