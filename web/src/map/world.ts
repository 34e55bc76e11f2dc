/** The bundled world (Natural Earth, 1:50 million) as GeoJSON that a flat map can draw. */
import type { FeatureCollection, GeoJSON, Position } from 'geojson';
import { feature, mesh } from 'topojson-client';

export interface World {
  objects: { land: unknown; countries: unknown };
}

/** A line whose longitudes go on beyond ±180 instead of jumping to the map's other side. */
function unwrapped(line: Position[]): Position[] {
  let turn = 0;
  return line.map(([longitude = 0, latitude = 0], place) => {
    const before = place ? line[place - 1]![0]! : longitude;
    if (longitude - before > 180) turn -= 360;
    if (longitude - before < -180) turn += 360;
    return [longitude + turn, latitude];
  });
}

/** The same of a ring; one that goes around a pole is closed along it. */
function ring(points: Position[]): Position[] {
  const out = unwrapped(points);
  const [first, last] = [out[0]!, out.at(-1)!];
  if (Math.abs(last[0]! - first[0]!) < 180) return out;
  const pole = first[1]! < 0 ? -90 : 90;
  return [...out, [last[0]!, pole], [first[0]!, pole], first];
}

export function landOf(world: World): FeatureCollection {
  const land = feature(world, world.objects.land);
  for (const { geometry } of land.features) {
    if (geometry.type === 'MultiPolygon') geometry.coordinates = geometry.coordinates.map((rings) => rings.map(ring));
  }
  return land;
}

export function bordersOf(world: World): GeoJSON {
  const lines = mesh(world, world.objects.countries, (a, b) => a !== b);
  return { ...lines, coordinates: lines.coordinates.map(unwrapped) };
}
