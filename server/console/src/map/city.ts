/**
 * The live map. The only module that touches MapLibre: it is handed plain values (map/plain)
 * and hands back clicks. Belongs here: layers over the city, gliding crews, drawing a closure.
 * Not here: what a status means, requests, reactivity.
 */
import "maplibre-gl/dist/maplibre-gl.css";
import {
  AttributionControl,
  LngLatBounds,
  Map as MapLibre,
  Marker,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
  type MapMouseEvent,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import type { CrewStatus } from "../api/types";
import { Glide, LEG_MS } from "./glide";
import type {
  ClosureOnMap,
  CrewOnMap,
  IncidentOnMap,
  LinkOnMap,
  MapEars,
  MapMode,
  MapReady,
  StationOnMap,
} from "./plain";
import { FONT, nightStyle } from "./style";
import { crewPicture, headingPicture, stationPicture, STATUS_COLOUR } from "./symbols";

setWorkerUrl(workerUrl);

const FRAME_MS = 66;
const NOTHING: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

type Feature = GeoJSON.Feature;

export interface MarkerMaker {
  /** The element that stands for an incident; the map only places it. */
  incident(one: IncidentOnMap): HTMLElement;
}

export class City {
  private readonly map: MapLibre;
  private readonly glide = new Glide();
  private crews = new Map<string, CrewOnMap>();
  private links: readonly LinkOnMap[] = [];
  private readonly markers = new Map<string, { marker: Marker; drawn: string }>();
  private pin: Marker | null = null;
  private mode: MapMode = "look";
  private sketch: [number, number][] = [];
  private frame: number | undefined;
  private loaded = false;
  private readonly waiting: (() => void)[] = [];
  private readonly stillness = window.matchMedia("(prefers-reduced-motion: reduce)");

  constructor(
    box: HTMLElement,
    private readonly facts: MapReady,
    private language: "zh" | "en",
    private readonly ears: MapEars,
    private readonly maker: MarkerMaker,
  ) {
    const [west, south, east, north] = facts.bounds;
    this.map = new MapLibre({
      container: box,
      style: nightStyle(location.origin, facts.tile_version, language),
      bounds: [west, south, east, north],
      fitBoundsOptions: { padding: 24 },
      maxZoom: 19,
      minZoom: 7,
      attributionControl: false,
      localIdeographFontFamily: FONT,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 120,
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.doubleClickZoom.disable();
    this.map.addControl(new AttributionControl({ compact: false, customAttribution: facts.attribution }), "bottom-right");
    this.map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
    this.map.addControl(new ScaleControl({ maxWidth: 110, unit: "metric" }), "bottom-left");
    this.map.on("load", () => {
      this.furnish();
      this.loaded = true;
      for (const run of this.waiting.splice(0)) run();
      this.ears.ready();
    });
    this.map.on("click", (click) => this.clicked(click));
    this.map.on("dblclick", () => this.finishSketch());
    this.map.on("mousemove", (move) => this.sketching(move.lngLat.lng, move.lngLat.lat));
    this.frame = window.setInterval(() => this.step(), FRAME_MS);
  }

  /** Every picture and layer that lies over the city. */
  private furnish(): void {
    for (const status of Object.keys(STATUS_COLOUR) as CrewStatus[]) {
      this.map.addImage(`crew-${status}`, crewPicture(status), { pixelRatio: 2 });
      this.map.addImage(`crew-${status}-large`, crewPicture(status), { pixelRatio: 1.55 });
    }
    this.map.addImage("heading", headingPicture(), { pixelRatio: 1.55 });
    this.map.addImage("station", stationPicture(), { pixelRatio: 2 });
    for (const id of ["zones", "track", "links", "link-labels", "stations", "crews", "closures", "sketch"]) {
      this.map.addSource(id, { type: "geojson", data: NOTHING });
    }
    const firstLabel = "road-names";
    this.map.addLayer(
      {
        id: "zones-fill",
        type: "fill",
        source: "zones",
        paint: { "fill-color": ["match", ["get", "area"], "urban", "#4f8fd0", "#7f8f6a"], "fill-opacity": ["match", ["get", "area"], "urban", 0.045, 0] },
      },
      firstLabel,
    );
    this.map.addLayer(
      {
        id: "zones-edge",
        type: "line",
        source: "zones",
        filter: ["==", ["get", "area"], "urban"],
        paint: { "line-color": "#6aa6e6", "line-width": 1.7, "line-opacity": 0.85, "line-dasharray": [4, 2] },
      },
      firstLabel,
    );
    this.map.addLayer(
      {
        id: "zones-edge-suburban",
        type: "line",
        source: "zones",
        filter: ["!=", ["get", "area"], "urban"],
        paint: { "line-color": "#93a283", "line-width": 1.1, "line-opacity": 0.6, "line-dasharray": [1.5, 2.5] },
      },
      firstLabel,
    );
    this.map.addLayer({
      id: "closures-fill",
      type: "fill",
      source: "closures",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": "#ff8f6b", "fill-opacity": 0.16 },
    });
    this.map.addLayer({
      id: "closures-edge",
      type: "line",
      source: "closures",
      layout: { "line-cap": "butt" },
      paint: {
        "line-color": ["case", ["get", "slow"], "#ffc857", "#ff8f6b"],
        "line-width": 5,
        "line-dasharray": [0.9, 0.7],
      },
    });
    this.map.addLayer({
      id: "track",
      type: "line",
      source: "track",
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": "#ffffff", "line-width": 2.6, "line-opacity": 0.55, "line-dasharray": [0.2, 2] },
    });
    this.map.addLayer({
      id: "links",
      type: "line",
      source: "links",
      layout: { "line-cap": "round" },
      paint: {
        "line-color": ["case", ["get", "late"], "#ff7b7b", "#5fb3ff"],
        "line-width": 2,
        "line-opacity": 0.85,
        "line-dasharray": [2, 2],
      },
    });
    this.map.addLayer({
      id: "stations",
      type: "symbol",
      source: "stations",
      layout: {
        "icon-image": "station",
        "icon-allow-overlap": true,
        "text-field": ["get", "name"],
        "text-size": 12,
        "text-offset": [0, -1.1],
        "text-anchor": "bottom",
        "text-optional": true,
      },
      paint: { "text-color": "#dbe6f2", "text-halo-color": "#0b1016", "text-halo-width": 1.6 },
    });
    this.map.addLayer({
      id: "crew-heading",
      type: "symbol",
      source: "crews",
      filter: ["all", ["has", "heading"], ["==", ["get", "status"], "en_route"]],
      layout: {
        "icon-image": "heading",
        "icon-rotate": ["get", "heading"],
        "icon-rotation-alignment": "map",
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
      },
    });
    this.map.addLayer({
      id: "crews",
      type: "symbol",
      source: "crews",
      layout: {
        "icon-image": ["concat", "crew-", ["get", "status"], ["case", ["get", "chosen"], "-large", ""]],
        "icon-size": 1.15,
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
        "symbol-sort-key": ["get", "order"],
        "text-field": ["get", "code"],
        "text-size": ["case", ["get", "chosen"], 15, 13],
        "text-offset": [0, 1.05],
        "text-anchor": "top",
        "text-allow-overlap": true,
        "text-ignore-placement": true,
      },
      paint: {
        "icon-opacity": ["case", ["get", "faded"], 0.45, 1],
        "text-opacity": ["case", ["get", "faded"], 0.55, 1],
        "text-color": "#f2f6fa",
        "text-halo-color": "#0b1016",
        "text-halo-width": 1.8,
      },
    });
    this.map.addLayer({
      id: "link-labels",
      type: "symbol",
      source: "link-labels",
      layout: {
        "text-field": ["get", "label"],
        "text-size": 13,
        "text-allow-overlap": true,
        "text-ignore-placement": true,
      },
      paint: {
        "text-color": ["case", ["get", "late"], "#ffb0b0", "#bfe0ff"],
        "text-halo-color": "#0b1016",
        "text-halo-width": 2.4,
      },
    });
    this.map.addLayer({
      id: "sketch",
      type: "line",
      source: "sketch",
      paint: { "line-color": "#ffffff", "line-width": 3, "line-dasharray": [1.5, 1] },
    });
    this.map.addLayer({
      id: "sketch-dots",
      type: "circle",
      source: "sketch",
      filter: ["==", ["geometry-type"], "Point"],
      paint: { "circle-radius": 4.5, "circle-color": "#ffffff", "circle-stroke-color": "#0b1016", "circle-stroke-width": 1.5 },
    });
    for (const layer of ["crews"]) {
      this.map.on("mouseenter", layer, () => this.cursor(this.mode === "look" ? "pointer" : "crosshair"));
      this.map.on("mouseleave", layer, () => this.cursor(this.mode === "look" ? "" : "crosshair"));
    }
  }

  private whenLoaded(run: () => void): void {
    if (this.loaded) run();
    else this.waiting.push(run);
  }

  private put(source: string, features: Feature[]): void {
    this.map.getSource<GeoJSONSource>(source)?.setData({ type: "FeatureCollection", features });
  }

  private cursor(shape: string): void {
    this.map.getCanvas().style.cursor = shape;
  }

  /** The zones; the first time, the map looks at the urban ones, where the work is. */
  showZones(zones: GeoJSON.FeatureCollection): void {
    this.whenLoaded(() => {
      this.put("zones", zones.features);
      if (this.settled) return;
      this.settled = true;
      const urban = new LngLatBounds();
      for (const zone of zones.features) if (zone.properties?.["area"] === "urban") widen(urban, zone.geometry);
      if (!urban.isEmpty()) this.map.fitBounds(urban, { padding: 30, duration: 0 });
    });
  }
  private settled = false;

  showStations(stations: readonly StationOnMap[]): void {
    this.whenLoaded(() => this.put("stations", stations.map((one) => point(one.lon, one.lat, { name: one.name }))));
  }

  showClosures(closures: readonly ClosureOnMap[]): void {
    this.whenLoaded(() =>
      this.put(
        "closures",
        closures.map((one) => ({
          type: "Feature",
          geometry: one.geometry,
          properties: { id: one.id, label: one.label, slow: one.slow },
        })),
      ),
    );
  }

  /** Crews where they are now; each glides from where it is drawn to where it is. */
  showCrews(crews: readonly CrewOnMap[], chosenId: string | null): void {
    const at = performance.now();
    const next = new Map(crews.map((one) => [one.id, one]));
    for (const id of this.crews.keys()) if (!next.has(id)) this.glide.drop(id);
    for (const one of crews) this.glide.head(one.id, one, at, this.stillness.matches ? 0 : LEG_MS);
    this.crews = next;
    this.chosen = chosenId;
    this.whenLoaded(() => this.drawMoving());
  }
  private chosen: string | null = null;

  showLinks(links: readonly LinkOnMap[]): void {
    this.links = links;
    this.whenLoaded(() => this.drawMoving());
  }

  showTrack(points: readonly (readonly [number, number])[]): void {
    this.whenLoaded(() =>
      this.put(
        "track",
        points.length < 2
          ? []
          : [{ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: points.map(([lon, lat]) => [lon, lat]) } }],
      ),
    );
  }

  showIncidents(incidents: readonly IncidentOnMap[], chosenId: string | null): void {
    const seen = new Set<string>();
    for (const one of incidents) {
      seen.add(one.id);
      const drawn = JSON.stringify([one.class, one.pulsing, one.done, one.number, one.id === chosenId, one.title]);
      const held = this.markers.get(one.id);
      if (held?.drawn === drawn) {
        held.marker.setLngLat([one.lon, one.lat]);
        continue;
      }
      held?.marker.remove();
      const element = this.maker.incident(one);
      element.classList.toggle("is-chosen", one.id === chosenId);
      element.addEventListener("click", (click) => {
        click.stopPropagation();
        this.ears.incident(one.id);
      });
      const marker = new Marker({ element, anchor: "center" }).setLngLat([one.lon, one.lat]).addTo(this.map);
      this.markers.set(one.id, { marker, drawn });
    }
    for (const [id, held] of this.markers) {
      if (seen.has(id)) continue;
      held.marker.remove();
      this.markers.delete(id);
    }
  }

  /** The pin of the call form; none takes it away. */
  showPin(spot: { lon: number; lat: number } | null, element: () => HTMLElement): void {
    this.pin?.remove();
    this.pin = spot === null ? null : new Marker({ element: element(), anchor: "bottom" }).setLngLat([spot.lon, spot.lat]).addTo(this.map);
  }

  setMode(mode: MapMode): void {
    this.mode = mode;
    this.sketch = [];
    this.cursor(mode === "look" ? "" : "crosshair");
    this.whenLoaded(() => this.drawSketch(null));
  }

  speak(language: "zh" | "en"): void {
    if (language === this.language) return;
    this.language = language;
    const style = nightStyle(location.origin, this.facts.tile_version, language);
    this.whenLoaded(() => {
      for (const layer of style.layers) {
        if (layer.type === "symbol" && layer.layout?.["text-field"]) {
          this.map.setLayoutProperty(layer.id, "text-field", layer.layout["text-field"]);
        }
      }
    });
  }

  /** Bring a place into view without losing the dispatcher's zoom when it is close enough. */
  lookAt(lon: number, lat: number): void {
    this.settled = true;
    this.map.easeTo({
      center: [lon, lat],
      zoom: Math.max(this.map.getZoom(), 14),
      duration: this.stillness.matches ? 0 : 700,
    });
  }

  lookAtAll(points: readonly (readonly [number, number])[]): void {
    const [west, south, east, north] = this.facts.bounds;
    const bounds = points.length > 1 ? new LngLatBounds() : new LngLatBounds([west, south], [east, north]);
    if (points.length > 1) for (const [lon, lat] of points) bounds.extend([lon, lat]);
    this.map.fitBounds(bounds, { padding: 70, maxZoom: 15, duration: this.stillness.matches ? 0 : 700 });
  }

  resize(): void {
    this.map.resize();
  }

  destroy(): void {
    window.clearInterval(this.frame);
    this.map.remove();
  }

  /**
   * One step of the gliding. A machine without a graphics card draws slowly: it then moves in
   * fewer, larger steps, so that the map never takes more than a quarter of the desk's time.
   */
  private step(): void {
    const at = performance.now();
    if (!this.loaded || at < this.restUntil || !this.glide.moving(at - this.restedMs)) return;
    this.drawMoving();
    this.map.once("render", () => {
      const now = performance.now();
      this.restedMs = Math.max(FRAME_MS, Math.min(LEG_MS, 3 * (now - at)));
      this.restUntil = now + this.restedMs - FRAME_MS / 2;
    });
    this.restUntil = Number.POSITIVE_INFINITY;
  }
  private restUntil = 0;
  private restedMs = FRAME_MS;

  private drawMoving(): void {
    const at = performance.now();
    const features: Feature[] = [];
    let order = 0;
    for (const one of this.crews.values()) {
      const spot = this.glide.at(one.id, at) ?? one;
      features.push(
        point(spot.lon, spot.lat, {
          id: one.id,
          code: one.code,
          status: one.status,
          faded: one.faded,
          chosen: one.id === this.chosen,
          order: one.id === this.chosen ? 1e6 : order++,
          ...(one.headingDeg === null ? {} : { heading: one.headingDeg }),
        }),
      );
    }
    this.put("crews", features);
    const lines: Feature[] = [];
    const labels: Feature[] = [];
    for (const link of this.links) {
      const crew = this.crews.get(link.crewId);
      if (!crew) continue;
      const from = this.glide.at(link.crewId, at) ?? crew;
      lines.push({
        type: "Feature",
        properties: { late: link.late },
        geometry: { type: "LineString", coordinates: [[from.lon, from.lat], [link.toLon, link.toLat]] },
      });
      // Nearer to the crew than to the incident, whose marker would lie over it.
      const share = 0.36;
      const lon = from.lon + (link.toLon - from.lon) * share;
      const lat = from.lat + (link.toLat - from.lat) * share;
      labels.push(point(lon, lat, { label: link.label, late: link.late }));
    }
    this.put("links", lines);
    this.put("link-labels", labels);
  }

  private clicked(click: MapMouseEvent): void {
    const { lng, lat } = click.lngLat;
    if (this.mode === "line" || this.mode === "polygon") {
      this.sketch.push([lng, lat]);
      this.drawSketch(null);
      return;
    }
    if (this.mode === "look" && this.loaded) {
      const [hit] = this.map.queryRenderedFeatures(click.point, { layers: ["crews"] });
      const id: unknown = hit?.properties["id"];
      if (typeof id === "string") {
        this.ears.crew(id);
        return;
      }
    }
    this.ears.ground(lng, lat);
  }

  private sketching(lon: number, lat: number): void {
    if (this.sketch.length > 0) this.drawSketch([lon, lat]);
  }

  private drawSketch(hover: [number, number] | null): void {
    const line = hover ? [...this.sketch, hover] : this.sketch;
    const features: Feature[] = this.sketch.map(([lon, lat]) => point(lon, lat, {}));
    if (line.length > 1) {
      const ring = this.mode === "polygon" && line.length > 2 ? [...line, line[0]!] : line;
      features.push({ type: "Feature", properties: {}, geometry: { type: "LineString", coordinates: ring } });
    }
    this.put("sketch", features);
  }

  /** Take the sketch as finished; too few points are thrown away and sketching goes on. */
  finishSketch(): void {
    if (this.mode !== "line" && this.mode !== "polygon") return;
    // A double click has already been counted as two clicks on the same spot.
    const points = this.sketch.filter((spot, at) => at === 0 || !same(spot, this.sketch[at - 1]!));
    if (this.mode === "line" && points.length >= 2) {
      this.ears.drawn({ type: "LineString", coordinates: points });
    } else if (this.mode === "polygon" && points.length >= 3) {
      this.ears.drawn({ type: "Polygon", coordinates: [[...points, points[0]!]] });
    }
  }
}

function same(a: [number, number], b: [number, number]): boolean {
  return Math.abs(a[0] - b[0]) < 1e-7 && Math.abs(a[1] - b[1]) < 1e-7;
}

function widen(bounds: LngLatBounds, geometry: GeoJSON.Geometry): void {
  if (geometry.type === "GeometryCollection") {
    for (const part of geometry.geometries) widen(bounds, part);
    return;
  }
  const walk = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    const [lon, lat] = coordinates as unknown[];
    if (typeof lon === "number" && typeof lat === "number") bounds.extend([lon, lat]);
    else for (const part of coordinates) walk(part);
  };
  walk(geometry.coordinates);
}

function point(lon: number, lat: number, properties: GeoJSON.GeoJsonProperties): Feature {
  return { type: "Feature", properties, geometry: { type: "Point", coordinates: [lon, lat] } };
}
