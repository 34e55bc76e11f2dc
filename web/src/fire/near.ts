/** The card of fires near a place, once its messages are here. */
import NearFires from './NearFires.svelte';
import { loadWords } from './words';

export async function open(): Promise<typeof NearFires> {
  await loadWords();
  return NearFires;
}
