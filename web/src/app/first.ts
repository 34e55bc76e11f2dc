/** What the server put into the page: the place, its values, and what it offers beyond the air. */
import type { Answers, Place } from '../air/outlook';
import { keep, kept } from './settings.svelte';

export interface First extends Partial<Answers> {
  place?: Place;
  offers?: string[];
}

const OFFERS = 'brise.offers';

export const first: First = JSON.parse(document.getElementById('first')?.textContent ?? '{}') as First;

/** What this server offers; the shell that is kept offline remembers what it last said. */
const offers = first.offers ?? kept<string[]>(OFFERS) ?? [];
if (first.offers) keep(OFFERS, first.offers);

export const isOffered = (name: string): boolean => offers.includes(name);
