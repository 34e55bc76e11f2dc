/** Fires on the drawn map: hotspots, burned areas, the hourly outlines of a simulation. */
import type { Feature, FeatureCollection, Geometry } from 'geojson';
import type { ExpressionSpecification, GeoJSONSource } from 'maplibre-gl';
import type { Palette } from '../air/indices';
import type { Surface } from '../map/surface';
import { AGES, AGE_COLOURS, type Perimeter, type Seen, cornersOf } from './ask';

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };
const TAP_PX = 12;
const SMALL = 10; // zoom below which an area may be too small to be seen, and has a mark
const RIM = '#ffffff';
const OUTLINE = '#5c0011';

const collection = (features: Feature[]): FeatureCollection => ({ type: 'FeatureCollection', features });

/** Of an age; the last colour is for all that is older. */
export const ageColour = (hours: number, palette: Palette): string =>
  AGE_COLOURS[palette][Math.min(AGES.findIndex((edge) => hours < edge) + 1 || AGES.length, AGES.length) - 1]!;

/** By the root of the radiated power, larger as one comes nearer. */
function radius(more: number): ExpressionSpecification {
  const full = ['+', 4, ['min', 9, ['*', 0.9, ['sqrt', ['get', 'power']]]]];
  const sized = (share: number) => ['*', share * more, full];
  return ['interpolate', ['linear'], ['zoom'], 2, sized(0.5), 6, sized(0.8), 10, sized(1.1), 13, sized(1.5)] as unknown as ExpressionSpecification;
}

export interface DrawnFires {
  setFires(seen: Seen[], palette: Palette): void;
  /** Outlines up to an hour; its own is the thick one, filled where asked. */
  setHours(perimeters: Perimeter[], hour: number, filled: boolean): void;
  /** The fire under a point of the screen, as its place in what was given last. */
  hit(x: number, y: number): number | null;
}

export async function drawFires({ map, ready }: Surface): Promise<DrawnFires> {
  await ready;
  const source = (name: string) => map.getSource(name) as GeoJSONSource;
  for (const name of ['fire-areas', 'fire-points', 'fire-outlines']) map.addSource(name, { type: 'geojson', data: NOTHING });
  const colour = ['get', 'colour'] as unknown as ExpressionSpecification;
  map.addLayer({ id: 'fire-fills', type: 'fill', source: 'fire-areas', paint: { 'fill-color': colour, 'fill-opacity': 0.5 } }, 'cities');
  map.addLayer({ id: 'fire-lines', type: 'line', source: 'fire-areas', paint: { 'line-color': OUTLINE, 'line-width': 2 } }, 'cities');
  map.addLayer({ id: 'fire-hours-fill', type: 'fill', source: 'fire-outlines', paint: { 'fill-color': OUTLINE, 'fill-opacity': 0.55 } }, 'cities');
  map.addLayer({ id: 'fire-hours-rim', type: 'line', source: 'fire-outlines', paint: { 'line-color': RIM, 'line-opacity': 0.8 } }, 'cities');
  map.addLayer({ id: 'fire-hours', type: 'line', source: 'fire-outlines', paint: { 'line-color': OUTLINE } }, 'cities');
  const filter = ['any', ['!', ['get', 'area']], ['<', ['zoom'], SMALL]] as unknown as ExpressionSpecification;
  map.addLayer(
    { id: 'fire-glow', type: 'circle', source: 'fire-points', filter, paint: { 'circle-color': colour, 'circle-radius': radius(2.2), 'circle-blur': 0.9, 'circle-opacity': 0.6 } },
    'point',
  );
  map.addLayer(
    {
      id: 'fire-spots',
      type: 'circle',
      source: 'fire-points',
      filter,
      layout: { 'circle-sort-key': ['-', 0, ['get', 'age']] },
      paint: { 'circle-color': colour, 'circle-radius': radius(1), 'circle-stroke-color': RIM, 'circle-stroke-width': 1.5 },
    },
    'point',
  );
  return {
    setFires(seen, palette) {
      const told = ({ feature, ageHours }: Seen, place: number) => ({
        place,
        age: ageHours,
        area: feature.properties.kind === 'perimeter',
        power: feature.properties.power_mw ?? (feature.properties.kind === 'perimeter' ? 25 : 1),
        colour: ageColour(ageHours, palette),
      });
      const middle = (one: Seen): [number, number] => {
        const corners = cornersOf(one.feature);
        const mean = (axis: 0 | 1) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length;
        return [mean(0), mean(1)];
      };
      const points = seen.map((one, place): Feature => ({ type: 'Feature', properties: told(one, place), geometry: { type: 'Point', coordinates: middle(one) } }));
      const areas = seen.flatMap((one, place): Feature[] =>
        one.feature.geometry.type === 'Point' ? [] : [{ type: 'Feature', properties: told(one, place), geometry: one.feature.geometry as Geometry }],
      );
      source('fire-points').setData(collection(points));
      source('fire-areas').setData(collection(areas));
    },
    setHours(perimeters, hour, filled) {
      const shown = perimeters.slice(0, hour).map((one, place): Feature => ({ type: 'Feature', properties: { now: place === hour - 1 }, geometry: one.geometry as Geometry }));
      source('fire-outlines').setData(collection(shown));
      const width = (now: number, before: number) => ['case', ['get', 'now'], now, before] as unknown as ExpressionSpecification;
      map.setPaintProperty('fire-hours-rim', 'line-width', width(6, 0));
      map.setPaintProperty('fire-hours', 'line-width', width(3, 1));
      map.setFilter('fire-hours-fill', filled ? ['get', 'now'] : ['boolean', false]);
    },
    hit(x, y) {
      const found = map.queryRenderedFeatures([[x - TAP_PX, y - TAP_PX], [x + TAP_PX, y + TAP_PX]], { layers: ['fire-spots'] });
      const hit = found[0] ?? map.queryRenderedFeatures([x, y], { layers: ['fire-fills'] })[0];
      return hit ? Number(hit.properties['place']) : null;
    },
  };
}
