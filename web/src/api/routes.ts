// Generated from the server by `make web-api`; do not edit.

import type { CrowdCells, Current, CurrentMany, FireCollection, Forecast, ForecastMany, History, HistoryMany, ImportShown, Imports, IndicesOut, InstalledLandscapes, Labels, Legend, Listed, MapCities, MapLayers, MapStations, MapValues, ObservationPage, Owner, Places, PlacesFound, RainArea, RainPoint, RainPoints, Samples, Scores, Sharing, Simulation, Smoke, StationCollection, StationFeature, StatusOut, Timeline, Tracker, Trackers, Weather } from './schema';

export interface Routes {
  "/v1/air-quality/current": { query: { latitude: string | number; longitude: string | number; pollutants?: string | number; indices?: string | number; format?: string | number; }; answer: Current | CurrentMany };
  "/v1/air-quality/forecast": { query: { latitude: string | number; longitude: string | number; pollutants?: string | number; indices?: string | number; format?: string | number; hours?: string | number; }; answer: Forecast | ForecastMany };
  "/v1/air-quality/history": { query: { latitude: string | number; longitude: string | number; pollutants?: string | number; indices?: string | number; format?: string | number; start: string | number; end: string | number; }; answer: History | HistoryMany };
  "/v1/crowd/cells": { query: { bbox: string | number; variable?: string | number; period?: string | number; start?: string | number; resolution?: string | number; }; answer: CrowdCells };
  "/v1/fire-landscapes": { query: {  }; answer: InstalledLandscapes };
  "/v1/fire-simulations": { query: { limit?: string | number; before?: string | number; }; answer: Listed };
  "/v1/fire-simulations/{key}": { query: {  }; answer: Simulation };
  "/v1/fire-simulations/{key}/arrival.tif": { query: {  }; answer: string };
  "/v1/fire-simulations/{key}/burn-probability.tif": { query: {  }; answer: string };
  "/v1/fire-simulations/{key}/flame-length.tif": { query: {  }; answer: string };
  "/v1/fire-simulations/{key}/perimeters.geojson": { query: {  }; answer: Record<string, unknown> };
  "/v1/fire-simulations/{key}/smoke": { query: {  }; answer: Smoke };
  "/v1/fire-simulations/{key}/smoke-source.csv": { query: {  }; answer: string };
  "/v1/fire-simulations/{key}/summary": { query: {  }; answer: Record<string, unknown> };
  "/v1/fire-simulations/{key}/summary.html": { query: {  }; answer: string };
  "/v1/fire-simulations/{key}/tiles/{layer}/legend": { query: {  }; answer: Legend };
  "/v1/fire-simulations/{key}/tiles/{layer}/{z}/{x}/{y}.png": { query: { hour?: string | number; }; answer: string };
  "/v1/fires": { query: { bbox?: string | number; start?: string | number; end?: string | number; confidence?: string | number; limit?: string | number; }; answer: FireCollection };
  "/v1/indices": { query: {  }; answer: IndicesOut };
  "/v1/map/cities": { query: { bbox: string | number; limit?: string | number; }; answer: MapCities };
  "/v1/map/layers": { query: {  }; answer: MapLayers };
  "/v1/map/stations": { query: {  }; answer: MapStations };
  "/v1/map/values": { query: { layer: string | number; time?: string | number; }; answer: MapValues };
  "/v1/owners/me": { query: {  }; answer: Owner };
  "/v1/owners/me/export": { query: {  }; answer: string };
  "/v1/owners/me/places": { query: {  }; answer: Places };
  "/v1/places/near": { query: { latitude: string | number; longitude: string | number; }; answer: PlacesFound };
  "/v1/places/search": { query: { q: string | number; limit?: string | number; }; answer: PlacesFound };
  "/v1/rain/nowcast": { query: { latitude?: string | number; longitude?: string | number; bbox?: string | number; leads?: string | number; quantity?: string | number; format?: string | number; }; answer: RainPoint | RainPoints | RainArea };
  "/v1/scores": { query: { latitude?: string | number; longitude?: string | number; station?: string | number; }; answer: Scores };
  "/v1/stations": { query: { limit?: string | number; after?: string | number; format?: string | number; bbox?: string | number; near?: string | number; radius?: string | number; source?: string | number; kind?: string | number; }; answer: StationCollection };
  "/v1/stations/{station_id}": { query: {  }; answer: StationFeature };
  "/v1/stations/{station_id}/observations": { query: { limit?: string | number; after?: string | number; format?: string | number; variables?: string | number; start?: string | number; end?: string | number; }; answer: ObservationPage };
  "/v1/status": { query: {  }; answer: StatusOut };
  "/v1/tiles/crowd-{variable}/{z}/{x}/{y}.png": { query: { period?: string | number; palette?: string | number; }; answer: string };
  "/v1/tiles/{layer}/legend": { query: { palette?: string | number; }; answer: Legend };
  "/v1/tiles/{layer}/{z}/{x}/{y}.png": { query: { lead?: string | number; time?: string | number; minutes?: string | number; palette?: string | number; }; answer: string };
  "/v1/trackers": { query: {  }; answer: Trackers };
  "/v1/trackers/{tracker_id}": { query: {  }; answer: Tracker };
  "/v1/trackers/{tracker_id}/exposure": { query: { start?: string | number; end?: string | number; timezone?: string | number; }; answer: Record<string, unknown> };
  "/v1/trackers/{tracker_id}/imports": { query: {  }; answer: Imports };
  "/v1/trackers/{tracker_id}/imports/{import_id}": { query: {  }; answer: ImportShown };
  "/v1/trackers/{tracker_id}/labels": { query: {  }; answer: Labels };
  "/v1/trackers/{tracker_id}/observations": { query: { start?: string | number; end?: string | number; after?: string | number; limit?: string | number; format?: string | number; }; answer: Samples };
  "/v1/trackers/{tracker_id}/sharing": { query: {  }; answer: Sharing };
  "/v1/trackers/{tracker_id}/timeline": { query: { start: string | number; end: string | number; index?: string | number; timezone?: string | number; }; answer: Timeline };
  "/v1/weather": { query: { latitude: string | number; longitude: string | number; }; answer: Weather };
}
