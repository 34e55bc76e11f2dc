declare module 'topojson-client' {
  import type { FeatureCollection, MultiLineString, MultiPolygon } from 'geojson';
  export function feature(topology: unknown, object: unknown): FeatureCollection<MultiPolygon>;
  export function mesh(topology: unknown, object: unknown, keep?: (a: unknown, b: unknown) => boolean): MultiLineString;
}
