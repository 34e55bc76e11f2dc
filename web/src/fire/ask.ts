/** Fires that burn now and simulations of fires, as the server tells them. */
import type { Palette } from '../air/indices';
import { RefusedError, get } from '../api/client';
import type { FireCollection, FireFeature, InstalledLandscapes, Legend, Problem, Simulation, Smoke } from '../api/schema';
import { currentLanguage } from '../text/text.svelte';

export const NEAR_KM = 100;
const MOST = 2000;
const HOUR = 3_600_000;
const KM_PER_DEGREE = 111.2;

/** Hours since a fire was seen up to which a colour holds; the last is for what is older. */
export const AGES = [3, 6, 12, 24];
export const AGE_COLOURS: Record<Palette, string[]> = {
  standard: ['#d9002b', '#ff6a00', '#ffb81c', '#8a6d5a'],
  safe: ['#ffe945', '#f98e09', '#bc3754', '#57106e'], // ever darker
};

export type Position = [number, number];
type Ring = Position[];

export interface Seen {
  feature: FireFeature;
  /** Since it was seen, by the server's clock. */
  ageHours: number;
}

export interface Fires {
  seen: Seen[];
  truncated: boolean;
  notes: string[];
}

/** Fires of the last 24 hours within a box. */
export async function askFires(bbox: string): Promise<Fires> {
  const told = await get<'/v1/fires', FireCollection>('/v1/fires', { bbox, limit: MOST });
  const end = Date.parse(told.end);
  const seen = told.features.map((feature) => ({ feature, ageHours: Math.max(0, end - Date.parse(feature.properties.time)) / HOUR }));
  return { seen, truncated: told.truncated, notes: told.notes };
}

/** The rings of an area, or of a point none. */
export function ringsOf(feature: FireFeature): Ring[] {
  const { type, coordinates } = feature.geometry;
  if (type === 'Polygon') return coordinates as Ring[];
  return type === 'MultiPolygon' ? (coordinates as Ring[][]).flat() : [];
}

/** Corners of an area, or the point. */
export function cornersOf(feature: FireFeature): Position[] {
  const rings = ringsOf(feature);
  return rings.length ? rings.flat() : [feature.geometry.coordinates as Position];
}

/** Whether a point lies within rings, holes left out (even-odd rule). */
export function isWithin([x, y]: Position, rings: Ring[]): boolean {
  let inside = false;
  for (const ring of rings)
    ring.forEach(([x1, y1], at) => {
      const [x2, y2] = ring[(at + 1) % ring.length]!;
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
    });
  return inside;
}

export interface Away extends Seen {
  km: number;
  /** Of eight, clockwise from the north. */
  direction: number;
}

interface Here {
  latitude: number;
  longitude: number;
}

/** How far and where a fire is: to the nearest corner of its outline, 0 within it. */
export function awayFrom(here: Here, one: Seen): Away {
  const scale = Math.cos((here.latitude * Math.PI) / 180);
  let [best, east, north] = [Infinity, 0, 0];
  for (const [x, y] of cornersOf(one.feature)) {
    const across = ((((x - here.longitude + 180) % 360) + 360) % 360) - 180;
    const [dx, dy] = [across * scale * KM_PER_DEGREE, (y - here.latitude) * KM_PER_DEGREE];
    const km = Math.hypot(dx, dy);
    if (km < best) [best, east, north] = [km, dx, dy];
  }
  if (isWithin([here.longitude, here.latitude], ringsOf(one.feature))) best = 0;
  const turn = (Math.atan2(east, north) / Math.PI) * 4;
  return { ...one, km: best, direction: (Math.round(turn) + 8) % 8 };
}

/** A box that holds everything within NEAR_KM. */
function boxAround({ latitude, longitude }: Here): string {
  const high = NEAR_KM / KM_PER_DEGREE;
  const wide = high / Math.max(0.01, Math.cos((latitude * Math.PI) / 180));
  const wrap = (x: number) => ((((x + 180) % 360) + 360) % 360) - 180;
  const [west, east] = wide >= 180 ? [-180, 180] : [wrap(longitude - wide), wrap(longitude + wide)];
  return [west, Math.max(-90, latitude - high), east, Math.min(90, latitude + high)].map((one) => one.toFixed(3)).join();
}

/** Fires within NEAR_KM, the nearest first. */
export async function firesNear(here: Here): Promise<Away[]> {
  const { seen } = await askFires(boxAround(here));
  const away = seen.map((one) => awayFrom(here, one));
  return away.filter((one) => one.km <= NEAR_KM).sort((a, b) => a.km - b.km);
}

export const askSimulation = (key: string): Promise<Simulation> =>
  get<'/v1/fire-simulations/{key}', Simulation>(`/v1/fire-simulations/${encodeURIComponent(key)}`);

/** What had burned by an hour. */
export interface Perimeter {
  type: 'Feature';
  geometry: { type: 'Polygon' | 'MultiPolygon'; coordinates: unknown };
  properties: { time: string; hours: number; area_ha: number };
}

export async function askPerimeters(simulation: Simulation): Promise<Perimeter[]> {
  const { perimeters } = simulation.links;
  if (!perimeters) return [];
  const told = (await get<'/v1/fire-simulations/{key}/perimeters.geojson'>(perimeters as '/v1/fire-simulations/x/perimeters.geojson')) as unknown as {
    features: Perimeter[];
  };
  return told.features;
}

/** Of an ensemble, by hour: between what the burned area lies in 8 of 10 members. */
export interface Areas {
  low: number[];
  high: number[];
}

export async function askAreas(simulation: Simulation): Promise<Areas | null> {
  const { summary } = simulation.links;
  if (!summary || !simulation.members) return null;
  const told = await get<'/v1/fire-simulations/{key}/summary'>(summary as '/v1/fire-simulations/x/summary');
  const found = told['uncertainty'] as { area_ha_q10?: number[]; area_ha_q90?: number[] } | undefined;
  return found?.area_ha_q10 && found.area_ha_q90 ? { low: found.area_ha_q10, high: found.area_ha_q90 } : null;
}

export const LAYERS = ['arrival', 'burn_probability', 'flame_length', 'smoke'] as const;
export type FireLayer = (typeof LAYERS)[number];

/** Layers that a simulation has tiles of; a chance only of an ensemble. */
export const layersOf = (simulation: Simulation): FireLayer[] =>
  LAYERS.filter((layer) => simulation.links.tiles.some((one) => one.includes(`/tiles/${layer}/`)) && (layer !== 'burn_probability' || simulation.members > 0));

export function tilesOf(simulation: Simulation, layer: FireLayer, hour: number): string | null {
  const found = simulation.links.tiles.find((one) => one.includes(`/tiles/${layer}/`));
  return found ? `${location.origin}${found}${layer === 'smoke' ? `?hour=${hour}` : ''}` : null;
}

export const askLegend = (simulation: Simulation, layer: FireLayer): Promise<Legend> =>
  get<'/v1/fire-simulations/{key}/tiles/{layer}/legend', Legend>(`${simulation.links.self}/tiles/${layer}/legend` as '/v1/fire-simulations/x/tiles/y/legend');

export const askSmoke = (simulation: Simulation): Promise<Smoke | null> =>
  simulation.links.smoke ? get<'/v1/fire-simulations/{key}/smoke', Smoke>(simulation.links.smoke as '/v1/fire-simulations/x/smoke') : Promise.resolve(null);

export const askLandscapes = (): Promise<InstalledLandscapes> => get<'/v1/fire-landscapes', InstalledLandscapes>('/v1/fire-landscapes');

export interface Ignition {
  landscape: string;
  place: Here;
  hours: number;
  members: number;
  windKmH: number;
  windFrom: number;
  celsius: number;
  humidity: number;
}

/** Ask for a simulation that begins now. */
export async function askIgnition(asked: Ignition): Promise<Simulation> {
  const start = new Date(Math.floor(Date.now() / HOUR) * HOUR).toISOString();
  const body = {
    landscape: asked.landscape,
    ignition: { type: 'Point', coordinates: [asked.place.longitude, asked.place.latitude] },
    start,
    hours: asked.hours,
    members: asked.members,
    weather: {
      time: [start],
      wind_speed_m_s: [asked.windKmH / 3.6],
      wind_from_degrees: [asked.windFrom],
      temperature_c: [asked.celsius],
      relative_humidity_percent: [asked.humidity],
    },
  };
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch('/v1/fire-simulations', { method: 'POST', headers, body: JSON.stringify(body) });
  if (!reply.ok) throw new RefusedError(reply.status, (await reply.json().catch(() => null)) as Problem | null);
  return (await reply.json()) as Simulation;
}

/** Cancel a simulation that goes on, by the id that it was made with. */
export const endSimulation = (id: string): Promise<unknown> => fetch(`/v1/fire-simulations/${encodeURIComponent(id)}`, { method: 'DELETE' });

const unit = (value: number, name: string, digits: number): string =>
  new Intl.NumberFormat(currentLanguage(), { style: 'unit', unit: name, maximumFractionDigits: digits }).format(value);

export const formatArea = (hectares: number): string => unit(hectares, 'hectare', hectares < 10 ? 1 : 0);
export const formatHours = (hours: number): string => unit(hours, 'hour', 1);
