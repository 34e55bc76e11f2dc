/** Which page is shown and for what, all of it in the address, so that a link shows the same. */
import type { Place } from '../air/outlook';

export type Page = 'now' | 'map' | 'places' | 'place' | 'settings' | 'tracker' | 'alerts';

const PATHS: Record<Page, string> = {
  now: '/',
  map: '/map',
  places: '/places',
  place: '/place',
  settings: '/settings',
  tracker: '/tracker',
  alerts: '/alerts',
};

let url = $state(new URL(location.href));

export const page = (): Page =>
  (Object.entries(PATHS).find(([, path]) => path === url.pathname)?.[0] as Page | undefined) ?? 'now';

export const parameter = (name: string): string | null => url.searchParams.get(name);

/** The place in the address: `at=latitude,longitude`, with what is known of it. */
export function addressedPlace(): Place | null {
  const [latitude, longitude] = (parameter('at') ?? '').split(',').map(Number);
  if (latitude === undefined || longitude === undefined) return null;
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null;
  const place: Place = { latitude, longitude };
  const name = parameter('name');
  const zone = parameter('zone');
  if (name) place.name = name;
  if (parameter('country')) place.country = parameter('country') ?? undefined;
  if (zone && isZone(zone)) place.timezone = zone;
  if (parameter('near')) place.near = true;
  return place;
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

export function placeQuery(place: Place): Record<string, string | null> {
  return {
    at: `${+place.latitude.toFixed(4)},${+place.longitude.toFixed(4)}`,
    name: place.name ?? null,
    country: place.country ?? null,
    zone: place.timezone ?? null,
    near: place.near ? '1' : null,
  };
}

/** The address of a page: its parameters added to those of the place shown now. */
export function addressOf(target: Page, changes: Record<string, string | null> = {}): string {
  const next = new URLSearchParams();
  for (const name of ['at', 'name', 'country', 'zone', 'near', 'scale']) {
    const value = parameter(name);
    if (value !== null) next.set(name, value);
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.delete(name);
    else next.set(name, value);
  }
  const text = next.toString().replace(/%2C/g, ',').replace(/%2F/g, '/');
  return text ? `${PATHS[target]}?${text}` : PATHS[target];
}

/** Go to a page of the app. */
export function go(target: Page, changes: Record<string, string | null> = {}): void {
  history.pushState(null, '', addressOf(target, changes));
  url = new URL(location.href);
  scrollTo(0, 0);
  document.getElementById('content')?.focus({ preventScroll: true });
}

/** Change parameters of this page without a step in the history. */
export function note(changes: Record<string, string | null>): void {
  const next = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  const text = next.searchParams.toString().replace(/%2C/g, ',').replace(/%2F/g, '/');
  history.replaceState(null, '', text ? `${next.pathname}?${text}` : next.pathname);
  url = new URL(location.href);
}

/** Links to the app's own pages change the page without loading it anew. */
export function follow(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || event.defaultPrevented || event.button !== 0 || link.target || link.hasAttribute('download')) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || !Object.values(PATHS).includes(link.pathname)) return;
  event.preventDefault();
  history.pushState(null, '', link.href);
  url = new URL(location.href);
  scrollTo(0, 0);
  document.getElementById('content')?.focus({ preventScroll: true });
}

addEventListener('popstate', () => (url = new URL(location.href)));
