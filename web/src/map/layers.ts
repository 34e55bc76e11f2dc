/** What the map can show, from the server: layers, their colours and hours, stations and their values. */
import type { ExpressionSpecification } from 'maplibre-gl';
import { type Palette, bandColour, indexNamed, isScale, symbol } from '../air/indices';
import { address, get } from '../api/client';
import type { Legend, MapLayers, MapStations, MapValues } from '../api/schema';
import { keep, kept } from '../app/settings.svelte';
import { type Key, say } from '../text/text.svelte';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const RAIN_STEP = 5;

export const isRain = (layer: string): boolean => layer.startsWith('rain_');

export function layerTitle(layer: string): string {
  if (isScale(layer)) return indexNamed(layer).title;
  return isRain(layer) ? say(`map.${layer}` as Key) : symbol(layer);
}

/** One colour of a legend: what it is called, and where it begins. */
export interface Swatch {
  colour: string;
  value: number | null;
  key: string | null;
}

export interface Colours {
  layer: string;
  unit: string | null;
  /** Between two swatches colours go evenly with the value's square root. */
  smooth: boolean;
  swatches: Swatch[];
}

const paletteName = (palette: Palette): string => (palette === 'safe' ? 'safe' : 'default');

/** The colours of a layer: of an index from its bands, else as the server says. */
export async function askColours(layer: string, palette: Palette): Promise<Colours> {
  if (isScale(layer)) {
    const index = indexNamed(layer);
    const lower = (place: number) => (!index.hasValue ? null : place ? index.bands[place - 1]!.upper : 0);
    const swatches = index.bands.map((band, place) => ({ colour: bandColour(band, palette), value: lower(place), key: band.key }));
    return { layer, unit: null, smooth: false, swatches };
  }
  const { unit, smooth, stops } = await get<'/v1/tiles/{layer}/legend', Legend>(`/v1/tiles/${layer}/legend`, {
    palette: paletteName(palette),
  });
  return { layer, unit, smooth, swatches: stops };
}

/** Colour of a station by its `value`, or of an index by its `category`; grey where unknown. */
export function circleColour({ layer, swatches }: Colours, unknown: string): ExpressionSpecification {
  if (isScale(layer)) {
    const pairs = swatches.flatMap(({ colour }, place) => [place, colour]);
    return ['match', ['get', 'category'], ...pairs, unknown] as unknown as ExpressionSpecification;
  }
  const stops = swatches.flatMap(({ value, colour }) => [Math.sqrt(value ?? 0), colour]);
  const ramp = ['interpolate', ['linear'], ['sqrt', ['max', 0, ['get', 'value']]], ...stops];
  return ['case', ['==', ['get', 'value'], null], unknown, ramp] as unknown as ExpressionSpecification;
}

export interface Span {
  first: number;
  last: number;
  step: number;
}

/** The data's now, ms; a replay runs elsewhere in time. */
export const serverNow = (offer: MapLayers, received: number): number =>
  Date.parse(offer.now) + (Date.now() - received) * offer.clock_speed;

/** What a lead counts in, ms. */
export const unitOf = (layer: string): number => (isRain(layer) ? MINUTE : HOUR);

/** The start of what is now: the hour, of rain the five minutes. */
export function startOfNow(layer: string, now: number): number {
  const span = isRain(layer) ? RAIN_STEP * MINUTE : HOUR;
  return Math.floor(now / span) * span;
}

/** Leads that some area offers, relative to now. */
export function spanOf(offer: MapLayers, layer: string, now: number): Span {
  const areas = isRain(layer) ? offer.rain : offer.air;
  const [unit, start, step] = [unitOf(layer), startOfNow(layer, now), isRain(layer) ? RAIN_STEP : 1];
  const first = Math.min(0, ...areas.map((area) => Math.ceil((Date.parse(area.first_time) - start) / unit)));
  const last = Math.max(0, ...areas.map((area) => Math.floor((Date.parse(area.last_time) - start) / unit)));
  return { first: isRain(layer) ? 0 : first, last: isRain(layer) ? Math.floor(last / step) * step : last, step };
}

const iso = (when: number): string => `${new Date(when).toISOString().slice(0, 16)}Z`;

export const tileAddress = (layer: string, when: number, palette: Palette): string =>
  location.origin +
  address<'/v1/tiles/{layer}/{z}/{x}/{y}.png'>('/v1/tiles/{layer}/{z}/{x}/{y}.png', {
    time: iso(when),
    palette: paletteName(palette),
  }).replace('{layer}', layer);

export const askOffer = (): Promise<MapLayers> => get<'/v1/map/layers', MapLayers>('/v1/map/layers');

export interface Stations {
  list: MapStations;
  values: MapValues;
}

/** What the map last showed of now, for when nothing answers. */
export interface Last {
  offer: MapLayers;
  stations: Stations;
  colours: Colours;
  /** When this device had it. */
  received: number;
}

const LAST = 'brise.map';
const KEPT_MOST = 3000; // stations: about half a megabyte

export const lastShown = (): Last | null => kept<Last>(LAST);

export function keepShown(last: Last): void {
  if (last.stations.list.id.length <= KEPT_MOST) keep(LAST, last);
}

let known: MapStations | null = null;

/** The stations with their values at an hour; the list is asked again only when it changed. */
export async function askStations(layer: string, when: number): Promise<Stations> {
  const values = await get<'/v1/map/values', MapValues>('/v1/map/values', { layer, time: iso(when) });
  if (known?.tag !== values.tag) known = await get<'/v1/map/stations', MapStations>('/v1/map/stations');
  if (known.tag !== values.tag || known.id.length !== values.value.length) {
    // a run was published between the two
    known = null;
    return askStations(layer, when);
  }
  return { list: known, values };
}
