/** Where the map looks, as the address says it, so that a link shows the same. */
import { parameter } from '../app/address.svelte';

export interface View {
  latitude: number;
  longitude: number;
  zoom: number;
}

export const MIN_ZOOM = 1;
export const MAX_ZOOM = 14;

function number(name: string, low: number, high: number): number | null {
  const text = parameter(name);
  const value = Number(text);
  return text !== null && text !== '' && value >= low && value <= high ? value : null;
}

/** The view in the address; null where it has none. */
export function addressedView(): View | null {
  const [latitude, longitude] = [number('lat', -85, 85), number('lon', -180, 180)];
  if (latitude === null || longitude === null) return null;
  return { latitude, longitude, zoom: number('zoom', MIN_ZOOM, MAX_ZOOM) ?? 8 };
}

/** Hours (of rain: minutes) after now in the address. */
export const addressedLead = (): number => Math.round(number('lead', -24, 120) ?? 0);

export const viewQuery = (view: View): Record<string, string> => ({
  lat: view.latitude.toFixed(3),
  lon: view.longitude.toFixed(3),
  zoom: view.zoom.toFixed(1),
});
