/**
 * Coordinates for the maps people navigate with. Everything inside is WGS-84; AMap wants GCJ-02,
 * the published shift that Chinese maps carry. Used at this edge only, when a link is made.
 */

const SEMI_MAJOR_M = 6378245.0;
const ECCENTRICITY_2 = 0.00669342162296594323;

export interface LonLat {
  lon: number;
  lat: number;
}

/** The rectangle the shift is defined for; outside it a coordinate stays as it is. */
export function insideChina({ lon, lat }: LonLat): boolean {
  return lon >= 72.004 && lon <= 137.8347 && lat >= 0.8293 && lat <= 55.8271;
}

/** WGS-84 to GCJ-02, degrees. */
export function gcj02(point: LonLat): LonLat {
  if (!insideChina(point)) return point;
  const x = point.lon - 105;
  const y = point.lat - 35;
  const radians = (point.lat / 180) * Math.PI;
  const magic = 1 - ECCENTRICITY_2 * Math.sin(radians) ** 2;
  const root = Math.sqrt(magic);
  const north = (shiftNorth(x, y) * 180) / (((SEMI_MAJOR_M * (1 - ECCENTRICITY_2)) / (magic * root)) * Math.PI);
  const east = (shiftEast(x, y) * 180) / ((SEMI_MAJOR_M / root) * Math.cos(radians) * Math.PI);
  return { lon: point.lon + east, lat: point.lat + north };
}

function ripple(x: number): number {
  return ((20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * 2) / 3;
}

function shiftNorth(x: number, y: number): number {
  const level = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x));
  const waves =
    ((20 * Math.sin(y * Math.PI) + 40 * Math.sin((y / 3) * Math.PI)) * 2) / 3 +
    ((160 * Math.sin((y / 12) * Math.PI) + 320 * Math.sin((y * Math.PI) / 30)) * 2) / 3;
  return level + ripple(x) + waves;
}

function shiftEast(x: number, y: number): number {
  const level = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x));
  const waves =
    ((20 * Math.sin(x * Math.PI) + 40 * Math.sin((x / 3) * Math.PI)) * 2) / 3 +
    ((150 * Math.sin((x / 12) * Math.PI) + 300 * Math.sin((x / 30) * Math.PI)) * 2) / 3;
  return level + ripple(x) + waves;
}

const EARTH_M = 6371008.8;

/** Straight-line metres. */
export function distanceM(from: LonLat, to: LonLat): number {
  const rad = Math.PI / 180;
  const north = Math.sin(((to.lat - from.lat) * rad) / 2);
  const east = Math.sin(((to.lon - from.lon) * rad) / 2);
  const part = north * north + Math.cos(from.lat * rad) * Math.cos(to.lat * rad) * east * east;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(part)));
}

/** A link any Android map app opens; its coordinates are WGS-84 by definition (RFC 5870). */
export function geoLink(point: LonLat, label: string): string {
  const at = `${point.lat.toFixed(6)},${point.lon.toFixed(6)}`;
  return `geo:${at}?q=${at}(${encodeURIComponent(label)})`;
}

/** AMap with the way to the place: its app on phones, its page elsewhere. */
export function amapLink(point: LonLat, label: string, agent: string): string {
  const shifted = gcj02(point);
  const lon = shifted.lon.toFixed(6);
  const lat = shifted.lat.toFixed(6);
  const name = encodeURIComponent(label);
  // dev=0: the coordinates are already shifted.
  if (/android/i.test(agent)) {
    return `amapuri://route/plan/?sourceApplication=changming&dlat=${lat}&dlon=${lon}&dname=${name}&dev=0&t=0`;
  }
  if (/iphone|ipad/i.test(agent)) {
    return `iosamap://path?sourceApplication=changming&dlat=${lat}&dlon=${lon}&dname=${name}&dev=0&t=0`;
  }
  return `https://uri.amap.com/navigation?to=${lon},${lat},${name}&mode=car&coordinate=gaode&src=changming`;
}
