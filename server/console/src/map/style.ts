/**
 * How the city looks at night: the style of the background map. Belongs here: layers, colours
 * and widths of our own vector tiles. No glyphs, no sprite, no address outside this server:
 * labels are drawn from the machine's own fonts.
 */
import type { LayerSpecification, StyleSpecification } from "maplibre-gl";

const NIGHT = {
  land: "#10161d",
  built: "#151d26",
  green: "#12211d",
  water: "#123049",
  waterLine: "#16395a",
  building: "#1b2530",
  buildingEdge: "#25323f",
  casing: "#0b1016",
  minor: "#273441",
  middle: "#33434f",
  major: "#465a69",
  highest: "#5a6a70",
  rail: "#2b3440",
  label: "#8ea1b4",
  labelStrong: "#c4d2e0",
  halo: "#0b1016",
} as const;

export const FONT = "'Noto Sans CJK SC','Noto Sans SC','Source Han Sans SC','Microsoft YaHei','PingFang SC',sans-serif";

const kindOf = ["coalesce", ["get", "kind"], ["get", "class"], ""] as const;
const among = (...kinds: string[]) => ["in", [...kindOf], ["literal", kinds]] as never;
const classAmong = (...classes: string[]) =>
  ["in", ["coalesce", ["get", "class"], ["get", "kind"], ""], ["literal", classes]] as never;

const RAIL = ["rail", "light_rail", "subway", "tram"];

const HIGHEST = ["motorway", "trunk", "motorway_link", "trunk_link"];
const MAJOR = ["primary", "secondary", "primary_link", "secondary_link"];
const MIDDLE = ["tertiary", "tertiary_link"];

const widthBy = (z10: number, z13: number, z16: number, z19: number) =>
  ["interpolate", ["exponential", 1.5], ["zoom"], 10, z10, 13, z13, 16, z16, 19, z19] as never;

function road(id: string, kinds: string[] | null, colour: string, widths: [number, number, number, number], minzoom: number): LayerSpecification[] {
  const filter = (kinds ? classAmong(...kinds) : ["!", classAmong(...HIGHEST, ...MAJOR, ...MIDDLE, ...RAIL)]) as never;
  const layout = { "line-cap": "round", "line-join": "round" } as const;
  const [a, b, c, d] = widths;
  return [
    {
      id: `${id}-casing`,
      type: "line",
      source: "map",
      "source-layer": "roads",
      minzoom: Math.max(minzoom, 12),
      filter,
      layout,
      paint: { "line-color": NIGHT.casing, "line-width": widthBy(a + 1, b + 1.6, c + 3, d + 5) },
    },
    {
      id,
      type: "line",
      source: "map",
      "source-layer": "roads",
      minzoom,
      filter,
      layout,
      paint: { "line-color": colour, "line-width": widthBy(a, b, c, d) },
    },
  ];
}

/** The background style over one version of the tiles; `language` picks the names. */
export function nightStyle(origin: string, tileVersion: string, language: "zh" | "en"): StyleSpecification {
  // Tiles are cut up to zoom 14 (geo/tiles.py LAST_ZOOM); beyond it the screen enlarges them.
  // One source for all layers: a screen asks for a tile once, not once per layer.
  const map = {
    type: "vector" as const,
    tiles: [`${origin}/tiles/${encodeURIComponent(tileVersion)}/all/{z}/{x}/{y}.mvt`],
    minzoom: 8,
    maxzoom: 14,
  };
  const name = nameOf(language);
  return {
    version: 8,
    name: "night",
    sources: { map },
    layers: [
      { id: "land", type: "background", paint: { "background-color": NIGHT.land } },
      {
        id: "areas-built",
        type: "fill",
        source: "map",
        "source-layer": "areas",
        filter: among("residential", "industrial"),
        paint: { "fill-color": NIGHT.built },
      },
      {
        id: "areas-green",
        type: "fill",
        source: "map",
        "source-layer": "areas",
        filter: among("green", "farmland"),
        paint: { "fill-color": NIGHT.green },
      },
      {
        id: "areas-water",
        type: "fill",
        source: "map",
        "source-layer": "areas",
        filter: among("water"),
        paint: { "fill-color": NIGHT.water },
      },
      {
        id: "water-lines",
        type: "line",
        source: "map",
        "source-layer": "water_lines",
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-color": NIGHT.waterLine, "line-width": widthBy(0.8, 2, 6, 16) },
      },
      {
        id: "rail",
        type: "line",
        source: "map",
        "source-layer": "roads",
        filter: classAmong(...RAIL),
        paint: { "line-color": NIGHT.rail, "line-width": 1.6, "line-dasharray": [5, 3] },
      },
      {
        id: "buildings",
        type: "fill",
        source: "map",
        "source-layer": "buildings",
        minzoom: 13.5,
        paint: {
          "fill-color": NIGHT.building,
          "fill-outline-color": NIGHT.buildingEdge,
          "fill-opacity": ["interpolate", ["linear"], ["zoom"], 13.5, 0.3, 15.5, 1],
        },
      },
      ...road("roads-minor", null, NIGHT.minor, [0.3, 0.9, 6, 26], 12),
      ...road("roads-middle", MIDDLE, NIGHT.middle, [0.6, 1.8, 8, 30], 10),
      ...road("roads-major", MAJOR, NIGHT.major, [0.9, 2.6, 10, 34], 8),
      ...road("roads-highest", HIGHEST, NIGHT.highest, [1.2, 3.2, 11, 36], 8),
      {
        id: "road-names",
        type: "symbol",
        source: "map",
        "source-layer": "roads",
        minzoom: 13.2,
        filter: ["all", ["has", "name"], ["!", classAmong(...RAIL)]] as never,
        layout: {
          "symbol-placement": "line",
          "text-field": name,
          "text-size": ["interpolate", ["linear"], ["zoom"], 13, 10.5, 17, 14],
          "symbol-spacing": 320,
          "text-max-angle": 35,
        },
        paint: { "text-color": NIGHT.label, "text-halo-color": NIGHT.halo, "text-halo-width": 1.4 },
      },
      {
        id: "labels",
        type: "symbol",
        source: "map",
        "source-layer": "labels",
        layout: {
          "text-field": name,
          "text-size": ["interpolate", ["linear"], ["zoom"], 9, 11, 13, 13, 16, 15],
          "text-letter-spacing": 0.06,
          "text-max-width": 8,
          "text-padding": 6,
        },
        paint: {
          "text-color": ["case", among("city", "town", "suburb", "village"), NIGHT.labelStrong, NIGHT.label],
          "text-halo-color": NIGHT.halo,
          "text-halo-width": 1.5,
        },
      },
    ],
  };
}

/** A label's words in the reader's language, falling back to what the map has. */
export function nameOf(language: "zh" | "en"): never {
  return (
    language === "en"
      ? ["coalesce", ["get", "name_en"], ["get", "name:en"], ["get", "name"], ""]
      : ["coalesce", ["get", "name"], ["get", "name_en"], ""]
  ) as never;
}
