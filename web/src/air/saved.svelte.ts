/** Places the reader saved, in their order; on this device alone. */
import { keep, kept } from '../app/settings.svelte';
import { isSame } from './air.svelte';
import type { Place } from './outlook';

const KEY = 'brise.places';
const MOST = 30;

export const saved: { places: Place[] } = $state({ places: kept<Place[]>(KEY) ?? [] });

export const isSaved = (place: Place): boolean => saved.places.some((one) => isSame(one, place));

function set(places: Place[]): void {
  saved.places = places.slice(0, MOST);
  keep(KEY, saved.places);
}

export const save = (place: Place): void => set([...saved.places.filter((one) => !isSame(one, place)), place]);

export const forget = (place: Place): void => set(saved.places.filter((one) => !isSame(one, place)));

/** Move the place at a position up (-1) or down (1). */
export function move(position: number, by: number): void {
  const places = [...saved.places];
  const [place] = places.splice(position, 1);
  if (!place) return;
  places.splice(Math.max(0, position + by), 0, place);
  set(places);
}
