/** The drawn map: MapLibre GL, the bundled world, the field's tiles, stations, names. Knows nothing of the page. */
import type { FeatureCollection } from 'geojson';
import {
  type ExpressionSpecification,
  type GeoJSONSource,
  Map as DrawnMap,
  type MapMouseEvent,
  type RasterSourceSpecification,
  type RasterTileSource,
  type StyleSpecification,
  setWorkerUrl,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import worldUrl from 'world-atlas/countries-50m.json?url';
import type { MapCities, MapLayers } from '../api/schema';
import type { Stations } from './layers';
import { MAX_ZOOM, MIN_ZOOM, type View } from './view';
import { type World, bordersOf, landOf } from './world';

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };
const FIELDS = ['field-0', 'field-1'] as const;
const TAP_PX = 12;
const NO_PADDING = { top: 0, right: 0, bottom: 0, left: 0 };
const OPACITY = { light: 0.66, dark: 0.84 };

const LIGHT = { sea: '#d3dfe8', land: '#f1f1ee', coast: '#8b9ba8', border: '#b3bdc6', name: '#2b3a47', halo: '#f7f8f8', ring: '#14202b', unknown: '#9aa5af' };
const DARK = { sea: '#0a1016', land: '#1c252d', coast: '#4d5d6a', border: '#3b4954', name: '#d7e1e8', halo: '#10171d', ring: '#f2f6f9', unknown: '#6d7982' };
export const inksOf = (dark: boolean) => (dark ? DARK : LIGHT);

setWorkerUrl(workerUrl);

function style(dark: boolean): StyleSpecification {
  const inks = inksOf(dark);
  const empty = { type: 'geojson', data: NOTHING } as const;
  const field: RasterSourceSpecification = { type: 'raster', tiles: [], tileSize: 256, maxzoom: MAX_ZOOM };
  const raster = (id: (typeof FIELDS)[number]) =>
    ({
      id,
      type: 'raster',
      source: id,
      layout: { visibility: 'none' },
      paint: { 'raster-opacity': 0, 'raster-fade-duration': 0, 'raster-opacity-transition': { duration: 0 } },
    }) as const;
  return {
    version: 8,
    sources: {
      land: { ...empty, attribution: 'Natural Earth' },
      borders: empty,
      areas: empty,
      cities: empty,
      stations: empty,
      point: empty,
      'field-0': field,
      'field-1': field,
    },
    layers: [
      { id: 'sea', type: 'background', paint: { 'background-color': inks.sea } },
      { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': inks.land, 'fill-antialias': false } },
      raster('field-0'),
      raster('field-1'),
      { id: 'coast', type: 'line', source: 'land', paint: { 'line-color': inks.coast, 'line-width': 0.8 } },
      { id: 'borders', type: 'line', source: 'borders', paint: { 'line-color': inks.border, 'line-width': 0.8, 'line-dasharray': [3, 2] } },
      {
        id: 'areas',
        type: 'line',
        source: 'areas',
        minzoom: 4,
        paint: { 'line-color': inks.coast, 'line-width': 1, 'line-dasharray': [2, 2] },
      },
      {
        id: 'cities',
        type: 'symbol',
        source: 'cities',
        layout: {
          'text-field': ['get', 'name'],
          'text-font': ['system-ui'],
          'text-size': ['interpolate', ['linear'], ['get', 'rank'], 0, 15, 12, 12],
          'text-variable-anchor': ['bottom', 'top', 'left', 'right'],
          'text-radial-offset': 0.4,
          'text-padding': 10,
          'symbol-sort-key': ['get', 'rank'],
        },
        paint: { 'text-color': inks.name, 'text-halo-color': inks.halo, 'text-halo-width': 1.6 },
      },
      {
        id: 'stations',
        type: 'circle',
        source: 'stations',
        layout: { 'circle-sort-key': ['case', ['get', 'measured'], 1, 0] },
        paint: {
          'circle-color': inks.unknown,
          'circle-radius': radius(),
          'circle-stroke-color': inks.ring,
          'circle-stroke-width': ['case', ['get', 'measured'], 1.6, 0.7],
        },
      },
      {
        id: 'point',
        type: 'circle',
        source: 'point',
        paint: {
          'circle-radius': 13,
          'circle-color': 'transparent',
          'circle-stroke-color': inks.ring,
          'circle-stroke-width': 3,
        },
      },
    ],
  };
}

/** Larger as one comes nearer; what was not measured there is smaller. */
function radius(): ExpressionSpecification {
  const sized = (full: number) => ['case', ['get', 'measured'], full, full * 0.72];
  return ['interpolate', ['linear'], ['zoom'], 1, sized(2.6), 5, sized(4.5), 9, sized(8), 13, sized(13)] as unknown as ExpressionSpecification;
}

const points = (longitude: number[], latitude: number[], told: (place: number) => Record<string, unknown>): FeatureCollection => ({
  type: 'FeatureCollection',
  features: longitude.map((x, place) => ({
    type: 'Feature',
    geometry: { type: 'Point', coordinates: [x, latitude[place]!] },
    properties: told(place),
  })),
});

export interface Tapped {
  latitude: number;
  longitude: number;
  /** The station tapped, if one was. */
  station: string | null;
}

export interface Surface {
  map: DrawnMap;
  /** Sources and layers may be added. */
  ready: Promise<void>;
  setTheme(dark: boolean): void;
  /** Show the field of these tiles once they are here, so that nothing blinks between two hours; null: none. */
  setField(tiles: string | null): Promise<void>;
  setStations(stations: Stations | null, colour: ExpressionSpecification): void;
  setAreas(areas: MapLayers['air']): void;
  setCities(cities: MapCities): void;
  setPoint(at: Tapped | null): void;
  view(): View;
  box(): string;
  remove(): void;
}

export interface Listening {
  ontap: (at: Tapped) => void;
  /** Whether something that lies over the stations takes a tap at these pixels. */
  taken?: (x: number, y: number, at: Tapped) => boolean;
  onmove: () => void;
  words: Record<string, string>;
  /** Pixels at the bottom that lie under something: the middle is above them. */
  covered: number;
}

export function createSurface(container: HTMLElement, view: View, dark: boolean, listening: Listening): Surface {
  const map = new DrawnMap({
    container,
    style: style(dark),
    center: [view.longitude, view.latitude],
    zoom: view.zoom,
    minZoom: MIN_ZOOM,
    maxZoom: MAX_ZOOM,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    attributionControl: false,
    fadeDuration: 0,
    locale: listening.words,
  });
  Object.assign(container, { map }); // for the console, and for benchmarks/web/map.py
  map.setPadding({ ...NO_PADDING, bottom: listening.covered });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  const source = (name: string) => map.getSource(name) as GeoJSONSource;
  const ready = new Promise<void>((done) => map.once('load', () => done()));
  void ready.then(async () => {
    const world = (await (await fetch(worldUrl)).json()) as World;
    source('land').setData(landOf(world));
    source('borders').setData(bordersOf(world));
  });

  map.on('click', (event: MapMouseEvent) => {
    const { x, y } = event.point;
    const { lng, lat } = event.lngLat.wrap();
    if (listening.taken?.(x, y, { latitude: lat, longitude: lng, station: null })) return;
    const near = map.queryRenderedFeatures([[x - TAP_PX, y - TAP_PX], [x + TAP_PX, y + TAP_PX]], { layers: ['stations'] });
    const hit = near.at(-1);
    const [longitude, latitude] = hit?.geometry.type === 'Point' ? hit.geometry.coordinates : [lng, lat];
    listening.ontap({ latitude: latitude!, longitude: longitude!, station: (hit?.properties['name'] as string | undefined) ?? null });
  });
  map.on('mousemove', 'stations', () => (map.getCanvas().style.cursor = 'pointer'));
  map.on('mouseleave', 'stations', () => (map.getCanvas().style.cursor = ''));
  map.on('moveend', listening.onmove);

  const { setOpacity, ...drawnFields } = fields(map, ready, OPACITY[dark ? 'dark' : 'light']);
  return {
    map,
    ready,
    ...drawnFields,
    ...marks(map, ready, source),
    setTheme: (next) =>
      void ready.then(() => {
        setOpacity(OPACITY[next ? 'dark' : 'light']);
        for (const { id, paint } of style(next).layers as { id: string; paint?: Record<string, unknown> }[])
          for (const [name, value] of Object.entries(paint ?? {}))
            if (name.endsWith('color') && !(id === 'stations' && name === 'circle-color')) map.setPaintProperty(id, name as 'fill-color', value as string);
      }),
    view: () => ({ latitude: map.getCenter().lat, longitude: map.getCenter().wrap().lng, zoom: map.getZoom() }),
    box: () => {
      const bounds = map.getBounds();
      const whole = bounds.getEast() - bounds.getWest() >= 360;
      const wrap = (x: number) => ((((x + 180) % 360) + 360) % 360) - 180;
      const [west, east] = whole ? [-180, 180] : [wrap(bounds.getWest()), wrap(bounds.getEast())];
      return [west, Math.max(-90, bounds.getSouth()), east, Math.min(90, bounds.getNorth())].map((one) => one.toFixed(2)).join();
    },
    remove: () => map.remove(),
  };
}

/** Two sources take turns: one is shown while the other loads. */
function fields(map: DrawnMap, ready: Promise<void>, opacity: number): Pick<Surface, 'setField'> & { setOpacity: (next: number) => void } {
  const holds: [string | null, string | null] = [null, null];
  let front: 0 | 1 = 0;
  let asked = 0;
  const show = (place: 0 | 1, share: number) => {
    map.setLayoutProperty(FIELDS[place], 'visibility', 'visible');
    map.setPaintProperty(FIELDS[place], 'raster-opacity', share);
  };
  const hide = (place: 0 | 1) => {
    map.setLayoutProperty(FIELDS[place], 'visibility', 'none');
    holds[place] = null;
  };
  return {
    setOpacity(next) {
      opacity = next;
      if (holds[front] !== null) show(front, opacity);
    },
    async setField(tiles) {
      const mine = ++asked;
      await ready;
      const back = front === 0 ? 1 : 0;
      if (mine !== asked) return;
      if (holds[front] === tiles) return hide(back);
      if (tiles === null) return hide(front);
      if (holds[back] !== tiles) {
        holds[back] = tiles;
        const source = map.getSource(FIELDS[back]) as RasterTileSource;
        const told = source.once('data');
        source.setTiles([tiles]);
        await told; // a layer that is seen earlier asks for every tile twice
        if (mine !== asked) return;
      }
      if (holds[front] !== null) {
        show(back, 0);
        await new Promise((done) => map.once('idle', done)); // every tile is here, or will not come
        if (mine !== asked) return;
      }
      show(back, opacity);
      hide(front);
      front = back;
    },
  };
}

type Marks = Pick<Surface, 'setStations' | 'setAreas' | 'setCities' | 'setPoint'>;

function marks(map: DrawnMap, ready: Promise<void>, source: (name: string) => GeoJSONSource): Marks {
  const put = (name: string, data: FeatureCollection) => void ready.then(() => source(name).setData(data));
  return {
    setStations(stations, colour) {
      if (!stations) return put('stations', NOTHING);
      const { list, values } = stations;
      put(
        'stations',
        points(list.longitude, list.latitude, (place) => ({
          name: list.name[place],
          value: values.value[place],
          category: values.category[place],
          measured: values.measured[place],
        })),
      );
      void ready.then(() => map.setPaintProperty('stations', 'circle-color', colour));
    },
    setAreas: (areas) =>
      put('areas', {
        type: 'FeatureCollection',
        features: areas.map(({ bounds: [south = 0, west = 0, north = 0, east = 0] }) => ({
          type: 'Feature',
          properties: {},
          geometry: { type: 'Polygon', coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]] },
        })),
      }),
    setCities: (cities) => put('cities', points(cities.longitude, cities.latitude, (place) => ({ name: cities.name[place], rank: place }))),
    setPoint: (at) => put('point', at ? points([at.longitude], [at.latitude], () => ({})) : NOTHING),
  };
}
