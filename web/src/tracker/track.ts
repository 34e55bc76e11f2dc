/** A wearer's way on the map of the app: a dot a sample, in the colour of its band. */
import type { FeatureCollection } from 'geojson';
import type { ExpressionSpecification, GeoJSONSource, Map as DrawnMap } from 'maplibre-gl';
import { get } from '../api/client';
import type { MapCities, Timeline } from '../api/schema';
import { createSurface, inksOf } from '../map/surface';

const TAP_PX = 14;
const PAUSE_MS = 200;
const CITIES = 20;

export interface TrackMap {
  map: DrawnMap;
  setTheme(dark: boolean): void;
  setTrack(timeline: Timeline, colours: string[]): void;
  /** The row that is looked at. */
  setPoint(row: number | null): void;
}

type Placed = { row: number; x: number; y: number; category: number }[];

function placedOf({ columns }: Timeline): Placed {
  return columns.latitude.flatMap((y, row) => {
    const x = columns.longitude[row];
    return y === null || x === null || x === undefined ? [] : [{ row, x, y, category: columns.category[row] ?? -1 }];
  });
}

export function drawTrack(
  container: HTMLElement,
  timeline: Timeline,
  dark: boolean,
  told: { title: string; onpick: (row: number) => void },
): TrackMap {
  let placed = placedOf(timeline);
  const [xs, ys] = [placed.map((one) => one.x), placed.map((one) => one.y)];
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const view = { latitude: (south + north) / 2, longitude: (west + east) / 2, zoom: 12 };
  const pickNear = (x: number, y: number) => {
    const far = (one: Placed[number]) => (one.x - x) ** 2 * Math.cos((y * Math.PI) / 180) ** 2 + (one.y - y) ** 2;
    const nearest = placed.reduce<Placed[number] | null>((a, b) => (a && far(a) <= far(b) ? a : b), null);
    if (nearest) told.onpick(nearest.row);
  };
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const surface = createSurface(container, view, dark, {
    ontap: ({ longitude, latitude }) => {
      const [tap, near] = [map.project([longitude, latitude]), placed.map((one) => ({ one, at: map.project([one.x, one.y]) }))];
      if (near.some(({ at }) => Math.hypot(at.x - tap.x, at.y - tap.y) < TAP_PX)) pickNear(longitude, latitude);
    },
    onmove: () => {
      clearTimeout(waiting);
      waiting = setTimeout(names, PAUSE_MS);
    },
    words: { 'Map.Title': told.title },
    covered: 0,
  });
  const { map } = surface;
  const ready = new Promise<void>((done) => map.once('load', () => done()));
  const names = () =>
    void get<'/v1/map/cities', MapCities>('/v1/map/cities', { bbox: surface.box(), limit: CITIES })
      .then((cities) => surface.setCities(cities))
      .catch(() => undefined); // the way is drawn without names
  container.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    const { latitude, longitude } = surface.view();
    pickNear(longitude, latitude);
  });
  void ready.then(() => {
    map.addSource('track', { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
    map.addLayer({
      id: 'track-line',
      type: 'line',
      source: 'track',
      filter: ['==', ['geometry-type'], 'LineString'],
      layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: { 'line-color': inksOf(dark).coast, 'line-width': 2, 'line-opacity': 0.7 },
    });
    map.addLayer({
      id: 'track',
      type: 'circle',
      source: 'track',
      filter: ['==', ['geometry-type'], 'Point'],
      paint: { 'circle-radius': 6, 'circle-stroke-width': 1, 'circle-stroke-opacity': 0.4, 'circle-stroke-color': inksOf(dark).ring },
    });
    map.fitBounds([[west, south], [east, north]], { padding: 36, maxZoom: 13.5, animate: false });
    names();
  });
  return {
    map,
    setTheme: surface.setTheme,
    setTrack(next, colours) {
      placed = placedOf(next);
      const features: FeatureCollection['features'] = placed.map(({ row, x, y, category }) => ({
        type: 'Feature',
        properties: { row, category },
        geometry: { type: 'Point', coordinates: [x, y] },
      }));
      if (placed.length > 1)
        features.unshift({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: placed.map(({ x, y }) => [x, y]) } });
      const pairs = colours.flatMap((colour, place) => [place, colour]);
      const match = ['match', ['get', 'category'], ...pairs, inksOf(dark).unknown] as unknown as ExpressionSpecification;
      void ready.then(() => {
        (map.getSource('track') as GeoJSONSource).setData({ type: 'FeatureCollection', features });
        map.setPaintProperty('track', 'circle-color', match);
      });
    },
    setPoint(row) {
      const found = placed.find((one) => one.row === row);
      surface.setPoint(found ? { latitude: found.y, longitude: found.x, station: null } : null);
    },
  };
}
