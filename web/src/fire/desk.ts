/** Fires on the map, once their messages are here. */
import FireDesk from './FireDesk.svelte';
import { loadWords } from './words';

export async function open(): Promise<typeof FireDesk> {
  await loadWords();
  return FireDesk;
}
