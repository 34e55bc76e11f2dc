/** The values shown, where they came from and when; asked again while the page is looked at. */
import { UnreachableError, get } from '../api/client';
import type { PlacesFound } from '../api/schema';
import { first } from '../app/first';
import { keep, kept } from '../app/settings.svelte';
import { type Answers, type Outlook, type Place, askAnswers, makeOutlook } from './outlook';

export type Trouble = 'offline' | 'down' | 'empty' | null;

const LAST = 'brise.last';
const KEPT_MOST = 12;
const REFRESH_MS = 5 * 60_000;
const AGAIN_MS = 20_000;

interface Kept {
  place: Place;
  answers: Answers;
  received: number;
}

export const air: { place: Place | null; outlook: Outlook | null; trouble: Trouble; loading: boolean; clock: number } = $state({
  place: null,
  outlook: null,
  trouble: null,
  loading: false,
  clock: Date.now(),
});

const nameOf = (place: Place): string => `${place.latitude.toFixed(4)},${place.longitude.toFixed(4)}`;

/** A place as precisely as the address tells it: ten metres. */
const rounded = (place: Place): Place => ({
  ...place,
  latitude: +place.latitude.toFixed(4),
  longitude: +place.longitude.toFixed(4),
});

export const isSame = (one: Place, other: Place): boolean => nameOf(one) === nameOf(other);

function remember(place: Place, answers: Answers, received: number): void {
  const known = kept<Record<string, Kept>>(LAST) ?? {};
  known[nameOf(place)] = { place, answers, received };
  const rows = Object.entries(known).sort(([, a], [, b]) => b.received - a.received);
  keep(LAST, Object.fromEntries(rows.slice(0, KEPT_MOST)));
}

/** The last values that this device had of a place. */
export function lastOf(place: Place): Outlook | null {
  const one = kept<Record<string, Kept>>(LAST)?.[nameOf(place)];
  return one ? makeOutlook(place, one.answers, one.received) : null;
}

/** The place this device last had values of. */
export function lastPlace(): Place | null {
  const rows = Object.values(kept<Record<string, Kept>>(LAST) ?? {});
  return rows.sort((a, b) => b.received - a.received)[0]?.place ?? null;
}

/** Why no answer came. */
export const troubleOf = (error: unknown): Trouble =>
  error instanceof UnreachableError ? (navigator.onLine ? 'down' : 'offline') : 'empty';

let asked = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Show a place: what is at hand at once, then what the server says now. */
export async function show(asking: Place, fresh?: Answers): Promise<void> {
  const mine = ++asked;
  const place = rounded(asking);
  clearTimeout(timer);
  air.place = place;
  const shown = air.outlook;
  if (fresh) settle(place, fresh);
  else if (!shown || !isSame(shown.place, place)) {
    air.outlook = lastOf(place);
    air.trouble = null;
  }
  let pause = REFRESH_MS;
  if (!fresh) {
    air.loading = true;
    try {
      const answers = await askAnswers(place);
      if (mine === asked) settle(place, answers);
    } catch (error) {
      if (mine !== asked) return;
      air.trouble = troubleOf(error);
      pause = AGAIN_MS;
    }
    air.loading = false;
  }
  if (mine === asked) timer = setTimeout(() => void refresh(), pause);
}

function settle(place: Place, answers: Answers): void {
  const received = Date.now();
  air.outlook = makeOutlook(place, answers, received);
  air.trouble = null;
  air.clock = received;
  remember(place, answers, received);
}

/** Ask again, unless nobody looks: then when somebody does. */
export async function refresh(): Promise<void> {
  if (air.place && !document.hidden) await show(air.place);
}

/** Begin: at the place asked for, else where the reader last was, else where the server proposes; with what came in the page if it is for there. */
export function begin(place: Place | null): Place | null {
  const { current, forecast, history } = first;
  const sent = first.place && rounded(first.place);
  const here = place ?? lastPlace() ?? sent ?? null;
  if (!here) return null;
  const fits = sent && current && forecast && isSame(sent, here);
  void show(fits ? { ...sent, ...here } : here, fits ? { current, forecast, history: history ?? null } : undefined);
  return here;
}

/** Name a point by the city it is in or near. */
export async function namePlace(latitude: number, longitude: number): Promise<Place> {
  const { places } = await get<'/v1/places/near', PlacesFound>('/v1/places/near', { latitude, longitude });
  const city = places[0];
  if (!city) return { latitude, longitude };
  return { latitude, longitude, name: city.name, country: city.country, timezone: city.timezone, near: true };
}

export function watch(): void {
  setInterval(() => (air.clock = Date.now()), 30_000);
  document.addEventListener('visibilitychange', () => {
    air.clock = Date.now();
    if (!document.hidden && air.outlook && Date.now() - air.outlook.received > REFRESH_MS) void refresh();
  });
  addEventListener('online', () => void refresh());
  addEventListener('offline', () => (air.trouble = air.outlook ? 'offline' : air.trouble));
}
