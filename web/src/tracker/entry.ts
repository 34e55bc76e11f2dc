/** The tracker pages, once their messages are here. */
import TrackerPage from './TrackerPage.svelte';
import { loadWords } from './words';

export async function open(): Promise<typeof TrackerPage> {
  await loadWords();
  return TrackerPage;
}
