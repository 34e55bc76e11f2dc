declare module 'topojson-client' {
  import type { FeatureCollection, MultiLineString } from 'geojson';
  export function feature(topology: unknown, object: unknown): FeatureCollection;
  export function mesh(topology: unknown, object: unknown, keep?: (a: unknown, b: unknown) => boolean): MultiLineString;
}
