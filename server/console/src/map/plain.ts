/**
 * What the map is told, as plain values: the desk fills these in, the map draws them. Belongs
 * here: shapes only, so that nobody but the map itself needs to know MapLibre.
 */
import type { CrewStatus, IncidentClass } from "../api/types";

export interface CrewOnMap {
  id: string;
  code: string;
  name: string;
  status: CrewStatus;
  lon: number;
  lat: number;
  headingDeg: number | null;
  /** The newest fix is older than the rules trust. */
  faded: boolean;
}

export interface IncidentOnMap {
  id: string;
  number: string;
  class: IncidentClass;
  lon: number;
  lat: number;
  pulsing: boolean;
  done: boolean;
  title: string;
}

export interface LinkOnMap {
  crewId: string;
  toLon: number;
  toLat: number;
  label: string;
  late: boolean;
}

export interface StationOnMap {
  name: string;
  lon: number;
  lat: number;
}

export interface ClosureOnMap {
  id: string;
  geometry: GeoJSON.Geometry;
  label: string;
  slow: boolean;
}

export type MapMode = "look" | "pin" | "line" | "polygon";

export interface MapEars {
  incident(id: string): void;
  crew(id: string): void;
  ground(lon: number, lat: number): void;
  drawn(geometry: GeoJSON.LineString | GeoJSON.Polygon): void;
  ready(): void;
}

/** What a map needs before it can be drawn at all. */
export interface MapReady {
  bounds: [number, number, number, number];
  tile_version: string;
  attribution: string;
}
